"""The one way to write a file durably: a hidden part next to it is written, synced and renamed, and the folder synced.

When one of these functions returns, the complete file is at its target, and stays there after a power loss. Until then
the complete old file is there.
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
    """Write a text file completely or not at all; see `write_whole`."""
    write_whole(path, text.encode(), like=like)


def write_whole(path: Path, content: bytes, *, like: Path | None = None) -> None:
    """Write a file completely or not at all.

    Args:
        path: The target.
        content: The content of the file.
        like: The file whose mode and owner it gets; by default the file that it replaces.

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
    """Open a new file for writing, replacing whatever a killed run left there.

    A link is removed and never followed, so that nobody can redirect the write to a file of their choice.

    Args:
        path: The file.
        like: The file whose mode it will get; if that exists, only the owner can read the new file until then.

    Raises:
        OSError: It cannot be created, or is a folder.
    """
    path.unlink(missing_ok=True)
    if like is None or not like.exists():
        return path.open("xb")
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))


def go_on_with_file(path: Path) -> IO[bytes]:
    """Open a file for writing after what it has; it is made if it is missing. A link is removed and never followed.

    Raises:
        OSError: It cannot be opened, or is a folder.
    """
    if path.is_symlink():
        path.unlink()
    return path.open("ab")


def write_synced(path: Path, content: bytes, *, like: Path | None = None) -> None:
    """Write a file and sync it to the disk; see `begin_file` for `like`."""
    with begin_file(path, like=like) as file:
        file.write(content)
        sync_open(file)


def put_in_place(part: Path, target: Path, *, like: Path | None = None) -> None:
    """Replace a target atomically by a file that was written completely.

    Args:
        part: The complete file.
        target: The target.
        like: The file whose mode and owner it gets; by default the file that it replaces.

    Raises:
        OutputError: It cannot be moved there.
    """
    real_path = real(target)
    with translated(target):
        check_replaceable(target, real_path)
        take_after(part, like or real_path)
        replace_synced(part, real_path)


def replace_synced(part: Path, real_path: Path) -> None:
    """Rename a synced file, and sync its new name to the disk."""
    part.replace(real_path)
    sync_folder(real_path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents, and sync their names to the disk."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in made:
        sync_folder(path.parent)


def sync_open(file: IO[Any]) -> None:
    """Sync what was written to an open file to the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_contents(folder: Path) -> None:
    """Sync the files of a folder, which other libraries wrote, and their names to the disk."""
    for path in folder.iterdir():
        if path.is_file():
            with path.open("r+b" if os.name == "nt" else "rb") as file:  # Windows syncs only files open for writing
                os.fsync(file.fileno())
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power loss."""
    if os.name == "nt":
        return  # Windows cannot open a folder
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
