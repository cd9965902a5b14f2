"""Temperature scaling: one number that makes probabilities honest and changes no label."""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

COLDEST: Final = 0.05
HOTTEST: Final = 20.0

Floats = npt.NDArray[np.floating]


def probabilities(logits: Floats, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Softmax of the logits divided by the temperature; shape (rows, labels), each row sums to 1."""
    result: npt.NDArray[np.float64] = softmax(logits.astype(np.float64) / temperature, axis=1)
    return result


def fit_temperature(*sets: tuple[Floats, npt.NDArray[np.integer]]) -> float:
    """The temperature with the least log loss on these rows, where each set counts alike.

    Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.

    Args:
        sets: Logits, shape (rows, labels), and the true label of each row as a position, shape (rows,). Sets may
            differ in their labels.

    Returns:
        A number between 0.05 and 20; 1 changes nothing, more makes probabilities less sure.
    """
    wide = [(logits.astype(np.float64), np.arange(labels.size), labels) for logits, labels in sets]

    def log_loss(log_temperature: float) -> float:
        scale = np.exp(log_temperature)
        return -float(
            np.mean([log_softmax(logits / scale, axis=1)[rows, labels].mean() for logits, rows, labels in wide])
        )

    return float(np.exp(minimize_scalar(log_loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded").x))
