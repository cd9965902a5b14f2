"""The part of the staging folder that belongs to one job: where its objects have paths of this machine.

    STAGING/HASH/lock           held by the one run that works here; the system releases it when that run dies
    STAGING/HASH/owner          what the claims of this job in the store have, by which it recognises them later
    STAGING/HASH/files/...      SCHEME/BUCKET/KEY: what was fetched, what will be published, and the journal next to it

HASH is that of the job's output, or of its first input if no output is named. So the same command finds what an
earlier run has fetched and finished, and two runs on this machine do not write to one output.
"""

import hashlib
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote, unquote

from filelock import FileLock, Timeout

from sentiscore.disk.durable import write_text
from sentiscore.disk.failures import translated
from sentiscore.errors import OutputError
from sentiscore.storage.address import Address
from sentiscore.units import round_size

_LOCK_SECONDS: Final = 0.2
_LOCK_TRIES: Final = 5
"""A run that ends removes the folder, perhaps between making and locking it here."""
_MOST_RUNS: Final = 1000
_JOURNAL: Final = ".*.job"


class WorkArea:
    """A locked work area; use it as a context manager. Leaving the block releases the lock.

    Args:
        staging: The staging folder.
        of: What the area is named for: the text of an address, or a path.
        shared: Whether several runs may work at the same time, each in an area of its own.
    """

    def __init__(self, staging: Path, of: str, *, shared: bool = False) -> None:
        self._of = of
        self._top = staging
        self._shared = shared
        self.folder = staging
        self._lock: FileLock | None = None

    def __enter__(self) -> Self:
        with translated(self._top):
            self._top.mkdir(parents=True, exist_ok=True)
            self._top = self._top.resolve()
        name = hashlib.sha256(self._of.encode()).hexdigest()[:16]
        for number in range(_MOST_RUNS):
            if self._lock_folder(f"{name}-{number}" if self._shared else name):
                return self
            if not self._shared:
                break
        raise OutputError(f"Another run is writing {self._of}.", "Wait until it has ended, or choose another --output.")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.release()

    def _lock_folder(self, name: str) -> bool:
        """Make the area with this name, and lock it; returns whether no other run has it."""
        self.folder = self._top / name
        lock = FileLock(self.folder / "lock", timeout=_LOCK_SECONDS, thread_local=False)
        for left in reversed(range(_LOCK_TRIES)):
            with translated(self.folder):
                self.folder.mkdir(mode=0o700, exist_ok=True)  # it holds texts and scores
            try:
                lock.acquire()
            except Timeout:
                return False
            except OSError as error:
                if left and isinstance(error, FileNotFoundError):
                    continue
                raise OutputError(
                    f"{self.folder} cannot be locked: {error}.",
                    "Choose another staging folder with --staging (staging).",
                ) from error
            break
        self._lock = lock
        return True

    @property
    def owner(self) -> str:
        """What marks claims of this job."""
        path = self.folder / "owner"
        with translated(path):
            if not path.exists():
                write_text(path, secrets.token_hex(16))
            return path.read_text(encoding="utf-8")

    def path_of(self, address: Address) -> Path:
        """The path of an address, whose folder is made."""
        path = self.folder / "files" / address.scheme / quote(address.bucket, safe="@") / address.key
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def address_at(self, path: Path) -> Address | None:
        """The address whose path this is; None for a path outside the area."""
        try:
            scheme, bucket, *key = path.relative_to(self.folder / "files").parts
        except ValueError:
            return None
        return Address(scheme, unquote(bucket), "/".join(key)) if key else None

    def shown(self, text: str) -> str:
        """A message in which paths of the area are addresses."""
        for folder in sorted((self.folder / "files").glob("*/*")):
            text = text.replace(str(folder), f"{folder.parent.name}://{unquote(folder.name)}")
        return text

    def check_room(self, n_bytes: int) -> None:
        """Raise an OutputError if the disk does not have so many bytes free."""
        with translated(self.folder):
            free = shutil.disk_usage(self.folder).free
        if free < n_bytes:
            raise OutputError(
                f"{self._top} has {round_size(free)} free, and up to {round_size(n_bytes)} are needed to hold what is "
                "fetched and what is made of it.",
                "Make room, or choose a staging folder on another disk with --staging (staging).",
            )

    @property
    def has_unfinished_work(self) -> bool:
        """Whether a journal of a job is here."""
        return any((self.folder / "files").rglob(_JOURNAL))

    def remove(self) -> None:
        """Remove the area, which is still locked."""
        with suppress(OSError):
            for path in self.folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                elif path.name != "lock":
                    path.unlink()
            if os.name != "nt":  # Windows cannot remove a locked file
                (self.folder / "lock").unlink()
                self.folder.rmdir()
