"""Temperature scaling: one number that makes probabilities honest and changes no label."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sentiscore.errors import import_extra

COLDEST: Final = 0.05
HOTTEST: Final = 20.0

Floats = npt.NDArray[np.floating]


def probabilities(logits: Floats, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Softmax of the logits divided by the temperature; shape (rows, labels), each row sums to 1.

    The largest logit is taken away before the division, where the difference is exact: otherwise rounding would
    tell apart two rows whose logits differ by the same amount, and with them the ROC AUC would change.
    """
    wide = logits.astype(np.float64)
    scaled = np.exp((wide - wide.max(axis=1, keepdims=True)) / temperature)
    result: npt.NDArray[np.float64] = scaled / scaled.sum(axis=1, keepdims=True)
    return result


def class_probabilities(logits: Floats, outputs: Sequence[str], temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """The probability of each class, which is the sum of those of the outputs that mean it.

    Args:
        logits: Shape (rows, outputs).
        outputs: The class that each output means.
        temperature: The divisor of the logits.

    Returns:
        Shape (rows, classes), in the order in which the outputs first mean them; each row sums to 1.
    """
    probs = probabilities(logits, temperature)
    classes = dict.fromkeys(outputs)
    if len(classes) == len(outputs):
        return probs
    return np.stack([probs[:, _places(outputs, name)].sum(axis=1) for name in classes], axis=1)


def class_logits(logits: Floats, outputs: Sequence[str], temperature: float = 1.0) -> Floats:
    """A logit for each class, whose softmax at this temperature is `class_probabilities`.

    Args:
        logits: Shape (rows, outputs).
        outputs: The class that each output means.
        temperature: The divisor of the logits.

    Returns:
        Shape (rows, classes); the logits as they are where each output means a class of its own.
    """
    classes = dict.fromkeys(outputs)
    if len(classes) == len(outputs):
        return logits
    wide = logits.astype(np.float64) / temperature
    joined = [_log_sum_exp(wide[:, _places(outputs, name)])[:, 0] for name in classes]
    return (temperature * np.stack(joined, axis=1)).astype(logits.dtype)


def _log_sum_exp(values: Floats) -> Floats:
    """The logarithm of the sum of exponentials of each row, as a column."""
    largest = values.max(axis=1, keepdims=True)
    result: Floats = largest + np.log(np.exp(values - largest).sum(axis=1, keepdims=True))
    return result


def _places(outputs: Sequence[str], name: str) -> list[int]:
    return [i for i, output in enumerate(outputs) if output == name]


def log_loss(temperature: float, *sets: tuple[Floats, npt.NDArray[np.integer]]) -> float:
    """The log loss at a temperature, in nats: the mean over the sets of each set's mean.

    Args:
        temperature: The divisor of the logits.
        sets: See `fit_temperature`.
    """
    return float(np.mean([_log_loss(logits.astype(np.float64) / temperature, labels) for logits, labels in sets]))


def _log_loss(scaled: Floats, labels: npt.NDArray[np.integer]) -> float:
    gaps = scaled - scaled.max(axis=1, keepdims=True)
    log_probs = gaps - np.log(np.exp(gaps).sum(axis=1, keepdims=True))
    return float(-log_probs[np.arange(labels.size), labels].mean())


def fit_temperature(*sets: tuple[Floats, npt.NDArray[np.integer]]) -> float:
    """The temperature with the least log loss on these rows, where each set counts alike.

    Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.

    Args:
        sets: Logits, shape (rows, labels), and the true label of each row as a position, shape (rows,). Sets may
            differ in their labels.

    Returns:
        A number between 0.05 and 20; 1 changes nothing, more makes probabilities less sure.
    """

    def loss(log_temperature: float) -> float:
        return log_loss(float(np.exp(log_temperature)), *sets)

    bounds = (np.log(COLDEST), np.log(HOTTEST))
    return float(
        np.exp(import_extra("scipy.optimize", "train").minimize_scalar(loss, bounds=bounds, method="bounded").x)
    )
