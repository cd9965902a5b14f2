"""Jobs on a Ray cluster of two nodes on this machine: equal results, whoever is killed."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from sentiscore import InputError, sample_news, score_file
from sentiscore.scoring import job
from sentiscore.scoring.events import WindowDone
from tests.doc_blocks import blocks_of
from tests.effort import larger, share
from tests.processes import below, children_of, command_of, is_alive

ray = pytest.importorskip("ray", reason="Ray is not installed")

ROWS: Final = share(3_000, 200_000)
WINDOW: Final = share(100, 6_000)
DAYS: Final = {"time_col": "at", "entity_col": "who"}
QUICK: Final = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_timeout_ms": 2_000}
"""How Ray looks for nodes that are lost: it would take twenty seconds otherwise."""

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::sentiscore.SentiscoreWarning"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two nodes with a core each."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False, "_system_config": QUICK}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.add_node(num_cpus=1)
    yield made
    made.shutdown()


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "WINDOW_ROWS", WINDOW)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = [None if i % 13 == 5 else f"profit rises {i} per cent" for i in range(ROWS)]
    at = [f"2026-03-{2 + 15 * i // ROWS:02}T{i % 24:02}:30:00Z" for i in range(ROWS)]
    path = tmp_path_factory.mktemp("ray") / "news.csv"
    pl.DataFrame({"headline": texts, "n": range(ROWS), "at": at, "who": ["a", "b"] * (ROWS // 2)}).write_csv(path)
    return path


def score(table: Path, model: Path, folder: Path, **settings: Any) -> dict[str, bytes]:
    """Score the table in a folder of its own, and return what was written there."""
    folder.mkdir(exist_ok=True)
    named: dict[str, Any] = {"output": folder / "rows.parquet", "daily": folder / "days.parquet", **DAYS, **settings}
    score_file(table, text_col="headline", model=model, **named)
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("provenance.json")}


@pytest.fixture(scope="module")
def alone(table: Path, tiny_checkpoint: Path) -> dict[str, bytes]:
    """What one process writes."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(job, "WINDOW_ROWS", WINDOW)
        return score(table, tiny_checkpoint, table.parent / "alone", device="cpu")


def workers_on(cluster: Any) -> list[int]:
    """The processes of our workers, on all nodes."""
    raylets = [node.all_processes["raylet"][0].process.pid for node in cluster.list_all_nodes()]
    children = [child for raylet in raylets for child in children_of(raylet)]
    return [child for child in children if command_of(child).startswith(b"ray::RayWorker")]


def after_windows(n: int, times: int, do: Callable[[], None]) -> Callable[[object], None]:
    """Do something each time that so many more windows are finished."""
    seen = 0

    def on_event(event: object) -> None:
        nonlocal seen
        seen += isinstance(event, WindowDone)
        if isinstance(event, WindowDone) and seen % n == 0 and seen <= n * times:
            do()

    return on_event


@larger
def test_workers_on_two_nodes_that_are_killed_give_the_bytes_of_one_process(
    cluster: Any, table: Path, tiny_checkpoint: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill() -> None:
        for worker in workers_on(cluster)[:1]:
            os.kill(worker, signal.SIGKILL)
            killed.append(worker)

    before = signal.getsignal(signal.SIGTERM)
    many = score(
        table, tiny_checkpoint, tmp_path / "many", engine="ray", address=cluster.address, workers=2,
        on_event=after_windows(share(8, 1), share(2, 20), kill),
    )  # fmt: skip
    assert len(killed) >= share(2, 10)
    assert many == alone
    assert not ray.is_initialized()
    assert signal.getsignal(signal.SIGTERM) == before


@larger
@pytest.mark.parametrize("number", range(share(1, 20)))
def test_a_node_that_is_lost_loses_no_row(
    number: int, cluster: Any, table: Path, tiny_checkpoint: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    lost: list[object] = []

    def lose() -> None:
        lost.append(cluster.worker_nodes)
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)

    many = score(
        table, tiny_checkpoint, tmp_path / "many", engine="ray", address=cluster.address, workers=2,
        on_event=after_windows(3 + number % 7, 1, lose),
    )  # fmt: skip
    cluster.add_node(num_cpus=1)
    assert lost
    assert many == alone


def command(table: Path, model: Path, folder: Path, *more: str) -> list[str]:
    code = (
        f"from sentiscore.scoring import job; job.WINDOW_ROWS = {WINDOW}; from sentiscore.cli.main import main; main()"
    )
    named = ["--text-col", "headline", "-m", str(model), "-o", str(folder / "rows.parquet"), "--time-col", "at"]
    named += [
        "--entity-col",
        "who",
        "--daily",
        str(folder / "days.parquet"),
        "--engine",
        "ray",
        "--workers",
        "2",
        *more,
    ]
    return [sys.executable, "-c", code, "score", str(table), *named]


def begun(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
    """A job with the first windows finished."""
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 240
    while len(list(folder.glob(".rows.parquet.job/rows-*.parquet"))) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def test_a_driver_that_is_killed_goes_on_with_the_same_command(
    cluster: Any, table: Path, tiny_checkpoint: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    arguments = command(table, tiny_checkpoint, folder, "--address", cluster.address)
    process = begun(arguments, folder)
    process.kill()
    process.communicate(timeout=60)
    assert not (folder / "rows.parquet").exists()
    again = subprocess.run(arguments, capture_output=True, text=True, timeout=300, check=False)
    assert (again.returncode, again.stderr) == (0, "")
    assert "finished before" in again.stdout
    named = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("provenance.json")}
    assert named == alone


def test_ctrl_c_ends_the_job_and_the_cluster_that_it_started(
    table: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    process = begun(command(table, tiny_checkpoint, tmp_path, "--cpus-per-worker", "1"), tmp_path)
    started = below(process.pid)
    assert started
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.splitlines()[-2].startswith("error: Stopped")
    assert "Traceback" not in stderr
    deadline = time.monotonic() + 30
    while any(map(is_alive, started)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_example_of_the_guide_runs_on_this_machine_alone(tmp_path: Path) -> None:
    guide = Path(__file__).parents[2] / "docs" / "how-to" / "score-on-many-machines.md"
    (example,) = [block.code for block in blocks_of(guide) if "test_ray" in block.left_out]
    pl.read_parquet(sample_news()).head(8).write_parquet(tmp_path / "news.parquet")
    arguments = [sys.executable, "-m", *shlex.split(example)]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert pl.read_parquet(tmp_path / "news.scored.parquet").height == 8


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "here"])
def test_a_cluster_that_is_not_there_is_one_message(
    address: str, table: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"no Ray cluster to use at {address}") as caught:
        score(table, tiny_checkpoint, tmp_path, engine="ray", address=address)
    assert "ray start" in caught.value.hint
    assert not ray.is_initialized()
