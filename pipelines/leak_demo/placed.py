"""The session that each instant counts for."""

import polars as pl

from sentiscore import features

CALENDAR = "XNYS"


def sessions_of(scored: pl.DataFrame, time_col: str, cutoff: str = "close") -> pl.DataFrame:
    """The session of each distinct instant: `ds`, and `available_at`, its cutoff.

    Each instant is its own entity here, so that its first daily row is that of its session.
    """
    instants = scored.unique(time_col).with_columns(pl.col(time_col).dt.epoch("us").alias("instant"))
    config = features.DailyConfig(cutoff=cutoff)
    placed = features.daily(instants, time_col=time_col, entity_col="instant", calendar=CALENDAR, config=config)
    placed = placed.unique("unique_id", keep="first", maintain_order=True)
    instant = pl.from_epoch("unique_id", time_unit="us").dt.replace_time_zone("UTC").cast(scored[time_col].dtype)
    return placed.select(instant.alias(time_col), "ds", "available_at")
