"""A model and labelled rows -> a report of its accuracy and calibration."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore import forks
from sentiscore.checkpoint import DEFAULT
from sentiscore.errors import InputError, import_extra, require_extra
from sentiscore.evaluation.baseline import fit_baseline
from sentiscore.evaluation.metrics import ReliabilityBin, bootstrap_intervals, finite, point_metrics, reliability
from sentiscore.evaluation.mistakes import Mistake, worst_mistakes
from sentiscore.labels import CLASSES, NEUTRAL
from sentiscore.scoring.mentions import Targets, check_reads_targets, mentions_of
from sentiscore.scoring.probabilities import probabilities
from sentiscore.scoring.scorer import Scorer
from sentiscore.tables.labelled import LabelledData


@dataclass(frozen=True)
class Figures:
    """The metrics of one classifier.

    Attributes:
        name: The name of the classifier.
        values: Each metric on the rows; see `sentiscore.evaluation.metrics.point_metrics`.
        intervals: The 95 % bootstrap interval of each metric.
    """

    name: str
    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Report:
    """The result of evaluating a model.

    Attributes:
        model: The name of the model as the user gave it; for a folder, its last part.
        model_sha256: The hash of the model's files.
        evaluated_at: When it was evaluated, in UTC.
        data: The name of the labelled rows.
        rows: The number of scored rows.
        left_out: The number of other rows, whose texts have nothing that the model knows.
        without_label: The number of rows that the labelled table had in addition, without a text or a label.
        not_mentioned: The number of scored rows whose text does not mention their target, and was scored as a whole.
        classes: Label names, in the order of `confusion`, `labels` and `probs`.
        neutral_left_out: Whether the model knows neutral and the rows do not. Then its probabilities are only of
            negative and positive, as in training on such rows.
        temperature: The model's temperature; None if it was never calibrated.
        selected_on_these_rows: Whether these rows were also used to choose the model's best epoch and its temperature,
            which makes the metrics a little too good.
        trained_on_these_rows: Whether the model was trained on exactly these rows.
        weaknesses: What the model did no better than something simpler when it was trained, according to its manifest.
        figures: Metrics with the model's temperature; then without, if it has one; then of the baseline, if requested.
        reliability: Accuracy by confidence, with the temperature.
        mistakes: The rows that the model was most wrong about, at most 20, the worst first.
        confusion: The number of rows by true label (down) and predicted label (across).
        labels: True labels as positions, shape (rows,).
        probs: Probabilities with the temperature, shape (rows, classes).
        raw_probs: Probabilities without it, shape (rows, classes).
    """

    model: str
    model_sha256: str
    evaluated_at: datetime
    data: str
    rows: int
    left_out: int
    without_label: int
    not_mentioned: int
    classes: tuple[str, ...]
    neutral_left_out: bool
    temperature: float | None
    selected_on_these_rows: bool
    trained_on_these_rows: bool
    weaknesses: tuple[str, ...]
    figures: list[Figures]
    reliability: list[ReliabilityBin]
    confusion: list[list[int]]
    mistakes: tuple[Mistake, ...]
    labels: npt.NDArray[np.int64]
    probs: npt.NDArray[np.float64]
    raw_probs: npt.NDArray[np.float64]

    def to_dict(self) -> dict[str, Any]:
        """Everything except single rows, for JSON; a metric that is not defined is None."""
        single = ("labels", "probs", "raw_probs", "mistakes")
        kept = {name: value for name, value in asdict(self).items() if name not in single}
        kept["evaluated_at"] = self.evaluated_at.isoformat(timespec="seconds")
        kept["class_balance"] = dict(zip(self.classes, map(sum, self.confusion), strict=True))
        for figures in kept["figures"]:
            ends = [finite({name: pair[i] for name, pair in figures["intervals"].items()}) for i in (0, 1)]
            figures["values"] = finite(figures["values"])
            figures["intervals"] = {name: [end[name] for end in ends] for name in figures["values"]}
        return kept


def evaluate(
    data: LabelledData,
    *,
    model: str | Path | Scorer = DEFAULT,
    baseline_data: LabelledData | None = None,
    resamples: int = 500,
    seed: int = 0,
) -> Report:
    """Evaluate a model on one set of labelled rows; a mean over several domains would hide the weakest one.

    Rows with mentions are scored as `Scorer.score` scores texts with targets.

    If none of the rows is neutral, a model with three classes only predicts negative or positive: the softmax is over
    these two logits.

    Args:
        data: The labelled rows.
        model: "default", a folder, a hub id, or a loaded scorer.
        baseline_data: Rows on which to fit a baseline (TF-IDF and logistic regression), to compare with the model.
        resamples: The number of bootstrap samples for the intervals.
        seed: Seed of the bootstrap.

    Raises:
        CheckpointError: The model cannot be loaded.
        InputError: The rows have a class that the model does not know, or other classes than the baseline's rows; or
            they have mentions, and the model cannot read targets.
        MissingExtraError: scikit-learn or SciPy is not installed.
    """
    forks.check()
    require_extra("evaluate", "sklearn", "scipy")
    scorer = model if isinstance(model, Scorer) else Scorer.from_pretrained(model)
    checkpoint = scorer.checkpoint
    classes: tuple[str, ...] = tuple(name for name in CLASSES if name in checkpoint.labels)
    check_known(data, scorer)
    neutral_left_out = NEUTRAL in classes and NEUTRAL not in data.classes
    if neutral_left_out:
        classes = data.classes
    mentions, absent = _mentions_of(data)
    logits = scorer.logits(data.texts, mentions)[:, [checkpoint.labels.index(name) for name in classes]]
    read = ~np.isnan(logits[:, 0])
    logits, labels = logits[read], data.ids(classes)[read]
    raw = probabilities(logits)
    probs = probabilities(logits, checkpoint.temperature or 1.0)

    def figures(name: str, p: npt.NDArray[np.float64]) -> Figures:
        return Figures(name, point_metrics(labels, p), bootstrap_intervals(labels, p, resamples=resamples, seed=seed))

    inputs = [one for one, kept in zip(data.inputs, read, strict=True) if kept]
    every = [figures("model", probs)]
    if checkpoint.temperature is not None:
        every.append(figures("model before temperature", raw))
    if baseline_data is not None:
        texts = [text for text, kept in zip(data.texts, read, strict=True) if kept]
        every.append(figures("TF-IDF baseline", fit_baseline(baseline_data, classes)(texts)))
    manifest, fingerprint = checkpoint.manifest, data.fingerprint.sha256
    confusion_matrix = import_extra("sklearn.metrics", "evaluate").confusion_matrix
    return Report(
        model=checkpoint.short_name,
        model_sha256=checkpoint.sha256,
        evaluated_at=datetime.now(UTC),
        data=data.name,
        rows=int(read.sum()),
        left_out=int((~read).sum()),
        without_label=data.dropped,
        not_mentioned=int((absent & read).sum()),
        classes=classes,
        neutral_left_out=neutral_left_out,
        temperature=checkpoint.temperature,
        selected_on_these_rows=manifest is not None and fingerprint in {one.sha256 for one in manifest.selection_data},
        trained_on_these_rows=manifest is not None and fingerprint in {one.sha256 for one in manifest.training_data},
        weaknesses=() if manifest is None else manifest.weaknesses,
        figures=every,
        reliability=reliability(labels, probs),
        confusion=confusion_matrix(labels, probs.argmax(axis=1), labels=range(len(classes))).tolist(),
        mistakes=worst_mistakes(inputs, classes, labels, probs),
        labels=labels,
        probs=probs,
        raw_probs=raw,
    )


def _mentions_of(data: LabelledData) -> tuple[list[str | None] | None, npt.NDArray[np.bool_]]:
    """What each text is read for, and whether it does not mention its target, shape (rows,)."""
    if data.mentions is None:
        return None, np.zeros(len(data.texts), dtype=np.bool_)
    targets = Targets(pl.Series(data.mentions, dtype=pl.String), {})
    found = mentions_of(pl.Series(data.texts, dtype=pl.String), targets)
    return found.mention.to_list(), found.absent.to_numpy()


def check_known(data: LabelledData, scorer: Scorer) -> None:
    """Check that a model knows every class of the labelled rows, and can read their mentions.

    Raises:
        InputError: It does not know all of them, or cannot read mentions.
    """
    if data.mentions is not None:
        check_reads_targets(scorer.checkpoint, scorer.max_length)
    known = scorer.checkpoint.labels
    if unknown := sorted(set(data.label_names) - set(known)):
        raise InputError(
            f"{data.name} has rows that are {', '.join(unknown)}, which {scorer.checkpoint.name} does not know.",
            f"Its classes are {', '.join(known)}: leave the other rows out, or choose another model.",
        )
