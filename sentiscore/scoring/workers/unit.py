"""The unit of work: the texts of a window, which any process with the model can score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from sentiscore.scoring.job_windows import Window
from sentiscore.scoring.mentions import Targets
from sentiscore.scoring.planned import JobRequest
from sentiscore.tables.exact import series_of


@dataclass(frozen=True)
class Unit:
    """The texts of some consecutive rows of an output.

    Attributes:
        position: How many rows of all sources come before them.
        texts: The texts; null where the bytes are not text, shape (rows,).
        targets: What the sentiment of each is towards, shape (rows,); None for whole texts.
        starts: The first row of each source's part, in ascending order from 0.
    """

    position: int
    texts: pl.Series
    targets: pl.Series | None
    starts: tuple[int, ...]

    def towards(self, names: Mapping[str, Sequence[str]]) -> Targets | None:
        """The targets with the names of entities; None for whole texts."""
        return None if self.targets is None else Targets(self.targets, names)


@dataclass(frozen=True)
class Scored:
    """The result of a unit.

    Attributes:
        position: The position of the unit.
        scores: One row for each of its rows.
        texts: How many distinct texts of each source's part went through the model, and how many were known.
    """

    position: int
    scores: pl.DataFrame
    texts: list[tuple[int, int]]


def unit_of(window: Window, request: JobRequest) -> Unit:
    """The unit of a window.

    Args:
        window: The rows.
        request: The options of the job.
    """
    texts, undecodable = series_of(window.rows, request.text_col), window.undecodable(request.text_col)
    if undecodable.any():
        texts = texts.cast(pl.String).zip_with(~undecodable, pl.Series([None], dtype=pl.String))
    target_col = request.rows.target_col
    targets = None if target_col is None else series_of(window.rows, target_col)
    return Unit(window.position, texts, targets, tuple(span.offset for span in window.spans))
