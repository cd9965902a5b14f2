"""The zone of a user's calendar, derived from its times."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from zoneinfo import available_timezones

import polars as pl

from sentiscore.features.time_format import TimeFormat
from sentiscore.features.times import read_times
from sentiscore.features.zones import UTC

_PREFERRED: Final = (
    "America/New_York",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Tokyo",
    "Asia/Shanghai",
    "Asia/Kolkata",
)
"""These are tried first; any other zone with the same clock works as well."""


def zone_shown(columns: Sequence[pl.Series]) -> str | None:
    """A zone whose clock matches these times: their own zone, or one with the offsets of the text.

    Offsets of text change over the year as those of a zone. If several zones have the same offsets, it does not matter
    which one is chosen: they have the same midnights in those years.

    Args:
        columns: Times with a zone or an offset.

    Returns:
        The zone; None if the times are in UTC, or no zone shows all of them.
    """
    for column in columns:
        if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None:
            return None if column.dtype.time_zone == UTC else column.dtype.time_zone
    times = [read_times(column, TimeFormat()) for column in columns if column.dtype == pl.String]
    if not times:
        return None
    shown = pl.DataFrame(
        {"at": pl.concat([each.instants for each in times]), "wall": pl.concat([each.wall for each in times])}
    ).drop_nulls()
    if (shown["at"].dt.replace_time_zone(None) == shown["wall"]).all():
        return None
    return next((zone for zone in _zones() if _shows(zone, shown)), None)


@lru_cache
def _zones() -> tuple[str, ...]:
    return (*_PREFERRED, *sorted(available_timezones().difference(_PREFERRED)))


def _shows(zone: str, shown: pl.DataFrame) -> bool:
    """Whether a zone shows these wall-clock times at these instants; not if polars does not know it."""
    for some in (shown[:1], shown):  # one is enough for most of them
        try:
            walls = some["at"].dt.convert_time_zone(zone).dt.replace_time_zone(None)
        except pl.exceptions.PolarsError:
            return False
        if (walls != some["wall"]).any():
            return False
    return True
