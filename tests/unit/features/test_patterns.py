import polars as pl
import pytest

from sentiscore.errors import InputError
from sentiscore.features.clock_text import split
from sentiscore.features.patterns import expression
from sentiscore.features.time_format import TimeFormat


def wall(text: str, pattern: str) -> str | None:
    found: str | None = split(pl.Series([text]), expression(pattern))["wall"].cast(pl.String)[0]
    return None if found is None else found.removesuffix(".000000").removesuffix(" 00:00:00")


@pytest.mark.parametrize(
    ("text", "pattern", "found"),
    [
        ("01/05/24 10:20:30", "%D %T", "2024-01-05 10:20:30"),
        ("2024-01-05 10:20", "%F %R", "2024-01-05 10:20:00"),
        ("10:20:30 pm  5 january 2024", "%r %e %B %Y", "2024-01-05 22:20:30"),
        ("68 1 5", "%y %m %d", "2068-01-05"),
        ("69 1 5", "%y %m %d", "1969-01-05"),
        ("2024-366", "%Y-%j", "2024-12-31"),
        ("2023-366", "%Y-%j", None),
        ("100% 2024.01.05", "100%% %Y.%m.%d", "2024-01-05"),
        ("2024%T01-05", "%Y%%T%m-%d", "2024-01-05"),
        ("2024-01-05T10:20:30", "%Y-%m-%dT%H:%M:%S%.f", "2024-01-05 10:20:30"),
        ("2024-01-05T10:20:30.5", "%Y-%m-%dT%H:%M:%S%.f", "2024-01-05 10:20:30.500000"),
        ("5 (Jan) 2024", "%-d (%b) %Y", "2024-01-05"),
        ("a+b 2024-01-05", "A+B %Y-%m-%d", "2024-01-05"),
        ("aab 2024-01-05", "A+B %Y-%m-%d", None),
    ],
)
def test_a_pattern_means_what_strptime_says(text: str, pattern: str, found: str | None) -> None:
    assert wall(text, pattern) == found


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("%s", "--time-unit s"),
        ("%Y-%m-%d %Q", "%Q is not known"),
        ("%Y-%U-%w", "%U is not known"),
        ("%Y-%m", "the year, the month and the day"),
        ("%d %b", "the year, the month and the day"),
        ("%H:%M", "the year, the month and the day"),
        ("", "the year, the month and the day"),
        ("iso8601", "the year, the month and the day"),
        ("%Y %j %d", "the year, the month and the day"),
        ("%Y-%m-%d %I:%M", "%I and %p go together"),
        ("%Y-%m-%d %H:%M %p", "%I and %p go together"),
        ("%Y-%m-%d %M", "%M without %H"),
        ("%Y-%m-%d %Y", "%Y is said twice"),
        ("%Y-%m-%d %H:%M %z %Z", "%z is said twice"),
        ("%Y-%m-%d %", "written like"),
    ],
)
def test_a_pattern_that_does_not_say_a_day_and_a_time_is_refused(pattern: str, why: str) -> None:
    if pattern.endswith(" %"):  # a lone sign is a letter like others
        assert wall("2024-01-05 %", pattern) == "2024-01-05"
        return
    with pytest.raises(InputError, match="time format") as caught:
        TimeFormat(format=pattern)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"unit": "m"}, "'m' is not one of s, ms, us, ns"),
        ({"midnight": "noon"}, "'noon' is not one of date, instant"),
        ({"tz": "Mars"}, "no time zone 'Mars'"),
        ({"unit": "s", "format": "%Y-%m-%d"}, "not both"),
    ],
)
def test_settings_that_do_not_exist_or_do_not_go_together_are_refused(how: dict[str, str], told: str) -> None:
    with pytest.raises(InputError) as caught:
        TimeFormat(**how)
    assert told in str(caught.value)
