"""Metrics of a classifier, with bootstrap intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sentiscore.errors import import_extra

ECE_BINS: Final = 15
"""The number of bins of the expected calibration error, and of the reliability diagram."""

Labels = npt.NDArray[np.integer]
Probs = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float64]


def expected_calibration_error(labels: Labels, probs: Probs, weights: Weights | None = None) -> float:
    """How far confidence is from accuracy, on average.

    Rows are assigned to 15 bins of equal width by the confidence of their predicted class; the absolute difference of
    accuracy and mean confidence is averaged over the bins, weighted by their share of rows. Naeini, Cooper and
    Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015.

    Args:
        labels: True labels as positions, shape (rows,).
        probs: Shape (rows, labels).
        weights: The weight of each row, shape (rows,); equal by default.
    """
    weights = np.ones(labels.size) if weights is None else weights
    confidence = probs.max(axis=1)
    correct = probs.argmax(axis=1) == labels
    gaps = np.bincount(_bins(confidence), weights * (correct - confidence), ECE_BINS)
    return float(np.abs(gaps).sum() / weights.sum())


@dataclass(frozen=True)
class ReliabilityBin:
    """The rows whose predicted class has a confidence in one range.

    Attributes:
        low: The lowest confidence of the range.
        high: The beginning of the next range.
        rows: The number of rows.
        confidence: Their mean confidence.
        accuracy: The share of correct predictions.
        interval: The 95 % interval of that share (E. B. Wilson, 1927, JASA 22).
    """

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float
    interval: tuple[float, float]


def reliability(labels: Labels, probs: Probs) -> list[ReliabilityBin]:
    """The bins of the expected calibration error, one by one; empty ones are left out.

    Args:
        labels: True labels as positions, shape (rows,).
        probs: Shape (rows, labels).

    Returns:
        The bins by increasing confidence. The error is the mean of |accuracy - confidence|, weighted by rows.
    """
    confidence = probs.max(axis=1)
    correct = probs.argmax(axis=1) == labels
    bins = _bins(confidence)
    found = []
    for i in np.unique(bins):
        inside = bins == i
        rows, n_correct = int(inside.sum()), int(correct[inside].sum())
        interval = import_extra("scipy.stats", "evaluate").binomtest(n_correct, rows).proportion_ci(method="wilson")
        found.append(
            ReliabilityBin(
                low=float(i / ECE_BINS),
                high=float((i + 1) / ECE_BINS),
                rows=rows,
                confidence=float(confidence[inside].mean()),
                accuracy=n_correct / rows,
                interval=(float(interval.low), float(interval.high)),
            )
        )
    return found


def _bins(confidence: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The bin of each confidence; 1 is in the last one."""
    return np.minimum((confidence * ECE_BINS).astype(np.int64), ECE_BINS - 1)


def point_metrics(labels: Labels, probs: Probs, weights: Weights | None = None) -> dict[str, float]:
    """All metrics.

    With two labels, precision, recall and F1 are those of the positive class; with three they are means over the
    classes, and the AUC is the mean of each class against the rest. Macro-F1 is always the mean over the classes.

    Args:
        labels: True labels as positions, shape (rows,).
        probs: Shape (rows, labels); with two labels the last is the positive one.
        weights: The weight of each row, shape (rows,); equal by default.

    Returns:
        accuracy, precision, recall, f1, macro_f1, roc_auc, log_loss (nats), brier (sum over classes, 0 to 2), ece. The
        AUC is NaN if a class has no rows.
    """
    predicted = probs.argmax(axis=1)
    n_classes = probs.shape[1]
    by_class = import_extra("sklearn.metrics", "evaluate").precision_recall_fscore_support(
        labels, predicted, labels=range(n_classes), sample_weight=weights, zero_division=0.0
    )[:3]
    macro = [float(np.mean(each)) for each in by_class]
    precision, recall, f1 = macro if n_classes > 2 else [float(each[-1]) for each in by_class]  # noqa: PLR2004
    onehot = np.eye(n_classes)[labels]
    return {
        "accuracy": float(np.average(predicted == labels, weights=weights)),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "macro_f1": macro[2],
        "roc_auc": _roc_auc(labels, probs, weights),
        "log_loss": 0.0
        + float(-np.average(np.log(np.maximum(probs[np.arange(labels.size), labels], 1e-15)), weights=weights)),
        "brier": float(np.average(((probs - onehot) ** 2).sum(axis=1), weights=weights)),
        "ece": expected_calibration_error(labels, probs, weights),
    }


def finite(figures: Mapping[str, float]) -> dict[str, float | None]:
    """The same figures for JSON, which has no NaN: None for one that is not defined."""
    return {name: value if np.isfinite(value) else None for name, value in figures.items()}


def _roc_auc(labels: Labels, probs: Probs, weights: Weights | None) -> float:
    present = labels if weights is None else labels[weights > 0]
    if np.unique(present).size < probs.shape[1]:
        return float("nan")
    sk = import_extra("sklearn.metrics", "evaluate")
    if probs.shape[1] == 2:  # noqa: PLR2004
        return float(sk.roc_auc_score(labels, probs[:, 1], sample_weight=weights))
    each = [sk.roc_auc_score(labels == k, probs[:, k], sample_weight=weights) for k in range(probs.shape[1])]
    return float(np.mean(each))


def bootstrap_intervals(
    labels: Labels, probs: Probs, *, resamples: int = 500, level: float = 0.95, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of all metrics, from rows drawn with replacement.

    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

    Args:
        labels: True labels as positions, shape (rows,).
        probs: Shape (rows, labels).
        resamples: How often the rows are resampled.
        level: The coverage of the intervals.
        seed: Seed of the resampling.

    Returns:
        The lower and upper end by the name of the metric.
    """
    generator = np.random.default_rng(seed)
    even = np.full(labels.size, 1 / labels.size)
    draws = [
        point_metrics(labels, probs, generator.multinomial(labels.size, even).astype(np.float64))
        for _ in range(resamples)
    ]
    tails = (50 * (1 - level), 50 * (1 + level))
    return {
        name: tuple(float(end) for end in np.nanpercentile([draw[name] for draw in draws], tails))  # type: ignore[misc]
        for name in draws[0]
    }
