"""What was there before stays, whatever happens to the process."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import polars as pl
import pytest

from sentiscore.tables.csv_reader import csv_pieces, look_at_csv
from sentiscore.tables.dialect import CsvDialect
from tests.effort import larger, share, spread
from tests.faults.interruptions import NUMBER, interrupt
from tests.faults.nursery import Nursery, Run, Sabotage

OLD = b"what was there before"
COMMAND = """
from sentiscore.cli.main import main
from sentiscore.scoring import job

job.WINDOW_ROWS = 4_000
main()
"""
"""The command with small windows, so that the first is soon finished."""


@pytest.fixture
def long_job(tmp_path: Path, tiny_checkpoint: Path) -> tuple[list[str], Path]:
    """A job of many windows, and its output, where an older file is."""
    source = tmp_path / "long.csv"
    pl.DataFrame({"headline": [f"profit rises {i} per cent" for i in range(300_000)]}).write_csv(source)
    output = tmp_path / "out.parquet"
    output.write_bytes(OLD)
    command = [sys.executable, "-c", COMMAND, "score", str(source), "--text-col", "headline"]
    return [*command, "-m", str(tiny_checkpoint), "-o", str(output)], output


def start_and_wait_for_the_first_rows(command: list[str], output: Path) -> subprocess.Popen[str]:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # what the job inherits; nohup has it ignored
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGHUP, before)
    deadline = time.monotonic() + 240
    while not parts(output):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert process.poll() is None, "the job was over before it could be stopped"
    return process


def parts(output: Path) -> list[Path]:
    return list(output.parent.glob(f".{output.name}.job/*-*-*.parquet"))


@pytest.mark.thorough  # the next test, and those of test_trouble.py, stop a job in `make test`
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_job_that_is_stopped_says_so_and_keeps_what_is_finished(
    long_job: tuple[list[str], Path], number: int, code: int
) -> None:
    command, output = long_job
    process = start_and_wait_for_the_first_rows(command, output)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert stderr.splitlines()[-2].startswith("error: Stopped")
    assert "Traceback" not in stderr
    assert output.read_bytes() == OLD
    assert parts(output)


def test_ctrl_c_ends_a_job_that_waits_for_a_store_which_another_process_holds(
    long_job: tuple[list[str], Path], tmp_path: Path
) -> None:
    command, output = long_job
    process = start_and_wait_for_the_first_rows([*command, "--cache", str(tmp_path / "answers")], output)
    other = sqlite3.connect(tmp_path / "answers" / "answers.sqlite", isolation_level=None, timeout=30)
    other.execute("BEGIN EXCLUSIVE")
    time.sleep(0.5)  # by now each of its threads wants something of the store
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)  # it would have waited for a minute
    other.close()
    assert process.returncode == 130
    assert stderr.splitlines()[-2].startswith("error: Stopped")
    assert "Traceback" not in stderr
    assert output.read_bytes() == OLD


def test_no_ctrl_c_is_lost_while_a_csv_is_read(tmp_path: Path) -> None:
    source = tmp_path / "news.csv"
    source.write_text("headline\n" + "".join(f"profit rises {i} per cent\n" for i in range(20_000)))
    look = look_at_csv(source, CsvDialect())
    seen: list[bool] = []
    lost: list[int] = []
    done = threading.Event()

    def press() -> None:
        for i in range(100):
            time.sleep(random.Random(i).uniform(0.001, 0.02))  # noqa: S311
            before, until = len(seen), time.monotonic() + 2
            os.kill(os.getpid(), signal.SIGINT)
            while len(seen) == before and time.monotonic() < until:
                time.sleep(0.001)
            if len(seen) == before:
                lost.append(i)
        done.set()

    before = signal.signal(signal.SIGINT, lambda *_: seen.append(True))
    try:
        threading.Thread(target=press).start()
        while not done.is_set():
            for piece in csv_pieces(source, look, ["headline"]):
                assert piece.height
    finally:
        done.wait()
        signal.signal(signal.SIGINT, before)
    assert not lost


def test_a_stopped_command_does_not_wait_for_python_to_take_everything_apart(long_job: tuple[list[str], Path]) -> None:
    command, output = long_job
    slow_end = f"""
