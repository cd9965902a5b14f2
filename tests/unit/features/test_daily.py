import math
import warnings
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from itertools import permutations
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.features import DailyConfig, DailySums, daily
from sentiscore.features.config import SETS

KEYS = ["unique_id", "ds", "session_idx", "available_at"]
COUNTS = ["n_docs", "n_unique", "news_flag", "sessions_since_news", "n_calendar_days", "session_close", "calendar"]
OWN = ["sent_mean", "sent_shrunk", "sent_std", "pos_share", "neg_share", "neu_share"]
OPINION = ["bullishness", "disagreement", "uncertainty"]
HOUR = timedelta(hours=1)
MEMORY = ["sent_decay_5", "sent_decay_20", "sent_momentum", "sent_z_20", "abnormal_volume_20"]
TONE = ["tone_mean", "tone_std", "tone_decay_5", "tone_decay_20"]
COLUMNS = [*KEYS, *COUNTS, *OWN, *OPINION, *MEMORY, *TONE]


def scored(*rows: tuple[str | None, float | None, str | None], **more: list[Any]) -> pl.DataFrame:
    """Scored rows of (time, sentiment, label); a row without a label had no text."""
    return pl.DataFrame(
        {
            "at": pl.Series([at for at, _, _ in rows], dtype=pl.String),
            "sentiment": pl.Series([sentiment for _, sentiment, _ in rows], dtype=pl.Float32),
            "label": pl.Series([label for _, _, label in rows], dtype=pl.String),
            "status": pl.Series(["ok" if label else "null" for _, _, label in rows], dtype=pl.String),
            **more,
        }
    )


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


# --- what a row says ---


def test_a_day_of_texts_becomes_their_count_mean_deviation_and_shares() -> None:
    frame = daily(
        scored(
            ("2024-02-05T09:00:00Z", 0.5, "positive"),
            ("2024-02-05T10:00:00Z", -0.25, "negative"),
            ("2024-02-05T11:00:00Z", 0.0, "neutral"),
            ("2024-02-05T12:00:00Z", 0.75, "positive"),
        ),
        time_col="at",
    )
    assert frame.columns == COLUMNS
    row = frame.select(*KEYS, "n_docs", *OWN).row(0, named=True)
    assert row.pop("sent_shrunk") == pytest.approx(4 * 0.25 / (4 + 5))
    assert row.pop("sent_std") == pytest.approx((0.625 / 3) ** 0.5)
    assert row == {
        "unique_id": "all",
        "ds": date(2024, 2, 5),
        "session_idx": (date(2024, 2, 5) - date(1970, 1, 1)).days,
        "available_at": utc(2024, 2, 6),
        "n_docs": 4,
        "sent_mean": 0.25,
        "pos_share": 0.5,
        "neg_share": 0.25,
        "neu_share": 0.25,
    }


def test_two_classes_leave_the_neutral_share_at_zero() -> None:
    frame = daily(
        scored(("2024-02-05T09:00:00Z", 0.5, "positive"), ("2024-02-05T09:00:00Z", -0.5, "negative")), time_col="at"
    )
    assert frame.select("pos_share", "neg_share", "neu_share").row(0) == (0.5, 0.5, 0.0)


def test_a_day_of_one_text_has_a_mean_and_no_deviation() -> None:
    frame = daily(scored(("2024-02-05T09:00:00Z", 0.5, "positive")), time_col="at")
    assert frame.select("n_docs", "sent_mean", "sent_std").row(0) == (1, 0.5, None)


def test_equal_texts_deviate_by_exactly_nothing() -> None:
    frame = daily(scored(*[("2024-02-05T09:00:00Z", 0.1, "positive")] * 7), time_col="at")
    assert frame["sent_std"][0] == 0.0


@pytest.mark.parametrize("weights", [[0.1, 0.2, 0.3], [1e-3, 7.0, 1e4], [1 / 3] * 50, [123.456, 0.789]])
def test_equal_texts_of_any_weights_deviate_by_exactly_nothing(weights: list[float]) -> None:
    rows = scored(*[("2024-02-05T09:00:00Z", 0.7310585, "positive")] * len(weights))
    frame = daily(rows.with_columns(weight=pl.Series(weights)), time_col="at", weight_col="weight")
    assert frame["sent_std"][0] == 0.0


def test_truncated_texts_count_and_missing_texts_do_not() -> None:
    rows = scored(*[("2024-02-05T09:00:00Z", 0.5, "positive")] * 2, *[("2024-02-05T09:00:00Z", None, None)] * 2)
    rows = rows.with_columns(status=pl.Series(["ok", "truncated", "empty", "null"]))
    assert daily(rows, time_col="at").select("n_docs", "sent_mean").row(0) == (2, 0.5)


def test_a_day_on_which_no_text_could_be_scored_stays_in_the_series_without_figures() -> None:
    frame = daily(scored(("2024-02-05T09:00:00Z", None, None)), time_col="at")
    assert frame.select("available_at", "n_docs", *OWN).row(0) == (utc(2024, 2, 6), 0, *[None] * len(OWN))


# --- which day ---


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2024-02-05T00:00:00Z", 5),
        ("2024-02-05T23:59:59.999999Z", 5),
        ("2024-02-06T00:00:00Z", 6),
        ("2024-02-05T19:00:00-05:00", 6),
    ],
)
def test_midnight_sharp_belongs_to_the_day_that_begins(at: str, day: int) -> None:
    frame = daily(scored((at, 0.5, "positive")), time_col="at")
    assert frame.select("ds", "available_at").row(0) == (date(2024, 2, day), utc(2024, 2, day + 1))


@pytest.mark.parametrize(
    ("at", "day", "available_at"),
    [
        ("2024-02-05T04:59:59Z", date(2024, 2, 4), utc(2024, 2, 5, 5)),
        ("2024-02-05T05:00:00Z", date(2024, 2, 5), utc(2024, 2, 6, 5)),
        ("2024-07-05T03:59:59Z", date(2024, 7, 4), utc(2024, 7, 5, 4)),
        ("2024-03-10T12:00:00Z", date(2024, 3, 10), utc(2024, 3, 11, 4)),
        ("2024-11-03T12:00:00Z", date(2024, 11, 3), utc(2024, 11, 4, 5)),
    ],
)
def test_a_day_ends_at_midnight_of_the_zone_that_is_given(at: str, day: date, available_at: datetime) -> None:
    frame = daily(scored((at, 0.5, "positive")), time_col="at", day_tz="America/New_York")
    assert frame.select("ds", "available_at").row(0) == (day, available_at)


