"""Limits the memory of a job: makes windows smaller, and raises an error in time if that does not suffice."""

import ctypes
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sentiscore.errors import InputError
from sentiscore.tables.windows import WINDOW_BYTES
from sentiscore.threads import start
from sentiscore.units import write_size

_STATM: Final = Path("/proc/self/statm")
_PAUSE_S: Final = 0.05
_MOST_ROWS: Final = 32_768
_LEAST_ROWS: Final = 1_024
_LEAST_TEXT: Final = 1 << 20
_BYTES_OF_A_ROW: Final = 1 << 16
"""Chosen so that a job with 2 GiB or more has windows with the usual number of rows."""

_SHARE_OF_TEXT: Final = 16
"""A window's text is held several times: as read, as token ids, and in the previous and next windows."""


class MemoryLimit:
    """Records whether a process holds more memory than it may.

    Args:
        n_bytes: How much it may hold; None for no limit.
    """

    def __init__(self, n_bytes: int | None) -> None:
        self.n_bytes = n_bytes
        self.exceeded = False

    def check(self) -> None:
        """Raise an InputError if the limit was exceeded at any time; for any thread, between steps."""
        if self.n_bytes is not None and (self.exceeded or held_bytes() > self.n_bytes):
            self.exceeded = True
            raise self.error()

    def error(self) -> InputError:
        """The error that says so."""
        return InputError(
            f"This needs more than the {write_size(self.n_bytes or 0)} of --max-memory.",
            "Allow more, or keep fewer columns with --columns.",
        )


@contextmanager
def memory_limit(n_bytes: int | None) -> Iterator[MemoryLimit]:
    """Watch the memory of the process while a block of the main thread runs.

    Past the limit the block ends with an InputError as soon as Python code runs in it again. Work in other threads
    continues until it calls `check`. Only private memory counts: pages of mapped files can be reclaimed at any time.

    Args:
        n_bytes: The maximum bytes it may hold; None for no limit.

    Yields:
        The limit, on which to call `check` between steps.

    Raises:
        InputError: The limit is exceeded, now or from the beginning; or memory cannot be watched on this system, or
            without one more thread.
    """
    limit = MemoryLimit(n_bytes)
    if n_bytes is None:
        yield limit
        return

    class ExceededError(InputError):
        """An error without arguments, so that it can be raised in another thread; its message is complete anyway."""

        def __init__(self) -> None:
            error = limit.error()
            super().__init__(error.message, error.hint)

        def __reduce__(self) -> tuple[object, ...]:  # a class in a function cannot be pickled
            return InputError, (self.message, self.hint)

    limit.check()
    watch = _Watch(limit, threading.get_ident(), ExceededError)
    try:
        watch.start()
        yield limit
    finally:
        watch.stop()
    if limit.exceeded:  # exceeded at the very end, or the error was swallowed
        raise limit.error()


class _Watch:
    """A thread that polls the memory, and interrupts another thread at most once."""

    def __init__(self, limit: MemoryLimit, thread: int, error: type[InputError]) -> None:
        self._limit = limit
        self._watched = thread
        self._error = error
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._interrupted = False

    def start(self) -> None:
        start(self._watch, "sentiscore-memory")

    def stop(self) -> None:
        """Stop interrupting; cancels even a pending interruption. Called in the watched thread."""
        self._over.set()
        with self._lock:
            if self._interrupted:
                _cancel(self._watched)

    def _watch(self) -> None:
        while not self._over.wait(_PAUSE_S):
            if self._limit.n_bytes is not None and held_bytes() > self._limit.n_bytes:
                with self._lock:
                    if not self._over.is_set():
                        self._limit.exceeded = self._interrupted = True
                        _interrupt(self._watched, self._error)
                return


def _interrupt(thread: int, error: type[BaseException]) -> None:
    """Raise an exception in a thread when it next runs Python code."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


class _CancelledError(KeyboardInterrupt):  # if Ctrl-C comes first, this one is raised later, and means the same
    """Replaces an interruption that is pending."""


def _cancel(thread: int) -> None:
    """Cancel an interruption of this thread, whether it is pending or not.

    Python can also remove a pending exception, but then it looks for one for the rest of the process: every call takes
    longer, and CPython 3.11 hangs in the first function that a debugger or a coverage tool traces.
    """
    with suppress(_CancelledError):
        _interrupt(thread, _CancelledError)
        while True:
            pass


def held_bytes() -> int:
    """The resident memory of this process, without pages of files.

    Raises:
        InputError: The system does not report it as Linux does.
    """
    try:
        _, resident, shared, *_ = _STATM.read_text(encoding="ascii").split()
    except OSError as error:
        raise InputError(
            f"Memory cannot be watched on this system ({sys.platform}).", "Leave --max-memory out there."
        ) from error
    import resource

    return (int(resident) - int(shared)) * resource.getpagesize()


def window_limits(n_bytes: int | None) -> tuple[int, int]:
    """Choose the size of a job's windows.

    Args:
        n_bytes: The maximum memory that the job may hold; None for no limit.

    Returns:
        The maximum rows of a window, and the maximum bytes of its texts.
    """
    if n_bytes is None:
        return _MOST_ROWS, WINDOW_BYTES
    rows = min(max(n_bytes // _BYTES_OF_A_ROW, _LEAST_ROWS), _MOST_ROWS)
    return rows, min(max(n_bytes // _SHARE_OF_TEXT, _LEAST_TEXT), WINDOW_BYTES)
