"""A trained model -> a checkpoint: saves its weights, fits its temperature, writes its manifest."""

import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from sentiscore.checkpoint import Base, Checkpoint, KeptAdapters, Manifest, write_manifest
from sentiscore.checkpoint.tokenizer_files import has_token_types, read_settings
from sentiscore.engine.classifier import Classifier
from sentiscore.errors import SentiscoreWarning
from sentiscore.evaluation.calibration import HOTTEST, fit_temperature
from sentiscore.evaluation.metrics import finite, point_metrics
from sentiscore.scoring.probabilities import probabilities
from sentiscore.tables.labelled import LabelledData
from sentiscore.training import adapters
from sentiscore.training.recipe import Recipe
from sentiscore.training.run import Run
from sentiscore.training.targets import reads_targets
from sentiscore.training.weaknesses import Answered, baseline_figures, find_weaknesses
from sentiscore.version import __version__


def save(run: Run, model: Any, tokenizer: Any) -> KeptAdapters | None:
    """Write a trained model into the folder of its run.

    Returns:
        The base that its adapters belong to, if they are kept apart from it.
    """
    recipe, output, kept = run.recipe, run.output, None
    if not adapters.has_adapters(recipe):
        model.to(getattr(torch, recipe.save_dtype)).save_pretrained(output)
    else:
        kept = adapters.export(model, recipe, run.base, output)
    tokenizer.model_max_length = recipe.max_length
    tokenizer.save_pretrained(output)
    for weights in output.glob("*.safetensors"):
        weights.chmod((output / "config.json").stat().st_mode)  # only the owner could read them otherwise
    return kept


def calibrate(run: Run, kept: KeptAdapters | None) -> Manifest:
    """Fit the temperature on the saved model, and write the manifest."""
    recipe, classes = run.recipe, run.classes
    reads = reads_targets(run.train_data)
    saved = Checkpoint(
        name=str(run.output),
        folder=run.output,
        revision=None,
        outputs=classes,
        max_length=recipe.max_length,
        longest=recipe.max_length,
        temperature=None,
        manifest=None,
        base=Base(run.base, kept.in_4_bits) if kept else None,
        token_types=reads and has_token_types(read_settings(run.output)),
    )
    classifier = Classifier.load(saved, device=torch.device("cpu"), dtype=torch.float32)
    answers = {rows.name: _answers(classifier, rows, classes) for rows in run.eval_data}
    temperature = fit_temperature(*((logits, labels) for logits, labels, _ in answers.values()))
    answered = {
        rows.name: Answered(rows.classes, texts, labels, probabilities(logits, temperature))
        for rows, (logits, labels, texts) in zip(run.eval_data, answers.values(), strict=True)
    }
    metrics = {name: finite(point_metrics(one.labels, one.probs)) for name, one in answered.items()}
    baselines = {name: finite(one) for name, one in baseline_figures(run.train_data, answered).items()}
    if temperature >= HOTTEST * 0.99:
        warnings.warn(
            "The fitted temperature is at its upper limit: the model predicts next to nothing about these rows.",
            SentiscoreWarning,
            stacklevel=3,
        )
    manifest = Manifest(
        base=_name_of(recipe.base),
        base_revision=run.revision,
        labels=classes,
        max_length=recipe.max_length,
        temperature=temperature,
        training_data=tuple(rows.fingerprint for rows in run.train_data),
        selection_data=tuple(rows.fingerprint for rows in run.eval_data),
        recipe=_portable_settings(recipe)
        | dict(run.record)
        | {"data": ", ".join(rows.name for rows in run.train_data), "chosen_by_rows": list(run.left_out)},
        metrics=metrics,
        baselines=baselines,
        weaknesses=find_weaknesses(metrics, baselines, answered),
        versions={
            "sentiscore": __version__,
            "python": ".".join(map(str, sys.version_info[:3])),
            **{name: version(name) for name in ("torch", "transformers", "tokenizers", *adapters.libraries(recipe))},
        },
        adapters=kept,
        reads_targets=reads,
    )
    return write_manifest(run.output, manifest)


def _portable_settings(recipe: Recipe) -> dict[str, Any]:
    """The settings as JSON; files and folders only by name, since their paths differ between machines."""
    settings = recipe.as_dict()
    sets = [one | {part: Path(one[part]).name for part in ("train", "validation")} for one in settings["sets"]]
    return {**settings, "base": _name_of(recipe.base), "sets": sets}


def _name_of(base: str) -> str:
    return Path(base).name if Path(base).is_dir() else base


def _answers(
    classifier: Classifier, rows: LabelledData, classes: tuple[str, ...]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], list[str]]:
    """The logits of a set's classes, its labels and its texts, for the rows that have tokens."""
    logits = classifier.run(classifier.encoder.encode(rows.texts, rows.mentions))
    read = ~np.isnan(logits[:, 0])
    texts = [text for text, kept in zip(rows.texts, read, strict=True) if kept]
    return logits[read][:, [classes.index(name) for name in rows.classes]], rows.ids(rows.classes)[read], texts
