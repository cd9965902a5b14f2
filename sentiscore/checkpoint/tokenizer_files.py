"""The files of a tokenizer in a model folder, checked before a library reads them."""

import os
import re
from pathlib import Path
from typing import Any, Final

from sentiscore.checkpoint.reading import MIB, is_plain_name, parse_object, read_inside, read_object
from sentiscore.errors import CheckpointError

TOKENIZER: Final = "tokenizer.json"
LARGEST: Final = 128 * MIB
"""Bytes that a file of a tokenizer may have; the largest vocabularies in use need a third of it."""

_SETTINGS: Final = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
_LARGEST_SETTINGS: Final = 32 * MIB
_UNTRUSTED: Final = "Do not use this model unless you know its maker."

_CODE: Final = frozenset(["auto_map", "trust_remote_code", "custom_pipelines", "code_revision"])
_CLASS: Final = re.compile(r"[A-Za-z0-9]{0,60}(Tokenizer|TokenizerFast|TokenizersBackend|SentencePieceBackend)")
_CLASSES: Final = frozenset(["tokenizer_class", "slow_tokenizer_class", "fast_tokenizer_class", "processor_class"])
_BACKENDS: Final = (None, "tokenizers", "sentencepiece", "python")
_PAST: Final = frozenset(["name_or_path", "special_tokens_map_file"])
"""Where the tokenizer was when it was saved; nothing is read from there."""
_FILE: Final = re.compile(r"\w*_(file|files|path|dir|folder)|\w*(url|repo)\w*")


def check_tokenizer_files(folder: Path, *, for_training: bool = False) -> None:
    """Do the files of a tokenizer hold data alone, with no word of code?

    Scoring reads `tokenizer.json` and nothing else, so a path that was left in the settings, such as where the
    vocabulary was on its maker's disk, leads nowhere. Training hands the folder to transformers, which follows it.

    Args:
        folder: The model folder.
        for_training: Whether a path that leads out of the folder is refused too.

    Raises:
        CheckpointError: They do, are too large, or cannot be read.
    """
    for name in _SETTINGS:
        if os.path.lexists(folder / name):
            settings = read_object(folder, name, _LARGEST_SETTINGS)
            check_settings(folder / name, settings)
            if for_training:
                check_paths(folder / name, settings)


def read_tokenizer(folder: Path, sha256: str | None = None) -> bytearray:
    """The bytes of `tokenizer.json`.

    Raises:
        CheckpointError: It is missing, too large, or not the file that was checked.
    """
    if not os.path.lexists(folder / TOKENIZER):
        raise CheckpointError(
            f"{folder} has no tokenizer.json.",
            "Save the tokenizer with a fast tokenizer's save_pretrained into that folder.",
        )
    data = read_inside(folder, TOKENIZER, LARGEST, sha256)
    _check_merges(folder / TOKENIZER, data)
    return data


def _check_merges(path: Path, data: bytearray) -> None:
    """Is each piece of a word that begins inside of it marked as such, where the file says that they are?

    The library takes as many bytes off such a piece as the mark has, without a look at them; half a character is left
    then, and the whole process is aborted.

    Raises:
        CheckpointError: One is not, or the file is no JSON.
    """
    try:
        model = parse_object(data).get("model")
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.", "Copy or download it again.") from error
    found = model if isinstance(model, dict) else {}
    mark, merges = found.get("continuing_subword_prefix"), found.get("merges")
    if not isinstance(mark, str) or not mark or not isinstance(merges, list):
        return
    for merge in merges:
        pair = merge.split(" ") if isinstance(merge, str) else merge
        second = pair[1] if isinstance(pair, list) and len(pair) > 1 else None
        if not (isinstance(second, str) and second.startswith(mark)):
            raise CheckpointError(
                f"{path} is broken: the merge {str(merge)[:40]!r} does not go on with {mark[:10]!r}.",
                "Copy or download it again.",
            )


def check_settings(path: Path, settings: dict[str, Any]) -> None:
    """Are these plain settings of a tokenizer?

    Raises:
        CheckpointError: They name code.
    """
    for name, value in settings.items():
        if name in _CODE and value is not None:
            raise CheckpointError(f"{path} has the setting {name}, which can lead to code.", _UNTRUSTED)
        if name in _CLASSES and not (value is None or (isinstance(value, str) and _CLASS.fullmatch(value))):
            if name == "processor_class" and isinstance(value, str) and value.isalnum():
                continue
            raise CheckpointError(f"{path} names a class that is not known: {str(value)[:80]!r}.", _UNTRUSTED)
        if name == "backend" and value not in _BACKENDS:
            raise CheckpointError(f"{path} names a library that is not used: {str(value)[:80]!r}.", _UNTRUSTED)


def check_paths(path: Path, settings: dict[str, Any]) -> None:
    """Are all files that these settings of a tokenizer name in its folder?

    Raises:
        CheckpointError: One is elsewhere.
    """
    for name, value in settings.items():
        if _FILE.fullmatch(name) and name not in _PAST and value is not None:
            inside = isinstance(value, str) and is_plain_name(value) and (path.parent / value).exists()
            if not inside:
                raise CheckpointError(
                    f"{path} says that its {name} is {str(value)[:80]!r}, which is not in its folder.", _UNTRUSTED
                )
