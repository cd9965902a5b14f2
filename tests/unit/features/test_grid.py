"""What counts as whole numbers, and how a few of several things are shown."""

from typing import Any

import numpy as np
import pytest

from sentiscore.features.grid import whole_numbers
from sentiscore.features.panel.ahead import some


@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        (3, [3]),
        ([1, 2], [1, 2]),
        (np.array([4, 5]), [4, 5]),
        ([], []),
        ([1, "2"], None),
        ([1, 2.5], None),
        ([1, True], None),
        ("12", None),
        (None, None),
    ],
)
def test_numbers_are_whole_if_each_of_them_is(given: Any, numbers: list[int] | None) -> None:
    assert whole_numbers(given) == numbers


def test_dots_stand_for_what_is_left_out_and_for_nothing_else() -> None:
    assert some(["a", "b", "c"], most=3) == "a, b, c"
    assert some(["a", "b", "c"], most=2) == "a, b, ..."
