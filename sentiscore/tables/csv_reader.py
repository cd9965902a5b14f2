"""A CSV -> its columns and rows as text, strictly: once to look at every row, and once to read them."""

import csv
import gzip
import io
import itertools
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import polars as pl

from sentiscore.errors import InputError
from sentiscore.tables.limits import GZIP_BOMB_BYTES, GZIP_BOMB_RATIO, MAX_ROW_BYTES, MAX_ROW_VALUES
from sentiscore.tables.problems import broken, check_count, check_names, not_utf8, too_much

_BLOCK_BYTES: Final = 1 << 20
_BLOCK_SLACK: Final = 64


@dataclass(frozen=True)
class CsvLook:
    """What one look at every row of a CSV tells.

    Attributes:
        names: The columns.
        separator: What separates them.
        rows: How many rows there are, by Python's csv module.
        longest: Bytes of the longest row, or a little more.
        bad_line: The first line with bytes that are not UTF-8; None if there is none.
        ended: Whether the last line has an end.
    """

    names: tuple[str, ...]
    separator: str
    rows: int
    longest: int
    bad_line: int | None
    ended: bool


def look_at_csv(path: Path, separator: str) -> CsvLook:
    """Parse a whole CSV once by the rules of RFC 4180.

    So a row that is wrong is found, and named, before anything is done with the rows before it.

    Args:
        path: A file; it is unpacked if it ends in .gz.
        separator: Of the fields; where it is a comma and the header has none, a semicolon or a tab are tried.

    Raises:
        InputError: A row is wrong or too large, or the header is unusable.
    """
    limit = csv.field_size_limit(MAX_ROW_BYTES)
    reader = None
    rows = 0
    try:
        with _open_bytes(path) as raw:
            lines = _Lines(path, raw)
            given = iter(lines)
            first = next(given, "")
            separator = _guess_separator(first) if separator == "," else separator
            lines.separator = separator
            reader = csv.reader(itertools.chain([first], given), delimiter=separator, strict=True)
            names = next(reader, [])
            _check_header(path, names)
            n = len(names)
            lines.size = 0
            for row in reader:
                lines.size = 0
                if len(row) == n or (not row and n == 1):
                    rows += 1
                elif row:
                    raise InputError(
                        f"{path} is ragged: the row in line {reader.line_num} has {len(row)} fields, "
                        f"and the header has {n}.",
                        "Every row needs as many fields as the header; quote a field that holds a separator.",
                    )
    except csv.Error as error:
        raise InputError(
            f"{path} has a quote or a field that is wrong, in or before line {reader.line_num if reader else 1}: "
            f"{error}.",
            'A quoted field ends in one quote before the separator; a quote inside it is doubled: "".',
        ) from error
    except zlib.error as error:
        raise broken(path, error) from error
    finally:
        csv.field_size_limit(limit)
    return CsvLook(tuple(names), separator, rows, lines.longest, lines.bad_line, lines.ended)


