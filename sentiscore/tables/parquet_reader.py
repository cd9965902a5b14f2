"""Parquet -> frames, slice by slice, after its pages were measured."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl
from polars.selectors import by_name

from sentiscore.tables.parquet_pages import Footer, check_pages, read_footer
from sentiscore.tables.problems import broken, check_count, check_same

_FIRST_SLICE_ROWS: Final = 1_024
_SLICE_BYTES: Final = 32 << 20


def look_at_parquet(path: Path) -> tuple[pl.Schema, int]:
    """The columns of a parquet file, and how many rows it has.

    Raises:
        InputError: The footer is broken, or tells of more than a table has.
    """
    footer = read_footer(path)
    try:
        schema = pl.scan_parquet(path).collect_schema()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise broken(path, error) from error
    if tuple(schema) != footer.names:
        raise broken(path, "its footer tells of other columns than its schema")
    return schema, footer.rows


def parquet_pieces(path: Path, identity: tuple[int, ...], n_rows: int, columns: list[str]) -> Iterator[pl.DataFrame]:
    """Slice after slice: polars' own stream reads several row groups ahead, which takes twice the memory.

    What a row takes is only known once it is read, whatever the file says of itself. So slices begin small, and grow
    as far as those before them let hope that they stay within their bound.

    Args:
        path: The file.
        identity: By which it is told from another that takes its place.
        n_rows: The most rows of a slice.
        columns: The columns to read.

    Raises:
        InputError: The file is broken, would take too much memory, or was changed.
    """
    footer = read_footer(path)
    check_same(path, identity)
    shared = check_pages(path, footer, set(columns))
    if shared:
        yield from _batches(path, identity, footer, max(1, min(n_rows, _SLICE_BYTES // shared)), columns)
    else:
        yield from _slices(path, identity, footer, n_rows, columns)


def _slices(
    path: Path, identity: tuple[int, ...], footer: Footer, n_rows: int, columns: list[str]
) -> Iterator[pl.DataFrame]:
    chosen = pl.scan_parquet(path).select(by_name(*columns))
    start, step = 0, min(n_rows, _FIRST_SLICE_ROWS)
    try:
        while start < footer.rows:
            piece = chosen.slice(start, step).collect()
            check_same(path, identity)  # each slice opens the file anew
            check_count(path, piece.height, min(step, footer.rows - start))
            yield piece
            start += step
            row_bytes = max(1, int(piece.estimated_size()) // step)
            step = max(1, min(n_rows, 4 * step, _SLICE_BYTES // row_bytes))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        check_same(path, identity)
        raise broken(path, error) from error


def _batches(
    path: Path, identity: tuple[int, ...], footer: Footer, n_rows: int, columns: list[str]
) -> Iterator[pl.DataFrame]:
    """A few rows at a time, by pyarrow, which does not begin each time at the beginning of a page."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pl.scan_parquet(path).collect_schema()
    rows = 0
    try:
        with parquet.ParquetFile(path) as file:
            check_same(path, identity)
            for batch in file.iter_batches(batch_size=n_rows, columns=columns, use_threads=False):
                rows += batch.num_rows
                frame = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
                yield frame.select(frame[name].cast(schema[name]) for name in columns)
    except (pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        check_same(path, identity)
        raise broken(path, error) from error
    check_count(path, rows, footer.rows)
