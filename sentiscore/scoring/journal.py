"""Keeps finished windows of a job next to its output until everything is published.

A window is finished when its file has its name: it is written under another name, synced and renamed. The file's own
hash, which also covers its position, is checked before its scores are used, so a file that is damaged, renamed, or from
another job is ignored, and its rows are scored again. Rows between finished windows are found by position, so windows
may have another size in each run. The names of the files are in `work_folder`.
"""

import hashlib
import io
import json
import os
import re
from bisect import bisect_right
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import polars as pl
from filelock import FileLock, Timeout

from sentiscore.disk.durable import replace_synced, write_synced
from sentiscore.disk.parts import remove
from sentiscore.disk.paths import real
from sentiscore.errors import OutputError
from sentiscore.scoring.work_folder import (
    BEGUN,
    HALF,
    KEY_DIGITS,
    KEY_FILE,
    LOCK_FILE,
    STORED_FILE,
    WindowFile,
    is_ours,
    make_work_folder,
    parse,
    read_key,
    translated,
    work_folder,
)

_LOCK_SECONDS: Final = 0.2
_LOCK_TRIES: Final = 5
"""A run that ends removes the folder, perhaps between creating and locking it in another run."""


class Journal:
    """The work folder of one output, locked against every other run; use it as a context manager.

    Leaving the block releases the lock. The folder stays if it holds finished windows, and is removed otherwise.

    Attributes:
        target: The output.
        folder: The work folder.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.folder = work_folder(target)
        self._lock = FileLock(self.folder / LOCK_FILE, timeout=_LOCK_SECONDS, thread_local=False)
        self._key = ""
        self._parts: list[WindowFile] = []
        self._cleared = False

    def __enter__(self) -> Self:
        for left in reversed(range(_LOCK_TRIES)):
            with translated(self.folder):
                make_work_folder(self.folder)
            try:
                self._lock.acquire()
            except Timeout as error:
                raise OutputError(
                    f"Another run is writing {self.target}.", "Wait until it has ended, or choose another --output."
                ) from error
            except OSError as error:
                if left and isinstance(error, FileNotFoundError):
                    continue
                raise OutputError(
                    f"{self.folder} cannot be locked: {error}.", "Choose an output on a disk that knows locks."
                ) from error
            break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with suppress(OSError):
                if not self._cleared and not self._keys():
                    self.clear()
        finally:
            self._lock.release()

    @property
    def job_key(self) -> str:
        """One hash, in hex, over the key with which the job began."""
        return hashlib.sha256(self._key.encode()).hexdigest()

    def part_of(self, path: Path) -> Path | None:
        """Where a file of the job is written until it is published; None if its target is in another folder.

        Args:
            path: The output, or another file of the job.
        """
        real_path = real(path)
        return self.folder / f"{BEGUN}{real_path.name}" if real_path.parent == self.folder.parent else None

    def begin(self, key: Mapping[str, str], *, resume: bool, stored: bool = False) -> int:
        """Find the finished windows of a job.

        Args:
            key: Everything that its answers depend on, by name.
            resume: Whether to use them; otherwise they are discarded.
            stored: Whether the answers of this run are kept in a store before its windows are. Such windows do not
                block a job with another key, since no answers are lost when they are discarded.

        Returns:
            The number of finished rows.

        Raises:
            OutputError: The folder holds windows of a job with another key, or cannot be used.
        """
        self._key = json.dumps(dict(key), sort_keys=True)
        with translated(self.folder):
            if not resume or (self._others() and self._is_stored()):
                self._remove_all()
            else:
                self._refuse_other(key)
            self._note_stored(stored=stored)
            if read_key(self.folder / KEY_FILE) != dict(key):
                self._write(KEY_FILE, json.dumps(dict(key), indent=2).encode())
            self._parts = []
            for path in sorted(self.folder.iterdir()):
                if part := parse(path):
                    if self._read(part) is None:
                        path.unlink()
                    else:
                        self._parts.append(part)
                elif not self._stays(path) and is_ours(path):
                    remove(path)
        return sum(part.rows for part in self._parts)

    def room(self, position: int, most: int) -> int:
        """How many rows a window that begins here may have, so that it is entirely finished or entirely unfinished.

        Args:
            position: Rows of all sources before the window.
            most: The maximum number of rows of an unfinished window.
        """
        before, after = self._around(position)
        if before is not None and position < before.end:
            return before.end - position
        return most if after is None else min(most, after.start - position)

    def has(self, position: int) -> bool:
        """Whether the window that begins here is finished, if its size is within its `room`.

        Args:
            position: Rows of all sources before the window.
        """
        part, _ = self._around(position)
        return part is not None and position < part.end

    def find(self, position: int, rows: int) -> pl.DataFrame | None:
        """Read the scores of a window, if it is finished.

        Args:
            position: Rows of all sources before the window.
            rows: How many rows the window has.

        Raises:
            OutputError: They existed when the job began, but no longer do.
        """
        part, _ = self._around(position)
        if part is None or position + rows > part.end:
            return None
        with translated(self.folder):
            content = self._read(part)
        if content is None:
            raise OutputError(
                f"{part.path} was changed while the job ran.", "Nothing is lost: give the same command again."
            )
        return pl.read_parquet(io.BytesIO(content)).slice(position - part.start, rows)

    def keep(self, position: int, scores: pl.DataFrame) -> None:
        """Record a window as finished; `find` has its scores from now on.

        Args:
            position: Rows of all sources before the window.
            scores: One row for each row of the window.

        Raises:
            OutputError: They cannot be written.
        """
        buffer = io.BytesIO()
        scores.write_parquet(buffer, statistics=False)
        content = buffer.getvalue()
        key = self.job_key[:KEY_DIGITS]
        rows = f"rows-{position:015}-{scores.height:08}"
        name = f"{rows}-{key}-{self._digest(rows, content)}.parquet"
        with translated(self.folder):
            self._write(name, content)
        if (part := parse(self.folder / name)) is not None:
            self._parts = sorted([*self._parts, part], key=lambda each: each.start)  # another thread may be reading it
        self._remove_halves(position)

    def keep_half(self, position: int, content: bytes) -> None:
        """Record what is done of a window that is not finished, in place of what was done of it before.

        Args:
            position: Rows of all sources before the window.
            content: What is done.

        Raises:
            OutputError: It cannot be written.
        """
        start = f"half-{position:015}"
        name = f"{start}-{self.job_key[:KEY_DIGITS]}-{self._digest(start, content)}.npz"
        with translated(self.folder):
            self._write(name, content)
        self._remove_halves(position, but=name)

    def half(self, position: int) -> bytes | None:
        """What is done of a window that is not finished; None if nothing is, or it is not intact.

        Args:
            position: Rows of all sources before the window.
        """
        with translated(self.folder):
            for path in self.folder.glob(f"half-{position:015}-*.npz"):
                named = HALF.fullmatch(path.name)
                content = path.read_bytes() if path.is_file() else b""
                if named is not None and self._digest(named[1], content) == named[3]:
                    return content
        return None

    def _remove_halves(self, position: int, but: str = "") -> None:
        with translated(self.folder):
            for path in self.folder.glob(f"half-{position:015}-*.npz"):
                if path.name != but and HALF.fullmatch(path.name):
                    path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove the folder when its work is done. Another run may then create it, though the lock is still held."""
        self._cleared = True
        with suppress(OSError):  # the output is published, and leftovers here are harmless
            self._remove_all()
            if os.name != "nt":  # Windows cannot remove a locked file, so the folder stays for the next run
                (self.folder / LOCK_FILE).unlink(missing_ok=True)
                self.folder.rmdir()

    def _remove_all(self) -> None:
        """Remove all our files except the lock; the key first, as windows without it do not block another job."""
        (self.folder / KEY_FILE).unlink(missing_ok=True)
        for path in self.folder.iterdir():
            if path.name != LOCK_FILE and is_ours(path):
                remove(path)

    def _refuse_other(self, key: Mapping[str, str]) -> None:
        """Raise an OutputError if there are windows of a job with another key.

        Windows without a key were left by a kill when a job was done or discarded.
        """
        if not os.path.lexists(self.folder / KEY_FILE):
            return
        others = self._others()
        found = read_key(self.folder / KEY_FILE)
        if not others or found == dict(key):
            return
        if found is None:
            changes = "what it was of cannot be read any more"
        else:
            differing = [name for name in {**found, **key} if found.get(name) != key.get(name)]
            changes = "; ".join(
                f"{name} was {_shown(found.get(name))} and is {_shown(key.get(name))}" for name in differing
            )
        raise OutputError(
            f"{self.target} has a job that was stopped, and that this one is not: {changes}.",
            "Go on with it by the command that began it, or throw away what it has done with --no-resume "
            "(resume=False).",
        )

    def _others(self) -> set[str]:
        """The keys of windows of other jobs."""
        return self._keys() - {self.job_key[:KEY_DIGITS]}

    def _stays(self, path: Path) -> bool:
        """Whether a file that is no window stays when a job begins."""
        half = HALF.fullmatch(path.name)
        return path.name in (KEY_FILE, LOCK_FILE, STORED_FILE) or (
            half is not None and half[2] == self.job_key[:KEY_DIGITS]
        )

    def _keys(self) -> set[str]:
        """The keys of the jobs of all windows, finished or not."""
        windows = {part.key for path in self.folder.iterdir() if (part := parse(path))}
        return windows | {half[2] for path in self.folder.iterdir() if (half := HALF.fullmatch(path.name))}

    def _is_stored(self) -> bool:
        return (self.folder / STORED_FILE).exists()

    def _note_stored(self, *, stored: bool) -> None:
        """Record whether all windows, existing and future, have their answers in a store."""
        if not stored:
            (self.folder / STORED_FILE).unlink(missing_ok=True)
        elif not self._is_stored() and not self._keys():
            self._write(STORED_FILE, b"")

    def _around(self, position: int) -> tuple[WindowFile | None, WindowFile | None]:
        """The last finished window that begins at or before a position, and the first after it."""
        parts = self._parts
        i = bisect_right(parts, position, key=lambda part: part.start)
        return parts[i - 1] if i else None, parts[i] if i < len(parts) else None

    def _read(self, part: WindowFile) -> bytes | None:
        """Read the file of a window, if it is intact."""
        content = part.path.read_bytes() if part.path.is_file() else b""
        return content if self._digest(part.position, content) == part.digest else None

    def _digest(self, position: str, content: bytes) -> str:
        """The hash in the name of a window: over the key, the part of the name that names the rows, and the bytes."""
        return hashlib.sha256(f"{self.job_key}{position}".encode() + content).hexdigest()

    def _write(self, name: str, content: bytes) -> None:
        """Write a file of the folder completely or not at all, so that it survives a crash of the machine."""
        waiting = self.folder / f"{name}.tmp"  # no other run writes to it
        write_synced(waiting, content)
        replace_synced(waiting, self.folder / name)


def _shown(value: str | None) -> str:
    """A value of a key for a message: long hashes are cut."""
    if value is None:
        return "not there"
    return f"{value[:12]}…" if re.fullmatch(r"[0-9a-f]{64}", value) else value or "empty"
