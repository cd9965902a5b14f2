"""What else can happen to a job: signals, a full disk, a vanished folder, a clock that jumps, a disk that fails."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from tests.faults.nursery import Nursery, Run, Sabotage

WINDOW: Final = 64
ROWS: Final = 6 * WINDOW
OLD: Final = b"what was there before"
EXIT_CODES: Final = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


class Job:
    """A job in a folder of its own, where an older output is."""

    def __init__(self, nursery: Nursery, model: Path, folder: Path) -> None:
        self.nursery, self.model, self.folder = nursery, model, folder
        rows = [f"shares fall {i} after {os.urandom(20).hex()}" for i in range(ROWS)]
        pl.DataFrame({"headline": rows}).write_csv(folder / "news.csv")
        self.output = folder / "out.csv"
        self.output.write_bytes(OLD)

    def run(self, *more: str, sabotage: Sabotage | None = None, output: str = "out.csv") -> Run:
        arguments = ["score", "news.csv", "--text-col", "headline", "-m", str(self.model), "-o", output, "--log-json"]
        return self.nursery.run(self.folder, *arguments, *more, window_rows=WINDOW, sabotage=sabotage)

    def goes_on(self, *, finished: int = 1) -> None:
        """The same command ends well, takes what was finished, and writes what an uninterrupted run would."""
        done = self.run()
        assert done.code == 0, done
        assert len(done.positions_scored) <= ROWS // WINDOW - finished, "finished windows were scored again"
        result = self.output.read_bytes()
        whole = self.run(output="whole.csv")
        assert whole.code == 0, whole
        assert result == (self.folder / "whole.csv").read_bytes()
        assert [path.name for path in self.folder.iterdir() if path.name.startswith(".")] == []


@pytest.fixture
def job(nursery: Nursery, tiny_checkpoint: Path, tmp_path: Path) -> Job:
    (tmp_path / "job").mkdir()
    return Job(nursery, tiny_checkpoint, tmp_path / "job")


def told(run: Run) -> str:
    """The one message of a run that failed."""
    assert "Traceback" not in run.stderr, run.stderr
    last = json.loads(run.stderr.splitlines()[-1])
    assert last["event"] == "failed", run
    assert last["exit_code"] == run.code
    assert sum('"event": "failed"' in line for line in run.stderr.splitlines()) == 1
    return str(last["message"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_the_window_in_hand_be_finished(job: Job, number: signal.Signals) -> None:
    run = job.run(sabotage=Sabotage(signal_after_windows=2, signal_number=number))
    assert run.code == EXIT_CODES[number]
    assert "rows of out.csv are finished and kept.\nGive the same command again" in told(run)
    assert job.output.read_bytes() == OLD
    kept = len(list(job.folder.glob(".*.job/*-*-*.parquet")))
    assert 3 <= kept == len(run.windows) < ROWS // WINDOW, "the window in hand was finished, and no other begun"
    job.goes_on(finished=kept)


def test_ctrl_c_stops_at_once_and_keeps_what_is_finished(job: Job) -> None:
    run = job.run(sabotage=Sabotage(signal_after_windows=2, signal_number=signal.SIGINT))
    assert run.code == EXIT_CODES[signal.SIGINT]
    assert "goes on after the last window" in told(run)
    assert job.output.read_bytes() == OLD
    job.goes_on(finished=2)


@pytest.mark.parametrize("file_bytes", [3_000, 30_000])
def test_a_limit_on_files_is_one_message_and_nothing_is_lost(job: Job, file_bytes: int) -> None:
    run = job.run(sabotage=Sabotage(file_bytes=file_bytes))
    assert run.code == 1
    assert "could not be written" in told(run)
    assert job.output.read_bytes() == OLD
    job.goes_on(finished=0)


def test_a_full_disk_is_one_message_and_nothing_is_lost(
    nursery: Nursery, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        job = Job(nursery, tiny_checkpoint, disk)
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * (shutil.disk_usage(disk).free - 24_000))
        run = job.run()
        assert run.code == 1
        assert "No space left on device" in told(run)
        assert job.output.read_bytes() == OLD
        ballast.unlink()
        done = job.run()
        assert done.code == 0, done
        assert pl.read_csv(job.output).height == ROWS
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_work_folder_that_is_deleted_is_one_message(job: Job) -> None:
    run = job.run(sabotage=Sabotage(remove_work_after=2))
    assert run.code == 1
    assert "where unfinished work is kept, is gone" in told(run)
    assert job.output.read_bytes() == OLD
    job.goes_on(finished=0)


def test_a_clock_that_jumps_changes_nothing(job: Job) -> None:
    run = job.run(sabotage=Sabotage(clock_jump_after=2))
    assert run.code == 0, run
    result = job.output.read_bytes()
    assert job.run(output="whole.csv").code == 0
    assert result == (job.folder / "whole.csv").read_bytes()


def test_a_read_error_in_the_middle_is_one_message_and_keeps_what_is_finished(job: Job) -> None:
    run = job.run(sabotage=Sabotage(read_error_after=3))
    assert run.code == 1
    assert "news.csv cannot be read: [Errno 5] Input/output error" in told(run)
    assert job.output.read_bytes() == OLD
    assert len(run.windows) >= 1
    job.goes_on(finished=len(run.windows))


def test_each_window_with_a_flipped_byte_is_made_again_and_no_other(job: Job) -> None:
    job.run(sabotage=Sabotage(signal_after_windows=3))
    kept = sorted(job.folder.glob(".*.job/*-*-*.parquet"))
    assert len(kept) >= 3
    damaged = kept[1]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 0x20
    damaged.write_bytes(bytes(content))
    done = job.run()
    assert done.code == 0, done
    assert done.positions_scored[0] == int(damaged.name.split("-")[1])
    assert done.positions_scored[1:] == [at for at in range(0, ROWS, WINDOW) if at >= len(kept) * WINDOW]
    result = job.output.read_bytes()
    assert job.run(output="whole.csv").code == 0
    assert result == (job.folder / "whole.csv").read_bytes()


def test_a_changed_option_refuses_and_names_the_field(job: Job) -> None:
    job.run(sabotage=Sabotage(signal_after_windows=2))
    run = job.run("--max-length", "7")
    assert run.code == 1
    assert "that this one is not: max_length was 32 and is 7" in told(run)
    assert "--no-resume" in told(run)
    job.goes_on(finished=2)


def test_the_log_has_a_line_for_each_window_and_one_for_the_end(job: Job) -> None:
    done = job.run()
    events = [json.loads(line) for line in done.stderr.splitlines()]
    windows = [event for event in events if event["event"] == "window"]
    assert [event["event"] for event in events] == ["scoring", *["window"] * len(windows), "finishing", "done"]
    assert [event["position"] for event in windows] == list(range(0, ROWS, WINDOW))
    assert events[-1]["rows"] == ROWS == sum(event["rows"] for event in windows)
