"""Wall-clock times and dates of a zone -> instants in UTC."""

from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

import polars as pl

from sentiscore.errors import InputError

UTC: Final = "UTC"
INSTANT: Final = pl.Datetime("us", UTC)
WALL: Final = pl.Datetime("us")
MICROSECOND: Final = timedelta(microseconds=1)
DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=ZoneInfo(UTC))


def to_microseconds(instant: datetime) -> int:
    """Microseconds since 1970."""
    return (instant - _EPOCH) // MICROSECOND


def from_microseconds(number: int) -> datetime:
    """The instant of `to_microseconds`, in UTC."""
    return _EPOCH + number * MICROSECOND


def check_zone(name: str, what: str) -> str:
    """Return the name of a time zone after checking that it exists.

    Raises:
        InputError: There is no such time zone.
    """
    try:
        ZoneInfo(name)
        pl.select(pl.lit(0).cast(INSTANT).dt.convert_time_zone(name))  # polars knows fewer names
    except (KeyError, ValueError, TypeError, OSError, pl.exceptions.PolarsError) as error:  # TypeError: not text
        raise InputError(
            f"There is no time zone {name!r} ({what}).", "Zones are named like America/New_York or UTC."
        ) from error
    return name


def start_of_day(dates: pl.Series, tz: str) -> pl.Series:
    """The first instant after which a zone never shows an earlier date again, in UTC.

    That is midnight, or the end of the gap if the zone skips midnight; if the clock goes back across midnight, it is
    the second midnight, since a part of the previous day comes after the first.
    """
    midnights = dates.cast(WALL).to_frame("t")
    wall = pl.col("t")
    early, late = _instant(wall, tz, "earliest"), _instant(wall, tz, "latest")
    just_before = (late - MICROSECOND).dt.convert_time_zone(tz).dt.date()
    start = pl.when(just_before < wall.dt.date()).then(late).otherwise(early)
    return midnights.select(start.alias(dates.name)).to_series()


def end_of_day(dates: pl.Series, tz: str) -> pl.Series:
    """The last microsecond of each date in a zone, in UTC."""
    return start_of_day(dates.dt.offset_by("1d"), tz) - MICROSECOND


def localise(wall: pl.Series, tz: str) -> pl.Series:
    """Wall-clock times of a zone -> UTC; the later of two possible instants."""
    return wall.to_frame("t").select(_instant(pl.col("t"), tz, "latest").alias(wall.name)).to_series()


def localise_lettered(wall: pl.Series, letters: pl.Series, tz: str) -> pl.Series:
    """Wall-clock times with zone letters, such as EST, in a zone that uses these letters at that time -> UTC.

    The letters of a zone are those in the tz database: EST or EDT in New York, CST in Chicago and in Shanghai. Generic
    letters (ET for EST and EDT) agree with both. A time that the change back repeats is the one that the letters name,
    and the later of the two if they are generic.

    Args:
        wall: Wall-clock times.
        letters: The letters of each, in upper or lower case.
        tz: The zone.

    Returns:
        Instants in UTC; null if the zone uses other letters at that time.
    """
    frame = pl.DataFrame({"t": wall, "letters": letters.str.to_uppercase()})
    readings = []
    for which in ("latest", "earliest"):
        at = _instant(pl.col("t"), tz, which)
        shown = at.dt.convert_time_zone(tz).dt.strftime("%Z")
        either = shown.str.replace(r"^([A-Z]+)[SD]T$", "${1}T")
        readings.append(pl.when((pl.col("letters") == shown) | (pl.col("letters") == either)).then(at))
    return frame.select(pl.coalesce(readings).alias(wall.name)).to_series()


def _instant(wall: pl.Expr, tz: str, ambiguous: Literal["earliest", "latest"]) -> pl.Expr:
    """Wall-clock times of a zone -> UTC; a time that the zone skips is read with the previous day's offset."""

    def at(time: pl.Expr) -> pl.Expr:
        return time.dt.replace_time_zone(tz, ambiguous=ambiguous, non_existent="null").dt.convert_time_zone(UTC)

    return pl.coalesce(at(wall), at(wall - DAY) + DAY)
