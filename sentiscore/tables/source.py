"""Reads a file in windows of rows, in order and in bounded memory, whatever the file contains.

CSV has no types, so every CSV column is text, exactly as in the file: an empty field is null, a quoted empty field is
the empty text. The other formats keep their types.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import polars as pl

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.tables.arrow_reader import ArrowLook, arrow_pieces
from sentiscore.tables.csv_advice import separator_seen, way_to
from sentiscore.tables.csv_reader import CsvLook, csv_pieces, first_lines
from sentiscore.tables.decoding import decoded
from sentiscore.tables.dialect import UTF_8
from sentiscore.tables.excel_reader import ExcelLook, excel_pieces
from sentiscore.tables.formats import Format
from sentiscore.tables.ndjson_reader import ndjson_pieces
from sentiscore.tables.parquet_offsets import offset_of, with_offset
from sentiscore.tables.parquet_reader import ParquetLook, parquet_pieces
from sentiscore.tables.problems import (
    broken,
    check_json,
    check_same,
    not_utf8,
)
from sentiscore.tables.windows import WINDOW_BYTES, Piece, measured, rechunk

_PIECE_ROWS: Final = 32_768


@dataclass(frozen=True)
class Part:
    """One file of a source.

    Attributes:
        path: The path.
        rows: The number of rows.
        identity: Distinguishes it from a file that replaces it later.
        keys: The values that its KEY=VALUE folders give all of its rows, by name.
        csv: What the first pass over every row of a CSV found.
        parquet: What opening a parquet file found, so that it need not be inspected at each read.
        arrow: Likewise for an Arrow file.
        excel: What the first pass over a workbook found.
    """

    path: Path
    rows: int
    identity: tuple[int, ...]
    keys: Mapping[str, str | None] = field(default_factory=dict)
    csv: CsvLook | None = field(default=None, compare=False, repr=False)
    parquet: ParquetLook | None = field(default=None, compare=False, repr=False)
    arrow: ArrowLook | None = field(default=None, compare=False, repr=False)
    excel: ExcelLook | None = field(default=None, compare=False, repr=False)

    @property
    def zones(self) -> Mapping[str, str]:
        """Columns with a zone that polars does not know, and that zone."""
        look = self.parquet or self.arrow
        return {} if look is None else look.zones


@dataclass(frozen=True)
class Source:
    """One readable table: a file, or a folder of files.

    Attributes:
        path: The path.
        format: Its format.
        schema: Its columns and their types.
        parts: Its files, in order.
        texts: Columns of bytes that are read as text.
        offsets: Columns of times that are read as text, since their offset would be lost otherwise.
    """

    path: Path
    format: Format
    schema: pl.Schema
    parts: tuple[Part, ...]
    texts: frozenset[str] = frozenset()
    offsets: frozenset[str] = frozenset()

    @property
    def csv(self) -> CsvLook | None:
        """What the first pass over every row of a CSV found; for a folder, over its first file."""
        return self.parts[0].csv if self.parts else None

    @property
    def rows(self) -> int:
        """The exact number of rows."""
        return sum(part.rows for part in self.parts)

    def require(self, column: str, option: str = "") -> None:
        """Raise an InputError unless the column exists; for a CSV the message suggests options with which it would.

        Args:
            column: The column.
            option: The option that names it.
        """
        if column in self.schema:
            return
        advice = separator_seen(list(self.schema)) if self.csv is not None else ""
        if self.csv is not None:
            path = self.parts[0].path
            lines = first_lines(path, self.csv.dialect)
            check_json(path, "\n".join(lines[:2]).encode())
            advice = way_to(path, lines, self.csv.dialect, column) or advice
        if advice:
            raise InputError(_missing(self.schema, column, str(self.path)), advice)
        require_column(self.schema, column, str(self.path), option)

    def as_text(self, columns: Sequence[str | None]) -> "Source":
        """The same table, with these columns decoded to text where they are bytes, as some writers store text."""
        texts = frozenset(name for name in columns if name is not None and self.schema.get(name) == pl.Binary)
        schema = pl.Schema({name: pl.String() if name in texts else kind for name, kind in self.schema.items()})
        return replace(self, schema=schema, texts=self.texts | texts)

    def with_offsets(self, columns: Sequence[str] | None = None, *, time: str | None = None) -> "Source":
        """The same table, with times at an offset such as +05:30 as text with that offset.

        Otherwise they are instants in UTC, which no longer show what is midnight at their offset.

        Args:
            columns: The columns to convert, all by default.
            time: The column of times at which texts appeared; its zone is warned about if it does not exist.
        """
        zones = [(name, zone) for part in self.parts for name, zone in part.zones.items()]
        found = {name for name, zone in zones if offset_of(zone)}  # UTC loses nothing
        named = frozenset(found if columns is None else found.intersection(columns))
        for name, zone in dict.fromkeys(zones):
            if name == time and offset_of(zone) is None:
                warnings.warn(
                    f"The times in {name!r} of {self.path} are of a zone {zone!r}, which does not exist. They are read "
                    "as instants in UTC, so midnights of that zone are not recognized as possible dates. Name the zone "
                    "with --tz (tz), or say what midnights are with --midnight (midnight).",
                    SentiscoreWarning,
                    stacklevel=2,
                )
        schema = pl.Schema({name: pl.String() if name in named else kind for name, kind in self.schema.items()})
        return replace(self, schema=schema, offsets=self.offsets | named)

    def windows(
        self,
        n_rows: int | Callable[[int], int],
        columns: Sequence[str] | None = None,
        *,
        n_bytes: int = WINDOW_BYTES,
        damaged: str | None = None,
    ) -> Iterator[pl.DataFrame]:
        """Read the rows in order, window by window.

        Where a window ends depends only on these arguments and on the rows, never on the layout of the file.

        Args:
            n_rows: Rows per window; every window but the last has this many, or `n_bytes`, or as many as keep a window
                of very many columns small. A function is called whenever a window begins, with the number of rows
                returned before, and returns how many this window may have, 1 or more.
            columns: The columns to read, all by default.
            n_bytes: A window ends with the row that brings its texts to this many bytes.
            damaged: The name of an additional last column that lists for each row those of its columns whose bytes are
                invalid in the file's encoding; each such byte becomes U+FFFD in the text. Without it such bytes are an
                error.

        Raises:
            InputError: The file is broken somewhere, would take too much memory, or was changed since it was opened;
                windows before that point were good.
        """
        ask = n_rows if callable(n_rows) else lambda _: n_rows
        yield from rechunk(self.pieces(columns, damaged=damaged), ask, n_bytes)

    def pieces(self, columns: Sequence[str] | None = None, *, damaged: str | None = None) -> Iterator[Piece]:
        """Read the rows in order, in pieces that depend on the layout of the file; see `windows`."""
        chosen = list(self.schema) if columns is None else list(columns)
        if damaged in chosen:
            raise InputError(f"{self.path} already has a column {damaged!r}.", "Rename that column first.")
        if damaged is None:
            self._check_whole(chosen)
        stored = (piece for part in self.parts for piece in self._pieces(part, chosen, damaged))
        yield from measured(stored, self.path, sum(part.identity[2] for part in self.parts))

    def _check_whole(self, columns: Sequence[str]) -> None:
        """Raise an InputError if one of these columns of a CSV has bytes that are invalid in the file's encoding."""
        for part in self.parts:
            found = {} if part.csv is None else part.csv.damaged
            if bad := [name for name in columns if name in found]:
                name = min(bad, key=lambda each: found[each])
                encoding = UTF_8 if part.csv is None else part.csv.dialect.encoding
                where = f"line {found[name]}"
                raise not_utf8(part.path, where, column=name, encoding=encoding, option=True)

    def _pieces(self, part: Part, columns: list[str], damaged: str | None) -> Iterator[pl.DataFrame]:
        check_same(part.path, part.identity)
        stored = [name for name in columns if name not in part.keys]
        flag = [] if damaged is None else [damaged]
        for piece in self._stored(part, stored, damaged):
            keys = (pl.lit(value, dtype=pl.String).alias(name) for name, value in part.keys.items() if name in columns)
            yield piece.with_columns(keys)[columns + flag]
        check_same(part.path, part.identity)

    def _stored(self, part: Part, columns: list[str], damaged: str | None) -> Iterator[pl.DataFrame]:
        """The columns that are in the file itself."""
        if not columns:
            for start in range(0, part.rows, _PIECE_ROWS):
                yield decoded(pl.DataFrame(height=min(_PIECE_ROWS, part.rows - start)), [], damaged)
        elif part.csv is not None:
            yield from csv_pieces(part.path, part.csv, columns, damaged)
        else:
            texts = [name for name in columns if name in self.texts]
            for piece in self._typed(part, columns):
                written = piece
                if self.offsets:
                    zones = part.zones
                    offsets = {name: offset_of(zones.get(name, "UTC")) or 0 for name in self.offsets & set(columns)}
                    written = piece.with_columns(with_offset(piece[name], at) for name, at in offsets.items())
                found = decoded(written, texts, damaged or _DAMAGED if texts else damaged)
                if texts and damaged is None:
                    _check_decoded(part.path, found[_DAMAGED])
                yield found

    def _typed(self, part: Part, columns: list[str]) -> Iterator[pl.DataFrame]:
        """The columns of a file that has types."""
        if part.parquet is not None:
            return parquet_pieces(part.path, part.identity, part.parquet, _PIECE_ROWS, columns)
        if part.arrow is not None:
            return arrow_pieces(part.path, part.identity, part.arrow, _PIECE_ROWS, columns)
        if part.excel is not None:
            return excel_pieces(part.path, part.excel, columns)
        return ndjson_pieces(part.path, self.schema, part.rows, _PIECE_ROWS, columns)

    def digest(self) -> str:
        """Hash the content: SHA-256 over the bytes of a file, or over names and bytes of a folder's parts.

        Raises:
            InputError: A file cannot be read, or was changed since it was opened.
        """
        digest = hashlib.sha256()
        for part in self.parts:
            check_same(part.path, part.identity)
            try:
                with part.path.open("rb") as file:
                    if part.path != self.path:
                        name = part.path.relative_to(self.path).as_posix()
                        digest.update(f"{name}\0{part.identity[2]}\0".encode())
                    while block := file.read(1 << 20):
                        digest.update(block)
            except OSError as error:
                raise broken(part.path, error) from error
            check_same(part.path, part.identity)
        return digest.hexdigest()


_DAMAGED: Final = "sentiscore: damaged"


def _check_decoded(path: Path, damaged: pl.Series) -> None:
    if names := damaged.explode().drop_nulls().unique().sort().to_list():
        raise InputError(
            f"The column {names[0]!r} of {path} holds bytes that are not UTF-8.",
            "Write it again as text, or leave those rows out.",
        )


def require_column(schema: pl.Schema, column: str, where: str, option: str = "") -> None:
    """Raise an InputError that lists the existing columns, unless `column` is one of them."""
    if column not in schema:
        raise InputError(
            _missing(schema, column, where), f"Name the right one with {option}." if option else "Name one of these."
        )


def _missing(schema: pl.Schema, column: str, where: str) -> str:
    return f"{where} has no column {column!r}; its columns are: {', '.join(schema) or '(none)'}."
