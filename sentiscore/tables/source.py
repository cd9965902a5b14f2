"""A file of rows -> windows of rows, in order, in bounded memory.

CSV has no types, so every CSV column comes out as text, exactly as it stands in the file: an empty field is
null, a quoted empty field is the empty text. Parquet and ndjson keep their types.
"""

import csv
import gzip
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import polars as pl
from polars.selectors import by_name

from sentiscore.errors import InputError

Format = Literal["csv", "parquet", "ndjson"]

_SUFFIXES: Final[dict[str, tuple[Format, str]]] = {
    ".csv": ("csv", ","),
    ".csv.gz": ("csv", ","),
    ".tsv": ("csv", "\t"),
    ".tsv.gz": ("csv", "\t"),
    ".parquet": ("parquet", ""),
    ".pq": ("parquet", ""),
    ".ndjson": ("ndjson", ""),
    ".jsonl": ("ndjson", ""),
}
READABLE: Final = ", ".join(_SUFFIXES)
_CSV_BLOCK_BYTES: Final = 16 * 2**20
_FIRST_SLICE_ROWS: Final = 1_024
_SLICE_BYTES: Final = 32 << 20
_SAMPLE_BYTES: Final = 256 * 1024


WINDOW_BYTES: Final = 64 << 20
"""Text that is held at once, so that long texts take no more memory than many."""


@dataclass(frozen=True)
class Source:
    """One readable file of rows.

    Attributes:
        path: Where it is.
        format: How it is read.
        schema: Its columns and their types.
        separator: Of a CSV.
        identity: By which it is told from a file that takes its place later.
    """

    path: Path
    format: Format
    schema: pl.Schema
    separator: str = ""
    identity: tuple[int, ...] = ()

    def windows(
        self, n_rows: int, columns: Sequence[str] | None = None, *, n_bytes: int = WINDOW_BYTES
    ) -> Iterator[pl.DataFrame]:
        """The rows in order, some at a time.

        Args:
            n_rows: Rows of a window; every window but the last has as many, or `n_bytes`.
            columns: The columns to read, all by default.
            n_bytes: A window ends with the row that brings its texts to so many bytes.

        Raises:
            InputError: The file is broken somewhere, or was changed since it was opened; windows before that place
                were good.
        """
        _check_same(self)
        chosen = list(self.schema) if columns is None else list(columns)
        if self.format == "csv":
            pieces = _csv_pieces(self)
        elif self.format == "parquet":
            pieces = _parquet_pieces(self, n_rows, chosen)
        else:
            pieces = _ndjson_pieces(self, n_rows, chosen)
        yield from _rechunk((piece[chosen] for piece in pieces), n_rows, n_bytes)

    def estimate_rows(self) -> int | None:
        """About how many rows there are, without reading them: exact for parquet, None for .gz."""
        if self.format == "parquet":
            return int(pl.scan_parquet(self.path).select(pl.len()).collect().item())
        if _is_gzip(self.path):
            return None
        with self.path.open("rb") as file:
            sample = file.read(_SAMPLE_BYTES)
        size = self.path.stat().st_size
        lines = sample.count(b"\n") or 1
        return max(1, round(lines * size / len(sample))) if sample else 0


def open_source(path: str | Path) -> Source:
    """Look at a file: is it there, what is its format, which columns has it?

    Args:
        path: A .csv, .tsv (also .gz), .parquet, .ndjson or .jsonl file.

    Raises:
        InputError: The file is missing, empty, broken, of an unknown kind, or has unusable column names.
    """
    path = Path(path)
    try:
        return _look_at(path)
    except PermissionError as error:
        raise InputError(f"{path} may not be read by this user.", "Check its permissions.") from error
    except (pl.exceptions.PolarsError, OSError, EOFError) as error:
        raise _broken(path, error) from error


