"""What stops a command: Ctrl-C at once; SIGTERM and SIGHUP after the work in hand, where a command can wait for it.

A scheduler stops a job with SIGTERM; a terminal that is closed sends SIGHUP, which Windows does not have.
"""

import signal
from types import FrameType
from typing import Final

from sentiscore.cli import json_log

_STOPPING: Final = ("SIGTERM", "SIGHUP")
_AS_A_SHELL_TELLS: Final = 128
"""What a shell adds to the number of the signal that ended a program."""


class _Received:
    """What this process was sent."""

    number: int = signal.SIGINT
    asked: bool = False
    patient: bool = False


def listen() -> None:
    """Take SIGTERM and SIGHUP as a wish to stop, unless they are ignored, as nohup has it."""
    _Received.number, _Received.asked, _Received.patient = signal.SIGINT, False, False
    for name in _STOPPING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)


def exit_code() -> int:
    """130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP."""
    return _AS_A_SHELL_TELLS + _Received.number


def be_patient(*, now: bool) -> None:
    """Whether work is in hand that is worth finishing: then the first signal is only noted, and a second stops at once.

    Whoever is patient has to ask `was_asked`.
    """
    _Received.patient = now


def was_asked() -> bool:
    """Whether a signal was noted."""
    return _Received.asked


def _stop(number: int, frame: FrameType | None) -> None:
    again, _Received.number, _Received.asked = _Received.asked, number, True
    if again or not _Received.patient:
        raise KeyboardInterrupt
    json_log.tell("stopping", "Stopping when the rows in hand are scored; once more stops at once.")
