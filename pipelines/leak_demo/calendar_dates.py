"""What joining tweets to prices by their New York date lets in, against joining them by session.

python pipelines/leak_demo/calendar_dates.py --data FOLDER [--json]
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
BLOCK, RESAMPLES, SEED = 10, 2000, 0


def joined(daily: pl.DataFrame, returns: pl.DataFrame) -> pl.DataFrame:
    """Ticker-days with a tweet, and the return of the same date."""
    return daily.filter(pl.col("n_docs") > 0).join(returns, on=["unique_id", "ds"])


def moments(rows: pl.DataFrame, days: pl.Series) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The sums, by day, that a correlation of tone and return is made of."""
    x, y = pl.col("sent_mean"), pl.col("return")
    sums = rows.group_by("ds").agg(
        pl.len().alias("n"), x.sum().alias("x"), y.sum().alias("y"), (x * x).sum().alias("xx"),
        (y * y).sum().alias("yy"), (x * y).sum().alias("xy"),
    )  # fmt: skip
    whole = pl.DataFrame({"ds": days}).join(sums, on="ds", how="left", maintain_order="left").fill_null(0)
    return whole.drop("ds").to_numpy().astype(np.float64)


def correlation(sums: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """The correlation from its sums by day."""
    n, x, y, xx, yy, xy = sums.sum(axis=0)
    return float((xy / n - x * y / n**2) / np.sqrt((xx / n - (x / n) ** 2) * (yy / n - (y / n) ** 2)))


def measure(data: Path) -> dict[str, Any]:
    """Everything that is printed."""
    with TemporaryDirectory() as folder:
        output = Path(folder) / "scored.parquet"
        sentiscore.score_file(data / "stocknet/tweets.parquet", text_col="text", output=output)
        scored = pl.read_parquet(output, memory_map=False)
    before = pl.col("adj_close").shift(1).over("ticker", order_by="date")
    returns = pl.read_parquet(data / "stocknet/prices.parquet").select(
        pl.col("ticker").alias("unique_id"),
        pl.col("date").alias("ds"),
        (pl.col("adj_close") / before).log().alias("return"),
    )
    returns = returns.drop_nulls("return")

    tweets = scored.with_columns(
        new_york=pl.col("created_at").dt.convert_time_zone(ZONE).dt.date(),
        berlin=pl.col("created_at").dt.convert_time_zone("Europe/Berlin").dt.date(),
    ).join(sessions_of(scored, "created_at"), on="created_at")
    traded = pl.col("new_york").is_in(returns["ds"].unique().implode())
    late = traded & (pl.col("ds") > pl.col("new_york"))
    shares = tweets.select(
        late.mean().alias("late"),
        (late.sum() / traded.sum()).alias("late_of_traded"),
        (~traded).mean().alias("no_session"),
        (pl.col("berlin") != pl.col("ds")).mean().alias("berlin"),
        (pl.col("berlin") > pl.col("ds")).mean().alias("berlin_after"),
    ).row(0, named=True)

    daily = partial(features.daily, time_col="created_at", entity_col="ticker")
    rows = {
        "date": joined(daily(scored, day_tz=ZONE), returns),
        "session": joined(daily(scored, calendar=CALENDAR), returns),
        "late": joined(daily(tweets.filter(late).drop("ds", "available_at"), day_tz=ZONE), returns),
    }
    days = returns["ds"].unique().sort()
    days = days.filter(days.is_between(rows["date"]["ds"].min(), rows["date"]["ds"].max()))
    sums = {name: moments(frame, days) for name, frame in rows.items()}
    by_date, by_session, of_late = (correlation(sums[name]) for name in ("date", "session", "late"))
    bootstrap = StationaryBootstrap(BLOCK, sums["date"], sums["session"], seed=SEED)
    low, high = bootstrap.conf_int(
        lambda a, b: correlation(a) / correlation(b) - 1, reps=RESAMPLES, method="percentile"
    )[:, 0]
    return {
        "tweets": tweets.height,
        "share after the close of their New York date": shares["late"],
        "the same, of tweets on dates with a session": shares["late_of_traded"],
        "share on dates without a session, which a join by date drops": shares["no_session"],
        "correlation of tone and return, joined by date": by_date,
        "correlation of tone and return, joined by session": by_session,
        "more same-day signal by date": by_date / by_session - 1,
        "its 95 % interval": [float(low), float(high)],
        "correlation of the tone of tweets after the close with the return that was over": of_late,
        "ticker-days by date, by session, after the close": [frame.height for frame in rows.values()],
        "share whose Berlin date is not their session": shares["berlin"],
        "share whose Berlin date is a later one than their session": shares["berlin_after"],
        "first and last tweet, Berlin time": [
            str(pl.Series([edge]).dt.convert_time_zone("Europe/Berlin").item())
            for edge in (tweets["created_at"].min(), tweets["created_at"].max())
        ],
    }


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with stocknet")
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines to read")
    arguments = parser.parse_args()
    found = measure(arguments.data)
    lines = json.dumps(found, indent=2) if arguments.json else "\n".join(f"{k}: {v}" for k, v in found.items())
    sys.stdout.write(lines + "\n")


if __name__ == "__main__":
    main()
