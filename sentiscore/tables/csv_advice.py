"""What an unexpected CSV looks like, and the options that would read it."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sentiscore.errors import InputError
from sentiscore.tables.dialect import CsvDialect
from sentiscore.tables.problems import check_names, conversion, not_utf8

_USUAL: Final = (";", "\t")
"""Separators that are detected where a header has no comma."""

_LIKELY: Final = (",", *_USUAL, "|", ":", "^", "~")
"""Separators that files may use."""

_SIGN: Final = "#"
_FIRST_LINES: Final = 100
"""How many lines may come before a header."""


@dataclass(frozen=True)
class Row:
    """A row with a different number of fields than the header.

    Attributes:
        fields: The fields of the row.
        line: The line of the file in which it ends, from 1.
        following: The next row; None at the end of the file.
    """

    fields: list[str]
    line: int
    following: list[str] | None


@dataclass(frozen=True)
class Layout:
    """A way to read the first lines of a file so that all rows have as many fields as the header.

    Attributes:
        line: The line of the header, from 1.
        fields: How many fields the header has, 2 or more.
        options: The options that read the file this way; none if the current ones do.
    """

    line: int
    fields: int
    options: tuple[str, ...]


def layout_of(path: Path, lines: Sequence[str], separator: str, dialect: CsvDialect) -> Layout | None:
    """Find the layout with the fewest lines before the header; None if there is none.

    Args:
        path: The file.
        lines: Its first lines, from line 1 to the end of a row.
        separator: The current separator, which is tried first.
        dialect: How the file was read.
    """
    lines = list(lines)
    while lines and not lines[-1].strip():
        del lines[-1]
    for skipped in range(min(len(lines) - 1, _FIRST_LINES)):
        for each in dict.fromkeys((separator, *_LIKELY)):
            if (fields := _equal_fields(lines[skipped:], each, dialect.comment)) is not None:
                usual = dialect.separator or usual_separator(path, lines[skipped])
                options = [] if each == usual else [_typed_separator(each)]
                options += [f"--skip-rows {skipped} (skip_rows)"] if skipped != dialect.skip_rows else []
                return Layout(skipped + 1, fields, tuple(options))
    return None


def _equal_fields(lines: Sequence[str], separator: str, comment: str | None) -> int | None:
    """How many fields each of these rows has, if that is the same for all and the first can be a header."""
    kept = (f"{line}\n" for line in lines if comment is None or not line.startswith(comment))
    rows = csv.reader(kept, delimiter=separator, strict=True)
    seen = 0
    try:
        header = next(rows, [])
        if len(header) <= 1 or len({name.strip() for name in header} - {""}) < len(header):
            return None
        for row in rows:
            if len(row) != len(header):
                return None
            seen += 1
    except csv.Error:
        return None
    return len(header) if seen else None


def usual_separator(path: Path, header: str) -> str:
    """Detect the separator of a file for which none was given.

    A tab in a .tsv; elsewhere a comma, unless the header has none outside quotes and is clearly separated by a
    semicolon or a tab.
    """
    if path.name.lower().endswith((".tsv", ".tsv.gz")):
        return "\t"
    plain = re.sub(r'"[^"]*"', "quoted", header)
    if "," in plain or '"' in plain:  # a name continues on the next line
        return ","
    for other in _USUAL:
        parts = plain.split(other)
        if len(parts) > 1 and all(part.strip() for part in parts):
            return other
    return ","


def no_header(path: Path, line: int, following: int | None) -> InputError:
    """The error for a file whose header has no names.

    Args:
        path: The file.
        line: The line where the header should be, from 1.
        following: The first line after it that is not blank; None if there is none.
    """
    skip = ""
    if following is not None:
        skip = f" Or, if they are in line {following}, add --skip-rows {following - 1} (skip_rows)."
    return InputError(
        f"{path} has no header in {'its first line' if line <= 1 else f'line {line}'}.",
        f"Write the column names there.{skip}",
    )


def check_header(path: Path, names: list[str], dialect: CsvDialect) -> None:
    """Raise an InputError if the names of the columns cannot be used.

    Args:
        path: The file.
        names: Its columns.
        dialect: How the file is written.
    """
    check_names(path, names)
    header = "".join(names)
    if "\x00" in header:
        coding = _wide(header)
        raise InputError(
            f"{path} has a header with NUL bytes in it.",
            f"Is it UTF-16? Then read it with --encoding {coding} (encoding), or convert it first: "
            f"{conversion(path, coding.upper())}",
        )
    try:
        header.encode()
    except UnicodeEncodeError as error:
        raise not_utf8(path, "its header", encoding=dialect.encoding, option=True) from error


def _wide(header: str) -> str:
    """Which UTF-16 a header with NUL bytes is in, judged by its byte order mark or the positions of the NULs."""
    if header.startswith(("\udcff\udcfe", "\udcfe\udcff")):
        return "utf-16"
    return "utf-16be" if header.startswith("\x00") else "utf-16le"


def ragged(path: Path, names: Sequence[str], rows: int, row: Row, layout: Layout | None) -> InputError:
    """The error for a row with more or fewer fields than the header.

    Args:
        path: The file.
        names: Its header.
        rows: How many rows come before the row.
        row: The row.
        layout: Another way to read the first lines of the file.
    """
    n, found = len(names), len(row.fields)
    advice = ""
    looks_like_header = all(field.strip() for field in row.fields) and len(row.following or []) == found
    if row.fields[0].startswith(_SIGN):
        advice = f"If line {row.line} is a comment, add --comment '{_SIGN}' (comment). "
    elif names[0].startswith(_SIGN) and looks_like_header and not rows:
        advice = (
            f"If the line before it is a comment, add --comment '{_SIGN}' or --skip-rows {row.line - 1} (skip_rows). "
        )
    elif layout is not None and layout.options and (not rows or n == 1) and layout.fields != n:
        advice = f"If line {layout.line} is the header, add {' and '.join(layout.options)}. "
    elif (not rows or n == 1) and looks_like_header and row.line <= _FIRST_LINES:
        advice = f"If line {row.line} is the header, add --skip-rows {row.line - 1} (skip_rows). "
    return InputError(
        f"{path} is ragged: the row in line {row.line} has {found} fields, and the header has {n}.",
        f"{advice}Every row needs as many fields as the header; quote a field that holds a separator.",
    )


def wrong_quote(path: Path, line: int, header: str, error: csv.Error) -> InputError:
    """The error for a wrong quote or field.

    Args:
        path: The file.
        line: The line at or before which the error is, from 1.
        header: The first line of the table.
        error: What is wrong.
    """
    other = next((each for each in _LIKELY if len(_fields(header.strip("\r\n"), each)) > 1), None)
    seen = other is not None and "expected after" in str(error) and '"' in header
    advice = f"If {other!r} separates the fields, add {_typed_separator(other)}. " if other is not None and seen else ""
    return InputError(
        f"{path} has a quote or a field that is wrong, in or before line {line}: {error}.",
        f'{advice}A quoted field ends in one quote before the separator; a quote inside it is doubled: "".',
    )


def way_to(path: Path, lines: Sequence[str], dialect: CsvDialect, column: str) -> str:
    """Advice on options with which a line of the file would name a column; empty if there are none.

    Args:
        path: The file.
        lines: Its first lines, from line 1.
        dialect: How it was read.
        column: The column that is missing.
    """
    for number, line in enumerate(lines[:_FIRST_LINES]):
        header = line.strip("\r\n").removeprefix("\ufeff")
        usual = dialect.separator or usual_separator(path, header)
        for separator in dict.fromkeys((usual, *_LIKELY)):
            if column not in _fields(header, separator):
                continue
            before = [each for each in lines[:number] if each.strip()]
            options = [] if separator == usual else [_typed_separator(separator)]
            if number > dialect.skip_rows and before and all(each.startswith(_SIGN) for each in before):
                options.append(f"--comment '{_SIGN}' (comment)")
            elif number != dialect.skip_rows:
                options.append(f"--skip-rows {number} (skip_rows)")
            return f"Line {number + 1} names it: add {' and '.join(options)}." if options else ""
    return ""


def separator_seen(names: Sequence[str]) -> str:
    """The advice for a table whose only column has a name that looks like several; empty otherwise."""
    if len(names) != 1:
        return ""
    seen = next((each for each in _LIKELY if each in names[0].strip(each)), None)
    return "" if seen is None else f"Its header looks separated by {seen!r}: add {_typed_separator(seen)}."


def _typed_separator(separator: str) -> str:
    shown = "\\t" if separator == "\t" else separator
    return f"--separator '{shown}' (separator)"


def _fields(header: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([header], delimiter=separator, strict=True), [])
    except csv.Error:
        return []
