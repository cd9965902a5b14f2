"""The folder of a tuning run, kept consistent with its study."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import polars as pl

from sentiscore.checkpoint.manifest import MANIFEST
from sentiscore.disk.durable import make_folder, sync_folder, write_text
from sentiscore.errors import OutputError
from sentiscore.tables import write_frame
from sentiscore.training.recipe import Recipe
from sentiscore.training.recipe_toml import recipe_toml
from sentiscore.training.study import Study, Trial
from sentiscore.training.trainer import LOG

STUDY: Final = "study.db"
TRIALS: Final = "trials"
BEST: Final = "best"
RECIPE: Final = "recipe.toml"
TABLE: Final = "trials.csv"
PAGE: Final = "tuning.html"

_LOCK: Final = ".study.lock"
_KEPT: Final = (LOG, RECIPE)


def check_folder(output: Path) -> None:
    """Check that the folder contains a study to continue, or is free for a new one.

    Raises:
        OutputError: The folder contains something else.
    """
    if (
        output.is_dir()
        and not (output / STUDY).exists()
        and any(not path.name.startswith(_LOCK) for path in output.iterdir())
    ):
        raise OutputError(f"{output} is not empty, and holds no study.", "Choose another --output.")


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """Create the folder, and lock out other processes; the operating system releases the lock when this one ends.

    Raises:
        OutputError: Another process is using it, or it cannot be created.
    """
    lock = None
    try:
        make_folder(output)
        lock = sqlite3.connect(output / _LOCK, timeout=0, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
    except (OSError, sqlite3.Error) as error:
        if lock is not None:
            lock.close()
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise OutputError(
                f"Another process is tuning in {output}.", "Wait until it is done, or choose another --output."
            ) from error
        raise OutputError(f"{output} cannot be written to: {error}.", "Choose another folder with --output.") from error
    try:
        yield
    finally:
        lock.close()


def folder_of(output: Path, number: int) -> Path:
    """The folder in which a trial is trained."""
    return output / TRIALS / f"{number:03}"


def settle(output: Path, study: Study, recipe: Recipe) -> None:
    """Bring the folder up to date with the study: move the best model, remove other weights, write the files.

    It may be interrupted at any point; the next call does the rest.

    Raises:
        OutputError: The folder cannot be written to.
    """
    trials, best = study.trials, study.best
    try:
        if best is not None:
            _keep_best(output, folder_of(output, best.number))
        known = {folder_of(output, trial.number) for trial in trials}
        for folder in (output / TRIALS).glob("*"):
            if folder in known:
                _strip(folder)
            else:
                shutil.rmtree(folder)  # of a trial that is not in the study
        for trial in trials:
            path = folder_of(output, trial.number) / RECIPE
            if path.parent.is_dir() and not path.exists():
                write_text(path, recipe_toml(recipe.with_changes(trial.settings), f"Trial {trial.number}."))
    except OSError as error:
        raise OutputError(
            f"{output} cannot be written to: {error}.", "Check that there is space on the disk."
        ) from error
    if trials:
        write_frame(_table(trials), output / TABLE)
    if best is not None:
        comment = f"Trial {best.number}, the best of {study.finished}: validation log loss {best.log_loss:.4f}."
        write_text(output / RECIPE, recipe_toml(recipe.with_changes(best.settings), comment))


def _keep_best(output: Path, trained: Path) -> None:
    """Move the best trial's model to its own folder, and leave a copy of its log with the trial."""
    kept = output / BEST
    if (trained / MANIFEST).exists():
        if kept.exists():
            shutil.rmtree(kept)
        trained.rename(kept)
        sync_folder(output)
    if kept.exists() and not trained.exists():
        trained.mkdir()
        shutil.copyfile(kept / LOG, trained / LOG)


def _strip(folder: Path) -> None:
    """Remove everything that a trial left except its recipe and its log."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in _KEPT:
            path.unlink()


def _table(trials: list[Trial]) -> pl.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "trial": trial.number,
            "outcome": trial.outcome,
            "log_loss": trial.log_loss,
            "accuracy": trial.accuracy,
            "seconds": round(trial.seconds, 1),
            **trial.settings,
        }
        for trial in trials
    ]
    return pl.DataFrame(rows, infer_schema_length=None)
