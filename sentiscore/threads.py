"""Threads that are kept for later work, and that no caller can wait for indefinitely.

A task runs in a thread of its own if the system provides one. If it does not, or the thread has not started it yet, the
caller that asks for the result does the work. So no caller waits for work that never happens, whatever was interrupted
and however few threads the process may have.

The threads are daemons: Python does not wait for them when it exits. But a thread that returns into an interpreter that
is shutting down ends the process with a signal, so running work is given a few seconds before that. A fork leaves them
behind in the parent.
"""

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

from sentiscore.errors import InputError

Result = TypeVar("Result")

_KEPT: Final = 64
"""The maximum number of idle threads; further threads end when their work is done."""

_PATIENCE_S: Final = 5.0
"""How long the exit of the process waits for running work."""

_PAUSE_S: Final = 0.005

_LOOK_S: Final = 0.2
"""How long a wait goes on before Python looks for signals: polars handles SIGINT in a way that interrupts no wait."""


class Task(Generic[Result]):
    """A function that runs at most once: in another thread, or in the one that asks for its result.

    Args:
        function: The function.
    """

    def __init__(self, function: Callable[[], Result]) -> None:
        self._function = function
        self._claim = threading.Lock()
        self._running = threading.Lock()
        self._outcome: tuple[Result] | BaseException | None = None

    def begin(self) -> bool:
        """Have an idle or new thread run it; returns whether there is one."""
        return _Threads.pool.run(self._run)

    def result(self) -> Result:
        """Return what the function returns, or raise what it raises; runs it here if no thread has begun it."""
        if self._claim.acquire(blocking=False):
            return self._function()
        with _awaited(self._running):
            outcome = self._outcome
        if isinstance(outcome, tuple):
            return outcome[0]
        self._outcome = None  # an error holds on to the frames it passed through
        raise outcome or RuntimeError("a task was run twice, or given up")

    def give_up(self) -> None:
        """Make sure that it is over: prevent it from starting, or wait for its end. Drops its result and error."""
        if not self._claim.acquire(blocking=False):
            with _awaited(self._running):
                self._outcome = None

    def _run(self) -> None:
        with self._running:  # acquired first, so that a caller that finds it claimed waits for the outcome
            if not self._claim.acquire(blocking=False):
                return
            try:
                self._outcome = (self._function(),)
            except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
                self._outcome = error


def ahead(functions: Iterable[Callable[[], Result]], most: int) -> Iterator[Result]:
    """The results of functions, in order, while threads run up to `most` of those that come next."""
    waiting: deque[Task[Result]] = deque()
    try:
        for function in functions:
            done = [waiting.popleft().result()] if len(waiting) == most else []
            waiting.append(Task(function))
            waiting[-1].begin()
            yield from done
        while waiting:
            yield waiting.popleft().result()
    finally:
        for task in waiting:
            task.give_up()


@contextmanager
def _awaited(lock: "threading.Lock") -> Iterator[None]:
    """Hold a lock once it is free; Ctrl-C ends the wait."""
    while not lock.acquire(timeout=_LOOK_S):
        pass
    try:
        yield
    finally:
        lock.release()


class _Pool:
    """The threads of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle = 0
        self._busy = 0
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._closed = False

    def run(self, work: Callable[[], None]) -> bool:
        """Give work to an idle thread or a new one; returns whether the system provides one."""
        with self._lock:
            is_idle = self._idle > 0
            self._idle -= is_idle
            self._busy += 1
        if is_idle:
            self._work.put(work)
            return True
        try:
            threading.Thread(target=self._serve, args=(work,), name="sentiscore", daemon=True).start()
        except RuntimeError:  # no more threads, or the interpreter is shutting down
            with self._lock:
                self._busy -= 1
            return False
        return True

    def _serve(self, work: Callable[[], None] | None) -> None:
        while work is not None:
            work()
            work = None  # it may hold a window of rows
            with self._lock:
                self._busy -= 1
                if self._closed or self._idle >= _KEPT:
                    return
                self._idle += 1
            work = self._work.get()

    def close(self) -> None:
        """Let the threads end; busy ones finish their work first."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, 0
        for _ in range(idle):
            self._work.put(None)

    def rest(self, patience_s: float) -> bool:
        """Wait until no thread is busy; returns whether that happened in time."""
        until = time.monotonic() + patience_s
        while self._busy and time.monotonic() < until:
            time.sleep(_PAUSE_S)
        return not self._busy


class _Threads:
    """The threads of this process."""

    pool = _Pool()


def rest(patience_s: float = _PATIENCE_S) -> bool:
    """Wait until no thread is busy; idle threads stay.

    No thread is ended here: torch and others keep Python objects for each thread, and one that ends together with
    Python would abort the process.

    Args:
        patience_s: How long to wait at most.

    Returns:
        Whether no thread is busy any more.
    """
    return _Threads.pool.rest(patience_s)


def _let_go() -> None:
    pool, _Threads.pool = _Threads.pool, _Pool()
    pool.close()


def is_refused(error: RuntimeError) -> bool:
    """Whether an error of any library means that the system provides no more threads."""
    return "can't start new thread" in str(error)


def no_thread() -> InputError:
    """The error for work that needs one more thread than the system provides."""
    return InputError(
        "The system gives this process no more threads.",
        "Raise its limit (ulimit -u, or that of the container or service on tasks), or end other processes.",
    )


def start(function: Callable[[], object], name: str) -> None:
    """Start a thread that Python does not wait for when it exits.

    Raises:
        InputError: The system provides none.
    """
    try:
        threading.Thread(target=function, name=name, daemon=True).start()
    except RuntimeError as error:
        raise no_thread() from error


def _forget() -> None:
    _Threads.pool = _Pool()


atexit.register(rest)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_let_go, after_in_child=_forget)
