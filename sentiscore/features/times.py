"""A column of times, in any form -> instants in UTC."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.epochs import from_epoch, stands_for_none
from sentiscore.features.time_format import TimeFormat
from sentiscore.features.time_hints import hint_for_numbers
from sentiscore.features.time_text import no_zone, read_numbers, read_text
from sentiscore.features.zones import (
    DAY,
    INSTANT,
    MICROSECOND,
    UTC,
    WALL,
    check_zone,
    end_of_day,
    localise,
    start_of_day,
)
from sentiscore.tables.exact import name_of

__all__ = [
    "INSTANT",
    "UTC",
    "Times",
    "check_time_type",
    "check_zone",
    "parse_instant",
    "plausible",
    "read_published",
    "read_times",
    "start_of_day",
    "to_utc",
    "write_instant",
]

_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2199
_START: Final = datetime(_FIRST_YEAR, 1, 1, tzinfo=ZoneInfo(UTC))
_END: Final = datetime(_LAST_YEAR + 1, 1, 1, tzinfo=ZoneInfo(UTC))


@dataclass(frozen=True)
class Times:
    """A column of times that was read.

    Attributes:
        instants: Microseconds in UTC; null for a missing time. A date without a time is the end of that day.
        wall: The local time as written, or the date at midnight, without a zone.
        dated: Which are dates without a time.
        end: Which were written as the end of a day (24:00) or as a leap second (:60).
        zone: The zone in the type of the column, if there is one.
    """

    instants: pl.Series
    wall: pl.Series
    dated: pl.Series
    end: pl.Series
    zone: str | None

    def possible_from(self, tz: str | None) -> pl.Series:
        """The earliest instant at which a text with each time can have appeared: for a date, the day's start."""
        if not self.dated.any():
            return self.instants
        if tz is None:  # a date that was written with an offset
            return (self.instants - DAY + MICROSECOND).zip_with(self.dated, self.instants)
        starts = start_of_day(self.wall.dt.date().set(~self.dated, None), tz)
        return starts.zip_with(self.dated & self.instants.is_not_null(), self.instants)


def plausible(instants: pl.Series) -> pl.Series:
    """The same instants, but null outside the years 1900 to 2199, which removes stand-ins such as 9999-12-31."""
    within = instants.is_between(_START, _END, closed="left")
    return instants if within.all() else instants.set(~within, None)


def read_published(column: pl.Series, how: TimeFormat) -> Times:
    """Read the times of texts like `read_times`, except that the numbers 0 and -1 are missing times."""
    times = read_times(column, how)
    if how.unit is None or not how.counts(column.dtype):
        return times
    none = stands_for_none(times.instants, how.unit)
    return replace(times, instants=times.instants.set(none, None)) if none.any() else times


def parse_instant(value: str | datetime, what: str) -> datetime:
    """One instant in UTC, from a time with a zone or from ISO 8601 text with an offset.

    Raises:
        InputError: It cannot be read, has no zone, or is outside the years 1900 to 2199.
    """
    hint = "Write it as ISO 8601 with an offset, for example 2024-02-05T21:05:00+00:00."
    if isinstance(value, datetime) and value.tzinfo is not None:
        try:
            found = value.astimezone(ZoneInfo(UTC))
        except OverflowError:  # at either end of datetime's range
            found = None
    elif isinstance(value, str):
        try:
            found = plausible(to_utc(pl.Series(what, [value]), None))[0]
        except InputError as error:
            raise InputError(f"{value!r} is no instant ({what}).", hint) from error
    else:
        raise InputError(f"{value!r} is no instant ({what}).", hint)
    if found is None or not _START <= found < _END:
        raise InputError(f"{value!r} is no instant from 1900 to 2199 ({what}).", hint)
    return found


def write_instant(instant: datetime) -> str:
    """An instant in UTC for people to read, without fractions of a second."""
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def check_time_type(dtype: pl.DataType, column: str, tz: str | None, *, option: str = "--time-col (time_col)") -> None:
    """Raise an InputError if a column of this type can never be read as times without an option."""
    if isinstance(dtype, pl.Datetime):
        naive = dtype.time_zone is None
    elif dtype == pl.Date:
        naive = True
    elif dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        return  # text is checked row by row
    else:
        raise InputError(
            f"The time column {column!r} holds {dtype}, not times.",
            f"Name a column of dates, of times with a zone, or of ISO 8601 text with {option}.",
        )
    if naive and tz is None:
        raise no_zone(column, str(dtype))


