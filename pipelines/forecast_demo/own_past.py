"""A series' own past as regressors, made by mlforecast."""

from collections.abc import Sequence

import polars as pl
from mlforecast import MLForecast
from mlforecast.lag_transforms import RollingMean


def with_own_past(
    rows: pl.DataFrame, *, lags: Sequence[int], windows: Sequence[int] = ()
) -> tuple[pl.DataFrame, list[str]]:
    """Add lags of `y`, and its means over windows that end one period ago.

    Args:
        rows: `unique_id`, `period` without gaps, `y` and any other columns. If `y` is null, the lags use its last
            value, and the row has no target.
        lags: The lags in periods.
        windows: The lengths of the windows in periods.

    Returns:
        The rows with a complete past, and the names of the new columns.
    """
    filled = rows.with_columns(pl.col("y").forward_fill().over("unique_id", order_by="period")).drop_nulls("y")
    makes_lags = MLForecast(
        models=[], freq=1, lags=list(lags), lag_transforms={1: [RollingMean(window) for window in windows]}
    )
    made = makes_lags.preprocess(
        filled.select("unique_id", "period", "y"),
        id_col="unique_id",
        time_col="period",
        target_col="y",
        static_features=[],
    )
    past = [name for name in made.columns if name not in {"unique_id", "period", "y"}]
    return rows.join(made.drop("y"), on=["unique_id", "period"], how="inner").sort("unique_id", "period"), past
