"""A column of text -> instants in UTC, or a message that shows a text and the option that would read it."""

from typing import Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.clock_text import FORMS, split
from sentiscore.features.epochs import from_epoch, numbers_of
from sentiscore.features.patterns import RFC2822_LETTERS, expression
from sentiscore.features.time_format import TimeFormat
from sentiscore.features.time_hints import hint_for_letters, hint_for_texts
from sentiscore.features.zones import DAY, INSTANT, MICROSECOND, UTC, end_of_day, localise, localise_lettered
from sentiscore.tables.exact import name_of

_BLANK: Final = r"(?i)^\s*(?:nat|nan|none|null|<na>|\\n|#?n/a)?\s*$"
"""Text that stands for a missing time; pandas, databases (\\N) and spreadsheets (#N/A) write these."""

_WHOLE: Final = r"^\s*([0-9]+)\.0*\s*$"
"""An integer that passed through a column of floats."""

_SHOWN: Final = 100
_UTC: Final = r"(?i)^(?:z|utc?|gmt)$"
_OFFSET: Final = r"(?i)^(?:utc|gmt)?(?<sign>[+-])(?<hours>[0-9][0-9]):?(?<minutes>[0-9][0-9])?(?:\s+(?<name>[a-z]+))?$"


def read_text(texts: pl.Series, how: TimeFormat) -> pl.DataFrame:
    """Read times that are written as text; see `times.read_times` for the rules.

    Returns:
        instant (UTC), wall, dated and end, as in `times.Times`; null for a missing time.

    Raises:
        InputError: A text cannot be read as a time, or has no zone and `how` does not have one either.
    """
    written = texts if how.format is None or "." in how.format else texts.str.replace(_WHOLE, "${1}")
    parts = _split(written, FORMS if how.format is None else (expression(how.format),))
    if how.rfc2822:
        parts = parts.with_columns(pl.col("zone").str.to_uppercase().replace(RFC2822_LETTERS))
    parts = parts.with_columns(_offset().alias("offset"))
    wall, zone, offset = parts["wall"], parts["zone"], parts["offset"]
    lettered = wall.is_not_null() & zone.is_not_null() & offset.is_null()
    naive = wall.is_not_null() & zone.is_null()
    fixed = pl.when(pl.col("offset").is_not_null()).then(
        (pl.col("wall") - pl.duration(minutes="offset")).dt.replace_time_zone(UTC)
        + pl.when("dated").then(DAY - MICROSECOND).otherwise(DAY - DAY)
    )
    found = [parts.select(fixed).to_series()]
    if lettered.any() and how.tz is not None:
        at = localise_lettered(wall.set(~lettered, None), zone, how.tz)
        found.append(_dates_ended(at, parts, how.tz))
    if naive.any() and how.tz is not None:
        found.append(_dates_ended(localise(wall.set(~naive, None), how.tz), parts, how.tz))
    instants = (
        pl.DataFrame([one.alias(str(i)) for i, one in enumerate(found)]).select(pl.coalesce(pl.all())).to_series()
    )
    unread = texts.is_not_null() & instants.is_null() & ~naive
    if unread.any():
        _check_read(texts, unread & ~texts.str.contains(_BLANK), lettered, how)
    if naive.any() and how.tz is None:
        raise no_zone(texts.name, f"for example {texts.filter(naive)[0]!r}")
    return parts.select(
        instants.cast(INSTANT).alias("instant"), "wall", pl.col("dated") & pl.col("wall").is_not_null(), "end"
    )


def read_numbers(texts: pl.Series, unit: str) -> pl.Series:
    """Read numbers since 1970 that are written as text.

    Raises:
        InputError: A text is not a number, or would be an instant of our time only in another unit.
    """
    numbers = numbers_of(texts)
    bad = texts.is_not_null() & numbers["part"].is_null() & ~texts.str.contains(_BLANK)
    if bad.any():
        raise InputError(
            f"{bad.sum():,} of the times in {name_of(texts)!r} are not numbers, for example {texts.filter(bad)[0]!r}.",
            "--time-unit (time_unit) is for numbers since 1970; leave it out for other text, or see --time-format.",
        )
    whole = from_epoch(numbers["whole"].alias(texts.name), unit)
    return whole.zip_with(whole.is_not_null(), from_epoch(numbers["part"].alias(texts.name), unit))


def no_zone(column: str, what: str) -> InputError:
    """The error about a column whose times have no zone."""
    return InputError(
        f"The times in {column!r} carry no time zone ({what}).",
        "Say which zone they are in, for example: --tz America/New_York (tz='America/New_York').",
    )


def _split(texts: pl.Series, forms: tuple[str, ...]) -> pl.DataFrame:
    """Split each text by the first form that matches; nearly all texts of a column have the same one."""
    rows = split(texts, forms[0])
    left = texts.is_not_null() & rows["wall"].is_null()
    if not left.any() or len(forms) == 1:
        return rows
    rows = rows.with_row_index("row")
    parts = [rows.filter(~left)]
    rest = pl.DataFrame({"text": texts}).with_row_index("row").filter(left)
    for form in forms[1:]:
        found = rest.select("row").hstack(split(rest["text"], form).get_columns())
        read = found["wall"].is_not_null()
        parts.append(found.filter(read))
        rest = rest.filter(~read)
    parts.append(rows.filter(left).join(rest, on="row", how="semi"))
    return pl.concat(parts).sort("row").drop("row")


def _offset() -> pl.Expr:
    """The minutes that a zone is ahead of UTC; null if it is written in letters, or missing."""
    groups = pl.col("zone").str.extract_groups(_OFFSET).struct
    hours, more = (groups.field(name).cast(pl.Int64, strict=False) for name in ("hours", "minutes"))
    minutes = hours * 60 + more.fill_null(0)
    signed = pl.when(groups.field("sign") == "-").then(-minutes).otherwise(minutes)
    is_utc = groups.field("name").str.contains(_UTC).fill_null(value=False)
    signed = pl.when(~is_utc | (minutes == 0)).then(signed)  # +0100 UTC contradicts itself
    return pl.when(pl.col("zone").str.contains(_UTC)).then(0).otherwise(signed)


def _dates_ended(at: pl.Series, parts: pl.DataFrame, tz: str) -> pl.Series:
    """The same instants, but the end of the day for dates."""
    dates = parts["dated"] & at.is_not_null()
    if not dates.any():
        return at
    return end_of_day(parts["wall"].dt.date().set(~dates, None), tz).zip_with(dates, at)


def _check_read(texts: pl.Series, bad: pl.Series, lettered: pl.Series, how: TimeFormat) -> None:
    if not bad.any():
        return
    by = "" if how.format is None else f" with --time-format {how.format!r}"
    letters = bad & lettered
    shown = letters if letters.any() and (letters == bad).all() else bad & ~lettered
    examples = texts.filter(shown).unique(maintain_order=True).head(1_000)
    hint = hint_for_letters(examples[0], how.tz) if shown is letters else hint_for_texts(examples, how)
    if how.format is not None:
        hint = f"{hint} All texts of the column must have the one form.".lstrip()
    example = examples[0] if len(examples[0]) <= _SHOWN else f"{examples[0][:_SHOWN]}..."
    raise InputError(
        f"{bad.sum():,} of the times in {name_of(texts)!r} cannot be read{by}, for example {example!r}.",
        (f"{hint} Or write" if hint else "Write") + " them as ISO 8601, for example 2024-02-05T16:05:30-05:00.",
    )
