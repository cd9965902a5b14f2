from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.features import daily as make_daily
from sentiscore.features import join_target

NEW_YORK = "America/New_York"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.fixture
def daily() -> pl.DataFrame:
    """Friday and Monday in New York, with a change of the clocks between; AAA also has Tuesday."""
    closes = {date(2024, 3, 8): utc(2024, 3, 8, 21), date(2024, 3, 11): utc(2024, 3, 11, 20)}
    tuesday = {date(2024, 3, 12): utc(2024, 3, 12, 20)}
    rows = [("AAA", day, at, 1.0 + i) for i, (day, at) in enumerate((closes | tuesday).items())]
    rows += [("BBB", day, at, 11.0 + i) for i, (day, at) in enumerate(closes.items())]
    schema = pl.Schema(
        {
            "unique_id": pl.String(),
            "ds": pl.Date(),
            "available_at": pl.Datetime("us", "UTC"),
            "x": pl.Float64(),
        }
    )
    return pl.DataFrame(rows, schema=schema, orient="row")


def forecasts(*at: Any, entity: str = "AAA") -> pl.DataFrame:
    return pl.DataFrame({"unique_id": [entity] * len(at), "at": at, "y": [float(i) for i in range(len(at))]})


def test_a_forecast_gets_the_newest_row_that_was_known_and_no_later_one(daily: pl.DataFrame) -> None:
    joined = join_target(
        daily,
        forecasts(utc(2024, 3, 8, 20, 59, 59), utc(2024, 3, 8, 21), utc(2024, 3, 11, 19, 59, 59), utc(2024, 3, 30)),
        time_col="at",
    )
    assert joined.columns == ["unique_id", "at", "y", "x", "feature_ds", "available_at", "feature_age"]
    assert joined["x"].to_list() == [None, 1.0, 1.0, 3.0]
    assert joined["feature_ds"].to_list() == [None, date(2024, 3, 8), date(2024, 3, 8), date(2024, 3, 12)]
    assert joined["feature_age"].to_list() == [
        None,
        timedelta(0),
        timedelta(days=2, hours=22, minutes=59, seconds=59),
        timedelta(days=17, hours=4),
    ]


def test_rows_keep_their_order_and_entities_apart(daily: pl.DataFrame) -> None:
    prices = pl.concat(
        [forecasts(utc(2024, 3, 12, 21), utc(2024, 3, 9)), forecasts(utc(2024, 3, 12, 21), entity="BBB")]
    )
    joined = join_target(daily.sample(fraction=1, shuffle=True, seed=3), prices, time_col="at", max_age=None)
    assert_frame_equal(joined.select(prices.columns), prices)
    assert joined["x"].to_list() == [3.0, 1.0, 12.0]


def test_a_date_counts_at_the_time_of_day_that_is_said_in_the_zone_that_is_said(daily: pl.DataFrame) -> None:
    prices = forecasts(date(2024, 3, 8), date(2024, 3, 11))
    at_the_bell = join_target(daily, prices, time_col="at", tz=NEW_YORK, time_of_day=time(9, 30))
    assert at_the_bell["x"].to_list() == [None, 1.0]
    at_the_close = join_target(daily, prices, time_col="at", tz=NEW_YORK, time_of_day=time(16))
    assert at_the_close["x"].to_list() == [1.0, 2.0]  # 21:00 in winter, 20:00 in summer, in UTC


def test_a_date_alone_says_no_instant(daily: pl.DataFrame) -> None:
    for half in ({}, {"tz": NEW_YORK}, {"time_of_day": time(16)}):
        with pytest.raises(InputError, match="a date says no instant"):
            join_target(daily, forecasts(date(2024, 3, 8)), time_col="at", **half)


