"""The figures by which the best state is chosen."""

from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest

from sentiscore.training.trainer import CALIBRATED_LOSS, _validation_metrics

LABELS = np.eye(2, dtype=np.float32)[[0, 1] * 50]


def figures(logits: npt.NDArray[np.float64]) -> dict[str, float]:
    return _validation_metrics({"rows": len(LABELS)})(SimpleNamespace(predictions=logits, label_ids=LABELS))


def test_a_state_that_is_right_more_often_and_too_sure_is_the_better_one() -> None:
    signs = 2 * LABELS[:, 1] - 1
    often, seldom = signs.copy(), signs.copy()
    often[:10] *= -1
    seldom[:20] *= -1
    sure = figures(np.stack([np.zeros(100), 30 * often], axis=1))
    modest = figures(np.stack([np.zeros(100), 1.4 * seldom], axis=1))
    assert sure["log_loss"] > modest["log_loss"]
    assert sure[CALIBRATED_LOSS] < modest[CALIBRATED_LOSS]


def test_being_surer_changes_no_calibrated_loss() -> None:
    logits = np.random.default_rng(0).normal(size=(100, 2)) + LABELS
    assert figures(3 * logits)[CALIBRATED_LOSS] == pytest.approx(figures(logits)[CALIBRATED_LOSS], abs=1e-5)
    assert figures(3 * logits)["log_loss"] != pytest.approx(figures(logits)["log_loss"], abs=1e-2)
