"""Maps file names to formats, and suggests a pattern for the files of a folder."""

import glob
import itertools
import shlex
from pathlib import Path
from typing import Final, Literal

from sentiscore.tables.limits import MAX_FILES
from sentiscore.tables.packing import PACKED, is_packed, name_inside

Format = Literal["csv", "parquet", "ndjson", "json", "arrow", "excel"]

_SUFFIXES: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".xlsx": "excel",
    ".xlsm": "excel",
}
_PACKABLE: Final = ("csv", "ndjson", "json")
"""Formats of text; the others are packed themselves."""

READABLE: Final = f"{', '.join(_SUFFIXES)}; text also with {', '.join(PACKED)}"


def format_of(path: Path) -> Format | None:
    """The format of a file with this name; None if it cannot be read.

    Raises:
        InputError: It is a ZIP archive that is broken or not of one file, whose name would say it.
    """
    name = path.name
    if packed := is_packed(path):
        name = name_inside(path)
    found = _SUFFIXES.get(Path(name).suffix.lower())
    return None if packed and found not in _PACKABLE else found


def has_readable_name(path: str | Path) -> bool:
    """Whether a name looks like that of a file that can be read."""
    name = str(path).lower()
    while name.endswith(PACKED):
        name = name.rpartition(".")[0]
    return name.endswith(tuple(_SUFFIXES)) or str(path).lower().endswith(PACKED)


def without_packing(path: Path) -> Path:
    """news.csv.gz -> news.csv; other names stay."""
    return path.with_suffix("") if is_packed(path) else path


def way_to_files(folder: Path, example: Path | None = None) -> str:
    """Advice to give a pattern that matches some files of a folder.

    Args:
        folder: A folder.
        example: A file in it, or in a subfolder, that the pattern should match; by default any readable one.
    """
    if example is None:
        found = (path for path in itertools.islice(folder.rglob("*"), MAX_FILES) if _is_read(folder, path))
        example = min(found, default=None, key=lambda path: (-len(path.parts), path))  # ** matches all above
    empty = "" if example is not None else "It holds no files that can be read. "
    example = example or folder / "NAME.parquet"
    ending = example.name[len(without_packing(example).stem) :]
    inner = "" if example.parent == folder else "**/"
    pattern = shlex.quote(f"{glob.escape(str(folder))}/{inner}*{ending}")
    return f"{empty}Name the files in it, for example: {pattern}"


def _is_read(folder: Path, path: Path) -> bool:
    """Whether a file can be read and is not in a hidden folder, which patterns skip."""
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and has_readable_name(path) and path.is_file()
