"""Calibrated sentiment of dated text, as numbers that a forecasting model can use.

The public names are loaded when they are first used, so that `import sentiscore.features` does not wait
for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sentiscore import forks as _forks  # noqa: F401 - must be imported before a process forks
from sentiscore.version import __version__

if TYPE_CHECKING:
    from sentiscore import features
    from sentiscore.behaviour.check import check_behaviour
    from sentiscore.behaviour.report import BehaviourReport
    from sentiscore.engine.verification import Verification, verify
    from sentiscore.errors import (
        CheckpointError,
        DivergedError,
        ForkError,
        InputError,
        MissingExtraError,
        OutputError,
        SentiscoreError,
        SentiscoreWarning,
        StoppedError,
        TrainingError,
        ValidationError,
    )
    from sentiscore.evaluation.evaluate import Report, evaluate
    from sentiscore.evaluation.files import write_reports
    from sentiscore.features.config import DailyConfig
    from sentiscore.features.request import DailyRequest
    from sentiscore.monitoring.monitor import monitor
    from sentiscore.monitoring.report import DriftReport
    from sentiscore.nightly.daily_file import DailyFile, daily_file
    from sentiscore.nightly.explain_file import ExplainedValue, explain_file
    from sentiscore.nightly.plot_file import PlotFile, plot_file
    from sentiscore.nightly.update_daily import UpdatedFile, update_daily
    from sentiscore.planning.job_plan import JobPlan
    from sentiscore.planning.plan_job import plan_job
    from sentiscore.samples import sample_news
    from sentiscore.scoring.answers import AnswerStore
    from sentiscore.scoring.demo import demo
    from sentiscore.scoring.events import PhaseBegun, RowsDone, WindowDone
    from sentiscore.scoring.flat import FlatOptions
    from sentiscore.scoring.job import score_file
    from sentiscore.scoring.options import Parallel, RowOptions, RunOptions, ScorerOptions
    from sentiscore.scoring.patterns import expand_patterns
    from sentiscore.scoring.scorer import Scorer
    from sentiscore.scoring.tally import JobSummary
    from sentiscore.scoring.upkeep import Pruned, StoreInfo, cache_info, prune_cache
    from sentiscore.storage.options import StorageOptions
    from sentiscore.tables.dialect import CsvDialect
    from sentiscore.tables.inspection import Inspection, inspect
    from sentiscore.tables.labelled import (
        LabelledData,
        load_hub_data,
        read_labelled,
        read_pairs,
        read_soft_labelled,
        read_texts,
    )
    from sentiscore.tables.provenance import Provenance
    from sentiscore.training.distill import distill
    from sentiscore.training.distillation import Distillation
    from sentiscore.training.finetune import train
    from sentiscore.training.recipe import Recipe
    from sentiscore.training.run import Progress, TrainingResult
    from sentiscore.training.scratch import build_base
    from sentiscore.training.sets import read_sets, read_validation_sets
    from sentiscore.training.study import Trial
    from sentiscore.training.tuning import TuningResult, tune
    from sentiscore.validation import validate

_HOME = {
    "AnswerStore": "sentiscore.scoring.answers",
    "BehaviourReport": "sentiscore.behaviour.report",
    "CheckpointError": "sentiscore.errors",
    "CsvDialect": "sentiscore.tables.dialect",
    "DailyConfig": "sentiscore.features.config",
    "DailyFile": "sentiscore.nightly.daily_file",
    "DailyRequest": "sentiscore.features.request",
    "Distillation": "sentiscore.training.distillation",
    "DivergedError": "sentiscore.errors",
    "DriftReport": "sentiscore.monitoring.report",
    "ExplainedValue": "sentiscore.nightly.explain_file",
    "FlatOptions": "sentiscore.scoring.flat",
    "ForkError": "sentiscore.errors",
    "InputError": "sentiscore.errors",
    "Inspection": "sentiscore.tables.inspection",
    "JobPlan": "sentiscore.planning.job_plan",
    "JobSummary": "sentiscore.scoring.tally",
    "LabelledData": "sentiscore.tables.labelled",
    "MissingExtraError": "sentiscore.errors",
    "OutputError": "sentiscore.errors",
    "Parallel": "sentiscore.scoring.options",
    "PhaseBegun": "sentiscore.scoring.events",
    "PlotFile": "sentiscore.nightly.plot_file",
    "Progress": "sentiscore.training.run",
    "Provenance": "sentiscore.tables.provenance",
    "Pruned": "sentiscore.scoring.upkeep",
    "Recipe": "sentiscore.training.recipe",
    "Report": "sentiscore.evaluation.evaluate",
    "RowOptions": "sentiscore.scoring.options",
    "RowsDone": "sentiscore.scoring.events",
    "RunOptions": "sentiscore.scoring.options",
    "Scorer": "sentiscore.scoring.scorer",
    "ScorerOptions": "sentiscore.scoring.options",
    "SentiscoreError": "sentiscore.errors",
    "SentiscoreWarning": "sentiscore.errors",
    "StoppedError": "sentiscore.errors",
    "StorageOptions": "sentiscore.storage.options",
    "StoreInfo": "sentiscore.scoring.upkeep",
    "TrainingError": "sentiscore.errors",
    "TrainingResult": "sentiscore.training.run",
    "Trial": "sentiscore.training.study",
    "TuningResult": "sentiscore.training.tuning",
    "UpdatedFile": "sentiscore.nightly.update_daily",
    "ValidationError": "sentiscore.errors",
    "Verification": "sentiscore.engine.verification",
    "WindowDone": "sentiscore.scoring.events",
    "build_base": "sentiscore.training.scratch",
    "cache_info": "sentiscore.scoring.upkeep",
    "check_behaviour": "sentiscore.behaviour.check",
    "daily_file": "sentiscore.nightly.daily_file",
    "demo": "sentiscore.scoring.demo",
    "distill": "sentiscore.training.distill",
    "evaluate": "sentiscore.evaluation.evaluate",
    "expand_patterns": "sentiscore.scoring.patterns",
    "explain_file": "sentiscore.nightly.explain_file",
    "inspect": "sentiscore.tables.inspection",
    "load_hub_data": "sentiscore.tables.labelled",
    "monitor": "sentiscore.monitoring.monitor",
    "plan_job": "sentiscore.planning.plan_job",
    "plot_file": "sentiscore.nightly.plot_file",
    "prune_cache": "sentiscore.scoring.upkeep",
    "read_labelled": "sentiscore.tables.labelled",
    "read_sets": "sentiscore.training.sets",
    "read_soft_labelled": "sentiscore.tables.labelled",
    "read_pairs": "sentiscore.tables.labelled",
    "read_texts": "sentiscore.tables.labelled",
    "read_validation_sets": "sentiscore.training.sets",
    "sample_news": "sentiscore.samples",
    "score_file": "sentiscore.scoring.job",
    "train": "sentiscore.training.finetune",
    "tune": "sentiscore.training.tuning",
    "update_daily": "sentiscore.nightly.update_daily",
    "validate": "sentiscore.validation",
    "verify": "sentiscore.engine.verification",
    "write_reports": "sentiscore.evaluation.files",
}
"""The module of each public name; a test compares it with the names above and those in `__all__`."""

__all__ = [
    "AnswerStore",
    "BehaviourReport",
    "CheckpointError",
    "CsvDialect",
    "DailyConfig",
    "DailyFile",
    "DailyRequest",
    "Distillation",
    "DivergedError",
    "DriftReport",
    "ExplainedValue",
    "FlatOptions",
    "ForkError",
    "InputError",
    "Inspection",
    "JobPlan",
    "JobSummary",
    "LabelledData",
    "MissingExtraError",
    "OutputError",
    "Parallel",
    "PhaseBegun",
    "PlotFile",
    "Progress",
    "Provenance",
    "Pruned",
    "Recipe",
    "Report",
    "RowOptions",
    "RowsDone",
    "RunOptions",
    "Scorer",
    "ScorerOptions",
    "SentiscoreError",
    "SentiscoreWarning",
    "StoppedError",
    "StorageOptions",
    "StoreInfo",
    "TrainingError",
    "TrainingResult",
    "Trial",
    "TuningResult",
    "UpdatedFile",
    "ValidationError",
    "Verification",
    "WindowDone",
    "__version__",
    "build_base",
    "cache_info",
    "check_behaviour",
    "daily_file",
    "demo",
    "distill",
    "evaluate",
    "expand_patterns",
    "explain_file",
    "features",
    "inspect",
    "load_hub_data",
    "monitor",
    "plan_job",
    "plot_file",
    "prune_cache",
    "read_labelled",
    "read_pairs",
    "read_sets",
    "read_soft_labelled",
    "read_texts",
    "read_validation_sets",
    "sample_news",
    "score_file",
    "train",
    "tune",
    "update_daily",
    "validate",
    "verify",
    "write_reports",
]


def __getattr__(name: str) -> object:
    if name == "features":
        return import_module("sentiscore.features")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'sentiscore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
