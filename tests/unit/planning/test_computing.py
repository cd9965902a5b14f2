"""Which texts the model is measured on."""

from collections.abc import Sequence

import numpy as np
import pytest

from sentiscore.planning.computing import STRATA, neighbours, time_rounds
from sentiscore.planning.measurement import StageTiming

LENGTHS = np.random.default_rng(3).geometric(0.05, size=6_000)


def test_texts_of_a_round_are_neighbours_by_length_from_every_range_of_lengths() -> None:
    ranks = np.empty(LENGTHS.size, dtype=int)
    ranks[np.argsort(LENGTHS, kind="stable")] = np.arange(LENGTHS.size)
    for turn in range(5):
        chosen = np.sort(ranks[neighbours(LENGTHS, 600, turn)])
        assert chosen.size == 600
        assert np.unique(chosen).size == 600
        assert np.bincount(chosen * STRATA // LENGTHS.size).tolist() == [600 // STRATA] * STRATA
        assert (np.diff(chosen) > 1).sum() < STRATA


def test_rounds_have_different_texts_and_about_the_tokens_of_all() -> None:
    rounds = [neighbours(LENGTHS, 600, turn) for turn in range(8)]
    assert len({tuple(one) for one in rounds}) == 8
    assert np.mean([LENGTHS[one].mean() for one in rounds]) == pytest.approx(LENGTHS.mean(), rel=0.05)


def test_few_texts_are_all_taken() -> None:
    assert sorted(neighbours(np.array([5, 1, 3]), 24, 0).tolist()) == [0, 1, 2]


def test_rounds_grow_until_they_are_long_enough_and_only_then_count() -> None:
    sizes: list[int] = []

    def compute(positions: Sequence[int]) -> StageTiming:
        sizes.append(len(positions))
        return StageTiming(len(positions), 1e-3 * len(positions), 0.0)

    found = time_rounds(compute, LENGTHS, seconds=1e-9)
    assert sizes == [2 * STRATA] * 3
    assert len(found) == 2  # after the time is over too, since one round shows no spread
    sizes.clear()
    time_rounds(compute, LENGTHS, seconds=0.3)  # of which 0.0375 are one round, that of 38 texts or more
    warm = [size for size in sizes if size != sizes[-1]]
    assert sizes[-1] >= 38
    assert warm == sorted(warm)


def test_without_texts_nothing_is_computed() -> None:
    assert time_rounds(lambda _: pytest.fail("nothing to compute"), LENGTHS[:0], 1.0) == ()
