"""The text of evaluation reports for the page and the terminal."""

from collections.abc import Sequence
from typing import Final

from sentiscore.evaluation.evaluate import Figures, Report

TITLES: Final = {
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "macro_f1": "Macro-F1",
    "roc_auc": "ROC AUC",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "ece": "Calibration error (ECE)",
}
_CHANGED_BY_TEMPERATURE: Final = ("log_loss", "brier", "ece")


def side_by_side(reports: Sequence[Report]) -> list[tuple[str, list[str]]]:
    """A table of the model on every set of rows: the title of each line, and its cells, one for each report.

    Metrics that a temperature changes are shown with and without it.

    Args:
        reports: Reports of one model.
    """
    calibrated = all(report.temperature is not None for report in reports)
    lines = [
        ("Rows", [f"{report.rows:,}" for report in reports]),
        ("Classes", [str(len(report.classes)) for report in reports]),
    ]
    for name, title in TITLES.items():
        lines.append((title, [cell(report.figures[0], name) for report in reports]))
        if calibrated and name in _CHANGED_BY_TEMPERATURE:
            lines.append(("  before temperature", [cell(report.figures[1], name) for report in reports]))
    return lines


def cell(figures: Figures, name: str) -> str:
    """One figure with its interval."""
    low, high = figures.intervals[name]
    return f"{figures.values[name]:.4f} [{low:.4f}, {high:.4f}]"


def notes_of(report: Report) -> list[str]:
    """What a reader of the metrics has to know."""
    notes = []
    if report.weaknesses:
        notes.append(f"When it was trained, the model was no better than a simpler one. {' '.join(report.weaknesses)}")
    if report.trained_on_these_rows:
        notes.append("The model was trained on exactly these rows: the figures say nothing about new text.")
    if report.selected_on_these_rows:
        notes.append(
            "These rows also chose the model's best epoch and its temperature, so the figures are a little "
            "better than on new text."
        )
    if report.neutral_left_out:
        notes.append(
            "None of these rows is neutral: the model, which knows neutral, was asked for negative or positive alone."
        )
    if report.temperature is None:
        notes.append("The model was never calibrated: its probabilities are as they come.")
    if report.left_out:
        notes.append(f"{report.left_out:,} rows have no text of which the model knows anything, and were left out.")
    if report.without_label:
        notes.append(f"{report.without_label:,} more rows of the table have no text or no label.")
    if report.not_mentioned:
        notes.append(f"{report.not_mentioned:,} rows do not mention their target, and were scored as whole texts.")
    return notes
