"""How the command line shows what went wrong."""

from typing import TYPE_CHECKING, Any, NoReturn

import click

from sentiscore.cli import json_log, signals
from sentiscore.cli.terminal import in_one_line, say

if TYPE_CHECKING:
    from pathlib import Path


class Failure(click.ClickException):
    """Shows an error of sentiscore: what is wrong, then the next step.

    On a terminal the message is one line, and further lines of a hint are indented, so that no name in them can start a
    line of its own.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}\n{hint}" if hint else message)
        self._shown = [in_one_line(message), *([] if not hint else ["\n  ".join(map(in_one_line, hint.split("\n")))])]

    def show(self, file: Any = None) -> None:
        """Write it to stderr."""
        if json_log.is_on():
            json_log.event("failed", message=self.message, exit_code=self.exit_code)
            return
        say("error:", "red", "\n".join(self._shown))


class Interrupted(Failure):
    """Ctrl-C, or a signal such as a scheduler's SIGTERM."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.exit_code = signals.exit_code()  # type: ignore[misc] # click reads it from the instance


def unprinted(error: OSError) -> NoReturn:
    """Raise a Failure for something that could not be written to stdout."""
    raise Failure(
        f"What was to be printed could not be written to stdout: {error.strerror or error}.",
        "Files that were written are in place. Send stdout to a place that takes it.",
    ) from error


def stopped(folder: "Path") -> Interrupted:
    """The failure of a training run that was stopped: what is left of it, and how to continue."""
    from sentiscore.training.folder import has_state, last_whole_state

    if not has_state(folder):
        return Interrupted("Stopped before training began. Run it again.")
    if last_whole_state(folder) is None:
        return Interrupted(
            "Stopped before a state was saved.", f"Begin again with the same command and --resume: {folder}"
        )
    return Interrupted(
        f"Stopped before the end. {folder} keeps the last saved state.", "Go on with the same command and --resume."
    )
