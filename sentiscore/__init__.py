"""Calibrated sentiment of dated text, as numbers that a forecasting model can use.

The public names are loaded when they are first used, so that `import sentiscore.features` does not wait
for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sentiscore import forks as _forks  # noqa: F401 - it has to be there before a process forks

__version__ = "0.2.0"

if TYPE_CHECKING:
    from sentiscore import features
    from sentiscore.errors import (
        CheckpointError,
        InputError,
        MissingExtraError,
        OutputError,
        SentiscoreError,
        TrainingError,
        ValidationError,
    )
    from sentiscore.evaluation.evaluate import evaluate
    from sentiscore.monitoring.monitor import monitor
    from sentiscore.samples import sample_news
    from sentiscore.scoring.job import score_file
    from sentiscore.scoring.scorer import Scorer
    from sentiscore.tables.labelled import load_hub_data, read_labelled
    from sentiscore.training.distill import distill
    from sentiscore.training.distillation import Distillation
    from sentiscore.training.finetune import train
    from sentiscore.training.recipe import Recipe
    from sentiscore.training.scratch import build_base
    from sentiscore.training.tuning import tune

_HOME = {
    "CheckpointError": "sentiscore.errors",
    "Distillation": "sentiscore.training.distillation",
    "InputError": "sentiscore.errors",
    "MissingExtraError": "sentiscore.errors",
    "OutputError": "sentiscore.errors",
    "Recipe": "sentiscore.training.recipe",
    "Scorer": "sentiscore.scoring.scorer",
    "SentiscoreError": "sentiscore.errors",
    "TrainingError": "sentiscore.errors",
    "ValidationError": "sentiscore.errors",
    "build_base": "sentiscore.training.scratch",
    "distill": "sentiscore.training.distill",
    "evaluate": "sentiscore.evaluation.evaluate",
    "load_hub_data": "sentiscore.tables.labelled",
    "monitor": "sentiscore.monitoring.monitor",
    "read_labelled": "sentiscore.tables.labelled",
    "sample_news": "sentiscore.samples",
    "score_file": "sentiscore.scoring.job",
    "train": "sentiscore.training.finetune",
    "tune": "sentiscore.training.tuning",
}

__all__ = [
    "CheckpointError",
    "Distillation",
    "InputError",
    "MissingExtraError",
    "OutputError",
    "Recipe",
    "Scorer",
    "SentiscoreError",
    "TrainingError",
    "ValidationError",
    "__version__",
    "build_base",
    "distill",
    "evaluate",
    "features",
    "load_hub_data",
    "monitor",
    "read_labelled",
    "sample_news",
    "score_file",
    "train",
    "tune",
]


def __getattr__(name: str) -> object:
    if name == "features":
        return import_module("sentiscore.features")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'sentiscore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
