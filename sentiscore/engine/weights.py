"""The tensors of a model folder, read from safetensors alone and checked for their shapes."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from sentiscore.errors import CheckpointError

_OLD_NORM: Final = re.compile(r"(?<=LayerNorm\.)(gamma|beta)$")
"""What BERT's first checkpoints, made with TensorFlow, call the weight and bias of a layer norm."""


def _new_name(match: re.Match[str]) -> str:
    return "weight" if match[1] == "gamma" else "bias"


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder by name.

    Raises:
        CheckpointError: A file is broken.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    weights: dict[str, Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            weights |= load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise CheckpointError(
                f"{path} cannot be loaded as a classifier: {error}.", "Copy or download the whole folder again."
            ) from error
    return {_OLD_NORM.sub(_new_name, name): tensor for name, tensor in weights.items()}


def take(weights: Mapping[str, Tensor], name: str, *shape: int) -> Tensor:
    """A tensor by name, in fp32.

    Raises:
        CheckpointError: It is missing, or of another shape than the config says.
    """
    found = weights.get(name)
    if found is None or found.shape != shape:
        raise CheckpointError(
            f"The weights lack {name}, or it is not of the shape {shape}.", "Copy or download the whole folder again."
        )
    return found.to(torch.float32)
