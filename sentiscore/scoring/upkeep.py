"""Inspects a store of answers, and removes some of them."""

import json
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sentiscore.errors import InputError, OutputError
from sentiscore.local import local_path
from sentiscore.scoring.answer_file import DamagedError, answers_file, connect, damaged, pragma, transaction, translated

_MODEL: Final = "model"
_SHORTEST_HASH: Final = 6
_LAST_DAY: Final = date.max.toordinal() - date(1970, 1, 1).toordinal()
_MILLION: Final = 1_000_000
_MARGIN: Final = 1.01


@dataclass(frozen=True)
class KeptAnswers:
    """The answers of one scorer.

    Attributes:
        identity: Everything that they depend on except the text, by name; "model" is the hash of the model.
        answers: The number of answers.
        oldest: The day (UTC) of the last use of the least recently used answer; None without answers.
        newest: The day of the last use of any answer.
    """

    identity: dict[str, str]
    answers: int
    oldest: date | None
    newest: date | None


@dataclass(frozen=True)
class StoreInfo:
    """The content of a store.

    Attributes:
        path: The file of the store.
        size: The size of the file in bytes.
        free: Unused bytes in the file, which new answers fill first.
        max_bytes: The maximum size of the file when it was last opened for scoring.
        scorers: The scorers whose answers it has, last used first.
    """

    path: Path
    size: int
    free: int
    max_bytes: int | None
    scorers: tuple[KeptAnswers, ...]

    @property
    def answers(self) -> int:
        """The number of answers."""
        return sum(one.answers for one in self.scorers)


@dataclass(frozen=True)
class Pruned:
    """What was removed from a store.

    Attributes:
        path: The file of the store.
        removed: The number of removed answers; None for a damaged file, whose answers cannot be counted.
        left: The number of remaining answers.
        size_before: The size of the file before, in bytes.
        size: Its size now, in bytes.
    """

    path: Path
    removed: int | None
    left: int
    size_before: int
    size: int


def cache_info(folder: str | Path) -> StoreInfo:
    """Describe the content of a store of answers.

    Args:
        folder: The store's folder.

    Raises:
        InputError: The store does not exist, or it is damaged.
        OutputError: It cannot be opened.
    """
    folder = local_path(folder)
    path = answers_file(folder)
    with closing(connect(folder, create=False)) as db, translated(path):
        db.execute("BEGIN")  # so that all queries see the same state
        page = pragma(db, "page_size")
        limit = db.execute("SELECT value FROM about WHERE name = 'max_bytes'").fetchone()
        scorers = db.execute("SELECT id, identity FROM scorers ORDER BY id").fetchall()
        kept = [_kept_answers(db, id_, _identity(path, text)) for id_, text in scorers]
        return StoreInfo(
            path=path,
            size=pragma(db, "page_count") * page,
            free=pragma(db, "freelist_count") * page,
            max_bytes=limit[0] if limit is not None and isinstance(limit[0], int) else None,
            scorers=tuple(sorted(kept, key=lambda one: one.newest or date.min, reverse=True)),
        )


def _kept_answers(db: sqlite3.Connection, scorer: int, identity: dict[str, str]) -> KeptAnswers:
    asked = "SELECT count(*), min(used), max(used) FROM answers WHERE scorer = ?"
    n, low, high = db.execute(asked, (scorer,)).fetchone()
    return KeptAnswers(identity, n, _day(low), _day(high))


