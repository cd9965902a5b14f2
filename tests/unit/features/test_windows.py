from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore.errors import InputError
from sentiscore.features import add_ewm, add_lags, add_rolling

FRIDAY = date(2024, 1, 5)
MONDAY = date(2024, 1, 8)
TUESDAY = date(2024, 1, 9)
WEDNESDAY = date(2024, 1, 10)
DAYS = [FRIDAY, MONDAY, TUESDAY, WEDNESDAY]


def frame(**entities: list[Any]) -> pl.DataFrame:
    """Daily features of a column x, each entity from Friday on."""
    return pl.concat(
        [
            pl.DataFrame(
                {
                    "unique_id": pl.Series([name] * len(values), dtype=pl.String),
                    "ds": pl.Series(DAYS[: len(values)], dtype=pl.Date),
                    "session_idx": pl.Series(range(7, 7 + len(values)), dtype=pl.Int32),
                    "x": values,
                }
            )
            for name, values in entities.items()
        ],
        how="vertical_relaxed",
    )


def everything(daily: pl.DataFrame) -> pl.DataFrame:
    return add_ewm(add_rolling(add_lags(daily, "x", 1), "x", 2, ["mean", "std"]), "x", 2)


# --- what a row says ---


def test_a_lag_is_of_sessions_and_stays_in_its_entity() -> None:
    lagged = add_lags(frame(A=[1, 2, 3], B=[7, 8]), "x", [1, 2])
    assert lagged.columns == ["unique_id", "ds", "session_idx", "x", "x__lag_1", "x__lag_2"]
    assert lagged["x__lag_1"].to_list() == [None, 1, 2, None, 7]  # Friday's, on Monday
    assert lagged["x__lag_2"].to_list() == [None, None, 1, None, None]
    assert lagged.schema["x__lag_1"] == pl.Int64


def test_a_window_ends_with_its_own_row_and_nulls_are_no_values() -> None:
    rolled = add_rolling(frame(A=[1.0, None, 3.0, 8.0]), "x", 2, ["mean", "sum", "std", "min", "max"])
    assert rolled["x__rolling_mean_2"].to_list() == [1.0, 1.0, 3.0, 5.5]
    assert rolled["x__rolling_sum_2"].to_list() == [1.0, 1.0, 3.0, 11.0]
    assert rolled["x__rolling_min_2"].to_list() == [1.0, 1.0, 3.0, 3.0]
    assert rolled["x__rolling_max_2"].to_list() == [1.0, 1.0, 3.0, 8.0]
    assert rolled["x__rolling_std_2"].to_list() == [None, None, None, pytest.approx(12.5**0.5)]


def test_a_window_without_values_has_no_figures() -> None:
    rolled = add_rolling(frame(A=[1.0, None, None]), "x", 2, ["mean", "sum", "std", "min", "max"])
    assert rolled.row(2)[4:] == (None,) * 5


def test_a_window_with_too_few_values_is_null() -> None:
    rolled = add_rolling(frame(A=[1.0, None, 3.0, 8.0]), "x", 2, ["mean", "max"], min_samples=2)
    assert rolled["x__rolling_mean_2"].to_list() == [None, None, None, 5.5]
    assert rolled["x__rolling_max_2"].to_list() == [None, None, None, 8.0]


def test_equal_values_have_exactly_their_own_mean_and_no_spread() -> None:
    rolled = add_rolling(frame(A=[0.1, 0.1, 0.1, 0.1]), "x", 3, ["mean", "std"])
    assert rolled["x__rolling_mean_3"].to_list() == [0.1] * 4
    assert rolled["x__rolling_std_3"].to_list() == [None, 0.0, 0.0, 0.0]


def test_a_huge_value_that_has_left_the_window_leaves_nothing_behind() -> None:
    rolled = add_rolling(frame(A=[1e17, 0.1, 0.2, 0.3]), "x", 2, ["sum", "std"])
    alone = add_rolling(frame(A=[0.1, 0.2, 0.3]), "x", 2, ["sum", "std"])
    assert rolled["x__rolling_sum_2"].to_list()[2:] == alone["x__rolling_sum_2"].to_list()[1:]
    assert rolled["x__rolling_std_2"].to_list()[2:] == alone["x__rolling_std_2"].to_list()[1:]


def test_an_exponential_mean_weighs_a_value_half_after_a_half_life_also_over_sessions_without_one() -> None:
    smoothed = add_ewm(frame(A=[None, 4.0, None, 1.0]), "x", [1, 0.5])
    assert smoothed.columns[-2:] == ["x__ewm_1", "x__ewm_0.5"]
    assert smoothed["x__ewm_1"].to_list() == [None, 4.0, 4.0, pytest.approx((4 / 4 + 1) / (1 / 4 + 1))]
    assert smoothed["x__ewm_0.5"].to_list()[3] == pytest.approx((4 / 16 + 1) / (1 / 16 + 1))


def test_counts_and_flags_are_numbers_too() -> None:
    counts = frame(A=[1, 2, 3]).with_columns(flag=pl.Series([True, False, True]))
    rolled = add_rolling(add_lags(counts, "flag", 1), ["x", "flag"], 3, ["sum"])
    assert rolled["x__rolling_sum_3"].to_list() == [1.0, 3.0, 6.0]
    assert rolled["flag__rolling_sum_3"].to_list() == [1.0, 1.0, 2.0]
    assert rolled["flag__lag_1"].to_list() == [None, True, False]


