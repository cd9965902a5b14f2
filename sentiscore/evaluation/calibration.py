"""Temperature scaling: one number that makes probabilities honest and changes no label."""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from sentiscore.scoring.probabilities import Floats

COLDEST: Final = 0.05
HOTTEST: Final = 20.0


def log_loss(temperature: float, *sets: tuple[Floats, npt.NDArray[np.integer]]) -> float:
    """The log loss at a temperature, in nats: the mean over the sets of each set's mean.

    Args:
        temperature: The divisor of the logits.
        sets: See `fit_temperature`.
    """
    losses = [
        -log_softmax(logits.astype(np.float64) / temperature, axis=1)[np.arange(labels.size), labels].mean()
        for logits, labels in sets
    ]
    return float(np.mean(losses))


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

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded").x))
