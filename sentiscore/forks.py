"""Detects forks: threads of polars, of OpenMP and of a GPU's driver exist only in the parent.

A forked child has one thread, the one that forked. polars would wait forever for a thread pool that its parent has
started, so public functions that use polars first call `check`, which raises an error instead. Whether the pool was
started shows in the names of the process's threads where the system (Linux) reports them; otherwise polars is tried, in
a thread that may hang. A child of a process that has not used polars yet works like any other.

torch's OpenMP would hang too. It can release its threads and start others when it needs them, and does so just before a
fork.
"""

import os
import re
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sentiscore.errors import ForkError

if TYPE_CHECKING:
    from pathlib import Path

_TASKS: Final = "/proc/self/task"
_MAPS: Final = "/proc/self/maps"
_OPENMP: Final = re.compile(r"/\S*/libgomp[^/]*$", re.MULTILINE)
"""GNU's OpenMP, the only one that does not survive a fork by itself."""
_LONGEST_NAME: Final = 15
"""How many bytes of a thread's name Linux keeps."""
_PAUSE_SOFT: Final = 1
_PATIENCE_S: Final = 10.0
"""How long polars may take for one row before it counts as hanging."""


class _ForkState:
    """What is known of polars in this process.

    Attributes:
        sound_in: The id of the process in which polars is known to work, or was not imported yet; 0 if there is none.
        broken: Whether its threads belong to another process.
        seen: While Python forks this process, whether its threads run; None if the system does not say, and at all
            other times.
    """

    sound_in = 0 if "polars" in sys.modules else os.getpid()
    broken = False
    seen: bool | None = None


def forked_with(done: str) -> ForkError:
    """The error for a child that would need what its parent had begun.

    Args:
        done: What the parent had done, for the message.
    """
    return ForkError(
        f"This process is a fork of one that had already {done}; a fork cannot go on from there, and would hang.",
        "Start processes with spawn or forkserver: multiprocessing.get_context('spawn') or set_start_method('spawn'), "
        "joblib's loky, DataLoader(multiprocessing_context='spawn'), gunicorn without --preload. "
        "Or fork before anything is scored.",
    )


def check() -> None:
    """Check that polars works in this process; for functions that are about to use it.

    Raises:
        ForkError: It does not, since this is a fork of a process that had used it.
    """
    if _ForkState.sound_in == os.getpid():
        return
    if not _ForkState.broken:
        _ForkState.broken = not (_pool_runs() or _answers())
    if _ForkState.broken:
        raise forked_with("started polars' threads")
    _ForkState.sound_in = os.getpid()


def _pool_runs() -> bool | None:
    """Whether polars' thread pool runs in this process; None if the system does not say."""
    if "polars" not in sys.modules:
        return False
    from pathlib import Path  # polars has loaded it anyway

    name = os.environ.get("POLARS_THREAD_NAME", "polars")
    try:
        names = [_name_of(task) for task in Path(_TASKS).iterdir()]
    except OSError:
        return None
    return any(found.rstrip("0123456789") == f"{name}-"[:_LONGEST_NAME] for found in names)


def _name_of(task: "Path") -> str:
    try:
        return (task / "comm").read_text(encoding="utf-8", errors="replace").rstrip("\n")
    except OSError:  # the thread has just ended
        return ""


def _answers() -> bool:
    """Whether polars answers; if not, the thread that asked is left behind."""
    import threading

    import polars as pl

    from sentiscore.threads import start

    answered = threading.Event()

    def ask() -> None:
        try:
            pl.LazyFrame({"a": [1]}).collect()
        finally:
            answered.set()

    start(ask, "sentiscore-polars")
    return answered.wait(_PATIENCE_S)


def _before_fork() -> None:
    _ForkState.seen = _pool_runs()
    if "torch" in sys.modules:
        for pause in _pauses(len(sys.modules)):
            pause(_PAUSE_SOFT)


def _in_child() -> None:
    was_sound = _ForkState.sound_in == os.getppid()
    _ForkState.broken = _ForkState.broken or _ForkState.seen is True
    _ForkState.sound_in = os.getpid() if was_sound and _ForkState.seen is False else 0
    _in_parent()


def _in_parent() -> None:
    _ForkState.seen = None  # a server written in C may fork next without calling Python's hooks


@lru_cache(maxsize=1)
def _pauses(modules: int) -> list[Callable[[int], int]]:
    """`omp_pause_resource_all`, which ends the calling thread's team, for each loaded OpenMP.

    Args:
        modules: How many modules are imported; only importing one loads a library.
    """
    import ctypes
    from pathlib import Path

    try:
        loaded = set(_OPENMP.findall(Path(_MAPS).read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return []
    pauses: list[Callable[[int], int]] = []
    for path in loaded:
        try:
            pauses.append(ctypes.CDLL(path).omp_pause_resource_all)
        except (AttributeError, OSError):  # older than OpenMP 5.0
            continue
    return pauses


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
