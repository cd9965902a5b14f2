from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.features import daily
from sentiscore.features.time_format import TimeFormat
from sentiscore.features.times import read_times

AT = datetime(2024, 1, 5, 20, 59, tzinfo=UTC)


def read(values: list[Any], unit: str | None, dtype: Any = None) -> list[datetime | None]:
    column = pl.Series("when", values, dtype=dtype)
    found: list[datetime | None] = read_times(column, TimeFormat(unit=unit)).instants.to_list()
    return found


@pytest.mark.parametrize(("unit", "value"), [("s", 1), ("ms", 1_000), ("us", 1_000_000), ("ns", 1_000_000_000)])
@pytest.mark.parametrize("dtype", [pl.Int64, pl.UInt64, pl.Float64, pl.String])
def test_numbers_since_1970_are_instants_in_every_unit_and_type(unit: str, value: int, dtype: Any) -> None:
    column = pl.Series("when", [1_704_488_340 * value, None], dtype=pl.Int64).cast(dtype)
    assert read_times(column, TimeFormat(unit=unit)).instants.to_list() == [AT, None]


@pytest.mark.parametrize("text", [False, True])
def test_seconds_with_a_fraction_are_exact_to_the_microsecond(text: bool) -> None:
    values = [1_704_488_340 + n / 1_000_000 for n in (1, 123_456, 499_999, 999_999)]
    found = read([f"{value:.6f}" for value in values] if text else values, "s")
    assert [at.microsecond for at in found if at is not None] == [1, 123_456, 499_999, 999_999]


def test_numbers_before_1970_are_instants_and_nanoseconds_are_cut() -> None:
    assert read([-1], "s") == [datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)]
    assert read([-1.5], "s") == [datetime(1969, 12, 31, 23, 59, 58, 500_000, tzinfo=UTC)]
    assert read(["-1", " +1 ", "1e0"], "ns")[0] == datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


@pytest.mark.parametrize("values", [[None, float("nan")], ["", "NaT", "nan", None]])
def test_a_missing_number_is_no_time(values: list[Any]) -> None:
    assert read(values, "s") == [None] * len(values)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (2**64 - 1, pl.UInt64),
        (2**63 - 1, pl.Int64),
        (-(2**63), pl.Int64),
        (1e300, pl.Float64),
        (float("inf"), pl.Float64),
    ],
)
@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_a_number_beyond_all_calendars_is_no_time_and_does_not_wrap(value: float, dtype: Any, unit: str) -> None:
    assert read([value], unit, dtype) == [None]


def test_a_stand_in_for_the_end_of_time_is_no_other_time() -> None:
    assert read([253_402_300_799, 1_704_488_340], "s")[1] == AT


@pytest.mark.parametrize(
    ("value", "unit", "other"), [(1_704_488_340_123, "s", "ms"), (1_704_488_340, "ms", "s"), (1_704_488_340, "ns", "s")]
)
@pytest.mark.parametrize("text", [False, True])
def test_numbers_of_another_unit_are_refused_with_that_unit(value: int, unit: str, other: str, text: bool) -> None:
    with pytest.raises(
        InputError, match=rf"2024-01-05 20:59:00 UTC in .*\n.*--time-unit {other} \(time_unit='{other}'\)"
    ):
        read([str(value) if text else value], unit)


def test_text_that_is_no_number_is_refused_where_a_unit_is_given() -> None:
    with pytest.raises(InputError, match=r"1 of the times in 'when' are not numbers, for example '2024-01-05'"):
        read(["1704488340", "2024-01-05"], "s")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (1_704_488_340, "2024-01-05 20:59:00 UTC in seconds with --time-unit s (time_unit='s')"),
        (1_704_488_340_123, "in milliseconds with --time-unit ms"),
        (1_704_488_340.5, "in seconds with --time-unit s"),
        (20_240_105, "would be 2024-01-05 with --time-format '%Y%m%d'"),
        (7, "--time-unit s, ms, us or ns"),
    ],
)
def test_numbers_without_a_unit_are_refused_with_a_value_and_the_option_that_reads_it(value: float, told: str) -> None:
    with pytest.raises(InputError) as caught:
        read([None, value], None)
    assert told in str(caught.value)
    assert f"for example {value}" in str(caught.value)


def test_a_column_of_times_needs_no_unit() -> None:
    column = pl.Series("when", [AT], dtype=pl.Datetime("us", "UTC"))
    assert read_times(column, TimeFormat(unit="ms")).instants.to_list() == [AT]


@pytest.mark.parametrize(
    ("value", "unit", "pattern"),
    [
        (20_240_105, "s", "%Y%m%d"),
        (20_240_105, "ms", "%Y%m%d"),
        (202_401_052_059, "ms", "%Y%m%d%H%M"),
        (20_240_105_205_900, "us", "%Y%m%d%H%M%S"),
    ],
)
@pytest.mark.parametrize("dtype", [pl.Int64, pl.Float64, pl.String])
def test_dates_in_digits_do_not_count_since_1970(value: int, unit: str, pattern: str, dtype: Any) -> None:
    column = pl.Series("when", [value]).cast(dtype)
    with pytest.raises(InputError, match=rf"are dates in digits(.|\n)*--time-format '{pattern}'"):
        read_times(column, TimeFormat(unit=unit))


def test_day_numbers_of_a_spreadsheet_are_named() -> None:
    with pytest.raises(InputError, match="day numbers of a spreadsheet, where 45296 is 2024-01-05"):
        read([45_296], None)


def scored(at: list[Any], dtype: Any = None) -> pl.DataFrame:
    n = len(at)
    scores = {"sentiment": [0.5] * n, "label": ["positive"] * n, "status": ["ok"] * n}
    return pl.DataFrame({"at": pl.Series(at, dtype=dtype), **scores})


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("dtype", [pl.Int64, pl.Float64, pl.String])
def test_zero_and_minus_one_are_no_time_of_a_text(unit: str, dtype: Any) -> None:
    value = 1_704_488_340 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    rows = scored([str(n) if dtype == pl.String else n for n in (0, value, -1)], dtype)
    with pytest.warns(SentiscoreWarning, match="2 rows have no entity, or no time"):
        found = daily(rows, time_col="at", time_unit=unit)
    assert found.select("ds", "n_docs").rows() == [(date(2024, 1, 5), 1)]


@pytest.mark.parametrize("value", [45_296, 19_727, 86_400 * 365, -86_400])
def test_numbers_far_from_our_time_are_warned_about_with_an_example(value: int) -> None:
    example = f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value):%Y-%m-%d %H:%M:%S}"
    with pytest.warns(SentiscoreWarning, match=rf"2 rows have numbers as time .* for example {example} UTC"):
        daily(scored([value, value]), time_col="at", time_unit="s")


def test_times_of_1970_that_are_not_numbers_are_taken_as_they_are() -> None:
    frame = daily(scored([datetime(1970, 1, 1, tzinfo=UTC)]), time_col="at", time_unit="s", midnight="instant")
    assert frame["n_docs"].to_list() == [1]
