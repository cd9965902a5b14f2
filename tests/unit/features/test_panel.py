"""The frames that the forecasting libraries are handed, without the libraries."""

from datetime import UTC, date, datetime, time, timedelta
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore.errors import InputError, MissingExtraError, SentiscoreWarning
from sentiscore.features import (
    DailyConfig,
    add_lags,
    check_future,
    join_target,
    to_autogluon,
    to_darts,
    to_gluonts,
    to_nixtla,
    to_sktime,
)
from sentiscore.features import daily as make_daily
from sentiscore.features.panel import NixtlaPanel
from tests.daily_frames import FIRST_SESSION, daily_frame, target_frame, working_days

DAYS = working_days(8)
DAILY = daily_frame({"B": [0.0, 1.0, 2.0, None, 4.0, 5.0], "A": [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]})
Y = target_frame({"B": [20.0, 21.0, 22.0, 23.0], "A": [30.0, 31.0, 32.0, 33.0, 34.0]}, DAYS)
S = FIRST_SESSION


def future_of(panel: NixtlaPanel) -> pl.DataFrame:
    assert panel.X_df is not None
    return panel.X_df


# --- lagged, with a future frame ---


def test_a_lagged_panel_has_what_was_known_h_sessions_before() -> None:
    panel = to_nixtla(DAILY, Y, h=2, columns="sent_mean")
    assert panel.df.rows() == [
        ("A", S + 2, 32.0, 10.0),
        ("A", S + 3, 33.0, 11.0),
        ("A", S + 4, 34.0, 12.0),
        ("B", S + 2, 22.0, 0.0),
        ("B", S + 3, 23.0, 1.0),
    ]
    assert panel.df.columns == ["unique_id", "ds", "y", "sent_mean__lag_2"]
    assert panel.df.dtypes == [pl.String, pl.Int64, pl.Float64, pl.Float64]
    assert (panel.futr_exog, panel.hist_exog, panel.freq) == (("sent_mean__lag_2",), (), 1)


def test_the_future_frame_has_h_rows_for_each_series_after_its_own_last() -> None:
    panel = to_nixtla(DAILY, Y, h=2, columns="sent_mean")
    assert future_of(panel).rows() == [
        ("A", S + 5, 13.0),
        ("A", S + 6, 14.0),  # 15 is of the session after the origin, and known to nobody at the origin
        ("B", S + 4, 2.0),
        ("B", S + 5, None),
    ]
    assert future_of(panel).columns == ["unique_id", "ds", "sent_mean__lag_2"]


def test_more_lags_reach_further_back_and_never_nearer_than_the_horizon() -> None:
    panel = to_nixtla(DAILY, Y, h=1, columns="sent_mean", lags=[1, 3])
    assert panel.df.row(0) == ("A", S + 3, 33.0, 12.0, 10.0)
    assert future_of(panel).row(0) == ("A", S + 5, 14.0, 12.0)
    too_near: list[tuple[int, Any]] = [(2, 1), (3, [3, 2]), (1, 0)]
    for h, lags in too_near:
        with pytest.raises(InputError, match=f"not known for all of the {h} sessions ahead"):
            to_nixtla(DAILY, Y, h=h, lags=lags)
    unusable: list[tuple[Any, Any, str]] = [
        (0, None, "h must"),
        (True, None, "h must"),
        (1.0, None, "h must"),
        ([1], None, "h must"),
        ("1", None, "h must"),
        (1, [], "lags names"),
        (1, [1, 1], "lags names"),
        (1, ["a"], "lags must be whole"),
        (1, [1.5], "lags must be whole"),
        (1, 1.5, "lags must be whole"),
        (1, "2", "lags must be whole"),
        (1, [True], "lags must be whole"),
    ]
    for h, lags, message in unusable:
        with pytest.raises(InputError, match=message):
            to_nixtla(DAILY, Y, h=h, lags=lags)
        with pytest.raises(InputError, match=message):
            to_sktime(DAILY, Y, h=h, lags=lags)


