from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore.errors import InputError, MissingExtraError, SentiscoreWarning
from sentiscore.features import DailyConfig, DailySums, daily, exchanges, sessions
from sentiscore.features.sessions import Cutoff, Sessions, parse_cutoff


def scored(*times: str | None) -> pl.DataFrame:
    n = len(times)
    return pl.DataFrame(
        {
            "at": pl.Series(times, dtype=pl.String),
            "sentiment": pl.Series([0.5] * n, dtype=pl.Float32),
            "label": ["positive"] * n,
            "status": ["ok"] * n,
        }
    )


def place(*times: str, calendar: Any = "XNYS", **config: Any) -> list[tuple[date, datetime]]:
    """The date and the cutoff of the session of each time."""
    found = []
    for at in times:
        frame = daily(scored(at), time_col="at", calendar=calendar, config=DailyConfig(**config))
        assert frame.height == 1
        found.append(frame.select("ds", "available_at").row(0))
    return found


def dates(*times: str, **more: Any) -> list[str]:
    return [str(ds) for ds, _ in place(*times, **more)]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- New York ---


@pytest.mark.parametrize(
    ("at", "session"),
    [
        ("2024-01-05T20:59:00Z", "2024-01-05"),  # a Friday, a minute before the close
        ("2024-01-05T20:59:59.999999Z", "2024-01-05"),
        ("2024-01-05T21:00:00.000Z", "2024-01-08"),  # the close sharp: the next session
        ("2024-07-03T16:59:00Z", "2024-07-03"),  # a half day, which ends at 13:00
        ("2024-07-03T17:00:00Z", "2024-07-05"),  # and before a holiday
        ("2024-03-08T20:59:00Z", "2024-03-08"),  # the last session of winter time
        ("2024-03-08T21:00:00Z", "2024-03-11"),
        ("2024-03-11T19:59:00Z", "2024-03-11"),  # the first of summer time
        ("2024-03-11T20:00:00Z", "2024-03-12"),
        ("2024-11-01T19:59:00Z", "2024-11-01"),  # and back
        ("2024-11-04T20:59:00Z", "2024-11-04"),
        ("2024-01-06T12:00:00Z", "2024-01-08"),  # a Saturday
        ("2024-01-07T23:00:00Z", "2024-01-08"),  # a Sunday
        ("2024-01-15T15:00:00Z", "2024-01-16"),  # a holiday
        ("2024-12-24T18:00:00Z", "2024-12-26"),  # after a half day, before a holiday
        ("2001-09-11T13:00:00Z", "2001-09-17"),  # closed for four days
        ("1995-03-03T20:59:00Z", "1995-03-03"),
        ("1995-03-03T21:00:00Z", "1995-03-06"),
        ("1962-06-01T12:00:00Z", "1962-06-01"),
    ],
)
def test_texts_count_for_the_first_session_that_closes_after_them(at: str, session: str) -> None:
    assert dates(at) == [session]


def test_the_row_of_a_half_day_is_available_at_its_early_close() -> None:
    assert place("2024-07-03T16:59:00Z") == [(date(2024, 7, 3), utc("2024-07-03T17:00:00"))]


def test_sessions_are_numbered_without_gaps_and_know_the_days_between() -> None:
    frame = daily(scored("2023-12-29T15:00:00Z", "2024-01-08T15:00:00Z"), time_col="at", calendar="XNYS")
    assert frame["ds"].dt.to_string().to_list() == [
        "2023-12-29", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"
    ]  # fmt: skip
    assert frame["session_idx"].diff().drop_nulls().to_list() == [1] * 5
    assert frame["n_calendar_days"].to_list() == [1, 4, 1, 1, 1, 3]


def test_a_session_has_the_same_number_whatever_else_there_is() -> None:
    alone = daily(scored("2024-01-08T15:00:00Z"), time_col="at", calendar="XNYS")
    early = daily(scored("1975-01-08T15:00:00Z", "2024-01-08T15:00:00Z"), time_col="at", calendar="XNYS")
    assert alone["session_idx"][0] == early["session_idx"][-1]
    first = daily(scored("1970-01-02T15:00:00Z"), time_col="at", calendar="XNYS")
    assert first["session_idx"].to_list() == [0]


