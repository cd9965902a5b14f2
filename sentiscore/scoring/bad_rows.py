"""Finds rows without a text that a model could read, and counts, refuses or sets them aside."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from sentiscore import labels as names
from sentiscore.errors import InputError
from sentiscore.tables.dialect import CsvDialect

ROW: Final = names.REJECTED_ROW
SOURCE: Final = names.REJECTED_FROM
REASON: Final = names.REJECTED_REASON
COLUMNS: Final = names.REJECTED
"""The leading columns of a row that was set aside; the reason is its status."""


def is_blank(text: pl.Expr) -> pl.Expr:
    """Whether a text contains only space and control characters such as NUL."""
    return text.str.contains(r"^[\s\p{C}]*$")


def status_of(text: pl.Expr, undecodable: pl.Expr) -> pl.Expr:
    """The status of a row that is recognisably bad without a model; null for all others."""
    return (
        pl.when(undecodable)
        .then(pl.lit(names.UNDECODABLE))
        .when(text.is_null())
        .then(pl.lit(names.NULL))
        .when(is_blank(text))
        .then(pl.lit(names.EMPTY))
    )


def mark_undecodable(scores: pl.DataFrame, undecodable: pl.Series) -> pl.DataFrame:
    """Set the status of rows whose text could not be decoded."""
    status = pl.when(undecodable).then(pl.lit(names.UNDECODABLE)).otherwise(pl.col(names.STATUS))
    return scores.with_columns(status.alias(names.STATUS))


def is_bad(scores: pl.DataFrame) -> pl.Series:
    """Which rows have no scores, by their status."""
    return scores[names.STATUS].is_in(names.BAD_STATUSES)


def rejected(
    rows: pl.DataFrame, status: pl.Series, bad: pl.Series, origins: tuple[pl.Series, pl.Series]
) -> pl.DataFrame:
    """The bad rows of a window, in the form in which they are set aside.

    Args:
        rows: The window's rows, with the columns that are kept.
        status: The status of each row.
        bad: Which rows are bad.
        origins: For each row the name of the file that it comes from, and its number there, from 1.
    """
    source, number = origins
    first = pl.DataFrame({ROW: number, SOURCE: source, REASON: status})
    return first.hstack(rows.get_columns()).filter(bad)


class BadRows:
    """Counts bad rows, and remembers the first."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first = ""

    def add(self, statuses: pl.Series, path: Path, position: int) -> None:
        """Count some rows.

        Args:
            statuses: The statuses of the rows; null if not known yet.
            path: The file of the rows.
            position: How many rows of the file come before them.
        """
        bad = statuses.is_in(names.BAD_STATUSES).fill_null(value=False)
        first = bad.arg_max() if bad.any() else None
        if first is not None and not self._first:
            self._first = f"row {position + first + 1:,} of {path.name} ({statuses[first]})"
        self._counts.update(statuses.filter(bad).to_list())

    def refuse(self) -> None:
        """Raise an InputError if there were bad rows."""
        if not self._counts:
            return
        n = self._counts.total()
        found = ", ".join(f"{self._counts[status]:,} {status}" for status in names.BAD_STATUSES if self._counts[status])
        rows = "row has" if n == 1 else "rows have"
        raise InputError(
            f"{n:,} {rows} no text that can be read: {found}; the first is {self._first}.",
            "Mend the file; or let such rows have a status and no scores with --bad-rows keep, or a file of their own "
            "with --bad-rows drop.",
        )


def check_columns(columns: Sequence[str], where: str) -> None:
    """Raise an InputError if rows that are set aside would have two columns with the same name."""
    if clashes := [name for name in COLUMNS if name in columns]:
        raise InputError(
            f"{where} already has the column{'s'[: len(clashes) > 1]} {', '.join(clashes)}, which rows that are set "
            "aside get.",
            "Choose the --columns to keep, or use --bad-rows keep.",
        )


def bad_before_scoring(windows: Iterable[tuple[Path, int, pl.Series, pl.Series]]) -> BadRows:
    """Count the bad rows that are recognisable without a model.

    Args:
        windows: File, position in it, texts, and which of them could not be decoded.
    """
    found = BadRows()
    for path, position, texts, undecodable in windows:
        rows = pl.DataFrame({"text": texts.cast(pl.String), "undecodable": undecodable})
        status = rows.select(status_of(pl.col("text"), pl.col("undecodable")).alias(names.STATUS)).to_series()
        found.add(status, path, position)
    return found


class Damage:
    """Counts rows with bytes that are invalid in their file's encoding, by column."""

    def __init__(self) -> None:
        self.n_rows = 0
        self.columns: Counter[str] = Counter()

    def add(self, damaged: pl.Series) -> None:
        """Count some rows.

        Args:
            damaged: For each row the columns that are damaged, shape (rows,).
        """
        self.n_rows += int((damaged.list.len() > 0).sum())
        self.columns.update(damaged.explode().drop_nulls().to_list())

    def warning(self, csv: CsvDialect, first: Mapping[str, str], *, text_col: str, entity_col: str | None) -> str:
        """The warning about the damage.

        Args:
            csv: The CSV dialect of the files.
            first: Where the first damage of each column of a CSV is; empty if no file is a CSV.
            text_col: The column of texts.
            entity_col: The column of entities.
        """
        one = self.n_rows == 1
        become = {entity_col: "kept with U+FFFD in their place, and not in the daily features", text_col: "not scored"}
        found = []
        for name, n in self.columns.most_common():
            where = f" (first in {first[name]})" if name in first else ""
            found.append(f"{n:,} in {name!r}{where}, {become.get(name, 'kept with U+FFFD in their place')}")
        advice = "Write those columns again as text."
        if first:
            advice = "If the file has another encoding, name it, for example --encoding cp1252 (encoding)."
        encoding = csv.encoding.upper() if first else "UTF-8"
        return (
            f"{self.n_rows:,} row{' holds' if one else 's hold'} bytes that are not {encoding}: {'; '.join(found)}. "
            f"{advice}"
        )
