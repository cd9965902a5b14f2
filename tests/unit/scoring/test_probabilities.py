"""Softmax and its kin, which scoring does without SciPy, beside SciPy's."""

import numpy as np
import pytest
from scipy import special

from sentiscore.evaluation.calibration import log_loss
from sentiscore.scoring.probabilities import class_logits, probabilities

LOGITS = np.random.default_rng(0).normal(scale=6, size=(500, 3)).astype(np.float32)


@pytest.mark.parametrize("temperature", [0.05, 1.0, 1.7, 20.0])
def test_probabilities_are_scipys_softmax_to_the_last_bit(temperature: float) -> None:
    wide = LOGITS.astype(np.float64)
    wanted = special.softmax((wide - wide.max(axis=1, keepdims=True)) / temperature, axis=1)
    assert (probabilities(LOGITS, temperature) == wanted).all()


def test_the_logit_of_several_outputs_is_scipys_logsumexp() -> None:
    joined = class_logits(LOGITS, ["negative", "positive", "positive"], 2.0)
    wanted = 2.0 * special.logsumexp(LOGITS[:, 1:].astype(np.float64) / 2.0, axis=1)
    np.testing.assert_allclose(joined[:, 1], wanted, rtol=1e-6)


def test_outputs_that_are_impossible_or_sure_join_to_what_is_so() -> None:
    infinite = np.array([[0.0, -np.inf, -np.inf], [0.0, np.inf, 1.0], [0.0, -np.inf, 1.0]])
    joined = class_logits(infinite, ["negative", "positive", "positive"])
    assert joined.tolist() == [[0.0, -np.inf], [0.0, np.inf], [0.0, 1.0]]


def test_the_log_loss_is_that_of_scipys_log_softmax() -> None:
    labels = np.arange(len(LOGITS)) % 3
    wanted = -special.log_softmax(LOGITS.astype(np.float64), axis=1)[np.arange(len(labels)), labels].mean()
    assert log_loss(1.0, (LOGITS, labels)) == wanted
