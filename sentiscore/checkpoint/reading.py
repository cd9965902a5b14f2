"""Reads the files of a model folder once: plain files inside the folder, no larger than they should be.

A folder may be untrusted, so a name in it may be a link to somewhere else, a pipe that never ends, or a device. It may
also be replaced while it is read. An `OpenedFolder` keeps referring to the same folder, so what is checked, hashed and
loaded is consistent.
"""

import errno
import hashlib
import json
import math
import os
import re
import stat
import weakref
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

from sentiscore.errors import CheckpointError

MIB: Final = 2**20
LONGEST_SHOWN: Final = 80
"""The maximum number of characters of a file's value in a message."""
DEFAULT: Final = "default"
PACKAGED: Final = Path(__file__).parent.parent / "default_model"
"""The model inside the package: as trusted as the code, and possibly made of links, depending on how it was
installed."""
_COPY: Final = "Copy or download the whole folder again."
_SNAPSHOT: Final = re.compile(r"[0-9a-f]{40}")
LARGEST: Final = 64 * MIB
"""The maximum bytes of a file without weights; the largest vocabularies in use need two thirds of it."""
WEIGHTS: Final = ".safetensors"
_MOST_LINKS: Final = 40
_LARGE: Final = 1024 * MIB
_BLOCK: Final = 512
_THINNEST: Final = 64
"""The maximum ratio of a large file's size to its space on disk; file systems that compress weights save little."""
_MOST_VALUES: Final = 6_000_000
"""The maximum number of values in a JSON file; the largest tokenizers in use have half as many."""
_BY_DESCRIPTOR: Final = {os.open, os.stat, os.readlink} <= os.supports_dir_fd and os.listdir in os.supports_fd
"""Whether this system can open files relative to an open folder, wherever its path leads by then."""


