"""Reads the tensors of a model folder, from safetensors only, and checks their shapes."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import torch
from torch import Tensor

from sentiscore.checkpoint.reading import Folder, read_inside
from sentiscore.checkpoint.weights_header import WIDTHS, Entry, broken, parse_header, weight_files
from sentiscore.errors import CheckpointError

Held = TypeVar("Held")

_OLD_NORM: Final = re.compile(r"(?<=LayerNorm\.)(gamma|beta)$")
"""The names of a layer norm's weight and bias in BERT's first checkpoints, which were made with TensorFlow."""


_DOT: Final = re.compile(r"\.")
_WRAPPERS: Final = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module")
"""The prefixes that torch adds to names in a network, or a part of it, that was compiled or wrapped."""


def _new_name(match: re.Match[str]) -> str:
    return "weight" if match[1] == "gamma" else "bias"


_DTYPES: Final = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_weights(folder: Folder, hashes: Mapping[str, str] | None = None) -> dict[str, Tensor]:
    """Read all tensors of a folder by name.

    A file is read into memory once, and the hashed bytes are those of the tensors: whoever can write to the folder
    while it is loaded, or while texts are scored, cannot change anything.

    Args:
        folder: The model folder.
        hashes: sha256 of its checked files by name.

    Raises:
        CheckpointError: A file is broken, or has changed since it was checked.
    """
    weights: dict[str, Tensor] = {}
    for name in weight_files(folder):
        weights |= _tensors(folder, name, (hashes or {}).get(name))
    return {_OLD_NORM.sub(_new_name, name): tensor for name, tensor in weights.items()}


def unwrapped(weights: Mapping[str, Held], expected: Iterable[str]) -> dict[str, Held]:
    """Restore the names that tensors had before their network was compiled or wrapped.

    `torch.compile`, FSDP and DataParallel ("module.") put prefixes before the names of the network, or inside them if
    only a part of it was wrapped. They are dropped unless the network itself has them. Lightning ("model.") and others
    put one prefix before all names: the prefix is chosen without which most names are expected ones. Tensors of the
    wrapper itself, such as a metric's, are left out.

    Args:
        weights: Tensors by name.
        expected: Names of tensors of the network, not necessarily all.

    Returns:
        The tensors by their original names, in the same order.
    """
    wanted = set(expected)
    wrappers = set(_WRAPPERS) - {part for name in wanted for part in name.split(".")}
    plain = {name: ".".join(part for part in name.split(".") if part not in wrappers) for name in weights}
    if len(set(plain.values())) < len(plain):
        return dict(weights)
    found = Counter(
        name[:start]
        for name in plain.values()
        for start in (0, *(match.end() for match in _DOT.finditer(name)))
        if name[start:] in wanted
    )
    prefix, _ = max(found.items(), key=lambda item: (item[1], item[0] == ""), default=("", 0))
    return {name.removeprefix(prefix): weights[old] for old, name in plain.items() if name.startswith(prefix)}


def _tensors(folder: Folder, name: str, sha256: str | None) -> dict[str, Tensor]:
    data = read_inside(folder, name, sha256=sha256)
    try:
        header = parse_header(memoryview(data), len(data))
    except ValueError as error:
        raise broken(folder / name, error) from error
    return {tensor: _tensor(data, entry) for tensor, entry in header.items()}


def _tensor(data: bytearray, entry: Entry) -> Tensor:
    dtype = _DTYPES[entry.dtype]
    numbers = math.prod(entry.shape)
    if numbers == 0:
        return torch.empty(entry.shape, dtype=dtype)
    if dtype is torch.bool:  # any byte other than 0 is true
        return torch.frombuffer(data, dtype=torch.uint8, count=numbers, offset=entry.start).reshape(entry.shape) != 0
    flat = torch.frombuffer(data, dtype=torch.uint8, count=entry.end - entry.start, offset=entry.start)
    if entry.start % WIDTHS[entry.dtype]:
        flat = flat.clone()  # numbers must be aligned to their size
    return flat.view(dtype).reshape(entry.shape)


def take(weights: Mapping[str, Tensor], name: str, *shape: int) -> Tensor:
    """Take a tensor by name, in fp32.

    Raises:
        CheckpointError: It is missing, or has another shape than the config says.
    """
    found = weights.get(name)
    if found is None or found.shape != shape:
        raise CheckpointError(
            f"The weights lack {name}, or it is not of the shape {shape}.", "Copy or download the whole folder again."
        )
    return found.to(torch.float32)
