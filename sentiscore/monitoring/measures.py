"""Measures of how far apart two sets of counts are; pure functions of numpy arrays.

Every measure takes counts in the last axis and broadcasts over the others, so that thousands of draws are measured in
one call.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

_HALF: Final = 0.5


def psi(counts: Counts, reference: Counts) -> Floats:
    """The population stability index of two sets of counts over the same bins.

    The sum over bins of (p - q) ln(p / q), with p and q the shares of a bin: Jeffreys' divergence, and the index that
    credit scoring has used since E. M. Lewis, An Introduction to Credit Scoring (1994), and N. Siddiqi, Credit Risk
    Scorecards (2006), who calls less than 0.1 stable and more than 0.25 a shift. An empty bin would make it infinite,
    so half a count is added to every bin (Jeffreys' prior).

    Args:
        counts: Integers of shape (..., bins).
        reference: Integers of shape (..., bins).

    Returns:
        Values of at least 0, of shape (...); 0 if the counts are equal. It is symmetric in its arguments.
    """
    p, q = _smoothed(counts), _smoothed(reference)
    result: Floats = np.maximum(((p - q) * np.log(p / q)).sum(axis=-1), 0.0)
    return result


def total_variation(counts: Counts, reference: Counts) -> Floats:
    """Half the sum of the absolute differences of shares: the share that would have to move to make them equal.

    Args:
        counts: Integers of shape (..., bins), not all 0.
        reference: Integers of shape (..., bins), not all 0.

    Returns:
        Values from 0 to 1, of shape (...); symmetric in its arguments.
    """
    result: Floats = np.abs(_shares(counts) - _shares(reference)).sum(axis=-1) / 2
    return result


def jensen_shannon(counts: Counts, reference: Counts) -> Floats:
    """The Jensen-Shannon divergence in bits (J. Lin, IEEE Transactions on Information Theory 37, 1991).

    The mean of the Kullback-Leibler divergences of both from their average.

    Args:
        counts: Integers of shape (..., words), not all 0.
        reference: Integers of shape (..., words), not all 0.

    Returns:
        Values from 0 (equal shares) to 1 (nothing in common), of shape (...); symmetric in its arguments.
    """
    p, q = _shares(counts), _shares(reference)
    middle = (p + q) / 2
    return np.clip((_relative(p, middle) + _relative(q, middle)) / 2, 0.0, 1.0)


def unseen_share(counts: Counts, reference: Counts) -> Floats:
    """The share of the counted words that do not occur in the reference.

    Args:
        counts: Integers of shape (..., words), not all 0.
        reference: Integers of shape (..., words).
    """
    result: Floats = np.where(reference == 0, counts, 0).sum(axis=-1) / counts.sum(axis=-1)
    return result


def repeat_share(counts: Counts, sizes: Counts) -> Floats:
    """The share of rows that repeat an earlier row.

    Args:
        counts: The number of texts by their number of rows, of shape (..., sizes), not all 0.
        sizes: Those numbers of rows, of shape (sizes,), each at least 1.
    """
    result: Floats = 1 - counts.sum(axis=-1) / (counts * sizes).sum(axis=-1)
    return result


def quantile_bins(fine: Counts, n_bins: int) -> Counts:
    """Where to merge fine bins into a few with about equal numbers of rows in the reference.

    Args:
        fine: The reference's counts in fine bins, in order; not all 0.
        n_bins: About how many bins to make.

    Returns:
        The positions at which the bins begin, of which the first is 0, for `numpy.add.reduceat`. A fine bin that alone
        has `1 / n_bins` of the rows (such as neutral texts, or those the model is sure of) is its own bin; values below
        and above it are in other bins, even if the reference has none there.
    """
    share = fine / fine.sum()
    reached = np.floor(np.round(np.cumsum(share) * n_bins, 9)).astype(np.int64)
    ends = np.flatnonzero(np.diff(reached, prepend=0) > 0) + 1
    heavy = np.flatnonzero(share >= 1 / n_bins)
    cuts = np.unique(np.concatenate([[0], ends[:-1], heavy, heavy + 1]))
    return cuts[cuts < fine.size].astype(np.int64)


def _smoothed(counts: Counts) -> Floats:
    result: Floats = (counts + _HALF) / (counts.sum(axis=-1, keepdims=True) + _HALF * counts.shape[-1])
    return result


def _shares(counts: Counts) -> Floats:
    result: Floats = counts / counts.sum(axis=-1, keepdims=True)
    return result


def _relative(p: Floats, middle: Floats) -> Floats:
    """The Kullback-Leibler divergence in bits; a share of 0 in p contributes 0."""
    ratio = np.divide(p, middle, out=np.ones_like(p), where=p > 0)
    result: Floats = (p * np.log2(ratio)).sum(axis=-1)
    return result
