"""Threads that are kept, and work that is done whether there are threads or not."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import sentiscore
from sentiscore.cli.main import cli
from sentiscore.errors import InputError
from sentiscore.scoring.memory_limit import memory_limit
from sentiscore.scoring.overlap import Behind, ahead
from sentiscore.threads import Task, rest


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system gives no thread, and none is kept."""

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(sentiscore.threads._Threads, "pool", sentiscore.threads._Pool())
    monkeypatch.setattr(threading.Thread, "start", refuse)


def test_a_thread_is_kept_for_the_next_task() -> None:
    def name() -> int:
        return threading.get_ident()

    found = set()
    for _ in range(20):
        task = Task(name)
        assert task.begin()
        assert rest(10)
        found.add(task.result())
        time.sleep(0.005)
    assert len(found) < 20
    assert threading.get_ident() not in found


def test_a_task_that_nobody_began_is_done_by_who_asks() -> None:
    assert Task(threading.get_ident).result() == threading.get_ident()


def test_what_goes_wrong_is_raised_where_the_result_is_asked_for() -> None:
    def fail() -> None:
        raise ValueError("broken")

    task = Task(fail)
    task.begin()
    with pytest.raises(ValueError, match="broken"):
        task.result()


def test_a_task_that_was_given_up_never_begins() -> None:
    done: list[int] = []
    task = Task(lambda: done.append(1))
    task.give_up()
    task.begin()
    assert rest(10)
    assert done == []


def test_giving_up_waits_for_what_has_begun() -> None:
    begun, go, done = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        go.wait(10)
        done.append(1)

    task = Task(work)
    task.begin()
    assert begun.wait(10)
    threading.Timer(0.05, go.set).start()
    task.give_up()
    assert done == [1]


@pytest.mark.usefixtures("no_threads")
def test_streams_go_on_where_there_is_no_thread() -> None:
    def items() -> Iterator[int]:
        yield from range(5)

    seen: list[int] = []
    behind: Behind[int, int] = Behind(lambda x: x * 2, seen.append)
    with behind:
        for item in ahead(items()):
            behind.give(item)
    assert seen == [0, 2, 4, 6, 8]


def test_scoring_and_daily_features_go_on_where_there_is_no_thread(
    tiny_checkpoint: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source = tmp_path / "news.csv"
    source.write_text("text,at\n" + "".join(f"up {i},2026-03-0{1 + i % 9}T10:00:00Z\n" for i in range(900)))
    model = sentiscore.Scorer.from_pretrained(tiny_checkpoint)
    with_threads = model.score([f"up {i}" for i in range(900)])
    request.getfixturevalue("no_threads")
    sentiscore.score_file(source, text_col="text", output=tmp_path / "o.parquet", model=model, time_col="at")
    assert model.score([f"up {i}" for i in range(900)]).equals(with_threads)


@pytest.mark.usefixtures("no_threads")
def test_memory_that_cannot_be_watched_without_a_thread_is_one_message() -> None:
    with pytest.raises(InputError, match=r"no more threads\.\nRaise its limit"), memory_limit(10**15):
        pytest.fail("the block was entered")


def test_the_command_says_what_to_do_where_a_library_finds_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("sentiscore.tables.open_source", refuse)
    monkeypatch.setattr("sentiscore.scoring.plan.open_source", refuse)
    done = CliRunner().invoke(cli, ["score", "news.csv", "--text-col", "text", "-o", "o.parquet"])
    assert done.exit_code == 1
    assert "error: The system gives this process no more threads." in done.stderr


def test_python_ends_with_work_in_hand_and_with_threads_that_sleep() -> None:
    code = """
import threading, torch
from sentiscore.threads import Task
a = torch.randn(400, 400)
for n in (1, 100):
    Task(lambda n=n: [a @ a for _ in range(n)]).begin()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
