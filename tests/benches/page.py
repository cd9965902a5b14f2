"""How large the page of `sentiscore plot` is, and how long it takes to make.

python -m tests.benches.page [--entities 1000] [--years 10]
"""

import argparse
import random
import time
from datetime import date

import polars as pl

from sentiscore import features
from sentiscore.features.plot import MOST_ENTITIES


def daily_frame(entities: int, years: int, seed: int = 0) -> pl.DataFrame:
    """Random daily features of weekdays, about half of them without news, with a band and a decayed mean."""
    days = pl.date_range(date(2024 - years, 1, 1), date(2023, 12, 31), eager=True)
    sessions = pl.DataFrame({"ds": days}).filter(pl.col("ds").dt.weekday() < 6).with_row_index("session_idx")
    names = pl.DataFrame({"unique_id": [f"T{i:04}" for i in range(entities)]})
    rng = random.Random(seed)  # noqa: S311 - made-up figures
    grid = names.join(sessions, how="cross")
    docs = [max(0, rng.randrange(-5, 6)) for _ in range(grid.height)]
    means = [rng.uniform(-1, 1) for _ in range(grid.height)]
    news = pl.col("n_docs") > 0
    return grid.with_columns(
        pl.Series("n_docs", docs, dtype=pl.Int64),
        pl.Series("sent_mean", means),
        available_at=pl.col("ds").cast(pl.Datetime("us")).dt.offset_by("21h").dt.replace_time_zone("UTC"),
    ).with_columns(
        pl.when(news).then("sent_mean"),
        sent_std=pl.when(pl.col("n_docs") > 1).then(pl.col("sent_mean").abs()),
        sent_decay_5=pl.col("sent_mean") / 2,
    )


def main(argv: list[str] | None = None) -> None:
    """Print a table with a line for each number of entities drawn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, default=1000)
    parser.add_argument("--years", type=int, default=10)
    settings = parser.parse_args(argv)
    daily = daily_frame(settings.entities, settings.years)
    print(f"{settings.entities:,} entities, {settings.years} years of weekdays, {daily.height:,} rows")  # noqa: T201
    print("| entities drawn | page, MB | seconds |\n| --- | --- | --- |")  # noqa: T201
    for drawn in sorted({1, 10, MOST_ENTITIES, 500, settings.entities}):
        if drawn > settings.entities:
            continue
        start = time.perf_counter()
        page = features.plot(daily, limit=drawn)
        print(f"| {drawn:,} | {len(page.encode()) / 1e6:.1f} | {time.perf_counter() - start:.2f} |")  # noqa: T201


if __name__ == "__main__":
    main()
