"""Fetches objects to files: as a whole, of one version, and on from where an earlier run was cut off.

Next to NAME, `.NAME.fetched` says which content NAME has, or `.NAME.fetching` has the beginning of.
"""

import json
from pathlib import Path
from typing import Any

from sentiscore.disk.durable import go_on_with_file, replace_synced, sync_open, write_synced
from sentiscore.disk.failures import translated
from sentiscore.errors import InputError
from sentiscore.storage.address import Address
from sentiscore.storage.store import ConditionFailedError, ObjectFacts, Store


def is_fetched(path: Path, facts: ObjectFacts) -> bool:
    """Whether a file has this content already."""
    return _noted(path) == facts.content and path.is_file() and path.stat().st_size == facts.size


def _noted(path: Path) -> dict[str, Any] | None:
    """What identifies the content that was fetched to a path; None if nothing was."""
    try:
        noted = json.loads(_note(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return noted if isinstance(noted, dict) else None


def fetch(store: Store, address: Address, facts: ObjectFacts, path: Path) -> None:
    """Fetch an object to a file, unless it is there.

    Raises:
        InputError: It has changed or vanished since it was described, or cannot be read.
        OutputError: The file cannot be written.
    """
    if is_fetched(path, facts):
        return
    begun = path.with_name(f".{path.name}.fetching")
    with translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if _noted(path) != facts.content:
            begun.unlink(missing_ok=True)
            waiting = path.with_name(f".{path.name}.noted")  # nobody else writes here
            write_synced(waiting, json.dumps(facts.content).encode())
            replace_synced(waiting, _note(path))
    try:
        try:
            _read_all(store, facts, begun)
        except InputError:  # also if it has changed since its first bytes were read
            if store.head(facts.key).content != facts.content:
                raise ConditionFailedError(facts.key) from None
            raise
    except FileNotFoundError as error:
        raise vanished(address) from error
    except ConditionFailedError as error:
        with translated(begun):
            begun.unlink(missing_ok=True)
        raise InputError(
            f"{address} was changed while it was read.", "Give the same command again when nothing writes to it."
        ) from error
    with translated(path):
        replace_synced(begun, path)


def vanished(address: Address) -> InputError:
    """The error for an object that was listed and is no longer there."""
    return InputError(
        f"{address} has vanished since it was listed.", "Give the same command again when nothing writes there."
    )


def _read_all(store: Store, facts: ObjectFacts, begun: Path) -> None:
    """Read an object to the end of a file that may have its beginning, and sync it."""
    with translated(begun):
        if begun.exists() and begun.stat().st_size > facts.size:
            begun.unlink()
        file = go_on_with_file(begun)
    with file:
        done = file.tell()
        for chunk in store.read(facts, done) if done < facts.size else ():
            with translated(begun):
                file.write(chunk)
            done += len(chunk)
        if done != facts.size:
            raise ConditionFailedError(facts.key)
        with translated(begun):
            sync_open(file)


def _note(path: Path) -> Path:
    return path.with_name(f".{path.name}.fetched")
