"""A sample of distinct keys that does not depend on the order of the rows: those with the smallest hashes."""

from collections.abc import Sequence
from typing import Final

import polars as pl

SIZE: Final = 32_768
"""Keys that are kept; below that many, all of them are."""

HASH: Final = "hash"
COUNT: Final = "n"


class Sample:
    """The keys with the smallest hashes, each with how many rows it had.

    A hash has nothing to do with what a text says, so these are a random sample of the distinct keys (the bottom-k
    sketch: E. Cohen and H. Kaplan, Summarizing Data Using Bottom-k Sketches, PODC 2007). Since the bar only sinks, a
    key that is in the sample was in it from its first row on, and its count is exact.

    Args:
        values: Columns other than the hash and the count; where rows of one key differ, the smallest value counts, so
            that no order of the rows does.
        size: How many keys to keep.
    """

    def __init__(self, values: Sequence[str], size: int = SIZE) -> None:
        self._values = list(values)
        self._size = size
        self._kept: pl.DataFrame | None = None
        self._bar: int | None = None

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows with the column `hash` (UInt64) and the values."""
        if self._bar is not None:
            rows = rows.filter(pl.col(HASH) <= self._bar)
        counted = rows.group_by(HASH).agg(pl.len().cast(pl.Int64).alias(COUNT), pl.col(self._values).min())
        if self._kept is not None:
            together = pl.concat([self._kept, counted])
            counted = together.group_by(HASH).agg(pl.col(COUNT).sum(), pl.col(self._values).min())
        self._kept = counted.sort(HASH).head(self._size)
        if self._kept.height == self._size:
            self._bar = int(self._kept[HASH][-1])

    def keys(self) -> pl.DataFrame:
        """hash, n and the values of the sampled keys, by their hash; at least one part must have been added."""
        if self._kept is None:
            raise ValueError("nothing was added")
        return self._kept
