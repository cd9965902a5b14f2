"""What stops a command: Ctrl-C at once; SIGTERM and SIGHUP after the batch in hand, where a command can wait for it.

A scheduler stops a job with SIGTERM; a terminal that is closed sends SIGHUP, which Windows does not have. Once a
command was stopped, the process is given ten seconds to end: a job can be killed at any instant, so that loses nothing.
"""

import _thread
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Final

from sentiscore.cli import json_log

_STOPPING: Final = ("SIGINT", "SIGTERM", "SIGHUP")
_SHELL_OFFSET: Final = 128
"""What a shell adds to the number of the signal that ended a program, to make its exit code."""

_PATIENCE_S: Final = 10.0
"""How long a command that was stopped may take to clear up."""

_MOMENT_S: Final = 0.05
_NUDGES: Final = 4
"""How often the main thread is interrupted after a signal: a single time might again be just before a system call."""


class _Received:
    """The signals that this process received."""

    number: int = signal.SIGINT
    asked: bool = False
    patient: bool = False
    stopped: bool = False
    owned: bool = False


def own_the_process() -> None:
    """Declare that the process runs only this command, and may be ended with it."""
    _Received.owned = True
    sys.unraisablehook = _raise_later
    _reach_the_main_thread()


def listen() -> None:
    """Handle Ctrl-C, SIGTERM and SIGHUP as requests to stop, unless they are ignored, as under nohup."""
    _Received.number, _Received.asked, _Received.patient, _Received.stopped = signal.SIGINT, False, False, False
    _set_handlers(_stop)


def ignore() -> None:
    """Ignore further signals: the process is about to exit."""
    _set_handlers(signal.SIG_IGN)


def exit_code() -> int:
    """130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP."""
    return _SHELL_OFFSET + _Received.number


def be_patient(*, now: bool) -> None:
    """Say whether work is in hand that is worth finishing: the first signal is then only recorded, a second stops.

    A caller that is patient must poll `was_asked`.
    """
    _Received.patient = now


def was_asked() -> bool:
    """Whether this process received a signal since the command began."""
    return _Received.asked


def _set_handlers(handler: "signal._HANDLER") -> None:
    for name in _STOPPING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    again, _Received.number, _Received.asked = _Received.asked, number, True
    if number != signal.SIGINT and _Received.patient and not again:
        with suppress(RuntimeError):  # Python raises it if this interrupted a write to the same stream
            json_log.report("stopping", "Stopping when the texts in hand are scored and kept; once more stops at once.")
        return
    if _Received.owned:
        if _Received.stopped:
            os._exit(exit_code())
        with suppress(RuntimeError):  # no more threads
            _thread.start_new_thread(_end_in_time, ())
    _Received.stopped = True
    raise KeyboardInterrupt


def _raise_later(unraisable: "sys.UnraisableHookArgs") -> None:
    """Stop the command a moment later if Python drops the exception that should stop it, as in a `__del__`."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    _Received.stopped = False
    with suppress(RuntimeError):  # no more threads
        _thread.start_new_thread(_interrupt, ())


def _reach_the_main_thread() -> None:
    """Make sure that a signal ends a wait of the main thread, which runs the handlers, whichever thread received it.

    Python records a signal and runs its handler later, in the main thread. A wait of that thread goes on meanwhile if
    another thread received the signal, if it came in the instant before the wait, or if it is SIGINT after polars was
    imported, whose handler has interrupted system calls restarted.
    """
    if not hasattr(signal, "SIGURG"):
        return  # on Windows no system call is interrupted
    received, written = os.pipe()
    os.set_blocking(written, False)
    signal.signal(signal.SIGURG, _nothing)  # it interrupts a system call only if it has a handler
    signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    with suppress(RuntimeError):  # no more threads
        _thread.start_new_thread(_nudge, (received, threading.get_ident()))


def _nothing(number: int, frame: FrameType | None) -> None:
    """Handles a signal that has no other purpose than to interrupt."""


def _nudge(received: int, thread: int) -> None:
    """Interrupt the system calls of a thread after each signal of this process."""
    while numbers := os.read(received, 1024):
        if set(numbers) != {signal.SIGURG}:
            for _ in range(_NUDGES):
                time.sleep(_MOMENT_S)
                signal.pthread_kill(thread, signal.SIGURG)


def _interrupt() -> None:
    """Send the signal to the main thread again, once it has left the code that dropped the first."""
    time.sleep(_MOMENT_S)
    main, number = threading.main_thread().ident, signal.Signals(_Received.number)
    if main is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main, number)  # also ends a blocking call
    else:
        _thread.interrupt_main(number)


def _end_in_time() -> None:
    """End the process, unless it has ended already."""
    time.sleep(_PATIENCE_S)
    os._exit(exit_code())
