"""Text that is read without being told how, and text that is refused with the option that would read it."""

import re
import shlex
from datetime import UTC, datetime

import polars as pl
import pytest

from sentiscore.errors import InputError
from sentiscore.features.time_format import TimeFormat
from sentiscore.features.times import Times, read_times

NEW_YORK = "America/New_York"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def read(texts: list[str | None], **how: str) -> Times:
    return read_times(pl.Series("when", texts, dtype=pl.String), TimeFormat(**how))


def one(text: str, **how: str) -> datetime | None:
    found: datetime | None = read([text], **how).instants[0]
    return found


def refusal(*texts: str, **how: str) -> str:
    with pytest.raises(InputError) as caught:
        read(list(texts), **how)
    return str(caught.value)


# --- forms whose meaning is certain ---


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("20240105T205900Z", "2024-01-05T20:59:00"),
        ("20240105T205900+0100", "2024-01-05T19:59:00"),
        ("20240105T205900.25-05", "2024-01-06T01:59:00.250000"),
        ("20240105T205900,123456789Z", "2024-01-05T20:59:00.123456"),
        ("20240105T2059Z", "2024-01-05T20:59:00"),
        ("Fri, 05 Jan 2024 15:59:00 -0500", "2024-01-05T20:59:00"),
        ("5 jan 2024 15:59 -0500", "2024-01-05T20:59:00"),
        ("Fri, 05 Jan 2024 20:59:00 GMT", "2024-01-05T20:59:00"),
        ("Fri, 05 Jan 2024 20:59:00 UT", "2024-01-05T20:59:00"),
        ("Fri, 5 Jan 2024 15:59:00 -0500 (EST)", "2024-01-05T20:59:00"),
        ("Fri Jan 05 20:59:00 +0000 2024", "2024-01-05T20:59:00"),
        ("Fri Jan  5 20:59:00 UTC 2024", "2024-01-05T20:59:00"),
        ("Fri Jan 05 2024 15:59:00 GMT-0500 (Eastern Standard Time)", "2024-01-05T20:59:00"),
        ("January 5th, 2024 at 8:59 p.m. UTC", "2024-01-05T20:59:00"),
        ("Sept. 5, 2024, 08:59\u202fPM +00:00", "2024-09-05T20:59:00"),
        ("Jan 5, 2024 12:30 AM GMT", "2024-01-05T00:30:00"),
        ("Jan 5, 2024 12:30 PM GMT", "2024-01-05T12:30:00"),
        ("05-Jan-2024 20:59:00 utc", "2024-01-05T20:59:00"),
    ],
)
@pytest.mark.parametrize("tz", [None, "Asia/Tokyo"])
def test_text_that_names_its_month_or_is_basic_iso_8601_is_an_instant(text: str, instant: str, tz: str | None) -> None:
    assert one(text, **({} if tz is None else {"tz": tz})) == utc(instant)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("20240105T155900", "2024-01-05T20:59:00"),
        ("Fri Jan  5 15:59:00 2024", "2024-01-05T20:59:00"),
        ("Jan 5, 2024 4:00 PM", "2024-01-05T21:00:00"),
        ("Friday, 5 January 2024 at 16:00", "2024-01-05T21:00:00"),
        ("January 5, 2024", "2024-01-06T04:59:59.999999"),
        ("5 Jan 2024", "2024-01-06T04:59:59.999999"),
    ],
)
def test_such_text_without_an_offset_needs_a_zone_and_a_date_is_the_end_of_its_day(text: str, instant: str) -> None:
    assert one(text, tz=NEW_YORK) == utc(instant)
    assert "carry no time zone" in refusal(text)


def test_a_column_may_mix_all_forms_that_are_certain() -> None:
    texts = [
        "2024-01-05T20:59:00Z",
        "20240105T205900Z",
        None,
        "Fri Jan 05 20:59:00 +0000 2024",
        " ",
        "5 Jan 2024 20:59 Z",
    ]
    assert read(texts).instants.to_list() == [
        utc("2024-01-05T20:59:00") if text and text.strip() else None for text in texts
    ]


