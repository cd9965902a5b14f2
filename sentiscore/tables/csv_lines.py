"""Decodes a CSV in any encoding, and with any lines around its table, to UTF-8 and to the lines of its table."""

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sentiscore.errors import InputError
from sentiscore.tables.dialect import CsvDialect
from sentiscore.tables.limits import MAX_ROW_BYTES, MAX_ROW_VALUES
from sentiscore.tables.problems import too_much

_MARK: Final = "sentiscore.bad_bytes"
_BLOCK_BYTES: Final = 1 << 16


def _mark_bad(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace bytes that are invalid in an encoding by as many bytes that are invalid in UTF-8."""
    if isinstance(error, UnicodeDecodeError):
        return "\udcff" * (error.end - error.start), error.end
    if isinstance(error, UnicodeEncodeError):
        return b"\xff" * (error.end - error.start), error.end
    raise error


codecs.register_error(_MARK, _mark_bad)


class Converted(io.RawIOBase):
    """A file in some encoding, converted to UTF-8 as it is read; bytes that are invalid in it become 0xFF."""

    def __init__(self, path: Path, file: "io.BufferedReader[Any]", encoding: str) -> None:
        self._path = path
        self._file = file
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)(_MARK)
        self._rest = b""
        self._ended = False

    def readable(self) -> bool:
        """Readable."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as data is available."""
        while not self._rest and not self._ended:
            found = self._file.read1(_BLOCK_BYTES)
            self._ended = not found
            text = self._decoded(found)
            self._rest = text.encode("utf-8", _MARK)
            if len(self._decoder.getstate()[0]) > MAX_ROW_BYTES:
                raise too_much(self._path, f"has more than {MAX_ROW_BYTES >> 20} MB that are one character so far")
        given, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(given)] = given
        return len(given)

    def _decoded(self, found: bytes) -> str:
        try:
            return self._decoder.decode(found, final=self._ended)
        except UnicodeError as error:  # for the whole file, since single invalid bytes are marked
            wide = self._encoding in ("utf-16", "utf-32")
            raise InputError(
                f"{self._path} cannot be read as {self._encoding.upper()}: {error}.",
                f"Without a byte-order mark, name the order: --encoding {self._encoding}-le or {self._encoding}-be "
                "(encoding)."
                if wide
                else "Name the encoding that the file is in with --encoding (encoding).",
            ) from error

    def close(self) -> None:
        """Close the underlying file too."""
        self._file.close()
        super().close()


class Lines:
    """The lines of a table, with their ends, which may be LF, CRLF or CR; not those before it, and no comments.

    Attributes:
        separator: A possible separator of fields.
        size: How many bytes were returned since `next_row`, or slightly more.
        longest: The maximum of `size` so far.
        number: The number of the last returned line of the file, from 1.
        bad_line: The first line since `next_row` that is not UTF-8; its invalid bytes become surrogates.
        ended: Whether the last returned line has a line end.
        comments: How many comments were skipped.
    """

    def __init__(self, path: Path, raw: "io.BufferedReader[Any]", dialect: CsvDialect) -> None:
        self.separator = ","
        self.size = 0
        self.longest = 0
        self.number = 0
        self.bad_line: int | None = None
        self.ended = False
        self.comments = 0
        self._path = path
        self._dialect = dialect
        self._text = io.TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="")

    def next_row(self) -> None:
        """Mark the end of a row: the next line starts another."""
        self.size = 0
        self.bad_line = None

    def __iter__(self) -> Iterator[str]:
        comment = self._dialect.comment
        read = self._text.readline
        self._skip()
        last = ""
        while line := read(MAX_ROW_BYTES + 1):
            self.number += 1
            if comment is not None and self.size == 0 and line.startswith(comment) and len(line) <= MAX_ROW_BYTES:
                self.comments += 1
                continue
            if self._dialect.skip_rows and not last:
                line = line.removeprefix("\ufeff")  # of joined files, where lines come before the table
            last = line
            self.size += len(line)
            if not line.isascii():
                self._look_closely(line)
            if self.size > self.longest:
                self.longest = self.size
                if self.size > MAX_ROW_BYTES:
                    raise self._too_large()
                if len(line) > MAX_ROW_VALUES and line.count(self.separator) > MAX_ROW_VALUES:
                    raise too_much(self._path, f"has more than {MAX_ROW_VALUES:,} separators in line {self.number}")
            yield line
        self.ended = last.endswith(("\n", "\r"))

    def _skip(self) -> None:
        for _ in range(self._dialect.skip_rows):
            line = self._text.readline(MAX_ROW_BYTES + 1)
            if not line:
                raise InputError(
                    f"{self._path} has {self.number:,} lines, and {self._dialect.skip_rows:,} were to be skipped.",
                    "Give the number of lines before the header with --skip-rows (skip_rows).",
                )
            self.number += 1
            if len(line) > MAX_ROW_BYTES:
                raise self._too_large()

    def _look_closely(self, line: str) -> None:
        try:
            encoded = line.encode()
        except UnicodeEncodeError:
            encoded = line.encode("utf-8", "surrogateescape")
            self.bad_line = self.bad_line or self.number
        self.size += len(encoded) - len(line)

    def _too_large(self) -> InputError:
        return too_much(
            self._path,
            f"has a row of more than {MAX_ROW_BYTES >> 20} MB in line {self.number}, or a quote that is never closed",
        )


class TableBytes(io.RawIOBase):
    """The bytes of a table alone, without the lines before it and without comments.

    Ends of rows are found in the same way as in the first look at every row, so both see the same lines.
    """

    def __init__(self, path: Path, raw: "io.BufferedReader[Any]", dialect: CsvDialect, separator: str) -> None:
        self._lines = Lines(path, raw, dialect)
        self._lines.separator = separator
        self._held: list[str] = []
        self._rows = csv.reader(self._watched(), delimiter=separator, strict=True)
        self._rest = b""
        self._ended = False

    def readable(self) -> bool:
        """Readable."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as data is available."""
        if not self._rest and not self._ended:
            self._rest = self._more()
        given, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(given)] = given
        return len(given)

    def _more(self) -> bytes:
        size = 0
        with long_fields():
            while size < _BLOCK_BYTES:
                if next(self._rows, None) is None:
                    self._ended = True
                    break
                size += self._lines.size
                self._lines.next_row()
        data = "".join(self._held).encode("utf-8", "surrogateescape")
        self._held.clear()
        return data

    def _watched(self) -> Iterator[str]:
        for line in self._lines:
            self._held.append(line)
            yield line


@contextmanager
def long_fields() -> Iterator[None]:
    """Let Python's csv module accept fields as long as a row may be; its limit applies to the whole process."""
    limit = csv.field_size_limit(MAX_ROW_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(limit)
