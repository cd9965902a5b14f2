import numpy as np
import pytest
from sklearn import metrics as sk

from sentiscore.evaluation.calibration import fit_temperature
from sentiscore.evaluation.metrics import bootstrap_intervals, expected_calibration_error, point_metrics, reliability
from sentiscore.scoring.probabilities import probabilities
from tests.effort import combined


def draw(rows: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are honest: labels are drawn from their softmax."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2, size=(rows, classes))
    labels = (probabilities(logits).cumsum(axis=1) < random.random((rows, 1))).sum(axis=1)
    return logits, labels


def test_two_class_figures_are_scikit_learns() -> None:
    logits, labels = draw(500, 2)
    probs = probabilities(logits)
    got, predicted = point_metrics(labels, probs), probs.argmax(axis=1)
    assert got["accuracy"] == pytest.approx(sk.accuracy_score(labels, predicted))
    assert got["precision"] == pytest.approx(sk.precision_score(labels, predicted))
    assert got["recall"] == pytest.approx(sk.recall_score(labels, predicted))
    assert got["f1"] == pytest.approx(sk.f1_score(labels, predicted))
    assert got["macro_f1"] == pytest.approx(sk.f1_score(labels, predicted, average="macro"))
    assert got["roc_auc"] == pytest.approx(sk.roc_auc_score(labels, probs[:, 1]))
    assert got["log_loss"] == pytest.approx(sk.log_loss(labels, probs))
    assert got["brier"] == pytest.approx(2 * sk.brier_score_loss(labels, probs[:, 1]))


def test_three_class_figures_are_scikit_learns() -> None:
    logits, labels = draw(500, 3)
    probs = probabilities(logits)
    got = point_metrics(labels, probs)
    predicted = probs.argmax(axis=1)
    assert got["precision"] == pytest.approx(sk.precision_score(labels, predicted, average="macro"))
    assert got["recall"] == pytest.approx(sk.recall_score(labels, predicted, average="macro"))
    assert got["f1"] == got["macro_f1"] == pytest.approx(sk.f1_score(labels, predicted, average="macro"))
    assert got["roc_auc"] == pytest.approx(sk.roc_auc_score(labels, probs, multi_class="ovr"))
    assert got["log_loss"] == pytest.approx(sk.log_loss(labels, probs))


def test_calibration_error_by_hand() -> None:
    probs = np.array([[0.1, 0.9], [0.1, 0.9], [0.4, 0.6], [0.4, 0.6]])
    labels = np.array([1, 0, 1, 1])  # at 0.9 half are right, at 0.6 all are
    assert expected_calibration_error(labels, probs) == pytest.approx((2 * 0.4 + 2 * 0.4) / 4)


def test_a_class_that_is_never_predicted_counts_in_macro_f1() -> None:
    probs = np.array([[0.9, 0.0, 0.1]] * 2 + [[0.1, 0.0, 0.9]] * 2)
    assert point_metrics(np.array([0, 1, 2, 2]), probs)["macro_f1"] == pytest.approx((2 / 3 + 0 + 1) / 3)


def test_reliability_bins_by_hand() -> None:
    probs = np.array([[0.1, 0.9], [0.1, 0.9], [0.4, 0.6], [0.0, 1.0]])
    low, middle, high = reliability(np.array([1, 0, 1, 1]), probs)
    assert [(one.rows, one.accuracy) for one in (low, middle, high)] == [(1, 1.0), (2, 0.5), (1, 1.0)]
    assert [one.confidence for one in (low, middle, high)] == pytest.approx([0.6, 0.9, 1.0])
    assert (middle.low, middle.high) == pytest.approx((13 / 15, 14 / 15))
    assert high.high == 1
    z2 = 1.959964**2  # Wilson's interval of one in two: 1/2 -+ z / 2 * sqrt(1 / (2 + z^2))
    half = (z2 / (2 + z2)) ** 0.5 / 2
    assert middle.interval == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_bins_add_up_to_the_calibration_error(classes: int) -> None:
    logits, labels = draw(700, classes)
    probs = probabilities(1.5 * logits)
    bins = reliability(labels, probs)
    assert sum(one.rows for one in bins) == 700
    error = sum(one.rows * abs(one.accuracy - one.confidence) for one in bins) / 700
    assert error == pytest.approx(expected_calibration_error(labels, probs))
    assert all(one.low <= one.confidence <= one.high for one in bins)
    assert all(one.interval[0] <= one.accuracy <= one.interval[1] for one in bins)


def test_honest_probabilities_have_little_calibration_error_and_doubled_logits_much() -> None:
    logits, labels = draw(20_000, 2)
    assert expected_calibration_error(labels, probabilities(logits)) < 0.015
    assert expected_calibration_error(labels, probabilities(2 * logits)) > 0.04


def test_weights_count_rows_more_than_once() -> None:
    logits, labels = draw(60, 3)
    weights = np.random.default_rng(1).integers(0, 4, labels.size)
    repeated = np.repeat(np.arange(labels.size), weights)
    probs = probabilities(logits)
    assert point_metrics(labels, probs, weights.astype(float)) == pytest.approx(
        point_metrics(labels[repeated], probs[repeated])
    )


def test_a_class_without_rows_leaves_the_auc_open() -> None:
    assert np.isnan(point_metrics(np.array([1, 1]), np.array([[0.2, 0.8], [0.4, 0.6]]))["roc_auc"])


@pytest.mark.parametrize(("classes", "factor"), combined([2, 3], [0.3, 1.0, 4.0]))
def test_the_temperature_undoes_a_factor_on_honest_logits(classes: int, factor: float) -> None:
    logits, labels = draw(20_000, classes)
    assert fit_temperature((logits * factor, labels)) == pytest.approx(factor, rel=0.05)


def test_bootstrap_intervals_cover_the_figure_and_follow_the_seed() -> None:
    logits, labels = draw(400, 2)
    probs = probabilities(logits)
    intervals = bootstrap_intervals(labels, probs, resamples=200)
    for name, value in point_metrics(labels, probs).items():
        low, high = intervals[name]
        assert low < high
        assert low - 0.02 <= value <= high + 0.02, name
    assert intervals == bootstrap_intervals(labels, probs, resamples=200)
    assert intervals != bootstrap_intervals(labels, probs, resamples=200, seed=1)
    # the normal approximation of a share's error is an independent check of the width
    share = point_metrics(labels, probs)["accuracy"]
    width = 2 * 1.96 * np.sqrt(share * (1 - share) / labels.size)
    assert intervals["accuracy"][1] - intervals["accuracy"][0] == pytest.approx(width, rel=0.25)