def test_a_day_that_ends_at_a_skipped_midnight_is_available_at_the_same_instant_as_the_next_begins() -> None:
    rows = scored(("2018-11-04T02:59:59Z", 0.5, "positive"), ("2018-11-04T03:00:00Z", 0.5, "positive"))
    frame = daily(rows, time_col="at", day_tz="America/Sao_Paulo")
    assert frame["ds"].to_list() == [date(2018, 11, 3), date(2018, 11, 4)]
    assert frame["available_at"].to_list() == [utc(2018, 11, 4, 3), utc(2018, 11, 5, 2)]


@pytest.mark.parametrize(
    ("at", "day_tz"),
    [
        ("2010-11-07T02:45:00Z", "America/St_Johns"),  # at 00:01 the clock went back to 23:01 of the day before
        ("2010-03-04T15:30:00Z", "Antarctica/Casey"),  # and here from 02:00 to 23:00
        ("2024-11-03T04:30:00Z", "America/Havana"),  # from 01:00 to 00:00, within the day
        ("2011-12-30T09:00:00Z", "Pacific/Apia"),  # the last day before one that was left out
        ("1991-10-20T02:00:00Z", "America/Argentina/Cordoba"),  # the next day begins at 02:00
    ],
)
def test_every_text_is_older_than_the_feature_it_is_in(at: str, day_tz: str) -> None:
    frame = daily(scored((at, 0.5, "positive")), time_col="at", day_tz=day_tz)
    assert frame["available_at"][0] > datetime.fromisoformat(at)


def test_a_day_that_a_zone_left_out_has_a_row_without_texts() -> None:
    rows = scored(("2011-12-29T20:00:00Z", 0.5, "positive"), ("2011-12-30T20:00:00Z", 0.5, "positive"))
    frame = daily(rows, time_col="at", day_tz="Pacific/Apia")
    assert frame["ds"].to_list() == [date(2011, 12, day) for day in (29, 30, 31)]
    assert frame["n_docs"].to_list() == [1, 0, 1]


def test_dates_count_as_the_end_of_their_day() -> None:
    rows = scored(("", 0.5, "positive")).with_columns(at=pl.lit(date(2024, 2, 5)))
    in_tokyo = daily(rows, time_col="at", tz="Asia/Tokyo", day_tz="Asia/Tokyo")
    assert in_tokyo.select("ds", "available_at").row(0) == (date(2024, 2, 5), utc(2024, 2, 5, 15))
    from_new_york = daily(rows, time_col="at", tz="America/New_York", day_tz="UTC")
    assert from_new_york["ds"].to_list() == [date(2024, 2, 6)]


# --- the grid ---


def test_every_entity_has_every_day_from_its_first_to_the_last_of_all() -> None:
    rows = scored(
        ("2024-03-02T09:00:00Z", -0.5, "negative"),
        ("2024-02-28T09:00:00Z", 0.5, "positive"),
        ("2024-02-29T09:00:00Z", 0.25, "positive"),
        ticker=["B", "B", "A"],
    )
    frame = daily(rows, time_col="at", entity_col="ticker")
    assert frame.select("unique_id", pl.col("ds").dt.to_string(), "n_docs").rows() == [
        ("A", "2024-02-29", 1),
        ("A", "2024-03-01", 0),
        ("A", "2024-03-02", 0),
        ("B", "2024-02-28", 1),
        ("B", "2024-02-29", 0),
        ("B", "2024-03-01", 0),
        ("B", "2024-03-02", 1),
    ]
    empty_days = frame.filter(n_docs=0).select(*OWN, *OPINION)
    assert empty_days.null_count().row(0) == (4,) * len(empty_days.columns)
    assert frame["available_at"].null_count() == 0


@pytest.mark.parametrize("dtype", [pl.Int64(), pl.UInt8(), pl.String(), pl.Categorical()])
def test_entities_keep_their_type_and_are_sorted_by_it(dtype: pl.DataType) -> None:
    entities = pl.Series([10, 9, 10]).cast(pl.String if dtype == pl.Categorical else dtype).cast(dtype)
    rows = scored(*[("2024-02-05T09:00:00Z", 0.5, "positive")] * 3).with_columns(entity=entities)
    frame = daily(rows, time_col="at", entity_col="entity")
    assert frame.schema["unique_id"] == dtype
    numbers = dtype.is_integer()
    assert frame["unique_id"].cast(pl.String).to_list() == (["9", "10"] if numbers else ["10", "9"])
    assert frame["n_docs"].to_list() == ([1, 2] if numbers else [2, 1])


def test_rows_without_a_time_or_an_entity_are_counted_and_warned_about() -> None:
    rows = scored(
        (None, 0.5, "positive"),
        ("  ", 0.5, "positive"),
        ("2024-02-05T09:00:00Z", 0.5, "positive"),
        ("2024-02-05T09:00:00Z", -0.5, "negative"),
        ticker=["A", "A", None, "A"],
    )
    sums = DailySums(time_col="at", entity_col="ticker")
    sums.add(rows)
    sums.add(rows)
    assert sums.n_unplaced == 6
    with pytest.warns(SentiscoreWarning, match="^6 rows have no entity, or no time"):
        frame = sums.finish()
    assert frame.select("n_docs", "sent_mean").rows() == [(2, -0.5)]


def test_rows_that_are_all_placed_warn_of_nothing() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        daily(scored(("2024-02-05T09:00:00Z", 0.5, "positive")), time_col="at")
    assert caught == []


@pytest.mark.parametrize("entity_col", [None, "ticker"])
def test_an_empty_frame_gives_an_empty_frame_with_all_columns(entity_col: str | None) -> None:
    frame = daily(scored(ticker=[]), time_col="at", entity_col=entity_col)
    full = daily(scored(("2024-02-05T09:00:00Z", 0.5, "positive")), time_col="at")
    assert frame.is_empty()
    assert frame.columns == COLUMNS
    assert frame.drop("unique_id").schema == full.drop("unique_id").schema


