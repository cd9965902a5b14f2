"""Reads the columns and rows of a CSV as text, strictly: one pass checks every row, a second one reads them."""

import codecs
import csv
import io
import itertools
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import polars as pl

from sentiscore.tables.csv_advice import (
    Layout,
    Row,
    check_header,
    layout_of,
    no_header,
    ragged,
    usual_separator,
    wrong_quote,
)
from sentiscore.tables.csv_lines import Converted, Lines, TableBytes, long_fields
from sentiscore.tables.decoding import decoded
from sentiscore.tables.dialect import UTF_8, CsvDialect
from sentiscore.tables.packing import open_unpacked
from sentiscore.tables.problems import broken, check_cells, check_count, check_lines
from sentiscore.tables.windows import LEAST_ROWS

_BLOCK_BYTES: Final = 1 << 20
_BLOCK_SLACK: Final = 64
_FIRST_BYTES: Final = 1 << 16


@dataclass(frozen=True)
class CsvLook:
    """What the first pass over every row of a CSV finds.

    Attributes:
        names: The columns.
        dialect: How it is written.
        separator: The separator of its fields.
        rows: How many rows there are, as counted by Python's csv module.
        header: How many bytes the header has.
        blocks: How many bytes each block of rows after it has; each block ends with a row.
        damaged: The columns with bytes that are invalid in the file's encoding, each with the first such line.
        ended: Whether the last line has a line end.
        comments: How many lines were skipped as comments.
    """

    names: tuple[str, ...]
    dialect: CsvDialect
    separator: str
    rows: int
    header: int
    blocks: tuple[int, ...]
    damaged: Mapping[str, int]
    ended: bool
    comments: int = 0


def look_at_csv(path: Path, dialect: CsvDialect) -> CsvLook:
    """Parse a whole CSV once by the rules of RFC 4180.

    So a wrong row is found, and named, before anything is done with the rows before it.

    Args:
        path: A file; it is unpacked if its name says that it is packed.
        dialect: How it is written; if that leaves the separator open and the header has no comma, a semicolon or a tab
            are tried.

    Raises:
        InputError: A row is wrong or too large, or the header is unusable.
    """
    lines: Lines | None = None
    rows = 0
    first = ""
    blocks: list[int] = []
    damaged: dict[str, int] = {}
    try:
        with long_fields(), open_bytes(path, dialect) as raw:
            lines = Lines(path, raw, dialect)
            given = iter(lines)
            first = next(given, "")
            separator = dialect.separator or usual_separator(path, first)
            lines.separator = separator
            reader = csv.reader(itertools.chain([first], given), delimiter=separator, strict=True)
            names = next(reader, [])
            if not any(name.strip() for name in names):
                line = lines.number
                raise no_header(path, line, lines.number if any(each.strip() for each in given) else None)
            check_header(path, names, dialect)
            n = len(names)
            header, size, stored = lines.size, 0, path.stat().st_size
            lines.next_row()
            for row in reader:
                if lines.bad_line is not None:
                    _note_damage(damaged, names, row, lines.bad_line)
                number = lines.number
                size += lines.size
                if size >= _BLOCK_BYTES:
                    blocks.append(size)
                    size = 0
                    check_cells(path, rows, n, stored)
                    check_lines(path, number, stored)
                lines.next_row()
                if len(row) == n or (not row and n == 1):
                    rows += 1
                elif row:
                    found = Row(row, number, next(reader, None))
                    raise ragged(path, names, rows, found, _layout_of(path, separator, dialect))
            check_cells(path, rows, n, stored)
    except csv.Error as error:
        raise wrong_quote(path, lines.number if lines else 1, first, error) from error
    return CsvLook(
        tuple(names),
        dialect,
        separator,
        rows,
        header,
        (*blocks, size) if size else tuple(blocks),
        damaged,
        lines.ended,
        lines.comments,
    )


