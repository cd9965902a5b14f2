"""The reference page of the command line, made from `--help`.

python -m sentiscore.cli.reference docs/reference/cli.md
"""

import sys
from pathlib import Path

import click

from sentiscore.cli.main import COMMANDS, cli

_HEAD = """# Command line reference

Made from `--help` with `make reference`; a test compares the two.

Exit codes: 0 done; 1 something is wrong, and the message says what to do next; 2 an option or argument was
mistyped; 3 `monitor` found a drift past a threshold; 130, 143 and 129 stopped by Ctrl-C, SIGTERM or SIGHUP, after which
a scoring job goes on by the same command.
"""


def render() -> str:
    """The page as Markdown."""
    context = click.Context(cli, info_name="sentiscore", terminal_width=100, **cli.context_settings)
    parts = [_HEAD, _section("sentiscore", cli, context)]
    for name in COMMANDS:
        command = cli.get_command(context, name)
        if command is not None:
            parts += _sections(name, command, context)
    return "\n".join(parts)


def _sections(name: str, command: click.Command, parent: click.Context) -> list[str]:
    """A command's section, and those of its own commands."""
    context = click.Context(command, info_name=name, parent=parent, terminal_width=100)
    parts = [_section(context.command_path, command, context)]
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found is not None:
                parts += _sections(inner, found, context)
    return parts


def _section(title: str, command: click.Command, context: click.Context) -> str:
    return f"## {title}\n\n```text\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