def test_times_without_a_zone_need_one_and_take_the_earlier_reading(daily: pl.DataFrame) -> None:
    naive = forecasts(datetime(2024, 3, 8, 16))  # noqa: DTZ001
    with pytest.raises(InputError, match="no time zone"):
        join_target(daily, naive, time_col="at")
    assert join_target(daily, naive, time_col="at", tz=NEW_YORK)["x"].to_list() == [1.0]
    assert join_target(daily, naive, time_col="at", tz="UTC")["x"].to_list() == [None]
    skipped, repeated = datetime(2024, 3, 10, 2, 30), datetime(2024, 11, 3, 1, 30)  # noqa: DTZ001
    rows = daily.head(2).with_columns(available_at=pl.Series([utc(2024, 3, 10, 6, 30), utc(2024, 11, 3, 5, 30)]))
    assert join_target(rows, forecasts(skipped, repeated), time_col="at", tz=NEW_YORK)["feature_age"].to_list() == [
        timedelta(0),
        timedelta(0),
    ]


def test_times_of_other_zones_and_precisions_are_the_same_instants(daily: pl.DataFrame) -> None:
    prices = forecasts(utc(2024, 3, 8, 20, 59, 59), utc(2024, 3, 8, 21))
    plain = join_target(daily, prices, time_col="at")["x"].to_list()
    for unit in ("ms", "us", "ns"):
        for zone in ("UTC", "Asia/Tokyo"):
            dtype = pl.Datetime(unit, zone)
            assert join_target(daily, prices.cast({"at": dtype}), time_col="at")["x"].to_list() == plain
            assert join_target(daily.cast({"available_at": dtype}), prices, time_col="at")["x"].to_list() == plain


def test_a_row_that_is_known_a_nanosecond_later_is_not_seen(daily: pl.DataFrame) -> None:
    later = daily.with_columns(pl.col("available_at").dt.cast_time_unit("ns") + pl.duration(nanoseconds=1))
    assert join_target(later, forecasts(utc(2024, 3, 8, 21)), time_col="at")["x"].to_list() == [None]


def test_features_that_are_too_old_are_null(daily: pl.DataFrame) -> None:
    prices = forecasts(utc(2024, 3, 9, 21), utc(2024, 3, 9, 21, 0, 1))
    joined = join_target(daily, prices, time_col="at", max_age=timedelta(days=1))
    assert joined["x"].to_list() == [1.0, None]
    assert joined.row(1)[3:] == (None,) * 4


def test_categories_join_with_text_and_an_entity_column_may_have_its_own_name(daily: pl.DataFrame) -> None:
    prices = forecasts(utc(2024, 3, 9)).rename({"unique_id": "ticker"}).cast({"ticker": pl.Categorical})
    joined = join_target(daily, prices, time_col="at", id_col="ticker")
    assert joined["x"].to_list() == [1.0]
    assert joined.schema["ticker"] == pl.Categorical


def test_entities_without_features_are_said(daily: pl.DataFrame) -> None:
    prices = pl.concat([forecasts(utc(2024, 3, 9)), forecasts(utc(2024, 3, 9), entity="ZZZ")])
    with pytest.warns(SentiscoreWarning, match="1 of 2 entities have no daily features"):
        assert join_target(daily, prices, time_col="at")["x"].to_list() == [1.0, None]


