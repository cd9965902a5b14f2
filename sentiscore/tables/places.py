"""Where outputs go: can it be written there, and how a finished one takes its place."""

import glob
import json
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

import polars as pl

from sentiscore.errors import InputError, OutputError
from sentiscore.local import local_path, with_home
from sentiscore.tables.exchange import exchange
from sentiscore.tables.nesting import MAX_LEVELS, is_too_deep, levels
from sentiscore.tables.parquet_pages import read_footer
from sentiscore.tables.replacing import check_replaceable, take_after
from sentiscore.tables.writable import fits, way_to_hold

WRITABLE: Final = (".parquet", ".csv", ".ndjson")
MARK: Final = "sentiscore:part"
"""A name in the metadata of each part, by which a folder of ours is told from a stranger's."""
PROVENANCE_NAME: Final = "provenance.json"
"""What a folder of parts says of itself."""
_PART_NAME: Final = re.compile(r"part-\d{5,9}\.parquet")
_BEGUN_NAME: Final = re.compile(
    r"(part-\d{5,9}\.parquet|provenance\.json)|\.(part-\d{5,9}\.parquet|provenance\.json)\.\d+\.part"
)
"""What is in a folder of parts that is being written."""
_LEFT_BEHIND: Final = 3_600
"""Seconds after which nobody can be about to write to a file whose process is gone, on another machine either."""

_SWAP: Final = 60
"""Seconds after which nobody can still be putting a folder in place; the number may be that of another process."""


def is_folder_target(path: str | Path) -> bool:
    """Does this output mean a folder of parts? It does if it ends in a separator, or is a folder already."""
    place = local_path(path, OutputError)
    return os.fspath(path).endswith(("/", os.sep)) or os.path.isdir(place)  # noqa: PTH112 - False without permission


def part_name(number: int) -> str:
    """The name of a part of a folder, counted from 0."""
    return f"part-{number:05}.parquet"


def is_part_name(name: str) -> bool:
    """Whether a file of this name in a folder is a part of it."""
    return _PART_NAME.fullmatch(name) is not None


def parts_of(folder: Path) -> list[Path]:
    """The parts of a folder, in order."""
    found = [path for path in folder.iterdir() if _PART_NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name[5:-8]))


def sidecar_path(output: Path) -> Path:
    """Where an output's provenance is: NAME.provenance.json beside a file, provenance.json in a folder.

    Of a link, it is beside the file that the link leads to.
    """
    if output.is_dir():
        return output / PROVENANCE_NAME
    place = resolved(output)
    return place.with_name(f"{place.name}.{PROVENANCE_NAME}")


def check_target(path: str | Path, schema: pl.Schema, *, folder: bool | None = None) -> Path:
    """Can a table of this schema be written there? Asked before any work is done.

    Args:
        path: A .parquet, .csv or .ndjson file that is there or not, or a folder of parts.
        schema: The columns that will be written.
        folder: Whether it is a folder of parts; by default as `is_folder_target` says.

    Raises:
        OutputError: The ending is unknown, the folder is missing or may not be written to, the format cannot hold
            one of the columns, or a folder holds what sentiscore did not write.
    """
    if folder is None:
        folder = is_folder_target(path)
    path = local_path(path, OutputError)
    suffix = ".parquet" if folder else path.suffix.lower()
    if suffix not in WRITABLE:
        raise unknown_kind(path)
    if folder:
        check_folder_place(path)
    else:
        check_place(path)
        _check_sidecar_place(sidecar_path(path))
    deep = {name: levels(dtype, suffix) for name, dtype in schema.items() if is_too_deep(dtype, suffix)}
    unfit = [f"{name} (nested {n} levels deep, and {MAX_LEVELS} are the most)" for name, n in deep.items()]
    unfit += [f"{name} ({dtype})" for name, dtype in schema.items() if name not in deep and not fits(suffix, dtype)]
    if unfit:
        raise OutputError(
            f"{suffix} cannot hold the column{'s'[: len(unfit) > 1]} {', '.join(unfit)}.",
            f"{way_to_hold(schema, suffix)} such columns out with --columns.",
        )
    return path


