"""The log odds of texts against the formula in Python's own numbers."""

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiscore.tone import FLOOR, LIMIT, log_odds

shares = st.floats(0, 1)


def tone(positive: float, negative: float) -> float:
    frame = pl.DataFrame({"p": [positive], "n": [negative]})
    return float(frame.select(log_odds(pl.col("p"), pl.col("n"))).item())


@given(positive=shares, rest=shares)
def test_tone_is_the_log_of_the_odds_and_changes_its_sign_with_the_classes(positive: float, rest: float) -> None:
    negative = (1 - positive) * rest
    found = tone(positive, negative)
    assert found == pytest.approx(math.log(positive + 1e-3) - math.log(negative + 1e-3), abs=1e-12)
    assert tone(negative, positive) == -found
    assert abs(found) <= math.log(1 + 1 / FLOOR) < LIMIT
    assert found * (positive - negative) >= 0


@given(one=shares, other=shares)
def test_of_two_classes_tone_grows_with_the_odds(one: float, other: float) -> None:
    low, high = sorted([one, other])
    assert tone(low, 1 - low) <= tone(high, 1 - high)


def test_the_limits_are_those_of_texts_that_are_certain() -> None:
    assert tone(1.0, 0.0) == pytest.approx(math.log(1001)) == pytest.approx(6.9088, abs=1e-4)
    assert tone(0.0, 1.0) == -tone(1.0, 0.0)
    assert tone(0.0, 0.0) == 0.0  # of a text that is neutral for certain
    assert round(LIMIT - tone(1.0, 0.0), 2) == 0, "the limit is close"