def test_what_cannot_be_joined_is_refused(daily: pl.DataFrame) -> None:
    good = forecasts(utc(2024, 3, 9))
    cases: list[tuple[pl.DataFrame, pl.DataFrame, dict[str, Any], str]] = [
        (daily, good.drop("at"), {}, "no column 'at'"),
        (daily, good.with_columns(at=pl.lit(None, pl.Datetime("us", "UTC"))), {}, "1 rows have no at"),
        (daily, good.with_columns(unique_id=pl.lit(None, pl.String)), {}, "1 rows have no unique_id"),
        (daily, good.with_columns(unique_id=7), {}, "hold Int32"),
        (daily, good.with_columns(at=pl.lit("2024-03-09")), {}, "holds String, not times"),
        (daily, good.with_columns(x=1), {}, "x are there already"),
        (daily, good, {"tz": "Mars/Olympus"}, "no time zone"),
        (daily, good, {"tz": 5}, "no time zone 5"),
        (daily, good, {"max_age": -1}, "max_age is -1, not a number of sessions or a length of time"),
        (daily, good, {"time_of_day": time(9)}, "dates alone"),
        (
            daily,
            good.cast({"at": pl.Date}),
            {"tz": "UTC", "time_of_day": "09:00"},
            "time_of_day is '09:00', not a time",
        ),
        (daily, good.cast({"at": pl.Date}), {"tz": "UTC", "time_of_day": time(9, tzinfo=UTC)}, "zone of its own"),
        (daily, good, {"columns": ["z"]}, "no column 'z'"),
        (daily.drop("available_at"), good, {}, "lack the column 'available_at'"),
        (daily.with_columns(pl.col("available_at").dt.replace_time_zone(None)), good, {}, "no instant"),
        (pl.concat([daily, daily]), good, {}, "10 rows of the daily features share"),
    ]
    for features, prices, options, message in cases:
        with pytest.raises(InputError, match=message):
            join_target(features, prices, time_col="at", **options)


def quiet_and_loud() -> pl.DataFrame:
    """A quiet ticker with news on one Tuesday, and another with news until the Friday of the next week."""
    days = [("Q", 2)] + [("L", day) for day in (2, 3, 4, 5, 8, 9, 10, 11, 12)]
    texts = pl.DataFrame(
        [(name, utc(2024, 1, day, 15), 0.5) for name, day in days],
        schema={"name": pl.String, "at": pl.Datetime("us", "UTC"), "sentiment": pl.Float32},
        orient="row",
    ).with_columns(label=pl.lit("positive"), status=pl.lit("ok"))
    return make_daily(texts, time_col="at", entity_col="name", calendar="XNYS")


def test_a_quiet_entity_has_its_rows_without_news_and_not_its_last_news_again() -> None:
    rows = quiet_and_loud()
    assert rows.group_by("unique_id").agg(pl.col("ds").max())["ds"].to_list() == [date(2024, 1, 12)] * 2
    live = join_target(
        rows,
        forecasts(utc(2024, 1, 13), entity="Q"),
        time_col="at",
        columns=["n_docs", "sent_mean"],
        id_col="unique_id",
    )
    assert live.select("n_docs", "sent_mean", "feature_ds").row(0) == (0, None, date(2024, 1, 12))


def test_features_of_a_session_that_is_not_the_last_one_closed_are_null_by_default() -> None:
    rows = quiet_and_loud()
    on_monday, after_it = utc(2024, 1, 16, 14), utc(2024, 1, 16, 21)  # Monday, 15 January, was a holiday
    asked = forecasts(on_monday, after_it, entity="L")
    with pytest.warns(SentiscoreWarning, match=r"^1 of 2 rows .* example of L at 2024-01-16 21:00:00 UTC.*2024-01-12"):
        joined = join_target(rows, asked, time_col="at", columns="n_docs")
    assert joined["n_docs"].to_list() == [1, None]
    for age in (1, None, timedelta(days=5)):
        assert join_target(rows, asked, time_col="at", columns="n_docs", max_age=age)["n_docs"].to_list() == [1, 1]


def test_a_text_with_a_wrong_time_in_the_future_does_not_extend_other_entities() -> None:
    texts = pl.DataFrame(
        {"name": ["A", "B"], "at": [utc(2024, 1, 2, 15), utc(2190, 1, 2, 15)], "sentiment": [0.5, 0.5]},
        schema_overrides={"sentiment": pl.Float32, "at": pl.Datetime("us", "UTC")},
    ).with_columns(label=pl.lit("positive"), status=pl.lit("ok"))
    with pytest.warns(SentiscoreWarning, match="have not come yet"):
        rows = make_daily(texts, time_col="at", entity_col="name")
    last = dict(rows.group_by("unique_id").agg(pl.col("ds").max()).rows())
    assert last["A"] <= datetime.now(UTC).date()
    assert last["B"] == date(2190, 1, 2)
