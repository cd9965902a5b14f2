import math

import numpy as np
import pytest
from scipy.stats import chi2

from sentiscore.monitoring import chance
from sentiscore.monitoring.measures import (
    jensen_shannon,
    psi,
    quantile_bins,
    repeat_share,
    total_variation,
    unseen_share,
)


def counts(*numbers: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.array(numbers, dtype=np.int64)


def test_psi_is_the_sum_of_share_differences_times_log_ratios() -> None:
    p = [(60 + 0.5) / 101, (40 + 0.5) / 101]
    q = [(30 + 0.5) / 101, (70 + 0.5) / 101]
    by_hand = sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert float(psi(counts(60, 40), counts(30, 70))) == pytest.approx(by_hand, rel=1e-12)


def test_psi_of_an_empty_bin_is_large_and_finite() -> None:
    assert 2 < float(psi(counts(100, 0), counts(0, 100))) < 20


def test_jensen_shannon_is_one_bit_where_nothing_is_shared() -> None:
    assert float(jensen_shannon(counts(3, 5, 0), counts(0, 0, 9))) == pytest.approx(1)


def test_total_variation_is_the_share_that_moved() -> None:
    assert float(total_variation(counts(90, 10), counts(60, 40))) == pytest.approx(0.3)


def test_unseen_words_are_those_that_the_reference_has_nowhere() -> None:
    assert float(unseen_share(counts(5, 3, 2), counts(9, 0, 1))) == pytest.approx(0.3)


def test_repeats_are_rows_beyond_the_first_of_a_text() -> None:
    assert float(repeat_share(counts(6, 1), counts(1, 4))) == pytest.approx(3 / 10)


def test_bins_hold_a_tenth_of_the_reference_each() -> None:
    fine = np.ones(1000, dtype=np.int64)
    assert quantile_bins(fine, 10).tolist() == list(range(0, 1000, 100))


def test_a_point_that_many_texts_share_is_a_bin_of_its_own() -> None:
    fine = np.ones(1000, dtype=np.int64)
    fine[500] = 2000
    cuts = quantile_bins(fine, 10).tolist()
    assert {500, 501} <= set(cuts)


@pytest.mark.parametrize("at", [0, 500, 999])
def test_a_reference_of_one_value_tells_others_from_it(at: int) -> None:
    fine = np.zeros(1000, dtype=np.int64)
    fine[at] = 70
    elsewhere = np.zeros(1000, dtype=np.int64)
    elsewhere[(at + 300) % 1000] = 70
    cuts = quantile_bins(fine, 10)
    assert float(psi(np.add.reduceat(elsewhere, cuts), np.add.reduceat(fine, cuts))) > 2


def test_chance_allows_small_files_more_than_large_ones() -> None:
    shares = counts(10, 20, 30, 40)
    small, large = chance.of_counts(psi, shares, shares), chance.of_counts(psi, shares * 100, shares * 100)
    assert small > 50 * large > 0


def test_the_chance_of_a_psi_of_large_files_is_that_of_chi_squared() -> None:
    shares = counts(*[100] * 10)
    n, m = 1_000 * 20, 1_000 * 50
    by_formula = (1 / n + 1 / m) * float(chi2.isf(1 / chance.NIGHTS, 9))
    assert chance.of_counts(psi, shares * 20, shares * 50) == pytest.approx(by_formula, rel=0.06)


def test_the_chance_of_a_share_is_that_of_fishers_exact_test() -> None:
    n, k, others, other_k = 40, 6, 400, 11
    limit = chance.of_share(k, n, other_k, others)
    total = k + other_k

    def probability(x: int) -> float:
        return math.comb(n, x) * math.comb(others, total - x) / math.comb(n + others, total)

    gaps = {x: abs(x / n - (total - x) / others) for x in range(min(n, total) + 1)}
    assert sum(probability(x) for x, gap in gaps.items() if gap > limit) <= 1 / chance.NIGHTS
    assert sum(probability(x) for x, gap in gaps.items() if gap >= limit) > 1 / chance.NIGHTS


@pytest.mark.parametrize(("k", "n", "other_k", "others"), [(0, 50, 0, 70), (50, 50, 70, 70)])
def test_where_all_rows_are_alike_chance_gives_no_difference(k: int, n: int, other_k: int, others: int) -> None:
    assert chance.of_share(k, n, other_k, others) == 0


def test_the_chance_of_a_share_can_be_had_of_very_many_rows() -> None:
    assert 0 < chance.of_share(100_000, 10_000_000, 900_000, 90_000_000) < 0.001


def test_the_chance_of_a_mean_is_welchs() -> None:
    assert chance.of_mean(1.0, 101, 1.0, 101) == pytest.approx(3.4808 * math.sqrt(2 / 100), rel=1e-3)


def test_splits_that_never_differ_leave_no_room_for_chance() -> None:
    assert chance.of_splits(np.zeros(50)) == (0, 0)
    assert chance.of_splits(np.full(50, 0.25)) == (0.25, 0.25)
