"""Logs what a command does to stderr, one JSON object per line, for schedulers that read logs."""

import json
from datetime import UTC, datetime
from typing import Any

import click


class _Log:
    on: bool = False


def switch(*, on: bool) -> None:
    """Switch to writing events instead of text, or back to text."""
    _Log.on = on


def is_on() -> bool:
    """Whether events are written."""
    return _Log.on


def switched(_context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    """Switch as an option says, before the others are read, so that their errors are written as events too."""
    switch(on=value)
    return value


def event(name: str, **fields: Any) -> None:
    """Write one event: its name, the time (UTC) and more fields, in ASCII, so that every reader splits lines alike.

    Args:
        name: What happened, for example "window".
        fields: Anything that JSON can hold; paths become text.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    click.echo(json.dumps({"event": name, "time": now, **fields}, default=str), err=True)


def report(name: str, message: str) -> None:
    """Report progress on stderr, as an event or, where events are not enabled, as text."""
    if _Log.on:
        event(name, message=message)
    else:
        click.echo(message, err=True)
