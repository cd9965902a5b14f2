"""Resolves links in paths to outputs."""

import os
from pathlib import Path

from sentiscore.local import with_home


def real(path: Path) -> Path:
    """The path with its links resolved, so that writing there leaves a link in place."""
    return Path(os.path.realpath(with_home(os.fspath(path))))


def resolved(path: Path) -> Path:
    """The path itself, or the target of a link; files that accompany an output are stored next to that."""
    return real(path) if path.is_symlink() else path
