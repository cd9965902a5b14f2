"""A file of rows -> windows of rows, in order, in bounded memory, whatever is in the file.

CSV has no types, so every CSV column comes out as text, exactly as it stands in the file: an empty field is
null, a quoted empty field is the empty text. Parquet and ndjson keep their types.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import polars as pl

from sentiscore import forks
from sentiscore.errors import InputError
from sentiscore.local import local_path
from sentiscore.tables.csv_reader import CsvLook, csv_pieces, look_at_csv
from sentiscore.tables.ndjson_reader import look_at_ndjson, ndjson_pieces
from sentiscore.tables.parquet_pages import Footer
from sentiscore.tables.parquet_reader import look_at_parquet, parquet_pieces
from sentiscore.tables.places import PROVENANCE_NAME, part_name, parts_of
from sentiscore.tables.problems import broken, check_kind, check_same, identity_of, not_utf8
from sentiscore.tables.windows import WINDOW_BYTES, rechunk

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
_PIECE_ROWS: Final = 32_768
_START_BYTES: Final = 64


@dataclass(frozen=True)
class Part:
    """One file of a source.

    Attributes:
        path: Where it is.
        rows: How many rows it has.
        identity: By which it is told from a file that takes its place later.
        footer: Of a parquet file, so that it is decoded once and not each time that the file is read.
    """

    path: Path
    rows: int
    identity: tuple[int, ...]
    footer: Footer | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Source:
    """One readable table: a file, or a folder of parts.

    Attributes:
        path: Where it is.
        format: How it is read.
        schema: Its columns and their types.
        parts: Its files, in order.
        csv: What was found when every row of a CSV was looked at.
    """

    path: Path
    format: Format
    schema: pl.Schema
    parts: tuple[Part, ...]
    csv: CsvLook | None = None

    @property
    def rows(self) -> int:
        """How many rows there are, exactly."""
        return sum(part.rows for part in self.parts)

    def windows(
        self,
        n_rows: int | Callable[[int], int],
        columns: Sequence[str] | None = None,
        *,
        n_bytes: int = WINDOW_BYTES,
        undecodable: str | None = None,
    ) -> Iterator[pl.DataFrame]:
        """The rows in order, some at a time.

        Where a window ends depends on these arguments and on the rows alone, never on how the file is laid out.

        Args:
            n_rows: Rows of a window; every window but the last has as many, or `n_bytes`, or as many as keep a window
                of very many columns small. A function is asked whenever a window begins: it is told how many rows were
                given before, and says how many this one may have, 1 or more.
            columns: The columns to read, all by default.
            n_bytes: A window ends with the row that brings its texts to so many bytes.
            undecodable: The name of one more column, behind the others, that is true where a row of a CSV has bytes
                in one of the columns that are not UTF-8; each stands in the text as U+FFFD. Without it such bytes are
                an error.

        Raises:
            InputError: The file is broken somewhere, would take too much memory, or was changed since it was opened;
                windows before that place were good.
        """
        chosen = list(self.schema) if columns is None else list(columns)
        if undecodable is None and self.csv is not None and self.csv.bad_line is not None:
            raise not_utf8(self.path, f"line {self.csv.bad_line}")
        if undecodable in chosen:
            raise InputError(f"{self.path} already has a column {undecodable!r}.", "Rename that column first.")
        ask = n_rows if callable(n_rows) else lambda _: n_rows
        pieces = (piece for part in self.parts for piece in self._pieces(part, chosen, undecodable))
        yield from rechunk(pieces, ask, n_bytes, str(self.path))

    def _pieces(self, part: Part, columns: list[str], undecodable: str | None) -> Iterator[pl.DataFrame]:
        check_same(part.path, part.identity)
        if self.csv is not None:
            pieces = csv_pieces(part.path, self.csv, columns, undecodable)
        elif part.footer is not None:
            pieces = parquet_pieces(part.path, part.identity, part.footer, _PIECE_ROWS, columns)
        else:
            pieces = ndjson_pieces(part.path, self.schema, part.rows, _PIECE_ROWS, columns)
        for piece in pieces:
            frame = piece[columns + [undecodable]] if undecodable in piece.columns else piece[columns]  # noqa: RUF005
            if undecodable is not None and undecodable not in frame.columns:
                frame = frame.with_columns(pl.lit(value=False).alias(undecodable))
            yield frame
        check_same(part.path, part.identity)

    def digest(self) -> str:
        """A hash of the content: SHA-256 over the bytes of a file, or over names and bytes of a folder's parts.

        Raises:
            InputError: A file cannot be read, or was changed since it was opened.
        """
        digest = hashlib.sha256()
        for part in self.parts:
            check_same(part.path, part.identity)
            try:
                with part.path.open("rb") as file:
                    if part.path != self.path:
                        digest.update(f"{part.path.name}\0{part.identity[2]}\0".encode())
                    while block := file.read(1 << 20):
                        digest.update(block)
            except OSError as error:
                raise broken(part.path, error) from error
            check_same(part.path, part.identity)
        return digest.hexdigest()


def open_source(path: str | Path) -> Source:
    """Look at a table: is it there, what is its format, which columns has it?

    Every row of a CSV or ndjson file is looked at, so that what is wrong in it is found before anything is done.

    Args:
        path: A .csv, .tsv (also .gz), .parquet, .ndjson or .jsonl file; or a folder of parts that sentiscore wrote
            (part-00000.parquet and so on), which is one table.

    Raises:
        InputError: The file is missing, empty, broken, of an unknown kind, would take too much memory, or has unusable
            column names.
    """
    forks.check()
    path = local_path(path)
    try:
        return _look_at(path)
    except PermissionError as error:
        raise InputError(f"{path} may not be read by this user.", "Check its permissions.") from error
    except (pl.exceptions.PolarsError, OSError, EOFError) as error:
        raise broken(path, error) from error


def _look_at(path: Path) -> Source:
    if not path.exists():
        raise InputError(f"There is no file {path}.", "Check the path; it is taken relative to this folder.")
    if path.is_dir():
        return _look_at_folder(path)
    kind = next((kind for suffix, kind in _SUFFIXES.items() if path.name.lower().endswith(suffix)), None)
    if kind is None:
        raise InputError(f"{path} is of a kind that cannot be read.", f"Readable are: {READABLE}.")
    if not path.is_file():
        raise InputError(f"{path} is not a file.", "Write what it gives to a file first: it is read more than once.")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty: it has not even a header.", "Was it written to the end?")
    file_format, separator = kind
    identity = identity_of(path)
    with path.open("rb") as file:
        check_kind(path, file.read(_START_BYTES))
    if file_format == "csv":
        look = look_at_csv(path, separator)
        schema = pl.Schema(dict.fromkeys(look.names, pl.String))
        source = Source(path, file_format, schema, (Part(path, look.rows, identity),), look)
    elif file_format == "parquet":
        schema, footer = look_at_parquet(path)
        source = Source(path, file_format, schema, (Part(path, footer.rows, identity, footer),))
    else:
        schema, rows = look_at_ndjson(path)
        source = Source(path, file_format, schema, (Part(path, rows, identity),))
    check_same(path, identity)
    return source


def _look_at_folder(path: Path) -> Source:
    """A folder of parts, all of them and nothing else -> one table."""
    parts = parts_of(path)
    if not parts or {entry.name for entry in path.iterdir()} - {PROVENANCE_NAME} != {part.name for part in parts}:
        raise InputError(f"{path} is a folder.", f"Name the files in it, for example: '{path}/*.parquet'")
    for number, part in enumerate(parts):
        if part.name != part_name(number):
            raise InputError(f"{path} lacks its part {part_name(number)}.", "Get the whole folder again.")
    sources = [_look_at(part) for part in parts]
    for source in sources[1:]:
        if source.schema != sources[0].schema:
            raise InputError(
                f"{source.path} has other columns than {sources[0].path.name}.",
                "All parts of a folder need the same columns and types.",
            )
    return Source(path, "parquet", sources[0].schema, tuple(part for source in sources for part in source.parts))


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """A whole table as one frame.

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
