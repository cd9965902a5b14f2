"""Sentiment inside polars queries: `import sentiscore.polars` registers the namespace `sentiment`.

    pl.col("headline").sentiment.score()            an expression: the columns of scores as a struct
    df.sentiment.daily(time_col="published_at")     for a DataFrame or a LazyFrame: daily features

mypy does not know namespaces that are registered; `ExprSentiment(pl.col("headline")).score()` is the same.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import polars as pl

from sentiscore.features.daily import daily
from sentiscore.features.request import DailyKeywords
from sentiscore.tables.exact import exactly

if TYPE_CHECKING:
    from sentiscore.scoring.options import ScorerOptions
    from sentiscore.scoring.scorer import Scorer

__all__ = ["ExprSentiment", "FrameSentiment", "LazySentiment", "release_models"]


@pl.api.register_expr_namespace("sentiment")
class ExprSentiment:
    """Scores of an expression of texts; `pl.col("headline").sentiment`.

    Args:
        texts: The expression.
    """

    def __init__(self, texts: pl.Expr) -> None:
        self._texts = texts

    def score(
        self,
        model: "str | Path | ScorerOptions | Scorer" = "default",
        *,
        target: pl.Expr | str | None = None,
        targets: str | Path | None = None,
    ) -> pl.Expr:
        """Score texts, as a struct of the columns that `Scorer.score` gives; `.struct.unnest()` makes columns of it.

        The model is loaded here, once per process: expressions share it. Each row is scored by itself, so polars may
        stream the column in parts, and groups and windows do not change a score. Equal texts of a part are scored once.

        Args:
            model: "default" (inside the package), a folder, a hub id, everything about the model, or a loaded scorer.
            target: What the sentiment of each text is towards, for a model that reads targets: a column by its name, or
                an expression of text or integers, such as `pl.lit("Gold")`. See `Scorer.score`.
            targets: A table of the names that the text may use for a target, with the columns entity and name.

        Raises:
            CheckpointError: The model cannot be found or loaded.
            InputError: The model cannot read targets, or the table cannot be used. Where the query is run, also if the
                expression holds neither text nor categories.
        """
        from sentiscore.scoring.expression import scores_of
        from sentiscore.scoring.shared import shared_scorer
        from sentiscore.scoring.target_names import names_of

        towards = exactly(target) if isinstance(target, str) else target
        names = names_of(targets, None if towards is None else "target").names
        return scores_of(shared_scorer(model, stacklevel=3), self._texts, towards, names)


@pl.api.register_dataframe_namespace("sentiment")
class FrameSentiment:
    """Daily features of a frame of scored rows; `frame.sentiment`.

    Args:
        frame: The frame.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def daily(self, **options: Unpack[DailyKeywords]) -> pl.DataFrame:
        """The same as `features.daily(frame, **options)`."""
        given: dict[str, Any] = {**options}
        return daily(self._frame, **given)


@pl.api.register_lazyframe_namespace("sentiment")
class LazySentiment:
    """Daily features of a query of scored rows; `lazy.sentiment`.

    Args:
        frame: The query.
    """

    def __init__(self, frame: pl.LazyFrame) -> None:
        self._frame = frame

    def daily(self, **options: Unpack[DailyKeywords]) -> pl.LazyFrame:
        """The same as `features.daily(lazy, **options)`: a query, for which only the needed columns are collected."""
        given: dict[str, Any] = {**options}
        return daily(self._frame, **given)


def release_models() -> None:
    """Forget the models that expressions and transformers share, so that memory is freed where none uses them.

    The two that were used last are kept until then; a query or a transformer keeps its own.
    """
    from sentiscore.scoring.kept import release

    release()