def test_rows_none_of_which_can_be_placed_give_an_empty_frame_and_a_warning() -> None:
    with pytest.warns(SentiscoreWarning, match="1 row"):
        assert daily(scored((None, 0.5, "positive")), time_col="at").is_empty()


# --- other ways to hold scored rows ---


def test_scores_that_are_text_as_in_a_csv_count_like_numbers() -> None:
    rows = scored(
        ("2024-02-05T09:00:00Z", 0.5, "positive"),
        ("2024-02-05T10:00:00Z", -0.125, "negative"),
        ("2024-02-06T10:00:00Z", None, None),
    )
    as_text = rows.with_columns(sentiment=pl.Series(["0.5", "-1.25e-1", None]))
    assert_frame_equal(daily(as_text, time_col="at"), daily(rows, time_col="at"), check_exact=True)


def test_columns_with_a_prefix_are_found_by_it() -> None:
    rows = scored(("2024-02-05T09:00:00Z", 0.5, "positive"))
    prefixed = rows.rename({name: f"m1_{name}" for name in ("sentiment", "label", "status")})
    frame = daily(prefixed, time_col="at", prefix="m1_")
    assert_frame_equal(frame, daily(rows, time_col="at"), check_exact=True)


def test_the_time_column_may_be_the_entity_column() -> None:
    frame = daily(scored(("2024-02-05T09:00:00Z", 0.5, "positive")), time_col="at", entity_col="at")
    assert frame["unique_id"].to_list() == ["2024-02-05T09:00:00Z"]


def test_the_frame_that_is_given_is_left_as_it_was() -> None:
    rows = scored(("2024-02-05 09:00:00Z", 0.5, "positive"))
    before = rows.clone()
    daily(rows, time_col="at")
    assert_frame_equal(rows, before)


def test_more_rows_can_be_added_after_features_were_made() -> None:
    first = scored(("2024-02-05T09:00:00Z", 0.5, "positive"))
    second = scored(("2024-02-07T09:00:00Z", -0.5, "negative"))
    sums = DailySums(time_col="at")
    sums.add(first)
    assert sums.finish().height == 1
    sums.add(second)
    assert_frame_equal(sums.finish(), daily(pl.concat([first, second]), time_col="at"), check_exact=True)


# --- what is refused ---


@pytest.mark.parametrize("missing", ["sentiment", "label", "status"])
def test_rows_that_are_not_scored_are_refused_with_what_to_do(missing: str) -> None:
    rows = scored(("2024-02-05T09:00:00Z", 0.5, "positive")).drop(missing)
    with pytest.raises(InputError, match=f"not scored: they lack {missing}.\n.*sentiscore score.*--prefix"):
        daily(rows, time_col="at")


def test_a_forgotten_prefix_is_refused() -> None:
    with pytest.raises(InputError, match="lack m1_status, m1_sentiment, m1_label"):
        daily(scored(("2024-02-05T09:00:00Z", 0.5, "positive")), time_col="at", prefix="m1_")


def test_a_missing_time_or_entity_column_is_refused_with_those_there_are() -> None:
    rows = scored(("2024-02-05T09:00:00Z", 0.5, "positive"))
    with pytest.raises(InputError, match=r"no column 'when'; the columns are: at, .*\n.*--time-col \(time_col\)"):
        daily(rows, time_col="when")
    with pytest.raises(InputError, match=r"no column 'ticker'.*\n.*--entity-col \(entity_col\)"):
        daily(rows, time_col="at", entity_col="ticker")


@pytest.mark.parametrize("value", [1.5, -1.0001, float("nan"), float("inf")])
def test_sentiment_outside_its_range_is_refused(value: float) -> None:
    with pytest.raises(InputError, match=r"sentiment is in \[-1, 1\]"):
        daily(scored(("2024-02-05T09:00:00Z", value, "positive")), time_col="at")


@pytest.mark.parametrize("foreign", ["calm", 99.0])
def test_a_tone_that_is_not_one_is_to_be_renamed_or_dropped(foreign: str | float) -> None:
    rows = scored(("2024-02-05T09:00:00Z", 0.5, "positive")).select(
        pl.exclude("p_negative", "p_positive", "p_neutral", "tone"), tone=pl.lit(foreign)
    )
    with pytest.raises(InputError, match="'tone'") as refused:
        daily(rows, time_col="at")
    assert "Rename or drop this column" in refused.value.hint


def test_sentiment_that_is_no_number_is_refused() -> None:
    rows = scored(("2024-02-05T09:00:00Z", None, "positive")).with_columns(sentiment=pl.lit("good"))
    with pytest.raises(InputError, match="'sentiment' does not hold numbers"):
        daily(rows, time_col="at")


@pytest.mark.parametrize(
    "change",
    [
        {"sentiment": pl.lit(None, dtype=pl.Float32)},  # scored, and yet without a score
        {"label": pl.lit("mixed")},
        {"label": pl.lit(None, dtype=pl.String)},
        {"status": pl.lit("null")},  # not scored, and yet with one
        {"status": pl.lit(None, dtype=pl.String)},
        {"status": pl.lit("fine")},
    ],
)
def test_scores_that_contradict_their_status_are_a_fault_of_the_input(change: dict[str, pl.Expr]) -> None:
    good = scored(("2024-02-05T09:00:00Z", 0.5, "positive"), ("2024-02-05T10:00:00Z", 0.5, "positive"))
    bad = pl.concat([good.head(1), good.tail(1).with_columns(**change)])
    with pytest.raises(InputError, match=r"not scored|Score the rows anew"):
        daily(bad, time_col="at")


@pytest.mark.parametrize("zones", [{"tz": "Mars"}, {"day_tz": "Mars"}, {"day_tz": ""}])
def test_an_unknown_zone_is_refused_at_once(zones: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="no time zone"):
        DailySums(time_col="at", **zones)


def test_features_of_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="no scored rows"):
        DailySums(time_col="at").finish()