def unknown_kind(path: Path) -> OutputError:
    """The error for an ending that cannot be written."""
    return OutputError(
        f"{path} is of a kind that cannot be written.",
        f"Use one of: {', '.join(WRITABLE)}. Or end it with / for a folder of parts.",
    )


def check_place(path: Path) -> None:
    """Can a file be written there?

    Raises:
        OutputError: It is a folder, a pipe or a device, its folder is missing or may not be written to, or what is
            there may not be replaced.
    """
    path = local_path(path, OutputError)
    with translated(path):
        if path.is_dir():
            raise OutputError(f"{path} is a folder.", "Name a file in it.")
        _check_parent(path)
        check_replaceable(path, real(path))
        _probe(path)


def _check_sidecar_place(path: Path) -> None:
    """Can what an output says of itself be written there? Nobody names that file, so a link must lead to one of ours.

    Raises:
        OutputError: See `check_place`; or it is a link to a file that sentiscore did not write.
    """
    check_place(path)
    with translated(path):
        if not path.is_symlink() or not path.exists():
            return
        try:
            found = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            found = None
    if not isinstance(found, dict) or (found and "sentiscore" not in found):
        raise OutputError(
            f"{path} is a link to a file that sentiscore did not write.", "Remove the link, or choose another place."
        )


def check_folder_place(path: Path) -> None:
    """Can a folder of parts be written there? One that was half put in place is mended first.

    Raises:
        OutputError: It is a file, it holds what sentiscore did not write, or the folder that it is in is missing or
            may not be written to.
    """
    with translated(path):
        _check_parent(path)
        recover_folder(path)
        if path.exists() and not path.is_dir():
            raise OutputError(f"{path} is a file, not a folder.", "Choose another place.")
        check_replaceable(path, real(path))
        check_ours(path)
        _probe(path)


def _probe(path: Path) -> None:
    """Write where a path is, under no name where the system can do that, so that not even a kill leaves a trace."""
    with suppress(FileNotFoundError):
        beside(real(path)).lstat()  # says if the name is too long
    folder = real(path).parent
    with tempfile.TemporaryFile(dir=folder):
        pass
    try:
        if os.name != "nt":
            os.close(_opened(folder))
    except PermissionError as error:
        raise OutputError(
            f"{folder} may be written to by this user but not read, so a new file could not be made to last there.",
            "Get the right to read the folder, or choose another place.",
        ) from error


def _check_parent(path: Path) -> None:
    folder = path.parent
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file, not a folder.", "Choose another place.")
    if not folder.is_dir():
        raise OutputError(f"There is no folder {folder}.", f"Make it first: mkdir -p {folder}")


def check_same_disk(part: Path, target: Path) -> None:
    """Raise an OutputError if what is written in one place cannot take the other in one step.

    Raises:
        OSError: One of the folders is not there.
    """
    if part.parent.stat().st_dev != real(target).parent.stat().st_dev:
        raise OutputError(
            f"{part.parent} is on another file system than {target}.", "Choose a work folder beside the output."
        )


def check_ours(path: Path) -> None:
    """Raise an OutputError if a folder holds anything but parts of ours and what they say of themselves."""
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
    """Whether a folder that was being written holds plain files alone, which are parts or wait to be one."""
    return all(
        _BEGUN_NAME.fullmatch(path.name) is not None and stat.S_ISREG(path.lstat().st_mode) for path in folder.iterdir()
    )


def _is_marked(part: Path) -> bool:
    """Whether a file is a part that sentiscore wrote."""
    from pyarrow import ArrowException, parquet

    try:
        read_footer(part)  # Arrow takes memory for as many columns as a footer claims to have
        return MARK.encode() in (parquet.read_metadata(part).metadata or {})
    except (ArrowException, InputError, OSError, ValueError):
        return False


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
    part = beside(real(path))
    try:
        with translated(path):
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
        file.flush()
        os.fsync(file.fileno())


