"""Checks that a path can be written to, before any work is done."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from sentiscore.disk.failures import translated
from sentiscore.disk.parts import hidden_part_path
from sentiscore.disk.paths import real
from sentiscore.disk.replacing import check_replaceable
from sentiscore.errors import OutputError
from sentiscore.local import local_path


def check_file_target(path: Path) -> None:
    """Check that a file can be written there.

    Raises:
        OutputError: It is a folder, a pipe or a device, its folder is missing or not writable, or the existing file may
            not be replaced.
    """
    path = local_path(path, OutputError)
    with translated(path):
        if path.is_dir():
            raise OutputError(f"{path} is a folder.", "Name a file in it.")
        check_parent(path)
        check_replaceable(path, real(path))
        probe(path)


def check_parent(path: Path) -> None:
    """Raise an OutputError if the parent folder of a path is missing, or is a file."""
    folder = path.parent
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file, not a folder.", "Choose another place.")
    if not folder.is_dir():
        raise OutputError(f"There is no folder {folder}.", f"Make it first: mkdir -p {folder}")


def probe(path: Path) -> None:
    """Write in the folder of a path, unnamed where the system supports that, so that a kill leaves no trace."""
    with suppress(FileNotFoundError):
        hidden_part_path(real(path)).lstat()  # raises if the name is too long
    folder = real(path).parent
    with tempfile.TemporaryFile(dir=folder):
        pass
    try:
        if os.name != "nt":
            os.close(os.open(folder, os.O_RDONLY))
    except PermissionError as error:
        raise OutputError(
            f"{folder} may be written to by this user but not read, so a new file could not be made to last there.",
            "Get the right to read the folder, or choose another place.",
        ) from error


def check_same_disk(part: Path, target: Path) -> None:
    """Raise an OutputError if a file cannot be renamed atomically from one path to the other.

    Raises:
        OSError: One of the folders is missing.
    """
    if part.parent.stat().st_dev != real(target).parent.stat().st_dev:
        raise OutputError(
            f"{part.parent} is on another file system than {target}.", "Choose a work folder beside the output."
        )
