"""Frees memory that a long job would otherwise hold without using it."""

import ctypes
import os
import sys
from functools import cache
from typing import Any, Final

_KERNELS: Final = "32"
"""Rows are sorted by length, so batches with the same shape follow each other, and few shapes are in use at a time."""

_SETTINGS: Final = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")


def keep_few_kernels() -> None:
    """Make oneDNN, and torch's cache in front of it, keep less compiled code.

    They compile each matrix product for its exact shape, and keep the last 1,024: more than half a megabyte each, some
    hundreds of megabytes in all. Both read their limit from the environment when they are first used, so this has no
    effect if the process has multiplied matrices before; a limit set by the user stays.
    """
    for name in _SETTINGS:
        os.environ.setdefault(name, _KERNELS)


def give_back() -> None:
    """Return freed memory to the operating system, which the C library (glibc) and Arrow would otherwise keep.

    Alternating threads fragment each other's heaps, and without this a job grows for its first ten windows.
    """
    arrow = sys.modules.get("pyarrow")  # has nothing to return unless it is used
    if arrow is not None:
        arrow.default_memory_pool().release_unused()
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
