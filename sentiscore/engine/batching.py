"""Which texts go through the model together. Pure: numpy in, numpy out."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt


def plan_batches(lengths: npt.NDArray[np.integer], token_budget: int) -> Iterator[npt.NDArray[np.intp]]:
    """Split rows into batches of similar length, the longest first.

    Rows are sorted by length, so that little of a batch is padding, and the first batch is the one that
    needs the most memory.

    Args:
        lengths: Tokens of each row, shape (rows,), each at least 1.
        token_budget: Tokens a batch may have, padding included; a longer row is a batch of its own.

    Yields:
        Positions of the rows of each batch; every row is in one batch.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < order.size:
        longest = int(lengths[order[start]])
        size = max(1, token_budget // max(1, longest))
        yield order[start : start + size]
        start += size
