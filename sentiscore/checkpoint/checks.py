"""The checks of a model folder that run before any library sees it."""

from typing import Final

from sentiscore.checkpoint.adapter_config import base_of_adapters, read_adapter_config
from sentiscore.checkpoint.config import CONFIG, check_against_weights, read_config
from sentiscore.checkpoint.manifest import MANIFEST, Manifest, loaded_files, verify_files
from sentiscore.checkpoint.reading import Folder, has, open_inside, opened
from sentiscore.checkpoint.tokenizer_files import TOKENIZER, check_tokenizer_files, read_tokenizer
from sentiscore.checkpoint.weights_header import ADAPTER_CONFIG, count_numbers, weight_files
from sentiscore.errors import CheckpointError


def check_files(folder: Folder) -> None:
    """Check that this is a model folder with plain files inside it, whose weights are not pickles.

    Raises:
        CheckpointError: It is not.
    """
    if not has(folder, CONFIG):
        if has(folder, ADAPTER_CONFIG):
            raise adapters_alone(folder)
        raise CheckpointError(f"{folder} has no config.json: it is not a model folder.", "Name another folder.")
    names = {path.name for path in loaded_files(folder)} | {CONFIG, *weight_files(folder)}
    if has(folder, MANIFEST):
        names.add(MANIFEST)
    for name in sorted(names):
        with open_inside(folder, name):
            pass


def check_config(folder: Folder) -> None:
    """Check that `config.json` has a known kind of network, and no settings that are code.

    Raises:
        CheckpointError: It is not.
    """
    read_config(folder)


def check_weights(folder: Folder) -> None:
    """Check that the weights are complete, valid safetensors, and enough for the network that the config describes.

    Raises:
        CheckpointError: They are not, are missing, or are pickles.
    """
    numbers = count_numbers(folder)
    if not has(folder, ADAPTER_CONFIG):
        try:
            check_against_weights(read_config(folder), numbers)
        except ValueError as error:
            raise CheckpointError(
                f"{folder} is not a whole model: {error}.", "Copy or download the whole folder again."
            ) from error


def check_adapters(folder: Folder) -> None:
    """Check that the settings of adapters, if there are any, are those of plain LoRA.

    Raises:
        CheckpointError: They are not.
    """
    if has(folder, ADAPTER_CONFIG):
        read_adapter_config(folder)


def check_manifest(folder: Folder) -> None:
    """Check that the manifest, if there is one, matches these files.

    Raises:
        CheckpointError: It does not, or there are adapters without a manifest, which would name their base.
    """
    manifest = Manifest.read(folder)
    if manifest is not None:
        verify_files(folder, manifest)
    if manifest is None or manifest.adapters is None:
        check_whole(folder)


CHECKS: Final = {
    "files": check_files,
    "adapters": check_adapters,
    "manifest": check_manifest,
    "config": check_config,
    "weights": check_weights,
    "tokenizer": check_tokenizer_files,
}
"""The checks of a model folder before a library sees it, in order."""


def check_folder(folder: Folder) -> None:
    """Check that a folder holds a network's config and weights, without any code.

    Raises:
        CheckpointError: It does not, or a part of it is missing or broken.
    """
    for check in (check_files, check_config, check_weights, check_adapters):
        check(folder)


def check_base(folder: Folder) -> None:
    """Check that training can start from a folder, including its tokenizer, and that nothing in it is code.

    Raises:
        CheckpointError: It cannot, or it holds adapters.
    """
    folder = opened(folder)
    check_folder(folder)
    check_tokenizer_files(folder, for_training=True)
    if has(folder, TOKENIZER):
        read_tokenizer(folder)
    check_whole(folder)


def check_whole(folder: Folder) -> None:
    """Check that a folder holds a complete model, and not only adapters.

    Raises:
        CheckpointError: It holds only adapters.
    """
    if has(folder, ADAPTER_CONFIG):
        raise adapters_alone(folder)


def adapters_alone(folder: Folder) -> CheckpointError:
    """The error for a folder of adapters where a complete model is required."""
    base = base_of_adapters(folder)
    whose = "" if base is None else f": they belong to the base {base}"
    return CheckpointError(
        f"{folder} holds adapters, not a whole model{whose}.",
        "Make them a whole model: load base and adapters with peft, call merge_and_unload(), and save the model and "
        "its tokenizer with save_pretrained(). If sentiscore trained them, train again with --adapters merge.",
    )
