"""How deeply columns are nested, as the file formats count it."""

from typing import Any, Final

import polars as pl

from sentiscore.tables.limits import MAX_DEPTH

MAX_LEVELS: Final = MAX_DEPTH - 1
"""Nesting levels of a column that a file can store and return: Arrow writes at most this many into parquet, and an
ndjson line has one more, its object. The readers here accept as many."""

_LIST_LEVELS: Final = {".parquet": 2, ".ndjson": 1}
"""Parquet puts a group around the values of a list."""


def levels(dtype: Any, suffix: str) -> int:
    """The number of levels of a column of this type in a file, including the value itself.

    Args:
        dtype: Its type.
        suffix: The format, .parquet or .ndjson.
    """
    if isinstance(dtype, pl.List | pl.Array):
        return _LIST_LEVELS[suffix] + levels(dtype.inner, suffix)
    if isinstance(dtype, pl.Struct):
        return 1 + max((levels(field.dtype, suffix) for field in dtype.fields), default=0)
    return 1 if suffix == ".parquet" else 0


def is_too_deep(dtype: Any, suffix: str) -> bool:
    """Whether a column is nested too deeply to be written in a format and read again."""
    return suffix in _LIST_LEVELS and levels(dtype, suffix) > MAX_LEVELS
