"""How the command line shows what went wrong."""

import os
from typing import TYPE_CHECKING, Any

import click

from sentiscore.cli import json_log, signals

if TYPE_CHECKING:
    from pathlib import Path


def marked(word: str, colour: str) -> str:
    """A word in bold colour, or plain where the user wants none (https://no-color.org)."""
    return word if os.environ.get("NO_COLOR") else click.style(word, fg=colour, bold=True)


class Failure(click.ClickException):
    """An error of sentiscore: what is wrong, then the next step."""

    def show(self, file: Any = None) -> None:
        """Write it to stderr."""
        if json_log.is_on():
            json_log.event("failed", message=self.message, exit_code=self.exit_code)
            return
        click.echo(f"{marked('error:', 'red')} {self.message}", err=True)


class Interrupted(Failure):
    """Ctrl-C, or a signal such as a scheduler's SIGTERM."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.exit_code = signals.exit_code()  # type: ignore[misc] # which click reads from the instance


def stopped(folder: "Path") -> Interrupted:
    """A training run was stopped: what is left of it, and how to go on."""
    from sentiscore.training.folder import has_state, last_whole_state

    if not has_state(folder):
        return Interrupted("Stopped before training began. Run it again.")
    if last_whole_state(folder) is None:
        return Interrupted(
            f"Stopped before a state was saved.\nBegin again with the same command and --resume: {folder}"
        )
    return Interrupted(
        f"Stopped before the end. {folder} keeps the last saved state.\nGo on with the same command and --resume."
    )
