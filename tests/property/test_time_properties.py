"""Times that are written in many forms, against what Python's own libraries read."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiscore.errors import InputError
from sentiscore.features.time_format import TimeFormat
from sentiscore.features.times import plausible, read_times, to_utc
from tests.effort import examples

FEW = settings(max_examples=examples(25), deadline=None)
# apart by something, so that Python reads each in one way only
DAYS = ("%Y-%m-%d", "%d/%m/%Y", "%b %d, %Y", "%d %B %Y", "%a %d.%m.%Y", "%y/%m/%d", "%Y %j", "%A, %B %d %Y")
CLOCKS = ("%H:%M:%S.%f", "%I:%M:%S %p", "%H:%M", "%I.%M %p", "%H%M%S")
ZONES = ("", " %z")

seconds = st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31)).map(lambda at: at.replace(microsecond=0))  # noqa: DTZ001
offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@FEW
@given(
    walls=st.lists(seconds, min_size=1, max_size=8),
    day=st.sampled_from(DAYS),
    clock=st.sampled_from(CLOCKS),
    zone=st.sampled_from(ZONES),
    offset=offsets,
)
def test_a_pattern_reads_what_python_s_strptime_reads(
    walls: list[datetime], day: str, clock: str, zone: str, offset: timezone
) -> None:
    pattern = f"{day} {clock}{zone}"
    texts = [wall.replace(tzinfo=offset if zone else UTC).strftime(pattern) for wall in walls]
    expected = [datetime.strptime(text, pattern) for text in texts]  # noqa: DTZ007
    found = read_times(pl.Series(texts), TimeFormat(format=pattern, tz="UTC")).instants.to_list()
    assert found == [at if at.tzinfo else at.replace(tzinfo=UTC) for at in expected]


@FEW
@given(walls=st.lists(seconds, min_size=1, max_size=8), offset=offsets, gmt=st.booleans())
def test_the_date_of_a_mail_is_what_python_s_email_library_reads(
    walls: list[datetime], offset: timezone, gmt: bool
) -> None:
    times = [wall.replace(tzinfo=UTC if gmt else offset) for wall in walls]
    texts = [format_datetime(at, usegmt=gmt) for at in times]
    assert to_utc(pl.Series(texts), None).to_list() == [parsedate_to_datetime(text) for text in texts] == times


@FEW
@given(walls=st.lists(seconds, min_size=1, max_size=8), offset=offsets)
def test_every_certain_form_of_an_instant_is_the_same_instant(walls: list[datetime], offset: timezone) -> None:
    for wall in walls:
        at = wall.replace(tzinfo=offset)
        forms = (
            "%Y-%m-%dT%H:%M:%S%z",
            "%Y%m%dT%H%M%S%z",
            "%a, %d %b %Y %H:%M:%S %z",
            "%a %b %d %H:%M:%S %z %Y",
            "%B %d, %Y %I:%M:%S %p %z",
        )
        assert set(to_utc(pl.Series([at.strftime(form) for form in forms]), None)) == {at}


@FEW
@given(
    values=st.lists(st.integers(631_152_000 * 10**9, 4_102_444_799 * 10**9), min_size=1, max_size=8),
    unit=st.sampled_from(["s", "ms", "us", "ns"]),
    text=st.booleans(),
)
def test_a_number_since_1970_is_what_python_s_timedelta_makes_of_it(values: list[int], unit: str, text: bool) -> None:
    size = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit]
    numbers = pl.Series([value // size for value in values])
    found = read_times(numbers.cast(pl.String) if text else numbers, TimeFormat(unit=unit)).instants.to_list()
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert found == [epoch + timedelta(microseconds=number * size // 1_000) for number in numbers]


PIECES = (
    "2024",
    "05",
    "1",
    "0000",
    "31",
    "Jan",
    "jan.",
    "Fri",
    "T",
    "Z",
    "ET",
    "+0100",
    "-25",
    "12:30",
    ":60",
    "24:00",
)
pieces = st.sampled_from((*PIECES, *" /-.,:'%\u0661\u202f{}()", "1704488340", "am", "PM", "NaT", "UTC"))
mixtures = st.lists(pieces, max_size=9).map("".join) | st.text(max_size=12)


@settings(max_examples=examples(150), deadline=None)
@given(
    texts=st.lists(mixtures, min_size=1, max_size=3),
    tz=st.sampled_from([None, "UTC", "America/New_York"]),
    how=st.sampled_from([{}, {"format": "rfc2822"}, {"format": "%d/%m/%Y"}, {"unit": "s"}]),
)
def test_any_text_is_read_or_refused_with_a_message(texts: list[str], tz: str | None, how: dict[str, str]) -> None:
    told = ""
    try:
        found = read_times(pl.Series("when", texts), TimeFormat(tz=tz, **how))
        assert plausible(found.instants).len() == len(texts)
    except InputError as error:
        told = str(error)
    assert not told or "'when'" in told


@settings(max_examples=examples(100), deadline=None)
@given(pattern=st.lists(pieces | st.sampled_from(["%Y", "%m", "%d", "%b", "%H", "%q", "%"]), max_size=8).map("".join))
def test_any_pattern_can_be_used_or_is_refused(pattern: str) -> None:
    told = ""
    try:
        read_times(pl.Series("when", ["2024-01-05"]), TimeFormat(format=pattern, tz="UTC"))
    except InputError as error:
        told = str(error)
    assert not told or "time format" in told or "'when'" in told
