"""What a training run is of, where it is, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiscore.checkpoint import Manifest
from sentiscore.tables.labelled import LabelledData
from sentiscore.training.recipe import Recipe


@dataclass(frozen=True)
class Run:
    """What is trained.

    Attributes:
        recipe: The settings.
        output: The folder to make.
        classes: The classes to learn.
        train_data: Sets of rows to learn from.
        eval_data: Sets of rows to choose the best state by and to calibrate on.
        base: The folder of the model that training begins from.
        revision: The hub commit of the base, if it came from there.
        record: What else the rows and the base follow from, for the manifest.
    """

    recipe: Recipe
    output: Path
    classes: tuple[str, ...]
    train_data: Sequence[LabelledData]
    eval_data: Sequence[LabelledData]
    base: Path
    revision: str | None
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Progress:
    """Where a training run is.

    Attributes:
        step: Steps done.
        steps: Steps there will be.
        epoch: Passes over the data done, a fraction within one.
        metrics: Figures on the validation rows, if this is a validation, each a mean over the sets: `accuracy`,
            `log_loss` and so on, and `calibrated_log_loss`, by which the best state is chosen. With several sets the
            figures of each are there too, as `NAME.log_loss` and so on.
    """

    step: int
    steps: int
    epoch: float
    metrics: dict[str, float] | None = None


@dataclass(frozen=True)
class TrainingResult:
    """What came out of a training run.

    Attributes:
        folder: The checkpoint.
        manifest: What its manifest says.
        seconds: Time spent training, validations included.
        rows_per_second: Rows trained on in a second, validations included.
        peak_memory_mb: The most memory this process held, in MiB.
        peak_gpu_memory_mb: The most memory torch held on the GPU, in MiB; 0 on a CPU.
        resumed_from: The step that the run was taken up at; 0 for a fresh one.
    """

    folder: Path
    manifest: Manifest
    seconds: float
    rows_per_second: float
    peak_memory_mb: float
    peak_gpu_memory_mb: float
    resumed_from: int