def test_whole_numbers_may_be_those_of_numpy() -> None:
    plain = to_nixtla(DAILY, Y, h=1, lags=[1, 3])
    for lags in (np.array([1, 3]), [np.int32(1), np.int64(3)], pl.Series([1, 3])):
        panel = to_nixtla(DAILY, Y, h=np.int64(1), lags=lags)  # type: ignore[arg-type]
        assert_frame_equal(panel.df, plain.df)
        assert_frame_equal(future_of(panel), future_of(plain))
    assert to_sktime(DAILY, Y, h=np.int64(2)).fh == [1, 2]  # type: ignore[arg-type]
    check_future(plain.df, future_of(plain), h=np.int64(1))  # type: ignore[arg-type]
    for fill in (np.float32(0.5), np.int64(1), 1):
        assert future_of(to_nixtla(DAILY, Y, h=2, fill=fill))["sent_mean__lag_2"].null_count() == 0  # type: ignore[arg-type]
    wrong: list[Any] = ["0", float("nan"), True, 10**400]
    for fill in wrong:
        with pytest.raises(InputError, match="fill must be a number"):
            to_nixtla(DAILY, Y, h=2, fill=fill)


def test_frames_of_other_libraries_give_the_same_panels() -> None:
    wanted = to_nixtla(DAILY, Y, h=1, future_ds=DAYS[6:])
    ahead = future_of(wanted)
    check_future(wanted.df.to_pandas(), ahead.to_arrow(), h=1)
    for daily, y in ((DAILY.to_pandas(), Y.to_pandas()), (DAILY.to_arrow(), Y.to_arrow()), (DAILY.lazy(), Y.lazy())):
        panel = to_nixtla(daily, y, h=1, future_ds=DAYS[6:])
        assert_frame_equal(panel.df, wanted.df)
        assert_frame_equal(future_of(panel), ahead)
    days = wanted.to_dates(ahead.to_pandas())
    assert pl.from_pandas(days)["ds"].cast(pl.Date).to_list() == wanted.to_dates(ahead)["ds"].to_list()
    autogluon = to_autogluon(DAILY, Y)
    stamps = pd.DataFrame({"item_id": ["A"], "timestamp": autogluon.df["timestamp"].to_pandas()[:1]})
    assert autogluon.to_dates(stamps)["timestamp"].tolist() == [pd.Timestamp(DAYS[0])]


def test_what_is_not_a_frame_is_refused_with_what_to_do() -> None:
    panel = to_nixtla(DAILY, Y, h=1, future_ds=DAYS[6:])
    cases: list[tuple[str, Any]] = [
        ("The daily features", lambda given: to_nixtla(given, Y, h=1)),
        ("The target", lambda given: to_nixtla(DAILY, given, h=1)),
        ("The forecasts", panel.to_dates),
        ("The forecasts", to_autogluon(DAILY, Y).to_dates),
        ("The frame future", lambda given: check_future(panel.df, given, h=1)),
        ("The scored rows", lambda given: make_daily(given, time_col="at")),
        ("The daily features", lambda given: join_target(given, Y, time_col="ds")),
        ("The frame of forecasts", lambda given: join_target(DAILY, given, time_col="ds")),
        ("The daily features", lambda given: add_lags(given, "sent_mean", 1)),
    ]
    for what, use in cases:
        with pytest.raises(
            InputError, match=rf"^{what} must be a polars DataFrame.*builtins.dict.*\n.*polars.DataFrame"
        ):
            use({"unique_id": ["A"]})


def test_the_origins_say_from_when_on_a_forecast_could_have_been_made() -> None:
    panel = to_nixtla(DAILY, Y, h=1)
    assert panel.origins.rows() == [
        ("A", S + 4, DAYS[4], datetime(2024, 1, 8, 21, tzinfo=UTC)),
        ("B", S + 3, DAYS[3], datetime(2024, 1, 5, 21, tzinfo=UTC)),
    ]


