"""The transformer of scikit-learn: what its conventions ask for, as far as texts allow."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import InputTags
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

import sentiscore.sklearn
from sentiscore import CheckpointError, InputError, Scorer, ScorerOptions
from sentiscore.sklearn import SentimentFeatures
from tests.conftest import TEXTS

GIVEN = [*TEXTS, None, "", TEXTS[0]]
COLUMNS = ["p_negative", "p_positive", "sentiment", "tone"]
EXPECTED = {"check_methods_subset_invariance": "a batch of another size may round its sums otherwise, by 1e-6"}
"""Checks that fail, and why."""


class OfNumbers(SentimentFeatures):
    """Writes each row of numbers as a text, so that the checks, which know no texts, reach what is checked."""

    def fit(self, X: Any, y: object = None) -> Any:  # noqa: N803 - scikit-learn's name
        return super().fit(self._written(X, reset=True))

    def transform(self, X: Any) -> Any:  # noqa: N803
        check_is_fitted(self)
        return super().transform(self._written(X, reset=False))

    def _written(self, X: Any, *, reset: bool) -> list[str]:  # noqa: N803
        return [" ".join(f"{value:.3g}" for value in row) for row in validate_data(self, X, reset=reset)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags = InputTags()
        return tags


@pytest.fixture(scope="module")
def wanted(tiny_checkpoint: Path) -> np.ndarray[Any, Any]:
    return Scorer.from_pretrained(tiny_checkpoint).score(GIVEN).select(COLUMNS).to_numpy()


@pytest.mark.parametrize(
    "make",
    [
        list,
        lambda texts: np.array(texts, dtype=object),
        lambda texts: np.array(texts, dtype=object).reshape(-1, 1),
        pl.Series,
        pd.Series,
        lambda texts: pl.DataFrame({"headline": texts}),
        lambda texts: pd.DataFrame({"headline": texts}),
        lambda texts: pl.DataFrame({"headline": texts}).to_arrow(),
    ],
    ids=["list", "array", "column", "polars series", "pandas series", "polars", "pandas", "arrow"],
)
def test_one_column_of_texts_of_any_kind_becomes_numbers(
    tiny_checkpoint: Path, wanted: np.ndarray[Any, Any], make: Callable[[list[Any]], Any]
) -> None:
    made = SentimentFeatures(tiny_checkpoint).fit_transform(make(GIVEN))
    assert (made.dtype, made.shape) == (np.float32, (len(GIVEN), 4))
    np.testing.assert_array_equal(made, wanted)
    assert np.isnan(made).any(axis=1).tolist() == [False] * 5 + [True, True, False]


def test_the_columns_have_names_and_go_into_a_frame(tiny_checkpoint: Path) -> None:
    features = SentimentFeatures(tiny_checkpoint, columns=["tone", "n_tokens"]).fit(GIVEN)
    assert features.get_feature_names_out().tolist() == ["tone", "n_tokens"]
    scored = Scorer.from_pretrained(tiny_checkpoint).score(GIVEN).select("tone", "n_tokens").cast(pl.Float32)
    scored = scored.with_columns(pl.col("tone").fill_null(np.nan))
    assert_frame_equal(features.set_output(transform="polars").transform(GIVEN), scored)
    index = pd.Series(GIVEN, index=[*"abcdefgh"])
    assert features.set_output(transform="pandas").transform(index).index.tolist() == [*"abcdefgh"]


def test_it_is_one_step_of_a_pipeline_over_a_table(tiny_checkpoint: Path) -> None:
    table = pd.DataFrame({"headline": TEXTS * 4, "volume": range(20), "up": [0, 1, 1, 0, 1] * 4})
    columns = ColumnTransformer(
        [("news", SentimentFeatures(tiny_checkpoint), "headline"), ("rest", "passthrough", ["volume"])]
    )
    names = columns.fit(table).get_feature_names_out().tolist()
    assert names == [*(f"news__{name}" for name in COLUMNS), "rest__volume"]
    model = make_pipeline(columns, SimpleImputer(), LogisticRegression())
    assert len(cross_val_score(model, table, table["up"], cv=2, error_score="raise")) == 2
    fitted = model.fit(table, table["up"])
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301 - the test's own
    np.testing.assert_array_equal(again.predict_proba(table), fitted.predict_proba(table))


def test_a_clone_has_the_same_options_and_no_model(tiny_checkpoint: Path) -> None:
    scorer = Scorer.from_pretrained(tiny_checkpoint)
    for model in (tiny_checkpoint, ScorerOptions(model=tiny_checkpoint, max_length=16), scorer):
        fitted = SentimentFeatures(model, columns=["tone"]).fit(GIVEN)
        other = clone(fitted)
        assert (other.columns, hasattr(other, "scorer_")) == (["tone"], False)
        np.testing.assert_array_equal(other.fit_transform(GIVEN), fitted.transform(GIVEN))


def test_a_pickle_holds_no_weights_and_needs_the_same_model(
    make_checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_checkpoint(tmp_path / "model")
    fitted = SentimentFeatures(folder).fit(GIVEN)
    held = pickle.dumps(fitted)
    assert len(held) < 4_000
    again = pickle.loads(held)  # noqa: S301 - the test's own
    np.testing.assert_array_equal(again.transform(GIVEN), fitted.transform(GIVEN))
    make_checkpoint(folder, labels=("negative", "neutral", "positive"))
    with pytest.raises(CheckpointError, match="is not the one that the scorer was pickled with"):
        pickle.loads(held)  # noqa: S301


def test_transform_needs_fit(tiny_checkpoint: Path) -> None:
    with pytest.raises(NotFittedError):
        SentimentFeatures(tiny_checkpoint).transform(GIVEN)
    with pytest.raises(NotFittedError):
        SentimentFeatures(tiny_checkpoint).get_feature_names_out()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), "X has 2 columns"),
        (np.array([["x", "y"]], dtype=object), "X is an array of 2 columns"),
        ([1, 2], "number 0, counted from 0, is 1"),
        ("profit rises", "not one text"),
    ],
    ids=["two columns", "two columns of an array", "numbers", "one text"],
)
def test_what_is_not_one_column_of_texts_is_refused(tiny_checkpoint: Path, given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SentimentFeatures(tiny_checkpoint).fit_transform(given)


def test_only_columns_of_numbers_can_be_chosen(tiny_checkpoint: Path) -> None:
    with pytest.raises(InputError, match=r"no column of numbers 'label'.*\n.*p_negative"):
        SentimentFeatures(tiny_checkpoint, columns=["label"]).fit(GIVEN)


@pytest.fixture(scope="module")
def scorer(tiny_checkpoint: Path) -> Scorer:
    """Stands for the default model, which takes seconds to load."""
    return Scorer.from_pretrained(tiny_checkpoint, dtype="fp32")


@parametrize_with_checks([OfNumbers()], expected_failed_checks=lambda _: EXPECTED)  # type: ignore[untyped-decorator]
def test_the_checks_of_scikit_learn_pass(
    estimator: Any, check: Callable[[Any], None], scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sentiscore.sklearn, "shared_scorer", lambda *_, **__: scorer)
    check(estimator)
