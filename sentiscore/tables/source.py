"""A file of rows -> windows of rows, in order, in bounded memory.

CSV has no types, so every CSV column comes out as text, exactly as it stands in the file: an empty field is
null, a quoted empty field is the empty text. Parquet and ndjson keep their types.
"""

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import polars as pl

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
_SAMPLE_BYTES: Final = 256 * 1024


@dataclass(frozen=True)
class Source:
    """One readable file of rows.

    Attributes:
        path: Where it is.
        format: How it is read.
        schema: Its columns and their types.
    """

    path: Path
    format: Format
    schema: pl.Schema
    separator: str = ""

    def windows(self, n_rows: int, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows in order, at most `n_rows` at a time.

        Args:
            n_rows: Rows of a window; every window but the last has as many.
            columns: The columns to read, all by default.

        Raises:
            InputError: The file is broken somewhere; windows before that place were good.
        """
        chosen = list(self.schema) if columns is None else list(columns)
        pieces = _csv_pieces(self) if self.format == "csv" else _polars_pieces(self, n_rows, chosen)
        yield from _rechunk((piece.select(chosen) for piece in pieces), n_rows)

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
    if file_format == "csv":
        schema = pl.Schema(dict.fromkeys(_csv_header(path, separator), pl.String))
    elif file_format == "parquet":
        schema = pl.scan_parquet(path).collect_schema()
    else:
        schema = pl.scan_ndjson(path, infer_schema_length=None).collect_schema()
    return Source(path, file_format, schema, separator)


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


def _rechunk(pieces: Iterator[pl.DataFrame], n_rows: int) -> Iterator[pl.DataFrame]:
    """Pieces of any size -> windows of exactly `n_rows` rows, but for the last."""
    held: list[pl.DataFrame] = []
    n_held = 0
    for piece in pieces:
        rest = piece
        while n_held + rest.height >= n_rows:
            cut = n_rows - n_held
            yield pl.concat([*held, rest.head(cut)])
            held, n_held = [], 0
            rest = rest.slice(cut)
        if rest.height:
            held.append(rest)
            n_held += rest.height
    if n_held:
        yield pl.concat(held)


def _polars_pieces(source: Source, n_rows: int, columns: list[str]) -> Iterator[pl.DataFrame]:
    """The one place that calls polars' `collect_batches`, which is marked unstable."""
    if source.format == "parquet":
        frame = pl.scan_parquet(source.path)
    else:
        frame = pl.scan_ndjson(source.path, schema=source.schema)
    try:
        yield from frame.select(columns).collect_batches(chunk_size=n_rows, maintain_order=True)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _broken(source.path, error) from error


def _is_gzip(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _open_bytes(path: Path) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(path, "rb") if _is_gzip(path) else path.open("rb")


def _csv_header(path: Path, separator: str) -> list[str]:
    try:
        with _open_bytes(path) as raw:
            lines = (line.decode("utf-8") for line in raw)
            names = next(csv.reader(lines, delimiter=separator), [])
    except UnicodeDecodeError as error:
        raise _not_utf8(path, "its header") from error
    except csv.Error as error:
        raise _broken(path, error) from error
    if names:
        names[0] = names[0].removeprefix("\ufeff")
    if not any(name.strip() for name in names):
        raise InputError(f"{path} has no header in its first line.", "Write the column names there.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(
            f"{path} has more than one column called {', '.join(map(repr, twice))}.",
            "Give every column a name of its own.",
        )
    return names


def _not_utf8(path: Path, where: str) -> InputError:
    return InputError(
        f"{path} holds bytes that are not UTF-8, in {where}.",
        f"Convert it first, for example: iconv -f WINDOWS-1252 -t UTF-8 {path.name} > utf8.csv",
    )


class _CountedQuotes(io.RawIOBase):
    """A readable stream that counts its quotes, and ends in a line end."""

    def __init__(self, raw: gzip.GzipFile | io.BufferedReader) -> None:
        self._raw = raw
        self._ended = b"\n"
        self.quotes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(size)
        if not data:
            missing, self._ended = (b"" if self._ended == b"\n" else b"\n"), b"\n"
            return missing
        self.quotes += data.count(b'"')
        self._ended = data[-1:]
        return data


def _has_line_ends(frame: pl.DataFrame) -> bool:
    return bool(frame.select(pl.any_horizontal(pl.all().str.contains(r"[\r\n]").any())).item())


def _csv_pieces(source: Source) -> Iterator[pl.DataFrame]:
    """All columns of a CSV file as text; strict about the number of fields in every row."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = list(source.schema)
    rows = 0
    try:
        with _open_bytes(source.path) as raw:
            counted = _CountedQuotes(raw)
            reader = arrow_csv.open_csv(
                pa.PythonFile(counted, mode="r"),
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
            has_line_ends = False
            for batch in reader:
                if batch.num_rows:
                    rows += batch.num_rows
                    frame = pl.DataFrame(pl.from_arrow(batch))
                    frame.columns = names  # a column may have no name, and polars would give it one
                    has_line_ends = has_line_ends or _has_line_ends(frame)
                    yield frame
            if counted.quotes % 2 and has_line_ends:
                raise InputError(
                    f"{source.path} has a quoted field that is never closed, and swallows the rows after it.",
                    "Mend the quotes; it may be any field that holds a line end.",
                )
    except pa.ArrowInvalid as error:
        message = str(error)
        if "Empty CSV file or block" in message and rows == 0:
            return  # a header alone, without a line end
        if "invalid UTF8" in message:
            raise _not_utf8(source.path, f"or after row {rows + 1}") from error
        if "straddling" in message:
            raise InputError(
                f"{source.path} has a row of more than {_CSV_BLOCK_BYTES // 2**20} MB after row {rows}.",
                "A closing quote is probably missing there.",
            ) from error
        if "Expected" in message:
            raise InputError(
                f"{source.path} is ragged: {message.removeprefix('CSV parse error: ')[:200]} (after row {rows}).",
                "Every row needs as many fields as the header; quote a field that holds a separator.",
            ) from error
        raise _broken(source.path, error) from error
    except (pa.ArrowException, OSError, EOFError) as error:
        raise _broken(source.path, error) from error