def test_times_can_be_checked_before_any_row_is_scored() -> None:
    sums = DailySums(time_col="at")
    sums.check_times(pl.DataFrame({"at": ["2024-02-05T09:00:00Z"]}))
    with pytest.raises(InputError, match="cannot be read"):
        sums.check_times(pl.DataFrame({"at": ["soon"]}))
    with pytest.raises(InputError, match="not times"):
        sums.check_schema(pl.Schema({"at": pl.Int64()}))


def test_rows_that_are_refused_leave_what_was_added_before() -> None:
    good = scored(("2024-02-05T09:00:00Z", 0.5, "positive"))
    sums = DailySums(time_col="at")
    sums.add(good)
    with pytest.raises(InputError):
        sums.add(pl.concat([good, scored(("soon", 0.5, "positive"))]))
    assert_frame_equal(sums.finish(), daily(good, time_col="at"), check_exact=True)


def test_a_row_published_at_the_end_of_a_day_does_not_change_it() -> None:
    rows = scored(("2024-02-05T09:00:00Z", 0.5, "positive"))
    before = daily(rows, time_col="at")
    late = before["available_at"][0]
    assert late - timedelta(days=1) < utc(2024, 2, 5, 9) < late
    after = daily(pl.concat([rows, scored((late.isoformat(), -1.0, "negative"))]), time_col="at")
    assert_frame_equal(after.head(1), before, check_exact=True)


def test_days_are_those_of_the_zone_that_times_were_said_to_be_in() -> None:
    rows = scored((None, 0.5, "positive")).with_columns(at=pl.lit("2024-01-05"))
    assert daily(rows, time_col="at", tz="America/New_York")["ds"].to_list() == [date(2024, 1, 5)]
    assert daily(rows, time_col="at", tz="America/New_York", day_tz="UTC")["ds"].to_list() == [date(2024, 1, 6)]


def test_dates_written_as_midnight_of_another_zone_are_warned_about() -> None:
    at = ["2024-02-05 00:00:00+00:00", "2024-02-06T00:00Z", "2024-02-06T09:30:00Z"] * 4
    rows = scored(*((time, 0.5, "positive") for time in at))
    with pytest.warns(SentiscoreWarning, match="8 of 12 times are midnight"):
        daily(rows, time_col="at", day_tz="America/New_York")
    typed = rows.with_columns(at=pl.lit(datetime(2024, 2, 5, tzinfo=UTC)))
    with pytest.warns(SentiscoreWarning, match="12 of 12 times are midnight"):
        daily(typed, time_col="at", day_tz="America/New_York")
    assert daily(rows, time_col="at", day_tz="UTC")["n_docs"].to_list() == [4, 8]  # nothing doubtful there
    assert daily(rows.head(9), time_col="at", day_tz="America/New_York").height == 3  # nor in so few


def test_midnights_that_are_half_of_all_times_or_fewer_are_no_habit() -> None:
    def times(midnights: int, others: int) -> pl.DataFrame:
        at = ["2024-02-05T00:00:00Z"] * midnights + ["2024-02-05T09:30:00Z"] * others
        return scored(*((time, 0.5, "positive") for time in at))

    for midnights, others in ((1, 11), (6, 6)):  # a warning would be an error here
        frame = daily(times(midnights, others), time_col="at", day_tz="America/New_York")
        assert frame["n_docs"].sum() == 12
    with pytest.warns(SentiscoreWarning, match="7 of 13 times are midnight"):
        daily(times(7, 6), time_col="at", day_tz="America/New_York")


def test_stand_in_dates_are_left_out_and_counted() -> None:
    rows = scored(*((at, 0.5, "positive") for at in ("9999-12-31T00:00Z", "0001-01-01T00:00Z", "2024-02-06T09:30Z")))
    with pytest.warns(SentiscoreWarning, match="^2 rows have no entity, or no time"):
        assert daily(rows, time_col="at")["n_docs"].to_list() == [1]


def test_a_grid_of_absurd_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("sentiscore.features.daily_grid"), "_MOST_ROWS", 1000)
    rows = scored(*((at, 0.5, "positive") for at in ("1970-01-01T00:00Z", "2024-02-06T09:30Z")))
    with pytest.raises(InputError, match="1 entities with days from 1970-01-01 to 2024-02-06 would make 19,760 rows"):
        daily(rows, time_col="at")


@pytest.mark.parametrize("zone", ["localtime", "posixrules", "right/UTC"])
def test_a_zone_that_only_the_machine_knows_is_refused(zone: str) -> None:
    with pytest.raises(InputError, match="no time zone"):
        daily(scored(("2024-02-06T09:30Z", 0.5, "positive")), time_col="at", day_tz=zone)


def test_an_entity_is_a_name_or_a_number() -> None:
    rows = scored(("2024-02-06T09:30Z", 0.5, "positive")).with_columns(tickers=pl.struct(pl.lit("A")))
    with pytest.raises(InputError, match="entity column 'tickers' holds Struct"):
        daily(rows, time_col="at", entity_col="tickers")


# --- repeated texts ---


def repeated(*rows: tuple[str, str, float], **config: Any) -> pl.DataFrame:
    """One row a day of texts (time, text, sentiment), of which 1 is positive and -1 negative."""
    frame = scored(*[(at, value, "positive" if value > 0 else "negative") for at, _, value in rows])
    frame = frame.with_columns(text=pl.Series([text for _, text, _ in rows]))
    return daily(frame, time_col="at", text_col="text", config=DailyConfig(**config))


def test_distinct_texts_are_counted_and_without_a_text_column_it_is_not_known() -> None:
    rows = [("2024-02-05T09:00:00Z", "a", 1.0), ("2024-02-05T10:00:00Z", "a", 1.0), ("2024-02-05T11:00:00Z", "b", 1.0)]
    assert repeated(*rows).select("n_docs", "n_unique").row(0) == (3, 2)
    assert daily(scored(("2024-02-05T09:00:00Z", 0.5, "positive")), time_col="at")["n_unique"].to_list() == [None]
    sets = tuple(name for name in SETS if name != "unique")
    assert repeated(*rows, sets=sets)["n_unique"].to_list() == [None]


