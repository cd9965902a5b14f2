"""The files of a tokenizer in a model folder, checked before a library reads them."""

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sentiscore.checkpoint.config import CONFIG
from sentiscore.checkpoint.reading import (
    LARGEST,
    MIB,
    Folder,
    OpenedFolder,
    has,
    is_plain_name,
    parse_object,
    read_inside,
    read_object,
)
from sentiscore.checkpoint.tokenizer_parts import Parts, parts_of
from sentiscore.errors import CheckpointError

TOKENIZER: Final = "tokenizer.json"
VOCABULARIES: Final = (
    *("vocab.txt", "vocab.json", "merges.txt"),
    *("spiece.model", "spm.model", "sentencepiece.bpe.model", "sentencepiece.model", "tokenizer.model"),
)
"""What a folder may have instead of `tokenizer.json`: the files from which a fast tokenizer can be built."""

_ADDED: Final = "added_tokens.json"
_SETTINGS: Final = ("tokenizer_config.json", "special_tokens_map.json", _ADDED)
_LARGEST_SETTINGS: Final = 32 * MIB
_PLAIN_SETTINGS: Final = frozenset(
    [
        "add_bos_token",
        "add_eos_token",
        "add_prefix_space",
        "clean_text",
        "clean_up_tokenization_spaces",
        "do_lower_case",
        "errors",
        "keep_accents",
        "legacy",
        "model_input_names",
        "model_max_length",
        "remove_space",
        "split_by_punct",
        "src_lang",
        "strip_accents",
        "tgt_lang",
        "tokenize_chinese_chars",
        "trim_offsets",
        "truncation_side",
        "unk_id",
        "use_default_system_prompt",
        "wordpieces_prefix",
    ]
)
"""Settings of a tokenizer, other than its tokens, that affect how it reads texts."""
_TOKENS: Final = re.compile(r"[a-z_]{1,40}_token|(additional|extra)_special_tokens")
_OF_TOKEN: Final = frozenset(["__type", "content", "id", "lstrip", "normalized", "rstrip", "single_word", "special"])
_LONGEST_TOKEN: Final = 10_000
_UNTRUSTED: Final = "Do not use this model unless you know its maker."

_CODE: Final = frozenset(["auto_map", "trust_remote_code", "custom_pipelines", "code_revision"])
_CLASS: Final = re.compile(r"[A-Za-z0-9]{0,60}(Tokenizer|TokenizerFast|TokenizersBackend|SentencePieceBackend)")
_CLASSES: Final = frozenset(["tokenizer_class", "slow_tokenizer_class", "fast_tokenizer_class", "processor_class"])
_BACKENDS: Final = (None, "tokenizers", "sentencepiece", "python")
_PAST: Final = frozenset(["name_or_path", "special_tokens_map_file"])
"""The path of the tokenizer when it was saved; nothing is read from there."""
_FILE: Final = re.compile(r"\w*_(file|files|path|dir|folder)|\w*(url|repo)\w*")


def tokenizer_sources(folder: Folder) -> list[str]:
    """Names of the files in a model folder that define the tokens: `tokenizer.json`, or what replaces it."""
    names = [TOKENIZER] if has(folder, TOKENIZER) else list(VOCABULARIES)
    return [name for name in names if has(folder, name)]


def read_settings(folder: Folder) -> dict[str, dict[str, Any]]:
    """Read the tokenizer settings that affect how it reads texts, by file name; files without any are left out.

    Paths, templates and all unknown settings are left out too, so they reach no library.

    Raises:
        CheckpointError: A file cannot be read, or a setting holds what it should not.
    """
    found = {}
    for name in _SETTINGS:
        if not has(folder, name):
            continue
        raw = read_object(folder, name, _LARGEST_SETTINGS)
        try:
            found[name] = _added(raw) if name == _ADDED else _known_settings(raw)
        except ValueError as error:
            raise CheckpointError(
                f"{folder / name} is not allowed: {error}.", "Copy or download it again, or ask its maker."
            ) from error
    return {name: settings for name, settings in found.items() if settings}


