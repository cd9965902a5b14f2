"""Midnights that may be dates: how they differ from chance, what they count for, and that nothing counts early."""

import warnings
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.features import DailySums, daily
from sentiscore.features.midnights import Midnights
from sentiscore.nightly import daily_file as files
from sentiscore.nightly.daily_file import daily_file
from sentiscore.nightly.update_daily import update_daily
from sentiscore.tables import read_table, write_frame
from tests.effort import combined

NEW_YORK = "America/New_York"
XNYS: dict[str, Any] = {"time_col": "at", "calendar": "XNYS"}
FRIDAY, MONDAY = date(2024, 1, 5), date(2024, 1, 8)


def scored(at: pl.Series | list[str]) -> pl.DataFrame:
    column = pl.Series("at", at)
    n = column.len()
    scores: dict[str, Any] = {"sentiment": [0.5] * n, "label": ["positive"] * n, "status": ["ok"] * n}
    return pl.DataFrame([column]).with_columns(**{name: pl.Series(values) for name, values in scores.items()})


def mixed(midnights: int, others: int, zone: str = "Z") -> list[str]:
    """Times of Friday the 5th: so many of midnight, and others of the working day with seconds of their own."""
    stamps = [f"2024-01-05T{9 + i % 7:02}:{i % 60:02}:{i * 7 % 59 + 1:02}{zone}" for i in range(others)]
    return [f"2024-01-05T00:00:00{zone}"] * midnights + stamps


def sessions(at: pl.Series | list[str], **more: Any) -> list[tuple[date, int]]:
    frame = daily(scored(at), **{**XNYS, **more})
    return frame.filter(pl.col("n_docs") > 0).select("ds", "n_docs").rows()


# --- what each reading gives ---


def test_a_midnight_is_the_end_of_its_day_or_the_instant_as_it_is_said() -> None:
    at = ["2024-01-05T00:00:00-05:00", "2024-01-05T10:00:00-05:00"]
    assert sessions(at, midnight="instant") == [(FRIDAY, 2)]
    assert sessions(at, midnight="date") == [(FRIDAY, 1), (MONDAY, 1)]


@pytest.mark.parametrize(
    ("at", "tz"),
    [
        (["2024-01-05 00:00"], NEW_YORK),
        (["2024-01-05T00:00:00.000Z"], None),
        (["20240105T000000+0000"], None),
        (["Fri, 05 Jan 2024 00:00:00 GMT"], None),
        (["Jan 5, 2024 12:00 AM ET"], NEW_YORK),
        (["2024-01-05T05:00:00Z"], NEW_YORK),  # midnight of the zone that was given
        (["2024-01-05T05:00:00Z"], None),  # midnight where the exchange is
        (pl.Series([datetime(2024, 1, 5, tzinfo=UTC)], dtype=pl.Datetime("ns", "UTC")), None),
        (pl.Series([datetime(2024, 1, 5, 5, tzinfo=UTC)], dtype=pl.Datetime("us", NEW_YORK)), None),
        (pl.Series([datetime(2024, 1, 5)], dtype=pl.Datetime("ms")), NEW_YORK),  # noqa: DTZ001
    ],
)
def test_midnight_is_seen_however_it_is_written(at: Any, tz: str | None) -> None:
    assert sessions(at, tz=tz, midnight="instant") == [(FRIDAY, 1)]
    assert sessions(at, tz=tz, midnight="date") == [(MONDAY, 1)]


@pytest.mark.parametrize("unit", ["s", "ms"])
def test_a_number_that_is_midnight_is_seen_too(unit: str) -> None:
    at = pl.Series([1_704_412_800 * (1 if unit == "s" else 1_000)])
    assert sessions(at, time_unit=unit, midnight="date") == [(MONDAY, 1)]


@pytest.mark.parametrize("at", ["2024-01-05T00:00:01Z", "2024-01-05T00:00:00.000001Z", "2024-01-04T24:00:00Z"])
def test_an_instant_beside_midnight_is_what_it_says(at: str) -> None:
    assert sessions([at], midnight="date") == [(FRIDAY, 1)]