def test_repeats_are_dropped_within_their_time_and_only_where_they_come_second() -> None:
    rows = [
        ("2024-02-05T09:00:00Z", "a", 1.0),
        ("2024-02-05T10:00:00Z", "b", -1.0),
        ("2024-02-06T08:59:59Z", "a", 1.0),  # a second less than a day later
        ("2024-02-07T08:59:59Z", "a", 1.0),  # a whole day after that one
    ]
    frame = repeated(*rows, repeats="drop", repeats_within="1d")
    assert frame.select("n_docs", "n_unique", "sent_mean").rows() == [(2, 2, 0.0), (0, 0, None), (1, 1, 1.0)]


def test_the_weight_of_a_repeat_grows_with_the_time_since_the_one_before() -> None:
    rows = [
        ("2024-02-05T00:00:01Z", "a", 1.0),
        ("2024-02-05T06:00:01Z", "a", 1.0),  # a quarter of the day
        ("2024-02-05T12:00:00Z", "b", -1.0),
    ]
    frame = repeated(*rows, repeats="discount", repeats_within="1d")
    assert frame.select("n_docs", "n_unique").row(0) == (3, 2)
    assert frame["sent_mean"][0] == pytest.approx((1 + 0.25 - 1) / 2.25, abs=1e-6)
    assert frame["pos_share"][0] == pytest.approx(1.25 / 2.25, abs=1e-6)


def test_repeats_of_one_instant_do_not_depend_on_the_order_of_the_rows() -> None:
    rows = [("2024-02-05T09:00:00Z", "a", value) for value in (1.0, -1.0, 0.5)]
    for mode in ("drop", "discount"):
        first = repeated(*rows, repeats=mode)
        for order in permutations(rows):
            assert_frame_equal(repeated(*order, repeats=mode), first, check_exact=True)
        assert first.select("n_docs", "sent_mean").row(0) == (1, -1.0)  # the one that sorts first counts


def test_repeats_are_told_for_each_entity_of_its_own() -> None:
    rows = scored(*[("2024-02-05T09:00:00Z", 0.5, "positive")] * 2, ticker=["A", "B"], text=["a", "a"])
    frame = daily(rows, time_col="at", entity_col="ticker", text_col="text", config=DailyConfig(repeats="drop"))
    assert frame["n_docs"].to_list() == [1, 1]


def test_repeats_cannot_be_told_without_texts() -> None:
    with pytest.raises(InputError, match=r"To drop repeated texts, the texts are needed.\n.*--text-col \(text_col\)"):
        DailySums(time_col="at", config=DailyConfig(repeats="drop"))
    rows = scored(("2024-02-05T09:00:00Z", 0.5, "positive"))
    with pytest.raises(InputError, match=r"no column 'text'.*\n.*--text-col"):
        daily(rows, time_col="at", text_col="text")
    with pytest.raises(InputError, match="holds Float32, not text"):
        daily(rows, time_col="at", text_col="sentiment")


# --- weights ---


def test_weights_say_how_much_a_text_counts_and_0_leaves_it_out() -> None:
    rows = scored(
        ("2024-02-05T09:00:00Z", 1.0, "positive"),
        ("2024-02-05T10:00:00Z", -1.0, "negative"),
        ("2024-02-05T11:00:00Z", -1.0, "negative"),
        ("2024-02-05T12:00:00Z", None, None),
        weight=[3.0, 1.0, 0.0, None],
    )
    frame = daily(rows, time_col="at", weight_col="weight")
    assert frame.select("n_docs", "sent_mean", "pos_share", "neg_share").row(0) == (2, 0.5, 0.75, 0.25)
    as_text = rows.with_columns(pl.col("weight").cast(pl.String))
    assert_frame_equal(daily(as_text, time_col="at", weight_col="weight"), frame, check_exact=True)


def test_a_weight_times_anything_changes_nothing() -> None:
    rows = scored(*[("2024-02-05T09:00:00Z", value, "positive") for value in (0.125, 0.5, 1.0)], weight=[1.0, 2.0, 4.0])
    frame = daily(rows, time_col="at", weight_col="weight")
    larger = daily(rows.with_columns(pl.col("weight") * 1024), time_col="at", weight_col="weight")
    assert_frame_equal(larger, frame, check_exact=True)


