"""Data set B: articles on the US economy, and the next month of two indices."""

from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from own_past import with_own_past
from sentiscore import features

ZONE: Final = "America/New_York"
FIRST: Final = date(1995, 1, 1)
TRAIN_FROM: Final = date(1995, 4, 1)
EVALUATE_FROM: Final = date(2000, 1, 1)
EVALUATE_TO: Final = date(2005, 12, 1)
REFIT_EVERY: Final = 1
EMBARGO: Final = 1

LAGS: Final = (1, 2, 3)
TONE: Final = ("tone", "tone_3")
LAST_VALUE: Final = "last_value"


def daily_features(scored: pl.DataFrame) -> pl.DataFrame:
    """Daily features; an article is known when its day in New York is over."""
    return features.daily(scored, time_col="date", tz=ZONE, day_tz=ZONE)


def monthly_tone(daily: pl.DataFrame) -> pl.DataFrame:
    """The mean tone of the articles that became known in a month, and over three months.

    An article that becomes known exactly when a month begins counts for that month.
    """
    known = daily.filter(pl.col("n_docs") > 0).with_columns(
        pl.col("available_at").dt.convert_time_zone(ZONE).dt.date().dt.truncate("1mo").alias("ds")
    )
    tone = (pl.col("n_docs") * pl.col("sent_mean")).sum() / pl.col("n_docs").sum()
    months = known.group_by("ds").agg(tone.alias("tone"), pl.col("n_docs").sum()).sort("ds")
    return (
        months.upsample("ds", every="1mo")
        .with_columns(pl.col("n_docs").fill_null(0), pl.col("tone").forward_fill())
        .with_columns(pl.col("tone").rolling_mean(3).alias("tone_3"))
    )


def epu(file: Path) -> pl.DataFrame:
    """The log of the policy uncertainty index by month."""
    return pl.read_csv(file, try_parse_dates=True).select(pl.col("date").alias("ds"), pl.col("index").log().alias("y"))


def dnsi(file: Path) -> pl.DataFrame:
    """The monthly mean of the daily news sentiment index, and its last value before the month began."""
    days = pl.read_csv(file, try_parse_dates=True).sort("date")
    months = days.group_by(pl.col("date").dt.truncate("1mo").alias("ds")).agg(
        pl.col("dnsi").mean().alias("y"), pl.col("dnsi").sort_by("date").last().alias(LAST_VALUE)
    )
    return months.sort("ds").with_columns(pl.col(LAST_VALUE).shift(1))


def rows_of(index: pl.DataFrame, tone: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The months of one index with its own past and the tone of earlier months, and the names of the past columns."""
    numbered = index.filter(pl.col("ds") <= EVALUATE_TO).with_columns(
        unique_id=pl.lit("all"),
        period=(pl.col("ds").dt.year() * 12 + pl.col("ds").dt.month()).cast(pl.Int64),
    )
    before = tone.select(pl.col("ds").dt.offset_by("1mo"), *TONE)
    rows, past = with_own_past(numbered.join(before, on="ds", how="left"), lags=LAGS)
    own = [name for name in (LAST_VALUE,) if name in index.columns]
    return rows.filter(pl.col("ds") >= TRAIN_FROM), [*past, *own]


def same_month(tone: pl.DataFrame, index: pl.DataFrame) -> float:
    """The correlation of tone with the index of the same month."""
    return float(tone.join(index, on="ds").select(pl.corr("tone", "y")).item())
