from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from sentiscore.monitoring.volume import Hours, Volume, compare_volume, usual_rows, without_stray
from tests.effort import combined
from tests.scored_rows import START, scored_rows

WEEKS = 8
LAST = START + timedelta(days=7 * WEEKS)  # a Monday


def hours_of(rows: pl.DataFrame) -> Hours:
    hours = rows["published_at"].dt.epoch("us") // 3_600_000_000
    counted = hours.value_counts(name="n").sort(hours.name)
    return counted[hours.name].to_numpy(), counted["n"].to_numpy().astype(np.int64)


def night(n: int, *, start: int = 0, days: int = 1, seed: int = 9) -> Hours:
    return hours_of(scored_rows(n, seed=seed, days=days, start=LAST + timedelta(days=start), day_spread=0.0))


@pytest.fixture(scope="module")
def history() -> Hours:
    """About 360 rows on a weekday, 110 on a day of the week-end."""
    return hours_of(scored_rows(16_000, days=7 * WEEKS))


def compared(now: Hours, then: Hours) -> Volume:
    volume = compare_volume(now, then)
    assert volume is not None
    return volume


def test_a_usual_day_is_usual(history: Hours) -> None:
    volume = compared(night(360), history)
    assert volume.ratio < 1.2
    assert (volume.rows, volume.missing) == (360, 0)


def test_a_quiet_saturday_is_usual_and_a_monday_like_it_is_not(history: Hours) -> None:
    assert compared(night(110, start=5), history).ratio < 1.3
    monday = compared(night(110), history)
    assert monday.ratio > 2.5 > monday.rare


@pytest.mark.parametrize("rows", [180, 720])
def test_half_and_twice_the_rows_are_beyond_chance(history: Hours, rows: int) -> None:
    volume = compared(night(rows), history)
    assert volume.ratio > max(1.7, volume.rare)


def test_an_export_from_close_to_close_is_one_day(history: Hours) -> None:
    rows = scored_rows(360, start=LAST - timedelta(hours=3), day_spread=0.0)
    volume = compared(hours_of(rows), history)
    assert (volume.days, volume.rows) == (1, 360)


def test_a_day_without_rows_is_missing_and_a_gap_on_a_thin_series_is_not(history: Hours) -> None:
    rows = scored_rows(3_000, days=9, start=LAST, day_spread=0.0)
    gap = LAST + timedelta(days=3)
    without = rows.filter(~pl.col("published_at").is_between(gap, gap + timedelta(days=1)))
    assert compared(hours_of(rows), history).missing == 0
    volume = compared(hours_of(without), history)
    assert (volume.missing, volume.ratio < 1.3) == (1, True)
    thin = hours_of(scored_rows(80, days=7 * WEEKS))
    assert compared(hours_of(without[::200]), thin).missing == 0


def test_an_outage_of_the_reference_does_not_make_it_blind(history: Hours) -> None:
    first = history[0][0]
    quiet = (history[0] - first) // 24 % 11 == 5
    then = (history[0][~quiet], history[1][~quiet])
    volume = compared(night(720), then)
    assert volume.ratio > max(1.7, volume.rare)


@pytest.mark.parametrize("days", [1, 6, 9, 14])
def test_a_short_reference_tells_nothing(days: int) -> None:
    assert compare_volume(night(360), hours_of(scored_rows(300 * days, days=days))) is None


def test_days_on_which_the_reference_never_has_rows_tell_nothing(history: Hours) -> None:
    weekday = (history[0] // 24 + 3) % 7
    then = (history[0][weekday < 5], history[1][weekday < 5])
    assert compare_volume(night(100, start=5), then) is None


def test_halves_of_a_thin_series_have_the_same_volume() -> None:
    rows = scored_rows(1_200, days=300, repeats=0).sample(fraction=1, shuffle=True, seed=1)
    volume = compared(hours_of(rows.head(600)), hours_of(rows.tail(600)))
    assert volume.ratio < volume.rare < 1.3


def trimmed(hours: Hours, like: Hours | None = None) -> tuple[Hours, int]:
    """Without stray rows, as a feed like this, or itself, tells them."""
    return without_stray(hours, usual_rows(hours if like is None else like))


def with_row(hours: Hours, when: datetime, n: int = 1) -> Hours:
    """The hours with n rows more at one instant."""
    hour = int(when.timestamp()) // 3600
    at = np.append(hours[0], hour)
    rows = np.append(hours[1], n)
    found, which = np.unique(at, return_inverse=True)
    return found, np.bincount(which, rows).astype(np.int64)


STRAY = [
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2100, 1, 1, tzinfo=UTC),
    LAST - timedelta(days=30),
    LAST - timedelta(hours=30),
    LAST + timedelta(days=30),
]


