"""A walk forward must not see what lies ahead."""

import numpy as np
import polars as pl
import pytest

from skill import clark_west, lags_for
from walk import MEAN, period_gaps, period_losses, walk_forward

MODELS = {"small": ["x"], "large": ["x", "z"]}


@pytest.fixture
def rows() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"unique_id": ["a"] * 60 + ["b"] * 60, "period": [*range(60)] * 2})
    x, z, noise = rng.normal(size=(3, 120))
    return frame.with_columns(x=pl.Series(x), z=pl.Series(z), y=pl.Series(2 * x + noise))


def walk(rows: pl.DataFrame) -> pl.DataFrame:
    return walk_forward(rows, models=MODELS, first=30, refit_every=10, embargo=3).sort("unique_id", "period")


def test_every_period_from_the_first_on_is_forecast_once(rows: pl.DataFrame) -> None:
    assert walk(rows).select("unique_id", "period").rows() == [(name, t) for name in "ab" for t in range(30, 60)]


def test_a_forecast_is_that_of_a_regression_on_the_training_window(rows: pl.DataFrame) -> None:
    window = rows.filter(pl.col("period") < 27)
    design = np.column_stack([np.ones(window.height), window["x"]])
    intercept, slope = np.linalg.lstsq(design, window["y"].to_numpy(), rcond=None)[0]
    first = rows.filter(pl.col("period") == 30)["x"].to_numpy()
    made = walk(rows).filter(pl.col("period") == 30)
    assert made["small"].to_numpy() == pytest.approx(intercept + slope * first)
    means = window.group_by("unique_id").agg(pl.col("y").mean()).sort("unique_id")["y"]
    assert made[MEAN].to_list() == pytest.approx(means.to_list())


@pytest.mark.parametrize("changed_from", [27, 30, 40])
def test_no_forecast_knows_the_targets_of_its_embargo_or_later(rows: pl.DataFrame, changed_from: int) -> None:
    after = pl.col("period") >= changed_from
    changed = rows.with_columns(pl.when(after).then(pl.lit(1e6)).otherwise("y").alias("y"))
    unseen = pl.col("period") < (changed_from + 3) // 10 * 10 + 10  # blocks that were fitted before
    forecasts = [MEAN, *MODELS]
    assert walk(changed).filter(unseen).select(forecasts).equals(walk(rows).filter(unseen).select(forecasts))
    assert not walk(changed).select(forecasts).equals(walk(rows).select(forecasts))


def test_a_row_without_a_target_is_neither_learned_from_nor_scored(rows: pl.DataFrame) -> None:
    holes = rows.with_columns(pl.when(pl.col("period").is_in([5, 35])).then(None).otherwise("y").alias("y"))
    without = rows.filter(~pl.col("period").is_in([5, 35]))
    assert walk(holes).equals(walk(without))


def test_losses_are_averaged_over_the_entities_of_a_period() -> None:
    made = pl.DataFrame({"period": [1, 2, 1], "y": [0.0, 1.0, 0.0], "f": [1.0, 1.0, 3.0], "g": [0.0, 0.0, 0.0]})
    assert period_losses(made, "f").tolist() == [5.0, 0.0]
    assert period_gaps(made, "f", "g").tolist() == [5.0, 1.0]


def test_tickers_that_move_together_do_not_make_the_test_too_sure() -> None:
    rng = np.random.default_rng(11)
    tickers, periods, repeats = 20, 300, 80
    by_period, as_if_independent = [], []
    for _ in range(repeats):
        y = rng.normal(size=(periods, 1)) + rng.normal(size=(periods, tickers))
        x = rng.normal(size=(periods, 1)).cumsum(axis=0) / 5 + rng.normal(size=(periods, tickers))
        rows = pl.DataFrame(
            {
                "unique_id": np.tile(np.arange(tickers), periods),
                "period": np.repeat(np.arange(periods), tickers),
                "y": y.ravel(),
                "past": np.vstack([np.zeros(tickers), y[:-1]]).ravel(),
                "x": x.ravel(),
            }
        )
        models = {"small": ["past"], "large": ["past", "x"]}
        made = walk_forward(rows, models=models, first=150, refit_every=21, embargo=5)
        small, large = (period_losses(made, name) for name in models)
        test = clark_west(small, large, period_gaps(made, "small", "large"), lags=lags_for(len(small)))
        by_period.append(test.p < 0.05)
        each = made.select(((pl.col("y") - pl.col(name)) ** 2).alias(name) for name in models)
        gap = (made["small"] - made["large"]) ** 2
        pooled = clark_west(each["small"].to_numpy(), each["large"].to_numpy(), gap.to_numpy(), lags=0)
        as_if_independent.append(pooled.p < 0.05)
    assert np.mean(by_period) < 0.1
    assert np.mean(as_if_independent) > 0.15
