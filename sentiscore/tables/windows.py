"""Pieces of a table of any size -> windows whose borders do not depend on those of the pieces."""

from collections.abc import Callable, Iterator
from typing import Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.tables.limits import MAX_ROW_BYTES, MAX_WINDOW_CELLS

WINDOW_BYTES: Final = 64 << 20
"""Text that is held at once, so that long texts take no more memory than many."""

AskRows = Callable[[int], int]


def rechunk(pieces: Iterator[pl.DataFrame], ask: AskRows, n_bytes: int, where: str) -> Iterator[pl.DataFrame]:
    """Cut a table anew.

    Args:
        pieces: The table's rows in order.
        ask: Told how many rows were given, it says how many the next window may have.
        n_bytes: A window ends with the row that brings its texts to so many bytes.
        where: What the table is called.

    Raises:
        InputError: A row has more text than can be held.
    """
    held: list[pl.DataFrame] = []
    given = rows = size = most = 0
    for piece in pieces:
        ends = _text_ends(piece, given + rows, where)
        taken = counted = 0
        while taken < piece.height:
            if rows == 0:
                most = min(ask(given), max(1, MAX_WINDOW_CELLS // max(1, piece.width)))
            full = int(ends.search_sorted(counted + n_bytes - size, side="left")) + 1  # the row that fills it included
            until = min(full, taken + most - rows, piece.height)
            held.append(piece.slice(taken, until - taken))
            rows += until - taken
            size += int(ends[until - 1]) - counted
            taken, counted = until, int(ends[until - 1])
            if rows == most or size >= n_bytes:
                yield pl.concat(held)
                given += rows
                held, rows, size = [], 0, 0
    if held:
        yield pl.concat(held)


def _text_ends(piece: pl.DataFrame, before: int, where: str) -> pl.Series:
    """The bytes of text up to and with each row."""
    none = pl.repeat(0, piece.height, dtype=pl.Int64)  # for a table without a column of text
    row_bytes = piece.select(
        pl.sum_horizontal(none, pl.col(pl.String).str.len_bytes().cast(pl.Int64).fill_null(0)).alias("bytes")
    ).to_series()
    if piece.height and int(row_bytes.max() or 0) > MAX_ROW_BYTES:  # type: ignore[arg-type]
        number = before + int(row_bytes.arg_max() or 0) + 1
        raise InputError(
            f"{where} has more than {MAX_ROW_BYTES >> 20} MB of text in row {number}.", "Cut its text short first."
        )
    return row_bytes.cum_sum()