def csv_pieces(
    path: Path, look: CsvLook, columns: Sequence[str], undecodable: str | None = None
) -> Iterator[pl.DataFrame]:
    """Some columns of a CSV file as text, piece by piece.

    Args:
        path: The file.
        look: What was found when every row was looked at.
        columns: Which columns.
        undecodable: The name of a column that tells which rows have bytes in them that are not UTF-8; those are
            replaced by U+FFFD.

    Raises:
        InputError: The file is broken, or its rows are not those that were counted.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    columns = list(columns)
    as_bytes = look.bad_line is not None
    rows = 0
    try:
        with _open_bytes(path) as raw:
            reader = arrow_csv.open_csv(
                pa.PythonFile(raw if look.ended else io.BufferedReader(_Ended(raw), 1 << 16), mode="r"),
                read_options=arrow_csv.ReadOptions(
                    block_size=max(_BLOCK_BYTES, look.longest + _BLOCK_SLACK), use_threads=False
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=look.separator,
                    newlines_in_values=True,
                    ignore_empty_lines=len(look.names) > 1,  # in a table of one column an empty line is a null
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(look.names, pa.large_binary() if as_bytes else pa.large_string()),
                    include_columns=columns,
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
            for batch in reader:
                if batch.num_rows:
                    rows += batch.num_rows
                    arrays, bad = _decoded(batch) if as_bytes else (batch.columns, None)
                    if undecodable is not None:
                        arrays = [*arrays, bad if bad is not None else pa.repeat(False, batch.num_rows)]
                    names = columns if undecodable is None else [*columns, undecodable]
                    frame = cast("pl.DataFrame", pl.from_arrow(pa.table(arrays, [f"{i}" for i in range(len(names))])))
                    frame.columns = names  # a column may have no name, and polars would give it one
                    yield frame
    except (pa.ArrowException, OSError, EOFError, zlib.error, KeyError) as error:
        raise broken(path, error) from error
    check_count(path, rows, look.rows)


def _decoded(batch: Any) -> tuple[list[Any], Any]:
    """Columns of bytes -> columns of text, and which rows had bytes that are none."""
    import pyarrow as pa

    columns = []
    bad = np.zeros(batch.num_rows, dtype=bool)
    for column in batch.columns:
        try:
            columns.append(column.cast(pa.large_string()))
        except pa.ArrowInvalid:  # some value is no text
            values: list[bytes | None] = column.to_pylist()
            texts = [None if value is None else value.decode(errors="replace") for value in values]
            bad |= [value is not None and not _is_text(value) for value in values]
            columns.append(pa.array(texts, pa.large_string()))
    return columns, pa.array(bad)


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _open_bytes(path: Path) -> io.BufferedReader:
    if path.suffix.lower() != ".gz":
        return path.open("rb")
    most = max(GZIP_BOMB_BYTES, GZIP_BOMB_RATIO * path.stat().st_size)
    return io.BufferedReader(_Unpacked(path, gzip.open(path, "rb"), most), 1 << 16)


class _Unpacked(io.RawIOBase):
    """A gzipped file's content, as long as it is not absurdly more than the file.

    Args:
        path: The file.
        file: The same, open; it is closed with this.
        most: Bytes that are too many.
    """

    def __init__(self, path: Path, file: gzip.GzipFile, most: int) -> None:
        self._path = path
        self._file = file
        self._most = most
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._file.read1(len(buffer))
        buffer[: len(found)] = found
        self._given += len(found)
        if self._given > self._most:
            raise too_much(self._path, f"unpacks to more than {GZIP_BOMB_RATIO} times its size")
        return len(found)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Ended(io.RawIOBase):
    """A file's bytes and a line end: without one, pyarrow takes an empty last field for an empty text, not a null."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        n = self._file.readinto1(buffer)
        if n == 0 and not self._ended:
            self._ended = True
            buffer[:1] = b"\n"
            return 1
        return n


class _Lines:
    """The lines of a file, with their ends, which may be LF, CRLF or CR.

    Attributes:
        separator: What may separate fields.
        size: Bytes given since this was last set to 0, or a little more.
        longest: The most that `size` was.
        bad_line: The first line that is not UTF-8; its bytes come as surrogates.
        ended: Whether the line given last has an end.
    """

    def __init__(self, path: Path, raw: io.BufferedReader) -> None:
        self.separator = ","
        self.size = 0
        self.longest = 0
        self.bad_line: int | None = None
        self.ended = False
        self._path = path
        self._text = io.TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="")

    def __iter__(self) -> Iterator[str]:
        number = 0
        read = self._text.readline
        last = ""
        while line := read(MAX_ROW_BYTES + 1):
            number += 1
            last = line
            self.size += len(line)
            if not line.isascii():
                self._look_closely(line, number)
            if self.size > self.longest:
                self.longest = self.size
                if self.size > MAX_ROW_BYTES:
                    raise self._too_large(number)
                if len(line) > MAX_ROW_VALUES and line.count(self.separator) > MAX_ROW_VALUES:
                    raise too_much(self._path, f"has more than {MAX_ROW_VALUES:,} separators in line {number}")
            yield line
        self.ended = last.endswith(("\n", "\r"))

    def _look_closely(self, line: str, number: int) -> None:
        try:
            encoded = line.encode()
        except UnicodeEncodeError:
            encoded = line.encode("utf-8", "surrogateescape")
            self.bad_line = self.bad_line or number
        self.size += len(encoded) - len(line)

    def _too_large(self, number: int) -> InputError:
        return too_much(
            self._path,
            f"has a row of more than {MAX_ROW_BYTES >> 20} MB in line {number}, or a quote that is never closed",
        )


def _guess_separator(header: str) -> str:
    """A comma, unless the header has none outside quotes and is plainly separated by something else."""
    plain = re.sub(r'"[^"]*"', "quoted", header)
    if "," in plain or '"' in plain:  # a name goes on in the next line
        return ","
    for other in (";", "\t"):
        parts = plain.split(other)
        if len(parts) > 1 and all(part.strip() for part in parts):
            return other
    return ","


def _check_header(path: Path, names: list[str]) -> None:
    if not any(name.strip() for name in names):
        raise InputError(f"{path} has no header in its first line.", "Write the column names there.")
    check_names(path, names)
    header = "".join(names)
    if "\x00" in header:
        raise InputError(
            f"{path} has a header with NUL bytes in it.",
            f"Is it UTF-16? Then convert it first: iconv -f UTF-16LE -t UTF-8 {path.name} > utf8.csv",
        )
    try:
        header.encode()
    except UnicodeEncodeError as error:
        raise not_utf8(path, "its header") from error
