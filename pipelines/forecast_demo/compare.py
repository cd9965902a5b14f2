"""All figures of one comparison, and the correction for all comparisons together."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import polars as pl
from statsmodels.stats.multitest import multipletests

from skill import Interval, Statistic, clark_west, diebold_mariano, lags_for, out_of_sample_r2, r2_interval
from walk import MEAN, period_gaps, period_losses

LEVEL: Final = 0.05


@dataclass(frozen=True)
class Comparison:
    """A model against a smaller one that is nested in it.

    Attributes:
        target: The name of the target.
        full: The name of the larger model.
        base: The name of the smaller one.
        periods: The number of periods that were forecast.
        forecasts: The number of forecasts, one for each entity and period.
        r2: Out-of-sample R² of the larger model against the smaller one.
        interval: Its bootstrap interval.
        r2_full: R² of the larger model against the historical mean.
        r2_base: R² of the smaller model against the historical mean.
        clark_west: Clark and West's test.
        diebold_mariano: Diebold and Mariano's test.
    """

    target: str
    full: str
    base: str
    periods: int
    forecasts: int
    r2: float
    interval: Interval
    r2_full: float
    r2_base: float
    clark_west: Statistic
    diebold_mariano: Statistic


def compare(target: str, forecasts: pl.DataFrame, *, full: str, base: str, horizon: int = 1) -> Comparison:
    """Compare two columns of forecasts, of which the second is nested in the first."""
    of_full, of_base, of_mean = (period_losses(forecasts, name) for name in (full, base, MEAN))
    lags = lags_for(len(of_full), horizon)
    return Comparison(
        target=target,
        full=full,
        base=base,
        periods=len(of_full),
        forecasts=forecasts.height,
        r2=out_of_sample_r2(of_full, of_base),
        interval=r2_interval(of_full, of_base),
        r2_full=out_of_sample_r2(of_full, of_mean),
        r2_base=out_of_sample_r2(of_base, of_mean),
        clark_west=clark_west(of_base, of_full, period_gaps(forecasts, base, full), lags=lags),
        diebold_mariano=diebold_mariano(of_base, of_full, horizon=horizon, lags=lags),
    )


def judge(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Each comparison with its p-value after Holm's correction for all of them, and the verdict."""
    corrected = multipletests([one.clark_west.p for one in comparisons], alpha=LEVEL, method="holm")[1]
    return [
        asdict(one) | {"holm_p": float(p), "gain": bool(p < LEVEL and one.interval.low > 0)}
        for one, p in zip(comparisons, corrected, strict=True)
    ]