@pytest.mark.parametrize(
    ("at", "cutoff", "session"),
    [
        ("2024-01-05T13:59:59Z", "open-30m", "2024-01-05"),
        ("2024-01-05T14:00:00Z", "open-30m", "2024-01-08"),
        ("2024-03-11T12:59:59Z", "open-30m", "2024-03-11"),  # an hour earlier in summer
        ("2024-03-11T13:00:00Z", "open-30m", "2024-03-12"),
        ("2024-01-05T14:29:59Z", "open", "2024-01-05"),
        ("2024-01-05T20:44:59Z", "close-15m", "2024-01-05"),
        ("2024-01-05T20:45:00Z", "close-15m", "2024-01-08"),
        ("2024-07-03T16:45:00Z", "close-15m", "2024-07-05"),
        ("2024-01-05T22:00:00Z", "close+1h30m", "2024-01-05"),
    ],
)
def test_the_cutoff_can_be_moved(at: str, cutoff: str, session: str) -> None:
    assert dates(at, cutoff=cutoff) == [session]


def test_a_moved_cutoff_is_when_the_row_is_available() -> None:
    assert place("2024-01-05T13:00:00Z", cutoff="open-30m") == [(date(2024, 1, 5), utc("2024-01-05T14:00:00"))]


@pytest.mark.parametrize("latency", ["5m", timedelta(minutes=5), "300s"])
def test_latency_is_added_to_the_time_of_publication(latency: Any) -> None:
    times = ("2024-01-05T20:54:59Z", "2024-01-05T20:55:00Z")
    assert dates(*times, latency=latency) == ["2024-01-05", "2024-01-08"]


def test_a_date_without_a_time_is_known_at_the_end_of_its_day() -> None:
    rows = scored("2024-01-05")
    frame = daily(rows, time_col="at", tz="America/New_York", calendar="XNYS")
    assert frame["ds"][0] == date(2024, 1, 8)
    with pytest.raises(InputError, match="no time zone"):
        daily(rows, time_col="at", calendar="XNYS")


def test_midnights_that_look_like_dates_are_warned_about_on_an_exchange_too() -> None:
    rows = scored(*[f"2024-01-{day:02}T00:00:00Z" for day in range(2, 14)])
    with pytest.warns(SentiscoreWarning, match="12 of 12 times are midnight to the second: they look like dates"):
        daily(rows, time_col="at", calendar="XNYS")


# --- other exchanges ---


@pytest.mark.parametrize(
    ("code", "at", "session"),
    [
        ("XLON", "2024-06-03T15:29:59Z", "2024-06-03"),
        ("NYSE", "2024-01-05T21:00:00Z", "2024-01-08"),  # another name of XNYS
        ("24/7", "2024-01-06T23:59:59Z", "2024-01-06"),
        ("XTKS", "2024-01-05T05:59:59Z", "2024-01-05"),
        ("CMES", "2024-01-07T23:30:00Z", "2024-01-08"),  # opens on Sunday evening
    ],
)
def test_other_exchanges_have_their_own_hours(code: str, at: str, session: str) -> None:
    assert dates(at, calendar=code) == [session]


def test_an_exchange_that_there_is_not_is_refused_with_what_there_may_be() -> None:
    with pytest.raises(InputError, match=r"no calendar 'XNYC'.\n.*such as XNYS or XLON, weekly,.* or a file"):
        DailySums(time_col="at", calendar="XNYC")


@pytest.mark.parametrize(("code", "at"), [("XTKS", "1990-01-05T01:00:00Z"), ("XBOM", "2044-01-05T01:00:00Z")])
def test_what_is_not_known_of_an_exchange_is_refused(code: str, at: str) -> None:
    with pytest.raises(InputError, match=rf"calendar {code} is known from .* to .*, and 1 texts lie outside"):
        daily(scored(at), time_col="at", calendar=code)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    exchanges.find_exchange.cache_clear()
    with pytest.raises(MissingExtraError, match=r"pip install 'sentiscore\[calendars\]'"):
        DailySums(time_col="at", calendar="XNYS")


# --- every calendar day ---


def test_calendar_days_are_numbered_from_1970_and_follow_each_other() -> None:
    frame = daily(scored("1969-12-30T15:00:00Z", "1970-01-02T15:00:00Z"), time_col="at")
    assert frame["session_idx"].to_list() == [-2, -1, 0, 1]
    assert frame["n_calendar_days"].to_list() == [1, 1, 1, 1]


