"""A study of trials in one SQLite file: the only module that knows Optuna.

The study is the record of a tuning run. Whatever happens to the process, the finished trials are in it, and the next
one depends only on them: for each trial the sampler is seeded with the seed and the number of finished trials, so that
a run that was stopped continues as if it had not been.
"""

import json
import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from sentiscore.errors import TrainingError, import_extra
from sentiscore.training.search_space import Choice, Span

COMPLETE: Final = "complete"
PRUNED: Final = "pruned"
STOPPED: Final = "stopped"

STARTUP: Final = 4
"""The number of complete trials after which trials may be pruned."""

ENOUGH: Final = 10
"""The number of complete trials from which importances are computed."""

_NAME: Final = "sentiscore tune"
_FIXED: Final = "fixed"
_OUTCOME: Final = "outcome"
_ACCURACY: Final = "accuracy"
_PATIENCE_SECONDS: Final = 60


@dataclass(frozen=True)
class Trial:
    """One set of settings, and the result of training with it.

    Attributes:
        number: Its number in the study, from 0.
        outcome: "complete", "pruned" (ended early, since it was worse than most), "stopped" (with its process, and
            repeated as another trial), or the reason why it failed: "diverged", "out of memory".
        log_loss: The lowest validation log loss after temperature that it reached; None without a validation.
        accuracy: The validation accuracy of that state.
        seconds: How long it took.
        settings: The values of the searched settings.
    """

    number: int
    outcome: str
    log_loss: float | None
    accuracy: float | None
    seconds: float
    settings: dict[str, Any]


class OpenTrial:
    """A trial that is running."""

    def __init__(self, study: Any, trial: Any) -> None:
        self._study = study
        self._trial = trial
        self.number: int = trial.number
        self.settings: dict[str, Any] = dict(trial.params)

    def report(self, log_loss: float, point: int) -> bool:
        """Record the lowest loss so far at a point of the run that all trials share.

        Returns:
            Whether it is worse than that of most trials at this point.
        """
        self._trial.report(log_loss, point)
        return bool(self._trial.should_prune())

    def end(self, outcome: str, log_loss: float | None, accuracy: float | None) -> None:
        """Record the result."""
        states = import_extra("optuna", "tune").trial.TrialState
        self._trial.set_user_attr(_OUTCOME, outcome)
        self._trial.set_user_attr(_ACCURACY, accuracy)
        if outcome == COMPLETE:
            self._study.tell(self._trial, log_loss)
        else:
            self._study.tell(self._trial, state=states.PRUNED)


