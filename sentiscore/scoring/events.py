"""What a scoring job reports while it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SCORING: Final = "scoring"
FINISHING: Final = "finishing"
"""The phases of a job for an output, in order."""


@dataclass(frozen=True)
class RowsDone:
    """More rows were scored.

    Attributes:
        done: The number of scored rows, over all outputs.
        total: The total number of rows.
    """

    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class WindowDone:
    """A window was durably finished, or its part of one file if it has rows of several.

    Attributes:
        output: The output of its rows; the text of its address if it is in an object store, as for all of these.
        source: The file of its rows.
        position: How many rows of that file come before these.
        rows: The number of rows read.
        n_rejected: The number of rows set aside.
        statuses: The number of rows by status, for statuses that occur.
        texts_scored: Texts that went through the model; a text in several files of a window counts in the first.
        texts_known: Texts whose answers were taken from the store; likewise.
        resumed: Whether an earlier run finished its scores.
    """

    output: Path | str
    source: Path | str
    position: int
    rows: int
    n_rejected: int
    statuses: dict[str, int]
    texts_scored: int
    texts_known: int
    resumed: bool


@dataclass(frozen=True)
class PhaseBegun:
    """A phase began for an output.

    Attributes:
        output: The output.
        phase: "scoring" its rows, or "finishing" it.
    """

    output: Path | str
    phase: str


Event = RowsDone | WindowDone | PhaseBegun
OnEvent = Callable[[Event], None]
OnProgress = Callable[[int, int | None], None]
OnWindow = Callable[[WindowDone], None]
OnPhase = Callable[[Path | str, str], None]
