"""The rows that daily features have: every session of every entity."""

from collections.abc import Iterator
from datetime import UTC as UTC_ZONE
from datetime import datetime
from itertools import pairwise
from typing import Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.config import DailyConfig
from sentiscore.features.grid import CALENDAR, CLOSE
from sentiscore.features.sessions import Sessions

_MOST_ROWS: Final = 20_000_000
_PART_ROWS: Final = 65_536
"""Daily rows that are made at once, or all rows of one entity; each takes half a kilobyte meanwhile."""

_ROW_BYTES: Final = 256
"""The memory of a daily row without its name, rounded up."""

_MOST_NAME_BYTES: Final = 2 << 30
"""Bytes of the names of all daily rows together."""


def spans_apart(
    totals: pl.DataFrame, sessions: Sessions, config: DailyConfig, as_of: datetime | None
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """The first and last session of each entity, with their sums, in groups of entities that fill a part of the rows.

    Args:
        totals: The sums of each entity and session, in the order of the entities.
        sessions: The calendar.
        config: Where the rows begin and end, if it says so.
        as_of: The instant as of which the features are made, if there is one.

    Raises:
        InputError: The rows would be absurdly many.
    """
    spans = _spans(totals, sessions, config, as_of)
    _check_span(spans, sessions)
    size = (_rows() * (_ROW_BYTES + _name_bytes())).cum_sum()
    numbers = spans.select((size - 1) // (_PART_ROWS * _ROW_BYTES)).to_series()
    borders = [*numbers.to_frame("part").with_row_index().unique("part", keep="first")["index"].sort(), spans.height]
    if len(borders) <= 2:  # noqa: PLR2004 - one part, or none
        yield spans, totals
        return
    starts = spans["start"]
    for first, after in pairwise(borders):
        end = totals.height if after == spans.height else int(starts[after])
        yield spans[first:after], totals[int(starts[first]) : end]


def _spans(totals: pl.DataFrame, sessions: Sessions, config: DailyConfig, as_of: datetime | None) -> pl.DataFrame:
    """The first and last session of each entity, in order, and where its sums begin.

    They begin with its first text, or where the config says, and end together: with the last text of any entity, or
    where the config says; with an instant as of which the features are made, with the last session that is closed by
    then. So a quiet entity has rows without texts, and its last row is not its last news.
    """
    start, stop = sessions.positions(config.start, config.end)
    together = pl.lit(_last_begun(totals["session_idx"], sessions), dtype=pl.Int32)
    last = pl.max_horizontal(pl.col("session_idx").max(), together, pl.lit(stop))
    if as_of is not None:
        closed = sessions.last_closed(as_of)
        totals = totals if closed is not None else totals.clear()
        last = pl.lit(closed, dtype=pl.Int32)
    spans = (
        totals.group_by("unique_id")
        .agg(
            pl.min_horizontal(pl.col("session_idx").min(), pl.lit(start)).alias("first"),
            last.alias("last"),
            pl.len().cast(pl.Int64).alias("start"),
        )
        .sort("unique_id")
        .with_columns(pl.col("start").cum_sum() - pl.col("start"), pl.col("first", "last").cast(pl.Int64))
    )
    if as_of is not None:  # an entity with texts only in the open session does not have a row yet
        spans = spans.filter(pl.col("first") <= pl.col("last"))
    return spans


def _last_begun(indices: pl.Series, sessions: Sessions) -> int | None:
    """The last session that has a text, except those that have not begun yet, whose times may be wrong."""
    first, last = ends(indices)
    if last < first:
        return None
    now = datetime.now(UTC_ZONE)
    if sessions.between(last, last)["cutoff"][0] <= now:
        return last
    closed = sessions.last_closed(now)
    return None if closed is None else min(last, closed + 1)


def grid_of(spans: pl.DataFrame, sessions: Sessions) -> pl.DataFrame:
    """Every session of every entity, from its first to its last.

    Args:
        spans: The first and last session of each entity, in order.
        sessions: The calendar.
    """
    grid = spans.select(
        "unique_id", pl.int_ranges("first", pl.col("last") + 1, dtype=pl.Int32).alias("session_idx")
    ).explode("session_idx", empty_as_null=False)
    table = sessions.between(*ends(pl.concat([spans["first"], spans["last"]])))
    placed = grid.join(table, on="session_idx", how="left", maintain_order="left")
    return placed.rename({"cutoff": "available_at", "close": CLOSE}).with_columns(pl.lit(sessions.name).alias(CALENDAR))


def within(daily: pl.DataFrame, config: DailyConfig) -> pl.DataFrame:
    """The rows of the days that the config requests."""
    if config.start is not None:
        daily = daily.filter(pl.col("ds") >= config.start)
    return daily if config.end is None else daily.filter(pl.col("ds") <= config.end)


def ends(indices: pl.Series) -> tuple[int, int]:
    """The smallest and the largest; an empty range if there are none."""
    if indices.is_empty():
        return 0, -1
    ordered = indices.sort()
    return int(ordered[0]), int(ordered[-1])


def _check_span(spans: pl.DataFrame, sessions: Sessions) -> None:
    """Raise an InputError if the grid of sessions would be absurdly large."""
    rows = spans.select(_rows().sum()).item()
    if rows > _MOST_ROWS:
        days = sessions.between(*ends(pl.concat([spans["first"], spans["last"]])))["ds"]
        raise InputError(
            f"{spans.height:,} entities with days from {days[0]} to {days[-1]} would make {rows:,} rows.",
            "Some times look wrong; leave rows with stand-in dates out, or make features of fewer entities.",
        )
    size = spans.select((_rows() * _name_bytes()).sum()).item()
    if size > _MOST_NAME_BYTES:
        raise InputError(
            f"{rows:,} daily rows would have {size >> 20:,} MB of names.",
            "Name another column of entities, or give them shorter names.",
        )


def _rows() -> pl.Expr:
    """How many daily rows each entity has."""
    return pl.col("last") - pl.col("first") + 1


def _name_bytes() -> pl.Expr:
    return pl.col("unique_id").cast(pl.String).str.len_bytes().cast(pl.Int64)
