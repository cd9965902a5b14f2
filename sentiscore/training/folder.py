"""The folder of a training run: free, claimed, or left behind by a run that was stopped."""

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
"""The subfolder with the states from which a run can be resumed; removed when the run is complete."""


def has_state(output: Path) -> bool:
    """Whether this folder contains a run that was stopped."""
    return (output / STATE).is_dir()


def check_folder_free(output: Path, *, resume: bool) -> None:
    """Check that a run can start, or be resumed, in this folder.

    Raises:
        OutputError: It contains something else, is a file, or this user has no permission to read it.
        TrainingError: There is no run in it to resume.
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
        raise OutputError(
            f"{output} contains a run that was stopped.", "Resume it with --resume, or remove the folder."
        )
    if resume and not unfinished:
        raise TrainingError(f"{output} holds no run to take up.", "Leave --resume out to start one.")
    if not unfinished and output.is_dir() and any(output.iterdir()):
        raise OutputError(f"{output} is not empty.", "Choose another --output.")


def last_whole_state(output: Path) -> Path | None:
    """The newest saved state that is complete; newer ones, whose writing was interrupted, are removed.

    The Trainer writes `trainer_state.json` last, so a state is complete if that file can be read.
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
    """Create the run's folder and record what the run is made from, or compare with the existing record.

    Raises:
        TrainingError: The recorded run had other settings.
        OutputError: The folder cannot be created.
    """
    run = {
        **dataclasses.asdict(recipe),
        **record,
        "base": hash_base(base),
        "training rows": [data.fingerprint.sha256 for data in train_data],
        "targets of training rows": [data.hash_of_targets for data in train_data],
        "validation rows": [data.fingerprint.sha256 for data in eval_data],
    }
    run = json.loads(json.dumps(run))  # as it will be read back: with lists for tuples
    note = output / STATE / "run.json"
    if resume and note.exists():
        before = json.loads(note.read_text(encoding="utf-8"))
        if changed := [name for name in run if run[name] != before.get(name)]:
            raise TrainingError(
                f"The run in {output} was started with other settings: {', '.join(changed)}.",
                "Resume it with the settings that it started with, or start another in a new --output.",
            )
        return
    try:
        make_folder(note.parent)
    except OSError as error:
        raise OutputError(f"{output} cannot be created: {error}.", "Choose another folder with --output.") from error
    write_text(note, json.dumps(run, indent=2))
