"""Reads parquet slice by slice, after measuring its pages."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl
from polars.selectors import by_name

from sentiscore.tables.exact import series_of
from sentiscore.tables.limits import MAX_WINDOW_CELLS
from sentiscore.tables.parquet_offsets import unknown_zones
from sentiscore.tables.parquet_pages import Footer, check_pages, read_footer
from sentiscore.tables.parquet_types import Int96Look, arrow_schemas, in_known_zones, in_microseconds, with_dates
from sentiscore.tables.problems import broken, check_count, check_same
from sentiscore.tables.windows import LEAST_ROWS

_FIRST_SLICE_ROWS: Final = 1_024
_SLICE_BYTES: Final = 32 << 20
_BUFFER_BYTES: Final = 1 << 20
_LOOK_ROWS: Final = 32_768


@dataclass(frozen=True)
class ParquetLook:
    """What is known of a parquet file before its rows are read.

    Attributes:
        schema: The columns as they are returned.
        footer: Its footer, which has the number of rows.
        stored: The columns as polars reads them; None if polars cannot, so that pyarrow reads the file.
        int96: The units that times stored as INT96 need.
        zones: Columns with a zone that polars does not know, and that zone.
    """

    schema: pl.Schema
    footer: Footer
    stored: pl.Schema | None
    int96: Int96Look
    zones: Mapping[str, str]


def look_at_parquet(path: Path) -> ParquetLook:
    """The columns of a parquet file, and its footer.

    Raises:
        InputError: The footer is broken, or claims more than a table may have.
    """
    footer = read_footer(path)
    arrow, noted = arrow_schemas(path)
    known = None if noted is None else in_known_zones(noted)
    by_polars = known is None or known.equals(noted)
    try:
        if known is None or by_polars:
            stored = _scan(path).collect_schema()
        else:
            stored = pl.DataFrame(pl.from_arrow(known.empty_table())).schema
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise broken(path, error) from error
    if tuple(stored) != footer.names:
        raise broken(path, "its footer tells of other columns than its schema")
    int96 = _look_at_int96(path, footer)
    schema = stored
    if arrow is not None:
        in_us = in_microseconds(stored, arrow, footer.int96 - int96.fine)
        if noted is None:
            stored = in_us
        else:  # it raises with the unit
            int96.fine |= {name for name in footer.int96 if in_us[name] != stored[name]}
        schema = with_dates(stored, arrow)
    zones = {} if noted is None or by_polars else unknown_zones(noted)
    return ParquetLook(schema, footer, stored if by_polars else None, int96, zones)


def parquet_pieces(
    path: Path, identity: tuple[int, ...], look: ParquetLook, n_rows: int, columns: list[str]
) -> Iterator[pl.DataFrame]:
    """Read slice by slice: polars' own stream reads several row groups ahead, which takes twice the memory.

    The size of a row is only known once it is read, whatever the file claims. So slices start small, and grow as long
    as earlier slices suggest that they will stay within their bound.

    Args:
        path: The file.
        identity: Distinguishes it from another file that replaces it.
        look: What opening the file found.
        n_rows: The maximum number of rows of a slice.
        columns: The columns to read.

    Raises:
        InputError: The file is broken, would take too much memory, or was changed.
    """
    check_same(path, identity)
    footer, chosen = look.footer, set(columns)
    with _translated(path, identity):
        largest = (
            check_pages(path, footer, chosen)
            if look.stored is not None
            else check_pages(path, footer, chosen, all_texts=True)
        )
    look.int96.check(path, columns, apart=look.stored is not None and not largest)
    if look.stored is None or largest:
        n_batch = max(1, min(n_rows, _SLICE_BYTES // max(1, largest)))
        yield from _batches(path, identity, look, n_rows, n_batch, columns)
    else:
        yield from _slices(path, identity, look, n_rows, columns)


def _look_at_int96(path: Path, footer: Footer) -> Int96Look:
    """Check every INT96 value, since no unit in which they can be read covers their whole range."""
    look = Int96Look()
    if not footer.int96:
        return look
    from pyarrow import parquet

    names = [name for name in footer.names if name in footer.int96]
    with _translated(path, None):
        largest = check_pages(path, footer, set(names), all_texts=True)
        n_batch = max(1, min(_LOOK_ROWS, _SLICE_BYTES // max(1, largest)))
        with (
            parquet.ParquetFile(path, coerce_int96_timestamp_unit="us", buffer_size=_BUFFER_BYTES) as in_us,
            parquet.ParquetFile(path, coerce_int96_timestamp_unit="ns", buffer_size=_BUFFER_BYTES) as in_ns,
        ):
            batches = (file.iter_batches(n_batch, columns=names, use_threads=False) for file in (in_us, in_ns))
            for us, ns in zip(*batches, strict=True):
                for name in names:
                    look.add(name, us[name], ns[name])
    return look


def _scan(path: Path, schema: pl.Schema | None = None) -> pl.LazyFrame:
    """Scan exactly this file, whatever its name: polars could treat it as a pattern or expand a home folder."""
    return pl.scan_parquet(path.absolute(), glob=False, hive_partitioning=False, schema=schema)


@contextmanager
def _translated(path: Path, identity: tuple[int, ...] | None) -> Iterator[None]:
    """Translate errors of the system, polars or Arrow about reading a file into an InputError."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        if identity is not None:
            check_same(path, identity)
        raise broken(path, error) from error


