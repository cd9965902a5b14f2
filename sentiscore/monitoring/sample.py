"""A sample of distinct keys that does not depend on the order of the rows: those with the smallest hashes."""

from collections.abc import Sequence
from typing import Final

import polars as pl

SIZE: Final = 32_768
"""The number of keys that are kept, or all if there are fewer."""

HASH: Final = "hash"
COUNT: Final = "n"


class Sample:
    """The keys with the smallest hashes, each with its number of rows.

    A hash does not depend on the meaning of a text, so these are a random sample of the distinct keys (the bottom-k
    sketch: E. Cohen and H. Kaplan, Summarizing Data Using Bottom-k Sketches, PODC 2007). The largest kept hash only
    decreases, so a key in the sample has been in it since its first row, and its count is exact.

    Args:
        values: Columns other than the hash and the count; if rows of one key differ, the smallest value counts, so that
            the order of the rows does not matter.
        size: How many keys to keep.
    """

    def __init__(self, values: Sequence[str], size: int = SIZE) -> None:
        self._values = list(values)
        self._size = size
        self._kept: pl.DataFrame | None = None
        self._largest: int | None = None

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows with the column `hash` (UInt64) and the values."""
        if self._largest is not None:
            rows = rows.filter(pl.col(HASH) <= self._largest)
        counted = rows.group_by(HASH).agg(pl.len().cast(pl.Int64).alias(COUNT), pl.col(self._values).min())
        if self._kept is not None:
            combined = pl.concat([self._kept, counted])
            counted = combined.group_by(HASH).agg(pl.col(COUNT).sum(), pl.col(self._values).min())
        self._kept = counted.sort(HASH).head(self._size)
        if self._kept.height == self._size:
            self._largest = int(self._kept[HASH][-1])

    def keys(self) -> pl.DataFrame:
        """The columns hash, n and the values of the sampled keys, sorted by hash; needs at least one call of `add`."""
        if self._kept is None:
            raise ValueError("nothing was added")
        return self._kept
