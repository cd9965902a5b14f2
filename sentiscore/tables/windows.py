"""Cuts a table that arrives in pieces into windows whose borders do not depend on those of the pieces."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl
from polars.selectors import by_name

from sentiscore.errors import InputError
from sentiscore.tables.limits import FREE_TEXT, MAX_ROW_BYTES, MAX_WINDOW_CELLS, TEXT_OF_A_BYTE
from sentiscore.tables.problems import too_much

WINDOW_BYTES: Final = 8 << 20
"""Text that is held at once, so that long texts take no more memory than many."""

_MOST_HELD: Final = 64
"""The maximum number of separate pieces of a window: each takes some kilobytes, however few rows it has."""

LEAST_ROWS: Final = 2
"""Rows of a window, or of a piece of a file, that ends because it has much text. A frame of one row would take more
memory: polars copies the text of a column of one value whenever a frame is made of it."""

_NUMBER_BYTES: Final = 8
_TEXT_LIKE: Final = (pl.Binary, pl.Categorical, pl.Enum)

_SUMMED_AT_ONCE: Final = 256
"""Columns whose texts are measured at a time: each takes about ten kilobytes during that, however few rows there
are."""

AskRows = Callable[[int], int]


@dataclass(frozen=True)
class Piece:
    """Some rows of a table, and their sizes.

    Attributes:
        rows: The rows.
        ends: The bytes of texts and lists up to and including each row, shape (rows,).
    """

    rows: pl.DataFrame
    ends: pl.Series


def measured(pieces: Iterable[pl.DataFrame], where: Path, stored: int) -> Iterator[Piece]:
    """Measure the rows of each piece of a table.

    Args:
        pieces: The table's rows in order.
        where: The table, for messages.
        stored: Bytes of its files.

    Raises:
        InputError: A row has more text than can be held, or the table more than its size allows.
    """
    before = size = 0
    for piece in pieces:
        ends = _content_ends(piece, before, str(where))
        before += piece.height
        size += int(ends[-1]) if piece.height else 0
        if size > max(FREE_TEXT, TEXT_OF_A_BYTE * stored):
            raise too_much(where, f"has more than {size >> 20:,} MB of text in {before:,} rows, from {stored:,} bytes")
        yield Piece(piece, ends)


def rechunk(pieces: Iterable[Piece], ask: AskRows, n_bytes: int) -> Iterator[pl.DataFrame]:
    """Cut rows into windows.

    Args:
        pieces: The rows in order.
        ask: Called with the number of rows returned so far; returns how many the next window may have.
        n_bytes: A window ends with the row that brings its texts and lists to this many bytes, but not with its first
            row.
    """
    held: list[pl.DataFrame] = []
    given = rows = size = most = 0
    for one in pieces:
        piece, ends = one.rows, one.ends
        taken = counted = 0
        while taken < piece.height:
            if rows == 0:
                most = min(ask(given), max(1, MAX_WINDOW_CELLS // max(1, piece.width)))
            full = int(ends.search_sorted(counted + n_bytes - size, side="left")) + 1  # including the row that fills it
            until = min(max(full, taken + LEAST_ROWS - rows), taken + most - rows, piece.height)
            if len(held) == _MOST_HELD:
                held = [pl.concat(held, rechunk=True)]
            held.append(piece.slice(taken, until - taken))
            rows += until - taken
            size += int(ends[until - 1]) - counted
            taken, counted = until, int(ends[until - 1])
            if rows == most or (size >= n_bytes and rows >= LEAST_ROWS):
                yield pl.concat(held)
                given += rows
                held, rows, size = [], 0, 0
    if held:
        yield pl.concat(held)


def _content_ends(piece: pl.DataFrame, before: int, where: str) -> pl.Series:
    """The bytes of texts and list items up to and including each row."""
    row_bytes = pl.repeat(0, piece.height, dtype=pl.Int64, eager=True)  # for a table without a column of text
    sizes = [
        _bytes(by_name(name).as_expr(), dtype)
        for name, dtype in piece.schema.items()
        if dtype.is_nested() or dtype == pl.String or dtype in _TEXT_LIKE
    ]
    for start in range(0, len(sizes), _SUMMED_AT_ONCE):
        row_bytes += piece.select(pl.sum_horizontal(sizes[start : start + _SUMMED_AT_ONCE])).to_series()
    largest = row_bytes.arg_max()
    if largest is not None and row_bytes[largest] > MAX_ROW_BYTES:
        raise InputError(
            f"{where} has more than {MAX_ROW_BYTES >> 20} MB of text in row {before + largest + 1}.",
            "Cut its text short first.",
        )
    return row_bytes.cum_sum()


def _bytes(values: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The bytes of each value, including everything nested in it."""
    if isinstance(dtype, pl.Struct):
        fields = [_bytes(values.struct.field(field.name), _instance(field.dtype)) for field in dtype.fields]
        return pl.sum_horizontal(values.is_null().cast(pl.Int64) * 0, *fields)
    if isinstance(dtype, pl.Array):
        values, dtype = values.arr.to_list(), pl.List(dtype.inner)
    if isinstance(dtype, pl.List):
        return values.list.eval(_bytes(pl.element(), _instance(dtype.inner))).list.sum().cast(pl.Int64).fill_null(0)
    if dtype == pl.Binary:
        return values.bin.size().cast(pl.Int64).fill_null(0)
    if dtype == pl.String or dtype in _TEXT_LIKE:
        return values.cast(pl.String).str.len_bytes().cast(pl.Int64).fill_null(0)
    return values.is_null().cast(pl.Int64) * 0 + _NUMBER_BYTES


def _instance(dtype: Any) -> pl.DataType:
    return dtype if isinstance(dtype, pl.DataType) else dtype()
