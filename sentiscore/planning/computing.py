"""Measures the model on texts of all lengths, in batches as in a job."""

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from sentiscore.planning.measurement import StageTiming

STRATA: Final = 12
"""A round has texts from so many ranges of lengths. Those of a range are neighbours by length, so that batches are
full and equally long, as in a window."""

_LEAST_ROUNDS: Final = 2
_MOST_ROUNDS: Final = 64
_ROUNDS_WANTED: Final = 8
_GROWTH: Final = 8
_TURN: Final = 0.6180339887498949
"""Each round takes other texts of a range; multiples of the golden ratio are spread most evenly."""


def neighbours(lengths: npt.NDArray[np.integer], n: int, turn: int) -> npt.NDArray[np.intp]:
    """Choose texts of all lengths: from each range of lengths, some whose lengths are next to each other.

    Args:
        lengths: The tokens of each text, shape (texts,).
        n: How many to choose, about.
        turn: The number of the round; each chooses others.

    Returns:
        Their positions; all texts if there are no more than `n`.
    """
    order = np.argsort(lengths, kind="stable")
    if n >= order.size:
        return order
    borders = np.linspace(0, order.size, STRATA + 1).astype(int)
    each = max(1, n // STRATA)
    chosen = []
    for low, high in pairwise(borders.tolist()):
        room = max(0, high - low - each)
        start = low + int(turn * _TURN % 1 * (room + 1))
        chosen.append(order[start : min(start + each, high)])
    return np.concatenate(chosen)


def time_rounds(
    compute: Callable[[list[int]], StageTiming], lengths: npt.NDArray[np.integer], seconds: float
) -> tuple[StageTiming, ...]:
    """Time the model on rounds of texts. The rounds that warm it up, and find out how many texts fit, do not count.

    Args:
        compute: Computes the texts at some positions; returns how many tokens that were, and how long it took.
        lengths: The tokens of each text, shape (texts,).
        seconds: About how long this may take; at least two rounds are counted.
    """
    if not lengths.size:
        return ()
    end = time.perf_counter() + seconds
    wanted = seconds / _ROUNDS_WANTED
    n, turn = 2 * STRATA, 0
    while True:
        took = compute(neighbours(lengths, n, turn).tolist()).wall
        turn += 1
        if took >= wanted or n >= lengths.size:
            break
        n = min(lengths.size, int(n * min(_GROWTH, max(2.0, wanted / max(took, 1e-9)))))
    counted: list[StageTiming] = []
    while len(counted) < _LEAST_ROUNDS or (len(counted) < _MOST_ROUNDS and time.perf_counter() < end):
        counted.append(compute(neighbours(lengths, n, turn).tolist()))
        turn += 1
    return tuple(counted)