def test_where_rows_of_a_session_were_known_at_different_times_the_latest_is_the_origin_s() -> None:
    a_later = pl.col("unique_id") == "A"
    for shift in (timedelta(hours=1), timedelta(hours=-1)):
        moved = pl.when(a_later).then(pl.col("available_at") + shift).otherwise("available_at")
        panel = to_nixtla(DAILY.with_columns(moved.alias("available_at")), Y, h=1)
        latest = max(timedelta(), shift)
        assert panel.origins["available_at"].to_list() == [
            datetime(2024, 1, 8, 21, tzinfo=UTC) + latest,
            datetime(2024, 1, 5, 21, tzinfo=UTC) + latest,
        ]


def test_what_is_left_out_is_counted_and_said() -> None:
    daily = daily_frame({"A": [1.0] * 6, "B": [1.0] * 4, "Z": [2.0] * 6}, first={"B": 2})
    y = target_frame({"A": [1.0] * 8, "B": [1.0] * 8}, working_days(8, date(2023, 12, 28)))
    with pytest.warns(SentiscoreWarning, match=r"daily features: 4; .*features begin: 2; series .* a target: 1.$"):
        panel = to_nixtla(daily, y, h=1)
    assert list(panel.dropped.values()) == [4, 2, 2, 1]
    assert panel.df.height == y.height - 4 - 2 - 2
    assert to_nixtla(DAILY, Y.filter(pl.col("ds") > DAYS[0]), h=1).dropped == {}


def test_the_first_rows_that_a_lag_costs_are_counted_without_a_warning() -> None:
    panel = to_nixtla(DAILY, Y, h=2)
    assert list(panel.dropped.values()) == [4]
    assert panel.df.height == Y.height - 4


def test_a_missing_feature_is_null_or_what_it_is_filled_with() -> None:
    y = Y.filter(pl.col("ds") > DAYS[1])
    assert future_of(to_nixtla(DAILY, y, h=2))["sent_mean__lag_2"].null_count() == 1
    filled = to_nixtla(DAILY, y, h=2, fill=-7.0)
    assert future_of(filled)["sent_mean__lag_2"].to_list() == [13.0, 14.0, 2.0, -7.0]


@pytest.mark.parametrize("fill", [None, 0.0])
def test_a_series_whose_features_end_before_its_target_is_refused_and_not_filled(fill: float | None) -> None:
    daily = daily_frame({"A": [1.0, 2.0, 3.0], "B": [1.0] * 5})
    y = target_frame({"A": [1.0] * 4, "B": [1.0] * 4}, DAYS)
    message = (
        r"of 1 of 2 series end before .* example of A on 2024-01-04, with a target up to 2024-01-05.\n"
        r".*end=2024-01-05 in the config or as_of="
    )
    for make in (
        lambda: to_nixtla(daily, y, h=1, fill=fill),
        lambda: to_nixtla(daily, y, h=1, exog="hist", fill=fill),
        lambda: to_sktime(daily, y, h=1, fill=fill),
        lambda: to_gluonts(daily, y, fill=fill),
        lambda: to_autogluon(daily, y, fill=fill),
    ):
        with pytest.raises(InputError, match=message):
            make()
    up_to_there = y.filter((pl.col("unique_id") == "B") | (pl.col("ds") <= DAYS[2]))
    assert to_nixtla(daily, up_to_there, h=1, exog="hist", fill=fill).df.height == 7


def test_daily_features_up_to_the_origin_give_a_quiet_series_what_it_really_has() -> None:
    times = {"A": DAYS[:1], "B": DAYS}
    scored = pl.DataFrame(
        [(name, datetime.combine(day, time(9), UTC), 0.5) for name, days in times.items() for day in days],
        schema={"name": pl.String, "at": pl.Datetime("us", "UTC"), "sentiment": pl.Float32},
        orient="row",
    ).with_columns(label=pl.lit("positive"), status=pl.lit("ok"))
    days = [date(2024, 1, 2) + timedelta(days=k) for k in range(4)]
    y = target_frame({"A": [1.0] * 4, "B": [1.0] * 4}, days)
    arguments: dict[str, Any] = {"time_col": "at", "entity_col": "name"}
    with pytest.raises(InputError, match=r"end=2024-01-05 in the config"):
        to_nixtla(make_daily(scored.filter(name="A"), **arguments), y.filter(unique_id="A"), h=1, fill=0.0)
    daily = make_daily(scored, **arguments, config=DailyConfig(end=date(2024, 1, 5)))
    columns = ["n_docs", "sessions_since_news", "sent_mean", "sent_decay_5"]
    future = future_of(to_nixtla(daily, y, h=1, columns=columns)).filter(unique_id="A")
    assert future.row(0)[2:] == (0.0, 3.0, None, 0.5)


