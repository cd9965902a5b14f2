"""A training run: its inputs, its progress and its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiscore.checkpoint import Manifest
from sentiscore.tables.labelled import LabelledData
from sentiscore.training.by_rows import ChosenByRows
from sentiscore.training.recipe import Recipe


@dataclass(frozen=True)
class Run:
    """The inputs of a training run.

    Attributes:
        recipe: The settings, with those that were left out filled in.
        chosen: The settings that can be left out.
        left_out: Those of them that were, and so were chosen by the number of rows.
        output: The folder to create.
        classes: The classes to learn.
        train_data: Sets of rows to learn from.
        eval_data: Sets of rows to choose the best state by and to calibrate on.
        base: The folder of the model that training starts from.
        revision: The hub commit of the base, if it came from there.
        record: Anything else that the rows and the base were made from, for the manifest.
    """

    recipe: Recipe
    chosen: ChosenByRows
    left_out: Mapping[str, Any]
    output: Path
    classes: tuple[str, ...]
    train_data: Sequence[LabelledData]
    eval_data: Sequence[LabelledData]
    base: Path
    revision: str | None
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Progress:
    """The progress of a training run.

    Attributes:
        step: The number of steps done.
        steps: The total number of steps.
        epoch: The number of passes over the data done, with a fraction.
        metrics: If this is a validation, figures on the validation rows, each a mean over the sets: `accuracy`,
            `log_loss` and so on, and `calibrated_log_loss`, by which the best state is chosen. With several sets also
            the figures of each, as `NAME.log_loss` and so on.
        settings: If this is the start, the settings that the recipe leaves out, as they were chosen by the number of
            rows.
    """

    step: int
    steps: int
    epoch: float
    metrics: dict[str, float] | None = None
    settings: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training run.

    Attributes:
        folder: The checkpoint.
        manifest: Its manifest.
        seconds: Time spent training, including validations.
        rows_per_second: Rows trained on per second, including the time for validations.
        peak_memory_mb: Peak memory of this process, in MiB.
        peak_gpu_memory_mb: Peak GPU memory of torch, in MiB; 0 on a CPU.
        resumed_from: The step from which the run was resumed; 0 for a new run.
    """

    folder: Path
    manifest: Manifest
    seconds: float
    rows_per_second: float
    peak_memory_mb: float
    peak_gpu_memory_mb: float
    resumed_from: int
