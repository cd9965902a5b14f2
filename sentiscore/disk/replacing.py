"""What an output replaces: whether it may be replaced, and what the new file takes over from it."""

import os
import stat
from pathlib import Path
from typing import Final

from sentiscore.errors import OutputError

_PROCESSES: Final = Path("/proc")
"""Where the folders called fd are that /dev/stdout and /dev/fd/3 lead to; a file moved there would be lost."""
_MOST_LINKS: Final = 40
_FOLDER_MODE: Final = 0o777 | stat.S_ISGID
_KINDS: Final = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def check_replaceable(path: Path, real_path: Path) -> None:
    """Check that a finished file can replace this path atomically.

    Args:
        path: The path as the user gave it.
        real_path: Where it leads.

    Raises:
        OutputError: It is a stream, a pipe, a device, a socket or a mount point, or the folder lets only the owner
            replace it.
        OSError: It cannot be inspected.
    """
    if path.name == "-" or _is_stream(path):
        raise OutputError(
            f"{path} would be a stream, and an output is a file that takes its place when it is whole.",
            "Name a file, and print it afterwards.",
        )
    try:
        found = real_path.stat()
    except FileNotFoundError:
        return
    for is_kind, kind in _KINDS:
        if is_kind(found.st_mode):
            raise OutputError(f"{path} is {kind}, not a file.", "Name a file, and send it on afterwards.")
    folder = real_path.parent.stat()
    if found.st_dev != folder.st_dev:
        raise OutputError(
            f"{path} is a mount of its own, which no file can take the place of.", "Mount the folder that it is in."
        )
    if folder.st_mode & stat.S_ISVTX and _user() not in (None, 0, folder.st_uid, found.st_uid):
        raise OutputError(
            f"{path} belongs to another user, and in {real_path.parent} a file is replaced by its owner alone.",
            "Choose another place.",
        )


def take_after(path: Path, like: Path) -> None:
    """Give a file or folder the mode and, as far as this user may, the owner and group of an existing one.

    Where the group cannot be kept, it gets no rights. A folder keeps its setgid bit, so that new files in it get its
    group.
    """
    try:
        found, own = like.stat(), path.stat()
    except FileNotFoundError:
        return
    mode = stat.S_IMODE(found.st_mode) & (_FOLDER_MODE if path.is_dir() else 0o777)
    if (own.st_uid, own.st_gid) != (found.st_uid, found.st_gid) and not (
        _give(path, found.st_uid, found.st_gid) or _give(path, -1, found.st_gid)
    ):
        mode &= ~(stat.S_IRWXG | stat.S_ISGID)
    if mode != stat.S_IMODE(path.stat().st_mode):
        path.chmod(mode)


def _give(path: Path, user: int, group: int) -> bool:
    """Give a file to a user and group; False if this user may not, or the system has no owners."""
    try:
        os.chown(path, user, group)
    except (OSError, AttributeError):
        return False
    return True


def _user() -> int | None:
    return os.geteuid() if hasattr(os, "geteuid") else None


def _is_stream(path: Path) -> bool:
    """Whether a path leads, through links, to a stream such as /dev/stdout."""
    for _ in range(_MOST_LINKS):
        path = Path(os.path.realpath(path.parent)) / path.name
        if path.is_relative_to(_PROCESSES) and path.parent.name == "fd":
            return True
        if not path.is_symlink():
            return False
        path = path.parent / path.readlink()
    return False