def to_utc(times: pl.Series, tz: str | None) -> pl.Series:
    """Instants in UTC, from times that need at most a zone; see `read_times`."""
    return read_times(times, TimeFormat(tz=tz)).instants


def read_times(times: pl.Series, how: TimeFormat) -> Times:
    """Read a column of times.

    Text is read without an option if it is unambiguous, text by text, so a column may mix these forms: ISO 8601 in its
    extended and its basic form, and dates with the month as a word (RFC 2822, HTTP, Twitter, ctime,
    "Jan 5, 2024 4:00 PM ET"). With a pattern, all texts must have that form. Empty text, and the words with which
    pandas and others write a missing time, are missing times.

    A date without a time is read as the end of that day: it is not known when during the day the text appeared, so
    nothing on that day may depend on it. Times keep their own offset; those without one are in `how.tz`, where a time
    that the change to summer time skips, or that the change back repeats, is read as the later instant. Zone letters
    (ET, EST) are accepted if the zone of `how` uses them at that time. 24:00 is the end of a day, and a leap second,
    :60, is read as the second after it.

    Args:
        times: Times or dates; text; or numbers since 1970, if `how.unit` gives their unit.
        how: How they are read.

    Raises:
        InputError: A time has no zone and `how` does not have one either, or a value cannot be read as a time.
    """
    dtype = times.dtype
    if dtype.is_numeric():
        if how.format is None:
            return _of_instants(_from_numbers(times, how), UTC)
        return _of_text(_digits(times), how)
    check_time_type(dtype, name_of(times), how.tz)
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is not None:
            fine = times.cast(pl.Datetime("us", dtype.time_zone))
            return _of_instants(fine.dt.convert_time_zone(UTC), dtype.time_zone)
        wall = times.cast(WALL)
        return _of_wall(localise(wall, str(how.tz)), wall, how.tz, dated=False)
    if dtype == pl.Date:
        return _of_wall(end_of_day(times, str(how.tz)), times.cast(WALL), how.tz, dated=True)
    return _of_text(times.cast(pl.String), how)


def _of_wall(instants: pl.Series, wall: pl.Series, zone: str | None, *, dated: bool) -> Times:
    n = wall.len()
    never = pl.repeat(value=False, n=n, eager=True)
    return Times(instants, wall, pl.repeat(value=dated, n=n, eager=True), never, zone)


def _of_instants(instants: pl.Series, zone: str) -> Times:
    return _of_wall(instants, instants.dt.convert_time_zone(zone).dt.replace_time_zone(None), zone, dated=False)


def _of_text(texts: pl.Series, how: TimeFormat) -> Times:
    if how.unit is not None:
        return _of_instants(read_numbers(texts, how.unit), UTC)
    read = read_text(texts, how)
    return Times(read["instant"].alias(texts.name), read["wall"], read["dated"], read["end"], zone=None)


def _digits(numbers: pl.Series) -> pl.Series:
    """Numbers as text; integers without a decimal point, whatever their type."""
    if not numbers.dtype.is_float():
        return numbers.cast(pl.String)
    known = numbers.fill_nan(None)
    whole = known.set((known != known.floor()).fill_null(value=False), None).cast(pl.Int64, strict=False)
    text = whole.cast(pl.String)
    return text.zip_with(text.is_not_null(), known.cast(pl.String))


def _from_numbers(times: pl.Series, how: TimeFormat) -> pl.Series:
    if how.unit is not None:
        return from_epoch(times, how.unit)
    values = times.drop_nulls()
    if times.dtype.is_float():
        values = values.drop_nans()
    if values.is_empty():
        return pl.repeat(None, times.len(), dtype=INSTANT, eager=True).alias(times.name)
    raise InputError(
        f"The time column {name_of(times)!r} holds {times.dtype}, not times, for example {values[0]}.",
        f"{hint_for_numbers(values)} Or name a column of dates, of times with a zone, or of ISO 8601 text with "
        "--time-col (time_col).",
    )
