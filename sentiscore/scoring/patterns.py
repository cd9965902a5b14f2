"""Patterns of file names -> the files that they match."""

import glob
import itertools
import os
import shlex
import warnings
from collections.abc import Iterable
from pathlib import Path

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.local import local_path, with_home
from sentiscore.nightly.daily_file import sibling


def expand_patterns(inputs: Iterable[str]) -> list[str]:
    """Patterns -> the files that they match, sorted and each once; names that are no pattern stay as they are.

    What an earlier run has written beside the files of a pattern by default is left out. Folders KEY=VALUE that a
    pattern matches are warned about, since their keys are columns only of a folder that is an input itself.

    Raises:
        InputError: A pattern matches no file, or is an address.
    """
    files: list[str] = []
    for item in inputs:
        local_path(item)  # refuses an address, which may look like a pattern
        if not glob.has_magic(item) or os.path.exists(item):  # noqa: PTH110 - False without permission
            files.append(item)
            continue
        matches = sorted(glob.glob(with_home(item), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
        made = {str(sibling(Path(match), what)) for match in matches for what in ("scored", "rejected", "daily")}
        found = [match for match in matches if str(Path(match)) not in made and match not in files]
        if not matches:
            raise InputError(f"No file matches the pattern {item!r}.", "Check it; it is seen from this folder.")
        _warn_of_keys(with_home(item), found)
        files.extend(found)
    return files


def _warn_of_keys(pattern: str, found: list[str]) -> None:
    """Warn if a pattern matches folders KEY=VALUE, whose keys would be columns if the folder above were the input."""
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
