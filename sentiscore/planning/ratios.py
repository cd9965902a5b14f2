"""Ratios of measured amounts, each with its uncertainty. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MEASURED_ONCE: Final = 0.25
"""The relative uncertainty of what was measured once: nothing shows how much it varies."""

_T: Final = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
"""Student's t for a two-sided probability of 95 %, with 1 to 10 degrees of freedom."""
_T_OF_MANY: Final = 2.0


@dataclass(frozen=True)
class Ratio:
    """A ratio of two sums.

    Attributes:
        value: The ratio.
        spread: Half the width of its 95 % interval, relative to it.
    """

    value: float
    spread: float

    def times(self, other: "Ratio") -> "Ratio":
        """The product of two ratios whose errors are independent."""
        return Ratio(self.value * other.value, math.hypot(self.spread, other.spread))


def ratio_of(pairs: Sequence[tuple[float, float]], *, whole: bool = False) -> Ratio:
    """How much there is of something for each unit of something else.

    The ratio of the sums, and its standard error from the residuals (Cochran, Sampling Techniques, 1977, 6.3), times
    Student's t.

    Args:
        pairs: How many units, and how much of the other thing, in each part of a sample.
        whole: Whether the sample is everything, so that the ratio is exact.
    """
    units, amount = sum(unit for unit, _ in pairs), sum(much for _, much in pairs)
    if not units or not amount:
        return Ratio(0.0, 0.0)
    ratio = amount / units
    if whole:
        return Ratio(ratio, 0.0)
    n = len(pairs)
    if n == 1:
        return Ratio(ratio, MEASURED_ONCE)
    squares = sum((much - ratio * unit) ** 2 for unit, much in pairs)
    error = math.sqrt(squares * n / (n - 1)) / amount
    return Ratio(ratio, error * (_T[n - 2] if n - 2 < len(_T) else _T_OF_MANY))
