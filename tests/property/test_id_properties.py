"""Stories whose copies come again in any nights, against one run over all that came and against one row for each."""

from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore.features import DailyConfig, DailySums, daily
from sentiscore.nightly.state import revisions_path, state_path
from sentiscore.nightly.update_daily import update_daily
from sentiscore.tables import write_frame
from tests.effort import examples
from tests.unit.nightly.test_update_daily import ARGS, at_day, rows_of

pytestmark = pytest.mark.filterwarnings("ignore:.*rows? (was|were) corrected")
IDS: dict[str, Any] = {**ARGS, "id_col": "id"}


def stories(n: int, seed: int) -> pl.DataFrame:
    """Rows of `n` stories, some of them with later versions that have another time, text or score."""
    random = Random(seed)  # noqa: S311 - made-up rows
    rows = rows_of(n, days=12, seed=seed).with_row_index("id")
    first = rows.with_columns(pl.col("id") + 100, pl.col("ticker", "text", "label", "status").cast(pl.String))
    later = [
        first.filter(pl.Series([random.random() < 0.4 for _ in range(n)], dtype=pl.Boolean)).with_columns(
            pl.col("at") + timedelta(hours=random.choice([1, 5, 30])),
            text=pl.lit(random.choice("abx")),
            ticker=pl.col("ticker"),
        )
        for _ in range(2)
    ]
    return pl.concat([first, *later])


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1_000),
    n=st.integers(0, 40),
    cuts=st.lists(st.integers(1, 14 * 24), min_size=1, max_size=4, unique=True),
    calendar=st.sampled_from([None, "XNYS"]),
    repeats=st.sampled_from(["keep", "drop", "discount"]),
    latency=st.sampled_from(["0s", "3d"]),
    cumulative=st.booleans(),
    weight_col=st.sampled_from([None, "weight"]),
    told=st.booleans(),
)
def test_updates_with_copies_are_one_run_over_all_that_came(
    tmp_path: Path,
    seed: int,
    n: int,
    cuts: list[int],
    calendar: str | None,
    repeats: str,
    latency: str,
    cumulative: bool,
    weight_col: str | None,
    told: bool,
) -> None:
    rows = stories(n, seed)
    args = {**IDS, "calendar": calendar, "config": DailyConfig(repeats=repeats, latency=latency)}
    args |= {"weight_col": weight_col, "text_col": "text" if told or repeats != "keep" else None}
    target = tmp_path / "daily.parquet"
    for path in (target, state_path(target)):
        path.unlink(missing_ok=True)
    before: datetime | None = None
    for cut in [*(at_day(hours / 24) for hours in sorted(cuts)), at_day(20)]:
        so_far = rows.filter(pl.col("at") <= cut)
        overlap = timedelta(days=1 + seed % 3)
        new = so_far if cumulative or before is None else so_far.filter(pl.col("at") > before - overlap)
        done = update_daily(write_frame(new, tmp_path / "new.parquet"), daily=target, as_of=cut, **args)
        assert_frame_equal(done.daily, daily(so_far, as_of=cut, **args), check_exact=True)
        before = cut
    assert not revisions_path(target).exists()


@settings(max_examples=examples(20), deadline=None)
@given(seed=st.integers(0, 1_000), n=st.integers(1, 40), size=st.integers(1, 50), order=st.randoms())
def test_neither_order_nor_parts_matter_and_one_row_of_each_story_counts(
    seed: int, n: int, size: int, order: Random
) -> None:
    rows = stories(n, seed)
    whole = daily(rows, **IDS)
    shuffled = rows[order.sample(range(rows.height), rows.height)]
    sums = DailySums(**IDS, midnight="instant")
    for part in shuffled.iter_slices(size):
        sums.add(part)
    assert_frame_equal(sums.finish(), whole, check_exact=True)
    scored = rows.filter(pl.col("status") == "ok")
    assert whole["n_docs"].sum() == scored.select("ticker", "id").n_unique()
    counted = rows.filter(pl.col("at") == pl.col("at").min().over("ticker", "id")).unique(("ticker", "id"))
    assert sums.n_repeated >= rows.height - counted.height - (rows.height - scored.height)
