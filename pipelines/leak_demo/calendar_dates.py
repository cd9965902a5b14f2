"""The leak from joining tweets to prices by their New York date, compared with joining them by session.

python pipelines/leak_demo/calendar_dates.py --data FOLDER
"""

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from arch.bootstrap import StationaryBootstrap

import sentiscore
from placed import CALENDAR, sessions_of
from sentiscore import features

ZONE = "America/New_York"
Sums = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
BLOCK, RESAMPLES, SEED = 10, 2000, 0


def joined(daily: pl.DataFrame, returns: pl.DataFrame) -> pl.DataFrame:
    """Ticker-days with a tweet and the return of the same date, minus the ticker's means."""
    rows = daily.filter(pl.col("n_docs") > 0).join(returns, on=["unique_id", "ds"])
    values = rows.select(
        "unique_id",
        "ds",
        pl.col("sent_mean").alias("tone"),
        pl.col("n_docs").log().alias("tweets"),
        "return",
        pl.col("return").abs().alias("size"),
    )
    numbers = pl.col("tone", "tweets", "return", "size")
    return values.with_columns(numbers - numbers.mean().over("unique_id"))


def moments(rows: pl.DataFrame, one: str, other: str, days: pl.Series) -> Sums:
    """The sums by day from which a correlation of two columns is computed."""
    x, y = pl.col(one), pl.col(other)
    parts = {"n": x * 0 + 1, "x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y}
    sums = rows.group_by("ds").agg(part.sum().alias(name) for name, part in parts.items())
    whole = pl.DataFrame({"ds": days}).join(sums, on="ds", how="left", maintain_order="left").fill_null(0)
    return whole.drop("ds").to_numpy()


def correlation(sums: Sums) -> float:
    """The correlation from its sums by day."""
    n, x, y, xx, yy, xy = sums.sum(axis=0)
    spread = np.sqrt((xx / n - (x / n) ** 2) * (yy / n - (y / n) ** 2))
    return float((xy / n - x * y / n**2) / spread) if spread > 0 else 0.0


def signal(rows: dict[str, pl.DataFrame], one: str, other: str) -> dict[str, Any]:
    """The correlation of two columns with each join, and the difference between them."""
    days = pl.concat([rows["date"]["ds"], rows["session"]["ds"]]).unique().sort()
    by_date, by_session, late = (moments(rows[name], one, other, days) for name in ("date", "session", "late"))
    bootstrap = StationaryBootstrap(BLOCK, by_date, by_session, seed=SEED)
    low, high = bootstrap.conf_int(lambda a, b: correlation(a) - correlation(b), reps=RESAMPLES, method="percentile")[
        :, 0
    ]
    return {
        "by date": correlation(by_date),
        "by session": correlation(by_session),
        "difference": correlation(by_date) - correlation(by_session),
        "95 % interval of the difference": [float(low), float(high)],
        "of tweets after the close, with the return that was over": correlation(late),
    }


def measure(data: Path) -> dict[str, Any]:
    """Everything that is printed."""
    with TemporaryDirectory() as folder:
        output = Path(folder) / "scored.parquet"
        sentiscore.score_file(data / "stocknet/tweets.parquet", text_col="text", output=output)
        scored = pl.read_parquet(output, memory_map=False)
    before = pl.col("adj_close").shift(1).over("ticker", order_by="date")
    prices = pl.read_parquet(data / "stocknet/prices.parquet")
    returns = prices.select(
        pl.col("ticker").alias("unique_id"),
        pl.col("date").alias("ds"),
        (pl.col("adj_close") / before).log().alias("return"),
    )
    returns = returns.drop_nulls("return")

    tweets = scored.with_columns(
        new_york=pl.col("created_at").dt.convert_time_zone(ZONE).dt.date(),
        berlin=pl.col("created_at").dt.convert_time_zone("Europe/Berlin").dt.date(),
    ).join(sessions_of(scored, "created_at"), on="created_at")
    traded, traded_berlin = (pl.col(day).is_in(prices["date"].unique().implode()) for day in ("new_york", "berlin"))
    late = traded & (pl.col("ds") > pl.col("new_york"))
    shares = tweets.select(
        late.mean().alias("late"),
        (late.sum() / traded.sum()).alias("late_of_traded"),
        (~traded).mean().alias("no_session"),
        (traded_berlin & (pl.col("ds") > pl.col("berlin"))).mean().alias("late_berlin"),
    ).row(0, named=True)
    daily = partial(features.daily, time_col="created_at", entity_col="ticker")
    rows = {
        "date": joined(daily(scored, day_tz=ZONE), returns),
        "session": joined(daily(scored, calendar=CALENDAR), returns),
        "late": joined(daily(tweets.filter(late).drop("ds", "available_at"), day_tz=ZONE), returns),
    }
    return {
        "tweets": tweets.height,
        "share after the close of their New York date": shares["late"],
        "the same, of tweets on dates with a session": shares["late_of_traded"],
        "share on dates without a session, which a join by date drops": shares["no_session"],
        "tone and return": signal(rows, "tone", "return"),
        "number of tweets and size of the return": signal(rows, "tweets", "size"),
        "ticker-days by date, by session, after the close": [frame.height for frame in rows.values()],
        "share after the close of their Berlin date": shares["late_berlin"],
        "first and last tweet, Berlin time": [
            str(pl.Series([edge]).dt.convert_time_zone("Europe/Berlin").item())
            for edge in (tweets["created_at"].min(), tweets["created_at"].max())
        ],
    }


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with stocknet")
    arguments = parser.parse_args()
    sys.stdout.write(json.dumps(measure(arguments.data), indent=2) + "\n")


if __name__ == "__main__":
    main()
