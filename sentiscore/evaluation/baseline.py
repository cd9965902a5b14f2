"""The baseline that a model has to beat: word counts and a linear classifier."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sentiscore.errors import InputError, import_extra
from sentiscore.tables.labelled import LabelledData

_MOST_CHARACTERS: Final = 1 << 20
"""Only this many characters of a text are used: counting needs a hundred bytes for each word and pair."""


def fit_baseline(data: LabelledData, classes: Sequence[str]) -> Callable[[Sequence[str]], npt.NDArray[np.float64]]:
    """Fit a logistic regression on TF-IDF of words and word pairs; of very long texts only the beginning is used.

    Args:
        data: Rows to fit on.
        classes: Label names in the order of the probabilities.

    Returns:
        A function from texts to probabilities, shape (texts, classes).

    Raises:
        InputError: The rows do not have exactly these classes.
        MissingExtraError: scikit-learn is not installed.
    """
    if set(data.label_names) != set(classes):
        raise InputError(
            f"{data.name} has the classes {', '.join(sorted(set(data.label_names)))}, "
            f"but the rows to evaluate on need {', '.join(classes)}.",
            "Fit the baseline on rows with the same classes, or leave it out.",
        )
    return fit_words(data.texts, data.ids(classes))


def fit_words(
    texts: Sequence[str], labels: npt.NDArray[np.int64]
) -> Callable[[Sequence[str]], npt.NDArray[np.float64]]:
    """Fit the same on texts and labels alone.

    Args:
        texts: The texts.
        labels: The label of each, as a number, shape (texts,).

    Returns:
        A function from texts to the probabilities of the labels that occur, in order, shape (texts, labels).

    Raises:
        ValueError: No text has a word, or there is only one label.
        MissingExtraError: scikit-learn is not installed.
    """
    words = import_extra("sklearn.feature_extraction.text", "evaluate")
    linear = import_extra("sklearn.linear_model", "evaluate")
    pipeline = import_extra("sklearn.pipeline", "evaluate").make_pipeline(
        words.TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), linear.LogisticRegression(C=10.0, max_iter=1000)
    )
    pipeline.fit(_beginnings(texts), labels)

    def predict(texts: Sequence[str]) -> npt.NDArray[np.float64]:
        result: npt.NDArray[np.float64] = pipeline.predict_proba(_beginnings(texts))
        return result

    return predict


def _beginnings(texts: Sequence[str]) -> list[str]:
    return [text[:_MOST_CHARACTERS] for text in texts]