@pytest.mark.parametrize("text", ["NaT", "None", "nan", "NaN", "<NA>", "null", "NULL", " nat "])
def test_the_words_by_which_pandas_writes_no_time_are_none(text: str) -> None:
    assert read([text, "2024-01-05T20:59:00Z"]).instants.to_list() == [None, utc("2024-01-05T20:59:00")]


@pytest.mark.parametrize(
    "text",
    [
        "Sat Jan 05 20:59:00 +0000 2024",  # it was a Friday
        "Jan 32, 2024 10:00 UTC",
        "Jan 5, 2024 13:00 PM UTC",
        "Jan 5, 2024 0:00 AM UTC",
        "Jan 5, 24 10:00 UTC",
        "Jon 5, 2024 10:00 UTC",
        "2024-01-05T24:00:01Z",
        "2024-01-05T23:59:61Z",
        "2024-01-05Z",
        "2024-0105T10:00Z",
        "20240105T10:00Z+0100",
        "20000-01-05T10:00Z",
    ],
)
def test_text_of_such_a_form_that_names_no_time_is_refused(text: str) -> None:
    assert "1 of the times in 'when' cannot be read" in refusal(text, tz="UTC")


def test_the_end_of_a_day_and_a_leap_second_are_the_instants_that_follow_and_no_midnights() -> None:
    times = read(["2024-01-05T24:00:00Z", "2016-12-31T23:59:60Z", "2017-01-01 05:29:60+05:30"])
    assert times.instants.to_list() == [utc("2024-01-06"), utc("2017-01-01"), utc("2017-01-01")]
    assert times.end.all()


# --- zone letters ---


@pytest.mark.parametrize(
    ("text", "tz", "instant"),
    [
        ("Jan 5, 2024 4:00 PM ET", NEW_YORK, "2024-01-05T21:00:00"),
        ("Jul 5, 2024 4:00 PM ET", NEW_YORK, "2024-07-05T20:00:00"),
        ("Jul 5, 2024 4:00 PM EDT", NEW_YORK, "2024-07-05T20:00:00"),
        ("2024-01-05 16:00 est", NEW_YORK, "2024-01-05T21:00:00"),
        ("2024-01-05 16:00 IST", "Asia/Kolkata", "2024-01-05T10:30:00"),
        ("2024-01-05 16:00 CST", "Asia/Shanghai", "2024-01-05T08:00:00"),
        ("2024-01-05 16:00 CST", "America/Chicago", "2024-01-05T22:00:00"),
        ("2024-07-05 16:00 BST", "Europe/London", "2024-07-05T15:00:00"),
        ("2024-11-03 01:30 EDT", NEW_YORK, "2024-11-03T05:30:00"),  # the first of two
        ("2024-11-03 01:30 EST", NEW_YORK, "2024-11-03T06:30:00"),
        ("2024-11-03 01:30 ET", NEW_YORK, "2024-11-03T06:30:00"),  # the later of two
    ],
)
def test_zone_letters_are_those_that_the_given_zone_shows_at_that_time(text: str, tz: str, instant: str) -> None:
    assert one(text, tz=tz) == utc(instant)


@pytest.mark.parametrize(
    ("text", "tz"),
    [
        ("2024-01-05 16:00 CST", NEW_YORK),
        ("2024-01-05 16:00 IST", "Asia/Kathmandu"),
        ("2024-07-05 16:00 EST", NEW_YORK),  # it is summer
        ("2024-01-05 16:00 PT", NEW_YORK),
        ("2024-01-05 16:00 A", NEW_YORK),
    ],
)
def test_zone_letters_that_contradict_the_zone_are_refused(text: str, tz: str) -> None:
    told = refusal(text, tz=tz)
    assert "cannot be read" in told
    assert f"--time-format '%Y-%m-%d %H:%M {text[17:]}'" in told


@pytest.mark.parametrize("letters", ["IST", "CST", "EST", "ET"])
def test_zone_letters_without_a_zone_are_refused_and_the_message_says_how_to_give_it(letters: str) -> None:
    told = refusal(f"2024-01-05 16:00 {letters}")
    assert "--tz America/New_York" in told


