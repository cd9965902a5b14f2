"""A folder of files that form one table: its files in order, and the keys that names of subfolders give their rows."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from sentiscore.errors import InputError
from sentiscore.tables.formats import way_to_files
from sentiscore.tables.limits import MAX_DEPTH, MAX_FILES
from sentiscore.tables.part_folders import is_provenance
from sentiscore.tables.problems import too_much

NULL_KEY: Final = "__HIVE_DEFAULT_PARTITION__"
"""The name of a partition whose rows have no value."""

_LOGS: Final = {"_delta_log": "Delta Lake", ".hoodie": "Hudi"}
"""The logs of tables whose files are not all valid at the same time."""

_NOTES: Final = ("dataset_info.json", "state.json")
"""What `save_to_disk` of datasets writes next to its Arrow files."""


@dataclass(frozen=True)
class FoundFile:
    """One file of a folder.

    Attributes:
        path: The path.
        keys: The names and values that its KEY=VALUE folders give all of its rows, outermost first.
    """

    path: Path
    keys: tuple[tuple[str, str | None], ...]


def files_of(folder: Path) -> list[FoundFile]:
    """The files of a folder, sorted by name, and those of its KEY=VALUE subfolders.

    Names that begin with a dot or an underscore, such as _SUCCESS, do not belong to the table.

    Raises:
        InputError: The folder holds a subfolder with another name, subfolders with differing keys, the log of a table
            that has to be read by it, or too much.
    """
    files = list(_walk(folder, ()))
    for file in files[1:]:
        if [name for name, _ in file.keys] != [name for name, _ in files[0].keys]:
            raise InputError(
                f"{file.path} and {files[0].path} lie in folders of differing keys.",
                "Every file of a table lies in folders of the same keys, KEY=VALUE, in one order.",
            )
    if twice := [name for name, n in Counter(name for name, _ in (files[0].keys if files else ())).items() if n > 1]:
        raise InputError(f"{files[0].path} has the key {twice[0]!r} twice.", "Name one of the two folders differently.")
    return files


def _walk(top: Path, keys: tuple[tuple[str, str | None], ...]) -> Iterator[FoundFile]:
    """Walk the files of a folder and its subfolders, without recursion."""
    seen = 0
    left = [(top, keys)]
    while left:
        path, keys = left.pop()
        if not path.is_dir():
            yield FoundFile(path, keys)
            continue
        if len(keys) > MAX_DEPTH:
            raise too_much(top, f"has folders nested more than {MAX_DEPTH} levels deep")
        names = []
        with os.scandir(path) as entries:
            for entry in entries:
                seen += 1
                if seen > MAX_FILES:
                    raise too_much(top, f"has more than {MAX_FILES:,} files and folders in it")
                names.append(entry.name)
        if logs := sorted(_LOGS.keys() & set(names)):
            raise InputError(
                f"{path} is a table of {_LOGS[logs[0]]}, whose files hold rows that were deleted or replaced too.",
                "Write its rows as plain parquet files first.",
            )
        inner = [path / name for name in sorted(names, reverse=True) if _counts(name)]
        left += [(each, (*keys, _key(top, each)) if each.is_dir() else keys) for each in inner]


def _counts(name: str) -> bool:
    """Whether a file or folder with this name is part of a table."""
    return (
        not is_provenance(name)
        and name not in _NOTES
        and not name.startswith(".")
        and (not name.startswith("_") or "=" in name)
    )


def _key(top: Path, folder: Path) -> tuple[str, str | None]:
    """Parse the name of a folder, KEY=VALUE, in which characters may be percent-encoded."""
    name, separator, value = folder.name.partition("=")
    if not separator or not name:
        raise InputError(
            f"{top} holds the folder {folder.name!r}, whose name is not KEY=VALUE.",
            way_to_files(top),
        )
    try:
        name, value = unquote(name, errors="strict"), unquote(value, errors="strict")
        f"{name}{value}".encode()
    except UnicodeError as error:
        raise InputError(f"The name of the folder {folder.name!r} is not UTF-8.", "Rename it first.") from error
    return name, None if value == NULL_KEY else value
