"""The database of an answer store: opening it, its tables, and translating SQLite's errors.

It is one SQLite file with a rollback journal, not a write-ahead log: the log needs memory that all processes share,
which a network drive cannot provide, and leaves two more files next to the database. There is one short transaction per
window, so that the log's advantage, reading while another process writes, is worth little here.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sentiscore.errors import InputError, OutputError

NAME: Final = "answers.sqlite"
VERSION: Final = 1
_APPLICATION: Final = 0x53454E54
_TABLES: Final = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE scorers (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, identity TEXT NOT NULL)",
    "CREATE TABLE answers (key BLOB NOT NULL, scorer INTEGER NOT NULL, used INTEGER NOT NULL, value BLOB NOT NULL, "
    "PRIMARY KEY (key, scorer)) WITHOUT ROWID",
)
"""`used` is the day of the last use, counted from 1970 in UTC. Keys are hashes, so any range of keys is a random sample
of the answers; removing old ones relies on that."""

_PATIENCE_S: Final = 60
"""How long to wait for another process. A window is written in a second or two, but freeing space may take longer."""

_AT_ONCE_S: Final = 0.2
"""How long SQLite waits at a time, during which Python handles no signals."""

_CACHE_KIB: Final = 16_384
_LONGEST_VALUE: Final = 1_000_000
"""The limit on bytes of a value; actual ones are far smaller. So a damaged length cannot exhaust the machine's
memory."""


class DamagedError(InputError):
    """The database differs from what was written."""


class Connection(sqlite3.Connection):
    """A connection that waits for other processes in short intervals, so that Ctrl-C and `hurry` end the wait.

    Attributes:
        hurried: Set to stop waiting.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.hurried = False

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        """Run a statement, waiting for its turn."""
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return super().execute(sql, parameters)
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or self.hurried or time.monotonic() >= until:
                    raise


def answers_file(folder: Path) -> Path:
    """The path of the database in a folder."""
    return folder / NAME


def connect(folder: Path, *, create: bool) -> Connection:
    """Open the database of a folder, and create both if missing.

    Args:
        folder: The store's folder.
        create: Whether to create what is missing.

    Returns:
        A connection without implicit transactions, for any thread, one at a time.

    Raises:
        InputError: It does not exist, is not a store of answers, is damaged, or was made by a newer version.
        OutputError: The folder cannot be created or written to.
    """
    path = answers_file(folder)
    there = _check_folder(folder, create=create)
    if not create and not there:
        raise InputError(f"There is no store of answers in {folder}.", "sentiscore score --cache FOLDER makes one.")
    with translated(path):
        if there and not path.is_file():
            raise _foreign(path)
        uri = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
        db = sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_AT_ONCE_S, factory=Connection
        )
        try:
            _set_up(db, path, create=create)
        except BaseException:
            db.close()
            raise
    return db


def _check_folder(folder: Path, *, create: bool) -> bool:
    """Whether there is a database in a folder, which is made where it is missing."""
    try:
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"{folder} is a file, not a folder.", "Name a folder with --cache (cache).")
        if create:
            folder.mkdir(exist_ok=True)
        return answers_file(folder).exists()
    except FileNotFoundError as error:
        raise OutputError(f"There is no folder {folder.parent}.", f"Make it first: mkdir -p {folder.parent}") from error
    except OSError as error:
        raise OutputError(
            f"The folder {folder} cannot be used: {error.strerror}.", "Choose another one with --cache (cache)."
        ) from error


def _set_up(db: sqlite3.Connection, path: Path, *, create: bool) -> None:
    db.text_factory = bytes  # damaged data may not be text
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    db.execute("PRAGMA cell_size_check = ON")
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA synchronous = FULL")
    if create and pragma(db, "page_count") == 0:
        with transaction(db):
            if not db.execute("SELECT * FROM sqlite_master").fetchall():  # no other process has created them meanwhile
                for table in _TABLES:
                    db.execute(table)
                db.execute(f"PRAGMA application_id = {_APPLICATION}")
                db.execute(f"PRAGMA user_version = {VERSION}")
    if pragma(db, "application_id") != _APPLICATION:
        raise _foreign(path)
    if (version := pragma(db, "user_version")) != VERSION:
        raise InputError(
            f"{path} has the format {version}, and this version of sentiscore knows {VERSION} alone.",
            "Update sentiscore, or choose another folder with --cache (cache).",
        )
    tables = db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    if sorted(tables) != sorted((table.encode(),) for table in _TABLES):
        raise damaged(path, "its tables are not as they were made")


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Write everything in the block, or nothing; no other process writes meanwhile."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def pragma(db: sqlite3.Connection, name: str) -> int:
    """Read an integer pragma of the database."""
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Translate SQLite's errors into ours."""
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise  # a bug of ours
    except sqlite3.Error as error:
        raise _translation(path, error) from error
    except UnicodeDecodeError as error:  # SQLite's message may quote damaged data
        raise damaged(path, "its tables cannot be read") from error


def _translation(path: Path, error: sqlite3.Error) -> InputError | OutputError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return OutputError(
            f"Another process has been writing to {path} for more than {_PATIENCE_S} seconds.",
            "Run this again when it is done.",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return OutputError(
            f"{path} may not be opened and written to by this user, or was removed meanwhile: {error}.",
            "Choose another folder with --cache (cache), or change its permissions.",
        )
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return OutputError(
            f"{path} could not be read or written: {error}.",
            "What it held before is kept. Free some space, or choose another folder with --cache (cache).",
        )
    if code == sqlite3.SQLITE_NOTADB:
        return _foreign(path)
    return damaged(path, str(error))


def _foreign(path: Path) -> InputError:
    return InputError(
        f"{path} is not a store of answers.",
        "Choose another folder with --cache (cache), or remove the file if nothing else needs it.",
    )


def damaged(path: Path, why: str) -> DamagedError:
    """The error for a damaged store, with the next step."""
    return DamagedError(
        f"{path} is damaged: {why}.",
        f"Empty it with: sentiscore cache prune {path.parent} --all - its texts are then scored anew.",
    )