def has_token_types(settings: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether, by the settings of a tokenizer, the network gets a type for each token."""
    return "token_type_ids" in settings.get(_SETTINGS[0], {}).get("model_input_names", ())


def _added(raw: Mapping[str, Any]) -> dict[str, Any]:
    for token, token_id in raw.items():
        if not isinstance(token_id, int) or isinstance(token_id, bool) or token_id < 0:
            raise ValueError(f"the token {token[:40]!r} has the id {str(token_id)[:40]}")
    return dict(raw)


def _known_settings(raw: Mapping[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for name, value in raw.items():
        if _TOKENS.fullmatch(name):
            _check_tokens(name, value)
        elif name == "added_tokens_decoder":
            for key, token in value.items() if isinstance(value, dict) else [("", None)]:
                if not (key.isdecimal() and isinstance(token, dict)):
                    raise ValueError("its added_tokens_decoder is not a table of tokens")
                _check_tokens(name, token)
        elif name == "tokenizer_class":
            pass  # names that are not plain were refused before
        elif name == "model_input_names":
            if not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
                raise ValueError(f"its {name} is not a list of names")
        elif name not in _PLAIN_SETTINGS:
            continue
        elif not isinstance(value, bool | int | float | str | None) or len(str(value)) > _LONGEST_TOKEN:
            raise ValueError(f"its {name} is {str(value)[:40]!r}")
        if value is not None:
            known[name] = value
    return known


def _check_tokens(name: str, value: Any) -> None:
    if isinstance(value, dict) and "content" in value:
        if not (value.keys() <= _OF_TOKEN and isinstance(value["content"], str)):
            raise ValueError(f"its {name} has a token that is not plain")
        if not all(isinstance(one, bool | int | str) for one in value.values()):
            raise ValueError(f"its {name} has a token that is not plain")
    elif isinstance(value, list | dict):
        for token in value if isinstance(value, list) else value.values():
            if isinstance(token, list):
                raise ValueError(f"its {name} is not a list of tokens")  # noqa: TRY004 - one error for all
            _check_tokens(name, token)
    elif not isinstance(value, str | None):
        raise ValueError(f"its {name} is {str(value)[:40]!r}")


def check_tokenizer_files(folder: Folder, *, for_training: bool = False) -> None:
    """Check that the files of a tokenizer hold only data and no code.

    Scoring uses only the settings that `read_settings` knows, so a path that was left in them, such as where the
    vocabulary was on its maker's disk, leads nowhere. Training hands the folder to transformers, which follows it.

    Args:
        folder: The model folder.
        for_training: Whether to refuse also paths that lead out of the folder.

    Raises:
        CheckpointError: They hold code, are too large, or cannot be read.
    """
    for name in _SETTINGS:
        if has(folder, name):
            settings = read_object(folder, name, _LARGEST_SETTINGS)
            check_settings(folder / name, settings)
            if for_training:
                check_paths(folder / name, settings)


@contextmanager
def copied(folder: OpenedFolder) -> Iterator[Path]:
    """A temporary folder for a library that reads a tokenizer by path: only checked files, and no weights.

    Args:
        folder: The model folder.

    Raises:
        CheckpointError: A file cannot be read.
    """
    names = [name for name in (TOKENIZER, *VOCABULARIES, *_SETTINGS, CONFIG) if has(folder, name)]
    with tempfile.TemporaryDirectory(prefix="sentiscore-tokenizer-") as scratch:
        for name in names:
            (Path(scratch) / name).write_bytes(read_inside(folder, name, LARGEST))
        yield Path(scratch)


def read_vocabulary(folder: Folder, name: str, sha256: str | None = None) -> bytearray:
    """Read a file from which a tokenizer is built.

    Raises:
        CheckpointError: It is missing, too large, or not the file that was checked.
    """
    return read_inside(folder, name, LARGEST, sha256)


def read_tokenizer(folder: Folder, sha256: str | None = None) -> tuple[bytearray, Parts]:
    """Read `tokenizer.json`, and analyse what the tokenizer would do.

    Raises:
        CheckpointError: It is missing, too large, not the file that was checked, or not an allowed tokenizer.
    """
    if not has(folder, TOKENIZER):
        raise CheckpointError(
            f"{folder} has no tokenizer.json, and no other file that a tokenizer could be made from.",
            f"Copy or download the whole folder again; other files are {', '.join(VOCABULARIES)}.",
        )
    data = read_inside(folder, TOKENIZER, LARGEST, sha256)
    return data, check_parts(folder / TOKENIZER, data)


def check_parts(what: str | Path, data: bytes | bytearray) -> Parts:
    """Analyse what a tokenizer would do, and check that it is allowed.

    Args:
        what: Its name in messages.
        data: A complete `tokenizer.json`.

    Raises:
        CheckpointError: It is not JSON, or a part of it is unknown or could do more than a tokenizer needs to.
    """
    try:
        found = parse_object(data)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{what} cannot be read: {error}.", "Copy or download it again.") from error
    _check_merges(what, found.get("model"))
    try:
        return parts_of(found)
    except ValueError as error:
        raise CheckpointError(f"{what} is not allowed: {error}.", _UNTRUSTED) from error


def _check_merges(path: str | Path, model: Any) -> None:
    """Check that each piece from within a word is marked as such, if the file says that they are.

    The library strips as many bytes off such a piece as the mark has, without checking them; this may leave half a
    character and abort the whole process.

    Raises:
        CheckpointError: One is not.
    """
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
    """Check that these are plain settings of a tokenizer.

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
    """Check that all files that these settings name are in the tokenizer's folder.

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
