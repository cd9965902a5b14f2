"""The folder in which a job works: what it is called, what is in it, and whose it is.

While a job writes NAME, the folder `.NAME.job` beside it holds

    lock        held by the one run that works on NAME; the system lets go of it when that run dies, however it dies
    key.json    all that answers depend on, so that a run which would answer differently is refused
    stored      there if the answers of all these windows are in a store (--cache) too, so that none is lost with them
    *.parquet   the scores of one window each; the name says which rows, of a job with which key, and has a hash over
                that key, the rows and the bytes
    part-*      what is written of NAME so far, and of other files that belong beside it

Nothing else is ever removed: a folder of that name that is a link, or that holds anything else, is refused. All of the
above are plain files, but for what is written of a folder of parts; a pipe or a link of such a name is not ours.
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
"""A window of a version that began its names with the source: it is removed, and its rows are scored again."""

BEGUN: Final = "part-"
KEY_DIGITS: Final = 16


@dataclass(frozen=True)
class WindowFile:
    """Scores of some rows, in a file."""

    path: Path
    start: int
    rows: int
    key: str
    digest: str

    @property
    def end(self) -> int:
        """The row after its last."""
        return self.start + self.rows

    @property
    def position(self) -> str:
        """The part of its name that says which rows it has."""
        return self.path.name[: -len(f"-{self.key}-{self.digest}.parquet")]


def work_folder(target: Path) -> Path:
    """Where the journal of an output is.

    Args:
        target: The output; a link counts as what it leads to.
    """
    real_path = real(target)
    return real_path.with_name(f".{real_path.name}.job")


def make_work_folder(folder: Path) -> None:
    """Make a work folder, unless there is one that a run of this program left.

    The lock is the first file in a work folder and the last to go, so a folder with other files and no lock was made by
    somebody else.

    Raises:
        OutputError: What is there was not made by this program.
        OSError: It cannot be made.
    """
    if folder.is_symlink():
        raise OutputError(
            f"{folder} is a link, and unfinished work belongs there.",
            "Remove the link, or choose another --output.",
        )
    is_new = not folder.exists()
    folder.mkdir(mode=0o700, exist_ok=True)  # it holds scores, and outputs that are not in place
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
    """The window that a file says it holds by its name; None if it is another file."""
    found = _PART.fullmatch(path.name)
    return WindowFile(path, int(found[1]), int(found[2]), found[3], found[4]) if found else None


def is_ours(path: Path) -> bool:
    """Whether this is a file or folder that a run puts into its work folder, or there is none any more."""
    name = path.name
    plain = name.removesuffix(".tmp")
    is_window = any(pattern.fullmatch(plain) for pattern in (_PART, _EARLIER))
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
    """The key in a file; None if it is damaged or not there."""
    try:
        key = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return key if isinstance(key, dict) and all(isinstance(value, str) for value in key.values()) else None


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """What the system says about a work folder, as an OutputError."""
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
