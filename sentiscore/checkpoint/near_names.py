"""Model folders whose names are nearly what was typed: a mistyped folder must not be looked for on the hub."""

import difflib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from sentiscore.checkpoint.reading import DEFAULT
from sentiscore.errors import CheckpointError

_CONFIG: Final = "config.json"
_MOST: Final = 1_000
_NEAR: Final = 0.7


def check_no_near_folder(path: Path) -> None:
    """Raise a CheckpointError if there is no such folder, and a model folder of nearly its name.

    Args:
        path: What was typed, which is no folder.
    """
    known = [str(folder) for folder in (*_beside(path), *_below_near_parent(path))]
    names = difflib.get_close_matches(str(path), [*known, DEFAULT], n=3, cutoff=_NEAR)
    if names:
        raise CheckpointError(
            f"There is no folder {str(path)!r}. Did you mean {' or '.join(names)}?",
            "If a model of the hub is meant, name its commit too, all 40 digits of it, with --revision (revision).",
        )


def _beside(path: Path) -> Iterator[Path]:
    """The model folders in the folder in which this one would be."""
    yield from (folder for folder in _folders(path.parent) if (folder / _CONFIG).is_file())


def _below_near_parent(path: Path) -> Iterator[Path]:
    """The folder of the same name below one whose name is nearly that of the parent."""
    if path.parent.name and not path.parent.is_dir():
        near = difflib.get_close_matches(
            path.parent.name, [folder.name for folder in _folders(path.parent.parent)], cutoff=_NEAR
        )
        found = (path.parent.with_name(name) / path.name for name in near)
        yield from (folder for folder in found if (folder / _CONFIG).is_file())


def _folders(path: Path) -> list[Path]:
    try:
        return [each for each in islice(path.iterdir(), _MOST) if each.is_dir()]
    except OSError:
        return []
