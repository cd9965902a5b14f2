"""Columns that compare a session with those before it."""

import math
import statistics
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from sentiscore.features import DailyConfig, daily
from sentiscore.features.columns import FLOOR

MONDAY = datetime(2024, 1, 1, 12, tzinfo=UTC)
"""A holiday in New York, where noon is before the close all year, also on half days."""


def scored(at: Sequence[datetime], sentiment: Sequence[float] | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "at": pl.Series(at, dtype=pl.Datetime("us", "UTC")),
            "sentiment": pl.Series(sentiment or [0.5] * len(at), dtype=pl.Float32),
            "label": ["positive"] * len(at),
            "status": ["ok"] * len(at),
        }
    )


def days_from(start: datetime, n: int) -> list[datetime]:
    return [start + timedelta(days=i) for i in range(n)]


# --- abnormal volume ---


@pytest.fixture(scope="module")
def sessions() -> set[date]:
    """New York's sessions of half a year."""
    both = scored([MONDAY, MONDAY + timedelta(days=190)])
    return set(daily(both, time_col="at", calendar="XNYS", config=DailyConfig(sets=()))["ds"])


@pytest.mark.parametrize("window", [5, 20])
@pytest.mark.parametrize(("open_day", "closed_day"), [(10, 10), (1, 1), (10, 2), (10, 0), (2, 5)])
def test_texts_at_a_steady_rate_are_no_abnormal_volume_however_many_days_a_session_covers(
    sessions: set[date], open_day: int, closed_day: int, window: int
) -> None:
    at = [day for day in days_from(MONDAY, 180) for _ in range(open_day if day.date() in sessions else closed_day)]
    config = DailyConfig(volume=(window,), sets=("surprise",))
    frame = daily(scored([MONDAY, *at]), time_col="at", calendar="XNYS", config=config)
    usual = frame[f"abnormal_volume_{window}"]
    assert usual.null_count() == 6  # the first session, which covers four days, and five to compare with
    assert set(frame.filter(usual.is_not_null())["n_calendar_days"]) == {1, 2, 3, 4}
    assert usual.abs().max() < 1e-9  # type: ignore[operator]


def test_where_every_day_is_a_session_the_usual_volume_is_the_mean() -> None:
    numbers = [3, 0, 1, 7, 2, 0, 4]
    at = [day for day, n in zip(days_from(MONDAY, 7), numbers, strict=True) for _ in range(n)]
    frame = daily(scored(at), time_col="at", config=DailyConfig(volume=(3,), min_baseline=2))
    expected = [
        math.log((1 + numbers[i]) / (1 + sum(numbers[max(0, i - 3) : i]) / min(i, 3))) if i > 1 else None
        for i in range(7)
    ]
    assert frame["abnormal_volume_3"].to_list() == pytest.approx(expected)


def test_a_long_session_is_compared_with_what_more_days_had() -> None:
    numbers = {2: 1, 3: 7, 4: 7, 5: 7, 8: 9, 9: 4, 10: 6, 11: 5, 12: 5, 16: 5}  # by day; the 15th is a holiday
    at = [MONDAY.replace(day=day) for day, n in numbers.items() for _ in range(n)]
    frame = daily(scored(at), time_col="at", calendar="XNYS", config=DailyConfig(volume=(5,)))
    # sessions of a day had 5 texts, and the one of three days 4 more: 2 for each day more
    assert frame["abnormal_volume_5"][-1] == pytest.approx(math.log((1 + 5) / (1 + 5 + 3 * 2)))
    assert frame["n_calendar_days"].tail(6).to_list() == [3, 1, 1, 1, 1, 4]


def test_long_sessions_with_fewer_texts_do_not_make_longer_ones_be_expected_to_have_less() -> None:
    numbers = {2: 1, 3: 7, 4: 7, 5: 7, 8: 1, 9: 4, 10: 6, 11: 5, 12: 5, 16: 5}
    at = [MONDAY.replace(day=day) for day, n in numbers.items() for _ in range(n)]
    frame = daily(scored(at), time_col="at", calendar="XNYS", config=DailyConfig(volume=(5,)))
    assert frame["abnormal_volume_5"][-1] == pytest.approx(math.log((1 + 5) / (1 + 21 / 5)))


def test_a_first_session_of_several_days_is_in_no_baseline_and_one_of_a_day_is() -> None:
    args: dict[str, Any] = {"time_col": "at", "calendar": "XNYS", "config": DailyConfig(volume=(5,), min_baseline=2)}
    from_tuesday = [MONDAY.replace(day=day) for day in (2, 2, 2, 3, 4, 5)]  # which covers four days
    frame = daily(scored(from_tuesday), **args)
    assert frame["abnormal_volume_5"].to_list() == pytest.approx([None, None, None, 0.0])
    from_wednesday = [MONDAY.replace(day=day) for day in (3, 3, 3, 4, 5)]
    frame = daily(scored(from_wednesday), **args)
    assert frame["abnormal_volume_5"].to_list() == pytest.approx([None, None, math.log(2 / 3)])


# --- the standard score ---


@pytest.mark.parametrize("jitter", [0.0, 5e-6, 1e-3])
def test_after_a_flat_or_nearly_flat_baseline_a_surprise_is_measured_in_the_least_deviation(jitter: float) -> None:
    at = days_from(MONDAY, 14)
    values = [0.1 + jitter * (i % 2) for i in range(12)] + [0.5, -0.9]
    z = daily(scored(at, values), time_col="at", config=DailyConfig(z=(5,)))["sent_z_5"]
    assert z.null_count() == 5
    assert z[5:12].abs().max() <= jitter / FLOOR + 1e-9  # type: ignore[operator]
    assert z[12] == pytest.approx(0.4 / FLOOR, abs=0.06)
    if jitter == 0:
        assert z[5:12].to_list() == [0.0] * 7


def test_no_surprise_is_larger_than_the_floor_allows() -> None:
    z = daily(scored(days_from(MONDAY, 6), [-1.0] * 5 + [1.0]), time_col="at")["sent_z_20"]
    assert z.to_list() == [None] * 5 + [2 / FLOOR]


def test_a_deviation_above_the_floor_is_taken_as_it_is() -> None:
    values = [0.0, 0.125, 0.25, 0.375, 0.5, 1.0]
    z = daily(scored(days_from(MONDAY, 6), values), time_col="at")["sent_z_20"]
    assert z[-1] == pytest.approx((1.0 - 0.25) / statistics.stdev(values[:5]))
