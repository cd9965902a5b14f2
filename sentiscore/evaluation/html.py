"""Evaluation reports as one small HTML page that includes its plots."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from sentiscore.errors import import_extra
from sentiscore.evaluation.evaluate import Report
from sentiscore.evaluation.metrics import reliability
from sentiscore.evaluation.overview import TITLES, cell, notes_of, side_by_side
from sentiscore.evaluation.page import draw_svg
from sentiscore.pages import fill

_LONGEST: Final = 300
"""Characters of a text that are shown."""


def to_html(reports: Sequence[Report]) -> str:
    """Reports of one model as a page that needs no other files.

    Args:
        reports: One for each set of rows; several are first shown side by side, then one by one.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    return fill(
        "evaluation/report.html.j2",
        title=f"{reports[0].model} on {', '.join(report.data for report in reports)}",
        overview=_split(side_by_side(reports)) if len(reports) > 1 else [],
        about=f"Model {reports[0].model_sha256}, evaluated on {reports[0].evaluated_at:%Y-%m-%d %H:%M} UTC.",
        sections=[_section(report) for report in reports],
    )


def _section(report: Report) -> dict[str, Any]:
    """The section of the page about one set of rows."""
    return {
        "data": report.data,
        "about": f"{report.rows:,} rows: {_balance(report)}.",
        "notes": notes_of(report),
        "names": [figures.name for figures in report.figures],
        "lines": _split([(title, [cell(each, name) for each in report.figures]) for name, title in TITLES.items()]),
        "mistakes": [
            (one.text[:_LONGEST], one.mention, one.label, one.predicted, f"{one.p_label:.3f}")
            for one in report.mistakes
        ],
        "plots": [draw_svg(draw, report) for draw in (_draw_roc, _draw_reliability, _draw_confusion)],
    }


def _balance(report: Report) -> str:
    """How many rows each class has."""
    counts = [sum(row) for row in report.confusion]
    return ", ".join(
        f"{n:,} {name} ({n / max(report.rows, 1):.0%})" for name, n in zip(report.classes, counts, strict=True)
    )


def _split(lines: Sequence[tuple[str, Sequence[str]]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Split the cells into a figure and its interval, which has a smaller font."""
    split = [(title, [text.partition("[") for text in cells]) for title, cells in lines]
    return [(title, [(figure, bracket + interval) for figure, bracket, interval in cells]) for title, cells in split]


def _draw_roc(figure: Any, report: Report) -> None:
    axes = figure.add_subplot()
    shown = [len(report.classes) - 1] if len(report.classes) == 2 else range(len(report.classes))  # noqa: PLR2004
    for k in shown:
        false_rate, true_rate, _ = import_extra("sklearn.metrics", "evaluate").roc_curve(
            report.labels == k, report.probs[:, k]
        )
        axes.plot(false_rate, true_rate, label=report.classes[k])
    axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    axes.set(xlabel="False positive rate", ylabel="True positive rate", title="ROC", aspect="equal")
    axes.legend(loc="lower right")


def _draw_reliability(figure: Any, report: Report) -> None:
    """Draw accuracy by confidence with intervals, and below it the number of rows of each point."""
    axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    bins = report.reliability
    confidence = [one.confidence for one in bins]
    ends = [
        [one.accuracy - one.interval[0] for one in bins],
        [one.interval[1] - one.accuracy for one in bins],
    ]
    calibrated = report.temperature is not None
    name = "with temperature" if calibrated else "not calibrated"
    axes.errorbar(confidence, [one.accuracy for one in bins], ends, marker="o", capsize=3, label=name, zorder=3)
    if calibrated:
        raw = reliability(report.labels, report.raw_probs)
        axes.plot(
            [one.confidence for one in raw],
            [one.accuracy for one in raw],
            marker=".",
            color="0.6",
            label="before temperature",
        )
    axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    axes.set(ylabel="Accuracy", title="Reliability", xlim=(1 / len(report.classes) - 0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="lower right")
    middles = [(one.low + one.high) / 2 for one in bins]
    counts.bar(middles, [one.rows for one in bins], width=0.9 * (bins[0].high - bins[0].low), color="0.75")
    for middle, one in zip(middles, bins, strict=True):
        counts.annotate(
            f"{one.rows:,}", (middle, one.rows), (0, 2), textcoords="offset points", ha="center", fontsize=7
        )
    counts.margins(y=0.25)
    counts.set(xlabel="Confidence", ylabel="Rows")


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
