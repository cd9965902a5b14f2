"""Loads the network and the tokenizer of a scorer as they were requested."""

import warnings

from sentiscore.checkpoint import Checkpoint
from sentiscore.engine import torch
from sentiscore.engine.classifier import SHORTEST, Classifier
from sentiscore.engine.device import choose_device, choose_dtype
from sentiscore.errors import CheckpointError, InputError, SentiscoreWarning
from sentiscore.scoring.options import ScorerOptions


def load_classifier(checkpoint: Checkpoint, asked: ScorerOptions) -> Classifier:
    """Load the network of a checkpoint; in fp32 if the dtype is "auto" and the network cannot compute with another.

    Args:
        checkpoint: The model.
        asked: The device, number type and maximum length.

    Raises:
        CheckpointError: It cannot be loaded.
        InputError: The device or dtype does not exist, or max_length is out of range.
    """
    length = asked.max_length
    if length is not None and not SHORTEST <= length <= checkpoint.longest:
        raise InputError(
            f"{checkpoint.name} can read {SHORTEST} to {checkpoint.longest} tokens, not {length}.",
            "Choose a --max-length (max_length) in that range.",
        )
    device = choose_device(asked.device)
    dtype = choose_dtype(asked.dtype, device)
    try:
        return Classifier.load(checkpoint, device=device, dtype=dtype, max_length=length)
    except CheckpointError:
        if asked.dtype != "auto" or dtype is torch.float32:
            raise
    return Classifier.load(checkpoint, device=device, dtype=torch.float32, max_length=length)


def warn_about(checkpoint: Checkpoint, classifier: Classifier, *, stacklevel: int) -> None:
    """Warn about a model that contradicts itself, or that was never calibrated.

    Args:
        checkpoint: The model.
        classifier: What was loaded of it.
        stacklevel: The level of the caller whom the warning is for; 2 is the caller of this function.
    """
    if differences := classifier.encoder.differences:
        warnings.warn(
            f"{checkpoint.name} contradicts itself on how texts are read: {', '.join(differences)}. They are read "
            "as transformers does.",
            SentiscoreWarning,
            stacklevel=stacklevel,
        )
    if checkpoint.temperature is None:
        warnings.warn(
            f"{checkpoint.name} is not calibrated: its probabilities are as they come, and mostly too sure. "
            f"A temperature is fitted by: sentiscore train --base {checkpoint.name}",
            SentiscoreWarning,
            stacklevel=stacklevel,
        )