def prune_cache(
    folder: str | Path,
    *,
    max_bytes: int | None = None,
    older_than: timedelta | None = None,
    model: str | None = None,
    everything: bool = False,
) -> Pruned:
    """Remove answers, and return the space to the disk.

    Args:
        folder: The store's folder.
        max_bytes: Remove the least recently used answers until the file is no larger than this.
        older_than: Remove answers that were not used for longer than this, in whole days.
        model: Remove answers of models whose hash begins with this; at least 6 characters.
        everything: Remove all answers, even from a damaged file.

    Raises:
        InputError: The store or model does not exist, or the store is damaged.
        OutputError: It cannot be written, or another process does not release it.
    """
    folder = local_path(folder)
    path = answers_file(folder)
    try:
        with closing(connect(folder, create=False)) as db, translated(path):
            before = pragma(db, "page_count") * pragma(db, "page_size")
            removed = 0
            with transaction(db):
                if everything:
                    removed += db.execute("DELETE FROM answers").rowcount
                if model is not None:
                    removed += _remove_model(db, path, model)
                if older_than is not None:
                    last = int((datetime.now(UTC) - older_than).timestamp() // 86_400)
                    removed += db.execute("DELETE FROM answers WHERE used < ?", (last,)).rowcount
                _forget_scorers(db)
            db.execute("VACUUM")
            if max_bytes is not None:
                removed += _shrink(db, max_bytes)
            (left,) = db.execute("SELECT count(*) FROM answers").fetchone()
            size = pragma(db, "page_count") * pragma(db, "page_size")
    except DamagedError:
        if not everything:
            raise
        return _start_over(folder)
    return Pruned(path=path, removed=removed, left=left, size_before=before, size=size)


def _remove_model(db: sqlite3.Connection, path: Path, model: str) -> int:
    rows = [(id_, _identity(path, text)) for id_, text in db.execute("SELECT id, identity FROM scorers").fetchall()]
    hashes = sorted({identity.get(_MODEL, "") for _, identity in rows})
    chosen = {one for one in hashes if one.startswith(model.lower())}
    if len(model) < _SHORTEST_HASH or not chosen:
        raise InputError(
            f"No model in {path} has a hash that begins with {model!r}.",
            f"Give {_SHORTEST_HASH} characters or more of one of: {', '.join(one[:12] for one in hashes) or '(none)'}.",
        )
    return sum(
        db.execute("DELETE FROM answers WHERE scorer = ?", (id_,)).rowcount
        for id_, identity in rows
        if identity.get(_MODEL) in chosen
    )


def _forget_scorers(db: sqlite3.Connection) -> None:
    """Remove scorers without answers."""
    db.execute("DELETE FROM scorers WHERE id NOT IN (SELECT DISTINCT scorer FROM answers)")


def _shrink(db: sqlite3.Connection, max_bytes: int) -> int:
    """Remove the least recently used answers until the file is small enough; returns how many were removed."""
    removed = 0
    while (size := pragma(db, "page_count") * pragma(db, "page_size")) > max_bytes:
        days = db.execute("SELECT used, count(*) FROM answers GROUP BY used ORDER BY used").fetchall()
        total = sum(n for _, n in days)
        if not total:
            break
        excess = int(_MARGIN * total * (size - max_bytes) / size) + 1
        with transaction(db):
            for day, n in days:  # of the last day a random part is removed, so that the rest is a random sample
                share = min(_MILLION, -(-excess * _MILLION // n))
                asked = f"DELETE FROM answers WHERE used IS ? AND abs(random() % {_MILLION}) < ?"  # noqa: S608
                went = db.execute(asked, (day, share)).rowcount
                removed, excess = removed + went, excess - went
                if share < _MILLION:
                    break
            _forget_scorers(db)
        db.execute("VACUUM")
    return removed


def _start_over(folder: Path) -> Pruned:
    """Remove a damaged database that is not in use."""
    path = answers_file(folder)
    with closing(sqlite3.connect(path, isolation_level=None, timeout=1)) as db:
        try:
            db.execute("BEGIN EXCLUSIVE")
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                raise OutputError(f"Another process is using {path}.", "Run this again when it is done.") from error
    try:
        size = path.stat().st_size
        path.unlink()
        for ending in ("-journal", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                path.with_name(path.name + ending).unlink()
    except OSError as error:
        raise OutputError(f"{path} cannot be removed: {error.strerror}.", "Remove it by hand.") from error
    return Pruned(path=path, removed=None, left=0, size_before=size, size=0)


def _identity(path: Path, text: Any) -> dict[str, str]:
    try:
        return {str(name): str(value) for name, value in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise damaged(path, "it does not say of which model its answers are") from error


def _day(used: Any) -> date | None:
    """A day that may have been damaged."""
    return date(1970, 1, 1) + timedelta(days=used) if isinstance(used, int) and 0 <= used <= _LAST_DAY else None