# --- unlagged, for a slot of past-only covariates ---


def test_a_panel_for_a_past_only_slot_has_the_row_of_the_session_itself_and_no_later_one() -> None:
    panel = to_nixtla(DAILY, Y, h=3, exog="hist")
    assert panel.X_df is None
    assert panel.hist_exog == ("n_docs", "sent_mean")
    assert panel.df.rows() == [
        *(("A", S + i, 30.0 + i, 1.0, 10.0 + i) for i in range(5)),
        *(("B", S + i, 20.0 + i, float(i != 3), None if i == 3 else float(i)) for i in range(4)),
    ]
    with pytest.raises(InputError, match="lags go with"):
        to_nixtla(DAILY, Y, h=3, exog="hist", lags=3)
    with pytest.raises(InputError, match="no exog"):
        to_nixtla(DAILY, Y, h=3, exog="future")  # type: ignore[arg-type]


def test_gluonts_gets_one_entry_for_each_series() -> None:
    panel = to_gluonts(DAILY, Y, columns=["sent_mean", "n_docs"])
    assert [entry["item_id"] for entry in panel.dataset] == ["A", "B"]
    entry = panel.dataset[1]
    assert (entry["start"].ordinal, entry["start"].freqstr, panel.freq) == (S, "D", "D")
    assert entry["target"].tolist() == [20.0, 21.0, 22.0, 23.0]
    sentiment, counts = entry["past_feat_dynamic_real"].tolist()
    assert sentiment[:3] == [0.0, 1.0, 2.0]
    assert sentiment[3] != sentiment[3]  # NaN
    assert counts == [1.0, 1.0, 1.0, 0.0]


def test_autogluon_gets_stand_in_days_that_turn_back_into_dates() -> None:
    panel = to_autogluon(DAILY, Y, columns="sent_mean", future_ds=DAYS[6:])
    assert panel.df.columns == ["item_id", "timestamp", "target", "sent_mean"]
    assert panel.df.row(0) == ("A", datetime(1970, 1, 1) + timedelta(days=S), 30.0, 10.0)  # noqa: DTZ001
    assert panel.df["timestamp"].diff().drop_nulls().mode()[0] == timedelta(days=1)
    ahead = panel.df.tail(1).with_columns(pl.col("timestamp") + timedelta(days=4))
    assert panel.to_dates(ahead)["timestamp"].to_list() == [DAYS[7]]


@pytest.mark.skipif(find_spec("autogluon") is not None, reason="AutoGluon is installed")
def test_without_autogluon_the_frame_is_there_and_the_next_step_is_said() -> None:
    with pytest.raises(MissingExtraError, match=r"parquet"):
        to_autogluon(DAILY, Y).time_series()


@pytest.mark.skipif(find_spec("darts") is not None, reason="Darts is installed")
def test_without_darts_the_extra_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"sentiscore\[forecast\]"):
        to_darts(DAILY, Y)


def test_sktime_gets_frames_with_an_index_of_series_and_sessions() -> None:
    panel = to_sktime(DAILY, Y, h=2, columns="sent_mean", fill=0.0)
    assert panel.fh == [1, 2]
    assert panel.y.index.names == ["unique_id", "ds"]
    assert panel.y.index.tolist() == panel.X.index.tolist()
    assert panel.X["sent_mean__lag_2"].tolist() == [10.0, 11.0, 12.0, 0.0, 1.0]
    assert panel.X_future.index.tolist() == [("A", S + 5), ("A", S + 6), ("B", S + 4), ("B", S + 5)]
    assert panel.X_future["sent_mean__lag_2"].tolist() == [13.0, 14.0, 2.0, 0.0]


