"""Text that a regular expression splits into named parts -> wall-clock times, and their zone information.

The groups of an expression are: y or yy (year), m or mon (month), d (day) or j (day of the year), H (hour), M, S, f
(digits of a fraction), p (am or pm), wd (weekday) and z (an offset or zone letters). `FORMS` are those whose meaning
is certain, so that they are read without an option.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from sentiscore.features.zones import WALL

_MONTH_NAMES: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAY_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = {name[:3].lower(): i for i, name in enumerate(_MONTH_NAMES, start=1)}
_WEEKDAYS: Final = {name[:3].lower(): i for i, name in enumerate(_DAY_NAMES, start=1)}
_PIVOT: Final = 69
"""Two-digit years from this one on are in the twentieth century, as in POSIX."""
_SECOND: Final = 1_000_000


def _any_of(names: Sequence[str], *more: str) -> str:
    """English names, in full or shortened to three letters, with or without a dot."""
    return "(?:" + "|".join([*more, *(f"{name[:3]}(?:{name[3:]})?" for name in names)]) + r")\b\.?"


MONTH: Final = _any_of(_MONTH_NAMES, "sept")
WEEKDAY: Final = _any_of(_DAY_NAMES, "tues", "wednes", "thurs?")
OFFSET: Final = r"[Zz]|UTC?|GMT|(?:UTC|GMT)?[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?"
LETTERS: Final = r"[A-Za-z]{1,5}"
HALF: Final = r"[ap]\.?m\b\.?"

_COMMENT: Final = r"(?:\s*\([^()]*\))?"
_NAMED: Final = r"[+-][0-9]{2}:?[0-9]{2}\s+[A-Z]{3,5}"
"""An offset and the letters of its zone, as Go writes them."""
_ZONE: Final = rf"(?:\s*(?<z>{_NAMED}|{OFFSET}|{LETTERS})\b{_COMMENT})?"
_CLOCK: Final = rf"(?<H>[0-9]{{1,2}}):(?<M>[0-9][0-9])(?::(?<S>[0-9][0-9])(?:[.,](?<f>[0-9]+))?)?(?:\s*(?<p>{HALF}))?"
_HOUR: Final = rf"(?<H>[0-9]{{1,2}})\s*(?<p>{HALF})"
"""An hour alone, such as 4 PM."""
_THEN: Final = r"(?:,|\s+at\b|\s+-)?\s+"
_THEN_CLOCK: Final = rf"(?:{_THEN}{_CLOCK}{_ZONE})?"
_WEEKDAY: Final = rf"(?:(?<wd>{WEEKDAY}),?\s+)?"
_MONTH: Final = rf"(?<mon>{MONTH})"
_DAY: Final = r"(?<d>[0-9]{1,2})(?:st|nd|rd|th)?"
_YEAR: Final = r"(?<y>[0-9]{4})"

FORMS: Final = tuple(
    rf"(?i)^\s*{form}\s*$"
    for form in (
        # ISO 8601, extended and basic
        rf"{_YEAR}-(?<m>[0-9]{{1,2}})-(?<d>[0-9]{{1,2}})(?:(?:T|\s+){_CLOCK}{_ZONE})?",
        rf"{_YEAR}(?<m>[0-9][0-9])(?<d>[0-9][0-9])T(?<H>[0-9][0-9])(?<M>[0-9][0-9])(?:(?<S>[0-9][0-9])(?:[.,](?<f>[0-9]+))?)?{_ZONE}",
        # with the month as a word: RFC 2822 and HTTP; as people write it in the US; Twitter, ctime and date
        rf"{_WEEKDAY}{_DAY}[\s-]+{_MONTH}[\s,-]+{_YEAR}{_THEN_CLOCK}",
        rf"{_WEEKDAY}{_MONTH}\s*{_DAY},?\s+{_YEAR}{_THEN_CLOCK}",
        rf"{_WEEKDAY}{_MONTH}\s+{_DAY}\s+{_CLOCK}{_ZONE}\s+{_YEAR}",
        # a full hour alone
        rf"{_YEAR}-(?<m>[0-9]{{1,2}})-(?<d>[0-9]{{1,2}})\s+{_HOUR}{_ZONE}",
        rf"{_WEEKDAY}{_DAY}[\s-]+{_MONTH}[\s,-]+{_YEAR}{_THEN}{_HOUR}{_ZONE}",
        rf"{_WEEKDAY}{_MONTH}\s*{_DAY},?\s+{_YEAR}{_THEN}{_HOUR}{_ZONE}",
        # brokers (20240105 16:00:00), FIX (20240105-16:00:00), SAS (05JAN2024:16:00:00)
        rf"{_YEAR}(?<m>[0-9][0-9])(?<d>[0-9][0-9])\s+{_CLOCK}{_ZONE}",
        rf"{_YEAR}(?<m>[0-9][0-9])(?<d>[0-9][0-9])-(?<H>[0-9][0-9]):(?<M>[0-9][0-9]):(?<S>[0-9][0-9])(?:\.(?<f>[0-9]+))?{_ZONE}",
        rf"(?<d>[0-9]{{1,2}})(?<mon>{'|'.join(_MONTHS)}){_YEAR}(?::{_CLOCK}{_ZONE})?",
    )
)


def split(texts: pl.Series, form: str) -> pl.DataFrame:
    """Split texts by an expression; see this module for its groups.

    Returns:
        A row for each text:

        - wall: the wall-clock time, or the date at midnight (Datetime without a zone); null where a text does not have
          the form, or names a day or a time that does not exist.
        - dated: whether it is a date without a time.
        - end: whether it is the end of a day (24:00) or a leap second (:60); `wall` is the instant that follows.
        - zone: the offset or the zone letters; null where there are none.
    """
    groups = texts.str.extract_groups(form).struct.unnest()
    has = set(groups.columns)

    def number(name: str) -> pl.Expr:
        nothing = pl.lit(0, dtype=pl.Int64)
        return pl.col(name).cast(pl.Int64, strict=False).fill_null(0) if name in has else nothing

    dated = pl.col("H").is_null() if "H" in has else pl.lit(value=True)
    hour, minute, second = number("H"), number("M"), number("S")
    valid = (minute < 60) & (second <= 60)  # noqa: PLR2004 - what a clock has
    fraction = pl.lit(0, dtype=pl.Int64)
    if "f" in has:
        fraction = (pl.col("f").fill_null("0") + "000000").str.slice(0, 6).cast(pl.Int64, strict=False)
    last = (hour == 24) & (minute + second + fraction == 0)  # noqa: PLR2004
    if "p" in has:
        half = pl.col("p").str.slice(0, 1).str.to_lowercase()
        valid &= half.is_null() | hour.is_between(1, 12)
        hour = pl.when(half.is_null()).then(hour).otherwise(hour % 12 + 12 * (half == "p").cast(pl.Int64))
    valid &= (hour < 24) | last  # noqa: PLR2004
    day = _date(has)
    if "wd" in has:
        named = _first_letters("wd").replace_strict(_WEEKDAYS, default=0)
        valid &= pl.col("wd").is_null() | (named == day.dt.weekday())
    clock = ((hour * 60 + minute) * 60 + second) * _SECOND + fraction
    wall = (day.cast(WALL).cast(pl.Int64) + clock).cast(WALL)
    return groups.select(
        pl.when(valid).then(wall).alias("wall"),
        dated.alias("dated"),
        (last | (second == 60)).alias("end"),  # noqa: PLR2004
        (pl.col("z") if "z" in has else pl.lit(None, dtype=pl.String)).alias("zone"),
    )


def _date(has: set[str]) -> pl.Expr:
    """The date that the groups name; null if that day does not exist."""
    if "yy" in has:
        short = pl.col("yy").cast(pl.Int64, strict=False)
        year = (short + pl.when(short < _PIVOT).then(2000).otherwise(1900)).cast(pl.String)
    else:
        year = pl.col("y")
    if "j" in has:
        first = (year + "0101").str.to_date("%Y%m%d", strict=False)
        nth = pl.col("j").cast(pl.Int64, strict=False)
        found = first + pl.duration(days=nth - 1)
        return pl.when((nth > 0) & (found.dt.year() == first.dt.year())).then(found)
    month = pl.col("m") if "m" in has else _first_letters("mon").replace_strict(_MONTHS, default=None).cast(pl.String)
    return (year + month.str.zfill(2) + pl.col("d").str.zfill(2)).str.to_date("%Y%m%d", strict=False)


def _first_letters(name: str) -> pl.Expr:
    return pl.col(name).str.slice(0, 3).str.to_lowercase()
