"""A column of times, however it is written -> instants in UTC."""

from datetime import datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

import polars as pl

from sentiscore.errors import InputError

UTC: Final = "UTC"
INSTANT: Final = pl.Datetime("us", UTC)
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2199
_START: Final = datetime(_FIRST_YEAR, 1, 1, tzinfo=ZoneInfo(UTC))
_END: Final = datetime(_LAST_YEAR + 1, 1, 1, tzinfo=ZoneInfo(UTC))


def check_zone(name: str, what: str) -> str:
    """The name of a time zone, if there is one of that name.

    Raises:
        InputError: There is none.
    """
    try:
        ZoneInfo(name)
        pl.select(pl.lit(0).cast(INSTANT).dt.convert_time_zone(name))  # polars knows fewer names
    except (KeyError, ValueError, OSError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"There is no time zone {name!r} ({what}).", "Zones are named like America/New_York or UTC."
        ) from error
    return name


def at_midnight(times: pl.Series) -> pl.Series:
    """Which times are midnight to the second as they are written; a date without a time is not one of them."""
    if isinstance(times.dtype, pl.Datetime):
        return (times.dt.time() == time(0)).fill_null(value=False)
    if times.dtype == pl.String:
        return times.str.contains(r"^\s*\d{4}-\d\d-\d\d[T ]00:00(:00(\.0+)?)?\s*([zZ+-]|$)").fill_null(value=False)
    return pl.repeat(value=False, n=times.len(), eager=True)


def plausible(instants: pl.Series) -> pl.Series:
    """The same instants, null outside the years 1900 to 2199, where stand-ins such as 9999-12-31 lie."""
    within = instants.is_between(_START, _END, closed="left")
    return instants if within.all() else instants.set(~within, None)


def parse_instant(value: str | datetime, what: str) -> datetime:
    """One instant in UTC, from a time with a zone or from ISO 8601 text with an offset.

    Raises:
        InputError: It cannot be read, carries no zone, or lies outside the years 1900 to 2199.
    """
    hint = "Write it as ISO 8601 with an offset, for example 2024-02-05T21:05:00+00:00."
    if isinstance(value, datetime) and value.tzinfo is not None:
        try:
            found = value.astimezone(ZoneInfo(UTC))
        except OverflowError:  # at either end of what a datetime can be
            found = None
    elif isinstance(value, str):
        try:
            found = to_utc(pl.Series(what, [value]), None)[0]
        except InputError as error:
            raise InputError(f"{value!r} is no instant ({what}).", hint) from error
    else:
        raise InputError(f"{value!r} is no instant ({what}).", hint)
    if found is None or not _START <= found < _END:
        raise InputError(f"{value!r} is no instant from 1900 to 2199 ({what}).", hint)
    return found


def write_instant(instant: datetime) -> str:
    """An instant in UTC as people read it; what is below a second is dropped."""
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def possible_from(times: pl.Series, instants: pl.Series, tz: str | None) -> pl.Series:
    """From when on a text with such a time can be there: its instant, or for a date without a time the day's start."""
    if tz is None:
        return instants
    if times.dtype == pl.Date:
        dated = instants.is_not_null()
    elif times.dtype == pl.String:
        dated = times.str.contains(r"^\s*\d{4}-\d\d-\d\d\s*$").fill_null(value=False) & instants.is_not_null()
    else:
        return instants
    if not dated.any():
        return instants
    return start_of_day(instants.dt.convert_time_zone(tz).dt.date(), tz).zip_with(dated, instants)


def check_time_type(dtype: pl.DataType, column: str, tz: str | None) -> None:
    """Raise an InputError if a column of this type can never say when something appeared."""
    if isinstance(dtype, pl.Datetime):
        naive = dtype.time_zone is None
    elif dtype == pl.Date:
        naive = True
    elif dtype in (pl.String, pl.Null):
        return  # text is looked at row by row
    else:
        raise InputError(
            f"The time column {column!r} holds {dtype}, not times.",
            "Name a column of dates, of times with a zone, or of ISO 8601 text with --time-col (time_col).",
        )
    if naive and tz is None:
        raise _no_zone(column, str(dtype))


