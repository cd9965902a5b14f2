"""The as-of join against plain Python, and the future that must not change it."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore.features import join_target
from tests.effort import examples

FEW = settings(max_examples=examples(60), deadline=None)
START = datetime(2024, 1, 1, tzinfo=UTC)

# Few instants, so that ties of a forecast and a row are common.
instants = st.integers(0, 30).map(lambda hours: START + timedelta(hours=hours))
rows = st.lists(st.tuples(st.sampled_from("AB"), instants, st.none() | st.floats(-1, 1)), min_size=1, max_size=25)


def daily_of(found: list[tuple[str, datetime, float | None]]) -> pl.DataFrame:
    once = {(entity, at): x for entity, at, x in found}
    data = [(entity, date(2024, 1, 1), at, x) for (entity, at), x in once.items()]
    schema = pl.Schema(
        {
            "unique_id": pl.String(),
            "ds": pl.Date(),
            "available_at": pl.Datetime("us", "UTC"),
            "x": pl.Float64(),
        }
    )
    return pl.DataFrame(data, schema=schema, orient="row")


def forecasts_of(made: list[tuple[str, datetime]]) -> pl.DataFrame:
    schema = pl.Schema({"unique_id": pl.String(), "at": pl.Datetime("us", "UTC")})
    return pl.DataFrame(made, schema=schema, orient="row")


@FEW
@given(found=rows, made=st.lists(st.tuples(st.sampled_from("AB"), instants), max_size=25))
def test_the_join_is_what_plain_python_finds(
    found: list[tuple[str, datetime, float | None]], made: list[tuple[str, datetime]]
) -> None:
    daily = pl.concat([daily_of(found), daily_of([(e, START - timedelta(1), 9.0) for e in "AB"])])
    joined = join_target(daily, forecasts_of(made), time_col="at", max_age=None)
    for (entity, at), x, known_at in zip(made, joined["x"], joined["available_at"], strict=True):
        known = [(k, v) for e, k, v in daily.select("unique_id", "available_at", "x").rows() if e == entity and k <= at]
        assert (known_at, x) == max(known, key=lambda pair: pair[0])


@FEW
@given(
    found=rows, new=rows, made=st.lists(st.tuples(st.sampled_from("AB"), instants), min_size=1, max_size=15), t=instants
)
def test_no_row_that_is_known_later_changes_a_forecast(
    found: list[tuple[str, datetime, float | None]],
    new: list[tuple[str, datetime, float | None]],
    made: list[tuple[str, datetime]],
    t: datetime,
) -> None:
    base = [(e, START - timedelta(1), 9.0) for e in "AB"]
    past = [row for row in found if row[1] <= t]
    future = [row for row in new if row[1] > t]
    forecasts = forecasts_of([(entity, min(at, t)) for entity, at in made])
    first = join_target(
        daily_of([*base, *past, *(r for r in found if r[1] > t)]), forecasts, time_col="at", max_age=None
    )
    second = join_target(daily_of([*base, *past, *future]), forecasts, time_col="at", max_age=None)
    assert_frame_equal(first, second, check_exact=True)
