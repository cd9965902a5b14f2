"""The rows that daily features have: every session of every entity."""

from datetime import datetime
from typing import Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.config import DailyConfig
from sentiscore.features.grid import CALENDAR, CLOSE
from sentiscore.features.sessions import Sessions

_MOST_ROWS: Final = 20_000_000


def grid_of(totals: pl.DataFrame, sessions: Sessions, config: DailyConfig, as_of: datetime | None) -> pl.DataFrame:
    """Every session of every entity, from its first to its last, or to where the config says.

    With an instant as of which they are made, to the last session that is closed by then.

    Args:
        totals: The sums of each entity and session.
        sessions: The calendar.
        config: Where the rows begin and end, if it says so.
        as_of: The instant.

    Raises:
        InputError: They would be absurdly many.
    """
    start, stop = sessions.positions(config.start, config.end)
    last = pl.max_horizontal(pl.col("session_idx").max(), pl.lit(stop))
    if as_of is not None:
        closed = sessions.last_closed(as_of)
        totals = totals if closed is not None else totals.clear()
        last = pl.lit(closed, dtype=pl.Int32)
    spans = totals.group_by("unique_id").agg(
        pl.min_horizontal(pl.col("session_idx").min(), pl.lit(start)).alias("first"), last.alias("last")
    )
    if as_of is not None:  # an entity of which all that is known lies in the open session has no row yet
        spans = spans.filter(pl.col("first") <= pl.col("last"))
    _check_span(spans, sessions)
    grid = (
        spans.select("unique_id", pl.int_ranges("first", pl.col("last") + 1, dtype=pl.Int32).alias("session_idx"))
        .explode("session_idx", empty_as_null=False)
        .sort("unique_id", "session_idx")
    )
    table = sessions.between(*ends(pl.concat([spans["first"], spans["last"]])))
    placed = grid.join(table, on="session_idx", how="left", maintain_order="left")
    return placed.rename({"cutoff": "available_at", "close": CLOSE}).with_columns(pl.lit(sessions.name).alias(CALENDAR))


def ends(indices: pl.Series) -> tuple[int, int]:
    """The least and the greatest; a range without members where there are none."""
    if indices.is_empty():
        return 0, -1
    ordered = indices.sort()
    return int(ordered[0]), int(ordered[-1])


def _check_span(spans: pl.DataFrame, sessions: Sessions) -> None:
    """Raise an InputError if the grid of sessions would be absurdly large."""
    rows = spans.select((pl.col("last") - pl.col("first") + 1).cast(pl.Int64).sum()).item()
    if rows > _MOST_ROWS:
        days = sessions.between(*ends(pl.concat([spans["first"], spans["last"]])))["ds"]
        raise InputError(
            f"{spans.height:,} entities with days from {days[0]} to {days[-1]} would make {rows:,} rows.",
            "Some times look wrong; leave rows with stand-in dates out, or make features of fewer entities.",
        )
