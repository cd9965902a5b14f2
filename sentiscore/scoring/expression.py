"""Scoring as a step of a polars query, which polars runs on whole columns or, when it streams, on parts of them."""

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore import forks
from sentiscore.labels import names_beside
from sentiscore.scoring.mentions import Targets
from sentiscore.scoring.prepared import Prepared
from sentiscore.scoring.texts import as_texts
from sentiscore.tables.exact import exactly

_SCORES: Final = "scores"
_AT_WORK: Final = threading.Lock()
"""Parts of a column come in several threads, and computing uses all cores. Nothing of polars runs while it is held: the
threads of polars could otherwise wait for each other."""


class Stepwise(Protocol):
    """A scorer, step by step."""

    def prepare(self, texts: pl.Series, targets: Targets | None = None) -> Prepared:
        """Find the distinct texts, and encode them."""

    def compute(self, prepared: Prepared) -> npt.NDArray[np.float32]:
        """Compute logits."""

    def finish(self, prepared: Prepared, logits: npt.NDArray[np.float32]) -> pl.DataFrame:
        """Make columns of them."""


Names = Mapping[str, Sequence[str]]


def scores_of(scorer: Stepwise, texts: pl.Expr, targets: pl.Expr | None = None, names: Names | None = None) -> pl.Expr:
    """An expression of the columns of scores, as a struct.

    Args:
        scorer: The model.
        texts: The texts.
        targets: What the sentiment of each is towards; None for the whole texts.
        names: The names of entities.
    """
    dtype = pl.Struct(_scored(scorer, *_nothing(targets is not None)).schema)
    if targets is None:
        return texts.map_batches(partial(_of_texts, scorer), return_dtype=dtype, is_elementwise=True)
    towards = partial(_towards, scorer, names or {})
    return pl.map_batches([texts, targets], towards, return_dtype=dtype, is_elementwise=True)


def with_scores(
    scorer: Stepwise, frame: pl.LazyFrame, text_col: str, target_col: str | None, names: Names, prefix: str
) -> pl.LazyFrame:
    """A query with the columns of scores at its end.

    Args:
        scorer: The model.
        frame: The query.
        text_col: Its column of texts.
        target_col: Its column of what the sentiment of each is towards, if there is one.
        names: The names of entities.
        prefix: Put before the name of each added column.
    """
    columns, name = frame.collect_schema(), _SCORES
    while name in columns:
        name += "_"
    scores = scores_of(scorer, exactly(text_col), None if target_col is None else exactly(target_col), names)
    fields = _scored(scorer, *_nothing(target_col is not None)).columns
    added = names_beside(columns.names(), fields, prefix)
    return frame.with_columns(scores.struct.rename_fields([*added.values()]).alias(name)).unnest(name)


def _nothing(has_targets: bool) -> tuple[pl.Series, Targets | None]:
    nothing = pl.Series(dtype=pl.String)
    return nothing, Targets(nothing, {}) if has_targets else None


def _of_texts(scorer: Stepwise, texts: pl.Series) -> pl.Series:
    forks.check()
    return _scored(scorer, as_texts(texts)).to_struct(texts.name)


def _towards(scorer: Stepwise, names: Names, given: Sequence[pl.Series]) -> pl.Series:
    forks.check()
    rows = max((column.len() for column in given if column.len() != 1), default=min(c.len() for c in given))
    texts, targets = (column if column.len() == rows else column.new_from_index(0, rows) for column in given)
    values = targets if targets.dtype.is_integer() else as_texts(targets, "target")
    return _scored(scorer, as_texts(texts), Targets(values, names)).to_struct(given[0].name)


def _scored(scorer: Stepwise, texts: pl.Series, targets: Targets | None = None) -> pl.DataFrame:
    prepared = scorer.prepare(texts, targets)
    with _AT_WORK:
        logits: Any = scorer.compute(prepared)
    return scorer.finish(prepared, logits)
