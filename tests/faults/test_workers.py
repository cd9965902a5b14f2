"""Workers on this machine that are killed, and a job with workers that is: nothing is lost, and no process stays."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from sentiscore import CheckpointError, InputError, SentiscoreWarning, score_file
from sentiscore.scoring import job
from sentiscore.scoring.events import WindowDone
from sentiscore.scoring.workers import hiring, local
from sentiscore.scoring.workers.crew import Crew
from tests.effort import larger, share, spread
from tests.processes import children_of, command_of, is_alive

ROWS: Final = 4_000
WINDOW: Final = 100
DAYS: Final = {"time_col": "at", "entity_col": "who"}

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="processes are found in /proc")


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "WINDOW_ROWS", WINDOW)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    texts = [None if i % 13 == 5 else f"profit rises {i} per cent" for i in range(ROWS)]
    at = [f"2026-03-{2 + i // 200:02}T{i % 24:02}:30:00Z" for i in range(ROWS)]
    path = tmp_path / "news.csv"
    pl.DataFrame({"headline": texts, "n": range(ROWS), "at": at, "who": ["a", "b"] * (ROWS // 2)}).write_csv(path)
    return path


def workers_of(process: int) -> list[int]:
    """The workers that a process has started, and that are not over."""
    return [child for child in children_of(process) if b"local_worker" in command_of(child)]


def wait_until(done: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def score(table: Path, model: Path, folder: str, kind: str = "parquet", **settings: Any) -> dict[str, bytes]:
    """Score the table in a folder of its own, and return what was written there."""
    where = table.parent / folder
    where.mkdir(exist_ok=True)
    named: dict[str, Any] = {"output": where / f"rows.{kind}", "daily": where / "days.parquet", **DAYS, **settings}
    score_file(table, text_col="headline", model=model, **named)
    return written(where)


def written(where: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in where.iterdir() if not path.name.endswith("provenance.json")}


@pytest.mark.parametrize("kind", spread(["parquet", "csv", "ndjson"], 1))
def test_two_processes_give_the_bytes_of_one(kind: str, table: Path, tiny_checkpoint: Path) -> None:
    table.write_bytes(b"".join(table.read_bytes().splitlines(keepends=True)[: 10 * WINDOW]))
    one = score(table, tiny_checkpoint, "one", kind, device="cpu")
    assert score(table, tiny_checkpoint, "two", kind, devices=["cpu", "cpu"]) == one
    assert one.keys() == {f"rows.{kind}", "days.parquet"}
    assert not workers_of(os.getpid())


@larger
def test_a_worker_that_is_killed_is_replaced_and_no_row_is_lost(table: Path, tiny_checkpoint: Path) -> None:
    killed: list[int] = []

    def kill(event: object) -> None:
        if isinstance(event, WindowDone) and len(killed) < share(1, 20) and event.position % (2 * WINDOW) == 0:
            for worker in workers_of(os.getpid())[:1]:
                os.kill(worker, signal.SIGKILL)
                killed.append(worker)

    with pytest.warns(SentiscoreWarning, match=r"on cpu was killed by signal 9.*another one takes over its rows"):
        two = score(table, tiny_checkpoint, "two", devices=["cpu", "cpu"], on_event=kill)
    assert killed
    assert two == score(table, tiny_checkpoint, "one", device="cpu")
    assert not workers_of(os.getpid())


def command(table: Path, model: Path, output: Path) -> list[str]:
    code = (
        f"from sentiscore.scoring import job; job.WINDOW_ROWS = {WINDOW}; from sentiscore.cli.main import main; main()"
    )
    named = ["--text-col", "headline", "-m", str(model), "-o", str(output), "--devices", "cpu,cpu"]
    return [sys.executable, "-c", code, "score", str(table), *named]


def begun(table: Path, model: Path, output: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """A job with the first windows finished, and its workers."""
    process = subprocess.Popen(command(table, model, output), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def has_windows() -> bool:
        assert process.poll() is None, process.communicate()
        return len(list(output.parent.glob(f".{output.name}.job/rows-*.parquet"))) > 1

    wait_until(has_windows)
    workers = workers_of(process.pid)
    assert len(workers) == 2
    return process, workers


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), *spread([(signal.SIGINT, 130), (signal.SIGTERM, 143)], 1)]
)
def test_a_job_that_is_stopped_leaves_no_worker_and_goes_on_with_one_process(
    number: int, code: int, table: Path, tiny_checkpoint: Path
) -> None:
    output = table.parent / "two" / "rows.parquet"
    output.parent.mkdir()
    process, workers = begun(table, tiny_checkpoint, output)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in stderr
    wait_until(lambda: not any(map(is_alive, workers)))
    again: list[WindowDone] = []
    two = score(table, tiny_checkpoint, "two", device="cpu", on_window=again.append)
    assert any(each.resumed for each in again)
    assert two == score(table, tiny_checkpoint, "one", device="cpu")


def test_a_model_that_a_worker_cannot_load_is_one_message(
    table: Path, make_checkpoint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_checkpoint(table.parent / "model")

    def crew_of(*given: Any) -> Crew:
        crew = hiring.crew_of(*given)
        model.rename(model.with_name("moved"))
        return crew

    monkeypatch.setattr(job, "crew_of", crew_of)
    with pytest.raises(CheckpointError, match="is not on this machine"):
        score(table, model, "two", devices=["cpu", "cpu"])
    assert not workers_of(os.getpid())


def test_workers_that_do_not_start_say_why(table: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_CODE", "import sys; sys.exit('no such library')")
    with (
        pytest.warns(SentiscoreWarning, match="another one takes over"),
        pytest.raises(InputError, match=r"before they were ready; .* ended with exit code 1 \(no such library\)"),
    ):
        score(table, tiny_checkpoint, "two", devices=["cpu", "cpu"])