def test_the_smallest_and_the_largest_weights_are_added_up_exactly() -> None:
    n = 1000
    rows = scored(*[("2024-02-05T09:00:00Z", 0.7, "positive")] * n, weight=[2.0**20, 1e-9] * (n // 2))
    frame = daily(rows, time_col="at", weight_col="weight")
    assert frame["sent_mean"][0] == pytest.approx(0.7, abs=1e-7)
    assert frame["sent_std"][0] == 0.0


@pytest.mark.parametrize("weight", [None, -1.0, float("nan"), float("inf"), 2.0**20 + 1])
def test_a_scored_row_without_a_usable_weight_is_refused(weight: float | None) -> None:
    rows = scored(("2024-02-05T09:00:00Z", 0.5, "positive"), weight=pl.Series([weight], dtype=pl.Float64))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"1 scored rows have no usable weight in 'weight'"):
        daily(rows, time_col="at", weight_col="weight")


# --- which columns, and which rows ---


@pytest.mark.parametrize(
    ("sets", "features"),
    [
        ((), []),
        (("level",), ["sent_mean", "sent_shrunk", "sent_std"]),
        (("opinion", "shares"), ["pos_share", "neg_share", "neu_share", *OPINION]),
        (("decay",), ["sent_decay_5", "sent_decay_20", "sent_momentum"]),
        (("surprise",), ["sent_z_20", "abnormal_volume_20"]),
        (("tone",), TONE),
    ],
)
def test_sets_of_columns_are_chosen(sets: tuple[str, ...], features: list[str]) -> None:
    frame = daily(scored(("2024-02-05T09:00:00Z", 0.5, "positive")), time_col="at", config=DailyConfig(sets=sets))
    assert frame.columns == [*KEYS, *COUNTS, *features]


def test_columns_are_named_by_their_half_lives_and_windows() -> None:
    config = DailyConfig(decay=(2.5, 10), z=(5, 60), volume=(10,))
    frame = daily(scored(("2024-02-05T09:00:00Z", 0.5, "positive")), time_col="at", config=config)
    assert frame.columns[-10:] == [
        "sent_decay_2.5", "sent_decay_10", "sent_momentum", "sent_z_5", "sent_z_60", "abnormal_volume_10",
        "tone_mean", "tone_std", "tone_decay_2.5", "tone_decay_10"
    ]  # fmt: skip


def test_a_start_and_an_end_give_every_entity_the_same_sessions() -> None:
    rows = scored(
        ("2024-02-03T09:00:00Z", 0.5, "positive"),
        ("2024-02-05T09:00:00Z", 0.5, "positive"),
        ("2024-02-09T09:00:00Z", 0.5, "positive"),
        ticker=["A", "B", "A"],
    )
    config = DailyConfig(start=date(2024, 2, 4), end=date(2024, 2, 7))
    frame = daily(rows, time_col="at", entity_col="ticker", config=config)
    assert frame.group_by("unique_id", maintain_order=True).len().rows() == [("A", 4), ("B", 4)]
    own = frame.filter(unique_id="A")
    assert own["n_docs"].sum() == 0
    assert own["sent_decay_5"].to_list() == [0.5] * 4  # what was before the start is remembered
    assert own["sessions_since_news"].to_list() == [1, 2, 3, 4]
    assert frame.filter(unique_id="B")["sessions_since_news"].to_list() == [None, 0, 1, 2]


@pytest.mark.parametrize(
    ("fill", "means", "bullish"),
    [
        ("none", [0.5, None, None, -1.0], [0.0, None]),
        ("zero", [0.5, 0.0, 0.0, -1.0], [0.0, 0.0]),
        ("latest", [0.5, 0.5, 0.5, -1.0], [0.0, 0.0]),
        ("decay", [0.5, 0.25, 0.125, -1.0], [0.0, 0.0]),
    ],
)
def test_sessions_without_news_are_filled_forward_and_stay_flagged(
    fill: str, means: list[float | None], bullish: list[float | None]
) -> None:
    rows = scored(
        ("2024-02-05T09:00:00Z", 0.0, "negative"),
        ("2024-02-05T10:00:00Z", 1.0, "positive"),
        ("2024-02-08T10:00:00Z", -1.0, "negative"),
    )
    frame = daily(rows, time_col="at", config=DailyConfig(fill=fill, fill_half_life=1.0))
    assert frame["sent_mean"].to_list() == means
    assert frame["bullishness"].to_list()[:2] == bullish
    assert frame["news_flag"].to_list() == [1, 0, 0, 1]
    assert frame["sent_std"].to_list()[3] is None  # a session of one text has none, however gaps are filled


def test_a_long_silence_leaves_the_decayed_mean_as_it_was() -> None:
    rows = scored(("2000-01-01T09:00:00Z", 0.5, "positive"), ("2024-02-05T09:00:00Z", -0.5, "negative"))
    config = DailyConfig(decay=(0.5,), momentum=(0.25, 0.5))
    frame = daily(rows, time_col="at", config=config)
    assert frame["sent_decay_0.5"].null_count() == 0
    assert set(frame["sent_decay_0.5"].head(-1).to_list()) == {0.5}
    assert frame["sent_decay_0.5"][-1] == -0.5


def test_sentiment_that_never_changes_gives_no_surprise() -> None:
    rows = scored(*[(f"2024-02-{day:02}T09:00:00Z", 0.1, "positive") for day in range(1, 15)])
    frame = daily(rows, time_col="at", config=DailyConfig(z=(5,)))
    assert frame["sent_z_5"].to_list() == [None] * 5 + [0.0] * 9


def test_probabilities_give_uncertainty_and_without_them_it_is_not_known() -> None:
    rows = scored(("2024-02-05T09:00:00Z", 0.0, "positive"), ("2024-02-06T09:00:00Z", 1.0, "positive"))
    two = rows.with_columns(p_negative=pl.Series([0.5, 0.0]), p_positive=pl.Series([0.5, 1.0]))
    assert daily(two, time_col="at")["uncertainty"].to_list() == [1.0, 0.0]
    none = two.with_columns(p_neutral=pl.lit(None, dtype=pl.Float32))  # a model of two classes beside one of three
    assert daily(none, time_col="at")["uncertainty"].to_list() == [1.0, 0.0]
    assert daily(rows, time_col="at")["uncertainty"].to_list() == [None, None]


# --- tone ---


def toned(*rows: tuple[str, float | None]) -> pl.DataFrame:
    """Scored rows of (time, p_positive) by a model of two classes; one without a probability was scored without any."""
    sentiments = [0.0 if p is None else 2 * p - 1 for _, p in rows]
    positive = pl.Series([p for _, p in rows], dtype=pl.Float32)
    times = [(at, sentiment, "positive") for (at, _), sentiment in zip(rows, sentiments, strict=True)]
    return scored(*times).with_columns(p_positive=positive, p_negative=1 - positive)


def tone_of(p: float) -> float:
    return math.log(p + 1e-3) - math.log(1 - p + 1e-3)


MORNING, NOON, NEXT_DAY = "2024-02-05T09:00:00Z", "2024-02-05T12:00:00Z", "2024-02-06T09:00:00Z"


def test_tone_is_the_mean_of_log_odds_and_fades_as_sentiment_does() -> None:
    rows = toned((MORNING, 0.75), (NOON, 1.0), (NEXT_DAY, 0.125))
    frame = daily(rows, time_col="at", config=DailyConfig(decay=(1,)))
    one, two, three = tone_of(0.75), tone_of(1.0), tone_of(0.125)
    assert frame["tone_mean"].to_list() == pytest.approx([(one + two) / 2, three], abs=1e-6)
    assert frame["tone_std"].to_list() == [pytest.approx(abs(one - two) / 2**0.5, abs=1e-6), None]
    faded = ((one + two) / 2 + three) / (2 / 2 + 1)  # after a day both texts count half
    assert frame["tone_decay_1"].to_list() == pytest.approx([(one + two) / 2, faded], abs=1e-6)


def test_tone_is_of_the_probabilities_whatever_a_column_called_tone_holds() -> None:
    rows = toned((MORNING, 0.75), (NOON, 0.0), (NEXT_DAY, 0.3))
    plain = daily(rows, time_col="at")
    assert plain["tone_mean"].null_count() == 0
    tones = [tone_of(p) for p in (0.75, 0.0, 0.3)]
    for column in (pl.Series(tones, dtype=pl.Float32), pl.Series([55.0, -3.5, None]), pl.Series(["up", "", None])):
        assert_frame_equal(daily(rows.with_columns(tone=column), time_col="at"), plain, check_exact=True)


def test_without_probabilities_the_column_of_tones_counts_and_without_both_nothing_is_known() -> None:
    rows = toned((MORNING, 0.75), (NOON, 0.5), (NEXT_DAY, 0.25))
    tones = pl.Series("tone", [tone_of(p) for p in (0.75, 0.5, 0.25)], dtype=pl.Float32)
    plain, without = daily(rows, time_col="at"), rows.drop("p_positive")
    assert_frame_equal(daily(without.with_columns(tones), time_col="at").select(TONE), plain.select(TONE), abs_tol=1e-6)
    text = without.with_columns(tones.cast(pl.String))  # as a CSV has it
    assert_frame_equal(daily(text, time_col="at").select(TONE), plain.select(TONE), abs_tol=1e-6)
    unknown = daily(without, time_col="at")
    assert unknown.select(pl.col(TONE).is_null().all()).row(0) == (True,) * len(TONE)
    assert unknown["sent_mean"].to_list() == plain["sent_mean"].to_list()


@pytest.mark.parametrize("value", [6.92, -6.92, float("nan")])
def test_a_column_that_cannot_be_of_tones_is_refused(value: float) -> None:
    rows = scored((MORNING, 0.5, "positive"), tone=[value])
    with pytest.raises(InputError, match=r"'tone' holds .*, and tone is in \[-6.91, 6.91\]"):
        daily(rows, time_col="at")
    sets = tuple(name for name in SETS if name != "tone")
    assert daily(rows, time_col="at", config=DailyConfig(sets=sets)).height == 1, "nobody asked for it"


def test_texts_without_a_tone_do_not_count_for_it() -> None:
    rows = toned((MORNING, 0.75), (NOON, None), (NEXT_DAY, None), ("2024-02-07T09:00:00Z", 0.5))
    frame = daily(rows, time_col="at", config=DailyConfig(decay=(1,)))
    first = pytest.approx(tone_of(0.75), abs=1e-6)
    assert frame["tone_mean"].to_list() == [first, None, 0.0]
    assert frame["tone_std"].to_list() == [None] * 3
    faded = tone_of(0.75) / 4 / (1 / 4 + 1)
    assert frame["tone_decay_1"].to_list() == [first, first, pytest.approx(faded, abs=1e-6)]


def test_a_long_time_without_tones_leaves_the_decayed_tone_as_it_was() -> None:
    days = [datetime(2020, 1, 1, 9, tzinfo=UTC) + timedelta(days=i) for i in range(1_200)]
    rows = toned(*((day.isoformat(), None if i else 0.75) for i, day in enumerate(days)))
    frame = daily(rows, time_col="at", config=DailyConfig(decay=(0.5,), momentum=(0.25, 0.5)))
    assert frame["tone_decay_0.5"].n_unique() == 1
    assert frame["tone_decay_0.5"][-1] == pytest.approx(tone_of(0.75), abs=1e-6)


def test_weights_count_for_tone_too() -> None:
    rows = toned((MORNING, 0.75), (NOON, 0.25)).with_columns(weight=pl.Series([3.0, 1.0]))
    frame = daily(rows, time_col="at", weight_col="weight")
    assert frame["tone_mean"].to_list() == pytest.approx([tone_of(0.75) / 2], abs=1e-6)


def test_probabilities_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="probabilities hold NaN"):
        daily(toned((MORNING, 0.5), (NOON, float("nan"))).with_columns(sentiment=0.0), time_col="at")


