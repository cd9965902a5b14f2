"""The values that chance alone gives if nothing has changed: what a measure exceeds in one of `NIGHTS` nights.

By chance, small files differ more than large ones. So no check only compares a value with a fixed threshold; each also
asks whether rows drawn from the same source would differ as much. The random draws have a fixed seed: the same two
files give the same report.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from sentiscore.errors import import_extra
from sentiscore.monitoring.measures import Counts, Floats

NIGHTS: Final = 2_000
"""A check may raise one false alarm in this many nights."""

_DRAWS: Final = 20_000
_SEED: Final = 0
_REACH: Final = 12
"""Counts are considered up to this many standard deviations from their mean."""


def of_counts(measure: Callable[[Counts, Counts], Floats], counts: Counts, reference: Counts) -> float:
    """The value that a measure of two sets of counts reaches by chance.

    Both sets are drawn many times from their pooled shares, with the same numbers of rows. For the population stability
    index of large files the result is (1 / n + 1 / m) times a quantile of the chi-squared distribution with one degree
    of freedom less than bins (B. Yurdakul and J. Naranjo, Statistical properties of the population stability index,
    Journal of Risk Model Validation 14, 2020); small files have heavier tails.

    Args:
        measure: A function of counts and reference counts, each of shape (draws, bins).
        counts: Shape (bins,).
        reference: Shape (bins,).
    """
    generator = np.random.default_rng(_SEED)
    pooled = counts + reference
    used = pooled > 0
    shares = pooled[used] / pooled.sum()
    drawn = []
    for n in (int(counts.sum()), int(reference.sum())):
        full = np.zeros((_DRAWS, counts.size), dtype=np.int64)
        full[:, used] = generator.multinomial(n, shares, size=_DRAWS)
        drawn.append(full)
    return float(np.quantile(measure(*drawn), 1 - 1 / NIGHTS))


def of_share(k: int, n: int, reference_k: int, reference_n: int) -> float:
    """The difference between two shares that is reached by chance; exact, however small the counts.

    This is the inverse of Fisher's exact test: all rows of the kind, in both files together, are assigned to the two
    files at random (a hypergeometric count), and the result is the difference that is exceeded in one of `NIGHTS`
    nights.

    Args:
        k: The number of rows of the kind.
        n: The number of all rows, at least 1.
        reference_k: The number of rows of the kind in the reference.
        reference_n: The number of all rows of the reference, at least 1.
    """
    hypergeom = import_extra("scipy.stats", "monitor").hypergeom
    total, rows = k + reference_k, n + reference_n
    mean = n * total / rows
    reach = _REACH * (mean * (1 - total / rows) * reference_n / max(1, rows - 1)) ** 0.5 + _REACH
    lowest = max(0, total - reference_n, int(mean - reach))
    highest = min(total, n, int(mean + reach))
    possible = np.arange(lowest, highest + 1)
    gaps = np.abs(possible / n - (total - possible) / reference_n)
    order = np.argsort(gaps, kind="stable")[::-1]
    beyond = np.cumsum(hypergeom.pmf(possible[order], rows, total, n))  # the chance of this gap or a larger one
    rare = int(np.searchsorted(beyond, 1 / NIGHTS, side="right"))
    return float(gaps[order[min(rare, order.size - 1)]])


def of_mean(variance: float, n: int, reference_variance: float, reference_n: int) -> float:
    """The difference between two means that is reached by chance (Welch's test, for many rows).

    Args:
        variance: The variance of a row.
        n: The number of rows, at least 2.
        reference_variance: The variance of a row of the reference.
        reference_n: The number of rows of the reference, at least 2.
    """
    norm = import_extra("scipy.stats", "monitor").norm
    deviation = (variance / (n - 1) + reference_variance / (reference_n - 1)) ** 0.5
    return float(norm.isf(0.5 / NIGHTS) * deviation)


def of_splits(values: Floats) -> tuple[float, float]:
    """The mean of a measure over random splits, and the value that it reaches by chance.

    A gamma distribution with the same mean and variance gives the rare values, for which there are too few splits.

    Args:
        values: The measure of each split.
    """
    gamma = import_extra("scipy.stats", "monitor").gamma
    mean, variance = float(values.mean()), float(values.var(ddof=1))
    if variance <= 0 or mean <= 0:
        return mean, mean
    return mean, float(gamma.isf(1 / NIGHTS, mean * mean / variance, scale=variance / mean))
