"""Reads the few settings that are used from the `adapter_config.json` of a folder of adapters."""

from typing import Any, Final

from sentiscore.checkpoint.reading import MIB, Folder, read_object
from sentiscore.checkpoint.weights_header import ADAPTER_CONFIG
from sentiscore.errors import CheckpointError

_USED: Final = ("r", "lora_alpha", "fan_in_fan_out", "target_modules", "modules_to_save")
_PLAIN: Final = ("base_model_name_or_path", "inference_mode", "lora_dropout", "peft_type", "peft_version", "revision")
"""Settings of training, or of older versions, that may have any value and are not used."""
_WORDS: Final = ("bias", "task_type")
_UNUSED: Final = {"init_lora_weights": True, "megatron_core": "megatron.core", "qalora_group_size": 16}
"""What peft writes for features that are not used; another value would enable them."""
_HIGHEST_RANK: Final = 4_096
_MOST_LAYERS: Final = 10_000
_LONGEST_NAME: Final = 300


def read_adapter_config(folder: Folder, sha256: str | None = None) -> dict[str, Any]:
    """Read the used settings of adapters: rank, scale, and the names of layers.

    Args:
        folder: The folder of the adapters.
        sha256: The hash of the file when it was checked; None if it was not.

    Raises:
        CheckpointError: It cannot be read, or has settings beyond plain LoRA.
    """
    raw = read_object(folder, ADAPTER_CONFIG, MIB, sha256)
    try:
        return _used(raw)
    except ValueError as error:
        raise CheckpointError(
            f"{folder / ADAPTER_CONFIG} is not allowed: {error}.",
            "Use adapters that sentiscore trained, or merge them into their base where that is safe.",
        ) from error


def base_of_adapters(folder: Folder) -> str | None:
    """The base that the settings of adapters name, for display; None if they name none.

    Raises:
        CheckpointError: The settings cannot be read.
    """
    named = read_object(folder, ADAPTER_CONFIG, MIB).get("base_model_name_or_path")
    shown = isinstance(named, str) and 0 < len(named) <= _LONGEST_NAME and named.isprintable()
    return named if shown else None


def _used(raw: dict[str, Any]) -> dict[str, Any]:
    if raw.get("peft_type") != "LORA":
        raise ValueError("it is not of LoRA adapters")
    for name, value in raw.items():
        # a setting that is off, empty or unset does nothing
        known = name in (*_USED, *_PLAIN, *_WORDS) or value in (None, False, {}, [], "", _UNUSED.get(name))
        if not known:
            raise ValueError(f"it has the setting {name[:80]}, which is not used here")
    if any(not (raw.get(name) is None or str(raw[name]).replace("_", "").isalnum()) for name in _WORDS):
        raise ValueError("its bias or task is no word")
    if missing := [name for name in _USED if name not in raw]:
        raise ValueError(f"it lacks {missing[0]}")
    rank, alpha = raw["r"], raw["lora_alpha"]
    if not (_is_number(rank, int) and 1 <= rank <= _HIGHEST_RANK):
        raise ValueError(f"its rank is {str(rank)[:40]}")
    if not (_is_number(alpha, int | float) and 0 < alpha < 2**20):
        raise ValueError(f"its lora_alpha is {str(alpha)[:40]}")
    if not isinstance(raw["fan_in_fan_out"], bool):
        raise ValueError("its fan_in_fan_out is neither true nor false")  # noqa: TRY004 - one error for all
    for name in ("target_modules", "modules_to_save"):  # a string would be a pattern, which can take forever to match
        layers = raw[name]
        if not (isinstance(layers, list) and len(layers) <= _MOST_LAYERS and all(map(_is_name, layers))):
            raise ValueError(f"its {name} is no list of names of layers")
    return {name: raw[name] for name in _USED}


def _is_number(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _is_name(value: Any) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= _LONGEST_NAME
        and all(part.isidentifier() or part.isdigit() for part in value.split("."))
    )
