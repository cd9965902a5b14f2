"""Finds out whether a trained model is any better than what needs no training of a network."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sentiscore.checkpoint.manifest import Manifest
from sentiscore.checkpoint.reading import DEFAULT
from sentiscore.errors import SentiscoreWarning
from sentiscore.evaluation.baseline import fit_words
from sentiscore.evaluation.metrics import point_metrics
from sentiscore.tables.labelled import LabelledData

MEASURE: Final = "macro_f1"
"""The figure that decides: accuracy is high for a model that only knows the most frequent class."""
_MOST_ROWS: Final = 20_000
"""The baseline is fitted on at most so many of the training rows, spread evenly."""
WARNING: Final = "The model is no better than a simpler one."


@dataclass(frozen=True)
class Answered:
    """Validation rows and a model's answers to them.

    Attributes:
        classes: The classes of the rows, in order.
        texts: The texts.
        labels: True labels as positions, shape (rows,).
        probs: Probabilities, shape (rows, classes).
    """

    classes: tuple[str, ...]
    texts: Sequence[str]
    labels: npt.NDArray[np.int64]
    probs: npt.NDArray[np.float64]


def baseline_figures(
    train_data: Sequence[LabelledData], answered: Mapping[str, Answered]
) -> dict[str, dict[str, float]]:
    """The figures of TF-IDF with a logistic regression, fitted on the training rows, on each set of validation rows.

    Rows with soft labels count with their most likely label, and mentions are not read.

    Args:
        train_data: Sets of rows that the model learned from.
        answered: The validation rows by the name of their set.

    Returns:
        The figures by the name of the set; empty if nothing can be fitted, since no training text has a word.
    """
    texts = [text for rows in train_data for text in rows.texts]
    names = [name for rows in train_data for name in rows.label_names]
    picked = np.unique(np.linspace(0, len(texts) - 1, min(len(texts), _MOST_ROWS)).astype(np.int64))
    texts, names = [texts[i] for i in picked], [names[i] for i in picked]
    present = sorted(set(names))
    try:
        predict = fit_words(texts, np.array([present.index(name) for name in names], dtype=np.int64))
    except ValueError:
        return {}
    found = {}
    for name, rows in answered.items():
        probs = np.full((len(rows.texts), len(rows.classes)), 1e-9)  # a class without training rows
        known = [i for i, one in enumerate(rows.classes) if one in present]
        probs[:, known] += predict(rows.texts)[:, [present.index(rows.classes[i]) for i in known]]
        found[name] = point_metrics(rows.labels, probs / probs.sum(axis=1, keepdims=True))
    return found


def find_weaknesses(
    figures: Mapping[str, Mapping[str, float | None]],
    baselines: Mapping[str, Mapping[str, float | None]],
    answered: Mapping[str, Answered],
) -> tuple[str, ...]:
    """What a model does no better than something simpler, one sentence for each.

    Args:
        figures: The model's figures by the name of the set of validation rows.
        baselines: Those of the baseline.
        answered: The rows of each set.
    """
    found = []
    for name, rows in answered.items():
        own = figures[name][MEASURE] or 0.0
        other = baselines.get(name, {}).get(MEASURE)
        answers = np.unique(rows.probs.argmax(axis=1))
        if answers.size == 1 and np.unique(rows.labels).size > 1:
            only = rows.classes[answers[0]]
            found.append(f"It answers {only} to each of the {len(rows.texts):,} validation rows of {name}.")
        if other is not None and own <= other and own < 1:
            found.append(
                f"On {name} its macro-F1 is {own:.3f}, and TF-IDF with a logistic regression, fitted on the same "
                f"training rows, has {other:.3f}."
            )
    return tuple(found)


def advice_on(base: str) -> str:
    """What to do about a weak model.

    Args:
        base: The base that it was trained from.
    """
    if base == DEFAULT:
        return "Use the default model as it is, or label more rows."
    return (
        "Train from the default model, which knows sentiment already: --base default. Or label more rows, or train for "
        "longer: --epochs."
    )


def warn_of(manifest: Manifest) -> None:
    """Warn if a trained model has weaknesses."""
    if manifest.weaknesses:
        text = " ".join((WARNING, *manifest.weaknesses, advice_on(manifest.base)))
        warnings.warn(text, SentiscoreWarning, stacklevel=3)