def _look_at(path: Path) -> Source:
    kind = next((kind for suffix, kind in _SUFFIXES.items() if path.name.lower().endswith(suffix)), None)
    if not path.exists():
        raise InputError(f"There is no file {path}.", "Check the path; it is taken relative to this folder.")
    if path.is_dir():
        raise InputError(f"{path} is a folder.", f"Name the files in it, for example: '{path}/*.parquet'")
    if kind is None:
        raise InputError(f"{path} is of a kind that cannot be read.", f"Readable are: {READABLE}.")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty: it has not even a header.", "Was it written to the end?")
    file_format, separator = kind
    identity = _identity(path)
    if file_format == "csv":
        names, separator = _check_csv(path, separator)
        schema = pl.Schema(dict.fromkeys(names, pl.String))
    elif file_format == "parquet":
        schema = pl.scan_parquet(path).collect_schema()
    else:
        schema = pl.scan_ndjson(path, infer_schema_length=None).collect_schema()
    return Source(path, file_format, schema, separator, identity)


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """A whole file as one frame.

    Raises:
        InputError: See `open_source`; or a column that is not there.
    """
    source = open_source(path)
    if columns is not None:
        for column in columns:
            require_column(source.schema, column, str(path))
    frames = list(source.windows(1_000_000, columns))
    if frames:
        return pl.concat(frames)
    schema = source.schema if columns is None else {name: source.schema[name] for name in columns}
    return pl.DataFrame(schema=schema)


def require_column(schema: pl.Schema, column: str, where: str, option: str = "") -> None:
    """Raise an InputError that lists the columns there are, unless `column` is one of them."""
    if column not in schema:
        raise InputError(
            f"{where} has no column {column!r}; its columns are: {', '.join(schema) or '(none)'}.",
            f"Name the right one with {option}." if option else "Name one of these.",
        )


def _broken(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split("\n\n")[0].split()) or type(error).__name__
    return InputError(
        f"{path} cannot be read: {reason}.".replace("..", "."),
        "The file looks broken or cut short; get it again from where it came.",
    )


def _rechunk(pieces: Iterator[pl.DataFrame], n_rows: int, n_bytes: int) -> Iterator[pl.DataFrame]:
    """Pieces of any size -> windows whose borders do not depend on those of the pieces."""
    held: list[pl.DataFrame] = []
    rows = size = 0
    for piece in pieces:
        none = pl.repeat(0, piece.height, dtype=pl.Int64)  # for a table without a column of text
        text_bytes = pl.sum_horizontal(none, pl.col(pl.String).str.len_bytes().cast(pl.Int64).fill_null(0))
        ends = piece.select(text_bytes.cum_sum()).to_series()
        taken = counted = 0
        while taken < piece.height:
            full = int(ends.search_sorted(counted + n_bytes - size, side="left")) + 1  # the row that fills it included
            until = min(full, taken + n_rows - rows, piece.height)
            held.append(piece.slice(taken, until - taken))
            rows += until - taken
            size += int(ends[until - 1]) - counted
            taken, counted = until, int(ends[until - 1])
            if rows == n_rows or size >= n_bytes:
                yield pl.concat(held)
                held, rows, size = [], 0, 0
    if held:
        yield pl.concat(held)


