"""What chance alone gives, if nothing has changed: the value that a measure exceeds once in `NIGHTS` nights.

Small files differ by chance more than large ones. So no check compares a value with a fixed threshold only; each asks
as well whether rows drawn from one and the same source would differ as much. The draws have a fixed seed: the same
two files give the same report.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from sentiscore.errors import import_extra
from sentiscore.monitoring.measures import Counts, Floats

NIGHTS: Final = 2_000
"""In how many nights without a change a check may alarm once."""

_DRAWS: Final = 20_000
_SEED: Final = 0
_REACH: Final = 12
"""How many standard deviations around its mean a count is followed."""


def of_counts(measure: Callable[[Counts, Counts], Floats], counts: Counts, reference: Counts) -> float:
    """What a measure of two sets of counts reaches by chance.

    Both are drawn again, many times, from the shares that they have together, with as many rows as they have. For the
    population stability index of large files that comes to (1 / n + 1 / m) times a quantile of chi-squared with a
    degree of freedom less than bins (B. Yurdakul and J. Naranjo, Statistical properties of the population stability
    index, Journal of Risk Model Validation 14, 2020); small files have heavier tails.

    Args:
        measure: Of counts and reference counts, each of shape (draws, bins).
        counts: Of shape (bins,).
        reference: Of shape (bins,).
    """
    generator = np.random.default_rng(_SEED)
    together = counts + reference
    used = together > 0
    shares = together[used] / together.sum()
    drawn = []
    for n in (int(counts.sum()), int(reference.sum())):
        full = np.zeros((_DRAWS, counts.size), dtype=np.int64)
        full[:, used] = generator.multinomial(n, shares, size=_DRAWS)
        drawn.append(full)
    return float(np.quantile(measure(*drawn), 1 - 1 / NIGHTS))


def of_share(k: int, n: int, reference_k: int, reference_n: int) -> float:
    """What the difference between two shares reaches by chance, exactly, however small the counts.

    That is Fisher's exact test turned around: given how many such rows there are in both together, they are dealt
    out to the two files at random (a hypergeometric count), and the difference is found that is exceeded once.

    Args:
        k: Rows of the kind.
        n: All rows, at least 1.
        reference_k: Rows of the kind in the reference.
        reference_n: All rows of the reference, at least 1.
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
    """What the difference between two means reaches by chance (Welch's test, for many rows).

    Args:
        variance: Of one row.
        n: All rows, at least 2.
        reference_variance: Of one row of the reference.
        reference_n: All rows of the reference, at least 2.
    """
    norm = import_extra("scipy.stats", "monitor").norm
    deviation = (variance / (n - 1) + reference_variance / (reference_n - 1)) ** 0.5
    return float(norm.isf(0.5 / NIGHTS) * deviation)


def of_splits(values: Floats) -> tuple[float, float]:
    """The mean of a measure over random splits, and what it reaches by chance.

    A gamma distribution of the same mean and variance gives the rare values that so few splits cannot show.

    Args:
        values: The measure of each split.
    """
    gamma = import_extra("scipy.stats", "monitor").gamma
    mean, variance = float(values.mean()), float(values.var(ddof=1))
    if variance <= 0 or mean <= 0:
        return mean, mean
    return mean, float(gamma.isf(1 / NIGHTS, mean * mean / variance, scale=variance / mean))
