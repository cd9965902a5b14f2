"""Loads a model once for all expressions and transformers of a process."""

from dataclasses import replace
from pathlib import Path

from sentiscore.checkpoint import load_checkpoint
from sentiscore.engine.device import choose_device, choose_dtype
from sentiscore.scoring.kept import kept
from sentiscore.scoring.loading import warn_about
from sentiscore.scoring.options import ScorerOptions
from sentiscore.scoring.pickled import Origin
from sentiscore.scoring.scorer import Scorer


def shared_scorer(model: str | Path | ScorerOptions | Scorer, *, stacklevel: int) -> Scorer:
    """A scorer of a model, with a network that is loaded once per process and shared.

    The files are hashed each time, so a folder that has changed is loaded again.

    Args:
        model: "default", a folder, a hub id, everything about the model, or a loaded scorer.
        stacklevel: The level of the caller whom a warning about the model is for; 2 is the caller of this function.

    Raises:
        CheckpointError: It cannot be found or loaded.
        InputError: The device or dtype does not exist, or max_length is out of range.
    """
    if isinstance(model, Scorer):
        return model
    asked = model if isinstance(model, ScorerOptions) else ScorerOptions(model=model)
    choose_dtype(asked.dtype, choose_device(asked.device))  # fail before reading the model's files
    checkpoint = load_checkpoint(asked.model, revision=asked.revision, labels=asked.labels)
    origin = Origin.of(checkpoint)
    exact = replace(asked, model=origin.model, revision=origin.revision)
    scorer = kept((Scorer, origin, exact), lambda: Scorer.load(checkpoint, exact))
    warn_about(checkpoint, scorer._classifier, stacklevel=stacklevel + 1)
    return scorer
