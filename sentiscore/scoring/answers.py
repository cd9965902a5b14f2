"""Keeps answers from one night to the next, so that a text need not be scored twice.

Texts are not kept, only their 128-bit hashes. Among a billion texts, two share a hash with a probability of 1.5e-21; a
store of 1 GiB holds about twelve million.

An answer is found by the hash of its text and the mention that it is read for, and by the identity of the scorer:
everything else that it depends on. It is stored with a checksum over both and over its values, so an answer that the
disk corrupted is ignored, and its text scored again.
"""

import json
import os
import shlex
import stat
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from sentiscore.errors import InputError, OutputError, SentiscoreWarning
from sentiscore.forks import forked_with
from sentiscore.local import local_path
from sentiscore.scoring.answer_file import answers_file, connect, damaged, pragma, transaction, translated
from sentiscore.scoring.options import DEFAULT_CACHE_BYTES
from sentiscore.scoring.prepared import Answers, Known

LEAST_MAX_BYTES: Final = 1_000_000
_KEY_BYTES: Final = 16
_OF_PAIR: Final = b"text and mention"
"""Distinguishes the key of a pair from that of any text; 16 bytes at most."""
_CHECKSUM_BYTES: Final = 8
_ANSWER_BYTES: Final = 120
"""Approximate bytes of an answer in a database whose pages are two thirds full."""
_KEYS_AT_ONCE: Final = 500
_SAMPLED: Final = 64
"""The number of sampled positions, and of answers at each, to estimate how old the oldest answers are."""
_OLDEST: Final = 0.1
"""The minimum share of answers that count as the oldest when some must be removed."""
_EFFORTS: Final = (1.25, 4, 16)
"""How many answers are removed per new one when the store is full; later values apply if earlier ones did not
suffice."""
_DAY_S: Final = 86_400
_COUNTS: Final = (("n_tokens", "<i4"), ("n_windows", "<i4"), ("truncated", "?"), ("unknown_share", "<f4"))
"""The fields of an answer after its probabilities."""


@dataclass(frozen=True)
class Asker:
    """A scorer as the store identifies it.

    Attributes:
        identity: Everything that its answers depend on except the text, as JSON.
        hash: The hash of the identity, 32 bytes.
        n_labels: The number of probabilities per answer.
    """

    identity: str
    hash: bytes
    n_labels: int

    @classmethod
    def of(cls, identity: Mapping[str, str], n_labels: int) -> Self:
        """Make it from `Scorer.identity()`."""
        text = json.dumps(dict(identity), sort_keys=True)
        return cls(text, blake2b(text.encode(), digest_size=32).digest(), n_labels)

    @property
    def layout(self) -> np.dtype[Any]:
        """The packed binary layout of an answer."""
        return np.dtype([("probs", "<f8", (self.n_labels,)), *_COUNTS])


