"""Batches of rows of similar length, in random order."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from torch.utils.data import Sampler

_POOL: Final = 50
"""The number of batches whose rows are sorted together: more batches mean less padding and less randomness."""


class LikeLengthSampler(Sampler[int]):
    """An order of rows in which every batch has rows of similar length, and the batches are in random order.

    The Trainer's own `group_by_length` goes through each pool from its longest batch to its shortest, so that each
    pool ends with fragments of a word or two; a model that is validated there looks worse than it is. Here the batches
    are shuffled too. The order depends only on the seed and the epoch, so a resumed run sees the same rows as one that
    was never stopped.

    Args:
        lengths: The number of tokens of each row.
        batch_size: The number of rows in a batch.
        seed: Seed of the order.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths = np.asarray(lengths)
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set which pass over the rows comes next; every pass has its own order."""
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
        *full, last = batches  # only the last batch may be short: a short one earlier would shift all others
        for i in random.permutation(len(full)):
            yield from full[i].tolist()
        yield from last.tolist()
