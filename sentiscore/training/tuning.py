"""Searches for a better recipe: many training runs on the same rows, each with other settings."""

import dataclasses
import gc
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from sentiscore import forks
from sentiscore.checkpoint.load import check_base, find_folder, hash_base
from sentiscore.checkpoint.manifest import Manifest
from sentiscore.checkpoint.weights_header import count_numbers
from sentiscore.disk import failures
from sentiscore.disk.durable import write_text
from sentiscore.errors import DivergedError, OutputError, SentiscoreWarning, TrainingError, require_extra
from sentiscore.local import local_path
from sentiscore.tables.labelled import LabelledData, load_hub_data
from sentiscore.training.base import check_installed
from sentiscore.training.by_rows import choose_by_rows, count_rows
from sentiscore.training.finetune import train
from sentiscore.training.recipe import Recipe
from sentiscore.training.run import Progress
from sentiscore.training.search_space import own_values, search_space
from sentiscore.training.study import COMPLETE, PRUNED, OpenTrial, Study, Trial, translated
from sentiscore.training.trainer import CALIBRATED_LOSS
from sentiscore.training.tuning_folder import BEST, PAGE, STUDY, TABLE, alone, check_folder, folder_of, settle
from sentiscore.training.tuning_html import tuning_page
from sentiscore.training.weaknesses import WARNING, warn_of


@dataclass(frozen=True)
class TuningResult:
    """The result of a tuning run.

    Attributes:
        folder: The folder with everything that was written.
        trials: All trials of the study, including those of earlier runs.
        best: The trial with the lowest validation log loss.
        recipe: Its recipe.
        importances: The share of the differences in loss that each setting explains, the largest first; empty if there
            are too few complete trials, or all have the same loss.
        weaknesses: What the best model does no better than something simpler; see `Manifest`.
        first: The first trial, with the settings of the recipe that the search started with.
    """

    folder: Path
    trials: tuple[Trial, ...]
    best: Trial
    recipe: Recipe
    importances: dict[str, float]
    weaknesses: tuple[str, ...]
    first: Trial

    @property
    def checkpoint(self) -> Path:
        """The model of the best trial."""
        return self.folder / BEST

    @property
    def finished(self) -> int:
        """The number of trials that have ended and need not be repeated."""
        return sum(trial.outcome != "stopped" for trial in self.trials)


