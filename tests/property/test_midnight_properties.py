"""Midnights that are frequent never count before their day is over, in any mode."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore.features import DailyConfig, DailySums, daily
from tests.effort import examples

pytestmark = pytest.mark.filterwarnings("ignore:.*midnight to the second", "ignore::DeprecationWarning:exchange")
FEW = settings(max_examples=examples(25), deadline=None)
START = datetime(2024, 3, 4)  # noqa: DTZ001 - a week before summer time
ZONES = ("UTC", "America/New_York", "Asia/Tokyo")

midnights = st.lists(st.integers(0, 13).map(lambda day: START + timedelta(days=day)), min_size=10, max_size=14)
others = st.lists(st.integers(1, 14 * 86_400 - 1).map(lambda s: START + timedelta(seconds=s)), max_size=30)


def frame_of(walls: list[datetime], zone: str, *, text: bool) -> pl.DataFrame:
    times = [wall.replace(tzinfo=ZoneInfo(zone)) for wall in walls]
    column = pl.Series([at.isoformat() for at in times]) if text else pl.Series(times, dtype=pl.Datetime("us", zone))
    n = len(walls)
    return pl.DataFrame({"at": column, "sentiment": [0.5] * n, "label": ["positive"] * n, "status": ["ok"] * n})


@FEW
@given(
    sharp=midnights,
    rest=others,
    zone=st.sampled_from(ZONES),
    calendar=st.sampled_from([None, "XNYS"]),
    day_tz=st.sampled_from(ZONES),
    cutoff=st.sampled_from(["close", "open", "close+6h"]),
    latency=st.sampled_from(["0s", "5m"]),
    text=st.booleans(),
)
def test_no_midnight_is_in_a_row_that_was_available_before_its_day_ended(
    sharp: list[datetime],
    rest: list[datetime],
    zone: str,
    calendar: str | None,
    day_tz: str,
    cutoff: str,
    latency: str,
    text: bool,
) -> None:
    config = DailyConfig(cutoff=cutoff, latency=latency)
    days = {} if calendar else {"day_tz": day_tz}
    frame = daily(frame_of([*sharp, *rest], zone, text=text), time_col="at", calendar=calendar, config=config, **days)
    ends = [(wall + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for wall in sharp]
    known = [*ends, *(wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for wall in rest)]
    for available_at, counted in zip(frame["available_at"], frame["n_docs"].cum_sum(), strict=True):
        assert counted <= sum(at <= available_at for at in known)


@FEW
@given(sharp=midnights, rest=others, zone=st.sampled_from(ZONES), cut=st.integers(0, 40), seed=st.integers(0, 9))
def test_neither_parts_nor_order_nor_the_type_of_the_column_change_what_midnights_are(
    sharp: list[datetime], rest: list[datetime], zone: str, cut: int, seed: int
) -> None:
    rows = frame_of([*sharp, *rest], zone, text=False)
    whole = daily(rows, time_col="at", calendar="XNYS")
    assert_frame_equal(daily(frame_of([*sharp, *rest], zone, text=True), time_col="at", calendar="XNYS"), whole)
    mixed = rows.sample(fraction=1, shuffle=True, seed=seed)
    sums = DailySums(time_col="at", calendar="XNYS")
    sums.settle([mixed.head(cut), mixed.slice(cut)])
    for part in (mixed.slice(cut), mixed.head(cut)):
        sums.add(part)
    assert_frame_equal(sums.finish(), whole, check_exact=True)