def _slices(
    path: Path, identity: tuple[int, ...], look: ParquetLook, n_rows: int, columns: list[str]
) -> Iterator[pl.DataFrame]:
    chosen = _scan(path, look.stored if look.footer.int96 - look.int96.fine else None).select(by_name(*columns))
    stored = look.stored or look.schema
    changed = {name: look.schema[name] for name in columns if look.schema[name] != stored[name]}
    start, step = 0, max(1, min(n_rows, _FIRST_SLICE_ROWS, MAX_WINDOW_CELLS // len(columns)))
    while start < look.footer.rows:
        with _translated(path, identity):
            piece = chosen.slice(start, step).collect()
            if changed:
                piece = piece.with_columns(piece[name].cast(dtype) for name, dtype in changed.items())
        check_same(path, identity)  # each slice opens the file again
        check_count(path, piece.height, min(step, look.footer.rows - start))
        yield piece
        start += step
        row_bytes = max(1, int(piece.estimated_size()) // step)
        step = max(LEAST_ROWS, min(n_rows, 4 * step, _SLICE_BYTES // row_bytes))


def _batches(
    path: Path, identity: tuple[int, ...], look: ParquetLook, n_rows: int, n_batch: int, columns: list[str]
) -> Iterator[pl.DataFrame]:
    """Read with pyarrow, which does not restart at the beginning of a page each time, and knows every zone.

    It unpacks at most as many rows at a time as stay within a slice's bound if each has the maximum size; as many
    batches as fit into the bound together make a slice.
    """
    import pyarrow as pa
    from pyarrow import parquet

    rows = 0
    unit = "ns" if look.int96.fine & set(columns) else "us"
    kept: list[pa.RecordBatch] = []
    with _translated(path, identity):
        with parquet.ParquetFile(
            path, coerce_int96_timestamp_unit=unit, pre_buffer=False, buffer_size=_BUFFER_BYTES
        ) as file:
            check_same(path, identity)
            size = height = 0
            for batch in file.iter_batches(batch_size=n_batch, columns=columns, use_threads=False):
                if kept and (height + batch.num_rows > n_rows or size + batch.nbytes > _SLICE_BYTES):
                    yield frame_of(kept, look.schema, columns)
                    kept, size, height = [], 0, 0
                kept.append(batch)
                size, height, rows = size + batch.nbytes, height + batch.num_rows, rows + batch.num_rows
        if kept:
            yield frame_of(kept, look.schema, columns)
    check_count(path, rows, look.footer.rows)


def frame_of(batches: list[Any], schema: pl.Schema, columns: list[str]) -> pl.DataFrame:
    """Convert Arrow's record batches to a frame of these columns and types."""
    import pyarrow as pa

    table = pa.Table.from_batches(batches).combine_chunks()
    table = table.cast(in_known_zones(table.schema))
    frame = pl.DataFrame(pl.from_arrow(table))
    return pl.DataFrame([series_of(frame, name).cast(schema[name]).alias(name) for name in columns])
