from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from sentiscore.errors import InputError
from sentiscore.features.times import check_time_type, check_zone, parse_instant, start_of_day, to_utc, write_instant

NEW_YORK = "America/New_York"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def one(value: object, tz: str | None = None, dtype: pl.DataType | None = None) -> datetime | None:
    """What one time becomes; the column that comes back is always of the same type."""
    column = to_utc(pl.Series("when", [value], dtype=dtype), tz)
    assert column.dtype == pl.Datetime("us", "UTC")
    assert column.name == "when"
    found: datetime | None = column[0]
    return found


# --- text ---


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-02-05T16:05:30-05:00", "2024-02-05T21:05:30"),
        ("2024-02-05 16:05:30-05:00", "2024-02-05T21:05:30"),
        ("2024-02-05T16:05:30+0530", "2024-02-05T10:35:30"),
        ("2024-02-05 16:05:30-05", "2024-02-05T21:05:30"),  # as PostgreSQL writes it
        ("2024-02-05T23:05:30Z", "2024-02-05T23:05:30"),
        ("2024-02-05 23:05:30z", "2024-02-05T23:05:30"),
        ("2024-02-05T23:05Z", "2024-02-05T23:05:00"),
        ("2024-02-05 23:05-05:00", "2024-02-06T04:05:00"),
        (" \t2024-02-05T23:05:30Z\n", "2024-02-05T23:05:30"),
        ("2024-02-05T23:05:30.5Z", "2024-02-05T23:05:30.500000"),
        ("2024-02-05T23:05:30.123456789Z", "2024-02-05T23:05:30.123456"),
        ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999"),
        ("2024-02-29T23:59:59+00:00", "2024-02-29T23:59:59"),
    ],
)
@pytest.mark.parametrize("tz", [None, "Asia/Tokyo"])
def test_text_with_an_offset_is_an_instant_whatever_zone_is_given(text: str, instant: str, tz: str | None) -> None:
    assert one(text, tz) == utc(instant)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-02-05T16:05:30", "2024-02-05T21:05:30"),
        ("2024-02-05 16:05", "2024-02-05T21:05:00"),
        ("2024-07-05 16:05:00.25", "2024-07-05T20:05:00.250000"),
        ("2024-02-05", "2024-02-06T04:59:59.999999"),
    ],
)
def test_text_without_an_offset_is_read_in_the_zone_that_is_given(text: str, instant: str) -> None:
    assert one(text, NEW_YORK) == utc(instant)


def test_a_column_may_mix_all_ways_to_write_a_time() -> None:
    texts = ["2024-02-05T12:00:00Z", None, "2024-02-05 12:00", "", "2024-02-05", "  ", "2024-02-05 12:00-01:00"]
    assert to_utc(pl.Series(texts), "Asia/Tokyo").to_list() == [
        utc("2024-02-05T12:00:00"),
        None,
        utc("2024-02-05T03:00:00"),
        None,
        utc("2024-02-05T14:59:59.999999"),
        None,
        utc("2024-02-05T13:00:00"),
    ]


@pytest.mark.parametrize("text", ["2024-02-05T12:00:00", "2024-02-05 12:00", "2024-02-05"])
def test_text_without_an_offset_is_an_error_if_no_zone_is_given(text: str) -> None:
    with pytest.raises(InputError, match=rf"'when' carry no time zone \(for example '{text}'\).\n.*--tz"):
        to_utc(pl.Series("when", ["2024-02-05T12:00:00Z", None, text]), None)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "05/02/2024 12:00",
        "2024-02-30T12:00:00Z",
        "2024-13-01",
        "2024-02-05T25:00:00Z",
        "2024-02-05T12:60:00Z",
        "1707134400",
        "2024-02-05T12:00:00 EST",
        "2024-02-05T12:00:00-25:00",
        "2024-02-05T12:00:00Z and more",
        "2024-02",
        "Z",
        "24-02-05",  # the year 24 would make a series of two thousand years
    ],
)
def test_text_that_is_no_time_is_an_error_that_counts_and_shows_it(text: str) -> None:
    column = pl.Series("when", ["2024-02-05T12:00:00Z", text, None, "", text])
    with pytest.raises(InputError, match=r"2 of the times in 'when' cannot be read, for example '.*'.\n.*ISO 8601"):
        to_utc(column, "UTC")