class AnswerStore:
    """Answers on disk; open one with `AnswerStore.open`, and use it as a context manager.

    Threads can share it: they take turns. Processes can share its folder, but each must open it: an open store does not
    survive a fork.

    Attributes:
        folder: Its folder.
        max_bytes: The maximum size of the file.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._path = answers_file(folder)
        self._process = os.getpid()
        self._lock = Lock()
        self._db = connect(folder, create=True)
        _warn_if_open_to_all(folder)
        try:
            with translated(self._path), transaction(self._db):  # checks that it can be written to
                self._db.execute("INSERT OR REPLACE INTO about VALUES ('max_bytes', ?)", (max_bytes,))
        except BaseException:
            self._db.close()
            raise

    @classmethod
    def open(cls, folder: str | Path, *, max_bytes: int = DEFAULT_CACHE_BYTES) -> Self:
        """Open the store of a folder, and create what is missing.

        Args:
            folder: A folder, which may be missing in an existing one.
            max_bytes: The maximum size of the file; beyond it the least recently used answers are removed.

        Raises:
            InputError: The limit is too small, or the folder is not a store, is damaged or newer than this version.
            OutputError: The folder cannot be created or written to.
        """
        if max_bytes < LEAST_MAX_BYTES:
            raise InputError(
                f"A store of answers of {max_bytes:,} bytes is too small to be of use.",
                f"Allow it {LEAST_MAX_BYTES:,} or more.",
            )
        return cls(local_path(folder, OutputError), max_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Closing twice is harmless."""
        with self._lock:
            self._db.close()

    def hurry(self) -> None:
        """Stop waiting for other processes; called from another thread, it ends a wait in progress."""
        self._db.hurried = True

    def look_up(self, asker: Asker, texts: Sequence[str], mentions: Sequence[str | None] | None = None) -> Known:
        """Look up the answers to some texts.

        Args:
            asker: The scorer that asks.
            texts: Distinct texts.
            mentions: The mention that each text is read for, or None; by default all are read alone.

        Raises:
            InputError: The database is damaged.
            OutputError: It cannot be read.
            ForkError: The store was opened before this process was forked.
        """
        self._check_process()
        keys = list(map(_key, texts) if mentions is None else map(_key, texts, mentions))
        rows = self._rows(asker, keys)
        layout = asker.layout
        found = np.zeros(len(keys), dtype=np.bool_)
        values, unused, today = [], [], _today()
        for i, key in enumerate(keys):
            value, used = rows.get(key, (None, None))
            whole = isinstance(value, bytes) and len(value) == layout.itemsize + _CHECKSUM_BYTES
            if whole and value[layout.itemsize :] == _checksum(asker, key, value[: layout.itemsize]):
                found[i] = True
                values.append(value[: layout.itemsize])
                if not (isinstance(used, int) and used >= today):
                    unused.append(key)
        numbers = np.frombuffer(b"".join(values), dtype=layout)
        answers = Answers(
            numbers["probs"].astype(np.float64),
            numbers["n_tokens"].astype(np.int64),
            numbers["n_windows"].astype(np.int64),
            numbers["truncated"].astype(np.bool_),
            numbers["unknown_share"].astype(np.float32),
        )
        return Known(keys=keys, found=found, answers=answers, unused=unused)

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise forked_with("opened this store of answers")

    def _rows(self, asker: Asker, keys: Sequence[bytes]) -> dict[bytes, tuple[Any, Any]]:
        """The entries under these keys, unchecked."""
        rows: dict[bytes, tuple[Any, Any]] = {}
        with self._lock, translated(self._path):
            scorer = self._db.execute("SELECT id FROM scorers WHERE hash = ?", (asker.hash,)).fetchone()
            if scorer is None:
                return rows
            in_order = sorted(keys)  # neighbours share pages
            for start in range(0, len(in_order), _KEYS_AT_ONCE):
                part = in_order[start : start + _KEYS_AT_ONCE]
                asked = (
                    f"SELECT key, value, used FROM answers WHERE key IN ({', '.join('?' * len(part))}) AND scorer = ?"  # noqa: S608
                )
                rows.update((key, (value, used)) for key, value, used in self._db.execute(asked, (*part, *scorer)))
        return rows

    def keep(self, asker: Asker, known: Known, answers: Answers) -> None:
        """Keep the answers to unknown texts, and record the use of known ones; all or nothing.

        Args:
            asker: The scorer whose answers they are.
            known: The result of `look_up`.
            answers: Answers to the texts that it did not find. Answers that are not numbers are not kept.

        Raises:
            InputError: The database is damaged.
            OutputError: It cannot be written, or another process does not release it.
            ForkError: The store was opened before this process was forked.
        """
        self._check_process()
        new = [key for key, found in zip(known.keys, known.found, strict=True) if not found]
        rows = sorted(_written(asker, new, answers))
        if not rows and not known.unused:
            return
        today = _today()
        with self._lock, translated(self._path), transaction(self._db):
            self._db.execute(
                "INSERT OR IGNORE INTO scorers (hash, identity) VALUES (?, ?)", (asker.hash, asker.identity)
            )
            found = self._db.execute("SELECT id FROM scorers WHERE hash = ?", (asker.hash,)).fetchone()
            if found is None:
                raise damaged(self._path, "what was written to it just now is not there")
            (scorer,) = found
            self._db.executemany(
                "UPDATE answers SET used = ? WHERE key = ? AND scorer = ?",
                ((today, key, scorer) for key in sorted(known.unused)),
            )
            self._insert([(key, scorer, today, value) for key, value in rows])

    def _insert(self, rows: Sequence[tuple[bytes, int, int, bytes]]) -> None:
        """Insert answers within the limit: older ones are removed; if that is not enough, new ones are dropped."""
        page = pragma(self._db, "page_size")
        allowed = self.max_bytes // page
        rows = rows[: self.max_bytes // (2 * _ANSWER_BYTES)]
        if not rows:
            return
        wanted = -(-len(rows) * _ANSWER_BYTES // page)
        before = pragma(self._db, "page_count")
        for effort in _EFFORTS:
            if self._pages_in_use() + wanted > allowed:
                self._evict(int(effort * len(rows)), page)
            self._db.execute("SAVEPOINT inserting")
            self._db.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", rows)
            fits = self._pages_in_use() <= allowed and pragma(self._db, "page_count") <= max(allowed, before)
            if not fits:
                self._db.execute("ROLLBACK TO inserting")
            self._db.execute("RELEASE inserting")
            if fits:
                return

    def _pages_in_use(self) -> int:
        return pragma(self._db, "page_count") - pragma(self._db, "freelist_count")

    def _evict(self, n: int, page: int) -> None:
        """Remove n or slightly more of the oldest answers, from a randomly chosen part of the keys."""
        total = max(1, self._pages_in_use() * page // _ANSWER_BYTES)
        oldest = self._oldest(max(_OLDEST, n / total))
        if oldest is None:
            return
        parts = max(1, min(total // n, 1 << 16))
        first = int.from_bytes(os.urandom(4), "big")
        for i in range(parts):
            part = (first + i) % parts
            removed = self._db.execute(
                "DELETE FROM answers WHERE key >= ? AND key < ? AND used <= ?",
                (_bound(part, parts), _bound(part + 1, parts), oldest),
            ).rowcount
            n -= removed
            if n <= 0:
                return

    def _oldest(self, share: float) -> int | None:
        """The day until which about this share of the answers, the least recently used, were last used."""
        days = [
            used
            for _ in range(_SAMPLED)
            for (used,) in self._db.execute(
                "SELECT used FROM answers WHERE key >= ? LIMIT ?", (os.urandom(_KEY_BYTES), _SAMPLED)
            )
            if isinstance(used, int)
        ]
        return sorted(days)[min(len(days) - 1, int(share * len(days)))] if days else None


def _warn_if_open_to_all(folder: Path) -> None:
    """Warn if every user of the machine can change the answers, which are trusted."""
    if os.name != "nt" and any(path.stat().st_mode & stat.S_IWOTH for path in (folder, answers_file(folder))):
        warnings.warn(
            f"Every user of this machine can write to {folder}, and so change the scores of jobs that use it. "
            f"To keep it to yourself: chmod -R o-w {shlex.quote(str(folder))}",
            SentiscoreWarning,
            stacklevel=5,
        )


def _today() -> int:
    """Days from 1970 to now, in UTC."""
    return int(time.time() // _DAY_S)


def _key(text: str, mention: str | None = None) -> bytes:
    if mention is None:
        return blake2b(text.encode(), digest_size=_KEY_BYTES).digest()
    both = mention.encode()
    length = len(both).to_bytes(8, "big")  # so that no two pairs have the same bytes
    return blake2b(length + both + text.encode(), digest_size=_KEY_BYTES, person=_OF_PAIR).digest()


def _bound(part: int, parts: int) -> bytes:
    """The key at which one of several equal parts of the key space begins."""
    if part == parts:
        return b"\xff" * (_KEY_BYTES + 1)
    return (part * 256**_KEY_BYTES // parts).to_bytes(_KEY_BYTES, "big")


def _checksum(asker: Asker, key: bytes, numbers: bytes) -> bytes:
    return blake2b(key + numbers, digest_size=_CHECKSUM_BYTES, key=asker.hash).digest()


def _written(asker: Asker, keys: Sequence[bytes], answers: Answers) -> list[tuple[bytes, bytes]]:
    """Keys and values of the answers that are numbers."""
    layout = asker.layout
    rows: npt.NDArray[Any] = np.zeros(len(keys), dtype=layout)
    for name in layout.names or ():
        rows[name] = getattr(answers, name)
    numbers, size = rows.tobytes(), layout.itemsize
    written = []
    for i in np.flatnonzero(np.isfinite(answers.probs).all(axis=1)).tolist():
        value = numbers[i * size : (i + 1) * size]
        written.append((keys[i], value + _checksum(asker, keys[i], value)))
    return written
