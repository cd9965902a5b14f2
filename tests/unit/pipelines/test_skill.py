"""The statistics of forecasts against known values, and against simulations whose truth is known."""

import math

import numpy as np
import pytest
from scipy import stats

from skill import (
    Losses,
    clark_west,
    diebold_mariano,
    lags_for,
    mean_over_error,
    out_of_sample_r2,
    r2_interval,
)

REPEATS, ESTIMATED, FORECAST = 800, 60, 120


def newey_west(values: list[float], lags: int) -> float:
    """A mean over its standard error, term by term."""
    n = len(values)
    mean = sum(values) / n
    gamma = [sum((values[t] - mean) * (values[t - k] - mean) for t in range(k, n)) / n for k in range(lags + 1)]
    variance = gamma[0] + 2 * sum((1 - k / (lags + 1)) * gamma[k] for k in range(1, lags + 1))
    return mean / math.sqrt(variance / n)


def nested(slope: float) -> tuple[Losses, Losses, Losses]:
    """Losses, by simulation and period, of 0 as a forecast, of a recursive regression, and the gap between them."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(REPEATS, ESTIMATED + FORECAST))
    y = slope * x + rng.normal(size=x.shape)
    estimate = np.cumsum(x * y, axis=1) / np.cumsum(x * x, axis=1)
    forecast = (estimate[:, :-1] * x[:, 1:])[:, ESTIMATED - 1 :]
    actual = y[:, ESTIMATED:]
    return actual**2, (actual - forecast) ** 2, forecast**2


def test_the_share_of_saved_error_is_one_minus_the_ratio() -> None:
    assert out_of_sample_r2(np.array([1.0, 2.0]), np.array([2.0, 4.0])) == 0.5
    assert out_of_sample_r2(np.array([3.0]), np.array([2.0])) == -0.5


def test_lags_grow_slowly_and_cover_the_overlap_of_a_long_horizon() -> None:
    assert [lags_for(n) for n in (72, 100, 252)] == [3, 4, 4]
    assert lags_for(100, horizon=12) == 11


@pytest.mark.parametrize("lags", [0, 1, 4])
def test_the_standard_error_of_a_mean_is_newey_and_wests(lags: int) -> None:
    values = np.random.default_rng(0).normal(size=50).cumsum() / 5
    assert mean_over_error(values, lags) == pytest.approx(newey_west(values.tolist(), lags))


def test_diebold_and_mariano_without_lags_is_a_paired_t_test() -> None:
    rng = np.random.default_rng(0)
    base, full = rng.normal(size=(2, 40)) ** 2
    test = diebold_mariano(base, full)
    assert (test.value, test.p) == pytest.approx(tuple(stats.ttest_rel(base, full)))


def test_the_small_sample_factor_is_that_of_the_horizon() -> None:
    rng = np.random.default_rng(0)
    base, full = rng.normal(size=(2, 40)) ** 2
    far, near = (diebold_mariano(base, full, horizon=h, lags=3) for h in (4, 1))
    assert far.value / near.value == pytest.approx(math.sqrt((40 + 1 - 8 + 12 / 40) / 39))


def test_clark_and_west_give_back_the_cost_of_estimation() -> None:
    actual, small, large = np.array([1.0, -2.0, 0.5, 3.0]), np.zeros(4), np.array([0.5, -0.5, -0.25, 1.0])
    test = clark_west(actual**2, (actual - large) ** 2, (small - large) ** 2, lags=0)
    adjusted = 2 * actual * large  # e0² - e1² + f1², for a forecast of 0
    assert test.value == pytest.approx(adjusted.mean() / (adjusted.std() / 2))
    assert test.p == pytest.approx(stats.norm.sf(test.value))


def test_clark_and_west_reject_a_true_null_about_as_often_as_they_say() -> None:
    base, full, gap = nested(slope=0.0)
    rejected = [clark_west(b, f, g, lags=lags_for(FORECAST)).p < 0.05 for b, f, g in zip(base, full, gap, strict=True)]
    assert 0.02 < np.mean(rejected) < 0.08
    assert full.mean() > base.mean()  # the larger model does worse, though nothing is wrong with it


def test_clark_and_west_find_what_is_there() -> None:
    rejected = [clark_west(b, f, g, lags=lags_for(FORECAST)).p < 0.05 for b, f, g in zip(*nested(0.3), strict=True)]
    assert np.mean(rejected) > 0.9


def test_diebold_and_mariano_reject_equal_losses_about_as_often_as_they_say() -> None:
    actual, one, other = np.random.default_rng(2).normal(size=(3, REPEATS, FORECAST))
    losses = (actual - one) ** 2, (actual - other) ** 2
    rejected = [diebold_mariano(a, b, lags=lags_for(FORECAST)).p < 0.05 for a, b in zip(*losses, strict=True)]
    assert 0.03 < np.mean(rejected) < 0.09


def test_the_interval_of_independent_losses_is_that_of_a_mean() -> None:
    full = np.random.default_rng(3).normal(loc=1.0, scale=0.2, size=400)
    interval = r2_interval(full, np.ones(400))
    half = 1.96 * full.std() / math.sqrt(400)
    assert (interval.high - interval.low) / 2 == pytest.approx(half, rel=0.15)
    assert interval.low < out_of_sample_r2(full, np.ones(400)) < interval.high


def test_losses_that_cluster_have_long_blocks_and_a_wide_interval() -> None:
    rng = np.random.default_rng(4)
    noise = rng.normal(size=600)
    clustered = np.empty(600)
    clustered[0] = noise[0]
    for t in range(1, 600):
        clustered[t] = 0.8 * clustered[t - 1] + 0.6 * noise[t]  # of the same variance as the noise
    near, far = (r2_interval(1 + 0.1 * losses, np.ones(600)) for losses in (noise, clustered))
    assert far.block > near.block
    assert far.high - far.low > 1.8 * (near.high - near.low)


def test_equal_forecasts_gain_nothing_for_sure() -> None:
    losses = np.random.default_rng(5).normal(size=50) ** 2
    interval = r2_interval(losses, losses)
    assert (interval.low, interval.high) == (0.0, 0.0)
