"""The tone of a text: the logarithm of the odds that it is positive against negative, from its probabilities."""

from typing import Final

import polars as pl

FLOOR: Final = 1e-3
"""What is added to both probabilities: one below a thousandth is a thousandth or so, since calibration is measured on
too few texts to tell such probabilities apart."""

LIMIT: Final = 6.91
"""No tone is further from 0: the largest is log(1 + 1 / `FLOOR`) = log(1001) = 6.9088."""


def log_odds(p_positive: pl.Expr, p_negative: pl.Expr) -> pl.Expr:
    """log(p_positive + e) - log(p_negative + e) in nats, with the natural logarithm and e = `FLOOR`.

    It has the sign of sentiment, and is exactly negated where the probabilities change places. Of two classes, it grows
    with the odds. The mean over texts is the logarithm of the geometric mean of odds, by which forecasters'
    probabilities are combined: Satopää, Baron, Foster, Mellers, Tetlock and Ungar, Combining multiple probability
    predictions using a simple logit model, International Journal of Forecasting 30 (2014).

    Args:
        p_positive: Calibrated probabilities in [0, 1].
        p_negative: The same.
    """
    return (p_positive + FLOOR).log() - (p_negative + FLOOR).log()