def csv_pieces(path: Path, look: CsvLook, columns: Sequence[str], damaged: str | None = None) -> Iterator[pl.DataFrame]:
    """Read some columns of a CSV file as text, piece by piece.

    Args:
        path: The file.
        look: What the first pass over every row found.
        columns: The columns to read.
        damaged: The name of an additional column, which lists for each row its columns with bytes that are invalid in
            the file's encoding; those are replaced by U+FFFD.

    Raises:
        InputError: The file is broken, or its rows differ from those that were counted.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    columns = list(columns)
    kind = pa.large_binary() if look.damaged else pa.large_string()
    parse = arrow_csv.ParseOptions(
        delimiter=look.separator,
        newlines_in_values=True,
        ignore_empty_lines=len(look.names) > 1,  # in a table of one column an empty line is a null
    )
    convert = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(look.names, kind),
        include_columns=columns,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    rows = waiting = 0
    held: list[Any] = []

    def frame() -> pl.DataFrame:
        arrays = held[0] if len(held) == 1 else pa.concat_tables(held).combine_chunks()
        held.clear()
        made = cast("pl.DataFrame", pl.from_arrow(arrays))
        made.columns = columns  # a column may be unnamed, and polars would name it
        return decoded(made, columns, damaged)

    try:
        for block in _blocks(path, look):
            options = arrow_csv.ReadOptions(
                column_names=look.names, block_size=len(block) + _BLOCK_SLACK, use_threads=False
            )
            with _signals_left_alone():
                table = arrow_csv.read_csv(pa.BufferReader(block), options, parse, convert)
            del block
            held.append(pa.table(table.columns, [f"{i}" for i in range(len(columns))]))
            rows, waiting = rows + table.num_rows, waiting + table.num_rows
            del table
            if waiting >= LEAST_ROWS:
                yield frame()
                waiting = 0
        if waiting:
            yield frame()
    except (pa.ArrowException, OSError, EOFError, csv.Error, KeyError) as error:
        raise broken(path, error) from error
    check_count(path, rows, look.rows)


@contextmanager
def _signals_left_alone() -> Iterator[None]:
    """Prevent Arrow from handling SIGINT and SIGTERM while it reads in the main thread.

    It would pass them on when it is done, but loses about one in ten, namely those that arrive just before. Only the
    main thread asks for this setting, so no other reader is affected.
    """
    import pyarrow as pa

    in_main = threading.current_thread() is threading.main_thread()
    if in_main:
        pa.enable_signal_handlers(False)
    try:
        yield
    finally:
        if in_main:
            pa.enable_signal_handlers(True)


def _blocks(path: Path, look: CsvLook) -> Iterator[bytes]:
    """The blocks of rows that the first pass found, each with a final line end.

    Arrow gets them one by one instead of the file: it would read ahead in a thread of its own, which holds several of
    them, and which nothing can wait for before Python exits.
    """
    with open_bytes(path, look.dialect) as raw:
        table: io.BufferedReader[Any] = raw
        if look.dialect.drops_lines:
            table = io.BufferedReader(TableBytes(path, raw, look.dialect, look.separator), 1 << 16)
        if table.read(look.header).startswith(codecs.BOM_UTF8):
            table.read(len(codecs.BOM_UTF8))
        for number, size in enumerate(look.blocks, 1):
            block = table.read(size)
            if number == len(look.blocks) and not look.ended:
                block += b"\n"  # otherwise pyarrow reads an empty last field as empty text, not null
            if block.startswith(codecs.BOM_UTF8):
                block = codecs.BOM_UTF8 + block  # Arrow takes the first one for the mark of a file
            if len(look.names) == 1 or block.strip(b"\r\n"):  # Arrow treats a block of empty lines as an empty file
                yield block


def first_lines(path: Path, dialect: CsvDialect) -> list[str]:
    """The first lines of a file, from line 1; as many as it takes to tell what it contains."""
    with open_bytes(path, dialect) as raw:
        start = raw.read(_FIRST_BYTES).decode(errors="replace").removeprefix("\ufeff")
    return re.split(r"\r\n|\r|\n", start)  # str.splitlines also splits at other characters


def _layout_of(path: Path, separator: str, dialect: CsvDialect) -> Layout | None:
    lines = first_lines(path, dialect)
    return layout_of(path, lines[:-1] if sum(map(len, lines)) > _FIRST_BYTES // 2 else lines, separator, dialect)


def _note_damage(damaged: dict[str, int], names: list[str], row: list[str], line: int) -> None:
    for name, field in zip(names, row, strict=False):
        if name not in damaged:
            try:
                field.encode()
            except UnicodeEncodeError:
                damaged[name] = line


def open_bytes(path: Path, dialect: CsvDialect) -> "io.BufferedReader[Any]":
    """The content of a CSV in UTF-8, unpacked; bytes that are invalid in its encoding become invalid UTF-8."""
    file = open_unpacked(path)
    if dialect.encoding == UTF_8:
        return file
    return io.BufferedReader(Converted(path, file, dialect.encoding), 1 << 16)
