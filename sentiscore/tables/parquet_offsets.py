"""Converts times of a parquet column whose zone polars does not know to text with their original offset.

As instants in UTC they would no longer show that 18:30Z is midnight at its original offset, +05:30. Text keeps it.
"""

import re
from typing import Any, Final

import polars as pl

from sentiscore.tables.parquet_types import is_known

_OFFSET: Final = re.compile(r"(?:UTC|GMT)?(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2})?", re.IGNORECASE)
_FIRST_YEAR: Final = 1
_LAST_YEAR: Final = 9999


def unknown_zones(schema: Any) -> dict[str, str]:
    """The columns of a pyarrow schema with a zone that polars does not know, and that zone."""
    import pyarrow as pa

    return {
        field.name: field.type.tz
        for field in schema
        if pa.types.is_timestamp(field.type) and field.type.tz is not None and not is_known(field.type.tz)
    }


def offset_of(zone: str) -> int | None:
    """The minutes by which a fixed offset such as +05:30 is ahead of UTC; None for the name of a zone."""
    if zone.upper() in ("Z", "UTC", "GMT"):
        return 0
    found = _OFFSET.fullmatch(zone)
    if found is None:
        return None
    minutes = int(found["hours"]) * 60 + int(found["minutes"] or 0)
    return -minutes if found["sign"] == "-" else minutes


def with_offset(times: pl.Series, minutes: int) -> pl.Series:
    """Format instants in UTC as ISO 8601 text at an offset, or in UTC where that would leave the years 1 to 9999.

    Args:
        times: Instants in UTC.
        minutes: How far the offset is ahead of UTC.
    """
    utc = pl.col("t").dt.replace_time_zone(None)
    local = utc + pl.duration(minutes=minutes)
    form = "%Y-%m-%dT%H:%M:%S%.f"
    written = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    fits = local.dt.year().is_between(_FIRST_YEAR, _LAST_YEAR)
    text = pl.when(fits).then(local.dt.strftime(form) + written).otherwise(utc.dt.strftime(form) + "+00:00")
    return times.to_frame("t").select(text.alias(times.name)).to_series()