def test_the_cutoff_of_a_calendar_day_can_be_moved_too() -> None:
    rows = scored("2024-01-05T15:59:59-05:00", "2024-01-05T16:00:00-05:00")
    frame = daily(rows, time_col="at", day_tz="America/New_York", config=DailyConfig(cutoff="close-8h"))
    assert frame.select("ds", "n_docs").rows() == [(date(2024, 1, 5), 1), (date(2024, 1, 6), 1)]
    assert frame["available_at"][0] == utc("2024-01-05T21:00:00")


def test_a_zone_for_the_days_of_a_calendar_is_refused() -> None:
    with pytest.raises(InputError, match="A calendar has days of its own"):
        DailySums(time_col="at", calendar="XNYS", day_tz="America/New_York")


# --- sessions of one's own ---

FRAME = pl.DataFrame(
    {
        "ds": [date(2024, 1, 4), date(2024, 1, 5), date(2024, 1, 9)],
        "open": [utc("2024-01-04T09:00:00"), utc("2024-01-05T09:00:00"), utc("2024-01-09T09:00:00")],
        "close": [utc("2024-01-04T17:00:00"), utc("2024-01-05T12:00:00"), utc("2024-01-09T17:00:00")],
    }
)


def in_frame(*times: str, calendar: Any = FRAME, **config: Any) -> tuple[list[Any], int]:
    sums = DailySums(time_col="at", calendar=calendar, config=DailyConfig(**config))
    sums.add(scored(*times))
    return sums.finish().select("ds", "session_idx", "n_docs", "n_calendar_days").rows(), sums.n_unplaced


def test_a_frame_of_sessions_places_texts_between_its_closes() -> None:
    rows, unplaced = in_frame("2024-01-04T17:00:00Z", "2024-01-05T11:59:59Z", "2024-01-05T12:00:00Z")
    assert rows == [(date(2024, 1, 5), 1, 2, 1), (date(2024, 1, 9), 2, 1, 4)]
    assert unplaced == 0


def test_texts_before_and_after_all_sessions_of_a_frame_are_left_out_counted_and_reported() -> None:
    times = ("2024-01-04T16:59:59Z", "2024-01-05T11:00:00Z", "2024-01-09T17:00:00Z", "2024-02-01T00:00:01Z")
    with pytest.warns(SentiscoreWarning, match="^3 rows lie before or after all sessions of the calendar"):
        rows, unplaced = in_frame(*times)
    assert rows == [(date(2024, 1, 5), 1, 1, 1)]
    assert unplaced == 3


def test_a_frame_in_another_zone_or_order_is_the_same() -> None:
    zoned = FRAME.with_columns(pl.col("open", "close").dt.convert_time_zone("Asia/Tokyo")).reverse()
    assert in_frame("2024-01-05T11:59:59Z", calendar=zoned) == in_frame("2024-01-05T11:59:59Z")
    assert in_frame("2024-01-05T08:44:00Z", calendar=zoned, cutoff="open-15m")[0][0][0] == date(2024, 1, 5)
    assert in_frame("2024-01-05T08:45:00Z", calendar=zoned, cutoff="open-15m")[0][0][0] == date(2024, 1, 9)


@pytest.mark.parametrize("name", ["sessions.csv", "sessions.parquet"])
def test_sessions_may_be_in_a_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("csv"):
        FRAME.with_columns(pl.col("open", "close").dt.to_string("iso:strict")).write_csv(path)
    else:
        FRAME.write_parquet(path)
    for place_ in (path, str(path)):
        assert in_frame("2024-01-05T11:59:59Z", calendar=place_) == in_frame("2024-01-05T11:59:59Z")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda f: f.drop("open"), "lacks open"),
        (lambda f: f.head(1), "fewer than two sessions"),
        (lambda f: f.with_columns(ds=pl.lit(date(2024, 1, 4))), "do not follow each other: 2024-01-04 is there twice"),
        (lambda f: f.with_columns(close=pl.col("close").max()), "follow each other: 2024-01-05 opens before"),
        (lambda f: f.with_columns(open="close"), "closes before it opens"),
        (lambda f: f.with_columns(ds=pl.int_range(pl.len())), "holds Int64, not dates"),
        (lambda f: f.with_columns(pl.col("open").dt.replace_time_zone(None)), "carry no time zone"),
        (lambda f: f.with_columns(close=pl.lit(None, dtype=pl.Datetime("us", "UTC"))), "without a date, an open"),
    ],
)
def test_a_frame_that_is_no_calendar_is_refused(change: Callable[[pl.DataFrame], pl.DataFrame], why: str) -> None:
    with pytest.raises(InputError, match=why):
        DailySums(time_col="at", calendar=change(FRAME))


