"""What a disk is asked to do, in order: what is synced, renamed and removed."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest


class Call(NamedTuple):
    """One call: what was asked ("sync", "rename" or "remove"), and the inode or the path that it was about."""

    what: str
    about: object


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """The calls from now on; each is noted once it is done."""
    calls: list[Call] = []

    def note(owner: Any, name: str, call: Callable[..., Call]) -> None:
        real = getattr(owner, name)

        def noted(*args: Any, **others: Any) -> Any:
            about = call(*args)
            result = real(*args, **others)
            calls.append(about)
            return result

        monkeypatch.setattr(owner, name, noted)

    note(os, "fsync", lambda file: Call("sync", _inode(os.fstat(file))))
    for name in ("replace", "rename"):
        note(os, name, lambda _, target: Call("rename", Path(target)))
    note(shutil, "rmtree", lambda path, *_: Call("remove", Path(path)))
    return calls


def synced(path: Path) -> Call:
    """The call that syncs what is at a path now, under whatever name it was synced."""
    return Call("sync", _inode(path.stat()))


def lasts(calls: list[Call], path: Path) -> bool:
    """Whether a file was synced before it was renamed to its name, and its folder after that."""
    renames = [i for i, call in enumerate(calls) if call == Call("rename", path)]
    if not renames:
        return False
    before, after = calls[: renames[-1]], calls[renames[-1] :]
    return synced(path) in before and (sys.platform == "win32" or synced(path.parent) in after)


def _inode(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