# --- many entities ---


def test_sums_of_many_keys_are_those_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = scored(
        *[
            (f"2024-02-{1 + i % 20:02}T09:00:00Z", (i % 9 - 4) / 4, "positive" if i % 9 > 3 else "negative")
            for i in range(300)
        ],
        ticker=[f"T{i % 7}" for i in range(300)],
        text=[f"{i % 11}" for i in range(300)],
    )
    args: dict[str, Any] = {"time_col": "at", "entity_col": "ticker", "text_col": "text"}
    dense = daily(rows, **args)
    monkeypatch.setattr(import_module("sentiscore.features.bins"), "MOST_BINS", 0)
    assert_frame_equal(daily(rows, **args), dense, check_exact=True)
    some = DailySums(**args)  # the entities become too many on the way
    some.add(rows.head(100))
    monkeypatch.setattr(import_module("sentiscore.features.bins"), "MOST_BINS", 2**22)
    some.add(rows.slice(100, 100))
    monkeypatch.setattr(import_module("sentiscore.features.bins"), "MOST_BINS", 0)
    some.add(rows.tail(100))
    assert_frame_equal(some.finish(), dense, check_exact=True)


@pytest.mark.parametrize("repeats", ["keep", "drop"])
def test_a_large_frame_is_taken_in_slices_and_all_of_it_or_none(monkeypatch: pytest.MonkeyPatch, repeats: str) -> None:
    rows = scored(
        *[(f"2024-02-{1 + i % 20:02}T09:00:00Z", 0.5, "positive") for i in range(100)],
        ticker=[f"T{i % 7}" for i in range(100)],
        text=[f"{i % 11}" for i in range(100)],
    )
    args: dict[str, Any] = {
        "time_col": "at", "entity_col": "ticker", "text_col": "text", "config": DailyConfig(repeats=repeats)
    }  # fmt: skip
    whole = daily(rows, **args)
    monkeypatch.setattr(import_module("sentiscore.features.daily_sums"), "_SLICE_ROWS", 7)
    sums = DailySums(**args)
    sums.add(rows)
    with pytest.raises(InputError):
        sums.add(pl.concat([rows, rows.head(1).with_columns(label=pl.lit("mixed"))]))
    assert_frame_equal(sums.finish(), whole, check_exact=True)