@pytest.mark.parametrize("cutoff", ["open", "close", "close+1h"])
def test_sessions_that_overlap_are_refused_whatever_the_cutoff(cutoff: str) -> None:
    def opening(second: str) -> pl.DataFrame:
        opens = pl.Series([FRAME["open"][0], utc(second), FRAME["open"][2]])
        return FRAME.with_columns(open=opens)

    with pytest.raises(InputError, match="2024-01-05 opens before the session before it closes"):
        DailySums(time_col="at", calendar=opening("2024-01-04T16:59:59"), config=DailyConfig(cutoff=cutoff))
    touching = DailySums(time_col="at", calendar=opening("2024-01-04T17:00:00"), config=DailyConfig(cutoff=cutoff))
    touching.add(scored("2024-01-05T08:00:00Z"))
    assert touching.finish().height == 1


@pytest.mark.parametrize("calendar", [None, "XNYS", FRAME])
def test_the_earliest_start_and_the_latest_end_are_those_of_the_calendar(calendar: Any) -> None:
    if calendar is FRAME:
        rows, _ = in_frame("2024-01-05T11:00:00Z", calendar=FRAME, start=date(1900, 1, 1), end=date(2199, 12, 31))
        assert [row[0] for row in rows] == [date(2024, 1, 5), date(2024, 1, 9)]  # the first has no beginning
        return
    rows, _ = in_frame("2024-01-05T11:00:00Z", calendar=calendar, start=date(1900, 1, 1))
    assert rows[0][0] == (date(1900, 1, 1) if calendar is None else date(1900, 1, 2))
    assert rows[-1][0] == date(2024, 1, 5)
    rows, _ = in_frame("2024-01-05T11:00:00Z", calendar=calendar, end=date(2199, 12, 31))
    assert rows[0][0] == date(2024, 1, 5)
    assert rows[-1][0] == date(2199, 12, 31)


def test_a_start_or_an_end_beyond_the_sessions_is_refused() -> None:
    with pytest.raises(InputError, match="has sessions from 2024-01-04 to 2024-01-09, and 2024-02-01 lies outside"):
        in_frame("2024-01-05T11:00:00Z", start=date(2024, 2, 1))


# --- cutoffs as text ---


@pytest.mark.parametrize(
    ("text", "anchor", "minutes"),
    [("close", "close", 0), ("open", "open", 0), ("open-30m", "open", -30), (" close+1h30m ", "close", 90)],
)
def test_a_cutoff_is_read_from_text(text: str, anchor: Any, minutes: int) -> None:
    assert parse_cutoff(text) == Cutoff(anchor, timedelta(minutes=minutes))


@pytest.mark.parametrize("text", ["", "noon", "open-", "open 30m", "open-30", "close-8d", "open-30m-5m", "16:00"])
def test_what_is_no_cutoff_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="cutoff"):
        parse_cutoff(text)


# --- many at once ---


def test_places_are_those_that_a_search_finds_also_where_cutoffs_are_close() -> None:
    start = utc("2024-01-04T00:00:00")
    known = pl.Series([start + timedelta(minutes=7 * i) for i in range(3000)], dtype=pl.Datetime("us", "UTC"))
    for step in (timedelta(minutes=20), timedelta(minutes=60), timedelta(hours=7)):
        n = int(timedelta(days=14) / step)
        closes = [start + step * i for i in range(n)]
        calendar = pl.DataFrame(
            {
                "ds": [date(2024, 1, 4) + timedelta(days=i) for i in range(n)],
                "open": [close - timedelta(minutes=1) for close in closes],
                "close": closes,
            }
        )
        placed = Sessions(calendar, cutoff=parse_cutoff("close"), day_tz="UTC").place(known)
        expected = [next((i for i, close in enumerate(closes) if close > at), None) for at in known]
        assert placed.to_list() == [None if i == 0 else i for i in expected]