def test_the_day_of_a_midnight_ends_in_the_last_of_the_zones_that_it_may_be_of() -> None:
    from sentiscore.features import DailyConfig

    late = {"config": DailyConfig(cutoff="close+4h")}  # 20:00 in New York, after midnight in London
    assert sessions(["2024-01-05T00:00:00Z"], midnight="date", **late) == [(MONDAY, 1)]
    assert sessions(["2024-01-05T23:59:59Z"], **late) == [(FRIDAY, 1)]


def test_a_midnight_that_may_be_a_date_is_there_from_its_beginning_on() -> None:
    rows = scored(["2024-01-05T00:00:00Z", "2024-01-04T10:00:00Z"])
    frame = daily(rows, **XNYS, midnight="date", as_of="2024-01-05T12:00:00Z")  # no text is after it: no warning
    assert frame.select("ds", "n_docs").rows() == [(date(2024, 1, 4), 1)]


# --- what is decided where nobody says it ---


@pytest.mark.parametrize(
    ("found", "dates"),
    [
        (Midnights(300, 147, 153), True),
        (Midnights(300, 30, 270), True),
        (Midnights(300, 8, 292), True),
        (Midnights(300, 6, 294), True),
        (Midnights(300, 4, 296), False),
        (Midnights(12, 3, 9), True),
        (Midnights(12, 1, 11), False),
        (Midnights(20, 2, 0), False),
        (Midnights(27, 14, 13, (1,) * 13 + (0,) * 11, kinds=3), True),  # most are, whatever chance gives
        (Midnights(100_000, 70, 99_930), False),  # chance where times are of full minutes
        (Midnights(100_000, 70, 1_666), True),  # but not where they have seconds
        (Midnights(1_000_000, 12, 16_666), False),
        (Midnights(1_000_000, 700, 999_300), False),
        (Midnights(1_000_000, 1_400, 998_600), True),
        (Midnights(3, 3, 0), True),
        (Midnights(1, 1, 0), False),
        (Midnights(9, 6, 3), False),
        (Midnights(100_000, 440, 99_560, (400,) * 24), False),  # a source that likes full hours
        (Midnights(100_000, 800, 99_200, (400,) * 24), True),
        (Midnights(300, 30, 270, (0,) * 10 + (270,) + (0,) * 13), True),  # one hour is no liking
        (Midnights(1_486, 14, 1_472, (7,) * 24, kinds=2), False),
        (Midnights(100, 40, 60, (3,) * 20 + (0,) * 4, kinds=10), False),  # fewer than half, and than chance gives
        (Midnights(10, 6, 4), True),
        (Midnights(), False),
    ],
)
def test_midnights_are_dates_where_there_are_far_more_than_chance_gives(found: Midnights, dates: bool) -> None:
    assert found.look_like_dates is dates


@pytest.mark.parametrize(("midnights", "others"), [(7, 293), (49, 51), (100, 900), (12, 0)])
def test_frequent_midnights_count_late_and_not_early_and_a_warning_names_the_options(
    midnights: int, others: int
) -> None:
    at = mixed(midnights, others)
    with pytest.warns(SentiscoreWarning, match=rf"{midnights} of .* times are midnight.*--midnight date.*instant"):
        found = sessions(at)
    assert found == ([(FRIDAY, others)] if others else []) + [(MONDAY, midnights)]
    for said in ("date", "instant"):  # whoever has said it is not warned
        sessions(at, midnight=said)


def test_one_vendor_of_dates_in_a_large_file_is_noticed() -> None:
    with pytest.warns(SentiscoreWarning, match="20 of 20,020 times are midnight"):
        assert sessions(mixed(20, 20_000))[-1] == (MONDAY, 20)


def test_as_few_midnights_as_chance_gives_are_instants_and_nobody_is_warned() -> None:
    assert sessions([*mixed(1, 29), "2024-01-05T15:00:00Z"]) == [(FRIDAY, 31)]