import time

class Slow:
    def __del__(self, sleep=time.sleep):
        sleep(60)

kept = Slow()
{COMMAND}
"""
    arguments = command[command.index("score") :]
    process = start_and_wait_for_the_first_rows([sys.executable, "-c", slow_end, *arguments], output)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stderr.splitlines()[-2].startswith("error: Stopped")


def run_code(nursery: Nursery, folder: Path, code: str) -> Run:
    """Run code that runs the command for a small file."""
    (folder / "job").mkdir()
    (folder / "job" / "news.csv").write_text("headline\nprofit rises\n")
    return nursery.run(folder / "job", "score", "news.csv", "--text-col", "headline", sabotage=Sabotage(code=code))


def test_a_ctrl_c_that_python_would_drop_stops_the_command_too(nursery: Nursery, tmp_path: Path) -> None:
    dropping = """
import signal, threading, time
from sentiscore.cli.main import main
from sentiscore.scoring import job

class Dropping:
    def __del__(self):
        press = signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)
        threading.Timer(0.2, *press).start()
        time.sleep(5)

def drop(*_, **__):
    Dropping()
    time.sleep(60)

job.score_file = drop
main()
"""
    done = run_code(nursery, tmp_path, dropping)
    assert done.code == 130
    assert done.seconds < 30
    assert done.stderr.startswith("error: Stopped")
    assert "ignored" not in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_that_another_thread_received_stops_the_command_too(
    nursery: Nursery, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """The main thread waits for a lock, and no system call of it is interrupted."""
    waiting = f"""
import signal, threading, time
from sentiscore.cli.main import main
from sentiscore.scoring import job

def receive():
    time.sleep(0.5)
    signal.pthread_kill(threading.get_ident(), {int(number)})
    time.sleep(60)

def wait(*_, **__):
    threading.Thread(target=receive, daemon=True).start()
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()

job.score_file = wait
main()
"""
    done = run_code(nursery, tmp_path, waiting)
    assert done.code == code
    assert done.seconds < 40
    assert done.stderr.splitlines()[-2].startswith("error: Stopped")


def test_a_job_under_nohup_outlives_its_terminal(long_job: tuple[list[str], Path]) -> None:
    command, output = long_job
    process = start_and_wait_for_the_first_rows(["nohup", *command], output)
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=1)
    process.kill()
    process.communicate(timeout=60)


@pytest.mark.parametrize("kind", spread(["parquet", "csv", "ndjson"], 1))
def test_a_full_disk_is_one_clear_message_and_nothing_is_lost(
    nursery: Nursery, tmp_path: Path, tiny_checkpoint: Path, kind: str
) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    pl.DataFrame({"headline": [f"{os.urandom(40).hex()} {i}" for i in range(3000)]}).write_csv(folder / "news.csv")
    output = folder / f"out.{kind}"
    output.write_bytes(OLD)
    command = ["score", "news.csv", "--text-col", "headline", "-m", tiny_checkpoint, "-o", output.name]
    done = nursery.run(folder, *command, window_rows=32_768, sabotage=Sabotage(file_bytes=40_000))
    assert done.code == 1, done
    assert done.stderr.startswith("error: "), done.stderr
    assert "could not be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2, done.stderr
    assert output.read_bytes() == OLD
    assert not list(folder.glob(".*.part"))


@larger
def test_no_interruption_at_any_instant_hangs_and_the_same_command_ends_right(
    nursery: Nursery, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    n = int(os.environ.get(NUMBER, share(3, 8)))
    failures = interrupt(nursery, tiny_checkpoint, tmp_path, n, seed=int(os.environ.get(f"{NUMBER}_SEED", "1")))
    assert failures == []
