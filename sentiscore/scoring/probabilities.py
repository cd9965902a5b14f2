"""Logits -> probabilities of classes, at a temperature; pure."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


def probabilities(logits: Floats, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Softmax of the logits divided by the temperature; shape (rows, labels), each row sums to 1.

    The largest logit is subtracted before the division, while the difference is exact: otherwise rounding would
    distinguish two rows whose logits differ by the same amount, which would change the ROC AUC.
    """
    wide = logits.astype(np.float64)
    scaled = np.exp((wide - wide.max(axis=1, keepdims=True)) / temperature)
    result: npt.NDArray[np.float64] = scaled / scaled.sum(axis=1, keepdims=True)
    return result


def class_probabilities(logits: Floats, outputs: Sequence[str], temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """The probability of each class, which is the sum over the outputs that mean it.

    Args:
        logits: Shape (rows, outputs).
        outputs: The class of each output.
        temperature: The divisor of the logits.

    Returns:
        Shape (rows, classes), in the order in which the outputs first mean them; each row sums to 1.
    """
    probs = probabilities(logits, temperature)
    classes = dict.fromkeys(outputs)
    if len(classes) == len(outputs):
        return probs
    return np.stack([probs[:, _columns_meaning(outputs, name)].sum(axis=1) for name in classes], axis=1)


def class_logits(logits: Floats, outputs: Sequence[str], temperature: float = 1.0) -> Floats:
    """A logit for each class, whose softmax at this temperature is `class_probabilities`.

    Args:
        logits: Shape (rows, outputs).
        outputs: The class of each output.
        temperature: The divisor of the logits.

    Returns:
        Shape (rows, classes); the unchanged logits if each output means a different class.
    """
    classes = dict.fromkeys(outputs)
    if len(classes) == len(outputs):
        return logits
    wide = logits.astype(np.float64) / temperature
    joined = [np.logaddexp.reduce(wide[:, _columns_meaning(outputs, name)], axis=1) for name in classes]
    return (temperature * np.stack(joined, axis=1)).astype(logits.dtype)


def _columns_meaning(outputs: Sequence[str], name: str) -> list[int]:
    return [i for i, output in enumerate(outputs) if output == name]
