"""Reads Arrow files (Feather version 2, and streams as `datasets` keeps them) batch by batch."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.tables.arrow_batches import RECORD_BATCH, BatchClaim, batch_of, batches_of
from sentiscore.tables.limits import MAX_WINDOW_CELLS, PARQUET_CELLS_OF_A_BYTE, UNPACKED_BYTES, UNPACKED_RATIO
from sentiscore.tables.parquet_offsets import unknown_zones
from sentiscore.tables.parquet_reader import frame_of
from sentiscore.tables.parquet_types import in_known_zones, with_dates
from sentiscore.tables.problems import broken, check_cells, check_count, check_names, check_same, too_much

_MAGIC: Final = b"ARROW1"
_STREAM_END: Final = b"\xff\xff\xff\xff\0\0\0\0"
_OLD_MAGIC: Final = b"FEA1"
_SLICE_BYTES: Final = 8 << 20


@dataclass(frozen=True)
class ArrowLook:
    """What is known of an Arrow file before its rows are read.

    Attributes:
        schema: The columns as they are returned.
        rows: How many rows it has.
        zones: Columns with a zone that polars does not know, and that zone.
    """

    schema: pl.Schema
    rows: int
    zones: Mapping[str, str]


def look_at_arrow(path: Path) -> ArrowLook:
    """The columns and the number of rows of an Arrow file; only headers are read.

    Raises:
        InputError: It is broken, or claims more than a table may have.
    """
    import pyarrow as pa

    with _opened(path) as (file, with_footer):
        opened = pa.ipc.open_file(file) if with_footer else pa.ipc.open_stream(file)
        arrow = opened.schema
        check_names(path, arrow.names)
        stored = path.stat().st_size
        rows = kept = 0
        most = max(UNPACKED_BYTES, UNPACKED_RATIO * stored)
        for batch in _headers(file, with_footer=with_footer):
            rows += batch.rows if batch.kind == RECORD_BATCH else 0
            kept += 0 if batch.kind == RECORD_BATCH else batch.unpacked
            if batch.unpacked + kept > most:
                raise too_much(path, f"has a batch of more than {most >> 20:,} MB, to be held at once")
        check_cells(path, rows, len(arrow.names), stored, PARQUET_CELLS_OF_A_BYTE)
        empty = pl.DataFrame(pl.from_arrow(in_known_zones(arrow).empty_table()))
        return ArrowLook(with_dates(empty.schema, arrow), rows, unknown_zones(arrow))


def arrow_pieces(
    path: Path, identity: tuple[int, ...], look: ArrowLook, n_rows: int, columns: list[str]
) -> Iterator[pl.DataFrame]:
    """Read batch by batch; a large one that is not packed is mapped into memory, and copied slice by slice.

    Args:
        path: The file.
        identity: Distinguishes it from another file that replaces it.
        look: What opening the file found.
        n_rows: The maximum number of rows of a piece.
        columns: The columns to read.

    Raises:
        InputError: The file is broken, or was changed.
    """
    found = 0
    with _opened(path) as (file, with_footer):
        check_same(path, identity)
        for batch in _batches(file, with_footer=with_footer):
            chosen = batch.select(columns)
            chosen.validate(full=True)
            step = max(1, min(n_rows, MAX_WINDOW_CELLS // len(columns), _rows_of_slice(chosen)))
            for start in range(0, chosen.num_rows, step):
                piece = frame_of([chosen.slice(start, step)], look.schema, columns)
                found += piece.height
                yield piece
        check_same(path, identity)
    check_count(path, found, look.rows)


def _rows_of_slice(batch: Any) -> int:
    """How many rows of a batch have about as many bytes as a slice."""
    return int(_SLICE_BYTES * batch.num_rows // max(1, batch.nbytes))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, bool]]:
    """An Arrow file at the beginning of its stream, and whether it has a footer; errors become an InputError."""
    import pyarrow as pa

    try:
        with pa.memory_map(str(path), "r") as file:
            start = file.read(len(_MAGIC))
            if start.startswith(_OLD_MAGIC):
                raise InputError(
                    f"{path} is of Feather's first version, which Arrow has replaced.",
                    "Write it again, for example with pandas: to_feather writes the second version.",
                )
            file.seek(0)
            yield file, start == _MAGIC
    except PermissionError:
        raise
    except (
        *(pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException),
        *(OSError, ValueError, KeyError, TypeError),
    ) as error:
        raise broken(path, error) from error


def _batches(file: Any, *, with_footer: bool) -> Iterator[Any]:
    import pyarrow as pa

    if not with_footer:
        yield from pa.ipc.open_stream(file)
        return
    reader = pa.ipc.open_file(file)
    for number in range(reader.num_record_batches):
        yield reader.get_batch(number)


def _headers(file: Any, *, with_footer: bool) -> Iterator[BatchClaim]:
    """What each batch claims to hold."""
    import pyarrow as pa

    file.seek(0)
    if with_footer:
        yield from batches_of(memoryview(file.read_buffer()))
        return
    file.seek(max(0, file.size() - len(_STREAM_END)))
    if file.read() != _STREAM_END:
        raise ValueError("its stream has no end")
    file.seek(0)
    reader = pa.ipc.MessageReader.open_stream(file)
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return
        yield batch_of(message.metadata.to_pybytes(), memoryview(message.body or b""))
