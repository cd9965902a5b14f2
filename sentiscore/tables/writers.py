"""Writes frames of one schema to a file, for each format."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO, Any, Final, Protocol

import polars as pl

from sentiscore.tables.inert import inert, inert_header
from sentiscore.tables.writable import check_values


class HashedFile:
    """A file that is written sequentially, and computes the sha256 of what is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.closed = False  # read and set by Arrow; the file itself is closed by whoever opened it

    def write(self, data: bytes) -> int:
        """Append bytes."""
        self._hash.update(data)
        return self._file.write(data)

    def tell(self) -> int:
        """The number of bytes written."""
        return self._file.tell()

    def flush(self) -> None:
        """Pass buffered data to the system."""
        self._file.flush()

    def close(self) -> None:
        """Does nothing: the sink closes the file."""

    def readable(self) -> bool:
        """Not readable."""
        return False

    def writable(self) -> bool:
        """Writable."""
        return True

    def seekable(self) -> bool:
        """Not seekable."""
        return False

    @property
    def sha256(self) -> str:
        """The hash of all bytes so far, in hex."""
        return self._hash.hexdigest()


class Writer(Protocol):
    """Appends frames of one schema to an open file."""

    def write(self, frame: pl.DataFrame) -> None:
        """Append the rows of a frame."""

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Write what the format needs at its end, including the metadata if it can store any."""

    def abandon(self) -> None:
        """Release the file, which will be discarded."""

    def schema(self) -> Any:
        """What reading it back must find: the schema, or the names of the columns."""


_PART_BYTES: Final = 16 << 20

_LONG_TEXT: Final = 4096
"""The longest text that Arrow puts into the statistics of a column."""


class ParquetWriter:
    """Writes each frame as a row group, with a checksum for every page.

    There are no statistics of a column whose first rows have a text of more than 4 kB: Arrow would leave them out, but
    hold several copies of its largest and smallest text meanwhile.
    """

    def __init__(self, file: HashedFile, first: pl.DataFrame) -> None:
        from pyarrow import parquet

        self._columns = first.schema
        self._schema = first.head(0).to_arrow().schema
        self._writer: Any = parquet.ParquetWriter(
            file,
            self._schema,
            compression="zstd",
            write_page_checksum=True,
            write_statistics=_without_long_texts(first),
        )

    def write(self, frame: pl.DataFrame) -> None:
        """Append the rows of a frame."""
        if frame.height:
            self._writer.write_table(frame.to_arrow().cast(self._schema))

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Write the footer."""
        if metadata:
            self._writer.add_key_value_metadata(dict(metadata))
        self._writer.close()

    def abandon(self) -> None:
        """Release the file."""
        with suppress(OSError, ValueError):  # it writes a footer, for which the disk may have no room
            self._writer.close()
        self._writer.is_open = False  # otherwise it would try again when garbage-collected

    def schema(self) -> Any:
        """The columns and their types."""
        return self._columns


class CsvWriter:
    """Writes RFC 4180 with commas; null is an empty field, and empty text is quoted."""

    def __init__(self, file: HashedFile, first: pl.DataFrame, *, inert: bool) -> None:
        self._file: IO[bytes] = file  # type: ignore[assignment] # polars only calls write
        self._inert = inert
        self._names = inert_header(first.columns) if inert else first.columns
        pl.DataFrame(schema=dict.fromkeys(self._names, pl.String)).write_csv(self._file)

    def write(self, frame: pl.DataFrame) -> None:
        """Append the rows of a frame."""
        check_values(frame, ".csv")
        for part in _parts(frame):
            (inert(part) if self._inert else part).write_csv(self._file, include_header=False)

    def finish(self, metadata: Mapping[str, str]) -> None:
        """A CSV needs nothing at its end, and cannot store metadata."""

    def abandon(self) -> None:
        """Nothing to release."""

    def schema(self) -> Any:
        """The names of the columns."""
        return self._names


class NdjsonWriter:
    """Writes one object per line."""

    def __init__(self, file: HashedFile, first: pl.DataFrame) -> None:
        self._file: IO[bytes] = file  # type: ignore[assignment]
        self._names = first.columns

    def write(self, frame: pl.DataFrame) -> None:
        """Append the rows of a frame."""
        check_values(frame, ".ndjson", no_number=True)
        for part in _parts(frame):
            part.write_ndjson(self._file)

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Such a file needs nothing at its end, and cannot store metadata."""

    def abandon(self) -> None:
        """Nothing to release."""

    def schema(self) -> Any:
        """The names of the columns."""
        return self._names


def _parts(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Split a frame into pieces of a few megabytes, since lines of JSON may take six times as much memory."""
    rows = frame.height * _PART_BYTES // max(1, int(frame.estimated_size()))
    yield from frame.iter_slices(max(1, rows))


def _without_long_texts(first: pl.DataFrame) -> bool | list[str]:
    """The columns that get statistics, in pyarrow's form; True for all, including nested ones."""
    texts = {column.name: column.alias("text") for column in first.get_columns() if column.dtype == pl.String}
    long = {name for name, text in texts.items() if (text.str.len_bytes() > _LONG_TEXT).any()}
    return [name for name in first.columns if name not in long] if long else True
