"""What is checked of a model folder before a library sees any of it."""

from typing import Final

from sentiscore.checkpoint.adapter_config import base_of_adapters, read_adapter_config
from sentiscore.checkpoint.config import CONFIG, check_against_weights, read_config
from sentiscore.checkpoint.manifest import MANIFEST, Manifest, loaded_files, verify_files
from sentiscore.checkpoint.reading import Folder, has, open_inside, opened
from sentiscore.checkpoint.tokenizer_files import TOKENIZER, check_tokenizer_files, read_tokenizer
from sentiscore.checkpoint.weights_header import ADAPTER_CONFIG, count_numbers, weight_files
from sentiscore.errors import CheckpointError


def check_files(folder: Folder) -> None:
    """Is this a model folder, whose files are plain files inside of it, its weights no pickles?

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
    """Is `config.json` of a known kind of network, with settings that are no code?

    Raises:
        CheckpointError: It is not.
    """
    read_config(folder)


def check_weights(folder: Folder) -> None:
    """Are the weights safetensors that are whole and in order, and enough for the network that the config describes?

    Raises:
        CheckpointError: They are not, or they are missing or pickles.
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
    """Are the settings of adapters, if these are adapters, those of plain LoRA?

    Raises:
        CheckpointError: They are not.
    """
    if has(folder, ADAPTER_CONFIG):
        read_adapter_config(folder)


def check_manifest(folder: Folder) -> None:
    """Does the manifest, if there is one, name these very files?

    Raises:
        CheckpointError: It does not, or there are adapters without one, which would say what they belong to.
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
"""What is checked of a model folder before a library sees it, in this order."""


def check_folder(folder: Folder) -> None:
    """Is this a folder of a network's config and weights, in which no code can hide?

    Raises:
        CheckpointError: It is not, or a part of it is missing or broken.
    """
    for check in (check_files, check_config, check_weights, check_adapters):
        check(folder)


def check_base(folder: Folder) -> None:
    """Is this a folder that training can begin from, its tokenizer included, and nothing of it code?

    Raises:
        CheckpointError: It is not, or it holds adapters.
    """
    folder = opened(folder)
    check_folder(folder)
    check_tokenizer_files(folder, for_training=True)
    if has(folder, TOKENIZER):
        read_tokenizer(folder)
    check_whole(folder)


def check_whole(folder: Folder) -> None:
    """Does a folder hold a whole model, and not adapters alone?

    Raises:
        CheckpointError: It holds adapters.
    """
    if has(folder, ADAPTER_CONFIG):
        raise adapters_alone(folder)


def adapters_alone(folder: Folder) -> CheckpointError:
    """The error for a folder of adapters in a place where a whole model has to be."""
    base = base_of_adapters(folder)
    whose = "" if base is None else f": they belong to the base {base}"
    return CheckpointError(
        f"{folder} holds adapters, not a whole model{whose}.",
        "Make them a whole model: load base and adapters with peft, call merge_and_unload(), and save the model and "
        "its tokenizer with save_pretrained(). If sentiscore trained them, train again with --adapters merge.",
    )
