"""Reads a file that was just written from beginning to end, before anybody relies on it.

The bytes are compared by sha256 with those that were written, and parsed: every row must be there, with all of its
columns, and the checksum of every parquet page must match. Memory does not grow with the file.
"""

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import polars as pl

from sentiscore.errors import OutputError

_BATCH_ROWS: Final = 32_768
_BUFFER_BYTES: Final = 1 << 20
_BLOCK_BYTES: Final = 1 << 20
"""Arrow holds up to 32 of them."""


def read_back(part: Path, *, target: Path, suffix: str, rows: int, schema: Any, sha256: str) -> None:
    """Check that a file holds what was written to it.

    Args:
        part: The file.
        target: Its final name, for the message.
        suffix: Its format: .parquet, .csv or .ndjson.
        rows: How many rows it must have.
        schema: The schema for parquet, the names of the columns for other formats.
        sha256: The hash of the written bytes, in hex.

    Raises:
        OutputError: It does not.
        OSError: It cannot be read.
    """
    checks: dict[str, Callable[[Path, Any], tuple[int, bool]]] = {
        ".parquet": _parquet,
        ".csv": _csv,
        ".ndjson": _ndjson,
    }
    _forget(part)
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise _broken(target, "its bytes are not those that were written")
    with _parsing(target):
        found_rows, same = checks[suffix](part, schema)
    if not same:
        raise _broken(target, "its columns are not those that were written")
    if found_rows != rows:
        raise _broken(target, f"it has {found_rows:,} rows, and {rows:,} were written")


def _broken(target: Path, what: str) -> OutputError:
    return OutputError(
        f"{target} was not put in place, since reading it back failed: {what}.",
        "Nothing was changed there. The disk or its driver may be faulty: try again, or choose another place with "
        "--output.",
    )


@contextmanager
def _parsing(target: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (
        OSError,
        ValueError,  # also text that is not UTF-8, or not JSON
        csv.Error,
        pa.ArrowException,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
    ) as error:
        raise _broken(target, " ".join(str(error).split())) from error


def _forget(path: Path) -> None:
    """Ask the system to drop a file from its cache, so that it is read from the disk."""
    if not hasattr(os, "posix_fadvise"):
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def _parquet(path: Path, schema: pl.Schema) -> tuple[int, bool]:
    from pyarrow import parquet

    with path.open("rb") as raw:
        if pl.read_parquet_schema(raw) != schema:
            return 0, False
    with parquet.ParquetFile(
        path, page_checksum_verification=True, pre_buffer=False, buffer_size=_BUFFER_BYTES
    ) as file:
        groups = range(file.num_row_groups)  # one by one, since each has its own dictionaries
        batches = (file.iter_batches(_BATCH_ROWS, row_groups=[group], use_threads=False) for group in groups)
        return sum(batch.num_rows for group in batches for batch in group), True


def _csv(path: Path, names: list[str]) -> tuple[int, bool]:
    limit = csv.field_size_limit(2**31 - 1)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file, strict=True)
            if next(lines, None) != names:
                return 0, False
            rows = 0
            for rows, row in enumerate(lines, 1):
                if len(row) != len(names) and (row or len(names) > 1):  # in one column, a null is an empty line
                    raise csv.Error(f"row {rows} has {len(row)} fields, and the header has {len(names)}")
            return rows, True
    finally:
        csv.field_size_limit(limit)


def _ndjson(path: Path, names: list[str]) -> tuple[int, bool]:
    with path.open("rb") as file:
        first = file.readline()
    if not first:
        return 0, True
    if list(json.loads(first)) != names:
        return 0, False
    import pyarrow as pa

    try:
        return _count_objects(path), True
    except pa.ArrowInvalid as error:
        if "straddling" not in str(error):
            raise
    with path.open("rb") as file:  # a line is longer than a block, and larger ones would take many times their size
        return sum(isinstance(json.loads(line), dict) for line in file), True


def _count_objects(path: Path) -> int:
    """Parse every line; Arrow needs no types for that, and is five times as fast as Python."""
    import pyarrow as pa
    from pyarrow import json as arrow_json

    reader = arrow_json.open_json(
        path,
        read_options=arrow_json.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
        parse_options=arrow_json.ParseOptions(explicit_schema=pa.schema([]), unexpected_field_behavior="ignore"),
    )
    return sum(batch.num_rows for batch in reader)