# --- the list of sessions ---


def test_the_sessions_of_an_exchange_are_listed_with_the_instants_of_each() -> None:
    listed = sessions("NYSE", "2024-07-03", date(2024, 7, 7), cutoff="open-30m")
    assert listed.rows() == [
        (
            date(2024, 7, 3),
            13745,
            utc("2024-07-03T13:30:00"),
            utc("2024-07-03T17:00:00"),
            utc("2024-07-03T13:00:00"),
        ),
        (
            date(2024, 7, 5),
            13746,
            utc("2024-07-05T13:30:00"),
            utc("2024-07-05T20:00:00"),
            utc("2024-07-05T13:00:00"),
        ),
    ]
    assert listed.columns == ["ds", "session_idx", "session_open", "session_close", "available_at"]
    assert sessions("XNYS", "2024-07-06", "2024-07-07").is_empty()


@pytest.mark.parametrize("cutoff", ["close", "open-30m", "close+1h"])
def test_a_daily_row_is_of_a_listed_session_and_says_its_close_and_its_calendar(cutoff: str, tmp_path: Path) -> None:
    own = sessions("XNYS", "2024-02-20", "2024-04-20").select("ds", open="session_open", close="session_close")
    own.write_parquet(tmp_path / "own.parquet")
    cases: list[tuple[Any, dict[str, Any], str]] = [
        ("NYSE", {}, "XNYS"),
        (None, {"day_tz": "America/New_York"}, "days America/New_York"),
        (None, {}, "days UTC"),
        (own, {}, "frame"),
        (tmp_path / "own.parquet", {}, "frame"),
    ]
    times = scored("2024-03-07T15:00:00Z", "2024-03-13T15:00:00Z")
    for calendar, options, name in cases:
        config = DailyConfig(cutoff=cutoff)
        made = daily(times, time_col="at", calendar=calendar, config=config, **options)
        listed = sessions(calendar, made["ds"][0], made["ds"][-1], cutoff=cutoff, **options)
        names = ["ds", "session_idx", "available_at", "session_close"]
        assert made.select(names).equals(listed.select(names))
        assert made["calendar"].unique().to_list() == [name]


def test_sessions_that_cannot_be_listed_are_refused(tmp_path: Path) -> None:
    own = sessions("XNYS", "2024-07-01", "2024-07-12").select("ds", open="session_open", close="session_close")
    cases: list[tuple[tuple[Any, Any, Any], dict[str, Any], str]] = [
        ((own, "2024-07-02", "2024-07-13"), {}, "from 2024-07-01 to 2024-07-12, and 2024-07-13 lies outside"),
        ((own, "2024-06-30", "2024-07-12"), {}, "2024-06-30 lies outside"),
        (("XNYS", "2024-07-02", "2024-07-01"), {}, "end before they begin"),
        (("XNYS", "July", "2024-07-01"), {}, r"start is 'July', which is not a date.*\n.*2024-01-05"),
        (("XNYS", "2024-07-01", datetime(2024, 7, 2, tzinfo=UTC)), {}, "end is .* not a date"),
        (("XNYS", "2024-07-01", "3024-07-01"), {}, "end is .* not a date"),
        (("XXXX", "2024-07-01", "2024-07-02"), {}, "no calendar 'XXXX'"),
        (("XNYS", "2024-07-01", "2024-07-02"), {"day_tz": "UTC"}, "days of its own"),
        ((None, "2024-07-01", "2024-07-02"), {"day_tz": "Mars"}, "no time zone 'Mars'"),
        ((None, "2024-07-01", "2024-07-02"), {"day_tz": 5}, "no time zone 5"),
        ((None, "2024-07-01", "2024-07-02"), {"cutoff": "noon"}, "'noon' is not a cutoff"),
        ((None, "2024-07-01", "2024-07-02"), {"cutoff": 5}, "5 is not a cutoff"),
        ((own.lazy(), "2024-07-01", "2024-07-02"), {}, "of the type LazyFrame"),
    ]
    for arguments, options, message in cases:
        with pytest.raises(InputError, match=message):
            sessions(*arguments, **options)
    assert sessions(own, "2024-07-01", "2024-07-12")["ds"].to_list() == own["ds"].to_list()[1:]