def test_a_few_midnights_that_chance_does_not_give_count_late_and_nobody_is_warned() -> None:
    assert sessions(mixed(6, 6)) == [(FRIDAY, 6), (MONDAY, 6)]


def test_midnights_that_begin_a_session_are_not_counted_unless_a_latency_moves_them() -> None:
    from sentiscore.features import DailyConfig

    at = mixed(20, 20)
    assert daily(scored(at), time_col="at")["n_docs"].to_list() == [40]
    with pytest.warns(SentiscoreWarning, match="20 of 40 times are midnight"):
        frame = daily(scored(at), time_col="at", config=DailyConfig(latency="5m"))
    assert frame["n_docs"].to_list() == [20, 20]


@pytest.mark.parametrize(("name", "window"), combined(["rows.parquet", "rows.csv"], [1, 7, 1_000]))
def test_all_rows_of_a_file_decide_whatever_the_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, window: int
) -> None:
    monkeypatch.setattr(files, "_WINDOW_ROWS", window)
    rows = scored(mixed(10, 90))
    rows = rows.sample(fraction=1, shuffle=True, seed=0)
    with pytest.warns(SentiscoreWarning, match="10 of 100 times are midnight"):
        done = daily_file(write_frame(rows, tmp_path / name), **XNYS)
    with pytest.warns(SentiscoreWarning, match="10 of 100"):
        assert_frame_equal(pl.read_parquet(done.output), daily(rows, **XNYS), check_exact=True)


def test_rows_that_are_added_by_hand_are_refused_where_nobody_said_it() -> None:
    rows = scored(mixed(10, 10))
    sums = DailySums(**XNYS)
    sums.add(rows)
    with pytest.raises(InputError, match=r"10 of 20 times are midnight.*\n.*--midnight date, or --midnight instant"):
        sums.finish()
    said = DailySums(**XNYS, midnight="date")
    said.add(rows)
    assert_frame_equal(said.finish(), daily(rows, **XNYS, midnight="date"), check_exact=True)
    settled = DailySums(**XNYS)
    settled.settle([rows.head(5), rows.tail(15)])
    settled.add(rows)
    with pytest.warns(SentiscoreWarning, match="10 of 20"):
        assert_frame_equal(settled.finish(), said.finish(), check_exact=True)


# --- updates ---


