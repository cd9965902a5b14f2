"""Hidden files and folders in which something is written until it takes its place; what crashes left of them goes."""

import glob
import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from sentiscore.disk.paths import real

_LEFT_BEHIND: Final = 3_600
"""Seconds after which nobody can be about to write to a file whose process is gone, on another machine either."""


def beside(path: Path) -> Path:
    """Where a process writes what will take a place."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def sweep(path: Path) -> None:
    """Remove what processes that are gone left of files they were writing in this place."""
    place = real(path)
    for part in place.parent.glob(f".{glob.escape(place.name)}.*.part"):
        number = process_of(part, place, "part")
        with suppress(OSError):
            if number is not None and time.time() - _touched(part) > _LEFT_BEHIND and not lives(number):
                remove(part)


def _touched(part: Path) -> float:
    """When a file, or a folder or anything in it, was last written to."""
    inside = part.iterdir() if part.is_dir() else ()
    return max(float(path.stat().st_mtime) for path in (part, *inside))


def process_of(part: Path, place: Path, ending: str) -> int | None:
    """The number of the process that made a file or folder beside its target."""
    number = re.fullmatch(rf"\.(\d{{1,9}})\.{ending}", part.name.removeprefix(f".{place.name}"))
    return int(number[1]) if number else None


def lives(process: int) -> bool:
    """Whether there is a process of this number; where that cannot be asked, whether there may be one."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def remove(path: Path) -> None:
    """Remove a file or a folder that nobody wants any more, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
