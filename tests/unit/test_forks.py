"""What a forked child may do. Each test forks for real, in a process of its own."""

import os
import sys
from pathlib import Path

import pytest

from sentiscore import forks
from tests.forking import run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def test_a_child_of_a_process_that_had_used_polars_is_refused_and_so_is_its_child() -> None:
    assert run(
        """
        import polars as pl
        import sentiscore.forks as forks

        print(fork(forks.check))  # polars was imported, and not used
        print(fork(lambda: (forks.check(), pl.DataFrame({"a": [2, 1]}).sort("a"))))
        pl.DataFrame({"a": [2, 1]}).sort("a")  # by the user, not by sentiscore
        print(fork(forks.check))
        forks.check()  # the parent goes on

        def in_grandchild():
            os.write(1, f"{fork(forks.check)} ".encode())
            forks.check()

        print(fork(in_grandchild))
        """
    ) == ["fine", "fine", "ForkError", "ForkError ForkError"]


def test_a_child_may_use_polars_first_and_its_own_children_are_refused() -> None:
    assert run(
        """
        import sentiscore.forks as forks

        def first():
            import polars as pl

            forks.check()
            pl.DataFrame({"a": [2, 1]}).sort("a")
            os.write(1, f"{fork(forks.check)} ".encode())

        print(fork(first))
        """
    ) == ["ForkError fine"]


@pytest.mark.parametrize(("used", "told"), [("pl.DataFrame({'a': [2, 1]}).sort('a')", "ForkError"), ("pass", "fine")])
@pytest.mark.parametrize("silent", [False, True])
def test_where_nothing_tells_what_the_parent_had_done_polars_is_tried(used: str, told: str, silent: bool) -> None:
    """Either sentiscore is first imported in the child, or the system does not name the threads of a process."""
    code = f"""
        import polars as pl
        silent = {silent}
        if silent:
            import sentiscore.forks as forks
            forks._TASKS = "/nowhere"
        {used}

        def late():
            import sentiscore.forks as forks
            forks._PATIENCE_S = 2
            forks.check()

        print(fork(late))
        """
    assert run(code) == [told]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux names the threads of a process")
@pytest.mark.parametrize(
    ("comm", "setting", "runs"),
    [
        ("polars-0", None, True),
        ("polars-17", None, True),
        ("polars-ooc-clea", None, False),  # which importing polars starts
        ("python", None, False),
        ("workers-3", "workers", True),
        ("polars-0", "workers", False),
        ("a_name_of_more_t", "a_name_of_more_than_15_bytes", False),
        ("a_name_of_more_", "a_name_of_more_than_15_bytes", True),
    ],
)
def test_the_pool_is_known_by_its_threads_names(
    comm: str, setting: str | None, runs: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "comm").write_text(f"{comm}\n")
    (tmp_path / "2").mkdir()  # a thread that has just ended
    monkeypatch.setattr(forks, "_TASKS", str(tmp_path))
    monkeypatch.delenv("POLARS_THREAD_NAME", raising=False)
    if setting is not None:
        monkeypatch.setenv("POLARS_THREAD_NAME", setting)
    assert forks._pool_runs() == runs


def test_torch_works_in_a_child_of_a_process_that_has_used_its_threads() -> None:
    assert run(
        """
        import torch
        import sentiscore.forks

        torch.set_num_threads(2)
        a = torch.ones(600, 600)
        work = lambda: (a @ a, torch.softmax(torch.ones(3000, 300), -1))
        work()
        print(fork(work))
        work()  # the parent goes on
        print(fork(lambda: (work(), os.write(1, fork(work).encode() + b" "))))
        """
    ) == ["fine", "fine fine"]


def test_the_error_names_the_ways_out() -> None:
    error = str(forks.forked_with("started polars' threads"))
    for way in ("spawn", "forkserver", "loky", "multiprocessing_context", "gunicorn"):
        assert way in error


def test_importing_sentiscore_for_the_sake_of_a_fork_loads_nothing() -> None:
    loaded = run("import sentiscore; print(*sys.modules)")[0].split()
    assert {"polars", "torch", "numpy", "ctypes", "pathlib", "multiprocessing"} & set(loaded) <= {"pathlib"}


@pytest.mark.parametrize(("used", "told"), [("pl.DataFrame({'a': [2, 1]}).sort('a')", "ForkError"), ("pass", "fine")])
def test_a_server_that_forks_past_python_is_tried_too(used: str, told: str) -> None:
    """uWSGI forks in C: it tells Python in the child, and not before."""
    code = f"""
        import ctypes
        import polars as pl
        import sentiscore.forks as forks
        print(fork(forks.check))  # which must not be remembered
        {used}
        forks._PATIENCE_S = 2
        ready, said = os.pipe()
        if ctypes.PyDLL(None).fork() == 0:
            ctypes.pythonapi.PyOS_AfterFork_Child()
            try:
                forks.check()
                os.write(said, b"fine")
            except forks.ForkError:
                os.write(said, b"ForkError")
            os._exit(0)
        print(os.read(ready, 100).decode())
        """
    assert run(code) == ["fine", told]