def night(tmp_path: Path, at: list[str], as_of: str, **more: Any) -> pl.DataFrame:
    source = write_frame(scored(at), tmp_path / f"{as_of[:10]}.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SentiscoreWarning)
        return update_daily(source, daily=tmp_path / "daily.parquet", as_of=as_of, **XNYS, **more).daily


def test_an_update_reads_midnights_as_the_file_before_it(tmp_path: Path) -> None:
    night(tmp_path, mixed(10, 10), "2024-01-06T00:00:00Z")
    found = night(tmp_path, ["2024-01-09T00:00:00Z"], "2024-01-13T00:00:00Z")  # one alone would be an instant
    with_texts = found.filter(pl.col("n_docs") > 0).select("ds", "n_docs").rows()
    assert with_texts == [(FRIDAY, 10), (MONDAY, 10), (date(2024, 1, 10), 1)]


def test_an_update_with_another_reading_is_refused(tmp_path: Path) -> None:
    night(tmp_path, mixed(10, 10), "2024-01-06T00:00:00Z")
    with pytest.raises(InputError, match="midnight was 'date' and is 'instant'"):
        night(tmp_path, ["2024-01-09T10:00:00Z"], "2024-01-13T00:00:00Z", midnight="instant")


def test_midnights_of_many_nights_are_counted_together_and_refused_when_they_become_a_habit(tmp_path: Path) -> None:
    def stamps(day: int) -> list[str]:
        return [text.replace("-05T", f"-{day:02}T") for text in mixed(1, 9)]

    for day in range(2, 8):
        night(tmp_path, stamps(day), f"2024-01-{day:02}T23:00:00Z")
    with pytest.raises(InputError, match=r"7 of 70 times are midnight.*\n.*--midnight date, or --midnight instant"):
        night(tmp_path, stamps(8), "2024-01-08T23:00:00Z")
    night(tmp_path, stamps(8), "2024-01-08T23:00:00Z", midnight="instant")


def test_a_state_of_before_the_choice_goes_on_with_instants(tmp_path: Path) -> None:
    import json

    from sentiscore.nightly.state import state_path

    night(tmp_path, mixed(1, 20), "2024-01-06T00:00:00Z")
    path = state_path(tmp_path / "daily.parquet")
    whole = read_table(path)
    meta = json.loads(whole.filter(pl.col("part") == 0)["json"].item())
    del meta["settings"]["midnight"], meta["midnights"]
    write_frame(whole.with_columns(json=pl.when(pl.col("part") == 0).then(pl.lit(json.dumps(meta)))), path)
    found = night(tmp_path, ["2024-01-09T00:00:00Z"], "2024-01-13T00:00:00Z")
    assert (date(2024, 1, 9), 1) in found.select("ds", "n_docs").rows()


def test_a_date_of_the_last_day_of_summer_time_ends_after_twenty_five_hours() -> None:
    from sentiscore.features.midnights import midnights_as_dates
    from sentiscore.features.time_format import TimeFormat
    from sentiscore.features.times import read_times

    times = read_times(pl.Series(["2024-11-03 00:00"]), TimeFormat(tz=NEW_YORK))
    end = midnights_as_dates(times, [NEW_YORK])[0]
    assert end == datetime(2024, 11, 4, 5, tzinfo=UTC) - timedelta(microseconds=1)


def own_calendar(kind: str, path: Path, zone: str = NEW_YORK) -> Any:
    """Trading days of 2024 on their own clock: typed in a frame or a file, or as text with offsets."""
    days = pl.date_range(date(2024, 1, 1), date(2024, 12, 31), "1d", eager=True)
    days = days.filter(days.dt.weekday() < 6)
    at = [days.cast(pl.Datetime("us")).dt.offset_by(by).dt.replace_time_zone(zone) for by in ("9h30m", "16h")]
    frame = pl.DataFrame({"ds": days, "open": at[0], "close": at[1]})
    if kind == "text":
        return frame.with_columns(pl.col("open", "close").dt.strftime("%Y-%m-%dT%H:%M:%S%:z"))
    return frame if kind == "frame" else write_frame(frame, path / f"calendar.{kind}")


@pytest.mark.parametrize("kind", ["frame", "parquet", "text", "csv"])
def test_midnights_of_the_zone_of_an_own_calendar_are_seen(tmp_path: Path, kind: str) -> None:
    calendar = own_calendar("text", tmp_path)
    if kind == "csv":
        calendar = write_frame(calendar, tmp_path / "calendar.csv")
    elif kind != "text":
        calendar = own_calendar(kind, tmp_path)
    at = pl.Series([datetime(2024, 7, 5, 4, tzinfo=UTC)] * 12)
    with pytest.warns(SentiscoreWarning, match="12 of 12 times are midnight"):
        assert sessions(at, calendar=calendar) == [(date(2024, 7, 8), 12)]
    assert sessions(at, calendar=calendar, midnight="instant") == [(date(2024, 7, 5), 12)]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide", "America/St_Johns"])
def test_text_offsets_of_an_own_calendar_show_a_zone_with_the_same_midnights(tmp_path: Path, zone: str) -> None:
    calendar = own_calendar("text", tmp_path, zone)
    midnight = pl.Series([datetime(2024, 7, 5)] * 12).dt.replace_time_zone(zone).dt.convert_time_zone("UTC")  # noqa: DTZ001
    assert sessions(midnight, calendar=calendar, midnight="date") == [(date(2024, 7, 8), 12)]


def test_a_calendar_in_utc_has_no_zone_of_its_own(tmp_path: Path) -> None:
    calendar = own_calendar("frame", tmp_path).with_columns(pl.col("open", "close").dt.convert_time_zone("UTC"))
    assert sessions(["2024-07-05T04:00:00Z"], calendar=calendar, midnight="date") == [(date(2024, 7, 5), 1)]
