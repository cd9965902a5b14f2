"""What a scoring job reports while it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SCORING: Final = "scoring"
FINISHING: Final = "finishing"
"""What a job does for an output, one after the other."""


@dataclass(frozen=True)
class RowsDone:
    """Some more rows are scored.

    Attributes:
        done: Rows of all outputs that are scored.
        total: Rows that there are.
    """

    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class WindowDone:
    """A window that is finished for good, or its part of one file where it has rows of several.

    Attributes:
        output: The output that its rows go to.
        source: The file that they come from.
        position: How many rows of that file come before them.
        rows: Rows read.
        n_rejected: Rows that were set aside.
        statuses: Rows by status, those that occur.
        texts_scored: Texts that went through the model; one that several files of a window have counts in the first.
        texts_known: Texts whose answers were taken from the store; likewise.
        resumed: Whether its scores were finished by a run before this one.
    """

    output: Path
    source: Path
    position: int
    rows: int
    n_rejected: int
    statuses: dict[str, int]
    texts_scored: int
    texts_known: int
    resumed: bool


@dataclass(frozen=True)
class PhaseBegun:
    """Something begins for an output.

    Attributes:
        output: The output.
        phase: "scoring" its rows, or "finishing" it.
    """

    output: Path
    phase: str


Event = RowsDone | WindowDone | PhaseBegun
OnEvent = Callable[[Event], None]
OnProgress = Callable[[int, int | None], None]
OnWindow = Callable[[WindowDone], None]
OnPhase = Callable[[Path, str], None]
