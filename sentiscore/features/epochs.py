"""Numbers that count since 1970 -> instants in UTC."""

from datetime import UTC as UTC_ZONE
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.zones import INSTANT
from sentiscore.tables.exact import name_of

UNITS: Final = ("s", "ms", "us", "ns")
NAMES: Final = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}

_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_MICROSECONDS: Final = 1_000_000
_LARGEST: Final = 10**10
"""Seconds, three hundred years: more than any usable instant, and few enough for 64 bits."""
_MOST: Final = 2**63 - 1

_LIKELY: Final = (631_152_000, 4_102_444_800)
"""The seconds from 1990 to 2100. A number lies in that range in one unit at most."""

_DIGITS: Final = (
    ("%Y%m%d", 1, 0),
    ("%Y%m%d%H%M", 10_000, 2_359),
    ("%Y%m%d%H%M%S", 1_000_000, 235_959),
)
"""Patterns of times in digits, what their date is multiplied by, and the most that their clock can be."""

WHOLE: Final = r"^\s*[+-]?[0-9]{1,19}\s*$"
NUMBER: Final = r"^\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*$"


def stands_for_none(instants: pl.Series, unit: str) -> pl.Series:
    """Which instants were written as 0 or -1, which databases write for a missing time.

    Args:
        instants: Microseconds in UTC.
        unit: What the numbers count.
    """
    return instants.cast(pl.Int64).is_in([0, -max(1, _MICROSECONDS // _PER_SECOND[unit])]).fill_null(value=False)


def odd_times(instants: pl.Series) -> pl.Series:
    """Which instants lie outside the years 1990 to 2099; numbers outside may be in another unit."""
    low, high = (bound * _MICROSECONDS for bound in _LIKELY)
    return ~instants.cast(pl.Int64).is_between(low, high, closed="left").fill_null(value=True)


def likely_unit(number: float) -> str | None:
    """The unit in which a number is an instant from 1990 to 2100; None if there is none."""
    low, high = _LIKELY
    return next((unit for unit in UNITS if low <= number / _PER_SECOND[unit] < high), None)


def shown(number: float, unit: str) -> str:
    """A number since 1970 as people read it."""
    instant = datetime.fromtimestamp(0, UTC_ZONE) + timedelta(seconds=number / _PER_SECOND[unit])
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def is_number(texts: pl.Series) -> pl.Series:
    """Which texts are numbers."""
    return texts.str.contains(NUMBER)


def numbers_of(texts: pl.Series) -> pl.DataFrame:
    """Texts that are numbers -> whole (Int64) where they are whole numbers, otherwise part (Float64)."""
    whole = pl.when(pl.col("t").str.contains(WHOLE)).then(pl.col("t").str.strip_chars().str.strip_prefix("+"))
    part = pl.when(pl.col("t").str.contains(NUMBER)).then(pl.col("t").str.strip_chars())
    return texts.to_frame("t").select(
        whole.cast(pl.Int64, strict=False).alias("whole"), part.cast(pl.Float64, strict=False).alias("part")
    )


def from_epoch(numbers: pl.Series, unit: str) -> pl.Series:
    """Numbers since 1970 -> instants.

    Args:
        numbers: Whole numbers, or numbers with a fraction, which are rounded to the microsecond.
        unit: What they count.

    Returns:
        Microseconds in UTC; nanoseconds are cut. Null for a missing number, or an instant more than three
        hundred years from 1970.

    Raises:
        InputError: A number is an instant from 1990 to 2100 in another unit, and not in this one; or it is a date, or a
            date and a time, in digits such as 20240105.
    """
    _check_unit(numbers, unit)
    _check_digits(numbers)
    largest = min(_LARGEST * _PER_SECOND[unit], _MOST)
    if numbers.dtype.is_integer():
        exact = numbers.cast(pl.Int64, strict=False)
        exact = exact.set(~exact.is_between(-largest, largest), None)
        if unit == "ns":
            return (exact // 1_000).cast(INSTANT)
        return (exact * (_MICROSECONDS // _PER_SECOND[unit])).cast(INSTANT)
    part = numbers.cast(pl.Float64)
    part = part.set(~part.is_between(-largest, largest) | part.is_nan(), None)
    return (part * (_MICROSECONDS / _PER_SECOND[unit])).round().cast(pl.Int64).cast(INSTANT)


def _check_unit(numbers: pl.Series, unit: str) -> None:
    low, high = _LIKELY
    size = numbers.cast(pl.Float64)
    here = size.is_between(low * _PER_SECOND[unit], high * _PER_SECOND[unit])
    if (here | numbers.is_null()).all():
        return
    for other in UNITS:
        wrong = ~here & size.is_between(low * _PER_SECOND[other], high * _PER_SECOND[other])
        if wrong.any():
            value = numbers.filter(wrong)[0]
            raise InputError(
                f"{wrong.sum():,} of the numbers in {name_of(numbers)!r} do not count {NAMES[unit]} since 1970, for "
                f"example {value}, which would be {shown(value, other)} in {NAMES[other]}.",
                f"Say so with --time-unit {other} (time_unit='{other}').",
            )


def _check_digits(numbers: pl.Series) -> None:
    """Raise an InputError if a number is a date of 1990 to 2099 in digits, which is not in these years in any unit."""
    size = numbers.cast(pl.Float64)
    for pattern, more, most in _DIGITS:
        date = (size / more).floor()
        month, day, rest = (date / 100).floor() % 100, date % 100, size % more
        is_date = date.is_between(19900101, 20991231) & month.is_between(1, 12) & day.is_between(1, 31) & (rest <= most)
        found = is_date.fill_null(value=False)
        if found.any():
            value = numbers.filter(found)[0]
            raise InputError(
                f"{found.sum():,} of the numbers in {name_of(numbers)!r} are dates in digits and do not count since "
                f"1970, for example {value}.",
                f"Use --time-format '{pattern}' (time_format) in place of --time-unit (time_unit).",
            )
