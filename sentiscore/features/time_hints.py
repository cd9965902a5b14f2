"""A refused time -> the option that would read it."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.clock_text import HALF, LETTERS, MONTH, OFFSET, WEEKDAY, split
from sentiscore.features.epochs import NAMES, NUMBER, likely_unit, shown
from sentiscore.features.patterns import RFC2822, RFC2822_LETTERS, expression
from sentiscore.features.time_format import TimeFormat

_LONGEST: Final = 100
_SERIALS: Final = (32_874, 73_051)
"""The years 1990 to 2099 as day numbers of a spreadsheet."""
_COMPACT: Final = {14: "%Y%m%d%H%M%S", 12: "%Y%m%d%H%M", 10: "%Y%m%d%H", 8: "%Y%m%d"}
"""The patterns of times that consist only of digits, by the number of digits."""

_ORDERS: Final = {
    (False, False): ("dmy", "mdy", "ymd"),
    (False, True): ("dm", "md"),
    (True, False): ("dy", "yd"),
    (True, True): ("d",),
}
"""The possible orders of numbers of one or two digits, by whether the month is a word and the year has four digits."""

_DAY_OR_MONTH: Final = "\0"
_LITERALS: Final = ("t", "at", "on", "of", "st", "nd", "rd", "th", "h", "hrs", "hours", "uhr", "年", "月", "日")
"""Words that do not indicate the zone or the half of the day."""
_ZONE_NAME: Final = re.compile(r"[A-Z][A-Za-z]+(?:/[A-Z][A-Za-z_+-]+)+")

_WORD: Final = re.compile(
    rf"(?P<clock>[0-9]{{1,2}}:[0-9][0-9](?P<seconds>:[0-9][0-9])?(?P<fraction>\.[0-9]+)?)(?P<half>\s*{HALF})?|"
    rf"(?P<weekday>\b{WEEKDAY})|(?P<month>{MONTH})|(?P<year>[0-9]{{4}}(?![0-9]))|(?P<number>[0-9]{{1,2}}(?![0-9]))|"
    r"(?P<letters>[^\W\d_]+)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)


def hint_for_numbers(numbers: pl.Series) -> str:
    """The options that would read numbers which are not times by themselves."""
    value = numbers[0]
    text = str(int(value)) if float(value).is_integer() else str(value)
    readings = [*_of_number(text), *_of_patterns(pl.Series([text]), _COMPACT.get(len(text), ()))]
    if not readings and _SERIALS[0] <= float(value) < _SERIALS[1]:
        day = date(1899, 12, 30) + timedelta(days=int(value))
        return f"If they are the day numbers of a spreadsheet, where {value} is {day}, write them as dates first."
    if not readings:
        return "If they count since 1970, say what they count: --time-unit s, ms, us or ns (time_unit)."
    return _options(value, readings)


def hint_for_texts(texts: pl.Series, how: TimeFormat) -> str:
    """The options that would read texts which are not times by themselves; empty if they cannot be guessed.

    Args:
        texts: Some of the texts; a pattern that reads all of them is preferred.
        how: How they were read.
    """
    text = str(texts[0])
    if len(text) > _LONGEST:
        return ""
    json = re.fullmatch(r"/Date\((-?[0-9]{1,13})\)/", text.strip())
    if json is not None:
        return (
            f"{text!r} would be {shown(float(json[1]), 'ms')}: keep only the number in the brackets, and use "
            "--time-unit ms (time_unit='ms')."
        )
    readings = _of_number(text.strip()) if re.match(NUMBER, text) else []
    digits = re.sub(r"\.0*$", "", text.strip())
    compact = _COMPACT.get(len(digits)) if digits.isdigit() else None
    patterns = [compact] if compact else list(_patterns(text, how.tz))
    if compact:
        texts = texts.str.strip_chars().str.replace(r"\.0*$", "")
    readings += _of_patterns(texts, [one for one in patterns if one != how.format])
    return _options(text, readings) if readings else ""


def hint_for_letters(text: str, tz: str | None) -> str:
    """The options that would read a text with zone letters that were not understood."""
    if tz is None:
        by_rfc = split(pl.Series([text]), expression(RFC2822)).row(0, named=True)
        or_rfc = str(by_rfc["zone"]).upper() in RFC2822_LETTERS and by_rfc["wall"] is not None
        return (
            "Zone letters can stand for several zones; say for which, for example: --tz America/New_York "
            "(tz='America/New_York')"
            + ("; or take them as RFC 2822 does: --time-format rfc2822 (time_format='rfc2822')." if or_rfc else ".")
        )
    problem = f"Its zone letters are not what {tz} shows at that time. Give the zone that they stand for with --tz (tz)"
    pattern = next(iter(_of_patterns(pl.Series([text]), list(_patterns(text, tz, literal=True)))), None)
    if pattern is None:
        return f"{problem}."
    return f"{problem}; or, if they say no more than the zone of --tz, write them into a pattern: {pattern[1]}."


def _options(value: object, readings: list[tuple[str, str]]) -> str:
    if len(readings) == 1:
        (at, option), *_ = readings
        return f"{value!r} would be {at} with {option}."
    return f"{value!r} can be " + ", or ".join(f"{at} with {option}" for at, option in readings) + "."


def _of_number(text: str) -> list[tuple[str, str]]:
    """The instant of a number that may count since 1970, with the option that reads it so."""
    unit = likely_unit(float(text))
    return (
        []
        if unit is None
        else [(f"{shown(float(text), unit)} in {NAMES[unit]}", f"--time-unit {unit} (time_unit='{unit}')")]
    )


def _of_patterns(texts: pl.Series, patterns: "list[str] | tuple[str, ...] | str") -> list[tuple[str, str]]:
    """The first text as read by each pattern, with its option; only patterns that read the most texts."""
    found = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        try:
            read = split(texts, expression(pattern))
        except InputError:  # a guess need not be a valid pattern
            continue
        at = read["wall"].head(1).dt.strftime("%Y-%m-%d" if read["dated"][0] else "%Y-%m-%d %H:%M:%S")[0]
        if at is not None:
            quoted = "'" + pattern.replace("'", "'\\''") + "'"
            found.append((read["wall"].null_count(), at, f"--time-format {quoted} (time_format)"))
    best = min((missed for missed, _, _ in found), default=0)
    return [(at, option) for missed, at, option in found if missed == best]


def _patterns(text: str, tz: str | None, *, literal: bool = False) -> Iterator[str]:
    """The patterns that may match a text; none if a part of it is not understood.

    Anything that may be a zone or a half of the day is never a literal: the hint would give another instant.

    Args:
        text: The text.
        tz: The given zone; its name may occur in the text.
        literal: Whether zone letters are literals.
    """
    parts: list[str] = []
    at = 0
    text = text.strip()
    while at < len(text):
        piece = _piece(text, at, parts, tz, literal=literal)
        if piece is None:
            return
        part, at = piece
        parts.append(part)
    whole = "".join(parts)
    orders = _ORDERS["%b" in whole, "%Y" in whole]
    if whole.startswith("%Y"):
        orders = tuple(order for order in orders if order != "dm")  # nobody writes years, days and months
    for order in orders:
        if len(order) == whole.count(_DAY_OR_MONTH):
            plain = whole.replace("{", "{{").replace("}", "}}")
            yield plain.replace(_DAY_OR_MONTH, "%{}").format(*order)


def _piece(text: str, at: int, parts: list[str], tz: str | None, *, literal: bool) -> tuple[str, int] | None:
    """The next part of a pattern, and where in the text it ends; None if it is not understood."""
    clock = any(":%M" in part for part in parts)
    named = _ZONE_NAME.match(text, at)
    if named is not None:
        return (named[0], named.end()) if named[0] == tz else None
    zone = re.compile(rf"(?:{OFFSET})(?![A-Za-z0-9])").match(text, at) if clock or text[at] == "+" else None
    if zone is not None and zone[0].upper() not in ("", "U"):
        return "%z", zone.end()
    found = _WORD.match(text, at)
    if found is None or text[at] == "+":
        return None
    part: str | None
    if found["clock"]:
        may_be_offset = text[at - 1 : at] == "-" and not found["seconds"]
        part = None if may_be_offset else _clock(found)
    elif found["number"]:
        part = None if clock and re.search(r"\s-$", text[:at]) else _DAY_OR_MONTH
    elif found["letters"]:
        part = _letters(found[0], clock=clock, literal=literal)
    elif found["other"]:
        part = None if found[0].isdigit() else found[0].replace("%", "%%")
    else:
        kind = next(name for name in ("weekday", "month", "year") if found[name])
        part = {"weekday": "%a", "month": "%b", "year": "%Y"}[kind]
    return None if part is None else (part, found.end())


def _clock(found: re.Match[str]) -> str:
    seconds = (":%S" if found["seconds"] else "") + (".%f" if found["fraction"] else "")
    half = "" if not found["half"] else (" %p" if found["half"][0].isspace() else "%p")
    return ("%I:%M" if half else "%H:%M") + seconds + half


def _letters(word: str, *, clock: bool, literal: bool) -> str | None:
    """A word as part of a pattern; None if it may mean something that is not understood."""
    if word.lower() in _LITERALS:
        return word
    if re.fullmatch(r"[ap]m", word, re.IGNORECASE):
        return None
    if clock:
        letters = re.fullmatch(LETTERS, word) is not None
        return word if literal else "%Z" if letters and word.lower() not in ("a", "p") else None
    plain = word.isascii() and word.islower() and word not in ("a", "p", *_zone_letters())
    return word if plain else None


@lru_cache
def _zone_letters() -> frozenset[str]:
    """The letters of all zones of the time zone database in winter and in summer, in lower case."""
    days = [datetime(2024, month, 1, tzinfo=UTC) for month in (1, 7)]
    shown = {str(day.astimezone(ZoneInfo(zone)).tzname()).lower() for zone in available_timezones() for day in days}
    return frozenset({*shown, "et", "ct", "mt", "pt", "ut"})