def _parquet_pieces(source: Source, n_rows: int, columns: list[str]) -> Iterator[pl.DataFrame]:
    """Slice after slice: polars' own stream reads several row groups ahead, which takes twice the memory.

    What a row takes is only known once it is read, whatever the file says of itself. So slices begin small, and grow
    as far as those before them let hope that they stay within their bound.
    """
    frame = pl.scan_parquet(source.path)
    start, step = 0, min(n_rows, _FIRST_SLICE_ROWS)
    try:
        total = frame.select(pl.len()).collect().item()
        chosen = frame.select(by_name(*columns))
        while start < total:
            piece = chosen.slice(start, step).collect()
            _check_same(source)  # each slice opens the file anew
            yield piece
            start += step
            row_bytes = max(1, int(piece.estimated_size()) // step)
            step = max(1, min(n_rows, 4 * step, _SLICE_BYTES // row_bytes))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        _check_same(source)
        raise _broken(source.path, error) from error


def _identity(path: Path) -> tuple[int, ...]:
    """What a file has in common with itself, and hardly with another that takes its place."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _check_same(source: Source) -> None:
    """Raise an InputError if the file is not the one that was opened: its rows must not be mixed with another's."""
    try:
        same = _identity(source.path) == source.identity
    except OSError:
        same = False
    if not same:
        raise InputError(f"{source.path} was changed while it was read.", "Run it again, once the file is complete.")


def _ndjson_pieces(source: Source, n_rows: int, columns: list[str]) -> Iterator[pl.DataFrame]:
    """The one place that calls polars' `collect_batches`, which is marked unstable."""
    frame = pl.scan_ndjson(source.path, schema=source.schema)
    try:
        yield from frame.select(by_name(*columns)).collect_batches(chunk_size=n_rows, maintain_order=True)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _broken(source.path, error) from error


def _is_gzip(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _open_bytes(path: Path) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(path, "rb") if _is_gzip(path) else path.open("rb")


def _check_csv(path: Path, separator: str) -> tuple[list[str], str]:
    """A look at every row of a CSV -> its column names and its separator.

    The whole file is parsed once by the rules of RFC 4180, so that a row that is wrong is found, and named, before
    anything is done with the rows before it.
    """
    limit = csv.field_size_limit(_CSV_BLOCK_BYTES)
    reader = None
    try:
        with _open_bytes(path) as raw:
            lines = _lines(path, raw)
            first = next(lines, "")
            separator = _guess_separator(first) if separator == "," else separator
            reader = csv.reader(itertools.chain([first], lines), delimiter=separator, strict=True)
            names = next(reader, [])
            _check_names(path, names)
            for row in reader:
                if row and len(row) != len(names):
                    raise InputError(
                        f"{path} is ragged: the row in line {reader.line_num} has {len(row)} fields, "
                        f"and the header has {len(names)}.",
                        "Every row needs as many fields as the header; quote a field that holds a separator.",
                    )
    except csv.Error as error:
        raise InputError(
            f"{path} has a quote or a field that is wrong, in or before line {reader.line_num if reader else 1}: "
            f"{error}.",
            'A quoted field ends in one quote before the separator; a quote inside it is doubled: "".',
        ) from error
    finally:
        csv.field_size_limit(limit)
    return names, separator


def _lines(path: Path, raw: gzip.GzipFile | io.BufferedReader) -> Iterator[str]:
    """The lines of a file, with their ends; an error names the line that is not UTF-8."""
    for number, line in enumerate(raw, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise _not_utf8(path, line if number == 1 else b"", number) from error
        if "\r" in text.rstrip("\r\n"):
            yield from io.StringIO(text, newline="")
        else:
            yield text


def _guess_separator(header: str) -> str:
    """A comma, unless the header has none outside quotes and is plainly separated by something else."""
    plain = re.sub(r'"[^"]*"', "quoted", header)
    if "," in plain:
        return ","
    for other in (";", "\t"):
        parts = plain.split(other)
        if len(parts) > 1 and all(part.strip() for part in parts):
            return other
    return ","


def _check_names(path: Path, names: list[str]) -> None:
    if not any(name.strip() for name in names):
        raise InputError(f"{path} has no header in its first line.", "Write the column names there.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(
            f"{path} has more than one column called {', '.join(map(repr, twice))}.",
            "Give every column a name of its own.",
        )


def _not_utf8(path: Path, first: bytes, number: int) -> InputError:
    coding = "UTF-16" if first.startswith((b"\xff\xfe", b"\xfe\xff")) else "WINDOWS-1252"
    where = "its header" if number == 1 else f"line {number}"
    return InputError(
        f"{path} holds bytes that are not UTF-8, in {where}.",
        f"Convert it first, for example: iconv -f {coding} -t UTF-8 {path.name} > utf8.csv",
    )


def _csv_pieces(source: Source) -> Iterator[pl.DataFrame]:
    """All columns of a CSV file as text; strict about the number of fields in every row."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = list(source.schema)
    rows = 0
    try:
        with _open_bytes(source.path) as raw:
            reader = arrow_csv.open_csv(
                pa.PythonFile(raw, mode="r"),
                read_options=arrow_csv.ReadOptions(block_size=_CSV_BLOCK_BYTES, use_threads=False),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=source.separator,
                    newlines_in_values=True,
                    ignore_empty_lines=len(names) > 1,  # in a table of one column an empty line is a null
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.large_string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
            for batch in reader:
                if batch.num_rows:
                    rows += batch.num_rows
                    frame = pl.DataFrame(pl.from_arrow(batch))
                    frame.columns = names  # a column may have no name, and polars would give it one
                    yield frame
    except pa.ArrowInvalid as error:
        message = str(error)
        if "Empty CSV file or block" in message and rows == 0:
            return  # a header alone, without a line end
        if "straddling" in message:
            raise InputError(
                f"{source.path} has a row of more than {_CSV_BLOCK_BYTES // 2**20} MB after row {rows}.",
                "Cut its text short first.",
            ) from error
        raise _broken(source.path, error) from error
    except (pa.ArrowException, OSError, EOFError) as error:
        raise _broken(source.path, error) from error
