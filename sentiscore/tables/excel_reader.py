"""Reads the first sheet with rows of an Excel workbook, row by row: one pass finds the types, a second one reads."""

import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from sentiscore.errors import InputError, SentiscoreWarning, import_extra
from sentiscore.tables.limits import BOMB_BYTES, BOMB_RATIO, MAX_COLUMNS, MAX_WINDOW_CELLS
from sentiscore.tables.problems import broken, check_cells, check_count, check_names, too_much

_PIECE_ROWS: Final = 4_096
_EXTRA: Final = "excel"
_TYPES: Final[dict[frozenset[type], Any]] = {
    frozenset[type](): pl.String(),
    frozenset({str}): pl.String(),
    frozenset({bool}): pl.Boolean(),
    frozenset({int}): pl.Int64(),
    frozenset({float}): pl.Float64(),
    frozenset({int, float}): pl.Float64(),
    frozenset({date}): pl.Date(),
    frozenset({datetime}): pl.Datetime("us"),
    frozenset({date, datetime}): pl.Datetime("us"),
    frozenset({time}): pl.Time(),
    frozenset({timedelta}): pl.Duration("us"),
}
"""The type of a column by the kinds of its values; others become text."""

_MOST_INT: Final = 2**63 - 1
_Row = tuple[Any, ...]


@dataclass(frozen=True)
class ExcelLook:
    """What the first pass over a sheet found.

    Attributes:
        schema: The columns and their types.
        rows: How many rows it has that are not blank.
        sheet: Its name.
    """

    schema: pl.Schema
    rows: int
    sheet: str


def look_at_excel(path: Path, on_mixed: Callable[[list[str]], None]) -> ExcelLook:
    """Find the sheet, its columns and their types.

    Args:
        path: A workbook.
        on_mixed: Called with the columns that are read as text although some of their values are not text, if there are
            any.

    Raises:
        InputError: It is broken or too large, has no sheet with a header, or a value without a name of its column.
        MissingExtraError: openpyxl is not installed.
    """
    _check_size(path)
    with _opened(path) as book:
        sheets = [sheet for sheet in book.worksheets if next(_rows(sheet), None) is not None]
        if not sheets:
            raise InputError(f"{path} has no sheet with a header and rows.", "Was it saved?")
        if len(sheets) > 1:
            others = ", ".join(repr(sheet.title) for sheet in sheets[1:])
            warnings.warn(
                f"The sheet {sheets[0].title!r} of {path} is read, and not the other{'s'[: len(sheets) > 2]} "  # noqa: PLR2004
                f"{others}. To read another sheet, save it as a workbook of its own.",
                SentiscoreWarning,
                stacklevel=2,
            )
        rows = _rows(sheets[0])
        names = _names(path, next(rows))
        kinds: list[set[type]] = [set() for _ in names]
        n = 0
        for number, row in rows:
            n += 1
            for kind, value in zip(kinds, _cells(path, number, row, len(names)), strict=True):
                if value is not None:
                    kind.add(type(value))
        check_cells(path, n, len(names), path.stat().st_size, BOMB_RATIO)
        found = {name: _TYPES.get(frozenset(kind)) for name, kind in zip(names, kinds, strict=True)}
        if mixed := [name for name, kind in found.items() if kind is None]:
            on_mixed(mixed)
        schema = pl.Schema({name: pl.String() if kind is None else kind for name, kind in found.items()})
        return ExcelLook(schema, n, sheets[0].title)


