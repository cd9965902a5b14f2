"""Batches of rows of like length, in random order."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from torch.utils.data import Sampler

_POOL: Final = 50
"""Batches whose rows are sorted together: more means less padding and less chance."""


class LikeLengthSampler(Sampler[int]):
    """An order of rows in which every batch holds rows of like length, and batches follow at random.

    The Trainer's own `group_by_length` feeds each pool from its longest batch to its shortest, so that
    training ends each pool on fragments of a word or two; validated there, a model looks worse than it is.
    Here the batches are shuffled too. The order follows from the seed and the epoch alone, so that a
    resumed run sees the rows that it would have seen.

    Args:
        lengths: Tokens of each row.
        batch_size: Rows of a batch.
        seed: Seed of the order.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths = np.asarray(lengths)
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Which pass over the rows comes next; every pass has an order of its own."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._lengths.size

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng([self._seed, self._epoch])
        rows = random.permutation(self._lengths.size)
        pool = _POOL * self._batch_size
        pools = [rows[i : i + pool] for i in range(0, rows.size, pool)]
        ordered = np.concatenate([part[np.argsort(self._lengths[part], kind="stable")] for part in pools])
        batches = [ordered[i : i + self._batch_size] for i in range(0, rows.size, self._batch_size)]
        *full, last = batches  # only the last may be short, or every batch after it would shift
        for i in random.permutation(len(full)):
            yield from full[i].tolist()
        yield from last.tolist()
