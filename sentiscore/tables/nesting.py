"""How deep columns are nested, as the formats count it."""

from typing import Any, Final

import polars as pl

from sentiscore.tables.limits import MAX_DEPTH

MAX_LEVELS: Final = MAX_DEPTH - 1
"""Levels of a column that a file can hold and give back: Arrow writes no more of them into parquet, and an ndjson line
has one more, its object. Readers here take as many."""

_LIST_LEVELS: Final = {".parquet": 2, ".ndjson": 1}
"""Parquet has a group around the values of a list."""


def levels(dtype: Any, suffix: str) -> int:
    """How many levels a column of a type has in a file, the value itself included.

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
    """Whether a file of a format cannot hold a column of a type, or could not be read again, for its nesting."""
    return suffix in _LIST_LEVELS and levels(dtype, suffix) > MAX_LEVELS
