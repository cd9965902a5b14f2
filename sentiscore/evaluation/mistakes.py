"""The rows that a model was most wrong about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

MOST: Final = 20
"""How many are kept."""


@dataclass(frozen=True)
class Mistake:
    """A row that a model got wrong.

    Attributes:
        text: Its text.
        mention: What its label is about; None for the whole text.
        label: Its label.
        predicted: What the model says.
        p_label: The probability that the model gives the label.
    """

    text: str
    mention: str | None
    label: str
    predicted: str
    p_label: float


def worst_mistakes(
    rows: Sequence[tuple[str, str | None]],
    classes: Sequence[str],
    labels: npt.NDArray[np.int64],
    probs: npt.NDArray[np.float64],
) -> tuple[Mistake, ...]:
    """The mistakes in which the label had the least probability, the worst first, and equal ones in the order of rows.

    Args:
        rows: The text and the mention of each row.
        classes: The names of the classes.
        labels: True labels as positions, shape (rows,).
        probs: Probabilities, shape (rows, classes).
    """
    predicted = probs.argmax(axis=1)
    of_label = probs[np.arange(labels.size), labels]
    wrong = [int(i) for i in np.argsort(of_label, kind="stable") if predicted[i] != labels[i]]
    return tuple(Mistake(*rows[i], classes[labels[i]], classes[predicted[i]], float(of_label[i])) for i in wrong[:MOST])
