"""Options that several commands share, worded once."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]

DEVICE: Final = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto (a CUDA GPU where there is one), cpu, cuda, cuda:1 or mps.",
)
DTYPE: Final = click.option(
    "--dtype",
    type=click.Choice(["auto", "fp32", "bf16"]),
    default="auto",
    show_default=True,
    help="Numbers to compute with; auto is bf16 where the hardware has it.",
)
LABELS: Final = click.option(
    "--labels",
    metavar="NAME,NAME[,NAME]",
    callback=lambda _ctx, _param, value: split(value),
    help="What the ids 0, 1 (, 2) mean, for example negative,positive or negative,neutral,positive.",
)
REVISION: Final = click.option("--revision", help="Branch, tag or commit of a model from the hub.")
TIME_COL: Final = "When each text appeared: times with a zone, or ISO 8601 text with an offset."
ENTITY_COL: Final = "The series each text belongs to, such as a ticker; without it there is one series, 'all'."
TZ: Final = click.option("--tz", metavar="ZONE", help="Zone of times that carry none, such as America/New_York.")
DAY_TZ: Final = click.option(
    "--day-tz", metavar="ZONE", help="Zone whose midnight ends a day.  [default: that of --tz, or UTC]"
)


def split(value: str | None) -> list[str] | None:
    """A list that was typed with commas."""
    return None if value is None else [part.strip() for part in value.split(",") if part.strip()]
