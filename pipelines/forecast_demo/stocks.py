"""Data set A: tweets about tickers, and the next session's return, range and volume."""

import warnings
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from exchange_calendars import get_calendar

from own_past import with_own_past
from sentiscore import features

CALENDAR: Final = "XNYS"
CUTOFF: Final = "close-15m"

TRAIN_FROM: Final = date(2014, 1, 2)
EVALUATE_FROM: Final = date(2015, 1, 1)
EVALUATE_TO: Final = date(2015, 12, 31)
REFIT_EVERY: Final = 21
EMBARGO: Final = 5

TARGETS: Final = ("return", "range", "volume")
WINDOWS: Final = (5, 22)
ATTENTION: Final = ("log_docs", "log_docs_5", "news_flag")
TONE: Final = ("sent_mean", "disagreement", "sent_decay_5")


def daily_features(scored: pl.DataFrame) -> pl.DataFrame:
    """Features of each ticker and session, all of them known 15 minutes before the session's close."""
    return features.daily(
        scored,
        time_col="created_at",
        entity_col="ticker",
        calendar=CALENDAR,
        config=features.DailyConfig(cutoff=CUTOFF, start=TRAIN_FROM, end=EVALUATE_TO),
    )


def read_prices(file: Path) -> pl.DataFrame:
    """Prices with the numbers of their sessions, for tickers with complete prices before the evaluation period."""
    prices = pl.read_parquet(file)
    sessions = prices.select("date").unique().sort("date").with_row_index("period").cast({"period": pl.Int64})
    prices = prices.join(sessions, on="date").sort("ticker", "date")
    before = prices.filter(pl.col("date") < EVALUATE_FROM)
    complete = (
        before.group_by("ticker")
        .agg(
            pl.len().alias("n"),
            ((pl.col("volume") > 0) & (pl.col("high") > pl.col("low"))).fill_null(value=False).all().alias("traded"),
        )
        .filter(pl.col("traded") & (pl.col("n") == before["period"].n_unique()))
    )
    return prices.filter(pl.col("date") <= EVALUATE_TO).join(complete, on="ticker", how="semi")


def targets(prices: pl.DataFrame) -> pl.DataFrame:
    """The three targets of each ticker and session; null if one is missing."""
    before = pl.col("adj_close").shift(1).over("ticker", order_by="period")
    spread = (pl.col("high") / pl.col("low")).log()
    return prices.select(
        pl.col("ticker").alias("unique_id"),
        "period",
        pl.col("date").alias("ds"),
        (pl.col("adj_close") / before).log().alias("return"),
        pl.when(spread > 0).then(spread.log()).alias("range"),
        pl.when(pl.col("volume") > 0).then(pl.col("volume").log()).alias("volume"),
    )


def known_before(daily: pl.DataFrame, targets: pl.DataFrame) -> pl.DataFrame:
    """The features of the session before each target; 0 without texts."""
    sessions = targets.select("ds", "period").unique()
    recent = pl.col("n_docs").rolling_sum(5, min_samples=1).over("unique_id", order_by="ds")
    before = (
        daily.with_columns(
            pl.col("n_docs").log1p().alias("log_docs"),
            recent.log1p().alias("log_docs_5"),
        )
        .join(sessions, on="ds")
        .select("unique_id", pl.col("period") + 1, "available_at", *ATTENTION, *TONE)
    )
    rows = targets.join(before, on=["unique_id", "period"], how="left")
    return rows.with_columns(pl.col(*ATTENTION, *TONE).cast(pl.Float64).fill_null(0.0).fill_nan(0.0))


def exchange_sessions(first: date, last: date) -> pl.DataFrame:
    """The sessions of the exchange and their closes, directly from the calendar library."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Series.values returning")  # it was written for an older pandas
        calendar = get_calendar(CALENDAR, start=first.isoformat(), end=last.isoformat())
        closes = [close.to_pydatetime() for close in calendar.closes]
        days = [day.date() for day in calendar.sessions]
    return pl.DataFrame({"ds": days, "close": pl.Series(closes).cast(pl.Datetime("us", "UTC"))})


def closes(targets: pl.DataFrame) -> pl.DataFrame:
    """The close of each session of the targets, to compare with `available_at`."""
    sessions = targets.select("ds", "period").unique().sort("ds")
    official = exchange_sessions(sessions["ds"].item(0), sessions["ds"].item(-1))
    matched = sessions.join(official, on="ds", how="full", coalesce=True)
    if matched.null_count().sum_horizontal().item():
        raise SystemExit("The sessions of the prices are not those of the exchange.")
    return matched


def check_known(rows: pl.DataFrame, closes: pl.DataFrame) -> None:
    """Stop if a feature was not available strictly before the close at which the target's period begins."""
    before = closes.select(pl.col("period") + 1, "close")
    late = rows.join(before, on="period").filter(pl.col("available_at") >= pl.col("close"))
    if late.height:
        raise SystemExit(f"{late.height:,} rows of features were not known before the target's period began.")


def rows_of(target: str, known: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The rows of one target with its own past, and the names of the past columns."""
    rows, past = with_own_past(known.with_columns(pl.col(target).alias("y")), lags=(1,), windows=WINDOWS)
    return rows.filter(pl.col("ds") >= TRAIN_FROM), past


def same_session(daily: pl.DataFrame, targets: pl.DataFrame) -> float:
    """The correlation of tone with the return of the same session, in sessions with texts."""
    rows = targets.join(daily.filter(pl.col("n_docs") > 0), on=["unique_id", "ds"]).drop_nulls("return")
    return float(rows.select(pl.corr("sent_mean", "return")).item())