def test_zone_letters_of_rfc_2822_count_where_it_is_named() -> None:
    assert one("Fri, 05 Jan 2024 15:59:00 EST", format="rfc2822") == utc("2024-01-05T20:59:00")
    assert one("Fri, 05 Jul 2024 15:59:00 pdt", format="RFC2822", tz=NEW_YORK) == utc("2024-07-05T22:59:00")
    assert "--time-format rfc2822" in refusal("Fri, 05 Jan 2024 15:59:00 EST")
    assert "cannot be read" in refusal("Fri, 05 Jan 2024 15:59:00 IST", format="rfc2822")
    assert "cannot be read" in refusal("2024-01-05T15:59:00Z", format="rfc2822")


# --- a format ---


@pytest.mark.parametrize(
    ("text", "pattern", "instant"),
    [
        ("Jan 5, 2024 4:00 PM ET", "%b %d, %Y %I:%M %p ET", "2024-01-05T21:00:00"),
        ("Jan 5, 2024 4:00 PM ET", "%b %d, %Y %I:%M %p %Z", "2024-01-05T21:00:00"),
        ("Jul 5, 2024 4:00 PM EST", "%b %d, %Y %I:%M %p EST", "2024-07-05T20:00:00"),  # the letters are but letters
        ("05/01/2024 16:00", "%d/%m/%Y %H:%M", "2024-01-05T21:00:00"),
        ("05/01/2024 16:00", "%m/%d/%Y %H:%M", "2024-05-01T20:00:00"),
        ("20240105160000", "%Y%m%d%H%M%S", "2024-01-05T21:00:00"),
        ("05.01.2024", "%d.%m.%Y", "2024-01-06T04:59:59.999999"),
        ("05/Jan/2024:16:00:00 +0100", "%d/%b/%Y:%H:%M:%S %z", "2024-01-05T15:00:00"),
        ("05.01.2024 +0100", "%d.%m.%Y %z", "2024-01-05T22:59:59.999999"),
    ],
)
def test_a_format_reads_what_is_written_in_it(text: str, pattern: str, instant: str) -> None:
    assert one(text, format=pattern, tz=NEW_YORK) == utc(instant)


def test_with_a_format_all_texts_must_have_it() -> None:
    told = refusal("31/12/2024", "2024-01-05", format="%d/%m/%Y", tz="UTC")
    assert "1 of the times in 'when' cannot be read with --time-format '%d/%m/%Y', for example '2024-01-05'" in told
    assert "must have the one form" in told


def test_whole_numbers_may_be_times_of_a_format() -> None:
    column = pl.Series("when", [20240105, None])
    found = read_times(column, TimeFormat(format="%Y%m%d", tz="UTC"))
    assert found.instants.to_list() == [utc("2024-01-05T23:59:59.999999"), None]


@pytest.mark.parametrize("dtype", [pl.Categorical(), pl.Enum(["2024-01-05T20:59:00Z"])])
def test_text_of_few_values_is_read_as_text(dtype: pl.DataType) -> None:
    column = pl.Series("when", ["2024-01-05T20:59:00Z"], dtype=dtype)
    assert read_times(column, TimeFormat()).instants.to_list() == [utc("2024-01-05T20:59:00")]


