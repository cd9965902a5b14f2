"""Sentiment as columns of numbers in a scikit-learn pipeline."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore import labels as names
from sentiscore.errors import InputError, import_extra
from sentiscore.frames import in_polars, is_frame, kind_of
from sentiscore.scoring.options import ScorerOptions
from sentiscore.scoring.scorer import Scorer
from sentiscore.scoring.shared import shared_scorer

import_extra("sklearn", "sklearn")

from sklearn.base import BaseEstimator, TransformerMixin  # noqa: E402 - a missing extra is an error that names it
from sklearn.utils.validation import check_is_fitted  # noqa: E402

__all__ = ["SentimentFeatures"]

_ONE_COLUMN: Final = "Choose one column of texts, for example with ColumnTransformer([('news', ..., 'headline')])."
_NO_NUMBERS: Final = (names.LABEL, names.STATUS)
_TWO_D: Final = 2


class SentimentFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn is not typed
    """Scores of one column of texts, as numbers.

    The model is trained already, so `fit` learns nothing from the texts: it loads the model, once per process. A pickle
    holds the model's origin and hash, not its weights. Texts without scores (missing, blank or unknown to the model)
    have NaN, which an imputer or a model such as HistGradientBoostingClassifier takes.

    Args:
        model: "default" (inside the package), a folder, a hub id, everything about the model, or a loaded scorer.
        columns: The columns to give, of those of `Scorer.score` that hold numbers. By default the probabilities,
            sentiment and tone.

    Attributes:
        scorer_: The loaded model.
        columns_: The columns that `transform` gives, in order.
    """

    def __init__(
        self, model: str | Path | ScorerOptions | Scorer = "default", *, columns: Sequence[str] | None = None
    ) -> None:
        self.model = model
        self.columns = columns

    def fit(self, X: Any, y: object = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Load the model, and check the columns.

        Args:
            X: Texts: a list, an array or a series, or a frame or an array with one column.
            y: Not used.

        Raises:
            CheckpointError: The model cannot be found or loaded.
            InputError: A column does not exist or holds no numbers, or there is more than one column of texts.
        """
        _texts_of(X)
        self.scorer_ = shared_scorer(self.model, stacklevel=3)
        there = [column for column in self.scorer_.columns if column not in _NO_NUMBERS]
        usual = [name for name in there if name.startswith("p_") or name in (names.SENTIMENT, names.TONE)]
        self.columns_ = usual if self.columns is None else list(self.columns)
        if wrong := [column for column in self.columns_ if column not in there]:
            raise InputError(f"There is no column of numbers {wrong[0]!r}.", f"The columns are: {', '.join(there)}.")
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float32]:  # noqa: N803
        """Score texts.

        Args:
            X: As for `fit`.

        Returns:
            Shape (texts, columns); NaN where a text has no scores.

        Raises:
            InputError: An item is neither a text nor missing, or there is more than one column.
        """
        check_is_fitted(self)
        scores = self.scorer_.score(_texts_of(X)).select(pl.col(self.columns_).cast(pl.Float32))
        return scores.to_numpy(order="c").astype(np.float32, copy=False)

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:
        """The names of the columns.

        Args:
            input_features: Not used: the names do not depend on that of the texts.
        """
        check_is_fitted(self)
        return np.array(self.columns_, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _texts_of(X: Any) -> Iterable[object]:  # noqa: N803
    """The texts, of whatever holds them."""
    if is_frame(X):
        found = in_polars(X, "X")
        if found.width != 1:
            raise InputError(f"X has {found.width} columns, and one is scored.", _ONE_COLUMN)
        return found.to_series()
    shape = getattr(X, "shape", None)
    if shape is not None and len(shape) == _TWO_D:
        if not isinstance(X, np.ndarray):
            raise InputError(f"X is a {kind_of(X)}, which holds no texts.", _ONE_COLUMN)
        if shape[1] != 1:
            raise InputError(f"X is an array of {shape[1]} columns, and one column of texts is scored.", _ONE_COLUMN)
        texts: Iterable[object] = X[:, 0]
        return texts
    given: Iterable[object] = X
    return given
