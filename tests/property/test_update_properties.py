"""Updates at any instants, one after another, against one run over all rows."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore.features import DailyConfig, as_published, daily
from sentiscore.nightly.state import revisions_path, state_path
from sentiscore.nightly.update_daily import update_daily
from sentiscore.tables import write_frame
from tests.effort import examples
from tests.unit.nightly.test_update_daily import ARGS, FIRST, at_day, rows_of


@st.composite
def nights(draw: st.DrawFn) -> list[datetime]:
    """Instants at which updates are made: anywhere, at closes and midnights, and around them."""
    sharp = st.builds(
        lambda day, hour, more: at_day(day) + timedelta(hours=hour, microseconds=more),
        st.integers(1, 40),
        st.sampled_from([0, 5, 16, 21]),
        st.sampled_from([0, -1, 1]),
    )
    anywhere = st.integers(0, 40 * 86_400_000_000).map(lambda more: FIRST + timedelta(microseconds=more))
    cuts = draw(st.lists(sharp | anywhere, min_size=1, max_size=5, unique=True))
    return [*sorted(cuts), at_day(draw(st.integers(41, 50)))]


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=nights(),
    seed=st.integers(0, 1_000),
    n=st.integers(0, 60),
    calendar=st.sampled_from([None, "XNYS"]),
    cutoff=st.sampled_from(["close", "open-30m", "close+2h"]),
    latency=st.sampled_from(["0s", "5m", "3d"]),
    repeats=st.sampled_from(["keep", "drop", "discount"]),
    start=st.sampled_from([None, date(2023, 12, 27)]),
)
def test_updates_at_any_instants_are_one_run_as_of_the_last(
    tmp_path: Path,
    cuts: list[datetime],
    seed: int,
    n: int,
    calendar: str | None,
    cutoff: str,
    latency: str,
    repeats: str,
    start: date | None,
) -> None:
    rows = rows_of(n, seed=seed)
    config = DailyConfig(cutoff=cutoff, latency=latency, repeats=repeats, start=start)
    args: dict[str, Any] = {**ARGS, "calendar": calendar, "config": config}
    target = tmp_path / "daily.parquet"
    for path in (target, state_path(target), revisions_path(target)):
        path.unlink(missing_ok=True)
    before = datetime(1970, 1, 1, tzinfo=UTC)
    for cut in cuts:
        new = rows.filter((pl.col("at") > before) & (pl.col("at") <= cut))
        update_daily(write_frame(new, tmp_path / "new.parquet"), daily=target, as_of=cut, **args)
        found = pl.read_parquet(target)
        so_far = rows.filter(pl.col("at") <= cut)
        assert_frame_equal(found, daily(so_far, as_of=cut, **args), check_exact=True)
        assert not (found["available_at"] > cut).any()
        before = cut
    recorded = revisions_path(target).exists()
    assert start is not None or not recorded  # with a start, new entities get rows in published sessions
    revisions = pl.read_parquet(revisions_path(target)) if recorded else None
    # what was told at each night is what the last run says of it
    whole = pl.read_parquet(target)
    for cut in cuts:
        told = daily(rows.filter(pl.col("at") <= cut), as_of=cut, **args)
        then = whole.filter(pl.col("available_at") <= cut)
        if start is None:  # with a start, an entity's empty rows before its first text are hindsight
            assert_frame_equal(told, then, check_exact=True)
        assert_frame_equal(as_published(whole, revisions, cut), told, check_exact=True)
