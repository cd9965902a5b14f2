"""Lags, windows and exponential means against plain Python, and what must not change them."""

import math
import statistics
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random
from typing import Final

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore.errors import InputError
from sentiscore.features import add_ewm, add_lags, add_rolling
from sentiscore.features.windows import Stat
from tests.effort import examples

FEW = settings(max_examples=examples(60), deadline=None)
START = date(2024, 1, 1)
STATS: Final[tuple[Stat, ...]] = ("mean", "sum", "std", "min", "max")

Values = list[float | None]
# Ties and nulls often; numbers of very different size, whose sums round.
value = st.none() | st.sampled_from([0.0, 0.1, -0.1, 1.0]) | st.floats(-1, 1) | st.floats(-1e9, 1e9)
series = st.lists(value, min_size=1, max_size=25)


@st.composite
def panels(draw: st.DrawFn) -> list[tuple[str, int, Values]]:
    """Some entities, each with its first session and its values from there on."""
    names = draw(st.lists(st.sampled_from("ABCD"), unique=True, min_size=1, max_size=3))
    return [(name, draw(st.integers(0, 6)), draw(series)) for name in names]


def frame_of(panel: Sequence[tuple[str, int, Values]]) -> pl.DataFrame:
    """Sessions are every third day."""
    rows = [
        (name, START + timedelta(days=3 * (first + i)), first + i, x)
        for name, first, values in panel
        for i, x in enumerate(values)
    ]
    schema = {"unique_id": pl.String, "ds": pl.Date, "session_idx": pl.Int32, "x": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def everything(daily: pl.DataFrame) -> pl.DataFrame:
    made = add_lags(daily, "x", [1, 2, 5])
    made = add_rolling(made, "x", [1, 3, 7], STATS)
    return add_ewm(made, "x", [1, 4.5])


# --- the oracle ---


def lag(values: Values, k: int) -> Values:
    return [values[i - k] if i >= k else None for i in range(len(values))]


def figure(values: Values, i: int, window: int, stat: str) -> float | None:
    inside = [x for x in values[max(0, i - window + 1) : i + 1] if x is not None]
    functions: dict[str, Callable[[list[float]], float]] = {
        "mean": statistics.fmean,
        "sum": math.fsum,
        "std": statistics.stdev,
        "min": min,
        "max": max,
    }
    return functions[stat](inside) if len(inside) > (stat == "std") else None


def exponential(values: Values, i: int, half_life: float) -> float | None:
    pairs = [(0.5 ** ((i - j) / half_life), x) for j, x in enumerate(values[: i + 1]) if x is not None]
    return math.fsum(w * x for w, x in pairs) / math.fsum(w for w, _ in pairs) if pairs else None


def close(found: float | None, expected: float | None, size: float) -> bool:
    """Equal, but for the rounding of numbers as large as the largest."""
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=0, abs_tol=1e-13 * size)


@FEW
@given(panel=panels())
def test_windows_are_what_plain_python_finds(panel: list[tuple[str, int, Values]]) -> None:
    made = everything(frame_of(panel))
    for name, _, values in panel:
        own = made.filter(unique_id=name).sort("session_idx")
        size = 10 * max(1.0, *(abs(x) for x in values if x is not None), 0.0)
        for k in (1, 2, 5):
            assert own[f"x__lag_{k}"].to_list() == lag(values, k)
        for i in range(len(values)):
            row = own.row(i, named=True)
            for window in (1, 3, 7):
                for stat in STATS:
                    expected = figure(values, i, window, stat)
                    assert close(row[f"x__rolling_{stat}_{window}"], expected, size), (stat, window, i)
            for half_life in (1, 4.5):
                assert close(row[f"x__ewm_{half_life}"], exponential(values, i, half_life), size), (half_life, i)


# --- the past only ---


@FEW
@given(panel=panels(), new=st.lists(value, min_size=40, max_size=40), data=st.data())
def test_no_value_after_a_session_changes_anything_up_to_it(
    panel: list[tuple[str, int, Values]], new: Values, data: st.DataObject
) -> None:
    daily = frame_of(panel)
    t = data.draw(st.sampled_from(daily["session_idx"].unique().sort().to_list()), label="t")
    fresh = pl.Series((new * daily.height)[: daily.height], dtype=pl.Float64)
    changed = daily.with_columns(x=pl.when(pl.col("session_idx") > t).then(fresh).otherwise("x"))
    cut = daily.filter(pl.col("session_idx") <= t)
    up_to_t = everything(daily).filter(pl.col("session_idx") <= t)
    assert_frame_equal(everything(changed).filter(pl.col("session_idx") <= t), up_to_t, check_exact=True)
    assert_frame_equal(everything(cut), up_to_t, check_exact=True)


@FEW
@given(values=series, before=st.lists(value, min_size=1, max_size=30))
def test_a_window_has_the_same_bits_whatever_came_before_it(values: Values, before: Values) -> None:
    alone = add_rolling(frame_of([("A", 0, values)]), "x", [3, 7], STATS)
    later = add_rolling(frame_of([("A", 0, before + values)]), "x", [3, 7], STATS)
    for window in (3, 7):
        names = [f"x__rolling_{stat}_{window}" for stat in STATS]
        full = alone[window - 1 :].select(names)
        assert_frame_equal(later[len(before) + window - 1 :].select(names), full, check_exact=True)


@FEW
@given(panel=panels(), random=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_and_the_other_entities_change_nothing(
    panel: list[tuple[str, int, Values]], random: Random
) -> None:
    daily = frame_of(panel)
    order = random.sample(range(daily.height), daily.height)
    made = everything(daily)
    assert_frame_equal(everything(daily[order]), made[order], check_exact=True)
    name = panel[0][0]
    assert_frame_equal(everything(daily.filter(unique_id=name)), made.filter(unique_id=name), check_exact=True)


@FEW
@given(panel=panels(), data=st.data())
def test_a_gap_is_always_refused(panel: list[tuple[str, int, Values]], data: st.DataObject) -> None:
    daily = frame_of([*panel, ("E", 0, [1.0] * 9)])
    hole = data.draw(st.integers(1, 7), label="hole")
    holed = daily.filter((pl.col("unique_id") != "E") | (pl.col("session_idx") != hole))
    with pytest.raises(InputError, match="missing in the daily features of 1 entities, for example before E"):
        everything(holed)
