"""The tokenizer of a checkpoint, as transformers builds it from the folder's files.

A folder may lack `tokenizer.json` and have the vocabulary that older tokenizers read. Or it has one, and also settings
that contradict it, which transformers applies instead. Either way transformers builds it once, in a temporary folder
that holds only what was checked.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from tokenizers import Tokenizer

from sentiscore.checkpoint import Checkpoint
from sentiscore.checkpoint.config import CONFIG, read_config
from sentiscore.checkpoint.lock import LOCK, command
from sentiscore.checkpoint.reading import MIB, Folder, read_object
from sentiscore.checkpoint.tokenizer_files import (
    TOKENIZER,
    check_parts,
    read_tokenizer,
    read_vocabulary,
    tokenizer_sources,
)
from sentiscore.checkpoint.tokenizer_parts import Parts
from sentiscore.engine.tokenizer import PROBES, TextEncoder, make_tokenizer, translated
from sentiscore.errors import CheckpointError, import_extra, is_installed, missing_extra

EXTRA: Final = "sentencepiece"
_OF_EXTRA: Final = ("sentencepiece", "google.protobuf")
_CONFIG: Final = "tokenizer_config.json"
_ANY_KIND: Final = ("PreTrainedTokenizerFast", "TokenizersBackend")
"""Classes that accept any content of `tokenizer.json`."""
_MOST_SHOWN: Final = 4
_LONGEST_SHOWN: Final = 40
_OF_NO_MATTER: Final = ("pair", "trim_offsets", "vocab", "merges", "special_tokens")
"""Parts of a tokenizer that do not affect how a single text is read, or that are too long to show."""


def load_encoder(checkpoint: Checkpoint, max_length: int) -> TextEncoder:
    """Load the tokenizer of a checkpoint: `tokenizer.json` as it is, or rebuilt by transformers if settings change it.

    Args:
        checkpoint: The checkpoint.
        max_length: Tokens of a text that are kept, special tokens included.

    Raises:
        CheckpointError: It has none, or one that cannot be read or built.
        MissingExtraError: A library that is needed to build it is not installed.
    """
    folder, hashes, settings = checkpoint.source, checkpoint.files, checkpoint.tokenizer_settings
    sources = tokenizer_sources(folder)
    keeps_end = settings.get(_CONFIG, {}).get("truncation_side") == "left"
    if TOKENIZER not in sources and sources:
        text = _made(checkpoint, {name: read_vocabulary(folder, name, hashes.get(name)) for name in sources})
        whole, parts = _allowed(checkpoint, text)
        origin = f"made from {' and '.join(sources)} by transformers {version('transformers')}"
        made = _pinned(checkpoint, whole)
        return TextEncoder(whole, max_length, origin=origin, made=made, keeps_end=keeps_end, growth=parts.growth)
    if not settings or not sources:
        return TextEncoder.load(folder, max_length, hashes.get(TOKENIZER), keeps_end=keeps_end)
    data, own = read_tokenizer(folder, hashes.get(TOKENIZER))
    alone = make_tokenizer(data, own, str(folder / TOKENIZER))
    try:
        text = _made(checkpoint, {TOKENIZER: data})
    except CheckpointError:  # transformers cannot build it either, so there is nothing to compare
        return TextEncoder(alone, max_length, keeps_end=keeps_end, growth=own.growth)
    whole, parts = _allowed(checkpoint, text)
    with translated(f"{folder / TOKENIZER} cannot be read"):
        differences = _differences(alone, whole) if _ids(alone, whole) != _ids(whole, alone) else []
    if not differences:
        return TextEncoder(alone, max_length, keeps_end=keeps_end, growth=own.growth)
    origin = f"{TOKENIZER}, changed by {' and '.join(settings)} as transformers {version('transformers')} reads them"
    return TextEncoder(
        whole,
        max_length,
        origin=origin,
        differences=differences,
        made=_pinned(checkpoint, whole),
        keeps_end=keeps_end,
        growth=parts.growth,
    )


def _pinned(checkpoint: Checkpoint, made: Tokenizer) -> str:
    """The sha256 of a tokenizer that was built, checked against the lock file.

    Raises:
        CheckpointError: The lock file has another one for the checkpoint.
    """
    found = hashlib.sha256(made.to_str().encode()).hexdigest()
    if checkpoint.pinned_tokenizer not in (None, found):
        raise CheckpointError(
            f"transformers {version('transformers')} makes another tokenizer of the files of {checkpoint.name} than "
            f"the one that {LOCK} has.",
            f"Install the version of transformers that made it, or record it again: {command(checkpoint.name)}",
        )
    return found


def _made(checkpoint: Checkpoint, files: Mapping[str, bytearray]) -> str:
    """Build a tokenizer from these files and the checkpoint's settings, as the text of a `tokenizer.json`.

    Raises:
        CheckpointError: It cannot build a fast tokenizer from them.
        MissingExtraError: A library that it needs is not installed.
    """
    from sentiscore.engine.huggingface import offline, quiet_transformers

    folder = checkpoint.source
    if any(name.endswith(".model") for name in files):
        _require_extra(folder, files)
    kind = read_config(folder, checkpoint.files.get(CONFIG))["model_type"]
    transformers = quiet_transformers()
    of_network = _class_in_config(transformers, checkpoint)
    named = checkpoint.tokenizer_settings.get(_CONFIG, {}).get("tokenizer_class") or of_network
    _check_fast(transformers, folder, named)
    config = {"model_type": kind} | ({"tokenizer_class": of_network} if of_network else {})
    with tempfile.TemporaryDirectory(prefix="sentiscore-tokenizer-") as scratch:
        work_folder = Path(scratch)
        for name, data in files.items():
            (work_folder / name).write_bytes(data)
        for name, settings in {**checkpoint.tokenizer_settings, CONFIG: config}.items():
            (work_folder / name).write_text(json.dumps(settings), encoding="utf-8")
        with offline(), translated(f"No tokenizer can be made from {' and '.join(files)} in {folder}"):
            # A class without a kind is used as it is; AutoTokenizer would sometimes choose by the kind of network.
            chosen = transformers.PreTrainedTokenizerFast if named in _ANY_KIND else transformers.AutoTokenizer
            made = chosen.from_pretrained(work_folder, local_files_only=True, trust_remote_code=False)
            _check_made(made, files)
            text: str = made.backend_tokenizer.to_str()
            return text


def _allowed(checkpoint: Checkpoint, text: str) -> tuple[Tokenizer, Parts]:
    """Check that a tokenizer built by transformers does only what is allowed, and return it.

    Raises:
        CheckpointError: It could do more.
    """
    what = f"The tokenizer of {checkpoint.folder}"
    parts = check_parts(what, text.encode())
    return make_tokenizer(text, parts, what), parts


def _class_in_config(transformers: Any, checkpoint: Checkpoint) -> str | None:
    """The tokenizer class that `config.json` names, which AutoTokenizer uses if the tokenizer's settings name none.

    Only the name of a class of transformers is passed on.
    """
    named = read_object(checkpoint.source, CONFIG, MIB, checkpoint.files.get(CONFIG)).get("tokenizer_class")
    return named if isinstance(named, str) and _find_class(transformers, named) is not None else None


def _find_class(transformers: Any, name: str) -> Any:
    """A transformers tokenizer class by name; None if it does not exist."""
    auto = import_extra("transformers.models.auto.tokenization_auto", "hub")
    if not name.isidentifier():
        return None
    found = auto.tokenizer_class_from_name(name) or auto.tokenizer_class_from_name(f"{name}Fast")
    is_tokenizer = isinstance(found, type) and issubclass(found, transformers.PreTrainedTokenizerBase)
    return found if is_tokenizer and found.__module__.startswith("transformers.") else None


def _check_fast(transformers: Any, folder: Folder, named: Any) -> None:
    """Check that a named tokenizer class has a fast tokenizer. Unknown ones and backends are left to transformers.

    Raises:
        CheckpointError: It does not.
    """
    found = _find_class(transformers, named) if isinstance(named, str) else None
    if found is None or not found.__module__.startswith("transformers.models."):
        return
    if not issubclass(found, transformers.PreTrainedTokenizerFast):
        raise CheckpointError(
            f"The tokenizer of {folder} is a {named}, and transformers has no fast tokenizer of this class.",
            "Choose another model, or one whose maker also publishes a tokenizer.json.",
        )


def _check_made(made: Any, files: Mapping[str, bytearray]) -> None:
    """Check that this is a fast tokenizer that was built from these files.

    Raises:
        ValueError: It is not. If a file is missing, some fall back to a vocabulary of five tokens.
    """
    kind = type(made).__name__
    if not made.is_fast:
        raise ValueError(f"transformers has no fast tokenizer of the kind {kind}")
    needed = {name for key, name in made.vocab_files_names.items() if key != "tokenizer_file"}
    if TOKENIZER not in files and (missing := sorted(needed - files.keys())):
        raise ValueError(f"a {kind} is made from {' and '.join(sorted(needed))}, and there is no {missing[0]}")


def _require_extra(folder: Folder, files: Mapping[str, bytearray]) -> None:
    """Raise a MissingExtraError unless the reader of sentencepiece models is installed."""
    for module in _OF_EXTRA:
        if not is_installed(module):
            raise missing_extra(
                f"The tokenizer of {folder} is made from {' and '.join(files)}, which needs {module}, and that is not "
                "installed.",
                EXTRA,
            )


def _ids(tokenizer: Tokenizer, other: Tokenizer) -> list[list[int]]:
    """How a tokenizer reads the probes, and every added token of either tokenizer."""
    before = tokenizer.encode_special_tokens
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    added = sorted({token.content for one in (tokenizer, other) for token in one.get_added_tokens_decoder().values()})
    encodings = tokenizer.encode_batch_fast([*PROBES, *(f"up {token}down" for token in added)])
    tokenizer.encode_special_tokens = before
    return [encoding.ids for encoding in encodings]


def _differences(alone: Tokenizer, whole: Tokenizer) -> list[str]:
    """Where two tokenizers differ, with both values; the first few, worded for a message."""
    ours, theirs = (json.loads(one.to_str()) for one in (alone, whole))
    parts = ("normalizer", "pre_tokenizer", "post_processor", "model")
    found = [line for part in parts for line in _unlike(part, ours.get(part), theirs.get(part))]
    tokens = [{token["content"] for token in one.get("added_tokens", [])} for one in (ours, theirs)]
    found += [f"the token {token!r} is added" for token in sorted(tokens[1] - tokens[0])]
    found += [f"the token {token!r} is not added" for token in sorted(tokens[0] - tokens[1])]
    more = len(found) - _MOST_SHOWN
    return [*found[:_MOST_SHOWN], *([f"and {more} more"] if more > 0 else [])] or ["the vocabulary is another one"]


def _unlike(name: str, ours: Any, theirs: Any) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.get("type") == theirs.get("type"):
        for key in sorted((ours.keys() | theirs.keys()).difference(_OF_NO_MATTER)):
            yield from _unlike(key, ours.get(key), theirs.get(key))
    elif ours != theirs:
        yield f"{name} is {_shown(ours)} in {TOKENIZER} and {_shown(theirs)} by {_CONFIG}"


def _shown(value: Any) -> str:
    """Abbreviate a value of a tokenizer; steps and parts of a template are shown by name."""
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        text = " ".join(_name_of(one) for one in value)
    elif isinstance(value, dict):
        text = _name_of(value)
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _name_of(part: Mapping[str, Any]) -> str:
    """The name of a step of a tokenizer or of a part of a template."""
    inner = next((value for value in part.values() if isinstance(value, dict)), {})
    return str(part.get("type") or inner.get("id") or next(iter(part), "empty"))