# --- times ---


def test_forecasts_get_their_dates_back_from_the_sessions() -> None:
    panel = to_nixtla(DAILY, Y, h=2, future_ds=DAYS[6:])
    assert panel.to_dates(future_of(panel))["ds"].to_list() == [DAYS[5], DAYS[6], DAYS[4], DAYS[5]]
    bare = to_nixtla(DAILY, Y, h=2, future_ds=[])
    assert_frame_equal(bare.sessions, to_nixtla(DAILY, Y, h=2).sessions)
    with pytest.raises(InputError, match=rf"which days the sessions {S + 6} are.\n.*future_ds"):
        bare.to_dates(future_of(bare))
    with pytest.raises(InputError, match="no column 'ds' of session numbers"):
        panel.to_dates(future_of(panel).drop("ds"))


def test_dates_are_only_for_calendars_of_every_day() -> None:
    with pytest.raises(InputError, match="not every calendar day"):
        to_nixtla(DAILY, Y, h=1, time="date")
    days = [date(2024, 1, 1) + timedelta(days=i) for i in range(8)]
    daily = daily_frame({"A": [float(i) for i in range(6)]}, days=days)
    y = target_frame({"A": [float(i) for i in range(6)]}, days).filter(pl.col("ds") > days[1])
    for given in (daily, daily.drop("session_idx")):
        panel = to_nixtla(given, y, h=2, columns="sent_mean", time="date")
        assert panel.freq == "1d"
        assert panel.df.row(0) == ("A", days[2], 2.0, 0.0)
        assert future_of(panel) is not None
        assert future_of(panel).rows() == [("A", days[6], 4.0), ("A", days[7], 5.0)]
        assert to_gluonts(given, y, time="date").dataset[0]["start"].strftime("%Y-%m-%d") == "2024-01-03"
        auto = to_autogluon(given, y, time="date")
        assert auto.df["timestamp"][0] == datetime(2024, 1, 3)  # noqa: DTZ001
        assert_frame_equal(auto.to_dates(auto.df), auto.df)
    with pytest.raises(InputError, match="no time 'week'"):
        to_nixtla(daily, y, h=1, time="week")  # type: ignore[arg-type]


@pytest.mark.parametrize("days", [[DAYS[5]], [DAYS[7], DAYS[6]], [DAYS[6], DAYS[6]], ["2024-01-10"], [None], 5, [{}]])
def test_sessions_to_come_must_come(days: Any) -> None:
    with pytest.raises(InputError, match="future_ds"):
        to_nixtla(DAILY, Y, h=1, future_ds=days)


def test_ids_may_be_categories_text_or_numbers() -> None:
    plain = to_nixtla(DAILY, Y, h=2)
    for ids in (pl.Categorical, pl.Enum(["B", "A"])):
        typed = to_nixtla(DAILY.cast({"unique_id": ids}), Y, h=2)
        assert_frame_equal(typed.df, plain.df)
        assert_frame_equal(future_of(typed), future_of(plain))
    numbers = {"A": 2, "B": 1}
    daily, y = (f.with_columns(pl.col("unique_id").replace_strict(numbers)) for f in (DAILY, Y))
    assert to_nixtla(daily, y, h=2).df["unique_id"].to_list() == [1, 1, 2, 2, 2]
    with pytest.raises(InputError, match="hold Int64, those of the daily features String"):
        to_nixtla(DAILY, y, h=2)


def test_the_order_of_the_rows_does_not_matter() -> None:
    plain = to_nixtla(DAILY, Y, h=1)
    mixed = to_nixtla(DAILY.sample(fraction=1, shuffle=True, seed=1), Y.reverse(), h=1)
    assert_frame_equal(mixed.df, plain.df)
    assert_frame_equal(future_of(mixed), future_of(plain))
    assert_frame_equal(mixed.origins, plain.origins)


# --- what is refused ---


