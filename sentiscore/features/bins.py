"""Sums in arrays with a slot for each entity and session: much faster than grouping if keys are dense."""

from typing import Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore.features.scores import SCALE, SCALE_BITS
from sentiscore.labels import NEGATIVE, POSITIVE

Ints = npt.NDArray[np.int64]

SESSIONS: Final = 2**32
"""A key is the number of an entity times this, and the position of a session from the middle on."""
MIDDLE: Final = 2**31

MOST_BINS: Final = 2**22
_MARGIN: Final = 64
_NAMES: Final = (
    *("rows", "n_docs", "total", "high", "low", "w_positive", "w_negative", "unsure", "w_unsure"),
    *("tone", "tone_high", "tone_low", "w_tone"),
)


class Grid:
    """Which slot of an array belongs to which key.

    Args:
        codes: How many entities there are.
        lowest: The first session, from the middle on.
        width: How many sessions there are.
    """

    def __init__(self, codes: int, lowest: int, width: int) -> None:
        self.codes = codes
        self.lowest = lowest
        self.width = width

    @property
    def size(self) -> int:
        """How many slots there are."""
        return self.codes * self.width

    @classmethod
    def of(cls, keys: pl.Series, before: Self | None = None) -> Self | None:
        """Slots for these keys and the earlier ones; None if there would be too many.

        A grid that has to grow gets spare room, so that it rarely has to grow.
        """
        key: Ints = keys.to_numpy()
        session = key & (SESSIONS - 1)
        codes, low, high = (int(key.max()) >> 32) + 1, int(session.min()), int(session.max()) + 1
        if before is not None:
            top = before.lowest + before.width
            if codes <= before.codes and low >= before.lowest and high <= top:
                return before
            codes = max(before.codes, 2 * codes if codes > before.codes else 0)
            low = min(before.lowest, low - _MARGIN if low < before.lowest else low)
            high = max(top, high + _MARGIN if high > top else high)
        return cls(codes, low, high - low) if codes * (high - low) <= MOST_BINS else None

    def slots(self, keys: pl.Series) -> Ints:
        """The slot of each key."""
        key: Ints = keys.to_numpy()
        return (key >> 32) * self.width + ((key & (SESSIONS - 1)) - self.lowest)

    def keys(self, slots: Ints) -> pl.Series:
        """The keys that have these slots."""
        return pl.Series((slots // self.width) * SESSIONS + slots % self.width + self.lowest, dtype=pl.Int64)


class Bins:
    """Sums of rows that all count the same; exact, since sums of a part stay below 2**53.

    Attributes:
        grid: The slots.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._sums = {name: np.zeros(grid.size, dtype=np.int64) for name in _NAMES}

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows, fewer than 2**28 at a time, whose keys are in the grid."""
        slots = self.grid.slots(rows["key"])

        def count(name: str, chosen: npt.NDArray[np.bool_] | None) -> None:
            self._sums[name] += np.bincount(slots if chosen is None else slots[chosen], minlength=self.grid.size)

        def total(name: str, values: Ints) -> None:
            self._sums[name] += np.bincount(slots, weights=values, minlength=self.grid.size).astype(np.int64)

        counted = rows["counted"]
        if all_counted := bool(counted.all()):
            q, unsure, tone, label = (rows[name] for name in ("q", "u", "t", "label"))
        else:
            q, unsure, tone, label = (rows[name].set(~counted, None) for name in ("q", "u", "t", "label"))
        count("rows", None)
        count("n_docs", None if all_counted else counted.to_numpy())

        def squares(values: Ints, prefix: str = "") -> None:
            squared = values * values
            total(f"{prefix}high", squared >> SCALE_BITS)
            total(f"{prefix}low", squared & (SCALE - 1))

        filled = q.fill_null(0).to_numpy()
        total("total", filled)
        squares(filled)
        for name in (POSITIVE, NEGATIVE):
            count(f"w_{name}", (label == name).fill_null(value=False).to_numpy())
        if unsure.null_count() < unsure.len():
            total("unsure", unsure.fill_null(0).to_numpy())
            count("w_unsure", unsure.is_not_null().to_numpy())
        if tone.null_count() < tone.len():
            filled = tone.fill_null(0).to_numpy()
            total("tone", filled)
            squares(filled, "tone_")
            count("w_tone", tone.is_not_null().to_numpy())

    def moved(self, grid: Grid) -> "Bins":
        """The same sums in a larger grid."""
        if grid is self.grid:
            return self
        other = Bins(grid)
        start = self.grid.lowest - grid.lowest
        for name, values in self._sums.items():
            wide = other._sums[name].reshape(grid.codes, grid.width)
            wide[: self.grid.codes, start : start + self.grid.width] = values.reshape(self.grid.codes, self.grid.width)
        return other

    def frame(self) -> pl.DataFrame:
        """The sums of the keys that have rows."""
        slots = np.flatnonzero(self._sums["rows"])
        found = pl.DataFrame({name: values[slots] for name, values in self._sums.items() if name != "rows"})
        wide = found.select(
            "n_docs", pl.exclude("n_docs").cast(pl.Int128), weight=pl.col("n_docs").cast(pl.Int128)
        ).with_columns(
            squares=pl.col("high") * SCALE + pl.col("low"),
            tone_squares=pl.col("tone_high") * SCALE + pl.col("tone_low"),
            w_neutral=pl.col("weight") - pl.col("w_positive") - pl.col("w_negative"),
        )
        return wide.insert_column(0, self.grid.keys(slots).alias("key"))
