"""An entity column -> the entities of each row: one, several, or none."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.entity_lists import looks_like_lists, without_brackets, without_quotes
from sentiscore.tables.decoding import decoded
from sentiscore.tables.exact import name_of

NO_ENTITY: Final = r"^\s*(?:(?i:nan)|<NA>|None|NaT|\\N|(?i:#?n/a)(?:\s(?i:n/a))?|\[\s*\]|\{\s*\})?\s*$"
"""What is not a name: a blank text, an empty list, and what pandas, Python, databases (\\N) and spreadsheets (#N/A)
write for a missing value. NA, NAT and TRUE are tickers."""

_LOST: Final = "\ufffd"
"""The character that replaces lost bytes of a name."""

MOST_OF_A_ROW: Final = 1_000_000
"""Names in one row."""

_AT_ONCE: Final = 1 << 20
"""Names that are split at once; each takes some hundred bytes meanwhile."""

LONGEST: Final = 1_024
"""Most bytes of a name, which is in each of its daily rows."""

_TEXT: Final = (pl.String, pl.Categorical, pl.Enum)


@dataclass(frozen=True)
class Entities:
    """The entities of some rows.

    Attributes:
        values: An entity for each row, or a list of them, without nulls and repeats; null if there is none.
        n_stand_ins: Rows whose entity is written as one, but is a blank text, a NaN or the like.
        n_names: How many names were checked, including repeats.
    """

    values: pl.Series
    n_stand_ins: int
    n_names: int

    @property
    def missing(self) -> pl.Series:
        """Which rows have no entity."""
        return self.values.is_null()


def check_entities(dtype: pl.DataType, column: str, separator: str | None) -> None:
    """Raise an InputError if a column of this type cannot hold entities.

    Args:
        dtype: The type of the column.
        column: Its name.
        separator: What separates the entities of a row, if anything does.
    """
    inner = _inner(dtype)
    if (dtype if inner is None else inner).is_nested():
        raise InputError(
            f"The entity column {column!r} holds {dtype}.",
            "An entity is a name or a number, such as a ticker, or a list of these.",
        )
    if separator is not None and dtype not in (*_TEXT, pl.Binary, pl.Null):
        what = "lists, whose entities count one by one" if inner is not None else f"{dtype}, not text"
        raise InputError(
            f"The entity column {column!r} holds {what}.", "Leave out --entity-separator (entity_separator)."
        )


def check_separator(separator: str | None, column: str | None) -> str | None:
    """The separator, if there is a column to use it on.

    Raises:
        InputError: There is none, or the separator is empty or not text.
    """
    if separator is None:
        return None
    if not isinstance(separator, str) or not separator:
        raise InputError(
            f"The entity separator is {separator!r}.", "Say what is between two entities: --entity-separator ';'"
        )
    if column is None:
        raise InputError(
            "There is no entity column, so there is nothing to separate.",
            "Name it with --entity-col (entity_col), or leave out --entity-separator (entity_separator).",
        )
    return separator


def read_entities(column: pl.Series, separator: str | None) -> Entities:
    """The entities of each row.

    Args:
        column: Names, numbers, or lists of these. Bytes are names in UTF-8; other bytes are not names.
        separator: What separates the names of a row; None if a row has one name, whatever it looks like.

    Raises:
        InputError: A name is too long to be one, or a row has absurdly many.
    """
    column = _as_text(column)
    if separator is None and _inner(column.dtype) is None:
        values = _named(column)
        _check_lengths(values, column)
        lost = int(_lost(column).sum()) if column.dtype in _TEXT else 0
        return Entities(values, values.null_count() - column.null_count() - lost, column.len())
    lists = column.arr.to_list() if isinstance(column.dtype, pl.Array) else column
    counts = lists.list.len() if separator is None else _counted(lists, separator)
    ends = counts.cast(pl.Int64).fill_null(0).cum_sum()
    _check_counts(counts, column)
    parts: list[Entities] = []
    start = before = 0
    while start < lists.len() or not parts:
        stop = max(start + 1, int(ends.search_sorted(before + _AT_ONCE, side="right")))
        parts.append(_several(lists[start:stop], separator))
        start, before = stop, int(ends[stop - 1]) if lists.len() else 0
    return Entities(pl.concat(part.values for part in parts), sum(part.n_stand_ins for part in parts), before)


def _counted(texts: pl.Series, separator: str) -> pl.Series:
    """How many names each text has, blank ones included."""
    return texts.cast(pl.String).str.count_matches(separator, literal=True) + 1


def _several(column: pl.Series, separator: str | None) -> Entities:
    """The entities of rows that have lists of them, or names with a separator between them."""
    lists = column if separator is None else without_brackets(column.cast(pl.String)).str.split(separator)
    frame = lists.alias("name").to_frame().with_row_index("row")
    each = frame.explode("name", empty_as_null=False, keep_nulls=False)
    names = _named(_as_text(each["name"]) if separator is None else without_quotes(each["name"]))
    _check_lengths(names, column)
    named = each.with_columns(names).drop_nulls().unique(maintain_order=True)
    found = named.group_by("row", maintain_order=True).agg("name")
    values = frame.select("row").join(found, on="row", how="left", maintain_order="left")["name"]
    written = column.is_not_null() if separator is not None else lists.list.len().fill_null(0) > 0
    return Entities(values, int((written & values.is_null()).sum()), each.height)


def _check_counts(counts: pl.Series, column: pl.Series) -> None:
    """Raise an InputError if a row of a column has absurdly many names."""
    at = counts.arg_max()
    if at is not None and (most := int(counts[at])) > MOST_OF_A_ROW:
        raise InputError(
            f"The entity column {name_of(column)!r} has {most:,} names in a row, and {MOST_OF_A_ROW:,} are the most.",
            "Name another column with --entity-col (entity_col), or leave such rows out.",
        )


def plain_names(column: pl.Series) -> pl.Series:
    """Single names or numbers, as text without the blanks around them; null if there is none."""
    names = _named(_as_text(column))
    return names if names.dtype == pl.String else names.cast(pl.String)


def notes_on(n_stand_ins: int, names: pl.Series | None) -> list[str]:
    """The warnings about the entities.

    Args:
        n_stand_ins: Rows whose entity is a blank text, a NaN or the like.
        names: The names of series, repeated or not; None if they cannot be lists.
    """
    notes = []
    if n_stand_ins:
        rows = "row has" if n_stand_ins == 1 else "rows have"
        notes.append(
            f"{n_stand_ins:,} {rows} an entity that is blank or stands for a missing one, such as NaN: it counts as "
            "none."
        )
    found = None if names is None or names.dtype not in _TEXT else looks_like_lists(names.cast(pl.String).unique())
    if found is not None:
        separator, joined = found
        notes.append(
            f"{len(joined):,} {'entities look' if len(joined) > 1 else 'entity looks'} like several in one, for "
            f"example {joined[0]!r}: each is a series of its own, and the single entities lack its texts. If it is a "
            f"list, say what separates it: --entity-separator '{separator}' (entity_separator)."
        )
    return notes


def _check_lengths(names: pl.Series, column: pl.Series) -> None:
    """Raise an InputError if one of these names of a column is too long."""
    if names.dtype not in _TEXT:
        return
    lengths = names.cast(pl.String).str.len_bytes()
    at = lengths.arg_max()
    if at is not None and lengths[at] > LONGEST:
        raise InputError(
            f"The entity column {name_of(column)!r} has a name of {lengths[at]:,} bytes, and {LONGEST:,} are the most: "
            f"{names[at][:40]!r}...",
            "If it is a list of names, say what separates them with --entity-separator (entity_separator). Or name "
            "another column with --entity-col (entity_col).",
        )


def _as_text(names: pl.Series) -> pl.Series:
    """Bytes as text, with U+FFFD in place of what is not UTF-8, which is never a name; other names as they are."""
    if names.dtype != pl.Binary:
        return names.cast(pl.String) if names.dtype == pl.Null else names
    return decoded(pl.DataFrame({"name": names}), ["name"], None)["name"].alias(names.name)


def _named(values: pl.Series) -> pl.Series:
    """The same values without the blanks around them, null if they are not names."""
    if values.dtype.is_float():
        return values.fill_nan(None)
    if values.dtype not in _TEXT:
        return values
    text = values.cast(pl.String)
    nothing = text.str.contains(NO_ENTITY).fill_null(value=False) | _lost(values)
    plain = text.str.strip_chars()
    names = plain if (plain != text).any() else values
    return names.set(nothing, None) if nothing.any() else names


def _lost(values: pl.Series) -> pl.Series:
    """Which names have lost bytes, as the file's reader reports; they could be any name."""
    return values.cast(pl.String).str.contains(_LOST, literal=True).fill_null(value=False)


def _inner(dtype: pl.DataType) -> pl.DataType | None:
    """The type of the elements of a list type; None if it is not a list."""
    if not isinstance(dtype, pl.List | pl.Array):
        return None
    inner = dtype.inner
    return inner if isinstance(inner, pl.DataType) else inner()