def test_a_target_that_cannot_be_used_is_refused() -> None:
    late = target_frame({"A": [1.0] * 8}, DAYS)
    weekend = target_frame({"A": [1.0]}, [date(2024, 1, 6)])
    naive = pl.col("ds").cast(pl.Datetime("us"))
    cases: list[tuple[pl.DataFrame, str]] = [
        (Y.drop("y"), "lacks the column 'y'"),
        (Y.with_columns(close=1.0), "other columns too: close"),
        (Y.with_columns(y=pl.lit(None, pl.Float64)), "9 rows of the target have no y"),
        (Y.with_columns(unique_id=pl.lit(None, pl.String)), "9 rows of the target have no unique_id"),
        (Y.with_columns(y=pl.lit(float("nan"))), "finite numbers"),
        (Y.with_columns(y=pl.lit("up")), "finite numbers"),
        (Y.clear(), "no rows"),
        (pl.concat([Y, Y[:1]]), "2 rows of the target share .* for example B 2024-01-02"),
        (Y.with_columns(unique_id=pl.lit("ZZZ") + pl.col("unique_id")), "2 series without daily features: ZZZA, ZZZB"),
        (Y.with_columns(pl.col("ds").cast(pl.String)), "holds String"),
        (Y.with_columns(naive + pl.duration(hours=9)), "holds Datetime"),
        (Y.with_columns(naive.dt.replace_time_zone("UTC")), "holds Datetime"),
        (late, "goes on to 2024-01-11, and the daily features end on 2024-01-09"),
        (weekend, "1 rows of the target are on days without a session, for example 2024-01-06"),
        (
            Y.filter(pl.col("ds") != DAYS[2]),
            "the middle of 2 series, for example of A before 2024-01-05",
        ),
        (Y.filter(pl.col("ds") == DAYS[0]), "No row of the target has features"),
    ]
    for y, message in cases:
        with pytest.raises(InputError, match=message):
            to_nixtla(DAILY, y, h=1)
    assert to_nixtla(DAILY, Y.with_columns(naive), h=1).df.height == 7  # dates as pandas writes them


def test_daily_features_that_cannot_be_used_are_refused() -> None:
    cases: list[tuple[pl.DataFrame, dict[str, Any], str]] = [
        (DAILY.drop("available_at"), {}, "lack the column 'available_at'"),
        (DAILY.filter(pl.col("ds") != DAYS[2]), {}, "Sessions are missing"),
        (DAILY, {"columns": "sent_std"}, "no column 'sent_std'"),
        (DAILY, {"columns": "ds"}, "no feature"),
        (DAILY.rename({"n_docs": "y"}), {}, "cannot be called 'y'"),
    ]
    for daily, options, message in cases:
        with pytest.raises(InputError, match=message):
            to_nixtla(daily, Y, h=1, **options)


def test_a_future_frame_that_is_not_complete_is_refused() -> None:
    panel = to_nixtla(DAILY, Y, h=2)
    df, future = panel.df, future_of(panel)
    check_future(df, future, h=2)
    a_second = future.filter(unique_id="A")[1:]
    cases: list[tuple[pl.DataFrame, int, str]] = [
        (future[1:], 2, r"for 1 of 2 series, for example A \(1 rows\)"),
        (future.filter(unique_id="A"), 2, r"for example B \(0 rows\)"),
        # as many rows as a library counts, which hands B one of A's
        (pl.concat([future[:3], a_second.with_columns(pl.col("ds") + 1)]), 2, "for 2 of 2 series"),
        (future, 1, "the 1 sessions after"),
        (future.with_columns(pl.col("ds") - 1), 2, "for 2 of 2 series"),
        (future.with_columns(pl.col("ds") + 1), 2, "for 2 of 2 series"),
        (pl.concat([future, future]), 2, "8 rows of the future frame share"),
        (future.with_columns(pl.col("unique_id").replace("A", "Z")), 2, "not fitted: Z"),
        (future.drop("ds"), 2, "future lacks the column 'ds'"),
    ]
    for given, h, message in cases:
        with pytest.raises(InputError, match=message):
            check_future(df, given, h=h)
    dated = (frame.with_columns(pl.col("ds").cast(pl.Int32).cast(pl.Date)) for frame in (df, future))
    check_future(*dated, h=2)
