"""Expands patterns of file names to the files that they match."""

import glob
import itertools
import os
import shlex
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.local import local_path, with_home
from sentiscore.nightly.daily_file import sibling_path
from sentiscore.storage.address import is_address
from sentiscore.storage.options import StorageOptions
from sentiscore.storage.patterns import matching

_MADE: Final = ("scored", "rejected", "daily", "late")
"""The default outputs of earlier runs, which are next to their input."""


def expand_patterns(inputs: Iterable[str], storage: StorageOptions | None = None) -> list[str]:
    """Expand patterns to the files that they match, sorted and without duplicates; other names stay unchanged.

    Default outputs of earlier runs next to the files of a pattern are left out. KEY=VALUE folders that a pattern
    matches are warned about, since their keys become columns only if the parent folder is an input itself.

    Args:
        inputs: Patterns and names; also addresses in object stores, whose keys may be patterns.
        storage: How those are read.

    Raises:
        InputError: A pattern matches no file, or is the address of something else.
    """
    files: list[str] = []
    for item in inputs:
        if is_address(item):
            files.extend(each for each in _expand_address(item, storage) if each not in files)
            continue
        local_path(item)  # refuses other addresses, which may look like patterns
        if not glob.has_magic(item) or os.path.exists(item):  # noqa: PTH110 - False without permission
            files.append(item)
            continue
        matches = sorted(glob.glob(with_home(item), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
        made = {str(sibling_path(Path(match), what)) for match in matches for what in _MADE}
        found = [match for match in matches if str(Path(match)) not in made and match not in files]
        if not matches:
            raise InputError(f"No file matches the pattern {item!r}.", "Check it; it is seen from this folder.")
        _warn_of_keys(with_home(item), found)
        files.extend(found)
    return files


def _expand_address(item: str, storage: StorageOptions | None) -> list[str]:
    """The objects that an address matches; the address itself if it is not a pattern."""
    if not glob.has_magic(item):
        return [item]
    matches = {str(address): address for address in matching(item, storage or StorageOptions())}
    made = {
        str(address.beside(sibling_path(Path(address.name), what).name))
        for address in matches.values()
        for what in _MADE
    }
    return [match for match in matches if match not in made]


def _warn_of_keys(pattern: str, found: list[str]) -> None:
    """Warn if a pattern matches KEY=VALUE folders, whose keys would be columns if the parent folder were the input."""
    above = list(itertools.takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))
    for match in found:
        path = Path(match)
        folders = path.parts[len(above) :] if path.is_dir() else path.parts[len(above) : -1]
        if keys := [part.partition("=")[0] for part in folders if part.find("=") > 0]:
            warnings.warn(
                f"The pattern {pattern!r} matches files in folders KEY=VALUE, whose keys ({', '.join(keys)}) do not "
                f"become columns this way. To keep them, name the folder instead: {shlex.quote(str(Path(*above)))}",
                SentiscoreWarning,
                stacklevel=2,
            )
            return