# --- what would read it ---


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1704488340", "would be 2024-01-05 20:59:00 UTC in seconds with --time-unit s (time_unit='s')"),
        ("1704488340123", "would be 2024-01-05 20:59:00 UTC in milliseconds with --time-unit ms"),
        ("1704488340123456", "in microseconds with --time-unit us"),
        ("1704488340123456789", "in nanoseconds with --time-unit ns"),
        ("1704488340.5", "in seconds with --time-unit s"),
        ("20240105205900", "would be 2024-01-05 20:59:00 with --time-format '%Y%m%d%H%M%S'"),
        ("20240105", "would be 2024-01-05 with --time-format '%Y%m%d'"),
        ("25/01/2024 16:00", "would be 2024-01-25 16:00:00 with --time-format '%d/%m/%Y %H:%M'"),
        ("01/25/2024 04:00 PM", "would be 2024-01-25 16:00:00 with --time-format '%m/%d/%Y %I:%M %p'"),
        ("2024/01/05 16:00:00.5", "would be 2024-01-05 16:00:00 with --time-format '%Y/%m/%d %H:%M:%S.%f'"),
        ("4:00 PM, Jan 5, 2024", "would be 2024-01-05 16:00:00 with --time-format '%I:%M %p, %b %d, %Y'"),
        ("25.01.2024 16:00 +0100", "--time-format '%d.%m.%Y %H:%M %z'"),
        ("some time in 2024", "Write them as ISO 8601"),
    ],
)
def test_a_refusal_shows_a_value_and_the_option_that_reads_it(text: str, told: str) -> None:
    assert told in refusal(text, tz="UTC")


def test_a_day_and_a_month_that_may_be_either_are_refused_with_both_readings() -> None:
    told = refusal("05/01/2024 16:00", tz="UTC")
    assert "can be 2024-01-05 16:00:00 with --time-format '%d/%m/%Y %H:%M'" in told
    assert "or 2024-05-01 16:00:00 with --time-format '%m/%d/%Y %H:%M'" in told


def test_other_values_of_the_column_decide_which_reading_is_shown() -> None:
    told = refusal("05/01/2024", "25/01/2024", tz="UTC")
    assert "'05/01/2024' would be 2024-01-05 with --time-format '%d/%m/%Y'" in told
    assert "%m/%d/%Y" not in told


@pytest.mark.parametrize(
    "text",
    [
        "1704488340",
        "1704488340123",
        "20240105205900",
        "25/01/2024 16:00",
        "25.01.24",
        "4:00 PM, Jan 5, 2024",
        "it's 2024/01/25",
    ],
)
def test_the_option_that_is_shown_reads_the_value(text: str) -> None:
    told = refusal(text, tz="UTC")
    found = re.search(r"(--time-(?:unit|format) .*?) \(time_", told)
    assert found is not None, told
    option, value = shlex.split(found[1])
    assert one(text, tz="UTC", **{option.removeprefix("--time-"): value}) is not None


@pytest.mark.parametrize("text", ["2024-01-05 {}:00Z", "2024-01-05 22:{}Z", "2024-01-{} 22:00Z"])
def test_digits_of_other_scripts_are_refused_and_never_midnight(text: str) -> None:
    other = text.format("\u0662\u0662")
    assert "cannot be read" in refusal(other)
    assert "cannot be read" in refusal(other, format="%Y-%m-%d %H:%M%z")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("20240105 15:59:00", "2024-01-05T20:59:00"),
        ("20240105  15:59:00 EST", "2024-01-05T20:59:00"),
        ("20240105-15:59:00", "2024-01-05T20:59:00"),
        ("20240105-15:59:00.123", "2024-01-05T20:59:00.123000"),
        ("05JAN2024:15:59:00", "2024-01-05T20:59:00"),
        ("5jan2024:15:59:00.5", "2024-01-05T20:59:00.500000"),
        ("05JAN2024", "2024-01-06T04:59:59.999999"),
        ("2024-01-05 20:59:00 +0000 UTC", "2024-01-05T20:59:00"),
        ("2024-01-05 15:59:00.000001 -0500 EST", "2024-01-05T20:59:00.000001"),
        ("Jan 5, 2024 4 PM ET", "2024-01-05T21:00:00"),
        ("5 January 2024, 4pm", "2024-01-05T21:00:00"),
        ("2024-01-05 12 a.m. EST", "2024-01-05T05:00:00"),
    ],
)
def test_what_brokers_fix_sas_and_go_write_is_an_instant(text: str, instant: str) -> None:
    assert one(text, tz=NEW_YORK) == utc(instant)


