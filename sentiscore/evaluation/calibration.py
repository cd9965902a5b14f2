"""Temperature scaling: one number that calibrates probabilities and changes no label."""

from typing import Final

import numpy as np
import numpy.typing as npt

from sentiscore.errors import import_extra
from sentiscore.scoring.probabilities import Floats

COLDEST: Final = 0.05
HOTTEST: Final = 20.0


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
    """The temperature with the lowest log loss on these rows, with equal weight for each set.

    Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.

    Args:
        sets: Logits, shape (rows, labels), and the true label of each row as a position, shape (rows,). Sets may have
            different labels.

    Returns:
        A number from 0.05 to 20; 1 changes nothing, and larger ones make probabilities less confident.
    """

    def loss(log_temperature: float) -> float:
        return log_loss(float(np.exp(log_temperature)), *sets)

    minimize_scalar = import_extra("scipy.optimize", "train").minimize_scalar
    return float(np.exp(minimize_scalar(loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded").x))