def put_in_place(part: Path, target: Path, *, like: Path | None = None) -> None:
    """Let a file that was written whole take the place of another in one step.

    Args:
        part: The file.
        target: The place.
        like: The file whose mode and owner it gets; by default the one that it replaces.

    Raises:
        OutputError: It cannot be put there.
    """
    place = real(target)
    with translated(target):
        check_replaceable(target, place)
        take_after(part, like or place)
        part.replace(place)
        sync_folder(place.parent)


def put_folder_in_place(work: Path, target: Path) -> None:
    """Let a folder that was written whole take the place of another, in one step where the system can.

    Linux swaps the two names at once. Elsewhere the old folder is set aside first, and for a moment the name is not
    there; a run that is killed in that moment leaves both folders, and `recover_folder` brings the old one back.

    Raises:
        OutputError: It cannot be put there; the old folder is where it was.
    """
    place = real(target)
    with translated(target):
        check_ours(target)
        if not place.exists():
            work.rename(place)
            sync_folder(place.parent)
            return
        for file in work.iterdir():
            take_after(file, next(iter(parts_of(place)), place / PROVENANCE_NAME))
        take_after(work, place)
        if exchange(work, place):
            sync_folder(place.parent)
            remove(work)
            return
        aside = _aside(place)
        place.rename(aside)
        try:
            work.rename(place)
        except OSError:
            aside.rename(place)
            raise
        sync_folder(place.parent)
        remove(aside)


def recover_folder(target: Path) -> None:
    """Bring back an old folder that was set aside by a process that was killed before the new one was in its place."""
    place = real(target)
    for aside in sorted(place.parent.glob(f".{glob.escape(place.name)}.*.old")):
        number = _process(aside, place, "old")
        in_work = number is not None and number != os.getpid() and _lives(number)
        if number is None or (in_work and time.time() - aside.stat().st_ctime < _SWAP):
            continue
        if place.exists():
            remove(aside)
        else:
            aside.rename(place)
            sync_folder(place.parent)


def sweep(path: Path) -> None:
    """Remove what processes that are gone left of files they were writing in this place."""
    place = real(path)
    for part in place.parent.glob(f".{glob.escape(place.name)}.*.part"):
        number = _process(part, place, "part")
        with suppress(OSError):
            if number is not None and time.time() - _touched(part) > _LEFT_BEHIND and not _lives(number):
                remove(part)


def _touched(part: Path) -> float:
    """When a file, or a folder or anything in it, was last written to."""
    inside = part.iterdir() if part.is_dir() else ()
    return max(float(path.stat().st_mtime) for path in (part, *inside))


def _process(part: Path, place: Path, ending: str) -> int | None:
    """The number of the process that made a file or folder beside its target."""
    number = re.fullmatch(rf"\.(\d{{1,9}})\.{ending}", part.name.removeprefix(f".{place.name}"))
    return int(number[1]) if number else None


def _lives(process: int) -> bool:
    """Whether there is a process of this number; where that cannot be asked, whether there may be one."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def remove(path: Path) -> None:
    """Remove a file or a folder that nobody wants any more, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def real(path: Path) -> Path:
    """Where a path leads, so that a link stays one."""
    return Path(os.path.realpath(with_home(os.fspath(path))))


def resolved(path: Path) -> Path:
    """A path as it is, or where it leads if it is a link; what belongs beside an output is beside that."""
    return real(path) if path.is_symlink() else path


def beside(path: Path) -> Path:
    """Where a process writes what will take a place."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.old")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlast a loss of power."""
    if os.name == "nt":
        return  # a folder cannot be opened there
    handle = _opened(folder)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """What the system or polars says about writing to a path, as an OutputError."""
    try:
        yield
    except PermissionError as error:
        named = real(path) if os.path.islink(path) else path  # noqa: PTH114 - False without permission
        place = named if os.path.isdir(named) else named.parent  # noqa: PTH112 - False without permission
        raise OutputError(f"{place} may not be written to by this user.", "Choose another place.") from error
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise OutputError(
            f"{path} could not be written: {reason}.",
            "Nothing was changed there. Make room if that is why, or choose another place.",
        ) from error