@pytest.mark.parametrize(
    "text",
    ["20240105-05:00", "20241305 16:00", "05JAN24:16:00:00", "2024-01-05 20:59:00 +0100 UTC", "2024-01-05 13 PM"],
)
def test_what_only_looks_like_such_a_form_is_refused(text: str) -> None:
    assert "cannot be read" in refusal(text, tz="UTC")


@pytest.mark.parametrize(
    ("text", "tz"),
    [
        ("2024-W05-5", "UTC"),
        ("2024-01-05-05:30", "UTC"),
        ("2024/01/05-05:30", "UTC"),
        ("2024-01-05 16:00:00 America/New_York", "UTC"),
        ("2024/01/05 16:00:00 America/New_York", "UTC"),
        ("Jan 5, 2024 4:00 ET PM", NEW_YORK),
        ("2024/01/25 PM 4:00", NEW_YORK),
        ("2024/01/25 \u4e0b\u5348 4:00", NEW_YORK),
        ("EST 2024/01/25 16:00", "UTC"),
        ("2024/01/25 est 16:00", "UTC"),
        ("2024/01/25 utc", "Asia/Tokyo"),
        ("2024/01/25 116:00", "UTC"),
    ],
)
def test_a_part_that_is_not_understood_gives_no_pattern(text: str, tz: str) -> None:
    assert "--time-format" not in refusal(text, tz=tz)


@pytest.mark.parametrize(
    ("text", "tz", "instant"),
    [
        ("2024-01-05+05:30", "UTC", "2024-01-05T18:29:59.999999"),
        ("01/25/2024 16:00 EST", NEW_YORK, "2024-01-25T21:00:00"),
        ("2024/01/05 16:00:00 America/New_York", NEW_YORK, "2024-01-05T21:00:00"),
        ("20240105.0", "UTC", "2024-01-05T23:59:59.999999"),
        ("2024年1月25日 16:00", "UTC", "2024-01-25T16:00:00"),
    ],
)
def test_a_pattern_that_is_shown_gives_the_instant_that_was_written(text: str, tz: str, instant: str) -> None:
    found = re.search(r"--time-format '(.*?)' \(time_", refusal(text, tz=tz))
    assert found is not None
    assert one(text, tz=tz, format=found[1]) == utc(instant)


def test_zone_letters_of_a_pattern_that_is_shown_have_to_agree_with_the_zone() -> None:
    assert "'%m/%d/%Y %H:%M %Z'" in refusal("01/25/2024 16:00 EST", tz="UTC")
    assert "cannot be read" in refusal("01/25/2024 16:00 EST", tz="UTC", format="%m/%d/%Y %H:%M %Z")


@pytest.mark.parametrize("values", [[20240105.0, None, float("nan")], ["20240105.0", None, ""]])
def test_whole_numbers_of_a_float_column_have_the_format_of_their_digits(values: list[float | str | None]) -> None:
    found = read_times(pl.Series("when", values), TimeFormat(tz="UTC", format="%Y%m%d")).instants.to_list()
    assert found == [utc("2024-01-05T23:59:59.999999"), None, None]


@pytest.mark.parametrize("text", ["\\N", "N/A", "n/a", "#N/A"])
def test_what_databases_and_spreadsheets_write_for_nothing_is_no_time(text: str) -> None:
    assert read([text, "2024-01-05T20:59:00Z"]).instants.to_list() == [None, utc("2024-01-05T20:59:00")]


def test_a_date_of_microsoft_json_is_refused_with_its_instant() -> None:
    told = refusal("/Date(1704488340000)/", tz="UTC")
    assert "would be 2024-01-05 20:59:00 UTC" in told
    assert "--time-unit ms" in told


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("2024-03-10", TimeFormat(tz=NEW_YORK)),  # a day of 23 hours
        ("2024-03-10-05:00", TimeFormat(format="%Y-%m-%d%z")),
    ],
)
def test_a_date_is_possible_from_the_beginning_of_its_day_on(text: str, how: TimeFormat) -> None:
    found = read_times(pl.Series("when", [text]), how)
    assert found.dated.to_list() == [True]
    assert found.possible_from(how.tz).to_list() == [utc("2024-03-10T05:00:00")]