class OpenedFolder:
    """An open model folder, which stays the same even if its path is replaced meanwhile.

    Small files are read once and kept, so what is parsed is what is hashed. A file that is opened a second time must be
    the same and unchanged.

    Args:
        path: The path of the folder.

    Attributes:
        path: The same path, for messages and for its parent.

    Raises:
        CheckpointError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._number: int | None = None
        self._read: dict[str, bytearray] = {}
        self._marks: dict[str, tuple[int, ...]] = {}
        try:
            if _BY_DESCRIPTOR:
                self._number = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
                weakref.finalize(self, os.close, self._number)
            self.names = frozenset(os.listdir(path if self._number is None else self._number))  # noqa: PTH208
            self._allowed_folders = _allowed_folders(path.resolve(strict=True))
        except (OSError, RuntimeError) as error:
            raise CheckpointError(f"{path} cannot be read: {error}.", _COPY) from error

    def __str__(self) -> str:
        return str(self.path)

    def __truediv__(self, name: str) -> Path:
        """The path of a file in it, for messages."""
        return self.path / name

    def check_unchanged(self) -> None:
        """Check that all files that were read are unchanged.

        Raises:
            CheckpointError: One is not, so that what was read may belong to two models.
        """
        for name in sorted(self._marks):
            with self.open(name):
                pass

    def open(self, name: str) -> BufferedReader:
        """See `open_inside`."""
        path = self.path / name
        if not is_plain_name(name):
            raise CheckpointError(f"{name!r} is not the name of a file in {self.path}.", _COPY)
        try:
            number = self._open(name)
        except FileNotFoundError as error:
            raise CheckpointError(f"{self.path} lacks the file {name}.", _COPY) from error
        except (OSError, ValueError, RuntimeError) as error:  # circular links are a RuntimeError before Python 3.13
            looped = isinstance(error, RuntimeError) or (isinstance(error, OSError) and error.errno == errno.ELOOP)
            why = "its links go in a circle" if looped else str(error)
            raise CheckpointError(f"{path} cannot be read: {why}.", _COPY) from error
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode):
            os.close(number)
            raise CheckpointError(f"{path} is not a plain file.", _COPY)
        if _is_hole(number, found):
            os.close(number)
            raise CheckpointError(f"{path} is a hole: most of its {found.st_size:,} bytes are not on the disk.", _COPY)
        mark = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        if self._marks.setdefault(name, mark) != mark:
            os.close(number)
            raise _changed(path)
        return os.fdopen(number, "rb")

    def _open(self, name: str) -> int:
        """Open a plain file and return its descriptor; it may have been replaced since it was inspected.

        Opening a pipe without a writer would block, and opening a device may have side effects.
        """
        target = self._followed(name)
        if not stat.S_ISREG(self._stat(target).st_mode):
            raise CheckpointError(f"{self.path / name} is not a plain file.", _COPY)
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        return os.open(self._at(target), flags, dir_fd=self._number)

    def _followed(self, name: str) -> str:
        """Resolve a name to a file name in the folder, or to a full path if the file may be elsewhere and is."""
        for _ in range(_MOST_LINKS):
            if not stat.S_ISLNK(self._stat(name).st_mode):
                return name
            target = os.readlink(self._at(name), dir_fd=self._number)
            if is_plain_name(target):
                name = target
                continue
            real = (self._allowed_folders[0] / target).resolve(strict=True)
            if real.parent == self._allowed_folders[0]:
                name = real.name
            elif self.path == PACKAGED or real.parent in self._allowed_folders:
                return str(real)
            else:
                raise CheckpointError(
                    f"{self.path / name} is a link that leads out of its folder.",
                    "Put the file itself there, if you trust it.",
                )
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))

    def _stat(self, name: str) -> os.stat_result:
        return os.stat(self._at(name), dir_fd=self._number, follow_symlinks=False)

    def _at(self, name: str) -> str:
        return name if self._number is not None else str(self.path / name)

    def read(self, name: str, limit: int | None) -> bytearray:
        """See `read_inside`; files with a limit are kept."""
        path = self.path / name
        kept = self._read.get(name)
        if kept is None:
            with self.open(name) as file:
                size = os.fstat(file.fileno()).st_size
                if limit is not None and size > limit:
                    raise CheckpointError(f"{path} is larger than such a file can be ({size:,} bytes).", _COPY)
                try:
                    kept = bytearray(size)
                    got = file.readinto(kept)
                except (OSError, MemoryError) as error:
                    raise CheckpointError(f"{path} cannot be read: {error or 'too little memory'}.", _COPY) from error
            if got != size:
                raise CheckpointError(
                    f"{path} became shorter while it was read.", "Let nothing write to it, and try again."
                )
            if limit is not None:
                self._read[name] = kept
        return kept

    def hash(self, name: str) -> str:
        """See `hash_inside`; for a file that was read, it is the hash of what was read."""
        if name in self._read:
            return hashlib.sha256(self._read[name]).hexdigest()
        with self.open(name) as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST and not name.endswith(WEIGHTS):
                raise CheckpointError(f"{self.path / name} is larger than such a file can be ({size:,} bytes).", _COPY)
            try:
                return hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise CheckpointError(f"{self.path / name} cannot be read: {error}.", _COPY) from error


def _is_hole(number: int, found: os.stat_result) -> bool:
    """Whether this is a large sparse file, which would take hours to read.

    Some file systems do not report how much space a file takes, but weights never begin with zeros.
    """
    taken = getattr(found, "st_blocks", found.st_size) * _BLOCK
    if found.st_size <= _LARGE or taken >= found.st_size // _THINNEST:
        return False
    beginning = os.read(number, 8)
    os.lseek(number, 0, os.SEEK_SET)
    return taken > 0 or not any(beginning)


Folder = Path | OpenedFolder
"""A model folder: a path, which is opened for each access, or an open folder."""


def opened(folder: Folder) -> OpenedFolder:
    """Open a model folder, unless it is open."""
    return folder if isinstance(folder, OpenedFolder) else OpenedFolder(folder)


def has(folder: Folder, name: str) -> bool:
    """Whether a model folder has a file, a link or anything else with this name."""
    return name in folder.names if isinstance(folder, OpenedFolder) else os.path.lexists(folder / name)


def _changed(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} has changed since it was checked.", "Let nothing write to the model's folder, and try again."
    )


def open_inside(folder: Folder, name: str) -> BufferedReader:
    """Open a file of a model folder for reading.

    A link is followed if it ends in the folder. In the hub's cache, where a snapshot consists of links to the blobs
    next to it, it may also end there.

    Args:
        folder: The model folder.
        name: The name of a file directly in it.

    Raises:
        CheckpointError: The file does not exist, is not a plain file, or is elsewhere.
    """
    return opened(folder).open(name)


def _allowed_folders(folder: Path) -> list[Path]:
    """The resolved folders in which the files of a folder may be."""
    in_cache = (
        _SNAPSHOT.fullmatch(folder.name) is not None
        and folder.parent.name == "snapshots"
        and folder.parent.parent.name.startswith("models--")
    )
    return [folder, folder.parent.parent / "blobs"] if in_cache else [folder]


def is_plain_name(name: str) -> bool:
    """Whether this is a plain file name without path components."""
    return bool(name) and Path(name).name == name and name not in (".", "..") and not set(name) & set("/\\\0:")


def read_inside(folder: Folder, name: str, limit: int | None = None, sha256: str | None = None) -> bytearray:
    """Read the bytes of a file of a model folder.

    Args:
        folder: The model folder.
        name: The name of a file in it.
        limit: The maximum bytes of such a file; None if its size is how much there is to load.
        sha256: Their hash when the file was checked, in hex; None if it was not.

    Raises:
        CheckpointError: It cannot be read, is too large, or has changed since it was checked.
    """
    data = opened(folder).read(name, limit)
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise _changed(folder / name)
    return data


def hash_inside(folder: Folder, name: str) -> str:
    """The sha256 of a file of a model folder, in hex.

    Raises:
        CheckpointError: It cannot be read.
    """
    return opened(folder).hash(name)


def read_object(folder: Folder, name: str, limit: int, sha256: str | None = None) -> dict[str, Any]:
    """Read a file of a model folder that holds one JSON object.

    Raises:
        CheckpointError: It cannot be read, or is not strict JSON.
    """
    try:
        return parse_object(read_inside(folder, name, limit, sha256))
    except ValueError as error:
        raise CheckpointError(f"{folder / name} cannot be read: {error}.", "Copy or download it again.") from error


def parse_object(data: bytes | bytearray) -> dict[str, Any]:
    """Parse one JSON object strictly: duplicate keys, NaN and infinite numbers are refused.

    Raises:
        ValueError: It is something else.
    """
    if data.count(b",") + data.count(b"[") + data.count(b"{") > _MOST_VALUES:
        raise ValueError(f"it holds more than {_MOST_VALUES:,} values")
    try:
        found = json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_without_repeats,
            parse_constant=_no_such_number,
            parse_float=_finite,
        )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - one error type for all problems
    return found


def _without_repeats(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:80]!r} is there twice")
    return found


def _no_such_number(text: str) -> Any:
    raise ValueError(f"{text} is not a number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def shown(value: Any) -> str:
    """A value of a file for a message; only its beginning if it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
