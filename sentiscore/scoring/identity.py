"""What the answers of a scorer depend on, apart from the text."""

from importlib.metadata import version
from typing import Final

from sentiscore.checkpoint import Checkpoint
from sentiscore.engine import torch
from sentiscore.engine.classifier import Classifier
from sentiscore.engine.device import dtype_name
from sentiscore.labels import AS_IS
from sentiscore.version import __version__

_ANSWERS: Final = "2"
"""Increased whenever the answers of a model change; columns are made of answers, and may change without it."""


def identity_of(checkpoint: Checkpoint, classifier: Classifier, overflow: str, clean: str) -> dict[str, str]:
    """Everything that answers depend on except the text, by name: equal identities give equal answers.

    Args:
        checkpoint: The model.
        classifier: The model as it is loaded.
        overflow: What is done with a text that is too long.
        clean: What is taken out of texts.
    """
    return {
        "model": checkpoint.sha256_of(tokenizer=False),
        "tokenizer": checkpoint.sha256_of(tokenizer=True),
        "labels": ",".join(checkpoint.outputs),
        "temperature": repr(checkpoint.temperature),
        "max_length": str(classifier.encoder.max_length),
        "overflow": overflow,
        **({} if clean == AS_IS else {"clean": clean}),
        "dtype": dtype_name(classifier.dtype),
        "device": str(classifier.device).split(":", maxsplit=1)[0],
        "sentiscore": f"{__version__}, answers {_ANSWERS}",
        "torch": torch.__version__,
        "tokenizers": version("tokenizers"),
        "transformers": version("transformers") if classifier.computed_by_transformers else "",
    }
