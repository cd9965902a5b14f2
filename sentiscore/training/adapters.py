"""Which weights are trained: all, the head alone, or low-rank adapters next to a base's frozen weights.

The head is everything after the network that the base shares with other tasks, including the pooler.

LoRA: Hu and others, arXiv 2106.09685. QLoRA (4-bit NF4 weights, double quantisation): Dettmers and others,
arXiv 2305.14314. Each linear layer in the network's blocks gets an adapter; the head, which is new, is trained in
full. `sentiscore.engine.adapters` combines adapters with their base.
"""

import copy
from pathlib import Path
from typing import Any, Final

import torch

from sentiscore.checkpoint import KeptAdapters
from sentiscore.checkpoint.load import hash_base
from sentiscore.checkpoint.weights_header import ADAPTERS
from sentiscore.engine.adapters import (
    block_linears,
    import_bitsandbytes,
    import_peft,
    is_transposed,
    merge,
    no_word_of_old_names,
    other_linears,
)
from sentiscore.errors import CheckpointError, MissingExtraError, TrainingError
from sentiscore.training.folder import STATE
from sentiscore.training.recipe import Recipe

_OUTSIDE_OF_BLOCKS: Final = r"(?!(?:.*\.)?\d+(?:\.|$)).*"
"""Matches names without a number between dots: modules outside the blocks that a network repeats."""


def check_recipe(recipe: Recipe) -> None:
    """Check that the recipe's method can be used here.

    Raises:
        MissingExtraError: The extra `lora` is not installed.
        TrainingError: The recipe keeps adapters but does not train any.
    """
    if not has_adapters(recipe) and recipe.adapters == "keep":
        raise TrainingError("Without adapters there are none to keep.", "Use --method lora or --method qlora.")
    # The Trainer imports both if they are installed, even for full training; imported here, they fetch nothing.
    for name, load in (("peft", import_peft), ("bitsandbytes", import_bitsandbytes)):
        try:
            load()
        except MissingExtraError:
            if name in libraries(recipe):
                raise


def has_adapters(recipe: Recipe) -> bool:
    """Whether the recipe trains adapters."""
    return bool(libraries(recipe))


def libraries(recipe: Recipe) -> tuple[str, ...]:
    """The libraries that a recipe's method needs in addition to the usual ones."""
    return {"lora": ("peft",), "qlora": ("peft", "bitsandbytes")}.get(recipe.method, ())


def how_to_load(transformers: Any, recipe: Recipe, device: torch.device, dtype: torch.dtype) -> dict[str, Any]:
    """The arguments with which `from_pretrained` loads the blocks' linear layers in 4 bits; empty except for QLoRA."""
    if recipe.method != "qlora":
        return {}
    return {
        "quantization_config": transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
            llm_int8_skip_modules=[_OUTSIDE_OF_BLOCKS],
        ),
        "device_map": {"": (device.index or 0) if device.type == "cuda" else device.type},
    }


def choose_weights(model: Any, recipe: Recipe, loading_info: dict[str, Any]) -> Any:
    """The network with only those weights trainable that the recipe trains: all, the head, or adapters and the head.

    Args:
        model: The base with its new head.
        recipe: The settings.
        loading_info: What transformers reported about loading the base.

    Raises:
        TrainingError: The base has no layers for adapters, or not all of these layers can be stored in 4 bits.
        CheckpointError: Weights of the base's blocks are missing or, if only the head is trained, any below the head.
    """
    if recipe.method == "full":
        return model
    untrained = _untrained_parameters(loading_info)
    if recipe.method == "head":
        return _free_head(model, recipe, untrained)
    targets = block_linears(model)
    if not targets:
        raise TrainingError(
            f"{recipe.base} has no linear layers in its blocks that could get adapters.", "Use --method full."
        )
    if recipe.method == "qlora":
        _check_4_bits(model, targets, recipe)
    new = {name.rpartition(".")[0] for name in untrained}
    if missing := sorted(new & set(targets)):
        raise _missing_weights(recipe, missing[0])
    peft = import_peft()
    config = peft.LoraConfig(
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        fan_in_fan_out=any(is_transposed(model.get_submodule(name)) for name in targets),
        target_modules=targets,
        modules_to_save=sorted(new | set(other_linears(model))),
    )
    with no_word_of_old_names():
        return peft.get_peft_model(model, config)


def _free_head(model: Any, recipe: Recipe, untrained: set[str]) -> Any:
    body = f"{model.base_model_prefix}."
    free = {name for name, _ in model.named_parameters() if not name.startswith(body) or "pooler" in name.split(".")}
    if missing := sorted(untrained - free):
        raise _missing_weights(recipe, missing[0])
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in free)
    return model


def _missing_weights(recipe: Recipe, name: str) -> CheckpointError:
    return CheckpointError(f"{recipe.base} lacks the weights of {name}.", "Use --method full, or repair the base.")


def _untrained_parameters(loading_info: dict[str, Any]) -> set[str]:
    """The names of parameters that are missing in the base's files or have another shape there."""
    mismatched = {name if isinstance(name, str) else name[0] for name in loading_info["mismatched_keys"]}
    return set(loading_info["missing_keys"]) | mismatched


def _check_4_bits(model: Any, targets: list[str], recipe: Recipe) -> None:
    """Check that these layers are in 4 bits, and keep bitsandbytes from changing them.

    On a processor with bf16 multiplication, bitsandbytes rearranges a layer's weights the first time the layer is used
    without gradients, which is during validation. Their scales then lose precision, and gradients no longer pass
    through the layer.
    """
    bnb = import_bitsandbytes()
    layers = [model.get_submodule(name) for name in targets]
    if not all(isinstance(layer, bnb.nn.Linear4bit) for layer in layers):
        raise TrainingError(f"Not all layers of {recipe.base} can be stored in 4 bits.", "Use --method lora.")
    for layer in layers:
        layer.support_avx512bf16_for_cpu = False


def export(model: Any, recipe: Recipe, base: Path, output: Path) -> KeptAdapters | None:
    """Write what was trained: a complete model, or adapters without their base.

    A base in 4 bits is merged in fp32: each weight is the value of its 4 bits plus what the adapter adds.

    Args:
        model: The network with adapters.
        recipe: The settings.
        base: The folder of the base.
        output: The folder of the run.

    Returns:
        The base that kept adapters belong to, for the manifest; None if they were merged.
    """
    dtype = getattr(torch, recipe.save_dtype)
    in_4_bits = recipe.method == "qlora"
    if recipe.adapters == "merge":
        apart = output / STATE / "adapters"
        _write(model, apart, torch.float32)
        merge(apart, base, in_4_bits=in_4_bits).to(dtype).save_pretrained(output)
        return None
    _write(model, output, dtype)
    local = Path(recipe.base).is_dir()
    return KeptAdapters(
        base_folder=str(base.resolve()) if local else None, base_files=hash_base(base), in_4_bits=in_4_bits
    )


def _write(model: Any, folder: Path, dtype: torch.dtype) -> None:
    """Write the adapters, the head and the classifier's config, without the location of the base."""
    from safetensors.torch import save_file

    folder.mkdir(exist_ok=True)
    weights = import_peft().get_peft_model_state_dict(model, save_embedding_layers=False)
    save_file({name: x.to("cpu", dtype).contiguous() for name, x in weights.items()}, folder / ADAPTERS)
    config = copy.deepcopy(model.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.save_pretrained(folder)
    adapters = copy.deepcopy(model.peft_config["default"])
    adapters.base_model_name_or_path = None
    adapters.target_modules = sorted(adapters.target_modules)
    adapters.save_pretrained(folder)
