"""Options reach commands under names and types that mypy sees."""

import inspect
import typing
from collections.abc import Iterator

import click
import pytest

from sentiscore.cli.main import COMMANDS, cli


def commands(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", found) for inner, found in commands(command, context))
        else:
            yield name, command


ALL = dict(commands(cli, click.Context(cli)))


@pytest.mark.parametrize("name", ALL)
def test_every_parameter_of_a_command_has_a_name_and_a_type(name: str) -> None:
    callback = ALL[name].callback
    assert callback is not None
    for parameter in inspect.signature(callback).parameters.values():  # of the function below what groups options
        assert parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        assert parameter.annotation is not inspect.Parameter.empty
        assert typing.Any not in (parameter.annotation, *typing.get_args(parameter.annotation))
        assert "Any" not in str(parameter.annotation)


@pytest.mark.parametrize("name", ALL)
def test_every_option_is_a_parameter_of_its_command_or_of_a_group(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    callback = ALL[name].callback
    assert callback is not None
    left = {str(parameter.name) for parameter in ALL[name].params}
    layer = callback
    while hasattr(layer, "__wrapped__"):
        group = inspect.getclosurevars(layer).nonlocals
        assert set(group["of"]) <= left, "a group takes an option that there is not"
        left = left - set(group["of"]) | {group["name"]}
        layer = layer.__wrapped__
    assert left == set(inspect.signature(layer).parameters)


def test_all_commands_are_looked_at() -> None:
    assert {name.split()[0] for name in ALL} == set(COMMANDS)