def test_blank_text_and_nulls_are_no_time_and_need_no_zone() -> None:
    assert to_utc(pl.Series(["", " \t", None], dtype=pl.String), None).to_list() == [None] * 3
    assert to_utc(pl.Series("when", [None, None]), None).dtype == pl.Datetime("us", "UTC")


@pytest.mark.parametrize("dtype", [pl.String(), pl.Null(), pl.Datetime("ns", "Asia/Tokyo")])
def test_an_empty_column_gives_an_empty_column(dtype: pl.DataType) -> None:
    column = to_utc(pl.Series("when", [], dtype=dtype), None)
    assert column.equals(pl.Series("when", [], dtype=pl.Datetime("us", "UTC")), check_dtypes=True, check_names=True)


# --- times and dates ---


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_with_a_zone_keep_it_in_any_unit(unit: str) -> None:
    dtype = pl.Datetime(unit, NEW_YORK)  # type: ignore[arg-type]
    noon = datetime(2024, 2, 5, 12, tzinfo=ZoneInfo(NEW_YORK))
    assert one(noon, "Asia/Tokyo", dtype) == utc("2024-02-05T17:00:00")
    assert one(None, None, dtype) is None


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_without_a_zone_are_read_in_the_one_that_is_given(unit: str) -> None:
    dtype = pl.Datetime(unit)  # type: ignore[arg-type]
    assert one(datetime(2024, 2, 5, 12), NEW_YORK, dtype) == utc("2024-02-05T17:00:00")  # noqa: DTZ001


@pytest.mark.parametrize("ns", [-1, -999, 999, 86_400_000_000_000 - 1])
def test_nanoseconds_are_cut_and_never_move_a_time_to_the_next_day(ns: int) -> None:
    column = pl.Series([ns], dtype=pl.Int64).cast(pl.Datetime("ns", "UTC"))
    assert to_utc(column, None)[0] == utc("1970-01-01T00:00:00") + timedelta(microseconds=ns // 1000)


def test_a_date_is_the_last_instant_of_its_day() -> None:
    assert one(date(2024, 2, 5), "UTC") == utc("2024-02-05T23:59:59.999999")
    assert one(date(2024, 2, 5), "Asia/Tokyo") == utc("2024-02-05T14:59:59.999999")


def test_a_date_of_a_short_and_of_a_long_day_ends_at_the_next_midnight() -> None:
    assert one(date(2024, 3, 10), NEW_YORK) == utc("2024-03-11T03:59:59.999999")
    assert one(date(2024, 11, 3), NEW_YORK) == utc("2024-11-04T04:59:59.999999")


@pytest.mark.parametrize("dtype", [pl.Date(), pl.Datetime("us"), pl.Datetime("ns")])
def test_times_and_dates_without_a_zone_are_an_error_if_none_is_given(dtype: pl.DataType) -> None:
    empty = pl.Series("when", [], dtype=dtype)
    with pytest.raises(InputError, match="'when' carry no time zone"):
        to_utc(empty, None)


@pytest.mark.parametrize("dtype", [pl.Int64(), pl.Float64(), pl.Boolean(), pl.Time(), pl.List(pl.String())])
def test_a_column_of_another_type_never_says_when_something_appeared(dtype: pl.DataType) -> None:
    with pytest.raises(InputError, match=r"'when' holds .*, not times.\n.*--time-col"):
        check_time_type(dtype, "when", "UTC")


# --- clocks that are changed ---


def test_a_time_that_summer_time_skips_is_taken_an_hour_later() -> None:
    assert one("2024-03-10T02:30:00", NEW_YORK) == utc("2024-03-10T07:30:00")
    assert one("2024-03-10T01:59:59", NEW_YORK) == utc("2024-03-10T06:59:59")
    assert one("2024-03-10T03:00:00", NEW_YORK) == utc("2024-03-10T07:00:00")


def test_a_time_that_the_change_back_repeats_is_the_later_instant() -> None:
    assert one("2024-11-03T01:30:00", NEW_YORK) == utc("2024-11-03T06:30:00")
    assert one("2024-11-03T00:59:59", NEW_YORK) == utc("2024-11-03T04:59:59")


@pytest.mark.parametrize(
    ("wall", "tz"),
    [
        ("2018-11-04T00:30:00", "America/Sao_Paulo"),
        ("2010-04-04T02:30:00", "America/Bahia_Banderas"),  # two hours were skipped
        ("2011-12-30T12:00:00", "Pacific/Apia"),  # a whole day
    ],
)
def test_a_time_that_a_zone_skipped_is_later_than_all_before_and_never_lost(wall: str, tz: str) -> None:
    instant = one(wall, tz)
    naive = datetime.fromisoformat(wall)
    assert instant is not None
    assert instant.astimezone(ZoneInfo(tz)).replace(tzinfo=None) >= naive


def test_a_day_starts_an_hour_late_where_midnight_is_skipped() -> None:
    days = pl.Series([date(2018, 11, 3), date(2018, 11, 4), date(2018, 11, 5)])
    starts = start_of_day(days, "America/Sao_Paulo").to_list()
    assert starts == [utc("2018-11-03T03:00:00"), utc("2018-11-04T03:00:00"), utc("2018-11-05T02:00:00")]
    assert one(date(2018, 11, 3), "America/Sao_Paulo") == utc("2018-11-04T02:59:59.999999")


def test_a_day_starts_at_the_first_of_two_midnights() -> None:
    first = utc("2024-11-03T04:00:00")  # at 05:00 the clock goes from 01:00 back to 00:00
    assert start_of_day(pl.Series([date(2024, 11, 3)]), "America/Havana")[0] == first
    assert one(date(2024, 11, 2), "America/Havana") == first - timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("day", "tz", "start"),
    [
        (date(1991, 10, 20), "America/Argentina/Cordoba", "1991-10-20T04:00:00"),  # from 00:00 to 02:00
        (date(2011, 12, 30), "Pacific/Apia", "2011-12-30T10:00:00"),  # there was no such day
    ],
)
def test_a_day_has_a_start_also_where_more_than_an_hour_is_skipped(day: date, tz: str, start: str) -> None:
    assert start_of_day(pl.Series([day]), tz)[0] == utc(start)


