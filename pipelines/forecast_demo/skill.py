"""Tests of whether one forecast is better than another, from the losses of each period."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from arch.bootstrap import StationaryBootstrap, optimal_block_length
from scipy import stats
from statsmodels.regression.linear_model import OLS

Losses = npt.NDArray[np.float64]

RESAMPLES: Final = 2000
SEED: Final = 0


@dataclass(frozen=True)
class Statistic:
    """A test statistic and its p-value."""

    value: float
    p: float


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, and the expected block length of its bootstrap."""

    low: float
    high: float
    block: float


def out_of_sample_r2(losses: Losses, benchmark: Losses) -> float:
    """The share of the benchmark's squared error that the forecast removes (Campbell and Thompson 2008)."""
    return float(1 - losses.sum() / benchmark.sum())


def lags_for(periods: int, horizon: int = 1) -> int:
    """The number of autocovariances in the long-run variance of this many periods."""
    return max(horizon - 1, int(4 * (periods / 100) ** (2 / 9)))


def mean_over_error(values: Losses, lags: int) -> float:
    """A mean divided by its standard error, from Newey and West's long-run variance."""
    fit = OLS(values, np.ones(len(values))).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "kernel": "bartlett", "use_correction": False}
    )
    return float(fit.tvalues[0])


def clark_west(base: Losses, full: Losses, gap: Losses, *, lags: int) -> Statistic:
    """Clark and West's (2007) test of a model against a smaller one that is nested in it, one-sided.

    If the additional regressors are useless, the larger model's error is still larger, by the noise of estimating their
    coefficients. The mean of the squared gap between the two forecasts estimates that noise, and is subtracted.

    Args:
        base: Squared errors of the smaller model, by period.
        full: Squared errors of the larger one.
        gap: Squared differences between the two forecasts.
        lags: The number of autocovariances in the long-run variance.
    """
    value = mean_over_error(base - (full - gap), lags)
    return Statistic(value, float(stats.norm.sf(value)))


def diebold_mariano(base: Losses, full: Losses, *, horizon: int = 1, lags: int = 0) -> Statistic:
    """Diebold and Mariano's (1995) test of equal losses, two-sided; above 0 the second forecast is better.

    It uses the small-sample factor and Student's t of Harvey, Leybourne and Newbold (1997).
    """
    n, h = len(base), horizon
    factor = np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    value = float(factor * mean_over_error(base - full, lags))
    return Statistic(value, float(2 * stats.t.sf(abs(value), n - 1)))


def r2_interval(full: Losses, base: Losses) -> Interval:
    """The interval of the out-of-sample R², from resampled blocks of periods."""
    saved = base - full
    # losses that never differ have no autocorrelation from which to derive a length
    found = float(optimal_block_length(saved)["stationary"].iloc[0]) if np.ptp(saved) > 0 else 1.0
    block = max(1.0, found)
    bootstrap = StationaryBootstrap(block, full, base, seed=SEED)
    low, high = bootstrap.conf_int(out_of_sample_r2, reps=RESAMPLES, method="percentile")[:, 0]
    return Interval(float(low), float(high), block)
