"""The checks, and how large a change has to be for an alarm.

This module imports nothing heavy, so that the command line can check its arguments before anything is loaded.
"""

import math
from collections.abc import Mapping
from typing import Final

from sentiscore.errors import InputError

THRESHOLDS: Final[Mapping[str, float]] = {
    "sentiment": 0.2,
    "labels": 0.1,
    "confidence": 0.05,
    "length": 0.2,
    "truncated": 0.05,
    "not_mentioned": 0.05,
    "empty": 0.02,
    "null": 0.02,
    "undecodable": 0.01,
    "unknown": 0.02,
    "vocabulary": 0.25,
    "unseen": 0.1,
    "language": 0.1,
    "repeats": 0.1,
    "volume": 1.5,
    "missing_days": 0.0,
}
"""By the name of a check, the value above which it raises an alarm, unless chance alone may give as much."""


def with_thresholds(changes: Mapping[str, float] | None) -> dict[str, float]:
    """All thresholds, with some of them changed.

    Args:
        changes: New thresholds by the name of their check; None for none.

    Raises:
        InputError: A check does not exist, or its threshold is not a number of 0 or more.
    """
    for name, value in (changes or {}).items():
        if name not in THRESHOLDS:
            raise InputError(f"There is no check called {name!r}.", f"The checks are: {', '.join(THRESHOLDS)}.")
        if not (math.isfinite(value) and value >= 0):
            raise InputError(
                f"The threshold of {name} is {value}; a threshold is a number of 0 or more.",
                f"The default is {THRESHOLDS[name]:g}; a very large number means that the check never alarms.",
            )
    return {**THRESHOLDS, **(changes or {})}
