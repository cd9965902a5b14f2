"""The folder of a training run: free, claimed, or left by a run that was stopped."""

import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sentiscore.checkpoint.load import hash_base
from sentiscore.checkpoint.manifest import MANIFEST
from sentiscore.checkpoint.reading import Folder
from sentiscore.disk.durable import make_folder, write_text
from sentiscore.disk.failures import translated
from sentiscore.errors import OutputError, TrainingError
from sentiscore.tables.labelled import LabelledData
from sentiscore.training.recipe import Recipe

STATE: Final = "training"
"""Where in the folder the states are that a run can be resumed from; gone when the run is complete."""


def has_state(output: Path) -> bool:
    """Does this folder hold a run that was stopped?"""
    return (output / STATE).is_dir()


def check_folder_free(output: Path, *, resume: bool) -> None:
    """May a run begin, or be taken up, in this folder?

    Raises:
        OutputError: It holds something else, is a file, or may not be looked at by this user.
        TrainingError: There is nothing in it to take up.
    """
    with translated(output):
        if output.exists() and not output.is_dir():
            raise OutputError(f"{output} is not a folder.", "Choose another --output.")
        _check_free(output, resume=resume)


def _check_free(output: Path, *, resume: bool) -> None:
    if (output / MANIFEST).exists():
        raise OutputError(f"{output} already holds a trained model.", "Choose another --output, or remove it.")
    unfinished = has_state(output)
    if unfinished and not resume:
        raise OutputError(f"{output} holds a run that was stopped.", "Take it up with --resume, or remove the folder.")
    if resume and not unfinished:
        raise TrainingError(f"{output} holds no run to take up.", "Leave --resume out to begin one.")
    if not unfinished and output.is_dir() and any(output.iterdir()):
        raise OutputError(f"{output} is not empty.", "Choose another --output.")


def last_whole_state(output: Path) -> Path | None:
    """The newest saved state that is whole; newer ones, which a stop cut short, are removed.

    The Trainer writes `trainer_state.json` last, so a state where it can be read is whole.
    """
    states = sorted((output / STATE).glob("checkpoint-*"), key=step_of, reverse=True)
    for state in states:
        try:
            json.loads((state / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(state)
        else:
            return state
    return None


def step_of(state: Path) -> int:
    """The step at which a state was saved."""
    return int(state.name.rsplit("-", 1)[1])


def claim_folder(
    output: Path,
    recipe: Recipe,
    base: Folder,
    train_data: Sequence[LabelledData],
    eval_data: Sequence[LabelledData],
    *,
    record: Mapping[str, Any],
    resume: bool,
) -> None:
    """Make the run's folder and note what the run is, or compare with what was noted.

    Raises:
        TrainingError: The run that was noted had other settings.
        OutputError: The folder cannot be made.
    """
    run = {
        **dataclasses.asdict(recipe),
        **record,
        "base": hash_base(base),
        "training rows": [data.fingerprint.sha256 for data in train_data],
        "targets of training rows": [data.hash_of_targets for data in train_data],
        "validation rows": [data.fingerprint.sha256 for data in eval_data],
    }
    run = json.loads(json.dumps(run))  # as it will be read again: a tuple is a list there
    note = output / STATE / "run.json"
    if resume and note.exists():
        before = json.loads(note.read_text(encoding="utf-8"))
        if changed := [name for name in run if run[name] != before.get(name)]:
            raise TrainingError(
                f"The run in {output} was begun with other settings: {', '.join(changed)}.",
                "Resume it with the settings that it began with, or begin another in a new --output.",
            )
        return
    try:
        make_folder(note.parent)
    except OSError as error:
        raise OutputError(f"{output} cannot be made: {error}.", "Choose another place with --output.") from error
    write_text(note, json.dumps(run, indent=2))
