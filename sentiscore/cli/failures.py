"""How the command line shows what went wrong."""

from typing import Any, Final

import click

INTERRUPTED: Final = 130


class Failure(click.ClickException):
    """An error of sentiscore: what is wrong, then the next step."""

    def show(self, file: Any = None) -> None:
        """Write it to stderr."""
        click.echo(f"{click.style('error:', fg='red', bold=True)} {self.message}", err=True)


class Interrupted(Failure):
    """Ctrl-C, or SIGTERM from a scheduler."""

    exit_code = INTERRUPTED
