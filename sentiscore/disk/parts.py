"""Hidden files and folders in which something is written until it takes its place; what crashes left of them goes."""

import glob
import itertools
import os
import re
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from sentiscore.disk.paths import real

_LEFT_BEHIND: Final = 3_600
"""Seconds after which nobody can be about to write to a file whose process is gone, on another machine either."""
_RUN: Final = secrets.token_hex(3)
"""Tells this process from others of its number, before it, in another container or on another machine."""
_NUMBERS: Final = itertools.count(1)
PART_ENDING: Final = r"\.(?P<process>\d{1,9})(\.(?P<run>[0-9a-f]{6})-[0-9a-f]+)?\.part"
"""How the name of a part ends; those of earlier versions have the number of their process alone."""


def hidden_part_path(path: Path) -> Path:
    """A new name beside a path, for what will take its place; no two writers get the same one."""
    return path.with_name(f".{path.name}.{os.getpid()}.{_RUN}-{next(_NUMBERS):x}.part")


def sweep(path: Path) -> None:
    """Remove what processes that are gone left of files they were writing in this place."""
    real_path = real(path)
    for part in real_path.parent.glob(f".{glob.escape(real_path.name)}.*.part"):
        found = re.fullmatch(PART_ENDING, part.name.removeprefix(f".{real_path.name}"))
        with suppress(OSError):
            if found and time.time() - _touched(part) > _LEFT_BEHIND and not _is_in_work(found):
                remove(part)


def _is_in_work(found: re.Match[str]) -> bool:
    """Whether the process that made a part may be writing to it; another one may have its number now."""
    process = int(found["process"])
    return found["run"] == _RUN if process == os.getpid() else lives(process)


def _touched(part: Path) -> float:
    """When a file, or a folder or anything in it, was last written to."""
    inside = part.iterdir() if part.is_dir() else ()
    return max(float(path.stat().st_mtime) for path in (part, *inside))


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
