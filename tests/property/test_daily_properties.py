"""Daily features against an oracle in plain Python, and what must not change them."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore.features import DailySums, daily
from tests.effort import examples

FEW = settings(max_examples=examples(30), deadline=None)

SCORED = ("ok", "truncated")

ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "America/Sao_Paulo", "Pacific/Auckland", "America/Havana")
# Each holds a change of clocks in one of the zones: Sao Paulo skips a midnight, Havana repeats one.
WEEKS = (datetime(2018, 11, 1, tzinfo=UTC), datetime(2018, 3, 8, tzinfo=UTC), datetime(2018, 9, 27, tzinfo=UTC))


@dataclass(frozen=True)
class Text:
    """One scored text."""

    at: datetime
    entity: str
    sentiment: float | None
    label: str | None
    status: str


@st.composite
def instants(draw: st.DrawFn) -> datetime:
    """Any microsecond of one of the weeks, and often a full hour, at which days begin and clocks change."""
    start: datetime = draw(st.sampled_from(WEEKS[:1]) | st.sampled_from(WEEKS))
    hours = draw(st.integers(0, 7 * 24))
    return start + timedelta(hours=hours, microseconds=draw(st.sampled_from([0, 0, -1, 1, 1_799_999_999])))


@st.composite
def texts(draw: st.DrawFn) -> Text:
    at, entity = draw(instants()), draw(st.sampled_from(["AAA", "BBB", "ä"]))
    status = draw(st.sampled_from(["ok", "ok", "ok", "truncated", "empty", "null"]))
    if status not in SCORED:
        return Text(at, entity, None, None, status)
    sentiment = draw(st.floats(-1, 1, width=32) | st.sampled_from([-1.0, 0.0, 1.0]))
    return Text(at, entity, sentiment, draw(st.sampled_from(["negative", "neutral", "positive"])), status)


def frame_of(rows: Sequence[Text]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "at": pl.Series([row.at for row in rows], dtype=pl.Datetime("us", "UTC")),
            "entity": pl.Series([row.entity for row in rows], dtype=pl.String),
            "sentiment": pl.Series([row.sentiment for row in rows], dtype=pl.Float32),
            "label": pl.Series([row.label for row in rows], dtype=pl.String),
            "status": pl.Series([row.status for row in rows], dtype=pl.String),
        }
    )


def features(frame: pl.DataFrame, day_tz: str) -> pl.DataFrame:
    return daily(frame, time_col="at", entity_col="entity", midnight="instant", day_tz=day_tz)


# --- the oracle ---


def expected_rows(rows: Sequence[Text], day_tz: str) -> list[tuple[object, ...]]:
    """What the docstring of `daily` says, text by text."""
    zone = ZoneInfo(day_tz)
    found: list[tuple[object, ...]] = []
    last = max((row.at.astimezone(zone).date() for row in rows), default=None)
    for entity in sorted({row.entity for row in rows}):
        own = [row for row in rows if row.entity == entity]
        days = [row.at.astimezone(zone).date() for row in own]
        day = min(days)
        while last is not None and day <= last:
            of_day = [row for row, its_day in zip(own, days, strict=True) if its_day == day]
            found.append((entity, day, first_instant(day + timedelta(days=1), zone), *figures(of_day)))
            day += timedelta(days=1)
    return found


def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """The first full hour of UTC or half of one, from well before, that is on this day in the zone."""
    instant = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=16)
    while instant.astimezone(zone).date() < day:
        instant += timedelta(minutes=30)
    return instant


def figures(rows: Sequence[Text]) -> tuple[float | None, ...]:
    whole = [row for row in rows if row.status in SCORED]
    values = [row.sentiment for row in whole if row.sentiment is not None]
    n = len(values)
    if n == 0:
        return (0, None, None, None, None, None)
    shares = [sum(row.label == name for row in whole) / n for name in ("positive", "negative", "neutral")]
    return (n, statistics.fmean(values), statistics.stdev(values) if n > 1 else None, *shares)


def close(found: object, expected: object) -> bool:
    """Equal, or numbers that differ by no more than the rounding of a float32."""
    if isinstance(found, float) and isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=0, abs_tol=2**-22)
    return found == expected


@FEW
@given(rows=st.lists(texts(), max_size=30), day_tz=st.sampled_from(ZONES))
def test_daily_features_are_what_plain_python_finds(rows: list[Text], day_tz: str) -> None:
    names = (
        "unique_id",
        "ds",
        "available_at",
        "n_docs",
        "sent_mean",
        "sent_std",
        "pos_share",
        "neg_share",
        "neu_share",
    )
    found = features(frame_of(rows), day_tz).select(names).rows()
    expected = expected_rows(rows, day_tz)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert all(close(a, b) for a, b in zip(one, other, strict=True)), (one, other)


# --- the future ---


@FEW
@given(
    rows=st.lists(texts(), min_size=1, max_size=25),
    new=st.lists(texts(), max_size=8),
    day_tz=st.sampled_from(ZONES),
    data=st.data(),
)
def test_nothing_published_once_a_feature_is_available_changes_it(
    rows: list[Text], new: list[Text], day_tz: str, data: st.DataObject
) -> None:
    before = features(frame_of(rows), day_tz)
    known_at: datetime = data.draw(st.sampled_from(before["available_at"].unique().sort().to_list()), label="known_at")
    past = [row for row in rows if row.at < known_at]
    future = [row for row in rows if row.at >= known_at]
    kept = [row for row in future if data.draw(st.booleans(), label="keep")]
    added = [Text(max(row.at, known_at), row.entity, row.sentiment, row.label, row.status) for row in new]
    assume(kept != future or added)  # or nothing is changed
    after = features(frame_of([*added, *past, *kept]), day_tz)
    known = features(frame_of(past), day_tz)  # as a forecaster would have made it at that time
    for frame in before, after:
        up_to_then = frame.filter(pl.col("available_at") <= known_at)
        same_days = up_to_then.join(known, on=["unique_id", "ds"], how="semi", maintain_order="left")
        assert_frame_equal(same_days, known, check_exact=True)
        # A later text of an entity adds the days between, and these say that there was none.
        between = up_to_then.join(known, on=["unique_id", "ds"], how="anti")
        assert between["n_docs"].sum() == 0


@FEW
@given(rows=st.lists(texts(), min_size=1, max_size=25), day_tz=st.sampled_from(ZONES))
def test_every_text_is_in_the_first_feature_that_is_available_after_it(rows: list[Text], day_tz: str) -> None:
    frame = features(frame_of(rows), day_tz)
    counted = [0] * frame.height
    for row in rows:
        later = [
            (available_at, i)
            for i, (entity, available_at) in enumerate(frame.select("unique_id", "available_at").rows())
            if entity == row.entity and available_at > row.at
        ]
        counted[min(later)[1]] += row.status in SCORED
    assert frame["n_docs"].to_list() == counted


# --- the same rows in other clothes ---


@FEW
@given(rows=st.lists(texts(), max_size=30), day_tz=st.sampled_from(ZONES), random=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows: list[Text], day_tz: str, random: Random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert_frame_equal(features(frame_of(shuffled), day_tz), features(frame_of(rows), day_tz), check_exact=True)


@FEW
@given(
    rows=st.lists(texts(), max_size=30),
    day_tz=st.sampled_from(ZONES),
    cuts=st.lists(st.integers(0, 30), max_size=6).map(sorted),
)
def test_the_rows_may_come_in_any_number_of_parts(rows: list[Text], day_tz: str, cuts: list[int]) -> None:
    frame = frame_of(rows)
    sums = DailySums(time_col="at", entity_col="entity", midnight="instant", day_tz=day_tz)
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        sums.add(frame.slice(start, max(end - start, 0)))
    assert_frame_equal(sums.finish(), features(frame, day_tz), check_exact=True)


@settings(max_examples=examples(12), deadline=None)
@given(rows=st.lists(texts(), max_size=20), day_tz=st.sampled_from(ZONES))
def test_the_zone_in_which_an_instant_is_written_does_not_matter(rows: list[Text], day_tz: str) -> None:
    frame = frame_of(rows)
    plain = features(frame, day_tz)
    for zone in ("Asia/Tokyo", "America/New_York", "Australia/Lord_Howe"):
        typed = frame.with_columns(pl.col("at").dt.convert_time_zone(zone))
        written = [row.at.astimezone(ZoneInfo(zone)).isoformat() for row in rows]
        assert_frame_equal(features(typed, day_tz), plain, check_exact=True)
        text = frame.with_columns(at=pl.Series(written, dtype=pl.String))
        assert_frame_equal(features(text, day_tz), plain, check_exact=True)


@FEW
@given(rows=st.lists(texts(), max_size=20), day_tz=st.sampled_from(ZONES))
def test_an_entity_is_not_changed_by_the_others(rows: list[Text], day_tz: str) -> None:
    alone = [row for row in rows if row.entity == "AAA"]
    both = features(frame_of(rows), day_tz).filter(unique_id="AAA")
    own = features(frame_of(alone), day_tz)
    assert_frame_equal(both.head(own.height), own, check_exact=True)
    assert both[own.height :]["n_docs"].to_list() == [0] * (both.height - own.height)  # up to the last text of any