@pytest.mark.parametrize(("n", "when"), combined([1, 5], list(STRAY)))
def test_rows_that_lie_far_from_a_night_are_stray(history: Hours, when: datetime, n: int) -> None:
    hours, stray = trimmed(with_row(night(360), when, n), history)
    assert stray == n
    assert compared(hours, history) == compared(night(360), history)


@pytest.mark.parametrize("when", [*STRAY[:2], START - timedelta(days=30), START - timedelta(days=3)])
def test_rows_that_lie_far_from_the_reference_are_stray(history: Hours, when: datetime) -> None:
    hours, stray = trimmed(with_row(history, when, 3))
    assert stray == 3
    assert compared(night(360), hours) == compared(night(360), history)


@pytest.mark.parametrize(("n", "when"), combined([1, 3, 12], list(STRAY)))
def test_a_night_of_few_rows_has_stray_rows_too(n: int, when: datetime) -> None:
    then = hours_of(scored_rows(12 * 56, days=56))
    now = (night(n)[0] + 7, night(n)[1])
    hours, stray = trimmed(with_row(now, when), then)
    if n == 1:  # of two rows nobody knows which is the stray one
        assert hours[1].sum() >= 1
    else:
        assert (stray, hours[0].tolist()) == (1, now[0].tolist())


def test_stray_rows_on_both_sides_and_on_many_days_are_left_out() -> None:
    now = night(600)
    spoilt = now
    for when in (*STRAY, *(LAST - timedelta(days=days, hours=5) for days in (2, 3, 5, 6))):
        spoilt = with_row(spoilt, when)
    hours, stray = trimmed(spoilt)
    assert (stray, hours[0].tolist(), hours[1].tolist()) == (9, now[0].tolist(), now[1].tolist())


def test_hours_without_stray_rows_stay_as_they_are(history: Hours) -> None:
    for hours in (history, night(360), night(12), night(1), (history[0][:0], history[1][:0])):
        kept, stray = trimmed(hours)
        assert stray == 0
        assert (kept[0].tolist(), kept[1].tolist()) == (hours[0].tolist(), hours[1].tolist())


@pytest.mark.parametrize("gap", [1, 3, 20])
def test_a_slow_feed_does_not_lose_its_days(gap: int) -> None:
    """Two rows on every so many days, and a batch once a month, as exports of filings have."""
    days = np.arange(0, 300, gap, dtype=np.int64) + 19_000
    for at, rows in ((days, np.full(days.size, 2)), (days[::30], np.full(days[::30].size, 25))):
        assert trimmed((at * 24, rows.astype(np.int64)))[1] == 0
    spoilt = with_row((days * 24, np.full(days.size, 2, dtype=np.int64)), STRAY[0])
    kept, stray = trimmed(spoilt)
    assert (stray, kept[0].tolist()) == (1, (days * 24).tolist())


@pytest.mark.parametrize("a_day", [0.2, 1.0, 5.0])
def test_a_slow_feed_loses_single_rows_at_its_ends_at_most(a_day: float) -> None:
    generator = np.random.default_rng(5)
    lost = []
    for _ in range(300):
        rows = generator.poisson(a_day / 24, 24 * 120)
        at = np.flatnonzero(rows)
        lost.append(trimmed((at, rows[at].astype(np.int64)))[1])
    assert np.mean(np.array(lost) > 0) < 0.05
    assert max(lost) <= max(1, 0.05 * a_day * 120)


def test_a_feed_that_stops_is_no_stray_row(history: Hours) -> None:
    """A week that ends in days of a row each, or in one after a long week-end."""
    week = night(2_500, days=7)
    for quiet in ((1, 2, 3), (3,)):
        hours = week
        for day in quiet:
            hours = with_row(hours, LAST + timedelta(days=6 + day, hours=12))
        kept, stray = trimmed(hours, history)
        assert stray == 0
        volume = compared(kept, history)
        assert volume.missing or volume.ratio > max(1.5, volume.rare)


def test_too_many_rows_to_be_stray_are_days() -> None:
    assert trimmed(with_row(night(300), LAST - timedelta(days=30), 30))[1] == 0


def test_chance_alone_hardly_ever_alarms() -> None:
    generator = np.random.default_rng(0)
    hours = np.arange(0, 24 * 7 * 6, 6, dtype=np.int64)
    alarms = missing = 0
    for mean in (0.5, 2.0, 20.0, 500.0):
        for _ in range(100):
            day = np.repeat(mean * np.exp(0.2 * generator.standard_normal(43)), 4)[: hours.size]
            rows = generator.poisson(day, hours.size)
            now, then = (
                (hours[part & (rows > 0)], rows[part & (rows > 0)].astype(np.int64))
                for part in (hours >= 24 * 7 * 5, hours < 24 * 7 * 5)
            )
            volume = compare_volume(trimmed(now, then)[0], trimmed(then)[0])
            if volume is not None:
                alarms += volume.ratio > volume.rare
                missing += volume.missing
    assert (alarms <= 2, missing) == (True, 0)
