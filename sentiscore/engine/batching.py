"""Decides which texts go through the model together. Pure: numpy in, numpy out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Batch:
    """Rows that go through the model together.

    Attributes:
        rows: The positions of the rows, longest first.
        width: The number of tokens of the longest row.
        padding: The total number of padding tokens of the other rows; 0 if all are equally long.
    """

    rows: npt.NDArray[np.intp]
    width: int
    padding: int

    @property
    def tokens(self) -> int:
        """The number of computed tokens, including padding."""
        return self.rows.size * self.width


def plan_batches(lengths: npt.NDArray[np.integer], token_budget: int, padding: int) -> list[Batch]:
    """Split rows into batches of equal length or, where a length has too few rows, of nearly equal length.

    The longest rows come first, so that the first batch is the one that needs the most memory.

    Args:
        lengths: Tokens of each row, shape (rows,), each at least 1.
        token_budget: The maximum number of tokens of a batch, including padding; a longer row is a batch of its own.
        padding: The maximum number of padding tokens of a batch.

    Returns:
        Batches; every row is in one of them.
    """
    order = np.argsort(-lengths, kind="stable")
    falling = lengths[order].astype(np.int64)
    batches = []
    start = 0
    while start < order.size:
        width = int(falling[start])
        room = falling[start : start + max(1, token_budget // width)]
        short = np.cumsum(width - room)
        size = int(np.searchsorted(short, padding, side="right"))
        batches.append(Batch(order[start : start + size], width, int(short[size - 1])))
        start += size
    return batches


def pack(
    batches: Sequence[Batch],
    ids: npt.NDArray[np.int32],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.integer],
    pad_id: int,
) -> npt.NDArray[np.int32]:
    """Lay out the tokens of all batches one after the other, row by row, padded on the right.

    Args:
        batches: The batches.
        ids: Token ids of all rows, one row after the other.
        starts: Where the ids of each row begin, shape (rows,).
        lengths: The number of ids of each row, shape (rows,).
        pad_id: The id that fills the padding.

    Returns:
        Shape (tokens of all batches,): the first `batches[0].tokens` are the first batch, and so on.
    """
    packed = np.full(sum(batch.tokens for batch in batches), pad_id, dtype=np.int32)
    start = 0
    for batch in batches:
        columns = np.arange(batch.width)
        block = packed[start : start + batch.tokens].reshape(batch.rows.size, batch.width)
        sources = starts[batch.rows, None] + columns
        if batch.padding:
            read = columns < lengths[batch.rows, None]
            block[read] = ids[sources[read]]
        else:
            block[:] = ids[sources]
        start += batch.tokens
    return packed
