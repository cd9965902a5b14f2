"""Merges adapters into their base, giving one plain network.

An adapter is a pair of narrow matrices, B and A, added to a linear layer with weight W: the layer computes with W +
scale * B A, and only B and A were trained. Hu and others, "LoRA: Low-Rank Adaptation of Large Language Models", arXiv
2106.09685. If the base was held in 4 bits during training, W is what those 4 bits represent: Dettmers and others,
"QLoRA: Efficient Finetuning of Quantized LLMs", arXiv 2305.14314.
"""

import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn

from sentiscore.checkpoint.adapter_config import read_adapter_config
from sentiscore.checkpoint.config import CONFIG, read_config
from sentiscore.checkpoint.reading import Folder
from sentiscore.checkpoint.weights_header import ADAPTER_CONFIG
from sentiscore.engine.huggingface import build_classifier, check_body
from sentiscore.engine.probe import REFUSALS
from sentiscore.engine.products import is_machines
from sentiscore.engine.weights import read_weights
from sentiscore.errors import CheckpointError, import_extra

EXTRA: Final = "lora"
_OF_BASE: Final = "base/"


def import_peft() -> Any:
    """Import the library of adapters.

    Raises:
        MissingExtraError: It is not installed.
    """
    with _no_fetched_code():
        return import_extra("peft", EXTRA)


def import_bitsandbytes() -> Any:
    """Import the library of 4-bit weights.

    Raises:
        MissingExtraError: It is not installed.
    """
    with _no_fetched_code():
        return import_extra("bitsandbytes", EXTRA)


def block_linears(model: nn.Module) -> list[str]:
    """Names of the linear layers in the repeated blocks of a network, which get adapters, and 4 bits in QLoRA.

    The few linear layers outside, that is the head and the pooling before it, are new or small and are trained in full.
    """
    return [name for name, module in model.named_modules() if _is_linear(module) and _in_block(name)]


def other_linears(model: nn.Module) -> list[str]:
    """Names of the linear layers outside the repeated blocks of a network."""
    return [name for name, module in model.named_modules() if _is_linear(module) and not _in_block(name)]


def is_transposed(module: nn.Module) -> bool:
    """Whether this is a linear layer whose weight has shape (inputs, outputs), as in GPT-2."""
    transposed = import_extra("transformers.pytorch_utils", "hub").Conv1D
    return transposed in (type(module), getattr(module, "source_cls", None))  # its class before it was held in 4 bits


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or is_transposed(module)


def _in_block(name: str) -> bool:
    return any(part.isdigit() for part in name.split("."))


@torch.no_grad()
def round_to_4_bits(model: nn.Module) -> None:
    """Round the weights of the blocks' linear layers to 4-bit NF4, including double quantisation."""
    bnb = import_bitsandbytes()
    for name in block_linears(model):
        module: Any = model.get_submodule(name)
        weight: Tensor = module.weight.T if is_transposed(module) else module.weight
        packed, state = bnb.functional.quantize_4bit(weight.contiguous(), compress_statistics=True, quant_type="nf4")
        weight.copy_(bnb.functional.dequantize_4bit(packed, state))


def merge(folder: Folder, base: Folder, *, in_4_bits: bool, hashes: Mapping[str, str] | None = None) -> Any:
    """Load a base with adapters merged into its weights, in fp32 on the CPU.

    Args:
        folder: The folder of the adapters and of the complete classifier's config.
        base: The folder of the base on which they were trained.
        in_4_bits: Whether the base was held in 4 bits when they were trained.
        hashes: sha256 of the checked files by name; names of the base begin with "base/".

    Returns:
        A plain `AutoModelForSequenceClassification` in evaluation mode.

    Raises:
        CheckpointError: The adapters do not fit the base, or leave a part of the classifier untrained.
        MissingExtraError: The extra `lora` is not installed.
    """
    peft = import_peft()
    own = hashes or {}
    of_base = {name.removeprefix(_OF_BASE): value for name, value in own.items() if name.startswith(_OF_BASE)}
    config = read_config(folder, own.get(CONFIG))
    adapters = read_adapter_config(folder, own.get(ADAPTER_CONFIG))
    added, weights = read_weights(folder, own), read_weights(base, of_base)
    try:
        # the base's own head, if it has one, is replaced
        model, info = build_classifier(config, weights, torch.float32, ignore_mismatched_sizes=True)
        check_body(base, model, info)
        if in_4_bits:
            round_to_4_bits(model)
        merged = _put_on(peft, model, adapters, added).merge_and_unload()
    except REFUSALS as error:
        if is_machines(error):
            raise
        raise CheckpointError(
            f"The adapters in {folder} cannot be put on {base}: {str(error).splitlines()[0]}.",
            "Copy or download the whole folder again.",
        ) from error
    return merged.eval()


def _put_on(peft: Any, model: nn.Module, settings: Mapping[str, Any], weights: dict[str, Tensor]) -> Any:
    """Add adapters to a network, with only the checked settings of their config.

    Peft's own way to load them would also read pickles, and settings that run code.
    """
    with no_word_of_old_names():
        adapted = peft.get_peft_model(model, peft.LoraConfig(**settings))
    loaded = peft.set_peft_model_state_dict(adapted, weights)
    if lacking := [name for name in loaded.missing_keys if "lora_" in name] + loaded.unexpected_keys:
        raise KeyError(lacking[0])
    return adapted


@contextmanager
def no_word_of_old_names() -> Iterator[None]:
    """Silence a warning that peft uses something which transformers has renamed; it does not concern the user."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
        yield


@contextmanager
def _no_fetched_code() -> Iterator[None]:
    """On import, bitsandbytes fetches compiled code from the hub if the package `kernels` is installed.

    That code is for inference in 4 bits, which is not done here, so the package is hidden from it.
    """
    logger = logging.getLogger("bitsandbytes.backends.cpu.ops")
    level, kernels = logger.level, sys.modules.get("kernels")
    logger.setLevel(logging.ERROR)  # it warns that the package is missing
    modules: dict[str, Any] = sys.modules
    modules["kernels"] = None  # makes Python report the module as missing
    try:
        yield
    finally:
        logger.setLevel(level)
        del modules["kernels"]
        if kernels is not None:
            modules["kernels"] = kernels
