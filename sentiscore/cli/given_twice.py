"""Refuses an option of one value that is given twice: click would use the last one, and drop the first in silence."""

from collections.abc import Sequence
from typing import Any, Final

import click

_HINTS: Final = {
    "--entity-col": " To have an entity of several columns, make one column of them first.",
    "--text-col": " To score several columns, give the command for each, or make one column of them first.",
}


class StrictGroup(click.Group):
    """A group of commands whose options take effect or are refused."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and look at its options."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            context = click.Context(command, info_name=name, parent=ctx)
            _refuse(context, _given(context, command, rest))
        return name, command, rest


def _given(context: click.Context, command: click.Command, args: Sequence[str]) -> list[Any]:
    """The parameters that the arguments set, in order; none if they are wrong, which the command itself says."""
    try:
        return list(command.make_parser(context).parse_args(list(args))[2])
    except click.UsageError:
        return []


def _refuse(context: click.Context, given: Sequence[Any]) -> None:
    seen: set[int] = set()
    for parameter in given:
        if not isinstance(parameter, click.Option) or parameter.multiple or parameter.is_flag or parameter.count:
            continue
        if id(parameter) in seen:
            option = max(parameter.opts, key=len)
            raise click.UsageError(
                f"{option} is given twice, and takes one value.{_HINTS.get(option, '')}", ctx=context
            )
        seen.add(id(parameter))