# --- zones ---


@pytest.mark.parametrize("name", ["UTC", NEW_YORK, "Etc/GMT+5"])
def test_the_name_of_a_zone_is_handed_back(name: str) -> None:
    assert check_zone(name, "tz") == name


@pytest.mark.parametrize(
    "name", ["", "EST5", "America/Nowhere", "../UTC", "/etc/passwd", "America", "\0", 5, b"UTC", ZoneInfo("UTC")]
)
def test_a_zone_that_there_is_not_is_refused_with_what_it_was_for(name: Any) -> None:
    with pytest.raises(InputError, match=r"no time zone .*\(day_tz\).\n.*America/New_York"):
        check_zone(name, "day_tz")


def test_an_unknown_zone_is_refused_even_where_it_is_not_needed() -> None:
    with pytest.raises(InputError, match="no time zone 'Mars'"):
        to_utc(pl.Series(["2024-02-05T12:00:00Z"]), "Mars")


@pytest.mark.parametrize("zone", [" -0500", "-05:00", " -05:00", "-05"])
def test_an_offset_may_stand_apart(zone: str) -> None:
    found = to_utc(pl.Series("at", [f"2024-02-05 16:05:30{zone}"]), None)
    assert found.to_list() == [datetime(2024, 2, 5, 21, 5, 30, tzinfo=UTC)]


@pytest.mark.parametrize("zone", ["Z", " Z", "UTC", " UTC", " GMT"])
def test_utc_may_be_called_by_its_names(zone: str) -> None:
    found = to_utc(pl.Series("at", [f"2024-02-05T16:05{zone}"]), None)
    assert found.to_list() == [datetime(2024, 2, 5, 16, 5, tzinfo=UTC)]


# --- one instant ---


@pytest.mark.parametrize(
    "given",
    ["2024-02-05T16:05:30-05:00", "2024-02-05 21:05:30Z", datetime(2024, 2, 5, 16, 5, 30, tzinfo=ZoneInfo(NEW_YORK))],
)
def test_an_instant_is_read_in_utc(given: str | datetime) -> None:
    found = parse_instant(given, "as_of")
    assert found == utc("2024-02-05T21:05:30")
    assert write_instant(found) == "2024-02-05 21:05:30 UTC"


@pytest.mark.parametrize(
    "given",
    [
        "2024-02-05",
        "2024-02-05T16:05:30",
        "now",
        " ",
        "9999-12-31T00:00Z",
        "0000-01-01T00:00Z",
        datetime(2024, 2, 5),  # noqa: DTZ001
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
        5,
    ],
)
def test_what_is_no_instant_is_refused(given: object) -> None:
    with pytest.raises(InputError, match=r"is no instant.*as_of.*\n.*offset"):
        parse_instant(given, "as_of")  # type: ignore[arg-type]
