"""Copies whole rows from a position of a CSV or ndjson file into a small file of the same kind."""

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from sentiscore.tables.csv_advice import usual_separator
from sentiscore.tables.csv_lines import long_fields
from sentiscore.tables.dialect import CsvDialect

_HEAD_BYTES: Final = 1 << 20
_BYTES: Final = "latin-1"
"""Every byte is one character in it, so positions in the text are positions in the file."""

_TRIED_LINES: Final = 50
_TRIED_ROWS: Final = 50


@dataclass(frozen=True)
class Wanted:
    """Which rows to copy.

    Attributes:
        start: Where to begin, in bytes; the first row that begins after it is the first one.
        n_bytes: The maximum bytes.
        n_rows: The maximum rows, unless it is the whole file.
    """

    start: int
    n_bytes: int
    n_rows: int


def can_begin_anywhere(path: Path, dialect: CsvDialect) -> bool:
    """Whether a file can be read from the middle: neither a packed one, nor one whose line ends take several bytes."""
    return path.suffix.lower() != ".gz" and "\n".encode(dialect.encoding) == b"\n"


def copy_csv(path: Path, target: Path, wanted: Wanted, dialect: CsvDialect) -> int:
    """Copy the header and some rows of a CSV.

    Args:
        path: The file.
        target: The new file.
        wanted: The rows; the start counts only where the file can be read from the middle.
        dialect: How it is written.

    Returns:
        The bytes that these rows take in the file, or all bytes if it is the whole file; 0 if there is no whole row.
    """
    if not can_begin_anywhere(path, dialect):
        return _copy_beginning(path, target, wanted, dialect)
    with path.open("rb") as file:
        found = _head(path, file.read(_HEAD_BYTES), dialect, _BYTES)
        file.seek(wanted.start)
        data = file.read(wanted.n_bytes)
        at_end = not file.read(1)
    if wanted.start == 0 and at_end:
        target.write_bytes(data)
        return len(data)
    text = data.decode(_BYTES)
    first = _first_row(text, found) if wanted.start else len(found.text)
    end = _end_of_rows(text[first:], found.separator, wanted.n_rows, complete=at_end)
    target.write_bytes(found.text.encode(_BYTES) + data[first : first + end])
    return end


def copy_lines(path: Path, target: Path, wanted: Wanted) -> int:
    """Copy some lines of a file; see `copy_csv`."""
    with path.open("rb") as file:
        file.seek(wanted.start)
        if wanted.start:
            file.readline(wanted.n_bytes)
        data = file.read(wanted.n_bytes)
        at_end = not file.read(1)
    if wanted.start or not at_end:
        lines = data.splitlines(keepends=True)
        if not at_end and lines:
            lines.pop()
        data = b"".join(lines[: wanted.n_rows])
    target.write_bytes(data)
    return len(data)


@dataclass(frozen=True)
class _Head:
    """Everything up to the end of the header, its separator, and how many columns it names."""

    text: str
    separator: str
    n: int


def _copy_beginning(path: Path, target: Path, wanted: Wanted, dialect: CsvDialect) -> int:
    """Copy the beginning of a file that cannot be read from the middle."""
    packed = path.suffix.lower() == ".gz"
    with path.open("rb") as raw:
        file = gzip.GzipFile(fileobj=raw) if packed else raw
        data = file.read(wanted.n_bytes)
        at_end = not file.read(1)
        read = raw.tell()
    if at_end:
        target.write_bytes(path.read_bytes() if not packed else gzip.compress(data))
        return path.stat().st_size
    of_bytes = "\n".encode(dialect.encoding) == b"\n"
    encoding = _BYTES if of_bytes else dialect.encoding
    text = data.decode(encoding, errors="replace")
    found = _head(path, data[:_HEAD_BYTES], dialect, encoding)
    first = len(found.text)
    end = first + _end_of_rows(text[first:], found.separator, wanted.n_rows, complete=False)
    kept = text[:end].encode(encoding, errors="replace")
    target.write_bytes(gzip.compress(kept) if packed else kept)
    if end == first:
        return 0
    return read * len(kept) // max(1, len(data)) if packed else len(kept)


def _lines(text: str) -> Iterator[str]:
    """The lines of a text with their ends, which may be LF, CRLF or CR."""
    return iter(io.StringIO(text, newline=""))


def _head(path: Path, data: bytes, dialect: CsvDialect, encoding: str) -> _Head:
    lines = list(_lines(data.decode(encoding, errors="replace")))
    before = min(dialect.skip_rows, len(lines))
    while dialect.comment is not None and before < len(lines) and lines[before].startswith(dialect.comment):
        before += 1
    first = lines[before] if before < len(lines) else ""
    separator = dialect.separator or usual_separator(path, first)
    with long_fields():
        reader = csv.reader(lines[before:], delimiter=separator)
        names = next(reader, [])
        return _Head("".join(lines[: before + reader.line_num]), separator, len(names))


def _first_row(text: str, head: _Head) -> int:
    """Where the first row begins: the first line from which on rows have as many fields as the header.

    A line that continues a quoted field does not begin a row. The reader of the copy checks every row again.
    """
    begin = 0
    for number, line in enumerate(islice(_lines(text), _TRIED_LINES + 1)):
        if number and _has_rows(text[begin : begin + _HEAD_BYTES], head):  # the first line may be half of one
            return begin
        begin += len(line)
    return begin


def _has_rows(text: str, head: _Head) -> bool:
    try:
        with long_fields():
            rows = list(islice(csv.reader(_lines(text), delimiter=head.separator, strict=True), _TRIED_ROWS + 1))
    except csv.Error:
        return False
    whole = rows[:-1] if len(rows) > 1 else rows  # the last one may be cut off
    return all(len(row) == head.n or not row for row in whole)


def _end_of_rows(text: str, separator: str, n_rows: int, *, complete: bool) -> int:
    """Where the last whole row of a text ends, or the last one that is wanted.

    Args:
        text: The rows, from the beginning of one.
        separator: The separator of fields.
        n_rows: The maximum rows.
        complete: Whether the text ends with a whole row.
    """
    read = before = end = rows = 0

    def counted() -> Iterator[str]:
        nonlocal read
        for line in _lines(text):
            read += len(line)
            yield line

    with long_fields():
        for _ in csv.reader(counted(), delimiter=separator):
            before, end, rows = end, read, rows + 1
            if rows == n_rows and end < len(text):
                return end
    return end if complete else before