def to_utc(times: pl.Series, tz: str | None) -> pl.Series:
    """Instants in UTC.

    Args:
        times: Times with a zone; ISO 8601 text with an offset or Z; or, if `tz` says in which zone they
            are, times without one. A date without a time is taken as the end of that day: when in the day
            it was known cannot be told, so nothing of the day may depend on it.
        tz: The zone of times that carry none; times that carry one keep their own. A time that the change
            to summer time skips, or that the change back repeats, is taken as the later instant.

    Returns:
        Microseconds in UTC; null where there was none.

    Raises:
        InputError: A time carries no zone and `tz` says none, or a text is no time.
    """
    check_time_type(times.dtype, times.name, tz)
    if tz is not None:
        check_zone(tz, "tz")
    if times.dtype == pl.Null:
        return times.cast(INSTANT)
    if isinstance(times.dtype, pl.Datetime):
        if times.dtype.time_zone is not None:
            return times.cast(pl.Datetime("us", times.dtype.time_zone)).dt.convert_time_zone(UTC)
        return _localise(times.cast(pl.Datetime("us")), str(tz))
    if times.dtype == pl.Date:
        return _end_of_day(times, str(tz))
    return _parse(times, tz)


def start_of_day(dates: pl.Series, tz: str) -> pl.Series:
    """The first instant from which a zone never shows an earlier date again, in UTC.

    That is midnight, or the end of the gap where a zone skips midnight; where a clock goes back over midnight,
    it is the second midnight, since some of the day before comes after the first.
    """
    midnights = dates.cast(pl.Datetime("us")).to_frame("t")
    wall = pl.col("t")
    early, late = _instant(wall, tz, "earliest"), _instant(wall, tz, "latest")
    just_before = (late - pl.duration(microseconds=1)).dt.convert_time_zone(tz).dt.date()
    start = pl.when(just_before < wall.dt.date()).then(late).otherwise(early)
    return midnights.select(start.alias(dates.name)).to_series()


def _end_of_day(dates: pl.Series, tz: str) -> pl.Series:
    """The last microsecond of each date in a zone, in UTC."""
    return start_of_day(dates.dt.offset_by("1d"), tz) - timedelta(microseconds=1)


def _localise(times: pl.Series, tz: str) -> pl.Series:
    """Wall-clock times of a zone -> UTC; of two readings the later one."""
    return times.to_frame("t").select(_instant(pl.col("t"), tz, "latest").alias(times.name)).to_series()


def _instant(wall: pl.Expr, tz: str, ambiguous: Literal["earliest", "latest"]) -> pl.Expr:
    """Wall-clock times of a zone -> UTC; a time that the zone skips is read on the clock of the day before."""

    def at(time: pl.Expr) -> pl.Expr:
        return time.dt.replace_time_zone(tz, ambiguous=ambiguous, non_existent="null").dt.convert_time_zone(UTC)

    return pl.coalesce(at(wall), at(wall - pl.duration(days=1)) + pl.duration(days=1))


def _parse(times: pl.Series, tz: str | None) -> pl.Series:
    """ISO 8601 text -> UTC."""
    name = times.name
    iso = times.str.strip_chars().str.replace(r"^(\d{4}-\d\d-\d\d) +(\d)", "${1}T$2")
    iso = iso.str.replace(r" *(?:[zZ]|UTC|GMT)$", "+00:00").str.replace(r" +([+-]\d\d:?\d\d)$", "$1")
    iso = iso.str.replace(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d)([+-]|$)", "${1}:00$2")  # seconds may be left out
    iso = iso.str.replace(r"(T.*[+-]\d\d)$", "${1}:00")  # and the minutes of an offset
    iso = iso.set(iso == "", None)
    readable = iso.set(~iso.str.contains(r"^\d{4}-"), None)  # 24-02-05 would be a day of the year 24
    with_offset = readable.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", strict=False)
    naive = readable.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    date = readable.str.to_date("%Y-%m-%d", strict=False)
    naive = naive.set(with_offset.is_not_null(), None)
    bad = iso.is_not_null() & with_offset.is_null() & naive.is_null() & date.is_null()
    if bad.any():
        raise InputError(
            f"{bad.sum():,} of the times in {name!r} cannot be read, for example {times.filter(bad)[0]!r}.",
            "Write them as ISO 8601, for example 2024-02-05T16:05:30-05:00.",
        )
    zoneless = naive.is_not_null() | date.is_not_null()
    if zoneless.any() and tz is None:
        raise _no_zone(name, f"for example {times.filter(zoneless)[0]!r}")
    parts = {"offset": with_offset.cast(INSTANT)}
    if tz is not None:
        parts |= {"naive": _localise(naive, tz), "date": _end_of_day(date, tz)}
    return pl.DataFrame(parts).select(pl.coalesce(pl.all()).alias(name)).to_series()


def _no_zone(column: str, what: str) -> InputError:
    return InputError(
        f"The times in {column!r} carry no time zone ({what}).",
        "Say which zone they are in, for example: --tz America/New_York (tz='America/New_York').",
    )
