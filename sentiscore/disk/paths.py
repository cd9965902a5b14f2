"""Where a path leads, and what belongs beside it."""

import os
from pathlib import Path

from sentiscore.local import with_home


def real(path: Path) -> Path:
    """Where a path leads, so that a link stays one."""
    return Path(os.path.realpath(with_home(os.fspath(path))))


def resolved(path: Path) -> Path:
    """A path as it is, or where it leads if it is a link; what belongs beside an output is beside that."""
    return real(path) if path.is_symlink() else path
