"""Opens the table at a path, and inspects it as far as needed to read it without surprises."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from sentiscore import forks
from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.local import local_path
from sentiscore.tables.arrow_reader import look_at_arrow
from sentiscore.tables.csv_reader import look_at_csv
from sentiscore.tables.dialect import UTF_8, CsvDialect
from sentiscore.tables.excel_reader import look_at_excel
from sentiscore.tables.folders import FoundFile, files_of
from sentiscore.tables.formats import READABLE, Format, format_of, way_to_files
from sentiscore.tables.limits import CELLS_OF_A_BYTE, HELD_TEXT, HELD_TEXT_OF_A_BYTE, PARQUET_CELLS_OF_A_BYTE
from sentiscore.tables.ndjson_reader import look_at_ndjson
from sentiscore.tables.parquet_reader import look_at_parquet
from sentiscore.tables.part_folders import PROVENANCE_NAME, is_part_name, part_name, parts_of
from sentiscore.tables.problems import (
    broken,
    check_cells,
    check_json,
    check_kind,
    check_names,
    check_same,
    check_utf8_mark,
    identity_of,
    too_much,
)
from sentiscore.tables.source import Part, Source

_START_BYTES: Final = 64
_PLAIN: Final = CsvDialect()


def open_source(path: str | Path, csv: CsvDialect = _PLAIN) -> Source:
    """Inspect a table: whether it exists, its format, and its columns.

    Every row of a CSV or ndjson file is checked, so that errors are found before any work is done.

    Args:
        path: A .csv, .tsv, .ndjson, .jsonl or .json file (also .gz, .bz2, .zst or .zip), or a .parquet, .arrow,
            .feather or .xlsx file; or a folder of such files of one format, which is one table. KEY=VALUE folders in it
            become columns of text; the innermost ones hold the files.
        csv: How a CSV is written.

    Raises:
        InputError: The file is missing, empty, broken, of an unknown kind, would take too much memory, or has unusable
            column names; or a CSV dialect was given, and it is not a CSV.
    """
    forks.check()
    path = local_path(path)
    try:
        return _look_at(path, csv)
    except PermissionError as error:
        raise InputError(f"{path} may not be read by this user.", "Check its permissions.") from error
    except (pl.exceptions.PolarsError, OSError, EOFError) as error:
        raise broken(path, error) from error


def _look_at(path: Path, dialect: CsvDialect) -> Source:
    if not path.exists():
        raise InputError(f"There is no file {path}.", "Check the path; it is taken relative to this folder.")
    if path.is_dir():
        return _look_at_folder(path, dialect)
    file_format = format_of(path)
    if file_format is None:
        raise InputError(f"{path} is of a kind that cannot be read.", f"Readable are: {READABLE}.")
    if not path.is_file():
        raise InputError(f"{path} is not a file.", "Write what it gives to a file first: it is read more than once.")
    if file_format != "csv" and not dialect.is_plain:
        raise InputError(
            f"{path} is not a CSV, and --separator, --skip-rows, --comment and --encoding say how a CSV is written.",
            "Leave them out (separator, skip_rows, comment, encoding).",
        )
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty: it has not even a header.", "Was it written to the end?")
    identity = identity_of(path)
    with path.open("rb") as file:
        start = file.read(_START_BYTES)
    check_kind(path, start)
    if dialect.encoding == UTF_8:
        check_utf8_mark(path, start, option=file_format == "csv")
    schema, part = _look_inside(path, file_format, identity, dialect, start)
    check_same(path, identity)
    return Source(path, file_format, schema, (part,))


def _look_inside(
    path: Path, file_format: Format, identity: tuple[int, ...], dialect: CsvDialect, start: bytes
) -> tuple[pl.Schema, Part]:
    """The columns of a file, and what its reader needs to know of it."""
    if file_format == "csv":
        try:
            look = look_at_csv(path, dialect)
        except InputError:
            check_json(path, start)
            raise
        return pl.Schema(dict.fromkeys(look.names, pl.String())), Part(path, look.rows, identity, csv=look)
    if file_format == "parquet":
        parquet = look_at_parquet(path)
        return parquet.schema, Part(path, parquet.footer.rows, identity, parquet=parquet)
    if file_format == "arrow":
        arrow = look_at_arrow(path)
        return arrow.schema, Part(path, arrow.rows, identity, arrow=arrow)
    if file_format == "excel":
        excel = look_at_excel(path, lambda mixed: _warn_of_types(path, mixed))
        return excel.schema, Part(path, excel.rows, identity, excel=excel)
    schema, rows = look_at_ndjson(path, lambda mixed: _warn_of_types(path, mixed))
    return schema, Part(path, rows, identity)


def _look_at_folder(path: Path, dialect: CsvDialect) -> Source:
    """Open a folder of files as one table; for parts that sentiscore wrote, all of them and nothing else."""
    parts = parts_of(path)
    if parts:
        names = {entry.name for entry in path.iterdir() if not _is_ignored(entry.name)}
        if names - {PROVENANCE_NAME} != {part.name for part in parts}:
            raise _is_folder(path)
        for number, part in enumerate(parts):
            if part.name != part_name(number):
                raise InputError(f"{path} lacks its part {part_name(number)}.", "Get the whole folder again.")
    files = [FoundFile(part, ()) for part in parts] or files_of(path)
    if not files:
        raise _is_folder(path)
    first = format_of(files[0].path)
    for file in files:
        if (found := format_of(file.path)) is not None and first is not None and found != first:
            raise InputError(
                f"{path} holds files of different formats: {files[0].path.name} and {file.path.name}.",
                way_to_files(path, files[0].path),
            )
    return _joined(path, files, [_look_at(file.path, dialect) for file in files])


def _is_ignored(name: str) -> bool:
    """Whether a file next to parts can be ignored, such as .DS_Store; a hidden part is an incomplete one."""
    return name.startswith(("_", ".")) and not is_part_name(name.removeprefix("."))


def _is_folder(path: Path) -> InputError:
    return InputError(f"{path} is a folder.", way_to_files(path))


def _joined(path: Path, files: Sequence[FoundFile], sources: Sequence[Source]) -> Source:
    """Combine the files of a folder to one table; a key that is also a column of the files is that column."""
    first = sources[0]
    for source in sources[1:]:
        if source.schema != first.schema:
            raise InputError(
                f"{source.path} has other columns than {first.path.name}.",
                "All parts of a folder need the same columns and types.",
            )
    keys = [name for name, _ in files[0].keys if name not in first.schema]
    schema = pl.Schema(dict(first.schema) | dict.fromkeys(keys, pl.String()))
    check_names(path, list(schema))
    of_a_byte = PARQUET_CELLS_OF_A_BYTE if first.format in ("parquet", "arrow") else CELLS_OF_A_BYTE
    stored = sum(source.parts[0].identity[2] for source in sources)
    check_cells(path, sum(source.rows for source in sources), len(schema), stored, of_a_byte)
    parts = (
        replace(source.parts[0], keys={name: value for name, value in file.keys if name in keys})
        for file, source in zip(files, sources, strict=True)
    )
    return Source(path, first.format, schema, tuple(parts))


def _warn_of_types(path: Path, columns: list[str]) -> None:
    """Warn about columns with values of several types."""
    warnings.warn(
        f"{path} holds values of several types in the column{'s'[: len(columns) > 1]} {', '.join(map(repr, columns))}: "
        "all of them are read as text, so that 1 becomes '1'.",
        SentiscoreWarning,
        stacklevel=2,
    )


def read_table(
    path: str | Path,
    columns: Sequence[str] | None = None,
    csv: CsvDialect = _PLAIN,
    *,
    kept: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
    most_rows: int | None = None,
) -> pl.DataFrame:
    """Read a whole table into one frame.

    Args:
        path: See `open_source`.
        columns: The columns to read, all by default; named columns of bytes are decoded to text.
        csv: How a CSV is written.
        kept: Selects the rows to keep from a window, all by default; other rows are never all held at once.
        most_rows: The limit on kept rows, or the bytes of its files if that is more; no limit by default.

    Raises:
        InputError: See `open_source`; or a column is missing, or there is more text or rows than can be held.
    """
    source = open_source(path, csv)
    if columns is not None:
        for column in columns:
            source.require(column)
        source = source.as_text(columns)
    stored = sum(part.identity[2] for part in source.parts)
    frames: list[pl.DataFrame] = []
    rows = size = held = 0
    for piece in source.pieces(columns):
        rows += piece.rows.height
        size += int(piece.ends[-1]) if piece.rows.height else 0
        if size > max(HELD_TEXT, HELD_TEXT_OF_A_BYTE * stored):
            raise too_much(source.path, f"has more than {size >> 20:,} MB of text in {rows:,} rows, to be held at once")
        frames.append(piece.rows if kept is None else kept(piece.rows))
        held += frames[-1].height
        if most_rows is not None and held > max(most_rows, stored):
            raise too_much(source.path, f"has {held:,} rows or more in {stored:,} bytes, to be held at once")
    if frames:
        return pl.concat(frames)
    schema = source.schema if columns is None else {name: source.schema[name] for name in columns}
    return pl.DataFrame(schema=schema)
