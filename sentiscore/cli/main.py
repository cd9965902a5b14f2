"""The group of all commands, and the handling of their errors."""

import atexit
import gc
import os
import sys
import warnings
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

import click

from sentiscore import forks, threads
from sentiscore.cli import json_log, signals
from sentiscore.cli.failures import Failure, Interrupted, unprinted
from sentiscore.cli.given_twice import StrictGroup
from sentiscore.cli.terminal import in_one_line, printing, say
from sentiscore.errors import SentiscoreError, SentiscoreWarning, StoppedError
from sentiscore.version import __version__

COMMANDS: Final = (
    "demo",
    "plan",
    "score",
    "features",
    "explain",
    "plot",
    "inspect",
    "monitor",
    "train",
    "tune",
    "distill",
    "evaluate",
    "check",
    "verify",
    "cache",
)


class Commands(StrictGroup):
    """Imports a command when it is used, and turns errors into messages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order in which they are typically used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command by name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"sentiscore.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is named first, or name those that are spelt alike."""
        if not ctx.resilient_parsing and args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, n=2)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {' or '.join(near)}?" if near else ""))
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run the command line, with everything that is printed made visible."""
        with printing(unprinted):
            return super().main(*args, **settings)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments before the name of a command."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise _in_one_line(error) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; expected errors become messages, and nothing else is caught."""
        signals.listen()
        json_log.switch(on=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", SentiscoreWarning)
            warnings.showwarning = _show_warning
            try:
                forks.check()
                return super().invoke(ctx)
            except StoppedError as error:
                raise Interrupted(error.message, error.hint) from error
            except SentiscoreError as error:
                raise Failure(error.message, error.hint) from error
            except click.UsageError as error:
                raise _in_one_line(error) from None
            except RuntimeError as error:
                if not threads.is_refused(error):
                    raise
                refused = threads.no_thread()
                raise Failure(refused.message, refused.hint) from error
            except (KeyboardInterrupt, click.Abort) as error:
                raise Interrupted(
                    "Stopped before the end. Complete files stay, and nothing half-written is in their place.",
                    "Run it again; a scoring job goes on after the last window that was finished.",
                ) from error


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    if json_log.is_on():
        json_log.event("warning", message=str(message))
        return
    say("warning:", "yellow", in_one_line(str(message)))


def _in_one_line(error: click.UsageError) -> click.UsageError:
    """Make the message of a usage error, which holds what was typed, a single line."""
    error.message = in_one_line(error.message)  # type: ignore[misc] # click reads it when it shows the error
    return error


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="sentiscore")
def cli() -> None:
    """Calibrated sentiment of dated text, as numbers that a forecasting model can use."""


def main() -> None:
    """The console script."""
    signals.own_the_process()
    code: str | int | None = None
    try:
        cli.main(prog_name="sentiscore")
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:  # after the command, while the process exits
        code = signals.exit_code()
    signals.ignore()
    if not threads.rest():
        _end_now(code)
    if signals.was_asked():
        atexit._run_exitfuncs()
        _end_now(code)
    gc.freeze()  # otherwise Python scans all of torch's objects at exit, which takes half a second
    sys.exit(code)


def _end_now(code: object) -> None:
    """Exit the process without Python's own shutdown.

    A thread that is still busy would abort the process there (signal 6). Python also destroys every object, which is
    slow on a busy machine, and the thread that ends a stopped command in time no longer runs by then.

    By now all files are closed or discarded; only printed text may still be buffered.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
