"""Rows without a text that a model could read: found, counted, refused or set aside."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from sentiscore import labels as names
from sentiscore.errors import InputError
from sentiscore.tables.exact import exactly

ROW: Final = "rejected_row"
SOURCE: Final = "rejected_from"
REASON: Final = "rejected_reason"
COLUMNS: Final = (ROW, SOURCE, REASON)
"""What stands before the columns of a row that was set aside: its number in its file, from 1; the file; its status."""


def is_blank(text: pl.Expr) -> pl.Expr:
    """Whether there is nothing in a text but space and control characters such as NUL."""
    return text.str.contains(r"^[\s\p{C}]*$")


def status_of(text: pl.Expr, undecodable: pl.Expr) -> pl.Expr:
    """The status of a row that can be told without a model to be bad; null for all others."""
    return (
        pl.when(undecodable)
        .then(pl.lit(names.UNDECODABLE))
        .when(text.is_null())
        .then(pl.lit(names.NULL))
        .when(is_blank(text))
        .then(pl.lit(names.EMPTY))
    )


def mark_undecodable(scores: pl.DataFrame, undecodable: pl.Series) -> pl.DataFrame:
    """Scores of rows, some of which were given without their text because its bytes are no text."""
    status = pl.when(undecodable).then(pl.lit(names.UNDECODABLE)).otherwise(pl.col(names.STATUS))
    return scores.with_columns(status.alias(names.STATUS))


def is_bad(scores: pl.DataFrame) -> pl.Series:
    """Which rows have no scores, by their status."""
    return scores[names.STATUS].is_in(names.BAD_STATUSES)


def rejected(rows: pl.DataFrame, status: pl.Series, bad: pl.Series, *, path: Path, position: int) -> pl.DataFrame:
    """The bad rows of a window as they are set aside.

    Args:
        rows: The window's rows, with the columns that are kept.
        status: Their status.
        bad: Which of them are bad.
        path: The file that they come from.
        position: How many rows of it come before the window.
    """
    number = pl.int_range(position + 1, position + rows.height + 1, dtype=pl.Int64, eager=True)
    first = pl.DataFrame({ROW: number, SOURCE: pl.repeat(path.name, rows.height, eager=True), REASON: status})
    return first.hstack(rows.get_columns()).filter(bad)


class BadRows:
    """Counts bad rows, and knows the first of them."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first = ""

    def add(self, statuses: pl.Series, path: Path, position: int) -> None:
        """Look at some rows.

        Args:
            statuses: Their statuses; null where they are not known yet.
            path: The file that they come from.
            position: How many rows of it come before them.
        """
        bad = statuses.is_in(names.BAD_STATUSES).fill_null(value=False)
        first = bad.arg_max() if bad.any() else None
        if first is not None and not self._first:
            self._first = f"row {position + first + 1:,} of {path.name} ({statuses[first]})"
        self._counts.update(statuses.filter(bad).to_list())

    def refuse(self) -> None:
        """Raise an InputError if there were any."""
        if not self._counts:
            return
        n = self._counts.total()
        told = ", ".join(f"{self._counts[status]:,} {status}" for status in names.BAD_STATUSES if self._counts[status])
        rows = "row has" if n == 1 else "rows have"
        raise InputError(
            f"{n:,} {rows} no text that can be read: {told}; the first is {self._first}.",
            "Mend the file; or let such rows have a status and no scores with --bad-rows keep, or a file of their own "
            "with --bad-rows drop.",
        )


def check_columns(columns: Sequence[str], where: str) -> None:
    """Raise an InputError if rows that are set aside would have two columns of one name."""
    if clashes := [name for name in COLUMNS if name in columns]:
        raise InputError(
            f"{where} already has the column{'s'[: len(clashes) > 1]} {', '.join(clashes)}, which rows that are set "
            "aside get.",
            "Choose the --columns to keep, or use --bad-rows keep.",
        )


def bad_before_scoring(windows: Iterable[tuple[Path, int, pl.DataFrame]], text_col: str, undecodable: str) -> BadRows:
    """The bad rows that can be told without a model.

    Args:
        windows: File, position in it, and rows with the text and whether it could be decoded.
        text_col: The column of texts.
        undecodable: The column that says which could not be decoded.
    """
    found = BadRows()
    status = status_of(exactly(text_col).cast(pl.String), pl.col(undecodable))
    for path, position, window in windows:
        found.add(window.select(status.alias(names.STATUS)).to_series(), path, position)
    return found
