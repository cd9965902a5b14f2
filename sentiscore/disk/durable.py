"""The one way to write a file for good: a part beside it, synced, renamed, and the folder synced.

When one of these functions returns, the file is in its place, whole, and stays there after a loss of power. Until then
the old one is there, whole.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from sentiscore.disk.failures import translated
from sentiscore.disk.parts import hidden_part_path, sweep
from sentiscore.disk.paths import real
from sentiscore.disk.replacing import check_replaceable, take_after


def write_text(path: Path, text: str, *, like: Path | None = None) -> None:
    """Write a text file, whole or not at all; see `write_whole`."""
    write_whole(path, text.encode(), like=like)


def write_whole(path: Path, content: bytes, *, like: Path | None = None) -> None:
    """Write a file, whole or not at all.

    Args:
        path: The place.
        content: What the file will hold.
        like: The file whose mode and owner it gets; by default the one that it replaces.

    Raises:
        OutputError: It cannot be written there.
    """
    part = hidden_part_path(real(path))
    try:
        with translated(path):
            sweep(path)
            write_synced(part, content, like=like or real(path))
            put_in_place(part, path, like=like)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def begin_file(path: Path, *, like: Path | None = None) -> IO[bytes]:
    """Open a file to be written from its start, in place of what a killed run left there.

    A link is removed and never followed, so that nobody can direct what is written to a file of their choice.

    Args:
        path: The file.
        like: The file whose mode it will get: if that is there, nobody but its owner can read this one before.

    Raises:
        OSError: It cannot be made, or is a folder.
    """
    path.unlink(missing_ok=True)
    if like is None or not like.exists():
        return path.open("xb")
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))


def write_synced(path: Path, content: bytes, *, like: Path | None = None) -> None:
    """Write a file and wait until the disk has it; `like` is as in `begin_file`."""
    with begin_file(path, like=like) as file:
        file.write(content)
        sync_open(file)


def put_in_place(part: Path, target: Path, *, like: Path | None = None) -> None:
    """Let a file that was written whole take the place of another in one step.

    Args:
        part: The file.
        target: The place.
        like: The file whose mode and owner it gets; by default the one that it replaces.

    Raises:
        OutputError: It cannot be put there.
    """
    real_path = real(target)
    with translated(target):
        check_replaceable(target, real_path)
        take_after(part, like or real_path)
        replace_synced(part, real_path)


def replace_synced(part: Path, real_path: Path) -> None:
    """Rename a file that was synced, and wait until the disk has its name."""
    part.replace(real_path)
    sync_folder(real_path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those that it is in, as far as they are not there, and wait until the disk has their names."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in made:
        sync_folder(path.parent)


def sync_open(file: IO[Any]) -> None:
    """Wait until the disk has what was written to an open file."""
    file.flush()
    os.fsync(file.fileno())


def sync_contents(folder: Path) -> None:
    """Wait until the disk has the files of a folder, which other libraries wrote, and their names."""
    for path in folder.iterdir():
        if path.is_file():
            with path.open("r+b" if os.name == "nt" else "rb") as file:  # Windows syncs what is open for writing alone
                os.fsync(file.fileno())
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlast a loss of power."""
    if os.name == "nt":
        return  # a folder cannot be opened there
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
