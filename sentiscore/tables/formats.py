"""Maps file names to formats, and suggests a pattern for the files of a folder."""

import glob
import itertools
import shlex
from pathlib import Path
from typing import Final, Literal

from sentiscore.tables.limits import MAX_FILES

Format = Literal["csv", "parquet", "ndjson"]

_SUFFIXES: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "csv",
    ".tsv.gz": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}
READABLE: Final = ", ".join(_SUFFIXES)


def format_of(path: Path) -> Format | None:
    """The format of a file with this name; None if it cannot be read."""
    suffix = _suffix_of(path)
    return None if suffix is None else _SUFFIXES[suffix]


def _suffix_of(path: Path) -> str | None:
    return next((suffix for suffix in _SUFFIXES if path.name.lower().endswith(suffix)), None)


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
    example = example or folder / ".parquet"
    ending = example.name[-len(_suffix_of(example) or example.suffix) :]
    inner = "" if example.parent == folder else "**/"
    pattern = shlex.quote(f"{glob.escape(str(folder))}/{inner}*{ending}")
    return f"{empty}Name the files in it, for example: {pattern}"


def _is_read(folder: Path, path: Path) -> bool:
    """Whether a file can be read and is not in a hidden folder, which patterns skip."""
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and format_of(path) is not None and path.is_file()