def test_rows_keep_their_order_and_other_columns() -> None:
    daily = frame(A=[1.0, 2.0, 3.0], B=[5.0, 6.0]).with_columns(note=pl.lit("n"))
    shuffled = daily[[4, 2, 0, 3, 1]]
    assert_frame_equal(everything(shuffled), everything(daily)[[4, 2, 0, 3, 1]], check_exact=True)


def test_ids_may_be_categories_or_numbers() -> None:
    daily = frame(B=[1.0, 2.0], A=[3.0, 4.0])
    for ids in (daily["unique_id"].cast(pl.Categorical), pl.Series([2, 2, 1, 1])):
        assert add_lags(daily.with_columns(unique_id=ids), "x", 1)["x__lag_1"].to_list() == [None, 1.0, None, 3.0]


def test_a_frame_without_rows_gets_the_columns() -> None:
    empty = frame(A=[1.0]).clear()
    made = everything(empty)
    assert made.columns[4:] == ["x__lag_1", "x__rolling_mean_2", "x__rolling_std_2", "x__ewm_2"]
    assert made.height == 0


# --- what is refused ---


def test_a_missing_session_is_refused() -> None:
    daily = frame(A=[1.0, 2.0, 3.0], B=[1.0, 2.0, 3.0])
    holed = daily.filter((pl.col("unique_id") != "B") | (pl.col("ds") != MONDAY))
    for given in (holed, holed.drop("session_idx")):
        with pytest.raises(InputError, match="of 1 entities, for example before B on 2024-01-09"):
            add_lags(given, "x", 1)


def test_a_day_that_is_there_twice_is_refused() -> None:
    daily = frame(A=[1.0, 2.0])
    with pytest.raises(InputError, match=r"2 rows .* share their entity and day, for example A on 2024-01-08"):
        add_lags(pl.concat([daily, daily[1:]]), "x", 1)


def test_session_numbers_that_contradict_the_dates_are_refused() -> None:
    daily = frame(A=[1.0, 2.0], B=[3.0, 4.0])
    for numbers in ([7, 8, 8, 9], [8, 7, 8, 7]):
        with pytest.raises(InputError, match="does not number the dates"):
            add_lags(daily.with_columns(session_idx=pl.Series(numbers)), "x", 1)


@pytest.mark.parametrize("lags", [0, -1, [1, 0], [], 1.5, [True], [2, 2], "1", ["a"], None])
def test_a_lag_that_is_no_lag_is_refused(lags: Any) -> None:
    with pytest.raises(InputError, match="lags"):
        add_lags(frame(A=[1.0]), "x", lags)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("y", "no column 'y'.*\n.*are: x"),
        ("unique_id", "is no feature"),
        ("session_idx", "is no feature"),
        ([], "No columns"),
        (["x", "x"], "twice: x"),
        ("nan", "NaN"),
        (5, "5 is not the name of a column"),
        ([["x"]], "is not the name of a column"),
    ],
)
def test_a_column_that_is_no_feature_is_refused(column: Any, message: str) -> None:
    daily = frame(A=[1.0])
    if column == "nan":
        daily = daily.with_columns(nan=pl.lit(float("nan")))
    with pytest.raises(InputError, match=message):
        add_lags(daily, column, 1)


def test_windows_figures_and_half_lives_that_mean_nothing_are_refused() -> None:
    daily = frame(A=[1.0])
    unusable: list[dict[str, Any]] = [
        {"windows": 0},
        {"windows": []},
        {"windows": 3, "stats": ["median"]},
        {"windows": 3, "stats": []},
        {"windows": "3"},
        {"windows": 3, "stats": 5},
    ]
    for arguments in unusable:
        with pytest.raises(InputError):
            add_rolling(daily, "x", **arguments)
    counts: list[Any] = [0, 3, "1", 1.0, [1]]
    for samples in counts:
        with pytest.raises(InputError, match="min_samples"):
            add_rolling(daily, "x", 2, min_samples=samples)
    impossible: list[Any] = [[], 0, -1.0, float("nan"), float("inf"), "5", ["5"], None, [True], [[5]]]
    for half_lives in impossible:
        with pytest.raises(InputError, match="half_lives"):
            add_ewm(daily, "x", half_lives)


def test_a_column_that_is_there_already_is_not_overwritten() -> None:
    once = add_lags(frame(A=[1.0]), "x", 1)
    with pytest.raises(InputError, match="x__lag_1 would be there twice"):
        add_lags(once, "x", 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.lit(None, pl.String).alias("unique_id"), "no unique_id"),
        (pl.lit(None, pl.Date).alias("ds"), "no ds"),
        (pl.lit("2024-01-05").alias("ds"), "not dates"),
        (pl.lit(1.5).alias("session_idx"), "whole number"),
    ],
)
def test_a_frame_that_is_not_of_daily_features_is_refused(change: pl.Expr, message: str) -> None:
    with pytest.raises(InputError, match=message):
        add_lags(frame(A=[1.0]).with_columns(change), "x", 1)
    with pytest.raises(InputError, match="lack the column 'ds'"):
        add_lags(frame(A=[1.0]).drop("ds"), "x", 1)


def test_a_calendar_of_every_day_needs_no_session_numbers() -> None:
    days = [FRIDAY + timedelta(days=k) for k in range(3)]
    daily = pl.DataFrame({"unique_id": ["A"] * 3, "ds": days, "x": [1.0, 2.0, 3.0]})
    assert add_lags(daily, "x", 1)["x__lag_1"].to_list() == [None, 1.0, 2.0]
