"""The work folder of a job: its name, its content, and how it is recognised.

While a job writes NAME, the folder `.NAME.job` next to it holds

    lock        held by the one run that works on NAME; the system releases it when that run dies, however it dies
    key.json    everything that answers depend on, so that a run that would answer differently is refused
    stored      exists if the answers of all these windows are also in a store (--cache), so that none is lost with them
    *.parquet   the scores of one window each; the name identifies the rows and the job's key, and has a hash over
                that key, the rows and the bytes
    half-*.npz  what is done of a window that is not finished; likewise
    part-*      what has been written of NAME so far, and of its accompanying files

Nothing else is ever removed: a folder with that name that is a link, or that holds anything else, is refused. All of
the above are plain files, except the parts of a folder; a pipe or a link with such a name is not ours.
"""

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sentiscore.disk.durable import sync_folder
from sentiscore.disk.paths import real
from sentiscore.errors import OutputError
from sentiscore.tables.part_folders import holds_parts_alone

KEY_FILE: Final = "key.json"
LOCK_FILE: Final = "lock"
STORED_FILE: Final = "stored"
_PART: Final = re.compile(r"rows-(\d{15})-(\d{8})-([0-9a-f]{16})-([0-9a-f]{64})\.parquet")
_EARLIER: Final = re.compile(_PART.pattern.replace("rows", r"\d{5}", 1))
"""A window of an older version, whose names began with the source: it is removed, and its rows are scored again."""

HALF: Final = re.compile(r"(half-\d{15})-([0-9a-f]{16})-([0-9a-f]{64})\.npz")

BEGUN: Final = "part-"
KEY_DIGITS: Final = 16


@dataclass(frozen=True)
class WindowFile:
    """A file with the scores of some rows."""

    path: Path
    start: int
    rows: int
    key: str
    digest: str

    @property
    def end(self) -> int:
        """The row after its last one."""
        return self.start + self.rows

    @property
    def position(self) -> str:
        """The part of its name that identifies its rows."""
        return self.path.name[: -len(f"-{self.key}-{self.digest}.parquet")]


def work_folder(target: Path) -> Path:
    """The path of an output's work folder.

    Args:
        target: The output; a link is resolved.
    """
    real_path = real(target)
    return real_path.with_name(f".{real_path.name}.job")


def make_work_folder(folder: Path) -> None:
    """Create a work folder, unless there is one that a run of this program left.

    The lock is the first file in a work folder and the last to be removed, so a folder with other files and no lock was
    made by somebody else.

    Raises:
        OutputError: The existing folder was not made by this program.
        OSError: It cannot be created.
    """
    if folder.is_symlink():
        raise OutputError(
            f"{folder} is a link, and unfinished work belongs there.",
            "Remove the link, or choose another --output.",
        )
    is_new = not folder.exists()
    folder.mkdir(mode=0o700, exist_ok=True)  # it holds scores and unpublished outputs
    if is_new:
        sync_folder(folder.parent)
    paths = sorted(folder.iterdir())
    held = [path.name for path in paths]
    strange = [path.name for path in paths if not is_ours(path)]
    if held and not strange and LOCK_FILE not in held:
        strange = held
    if strange:
        raise OutputError(
            f"{folder} holds files that sentiscore did not put there, such as {strange[0]}.",
            "Move that folder away, or choose another --output: unfinished work belongs there.",
        )


def parse(path: Path) -> WindowFile | None:
    """Parse the window from the name of a file; None if it is another file."""
    found = _PART.fullmatch(path.name)
    return WindowFile(path, int(found[1]), int(found[2]), found[3], found[4]) if found else None


def is_ours(path: Path) -> bool:
    """Whether this is a file or folder that a run puts into its work folder, or no longer exists."""
    name = path.name
    plain = name.removesuffix(".tmp")
    is_window = any(pattern.fullmatch(plain) for pattern in (_PART, _EARLIER, HALF))
    is_file_name = is_window or plain in (KEY_FILE, LOCK_FILE, STORED_FILE)
    if not is_file_name and not name.startswith(BEGUN):
        return False
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return True
    if not is_file_name and stat.S_ISDIR(mode):
        return holds_parts_alone(path)
    return stat.S_ISREG(mode)


def read_key(path: Path) -> dict[str, str] | None:
    """Read the key in a file; None if it is damaged or missing."""
    try:
        key = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return key if isinstance(key, dict) and all(isinstance(value, str) for value in key.values()) else None


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Translate errors of the system about a work folder into an OutputError."""
    try:
        yield
    except FileExistsError as error:
        raise OutputError(
            f"{folder} is not a folder, and unfinished work belongs there.",
            "Move it away, or choose another --output.",
        ) from error
    except FileNotFoundError as error:
        raise OutputError(
            f"{folder}, where unfinished work is kept, is gone.",
            "Something removed it while the job ran. Nothing else was changed: give the same command again.",
        ) from error
    except PermissionError as error:
        if folder.is_dir() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise OutputError(
                f"{folder} is of another user, and unfinished work belongs there.",
                "Have its owner finish the job or remove that folder, or choose another --output.",
            ) from error
        raise OutputError(
            f"{folder.parent} may not be written to by this user.", "Choose another place with --output."
        ) from error
    except OSError as error:
        raise OutputError(
            f"{folder} could not be written: {error.strerror or error}.",
            "What was finished is kept. Make room if that is why, then give the same command again.",
        ) from error
