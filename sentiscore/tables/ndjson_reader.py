"""Reads newline-delimited JSON, or a list of objects: one pass checks every line, a second one reads the rows.

The first pass finds what the reader would silently accept: a duplicate key, half of a pair of surrogates, a whole
number that a column of fractions would round.
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl
from polars.selectors import by_name

from sentiscore.errors import InputError
from sentiscore.tables.json_lines import is_list, json_lines
from sentiscore.tables.limits import MAX_COLUMNS, MAX_DEPTH, MAX_ROW_VALUES, MAX_WINDOW_CELLS
from sentiscore.tables.ndjson_values import NumberError, decode, is_rounded, narrowed, shape_of, types_in
from sentiscore.tables.problems import broken, check_cells, check_count, check_names, not_utf8, too_much

_BLANK: Final = b" \t\r\n"
_SPACED_COLONS: Final = (b" :", b"\t:", b"\r:", b"\n:")
_MAX_TYPES: Final = 100_000
_EXAMPLE_BYTES: Final = 64 << 20
_SEEN_BYTES: Final = 4 << 20
_BLOCK_LINES: Final = 256
_BLOCK_BYTES: Final = 1 << 20
_PIECE_BYTES: Final = 8 << 20

_Block = list[tuple[int, bytes]]


@dataclass(frozen=True)
class _Example:
    """The first line with a new key, or a new type of value for a known key."""

    number: int
    line: str


def look_at_ndjson(path: Path, on_mixed: Callable[[list[str]], None] | None = None) -> tuple[pl.Schema, int]:
    """Check that every line of a file is an object, and find its columns and types.

    Args:
        path: The file.
        on_mixed: Called with the columns that are read as text although some of their values are not text, if there are
            any.

    Returns:
        The columns and their types, and how many rows there are.

    Raises:
        InputError: A line is not an object, is too large, or could not be written back unchanged.
    """
    examples: list[_Example] = []
    names: dict[str, None] = {}
    inner: set[str] = set()
    types: set[Any] = set()
    seen: set[Any] = set()  # shapes of lines that were checked; cleared now and then
    rows = objects = seen_bytes = kept_bytes = 0
    for block in _blocks(path, _BLOCK_LINES, _BLOCK_BYTES):
        values = _parse(path, block, inner)
        rows += len(values)
        objects += sum(line.count(b"{") for _, line in block)
        shapes: list[Any] = [(tuple(value), tuple(map(type, value.values()))) for value in values]
        if any(list in kinds or dict in kinds for _, kinds in set(shapes)):
            shapes = [shape_of(value) for value in values]
        if set(shapes) <= seen:
            continue
        for (number, line), value, shape in zip(block, values, shapes, strict=True):
            if shape in seen:
                continue
            seen_bytes += len(line)
            if seen_bytes > _SEEN_BYTES:
                seen.clear()
                seen_bytes = len(line)
            seen.add(shape)
            new = set(types_in(value)) - types
            if not new:
                continue
            types |= new
            names |= dict.fromkeys(value)
            examples.append(_Example(number, line.decode()))
            kept_bytes += len(line)
            if len(names) + len(inner) > MAX_COLUMNS:
                raise too_much(
                    path, f"has more than {MAX_COLUMNS:,} names of columns and fields in {_place(path, number)}"
                )
            if len(types) > _MAX_TYPES or kept_bytes > _EXAMPLE_BYTES:
                raise too_much(
                    path, f"has too many keys and types of values, and in too many lines, up to {_place(path, number)}"
                )
    check_names(path, list(names))
    check_cells(path, objects, len(names) + len(inner), path.stat().st_size)
    schema = _infer(path, examples)
    _check_exact(path, schema, examples)
    if on_mixed is not None and (mixed := _mixed(schema, examples)):
        on_mixed(mixed)
    lines = [decode(example.line) for example in examples]
    return pl.Schema({name: narrowed(kind, [line.get(name) for line in lines]) for name, kind in schema.items()}), rows


def ndjson_pieces(path: Path, schema: pl.Schema, rows: int, n_rows: int, columns: list[str]) -> Iterator[pl.DataFrame]:
    """Read the rows, some lines at a time: polars would treat the file name as a pattern, and refuses byte order marks.

    Args:
        path: The file.
        schema: Its columns and types.
        rows: How many rows it has.
        n_rows: The maximum number of rows of a piece.
        columns: The columns to read.

    Raises:
        InputError: The file is broken, or its rows are not those that were counted.
    """
    found = 0
    try:
        for block in _blocks(path, max(1, min(n_rows, MAX_WINDOW_CELLS // _width(schema))), _PIECE_BYTES):
            if block:
                piece = _read(block, schema, columns, path)
                check_count(path, piece.height, len(block))
                found += piece.height
                yield piece
    except OSError as error:
        raise broken(path, error) from error
    check_count(path, found, rows)


def _width(dtype: Any) -> int:
    """How many values a row, or a value of a type, has: fields of objects, and one for anything else."""
    if isinstance(dtype, pl.Schema):
        return sum(map(_width, dtype.values()))
    if isinstance(dtype, pl.Struct):
        return 1 + sum(_width(field.dtype) for field in dtype.fields)
    return _width(dtype.inner) if isinstance(dtype, pl.List) else 1


def _read(block: _Block, schema: pl.Schema, columns: list[str], path: Path) -> pl.DataFrame:
    try:
        lines = io.BytesIO(b"\n".join([line for _, line in block]))
        return pl.scan_ndjson(lines, schema=schema).select(by_name(*columns)).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        number, line = next(((n, line) for n, line in block if not _reads(line, schema)), (0, b"{}"))
        name = next((name for name in json.loads(line) if not _reads(line, pl.Schema({name: schema[name]}))), None)
        if name is not None:
            raise InputError(
                f"{path} cannot be read: the column {name!r} holds values of several types, which have no type in "
                f"common: {schema[name]}, and in {_place(path, number)} {json.dumps(json.loads(line)[name]):.60}.",
                "Give it one type, for example text. Or name the columns to keep without it with --columns (columns).",
            ) from error
        raise broken(path, f"{_place(path, number)}: {error}" if number else error) from error


def _blocks(path: Path, n_lines: int, n_bytes: int) -> Iterator[_Block]:
    """The non-blank lines or items, some at a time, each with its number; without a byte order mark."""
    block: _Block = []
    size = 0
    for number, line in json_lines(path):
        size += len(line)
        if len(line) > MAX_ROW_VALUES and sum(map(line.count, (b",", b"[", b"{"))) > MAX_ROW_VALUES:
            raise too_much(path, f"has more than {MAX_ROW_VALUES:,} separators in {_place(path, number)}")
        if line.strip(_BLANK):
            block.append((number, line))
        if len(block) == n_lines or size > n_bytes:
            yield block
            block, size = [], 0
    yield block


def _parse(path: Path, block: _Block, inner: set[str]) -> list[dict[str, Any]]:
    """Parse the objects of some lines as one list, which is much faster than one by one.

    The names of fields in objects within them are collected.
    """
    data = b",".join([line for _, line in block])
    if data.count(b"[") + data.count(b"{") >= len(block) + MAX_DEPTH:
        _check_depth(path, block)
    try:
        values: list[Any] = decode(f"[{data.decode()}]")
    except ValueError:
        values = []
    if len(values) != len(block) or not set(map(type, values)) <= {dict}:
        values = [_parse_line(path, number, line) for number, line in block]  # raises for the wrong line
    if data.count(b'":') != sum(map(len, values)) or any(map(data.__contains__, _SPACED_COLONS)):
        for (number, line), value in zip(block, values, strict=True):
            if line.count(b'":') != len(value) or any(map(line.__contains__, _SPACED_COLONS)):
                _look_at_keys(path, number, line, inner)  # some are nested or duplicate
    if b"\\u" in data:
        for (number, line), value in zip(block, values, strict=True):
            if b"\\u" in line:
                _check_escapes(path, number, value)
    return values


def _parse_line(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        value = decode(line.decode())
    except UnicodeDecodeError as error:
        raise not_utf8(path, _place(path, number)) from error
    except json.JSONDecodeError as error:
        raise _bad(path, number, f"{error.msg} at character {error.pos + 1}") from error
    except NumberError as error:
        raise _bad(path, number, str(error)) from error
    if type(value) is not dict:
        raise _bad(path, number, "it is not an object")
    return value


def _look_at_keys(path: Path, number: int, line: bytes, inner: set[str]) -> None:
    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise _bad(path, number, "a key stands in it twice")
        inner.update(found)
        return found

    top = json.loads(line, object_pairs_hook=collect)
    inner.difference_update(top)


def _check_escapes(path: Path, number: int, value: dict[str, Any]) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise _bad(path, number, "an escape is half of a pair of surrogates, which is no character") from error


def _check_depth(path: Path, block: _Block) -> None:
    """Raise an InputError if the lists and objects of a line are nested too deeply."""
    for number, line in block:
        if line.count(b"[") + line.count(b"{") > MAX_DEPTH:
            depth = 0
            for bracket in re.findall(rb"[\[\]{}]", re.sub(rb'"(?:[^"\\]|\\.)*+"', b"", line)):
                depth += 1 if bracket in b"[{" else -1
                if depth > MAX_DEPTH:
                    raise too_much(path, f"is nested more than {MAX_DEPTH} levels deep in {_place(path, number)}")


def _infer(path: Path, examples: list[_Example]) -> pl.Schema:
    """The types of the columns, from the examples; an error names the first line that does not fit."""
    if (schema := _schema_of(examples)) is not None:
        return schema
    good, bad = 0, len(examples)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if _schema_of(examples[:middle]) is not None else (good, middle)
    raise _bad(path, examples[bad - 1].number, "its types do not go together with those of the lines before")


def _schema_of(examples: list[_Example]) -> pl.Schema | None:
    lines = "\n".join(example.line for example in examples).encode()
    try:
        return pl.scan_ndjson(io.BytesIO(lines), infer_schema_length=None).collect_schema()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None


def _mixed(schema: pl.Schema, examples: list[_Example]) -> list[str]:
    """The columns that are read as text although some of their values are not text."""
    texts = {name for name, kind in schema.items() if kind == pl.String}
    found = dict.fromkeys(
        name
        for example in examples
        for name, value in decode(example.line).items()
        if name in texts and value is not None and not isinstance(value, str)
    )
    return list(found)


def _check_exact(path: Path, schema: pl.Schema, examples: list[_Example]) -> None:
    for example in examples:
        for name, value in decode(example.line).items():
            if is_rounded(value, schema[name]):
                raise _bad(
                    path,
                    example.number,
                    f"a whole number of {name!r} has too many digits for a column that holds fractions too",
                )


def _reads(line: bytes, schema: pl.Schema) -> bool:
    try:
        pl.read_ndjson(io.BytesIO(line), schema=schema)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return False
    return True


def _place(path: Path, number: int) -> str:
    """Where a row is in its file, for messages."""
    return f"{'item' if is_list(path) else 'line'} {number}"


def _bad(path: Path, number: int, why: str) -> InputError:
    return InputError(
        f"{path} cannot be read: {_place(path, number)} is wrong: {why}.",
        "Every line of such a file is one JSON object; mend the line or leave it out."
        if path.suffix.lower() != ".json"
        else "Such a file is a list of objects, [{...}, {...}], or one object on each line; write it as one of these.",
    )
