"""Hidden files and folders that hold an output until it is complete; those that crashes left behind are removed."""

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
"""Seconds after which no process, on another machine either, can still write to a part whose process id is gone
here."""
_RUN: Final = secrets.token_hex(3)
"""Distinguishes this process from others with its id: earlier ones, in another container, or on another machine."""
_NUMBERS: Final = itertools.count(1)
PART_ENDING: Final = r"\.(?P<process>\d{1,9})(\.(?P<run>[0-9a-f]{6})-[0-9a-f]+)?\.part"
"""How the name of a part ends; earlier versions wrote only the process id."""


def hidden_part_path(path: Path) -> Path:
    """A new hidden path next to a target, for the file that will replace it; no two writers get the same one."""
    return path.with_name(f".{path.name}.{os.getpid()}.{_RUN}-{next(_NUMBERS):x}.part")


def sweep(path: Path) -> None:
    """Remove the parts of this target that processes which no longer run have left."""
    real_path = real(path)
    for part in real_path.parent.glob(f".{glob.escape(real_path.name)}.*.part"):
        found = re.fullmatch(PART_ENDING, part.name.removeprefix(f".{real_path.name}"))
        with suppress(OSError):
            if found and time.time() - _touched(part) > _LEFT_BEHIND and not _is_in_work(found):
                remove(part)


def _is_in_work(found: re.Match[str]) -> bool:
    """Whether the process that made a part may still write to it; another process may have its id by now."""
    process = int(found["process"])
    return found["run"] == _RUN if process == os.getpid() else lives(process)


def _touched(part: Path) -> float:
    """When a file, or a folder or anything in it, was last modified; links are not followed."""
    inside = part.iterdir() if part.is_dir() and not part.is_symlink() else ()
    return max(float(path.lstat().st_mtime) for path in (part, *inside))


def lives(process: int) -> bool:
    """Whether a process with this id runs, or may run where the system cannot say."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)  # sends no signal
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def remove(path: Path) -> None:
    """Remove a file or folder that is no longer needed, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