def excel_pieces(path: Path, look: ExcelLook, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Read some columns of the sheet.

    Args:
        path: The workbook.
        look: What the first pass found.
        columns: The columns to read.

    Raises:
        InputError: The workbook is broken, or has other rows than the first pass found.
    """
    names = list(look.schema)
    places = [names.index(name) for name in columns]
    n_rows = max(1, min(_PIECE_ROWS, MAX_WINDOW_CELLS // max(1, len(names))))
    found = 0
    with _opened(path) as book:
        held: list[list[Any]] = []
        rows = _rows(book[look.sheet])
        next(rows)
        for number, row in rows:
            cells = _cells(path, number, row, len(names))
            held.append([cells[place] for place in places])
            found += 1
            if len(held) == n_rows:
                yield _frame(held, look.schema, columns)
                held = []
        if held:
            yield _frame(held, look.schema, columns)
    check_count(path, found, look.rows)


def _frame(rows: list[list[Any]], schema: pl.Schema, columns: Sequence[str]) -> pl.DataFrame:
    values = zip(*rows, strict=True)
    return pl.DataFrame(
        [
            pl.Series(name, [_as_type(value, schema[name]) for value in column], dtype=schema[name])
            for name, column in zip(columns, values, strict=True)
        ]
    )


def _as_type(value: Any, dtype: pl.DataType) -> Any:
    if value is None or dtype not in (pl.String, pl.Float64, pl.Datetime):
        return value
    if dtype == pl.String:
        return value if isinstance(value, str) else _as_text(value)
    if dtype == pl.Float64:
        return float(value)
    return value if isinstance(value, datetime) else datetime.combine(value, time())


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _rows(sheet: Any) -> Iterator[tuple[int, _Row]]:
    """The rows of a sheet that are not blank, each with its number in the sheet."""
    sheet.reset_dimensions()  # the size that it claims may be wrong
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        if any(value is not None for value in row):
            yield number, row


def _names(path: Path, header: tuple[int, _Row]) -> list[str]:
    number, row = header
    if len(row) > MAX_COLUMNS:
        raise too_much(path, f"has {len(row):,} columns, and {MAX_COLUMNS:,} are the most that are read")
    width = max(i for i, value in enumerate(row, 1) if value is not None)
    for i, value in enumerate(row[:width], 1):
        if value is None:
            raise InputError(
                f"{path} has no name for the column {_letters(i)} in row {number}, its first row that is not blank.",
                "Put the names of all columns into that row, and remove rows above it.",
            )
    names = [value.strip() if isinstance(value, str) else _as_text(value) for value in row[:width]]
    check_names(path, names)
    return names


def _cells(path: Path, number: int, row: _Row, width: int) -> list[Any]:
    """The values of a row: midnights as dates, since Excel has no dates of their own, and blank cells as nulls."""
    for i, value in enumerate(row[width:], width + 1):
        if value is not None:
            raise InputError(
                f"{path} has a value in row {number}, column {_letters(i)}, which has no name.",
                "Name every column in the first row that is not blank, or remove the value.",
            )
    cells = [_cell(value) for value in row[:width]]
    return cells + [None] * (width - len(cells))


def _cell(value: Any) -> Any:
    kind = type(value)
    if kind is datetime and value.time() == time():
        return value.date()
    if kind is int and abs(value) > _MOST_INT:
        return float(value)
    return value if kind in (str, bool, int, float, date, datetime, time, timedelta) or value is None else str(value)


def _letters(number: int) -> str:
    """The letters that Excel shows for a column, from 1."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _check_size(path: Path) -> None:
    """Raise an InputError if the workbook is no archive, or claims to unpack to too much; zipfile reads no more."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(each.file_size for each in archive.infolist())
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        if isinstance(error, PermissionError):
            raise
        raise InputError(
            f"{path} cannot be read as a workbook: {error}.",
            "Was it written to the end? One with a password, and one of an old version, has to be saved as CSV first.",
        ) from error
    if size > max(BOMB_BYTES, BOMB_RATIO * path.stat().st_size):
        raise too_much(path, f"unpacks to more than {BOMB_RATIO} times its size")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The workbook, with the values of formulas; openpyxl's errors and warnings about its looks are not passed on."""
    from xml.etree.ElementTree import ParseError

    openpyxl = import_extra("openpyxl", _EXTRA)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        try:
            yield book
        finally:
            book.close()
    except (
        *(zipfile.BadZipFile, zipfile.LargeZipFile, ParseError, EOFError, OSError),
        *(KeyError, ValueError, IndexError, TypeError, AttributeError),
    ) as error:
        if isinstance(error, PermissionError):
            raise
        raise broken(path, error) from error
