"""What was published on each night of a random history can be rebuilt from the last night's files, to the last bit."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore.features import DailyConfig, as_published
from sentiscore.nightly.state import revisions_path
from sentiscore.nightly.update_daily import update_daily
from sentiscore.tables import write_frame
from tests.effort import spread
from tests.unit.nightly.test_update_daily import ARGS, FIRST, at_day, rows_of


@dataclass(frozen=True)
class Night:
    """One update and a copy of the file that it left."""

    as_of: datetime
    made: datetime
    daily: pl.DataFrame


def anew(rows: pl.DataFrame, args: dict[str, Any], random: Random) -> tuple[pl.DataFrame, dict[str, Any]]:
    """All rows, some of them with other scores or gone, and other settings at times."""
    if random.random() < 0.3:
        rows = rows.with_columns(-pl.col("sentiment"))
    if random.random() < 0.3:
        rows = rows.filter(pl.col("ticker") != "BBB")
    if random.random() < 0.3:
        sets = random.choice([("level",), ("level", "shares"), ("unique", "decay"), ("tone",)])
        args = {**args, "config": DailyConfig(start=args["config"].start, sets=sets)}
    return rows, args


def history(folder: Path, seed: int) -> Iterator[Night]:
    """Nights with late rows, new entities, nothing at all, revisions, and files that are made again from all rows."""
    random = Random(seed)  # noqa: S311 - made-up rows
    rows = rows_of(random.randrange(10, 60), days=20, seed=seed)
    young = (pl.col("ticker") == "ä") & (pl.col("at") < at_day(random.randrange(15)))
    rows = rows.filter(~young)  # of an entity whose rows begin late
    config = DailyConfig(start=random.choice([None, date(2023, 12, 27)]), cutoff=random.choice(["close", "open-30m"]))
    args: dict[str, Any] = {**ARGS, "calendar": random.choice([None, "XNYS"]), "config": config}
    revises, as_of, number = seed % 3 > 0, FIRST, 0
    added, waiting = rows.clear(), rows
    while as_of < at_day(22):
        as_of += timedelta(days=random.choice([0, 1, 2, 4]), hours=random.choice([0, 3, 16]))
        late = random.random() < 0.2 and revises
        here = waiting.filter(pl.col("at") <= as_of)
        new = here.clear() if random.random() < 0.15 and revises else here.head(here.height // 2) if late else here
        waiting = waiting.join(new, on=rows.columns, how="anti", nulls_equal=True)
        again = revises and number > 0 and random.random() < 0.2
        if again:
            new, args = anew(pl.concat([added, new]), args, random)
        added = new if again else pl.concat([added, new])
        source = write_frame(new.with_columns(night=pl.lit(number)), folder / "new.parquet")
        update_daily(source, daily=folder / "daily.parquet", as_of=as_of, revise=revises, anew=again, **args)
        yield Night(as_of, datetime.now(UTC), pl.read_parquet(folder / "daily.parquet"))
        number += 1


@pytest.mark.parametrize("seed", spread(range(6), 3))
def test_every_night_of_a_random_history_can_be_rebuilt(tmp_path: Path, seed: int) -> None:
    nights = list(history(tmp_path, seed))
    last = nights[-1].daily
    kept = revisions_path(tmp_path / "daily.parquet")
    revisions = pl.read_parquet(kept) if kept.exists() else None
    for night, after in zip(nights, [*nights[1:], None], strict=True):
        if revisions is not None:
            assert_frame_equal(as_published(last, revisions, night.made), night.daily, check_exact=True)
        if after is None or after.as_of > night.as_of:
            assert_frame_equal(as_published(last, revisions, night.as_of), night.daily, check_exact=True)
        if after is not None and after.as_of > night.as_of and revisions is not None:
            just_before = after.as_of - timedelta(microseconds=1)
            assert_frame_equal(as_published(last, revisions, just_before), night.daily, check_exact=True)