def tune(
    recipe: Recipe,
    *,
    output: str | Path,
    train_data: Sequence[LabelledData] | None = None,
    eval_data: Sequence[LabelledData] | None = None,
    trials: int = 20,
    max_minutes: float | None = None,
    device: str = "auto",
    on_trial: Callable[[Trial, Trial | None, int], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> TuningResult:
    """Search for the settings of a recipe that give the lowest validation log loss, after temperature.

    The search covers the learning rate, the batch size, the epochs, the warm-up, the weight decay and the label
    smoothing, in ranges that suit the size of the base. The first trial is the recipe as it is, so that the result is
    never worse. A trial that is worse than the median of the others at the same share of its run is ended early. The
    recipe's seed determines all samples.

    `output` then contains `recipe.toml` (the best recipe), `best/` (the model of the best trial), `trials.csv`,
    `tuning.html` (which settings mattered), `study.db` (the study, from which the same call continues) and `trials/NNN`
    with each trial's recipe and log. The weights of all other trials are removed.

    The validation rows choose among all trials, so the figures on them are better than on new text.

    Args:
        recipe: The recipe to start with; settings that are not searched stay as they are.
        output: The folder to create, or that of a study to continue.
        train_data: Sets of rows to learn from; the recipe's hub data set by default.
        eval_data: Sets of rows to compare the trials by, with equal weight for each set.
        trials: The total number of trials of the study, including those of earlier calls.
        max_minutes: Start no more trials after this many minutes; the first trial of a call is always started.
        device: "auto", "cpu", "cuda" or "cuda:N".
        on_trial: Called after each trial with it, the best so far and the number of finished trials.
        on_progress: Called after each step and each validation of a trial.

    Raises:
        TrainingError: The study cannot be continued, or no trial was completed.
        CheckpointError: The base cannot be loaded.
        InputError: The data cannot be used.
        OutputError: The folder is in use or may not be written to.
        MissingExtraError: An optional dependency is not installed.
    """
    forks.check()
    if trials < 1:
        raise TrainingError(f"There are {trials} trials to run.", "Request 1 or more with --trials.")
    if (train_data is None) != (eval_data is None):
        raise TrainingError("Training rows and validation rows go together.", "Give both files, or neither.")
    _check_installed()
    output = local_path(output, OutputError)
    with failures.translated(output):
        check_folder(output)
    base, _ = find_folder(recipe.base, recipe.base_revision or None)
    check_base(base)
    if train_data is None or eval_data is None:
        train_data, eval_data = ([rows] for rows in load_hub_data(recipe.data, recipe.data_revision))
    weights = count_numbers(base)
    recipe, left_out = _completed(recipe, train_data, weights)
    space = search_space(weights, recipe)
    if on_progress is not None and left_out:
        on_progress(Progress(0, 1, 0.0, settings=left_out))
    fixed = {
        **dataclasses.asdict(recipe),
        "base": hash_base(base),
        **_rows_of(train_data, eval_data),
        "search space": {name: dataclasses.asdict(known) for name, known in space.items()},
    }
    started = time.monotonic()
    shown: set[str] = set()
    with alone(output), translated(output / STUDY):
        study = Study(output / STUDY, fixed=fixed, space=space, first=own_values(space, recipe), seed=recipe.seed)
        settle(output, study, recipe)
        ran = False
        while (done := study.finished) < trials and not (ran and _is_over(started, max_minutes)):
            trial = study.ask()
            with _each_warning_once(shown):
                _run(
                    trial,
                    recipe,
                    folder=folder_of(output, trial.number),
                    train_data=train_data,
                    eval_data=eval_data,
                    device=device,
                    on_progress=on_progress,
                )
            ran = True
            settle(output, study, recipe)
            gc.collect()  # models and their optimizers are in reference cycles
            if on_trial is not None:
                on_trial(study.trials[-1], study.best, done + 1)
        return _result(output, study, recipe)


def _check_installed() -> None:
    require_extra("tune", "optuna", "tomli_w", "matplotlib")
    check_installed()


def _rows_of(train_data: Sequence[LabelledData], eval_data: Sequence[LabelledData]) -> dict[str, list[str]]:
    """What identifies the rows of a study."""
    return {
        "training rows": [rows.fingerprint.sha256 for rows in train_data],
        "targets of training rows": [rows.hash_of_targets for rows in train_data],
        "validation rows": [rows.fingerprint.sha256 for rows in eval_data],
    }


def _completed(
    recipe: Recipe, train_data: Sequence[LabelledData], weights: int
) -> tuple[Recipe, dict[str, float | int]]:
    """The recipe with the settings that it leaves out, and these."""
    chosen = choose_by_rows(recipe, rows=count_rows(train_data), weights=weights).left_out_of(recipe)
    return recipe.with_changes(chosen), chosen


def _weaknesses(best: Path) -> tuple[str, ...]:
    """Those of the best model; a warning too if there are any."""
    manifest = Manifest.read(best)
    if manifest is None:
        return ()
    warn_of(manifest)
    return manifest.weaknesses


def _run(
    trial: OpenTrial,
    recipe: Recipe,
    *,
    folder: Path,
    train_data: Sequence[LabelledData],
    eval_data: Sequence[LabelledData],
    device: str,
    on_progress: Callable[[Progress], None] | None,
) -> None:
    """Train with a trial's settings, and record the result in the study."""
    best: tuple[float, float | None] = (math.inf, None)
    last_point, points = 0, recipe.evals_per_epoch or 1

    class PrunedError(Exception):
        """Ends the training of a trial that is worse than most."""

    def watch(state: Progress) -> None:
        nonlocal best, last_point
        if on_progress is not None:
            on_progress(state)
        if state.metrics is None:
            return
        best = min(best, (state.metrics[CALIBRATED_LOSS], state.metrics["accuracy"]), key=lambda figures: figures[0])
        point = _point(state, points)
        if point > last_point:
            last_point = point
            if trial.report(best[0], point) and point < points:
                raise PrunedError

    outcome = COMPLETE
    try:
        train(
            recipe.with_changes(trial.settings),
            output=folder,
            train_data=train_data,
            eval_data=eval_data,
            device=device,
            on_progress=watch,
        )
    except PrunedError:
        outcome = PRUNED
    except DivergedError:
        outcome = "diverged"
    except torch.OutOfMemoryError:
        outcome = "out of memory"
    trial.end(outcome, best[0], best[1])


def _point(state: Progress, points: int) -> int:
    """The point of a run that a validation belongs to: of four points, the second is at half of the steps.

    Trials of different lengths are compared at equal shares of their run, where their learning rates have fallen by the
    same share. A validation may come up to a step before its point, since the number of steps is an integer.
    """
    return min((state.step + 1) * points // state.steps, points)


def _is_over(started: float, max_minutes: float | None) -> bool:
    return max_minutes is not None and time.monotonic() - started >= max_minutes * 60


@contextmanager
def _each_warning_once(shown: set[str]) -> Iterator[None]:
    """Pass on each warning only once, and not again for each trial; that one is weak is said of the best alone."""
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", SentiscoreWarning)
            yield
    finally:
        for warning in caught:
            if str(warning.message) not in shown and not str(warning.message).startswith(WARNING):
                shown.add(str(warning.message))
                warnings.warn(warning.message, warning.category, stacklevel=4)


def _result(output: Path, study: Study, recipe: Recipe) -> TuningResult:
    """Write the page, and return the result.

    Raises:
        TrainingError: No trial was completed.
    """
    trials, best = study.trials, study.best
    if best is None:
        outcomes = sorted({trial.outcome for trial in trials})
        raise TrainingError(
            f"None of {study.finished} trials came to its end ({', '.join(outcomes)}); see {output / TABLE}.",
            "Start again in a new --output with a lower learning_rate, a smaller batch_size or a shorter max_length.",
        )
    importances = study.importances()
    found = recipe.with_changes(best.settings)
    write_text(output / PAGE, tuning_page(recipe, trials, best, importances))
    return TuningResult(
        folder=output,
        trials=tuple(trials),
        best=best,
        recipe=found,
        importances=importances,
        weaknesses=_weaknesses(output / BEST),
        first=next(trial for trial in trials if trial.outcome != "stopped"),
    )
