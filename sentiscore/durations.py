"""Durations as people write them: 5m, 1h30m, 2d."""

import re
from datetime import timedelta
from typing import Final

from sentiscore.errors import InputError

_UNITS: Final = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_LONGEST: Final = timedelta(days=36_525)
_PART: Final = re.compile(r"(\d{1,9})(ms|d|h|m|s)")


def parse_duration(text: str, what: str) -> timedelta:
    """Parse a duration.

    Args:
        text: Whole numbers, each with d (24 hours), h, m (minutes), s or ms, such as "5m" or "1h30m".
        what: What it is for, as the message names it.

    Raises:
        InputError: It has another form, or is longer than a hundred years.
    """
    plain = text.strip()
    parts = _PART.findall(plain)
    if not parts or "".join(number + unit for number, unit in parts) != plain:
        raise InputError(
            f"{text!r} is not a length of time ({what}).",
            "Write whole numbers with d, h, m (minutes), s or ms, for example 5m or 1h30m.",
        )
    one = timedelta(milliseconds=1)  # whole numbers, since the sum may be longer than any timedelta
    thousandths = sum(int(number) * (_UNITS[unit] // one) for number, unit in parts)
    if thousandths > _LONGEST // one:
        raise InputError(f"The length of time {text!r} is longer than a hundred years ({what}).", "Give a shorter one.")
    return thousandths * one


def write_duration(length: timedelta) -> str:
    """Format a duration as text that `parse_duration` reads; fractions of a millisecond are dropped."""
    parts = []
    for unit, size in _UNITS.items():
        number, length = divmod(length, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"
