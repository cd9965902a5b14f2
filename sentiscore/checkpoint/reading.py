"""A file of a model folder -> its bytes, read once: a plain file, inside the folder, no larger than it should be.

A folder may come from a stranger, so a name in it may be a link to somewhere else, a pipe that never ends, or a device.
"""

import errno
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

from sentiscore.errors import CheckpointError

MIB: Final = 2**20
PACKAGED: Final = Path(__file__).parent.parent / "default_model"
"""The model inside the package: trusted as the code is, and made of links by some ways to install packages."""
_COPY: Final = "Copy or download the whole folder again."
_SNAPSHOT: Final = re.compile(r"[0-9a-f]{40}")


def open_inside(folder: Path, name: str) -> BufferedReader:
    """Open a file of a model folder for reading.

    A link is followed where it ends in the folder. In the hub's cache, where a snapshot is made of links to the blobs
    beside it, it may end there too.

    Args:
        folder: The model folder.
        name: The name of a file that is directly in it.

    Raises:
        CheckpointError: There is no such file, it is not a plain one, or it is elsewhere.
    """
    path = folder / name
    if not is_plain_name(name):
        raise CheckpointError(f"{name!r} is not the name of a file in {folder}.", _COPY)
    try:
        real = path.resolve(strict=True)
        if folder != PACKAGED and real.parent not in _places(folder.resolve(strict=True)):
            raise CheckpointError(
                f"{path} is a link that leads out of its folder.", "Put the file itself there, if you trust it."
            )
        # A pipe without a writer would be waited for, and a device may do things when it is opened.
        if not stat.S_ISREG(real.stat().st_mode):
            raise CheckpointError(f"{path} is not a plain file.", _COPY)
        number = os.open(real, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError as error:
        raise CheckpointError(f"{folder} lacks the file {name}.", _COPY) from error
    except (OSError, ValueError, RuntimeError) as error:  # links in a circle are a RuntimeError before Python 3.13
        looped = isinstance(error, RuntimeError) or (isinstance(error, OSError) and error.errno == errno.ELOOP)
        why = "its links go in a circle" if looped else str(error)
        raise CheckpointError(f"{path} cannot be read: {why}.", _COPY) from error
    file = os.fdopen(number, "rb")
    if not stat.S_ISREG(os.fstat(number).st_mode):  # it took the place of the one that was looked at
        file.close()
        raise CheckpointError(f"{path} is not a plain file.", _COPY)
    return file


def _places(folder: Path) -> list[Path]:
    """Where the files of a folder may be, each of them resolved."""
    in_cache = (
        _SNAPSHOT.fullmatch(folder.name) is not None
        and folder.parent.name == "snapshots"
        and folder.parent.parent.name.startswith("models--")
    )
    return [folder, folder.parent.parent / "blobs"] if in_cache else [folder]


def is_plain_name(name: str) -> bool:
    """Is this the name of a file, with nothing of a path in it?"""
    return bool(name) and Path(name).name == name and name not in (".", "..") and not set(name) & set("/\\\0:")


def read_inside(folder: Path, name: str, limit: int | None = None, sha256: str | None = None) -> bytearray:
    """The bytes of a file of a model folder.

    Args:
        folder: The model folder.
        name: The name of a file in it.
        limit: The most bytes that such a file may have; None where its size says how much there is to load.
        sha256: What their hash was when the file was checked, in hex; None if it was not.

    Raises:
        CheckpointError: It cannot be read, is too large, or has changed since it was checked.
    """
    path = folder / name
    with open_inside(folder, name) as file:
        size = os.fstat(file.fileno()).st_size
        if limit is not None and size > limit:
            raise CheckpointError(f"{path} is larger than such a file can be ({size:,} bytes).", _COPY)
        try:
            data = bytearray(size)
            got = file.readinto(data)
        except (OSError, MemoryError) as error:
            raise CheckpointError(f"{path} cannot be read: {error or 'too little memory'}.", _COPY) from error
    if got != size:
        raise CheckpointError(f"{path} became shorter while it was read.", "Let nothing write to it, and try again.")
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise CheckpointError(
            f"{path} has changed since it was checked.", "Let nothing write to the model's folder, and try again."
        )
    return data


def hash_inside(folder: Path, name: str) -> str:
    """The sha256 of a file of a model folder, in hex.

    Raises:
        CheckpointError: It cannot be read.
    """
    with open_inside(folder, name) as file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise CheckpointError(f"{folder / name} cannot be read: {error}.", _COPY) from error


def read_object(folder: Path, name: str, limit: int, sha256: str | None = None) -> dict[str, Any]:
    """A file of a model folder that holds one JSON object.

    Raises:
        CheckpointError: It cannot be read, or is not strict JSON.
    """
    try:
        return parse_object(read_inside(folder, name, limit, sha256))
    except ValueError as error:
        raise CheckpointError(f"{folder / name} cannot be read: {error}.", "Copy or download it again.") from error


def parse_object(data: bytes | bytearray) -> dict[str, Any]:
    """One JSON object, read strictly: a key twice in an object, NaN and infinite numbers are refused.

    Raises:
        ValueError: It is something else.
    """
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
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - one error for all that is wrong with it
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
