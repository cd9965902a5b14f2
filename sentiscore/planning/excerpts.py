"""Copies rows from several positions of an input into small files, which are read as the input is."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

from sentiscore.errors import InputError
from sentiscore.planning.excerpt_parquet import copy_parquet, rows_of_parquet
from sentiscore.planning.excerpt_text import Wanted, can_begin_anywhere, copy_csv, copy_lines
from sentiscore.tables import open_source
from sentiscore.tables.dialect import CsvDialect
from sentiscore.tables.folders import files_of
from sentiscore.tables.formats import format_of
from sentiscore.tables.packing import is_packed
from sentiscore.tables.part_folders import parts_of

N_POSITIONS: Final = 4
EXCERPT_BYTES: Final = 16 << 20
"""Bytes of a CSV or ndjson that are read at each position; the rows of a window usually have less."""

_MOST_FILES: Final = 64
_PARQUET: Final = "parquet"


@dataclass(frozen=True)
class InputFile:
    """A file of the input.

    Attributes:
        path: The path.
        within: The folder that was given as one table, if its KEY=VALUE folders are columns; None otherwise.
        size: Its rows if it is parquet, its bytes otherwise.
    """

    path: Path
    within: Path | None
    size: int


@dataclass(frozen=True)
class Excerpt:
    """Rows of consecutive files from one position of the input.

    Attributes:
        paths: The small tables that have them, in order.
        originals: The path that each of them was copied from, or the given folder.
        size: What they are of the input: rows of parquet, bytes of anything else.
    """

    paths: tuple[Path, ...]
    originals: tuple[Path, ...]
    size: int


@dataclass(frozen=True)
class Excerpts:
    """The sample of an input.

    Attributes:
        each: The excerpts, in order.
        n_files: The number of files of the input.
        size: The size of the input: rows of parquet, bytes of anything else.
        by_rows: Whether sizes are rows.
        whole: Whether the excerpts are the whole input.
    """

    each: tuple[Excerpt, ...]
    n_files: int
    size: int
    by_rows: bool
    whole: bool


def input_files(paths: Sequence[Path], dialect: CsvDialect) -> list[InputFile]:
    """The files of the input, in order.

    Args:
        paths: Files, and folders that are one table.
        dialect: How a CSV is written.

    Raises:
        InputError: There is none, a file cannot be used, or they are of different formats.
    """
    files = []
    for path in paths:
        found = [path]
        if path.is_dir():
            found = parts_of(path) or [file.path for file in files_of(path)]
        if not found or any(not _is_usable(file, dialect) for file in found):
            open_source(path, dialect)  # says what is wrong
            raise InputError(f"{path} cannot be sampled.", "Name files that can be read.")
        for file in found:
            _check_can_be_sampled(file)
            size = rows_of_parquet(file) if format_of(file) == _PARQUET else file.stat().st_size
            files.append(InputFile(file, path if path.is_dir() and file.parent != path else None, size))
    kinds = {format_of(file.path) for file in files}
    if len(kinds) > 1:
        raise InputError("The input has files of different formats.", "Plan those of each format separately.")
    return files


def _is_usable(path: Path, dialect: CsvDialect) -> bool:
    kind = format_of(path)
    return path.is_file() and path.stat().st_size > 0 and kind is not None and (kind == "csv" or dialect.is_plain)


def _check_can_be_sampled(path: Path) -> None:
    """Raise an InputError if rows cannot be copied from a file of this kind."""
    kind, packing = format_of(path), path.suffix.lower() if is_packed(path) else ""
    if kind not in ("csv", "ndjson", _PARQUET) or packing not in (("", ".gz") if kind == "csv" else ("",)):
        raise InputError(
            f"{path} is of a kind that is scored but not sampled: plan reads parquet, CSV (also .gz) and ndjson.",
            "Plan a part of it that is written as one of these, and multiply.",
        )


def positions_of(total: int, excerpt: int, most: int = N_POSITIONS) -> list[int]:
    """Where excerpts begin: at the beginning, at the last possible position, and evenly between.

    Args:
        total: The size of the input.
        excerpt: The size of an excerpt.
        most: The maximum number of positions.
    """
    n = max(1, min(most, -(-total // max(1, excerpt))))
    return [0] if n == 1 else [i * (total - excerpt) // (n - 1) for i in range(n)]


def take_excerpts(files: Sequence[InputFile], folder: Path, n_rows: int, dialect: CsvDialect) -> Excerpts:
    """Copy rows from several positions of the input.

    Args:
        files: The files of the input; see `input_files`.
        folder: An empty folder for the copies.
        n_rows: The rows of a full window.
        dialect: How a CSV is written.

    Raises:
        InputError: A file is broken.
    """
    by_rows = format_of(files[0].path) == _PARQUET
    most = n_rows if by_rows else EXCERPT_BYTES
    ends = list(accumulate(file.size for file in files))
    total = ends[-1]
    taken: dict[tuple[int, int], Excerpt] = {}
    for number, position in enumerate(positions_of(total, most)):
        index = next((i for i, end in enumerate(ends) if position < end), 0)
        start = position - (ends[index] - files[index].size)
        if not by_rows and not can_begin_anywhere(files[index].path, dialect):
            start = 0
        if (index, start) not in taken:
            one = _Copying(files, folder / str(number), n_rows, dialect).from_position(index, start, most)
            if one.paths:
                taken[index, start] = one
    found = tuple(taken.values())
    return Excerpts(found, len(files), total, by_rows, whole=sum(one.size for one in found) == total <= most)


@dataclass(frozen=True)
class _Copying:
    """Copies rows into a folder."""

    files: Sequence[InputFile]
    folder: Path
    n_rows: int
    dialect: CsvDialect

    def from_position(self, index: int, start: int, most: int) -> Excerpt:
        """Copy rows from a position of a file on, and from the files after it, up to a size."""
        paths: list[Path] = []
        originals: list[Path] = []
        size = held = 0
        for number, file in enumerate(self.files[index : index + _MOST_FILES]):
            opened, target = self._target(file, number)
            taken = self._copy(file.path, target, start, most - held)
            if taken:
                paths.append(opened)
                originals.append(file.within or file.path)
            size += taken
            held += min(file.size - start, most - held)
            start = 0
            if held >= most:
                break
        return Excerpt(tuple(paths), tuple(originals), size)

    def _target(self, file: InputFile, number: int) -> tuple[Path, Path]:
        """The table to open for the copy of a file, and where to copy its rows."""
        top = self.folder / str(number)
        if file.within is None:
            target = opened = top / file.path.name
        else:
            opened = top / file.within.name
            target = opened / file.path.relative_to(file.within)
        target.parent.mkdir(parents=True)
        return opened, target

    def _copy(self, path: Path, target: Path, start: int, most: int) -> int:
        if format_of(path) == _PARQUET:
            return copy_parquet(path, target, start, min(most, self.n_rows))
        wanted = Wanted(start, most, self.n_rows)
        if format_of(path) == "csv":
            return copy_csv(path, target, wanted, self.dialect)
        return copy_lines(path, target, wanted)
