"""Parquet -> frames, slice by slice, after its pages were measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import polars as pl
from polars.selectors import by_name

from sentiscore.tables.parquet_pages import Footer, check_pages, read_footer
from sentiscore.tables.problems import broken, check_count, check_same

_FIRST_SLICE_ROWS: Final = 1_024
_SLICE_BYTES: Final = 32 << 20


def look_at_parquet(path: Path) -> tuple[pl.Schema, Footer]:
    """The columns of a parquet file, and its footer, which tells how many rows it has.

    Raises:
        InputError: The footer is broken, or tells of more than a table has.
    """
    footer = read_footer(path)
    try:
        schema = _scan(path).collect_schema()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise broken(path, error) from error
    if tuple(schema) != footer.names:
        raise broken(path, "its footer tells of other columns than its schema")
    return schema, footer


def parquet_pieces(
    path: Path, identity: tuple[int, ...], footer: Footer, n_rows: int, columns: list[str]
) -> Iterator[pl.DataFrame]:
    """Slice after slice: polars' own stream reads several row groups ahead, which takes twice the memory.

    What a row takes is only known once it is read, whatever the file says of itself. So slices begin small, and grow
    as far as those before them let hope that they stay within their bound.

    Args:
        path: The file.
        identity: By which it is told from another that takes its place.
        footer: Its footer, as it was read when the file was opened.
        n_rows: The most rows of a slice.
        columns: The columns to read.

    Raises:
        InputError: The file is broken, would take too much memory, or was changed.
    """
    check_same(path, identity)
    with _translated(path, identity):
        shared = check_pages(path, footer, set(columns))
    if shared:
        yield from _batches(path, identity, footer, n_rows, max(1, min(n_rows, _SLICE_BYTES // shared)), columns)
    else:
        yield from _slices(path, identity, footer, n_rows, columns)


def _scan(path: Path) -> pl.LazyFrame:
    """This file and no other, whatever its name is like: to polars it could be a pattern, or begin at a home folder."""
    return pl.scan_parquet(path.absolute(), glob=False, hive_partitioning=False)


@contextmanager
def _translated(path: Path, identity: tuple[int, ...]) -> Iterator[None]:
    """What the system, polars or Arrow says about reading a file, as an InputError."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        check_same(path, identity)
        raise broken(path, error) from error


def _slices(
    path: Path, identity: tuple[int, ...], footer: Footer, n_rows: int, columns: list[str]
) -> Iterator[pl.DataFrame]:
    chosen = _scan(path).select(by_name(*columns))
    start, step = 0, min(n_rows, _FIRST_SLICE_ROWS)
    while start < footer.rows:
        with _translated(path, identity):
            piece = chosen.slice(start, step).collect()
        check_same(path, identity)  # each slice opens the file anew
        check_count(path, piece.height, min(step, footer.rows - start))
        yield piece
        start += step
        row_bytes = max(1, int(piece.estimated_size()) // step)
        step = max(1, min(n_rows, 4 * step, _SLICE_BYTES // row_bytes))


def _batches(
    path: Path, identity: tuple[int, ...], footer: Footer, n_rows: int, n_batch: int, columns: list[str]
) -> Iterator[pl.DataFrame]:
    """By pyarrow, which does not begin each time at the beginning of a page.

    It unpacks no more rows at a time than would stay within a slice's bound if each were as large as it can be; as
    many of these as are within the bound together make a slice.
    """
    import pyarrow as pa
    from pyarrow import parquet

    rows = 0
    kept: list[pa.RecordBatch] = []
    with _translated(path, identity):
        schema = _scan(path).collect_schema()
        with parquet.ParquetFile(path) as file:
            check_same(path, identity)
            size = height = 0
            for batch in file.iter_batches(batch_size=n_batch, columns=columns, use_threads=False):
                if kept and (height + batch.num_rows > n_rows or size + batch.nbytes > _SLICE_BYTES):
                    yield _frame(kept, schema, columns)
                    kept, size, height = [], 0, 0
                kept.append(batch)
                size, height, rows = size + batch.nbytes, height + batch.num_rows, rows + batch.num_rows
        if kept:
            yield _frame(kept, schema, columns)
    check_count(path, rows, footer.rows)


def _frame(batches: list[Any], schema: pl.Schema, columns: list[str]) -> pl.DataFrame:
    """Arrow's record batches as a frame of these columns and types."""
    import pyarrow as pa

    frame = pl.DataFrame(pl.from_arrow(pa.Table.from_batches(batches)))
    return frame.select(frame[name].cast(schema[name]) for name in columns)