@pytest.mark.filterwarnings("ignore:.*equal in entity, time and text")
def test_parts_are_brought_together_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("sentiscore.features.sums"), "_COMPACT_VALUES", 2)
    rows = scored(*[(f"2024-02-{1 + i % 5:02}T09:00:00Z", 0.5, "positive") for i in range(40)], text=["a", "b"] * 20)
    for repeats in ("keep", "drop", "discount"):
        args: dict[str, Any] = {"time_col": "at", "text_col": "text", "config": DailyConfig(repeats=repeats)}
        sums = DailySums(**args)
        for i in range(40):
            sums.add(rows.slice(i, 1))
        assert_frame_equal(sums.finish(), daily(rows, **args), check_exact=True)


# --- as of an instant ---


def test_as_of_an_instant_there_are_rows_up_to_the_last_closed_session_for_all() -> None:
    rows = scored(
        ("2024-01-05T15:00:00Z", 0.5, "positive"),
        ("2024-01-03T15:00:00Z", 0.5, "positive"),
        ("2024-01-08T15:00:00Z", 0.5, "positive"),
        ticker=["AAA", "BBB", "CCC"],
    )
    args: dict[str, Any] = {"time_col": "at", "entity_col": "ticker", "calendar": "XNYS"}
    frame = daily(rows, as_of="2024-01-08T20:59:59Z", **args)
    assert frame.select("unique_id", "ds", "n_docs").rows() == [
        ("AAA", date(2024, 1, 5), 1),
        ("BBB", date(2024, 1, 3), 1),
        ("BBB", date(2024, 1, 4), 0),
        ("BBB", date(2024, 1, 5), 0),
    ]
    closed = daily(rows, as_of=utc(2024, 1, 8, 21), **args)  # at the close sharp
    assert closed.filter(pl.col("ds") == date(2024, 1, 8))["unique_id"].to_list() == ["AAA", "BBB", "CCC"]
    assert daily(rows, as_of=utc(2024, 1, 12), **args)["ds"].max() == date(2024, 1, 11)
    ended = daily(rows, as_of=utc(2024, 1, 12), config=DailyConfig(end=date(2024, 1, 9)), **args)
    assert ended["ds"].max() == date(2024, 1, 9)
    assert daily(rows.slice(1, 1), as_of=utc(2024, 1, 3, 20, 59), **args).is_empty()
    days = pl.DataFrame({"ds": [date(2024, 1, day) for day in (5, 8)]}).with_columns(
        open=pl.col("ds").cast(pl.Datetime("us", "UTC")), close=pl.col("ds").cast(pl.Datetime("us", "UTC")) + HOUR
    )
    with pytest.warns(SentiscoreWarning, match="^3 rows have times after"):
        assert daily(rows, as_of=utc(2024, 1, 1), **args | {"calendar": days}).is_empty()  # before the first session


def test_texts_from_after_the_instant_are_left_out_counted_and_told() -> None:
    rows = scored(
        ("2024-01-05T15:00:00Z", 0.5, "positive"),
        ("2024-01-05T15:00:00.000001Z", -0.5, "negative"),
        ("2150-01-05T15:00:00Z", -0.5, "negative"),
        (None, 0.5, "positive"),
    )
    sums = DailySums(time_col="at", as_of=utc(2024, 1, 5, 15))
    sums.add(rows)
    with pytest.warns(SentiscoreWarning) as caught:
        assert sums.finish().is_empty()  # the day is not over
    assert [str(told.message).split(",")[0] for told in caught] == [
        "1 rows have no entity",
        "2 rows have times after 2024-01-05 15:00:00 UTC",
    ]
    assert sums.n_unplaced == 3
    assert sums.state()[0]["n_docs"].to_list() == [1]


def test_times_to_come_are_told_and_stay_where_no_instant_is_given() -> None:
    rows = scored(("2024-01-05T15:00:00Z", 0.5, "positive"), ("2150-01-05T15:00:00Z", -0.5, "negative"))
    sums = DailySums(time_col="at")
    sums.add(rows)
    with pytest.warns(SentiscoreWarning, match=r"^1 rows have times that have not come yet, .*--as-of"):
        assert sums.finish()["n_docs"].sum() == 2
    assert sums.n_unplaced == 0
    days = pl.DataFrame({"ds": [date(2024, 1, day) for day in (4, 5)]}).with_columns(
        open=pl.col("ds").cast(pl.Datetime("us", "UTC")), close=pl.col("ds").cast(pl.Datetime("us", "UTC")) + 20 * HOUR
    )
    with pytest.warns(SentiscoreWarning, match="^1 rows lie before or after all sessions") as caught:
        daily(rows, time_col="at", calendar=days)
    assert len(caught) == 1  # what is left out need not be left out


@pytest.mark.parametrize("written", [True, False])
def test_a_date_of_the_day_of_the_instant_is_none_from_after_it(written: bool) -> None:
    rows = scored(("2024-01-05", 0.5, "positive"), ("2024-01-06", 0.5, "positive"), ("2024-01-07", 0.5, "positive"))
    rows = rows if written else rows.with_columns(pl.col("at").str.to_date())
    args: dict[str, Any] = {"time_col": "at", "tz": "America/New_York"}
    sums = DailySums(as_of="2024-01-06T00:00:00-05:00", **args)
    sums.add(rows)
    with pytest.warns(SentiscoreWarning, match="^1 rows have times after"):
        assert sums.finish().select("ds", "n_docs").rows() == [(date(2024, 1, 5), 1)]
    assert sums.state()[0]["n_docs"].sum() == 2  # the second waits for the end of its day


def test_a_text_that_can_be_used_only_after_the_instant_waits() -> None:
    rows = scored(("2024-01-05T23:58:00Z", 0.5, "positive"), ("2024-01-05T12:00:00Z", 0.5, "positive"))
    config = DailyConfig(latency="5m")
    frame = daily(rows, time_col="at", config=config, as_of="2024-01-06T00:00:00Z")
    assert frame.select("ds", "n_docs").rows() == [(date(2024, 1, 5), 1)]
    later = daily(rows, time_col="at", config=config, as_of="2024-01-07T00:00:00Z")
    assert later["n_docs"].to_list() == [1, 1]
