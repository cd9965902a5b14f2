"""How much of a test is run: `make test` takes a share of what `make test-all` does, and leaves no promise out.

Tests that say the same once more, on another input, are marked `thorough` and left to `make test-all`.
"""

import os
from collections.abc import Sequence
from itertools import product
from typing import Any, Final

import pytest

THOROUGH: Final = os.environ.get("SENTISCORE_TESTS") == "all"
larger = pytest.mark.larger
"""Marks a test that does more in `make test-all`; hypothesis marks its own."""


def share(quick: int, full: int) -> int:
    """How many times something is tried."""
    return full if THOROUGH else quick


def examples(full: int) -> int:
    """How many examples hypothesis makes: a sixth, and five at least."""
    return share(min(full, max(5, full // 6)), full)


def spread(values: Sequence[Any], quick: int, *, always: Sequence[Any] = ()) -> list[Any]:
    """Parameters of a test, of which a few, spread over all of them, are run by `make test`.

    Args:
        values: All of them.
        quick: How many are always run.
        always: Others that are always run too.
    """
    chosen = {round(i * (len(values) - 1) / max(quick - 1, 1)) for i in range(quick)}
    return [
        value
        if i in chosen or value in always
        else pytest.param(*(value if isinstance(value, tuple) else [value]), marks=pytest.mark.thorough)
        for i, value in enumerate(values)
    ]


def combined(*axes: Sequence[Any]) -> list[Any]:
    """Parameters of a test that combines values: each value in `make test`, each combination in `make test-all`.

    Args:
        axes: The values of each parameter.
    """
    chosen = {tuple(i % len(axis) for axis in axes) for i in range(max(map(len, axes)))}
    return [
        pytest.param(
            *(axis[i] for axis, i in zip(axes, places, strict=True)),
            marks=[] if places in chosen else pytest.mark.thorough,
        )
        for places in product(*(range(len(axis)) for axis in axes))
    ]
