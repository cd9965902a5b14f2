"""A folder of parquet parts: its file names, whether it is one of ours, and how a finished one replaces the target."""

import glob
import os
import re
import stat
import time
from pathlib import Path
from typing import Final

from sentiscore.disk.durable import sync_folder
from sentiscore.disk.exchange import exchange
from sentiscore.disk.failures import translated
from sentiscore.disk.parts import PART_ENDING, lives, remove
from sentiscore.disk.paths import real
from sentiscore.disk.permission import check_parent, probe
from sentiscore.disk.replacing import check_replaceable, take_after
from sentiscore.errors import InputError, OutputError
from sentiscore.tables.parquet_pages import read_footer

MARK: Final = "sentiscore:part"
"""A name in the metadata of each part, which distinguishes our folders from others."""
PROVENANCE_NAME: Final = "provenance.json"
"""The file with the provenance of a folder of parts."""
_PART_NAME: Final = re.compile(r"part-\d{5,9}\.parquet")
_BEGUN_NAME: Final = re.compile(
    rf"(part-\d{{5,9}}\.parquet|provenance\.json)|\.(part-\d{{5,9}}\.parquet|provenance\.json){PART_ENDING}"
)
"""The files in a folder of parts that is being written."""
_SWAP: Final = 60
"""Seconds after which no process can still be publishing a folder; its id may belong to another process by then."""


def part_name(number: int) -> str:
    """The name of a part of a folder, counted from 0."""
    return f"part-{number:05}.parquet"


def is_part_name(name: str) -> bool:
    """Whether a file with this name in a folder is one of its parts."""
    return _PART_NAME.fullmatch(name) is not None


def is_provenance(name: str) -> bool:
    """Whether a file of a folder is its provenance, or that of another file in it."""
    return name == PROVENANCE_NAME or name.endswith(f".{PROVENANCE_NAME}")


def parts_of(folder: Path) -> list[Path]:
    """The parts of a folder, in order."""
    found = [path for path in folder.iterdir() if _PART_NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name[5:-8]))


def check_folder_target(path: Path) -> None:
    """Check that a folder of parts can be written there, after recovering from an interrupted replacement.

    Raises:
        OutputError: It is a file, it holds files that sentiscore did not write, or its parent folder is missing or not
            writable.
    """
    with translated(path):
        check_parent(path)
        recover_folder(path)
        if path.exists() and not path.is_dir():
            raise OutputError(f"{path} is a file, not a folder.", "Choose another place.")
        check_replaceable(path, real(path))
        check_ours(path)
        probe(path)


def check_ours(path: Path) -> None:
    """Raise an OutputError if a folder holds anything but our parts and their provenance."""
    if not path.is_dir():
        return
    for found in sorted(path.iterdir()):
        named = _PART_NAME.fullmatch(found.name) or found.name == PROVENANCE_NAME
        if not named or found.is_symlink() or not found.is_file():
            raise OutputError(
                f"{path} holds files that sentiscore did not write, such as {found.name}.",
                "Choose a new folder, or one that sentiscore wrote: it is replaced as a whole.",
            )
    if any(path.iterdir()) and not all(_is_marked(part) for part in parts_of(path)[:1] or [path]):
        raise OutputError(
            f"{path} holds files that are named like parts, and that sentiscore did not write.",
            "Choose a new folder, or one that sentiscore wrote: it is replaced as a whole.",
        )


def holds_parts_alone(folder: Path) -> bool:
    """Whether a folder that was being written holds only plain files that are parts, finished or not."""
    return all(
        _BEGUN_NAME.fullmatch(path.name) is not None and stat.S_ISREG(path.lstat().st_mode) for path in folder.iterdir()
    )


def _is_marked(part: Path) -> bool:
    """Whether a file is a part that sentiscore wrote."""
    from pyarrow import ArrowException, parquet

    try:
        read_footer(part)  # Arrow allocates memory for as many columns as a footer claims
        return MARK.encode() in (parquet.read_metadata(part).metadata or {})
    except (ArrowException, InputError, OSError, ValueError):
        return False


def put_folder_in_place(work: Path, target: Path) -> None:
    """Replace a target by a folder that was written completely, atomically where the system supports it.

    Linux swaps the two names atomically. Elsewhere the old folder is moved aside first, and for a moment the name is
    missing; a run that is killed in that moment leaves both folders, and `recover_folder` restores the old one.

    Raises:
        OutputError: It cannot be moved there; the old folder is where it was.
    """
    real_path = real(target)
    with translated(target):
        check_ours(target)
        if not real_path.exists():
            work.rename(real_path)
            sync_folder(real_path.parent)
            return
        for file in work.iterdir():
            take_after(file, next(iter(parts_of(real_path)), real_path / PROVENANCE_NAME))
        take_after(work, real_path)
        if exchange(work, real_path):
            sync_folder(real_path.parent)
            remove(work)
            return
        aside = _aside(real_path)
        real_path.rename(aside)
        try:
            work.rename(real_path)
        except OSError:
            aside.rename(real_path)
            raise
        sync_folder(real_path.parent)
        remove(aside)


def recover_folder(target: Path) -> None:
    """Restore an old folder that was moved aside by a process that was killed before it published the new one."""
    real_path = real(target)
    for aside in sorted(real_path.parent.glob(f".{glob.escape(real_path.name)}.*.old")):
        found = re.fullmatch(r"\.(\d{1,9})\.old", aside.name.removeprefix(f".{real_path.name}"))
        in_work = found is not None and int(found[1]) != os.getpid() and lives(int(found[1]))
        if found is None or (in_work and time.time() - aside.stat().st_ctime < _SWAP):
            continue
        if real_path.exists():
            remove(aside)
        else:
            aside.rename(real_path)
            sync_folder(real_path.parent)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.old")