class Study:
    """The trials of a tuning run.

    Args:
        path: The SQLite file, which is created if it does not exist.
        fixed: Everything that all trials share, as JSON. It has to be the same as when the study was started.
        space: The range of each searched setting.
        first: The settings of the first trial.
        seed: The seed of the sampler.

    Raises:
        TrainingError: The file is damaged or not such a study, or the study was started with other settings.
        MissingExtraError: Optuna is not installed.
    """

    def __init__(
        self,
        path: Path,
        *,
        fixed: Mapping[str, Any],
        space: Mapping[str, Span | Choice],
        first: Mapping[str, Any],
        seed: int,
    ) -> None:
        self._optuna = import_extra("optuna", "tune")
        self._optuna.logging.set_verbosity(self._optuna.logging.ERROR)
        self._space = {name: self._distribution(known) for name, known in space.items()}
        self._first = dict(first)
        self._seed = seed
        if path.exists():
            _check_whole(path)
        storage = self._optuna.storages.RDBStorage(
            "sqlite:///study.db",  # the name is not used: our own connection takes any path as it is
            engine_kwargs={
                "creator": partial(sqlite3.connect, path, timeout=_PATIENCE_SECONDS, check_same_thread=False)
            },
        )
        self._study = self._open(storage, path, json.loads(json.dumps(fixed)))

    @property
    def trials(self) -> list[Trial]:
        """The trials that have ended, in order."""
        return [_trial(trial) for trial in self._study.trials if trial.state.is_finished()]

    @property
    def finished(self) -> int:
        """The number of trials that have ended and need not be repeated."""
        return sum(trial.outcome != STOPPED for trial in self.trials)

    @property
    def best(self) -> Trial | None:
        """The complete trial with the lowest loss."""
        complete = [trial for trial in self.trials if trial.outcome == COMPLETE]
        return min(complete, key=lambda trial: math.inf if trial.log_loss is None else trial.log_loss, default=None)

    def ask(self) -> OpenTrial:
        """Begin the next trial."""
        finished = self.finished
        seed = int(np.random.SeedSequence([self._seed, finished]).generate_state(1)[0])
        self._study.sampler = self._optuna.samplers.TPESampler(seed=seed)
        if not finished and not self._study.get_trials(states=[self._optuna.trial.TrialState.WAITING]):
            self._study.enqueue_trial(self._first)
        return OpenTrial(self._study, self._study.ask(self._space))

    def importances(self) -> dict[str, float]:
        """The share of the differences in loss that each setting explains, the largest first.

        Computed from the complete trials by functional ANOVA over a random forest (Hutter and others, 2014). Empty if
        fewer than ENOUGH trials are complete, or all have the same loss.
        """
        complete = [trial for trial in self.trials if trial.outcome == COMPLETE]
        if len(complete) < ENOUGH or len({trial.log_loss for trial in complete}) == 1:
            return {}
        evaluator = self._optuna.importance.FanovaImportanceEvaluator(seed=self._seed)
        found = self._optuna.importance.get_param_importances(self._study, evaluator=evaluator)
        return {name: float(share) for name, share in found.items()}

    def _open(self, storage: Any, path: Path, fixed: dict[str, Any]) -> Any:
        names = self._optuna.get_all_study_names(storage)
        if set(names) - {_NAME}:
            raise TrainingError(f"{path} is not a study of sentiscore tune.", "Choose another --output.")
        if names:
            study = self._optuna.load_study(study_name=_NAME, storage=storage, pruner=self._pruner())
            if any(trial.state.name in ("COMPLETE", "PRUNED") for trial in study.trials):
                _check_same(path, study.user_attrs.get(_FIXED, {}), fixed)
                self._fail_running(study)
                return study
            self._optuna.delete_study(study_name=_NAME, storage=storage)  # without a result: start over
        study = self._optuna.create_study(
            study_name=_NAME, storage=storage, direction="minimize", pruner=self._pruner()
        )
        study.set_user_attr(_FIXED, fixed)
        return study

    def _fail_running(self, study: Any) -> None:
        """Mark trials that were running when their process ended as failed."""
        states = self._optuna.trial.TrialState
        for trial in study.get_trials(states=[states.RUNNING]):
            study.tell(trial.number, state=states.FAIL)

    def _pruner(self) -> Any:
        return self._optuna.pruners.MedianPruner(n_startup_trials=STARTUP)

    def _distribution(self, known: Span | Choice) -> Any:
        kinds = self._optuna.distributions
        if isinstance(known, Choice):
            return kinds.CategoricalDistribution(known.values)
        return kinds.FloatDistribution(known.low, known.high, log=known.log)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn failures to use the study's file into errors that name it.

    Raises:
        TrainingError: The file cannot be read or written.
    """
    optuna = import_extra("optuna", "tune")
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, sqlite3.Error) as error:
        cause = error.__cause__ or error
        raise TrainingError(
            f"The study {path} cannot be read or written: {str(cause).splitlines()[0].rstrip('.')}.",
            "Check that there is space on the disk; if the file is damaged, start a new study in another --output.",
        ) from error


def _check_whole(path: Path) -> None:
    file = sqlite3.connect(path)
    try:
        found = file.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)
    finally:
        file.close()


def _check_same(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    names = [*now, *(name for name in before if name not in now)]
    if changed := [name for name in names if name not in before or name not in now or before[name] != now[name]]:
        raise TrainingError(
            f"The study in {path.parent} was started with other settings: {', '.join(changed)}.",
            "Continue with the settings and rows that it started with, or start another study in a new --output.",
        )


def _trial(trial: Any) -> Trial:
    reported = trial.intermediate_values.values()
    return Trial(
        number=trial.number,
        outcome=trial.user_attrs.get(_OUTCOME, STOPPED) if trial.state.name != "FAIL" else STOPPED,
        log_loss=trial.value if trial.state.name == "COMPLETE" else min(reported, default=None),
        accuracy=trial.user_attrs.get(_ACCURACY),
        seconds=trial.duration.total_seconds(),
        settings=dict(trial.params),
    )
