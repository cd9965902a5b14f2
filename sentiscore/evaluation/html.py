"""An evaluation report as one small HTML page with its plots inside."""

from html import escape
from typing import Any, Final

import numpy as np
from sklearn.metrics import roc_curve

from sentiscore.evaluation.evaluate import Report
from sentiscore.evaluation.metrics import ECE_BINS
from sentiscore.evaluation.page import STYLE, draw_svg

TITLES: Final = {
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "ece": "Calibration error (ECE)",
}


def to_html(report: Report) -> str:
    """The report as a page that needs nothing else.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    plots = [draw_svg(draw, report) for draw in (_draw_roc, _draw_reliability, _draw_confusion)]
    title = f"{report.model} on {report.data}"
    head = "".join(f"<th>{escape(figures.name)}</th>" for figures in report.figures)
    rows = "".join(
        f"<tr><td>{TITLES[name]}</td>"
        + "".join(
            f"<td>{figures.values[name]:.4f} <small>{figures.intervals[name][0]:.4f} to "
            f"{figures.intervals[name][1]:.4f}</small></td>"
            for figures in report.figures
        )
        + "</tr>"
        for name in TITLES
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in notes_of(report))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"<p>{report.rows:,} rows; classes {', '.join(report.classes)}. Small figures are 95 % bootstrap intervals.</p>"
        f"{notes}<table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table>"
        f'<div class="plots">{"".join(plots)}</div></body></html>\n'
    )


def notes_of(report: Report) -> list[str]:
    """What a reader of the figures must know."""
    notes = []
    if report.trained_on_these_rows:
        notes.append("The model was trained on these very rows: the figures say nothing about new text.")
    if report.selected_on_these_rows:
        notes.append(
            "These rows also chose the model's best epoch and its temperature, so the figures are a little "
            "better than on new text."
        )
    if report.temperature is None:
        notes.append("The model was never calibrated: its probabilities are as they come.")
    if report.left_out:
        notes.append(f"{report.left_out:,} rows have no tokens and were left out.")
    return notes


def _draw_roc(figure: Any, report: Report) -> None:
    axes = figure.add_subplot()
    shown = [len(report.classes) - 1] if len(report.classes) == 2 else range(len(report.classes))  # noqa: PLR2004
    for k in shown:
        false_rate, true_rate, _ = roc_curve(report.labels == k, report.probs[:, k])
        axes.plot(false_rate, true_rate, label=report.classes[k])
    axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    axes.set(xlabel="False positive rate", ylabel="True positive rate", title="ROC", aspect="equal")
    axes.legend(loc="lower right")


def _draw_reliability(figure: Any, report: Report) -> None:
    axes = figure.add_subplot()
    curves = [("with temperature", report.probs), ("without", report.raw_probs)]
    for name, probs in curves if report.temperature is not None else curves[1:]:
        confidence = probs.max(axis=1)
        right = probs.argmax(axis=1) == report.labels
        bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
        filled = np.unique(bins)
        axes.plot(
            [confidence[bins == b].mean() for b in filled],
            [right[bins == b].mean() for b in filled],
            marker="o",
            label=name,
        )
    axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    axes.set(
        xlabel="Confidence",
        ylabel="Accuracy",
        title="Reliability",
        xlim=(1 / len(report.classes) - 0.02, 1.02),
    )
    axes.legend(loc="upper left")


def _draw_confusion(figure: Any, report: Report) -> None:
    axes = figure.add_subplot()
    counts = np.array(report.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(*counts.shape):
        colour = "white" if shares[i, j] > 0.5 else "black"  # noqa: PLR2004
        axes.text(j, i, f"{counts[i, j]:,}\n{shares[i, j]:.0%}", ha="center", va="center", color=colour)
    axes.set(xlabel="Predicted", ylabel="True", title="Confusion")
    axes.set_xticks(range(len(report.classes)), report.classes)
    axes.set_yticks(range(len(report.classes)), report.classes)
