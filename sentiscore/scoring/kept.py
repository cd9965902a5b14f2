"""Keeps the networks that were loaded last, so that a process loads each of them once."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, ClassVar, Final, TypeVar

_MOST: Final = 2
"""How many are kept."""

_T = TypeVar("_T")


class _Kept:
    """What this process keeps, and the lock for it.

    Attributes:
        by_key: The one that was used last comes last.
    """

    lock = threading.RLock()
    by_key: ClassVar[OrderedDict[Hashable, Any]] = OrderedDict()


def kept(key: Hashable, load: Callable[[], _T]) -> _T:
    """What is kept for a key; loaded once, even if several threads ask for it at the same time.

    Args:
        key: Everything that it depends on.
        load: Loads it; must not use polars, whose threads may be waiting for it.
    """
    with _Kept.lock:
        found: _T | None = _Kept.by_key.get(key)
        if found is None:
            found = load()
            _Kept.by_key[key] = found
        _Kept.by_key.move_to_end(key)
        while len(_Kept.by_key) > _MOST:
            _Kept.by_key.popitem(last=False)
        return found


def release() -> None:
    """Keep none of them any more; memory is freed where nothing else uses them."""
    with _Kept.lock:
        _Kept.by_key.clear()


def _unlocked() -> None:
    _Kept.lock = threading.RLock()  # a thread of the parent may have held the other one


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlocked)
