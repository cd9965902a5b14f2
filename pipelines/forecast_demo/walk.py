"""Walk-forward forecasts: least squares, refitted along the way."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl
from sklearn.linear_model import LinearRegression

MEAN: Final = "historical mean"


def walk_forward(
    rows: pl.DataFrame,
    *,
    models: Mapping[str, Sequence[str]],
    first: int,
    refit_every: int,
    embargo: int,
) -> pl.DataFrame:
    """Forecast every period from `first` with models that only know earlier periods.

    Args:
        rows: `unique_id`, `period` (an integer), `y` (null without a target) and the regressors, all of which were
            known before the period.
        models: The regressors of each model, by its name.
        first: The first period to forecast.
        refit_every: The number of periods that are forecast before the models are fitted again.
        embargo: The number of periods before the first of these that are left out of the training window.

    Returns:
        `unique_id`, `period`, `y`, a column of forecasts for each model, and one for the mean of the entity's targets
        in the training window.
    """
    known = rows.drop_nulls("y")
    last = int(known["period"].max())  # type: ignore[arg-type]
    blocks = []
    for start in range(first, last + 1, refit_every):
        train = known.filter(pl.col("period") < start - embargo)
        block = known.filter(pl.col("period").is_between(start, start + refit_every, closed="left"))
        if block.is_empty():
            continue
        means = train.group_by("unique_id").agg(pl.col("y").mean().alias(MEAN))
        forecasts = block.select("unique_id", "period", "y").join(
            means, on="unique_id", how="left", maintain_order="left"
        )
        blocks.append(
            forecasts.with_columns(
                pl.Series(
                    name,
                    LinearRegression()
                    .fit(train.select(columns).to_numpy(), train["y"].to_numpy())
                    .predict(block.select(columns).to_numpy()),
                )
                for name, columns in models.items()
            )
        )
    return pl.concat(blocks)


def period_losses(forecasts: pl.DataFrame, model: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The squared error of each period, averaged over its entities."""
    return _by_period(forecasts, (pl.col("y") - pl.col(model)) ** 2)


def period_gaps(forecasts: pl.DataFrame, one: str, other: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The squared difference of two forecasts in each period, averaged over its entities."""
    return _by_period(forecasts, (pl.col(one) - pl.col(other)) ** 2)


def _by_period(forecasts: pl.DataFrame, value: pl.Expr) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return forecasts.group_by("period").agg(value.mean().alias("v")).sort("period")["v"].to_numpy()
