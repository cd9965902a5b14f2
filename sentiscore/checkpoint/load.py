"""What the user calls a model -> a checked checkpoint.

A model is `default` (inside this package), a folder, or a hub id. Weights are read from safetensors alone,
and no code that comes with a model is ever run.
"""

import hashlib
import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sentiscore.checkpoint.adapter_config import base_of_adapters, read_adapter_config
from sentiscore.checkpoint.config import (
    CONFIG,
    MOST_POSITIONS,
    POSITIONS,
    check_against_weights,
    check_task,
    read_config,
)
from sentiscore.checkpoint.hub import fetch, find_in_cache
from sentiscore.checkpoint.lock import command, is_commit, pinned_tokenizer
from sentiscore.checkpoint.manifest import MANIFEST, KeptAdapters, Manifest, hash_file, loaded_files, verify_files
from sentiscore.checkpoint.reading import PACKAGED, is_plain_name, open_inside
from sentiscore.checkpoint.tokenizer_files import TOKENIZER, check_tokenizer_files, read_settings, tokenizer_sources
from sentiscore.checkpoint.weights_header import ADAPTER_CONFIG, INDEX, WHOLE, count_numbers, weight_files
from sentiscore.errors import CheckpointError, SentiscoreWarning
from sentiscore.labels import check_labels, labels_of_config
from sentiscore.local import local_path

DEFAULT: Final = "default"
_HUB_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}(/[A-Za-z0-9][A-Za-z0-9_.-]{0,95})?")
_USUAL_LENGTH: Final = 512
_ROOM: Final = 3
"""A length that a tokenizer gives without room for a word between two special tokens is not meant."""
"""Tokens that a plain classifier reads, unless its positions are fewer."""


@dataclass(frozen=True)
class Base:
    """What the adapters of a checkpoint are to be put on.

    Attributes:
        folder: Where it is.
        in_4_bits: Whether its weights have to be rounded to 4 bits first, as they were in training.
    """

    folder: Path
    in_4_bits: bool


@dataclass(frozen=True)
class Checkpoint:
    """A model folder that has been looked at and found whole.

    Attributes:
        name: What the user called it.
        folder: Where its files are.
        revision: The hub commit, if it came from the hub.
        outputs: The class that each of the model's ids means; several may mean the same one.
        max_length: Tokens of a text that are read, if its network can read so many; the rest is cut off.
        longest: The most tokens it could read, as far as its files say.
        temperature: The divisor of the logits; None if the model was never calibrated.
        manifest: Its manifest; None for a plain Hugging Face classifier.
        files: sha256 by name of every file that its answers depend on, those of the base among them.
        base: What its weights, which are adapters, are to be put on; None for a whole model.
        tokenizer_settings: What the settings beside the tokenizer say of how it reads, by file name.
        pinned_tokenizer: The hash of the tokenizer that the lock file has for it; None if it has none.
    """

    name: str
    folder: Path
    revision: str | None
    outputs: tuple[str, ...]
    max_length: int
    longest: int
    temperature: float | None
    manifest: Manifest | None
    files: dict[str, str] = field(default_factory=dict)
    base: Base | None = None
    tokenizer_settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    pinned_tokenizer: str | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes that it tells apart, in the order in which its ids first mean them."""
        return tuple(dict.fromkeys(self.outputs))

    @property
    def short_name(self) -> str:
        """Its name without the folders of this machine: the last name of a folder, or the id on the hub."""
        if self.revision is not None or self.name == DEFAULT:
            return self.name
        return Path(os.path.abspath(self.folder)).name  # noqa: PTH100 - a link keeps its own name

    @property
    def sha256(self) -> str:
        """One hash, in hex, over what makes its answers: its files and settings, labels, temperature and length."""
        said = {
            "labels": ",".join(self.outputs),
            "temperature": repr(self.temperature),
            "max_length": str(self.max_length),
        }
        return _hash_of({**self.files, **self._settings, **said})

    @property
    def _settings(self) -> dict[str, str]:
        """The hash of the settings of its tokenizer, where there are any."""
        return {"tokenizer settings": _hash_of(self.tokenizer_settings)} if self.tokenizer_settings else {}

    def sha256_of(self, *, tokenizer: bool) -> str:
        """One hash over the files of the tokenizer, or over all others.

        Args:
            tokenizer: Which of the two.
        """
        more = self._settings if tokenizer else {}
        return _hash_of({n: value for n, value in self.files.items() if _is_tokenizers(n) == tokenizer} | more)


def find_folder(
    model: str | Path, revision: str | None = None, *, must_be_pinned: bool = False, ask_lock: bool = True
) -> tuple[Path, str | None]:
    """The folder of a model or base, fetched from the hub where it is an id.

    Args:
        model: "default", a folder, or a hub id.
        revision: Branch, tag or commit of a hub id.
        must_be_pinned: Whether a hub id needs a commit, here or in the lock file.
        ask_lock: Whether the lock file is looked at.

    Returns:
        The folder, and the hub commit if it came from there.

    Raises:
        CheckpointError: There is no such model, it cannot be fetched, or no commit is settled for it.
    """
    if str(model) == DEFAULT:
        return PACKAGED, None
    path = local_path(model, CheckpointError)
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except PermissionError as error:
        raise _unreadable(path) from error
    if is_folder:
        if not os.access(path, os.R_OK | os.X_OK):
            raise _unreadable(path)
        return path, None
    if is_there or path.is_absolute() or str(model).count("/") > 1 or str(model).startswith((".", "~")):
        raise CheckpointError(f"{model} is not a model folder.", "Name the folder that holds config.json.")
    return fetch(str(model), revision, must_be_pinned=must_be_pinned, ask_lock=ask_lock)


def _unreadable(path: Path) -> CheckpointError:
    return CheckpointError(f"{path} may not be read by this user.", "Check its permissions and those of its folder.")


def check_files(folder: Path) -> None:
    """Is this a model folder, whose files are plain files inside of it, its weights no pickles?

    Raises:
        CheckpointError: It is not.
    """
    if not os.path.lexists(folder / CONFIG):
        if os.path.lexists(folder / ADAPTER_CONFIG):
            raise _adapters_alone(folder)
        raise CheckpointError(f"{folder} has no config.json: it is not a model folder.", "Name another folder.")
    names = {path.name for path in loaded_files(folder)} | {CONFIG, *weight_files(folder)}
    if os.path.lexists(folder / MANIFEST):
        names.add(MANIFEST)
    for name in sorted(names):
        with open_inside(folder, name):
            pass


def check_config(folder: Path) -> None:
    """Is `config.json` of a known kind of network, with settings that are no code?

    Raises:
        CheckpointError: It is not.
    """
    read_config(folder)


def check_weights(folder: Path) -> None:
    """Are the weights safetensors that are whole and in order, and enough for the network that the config describes?

    Raises:
        CheckpointError: They are not, or they are missing or pickles.
    """
    numbers = count_numbers(folder)
    if not (folder / ADAPTER_CONFIG).exists():
        try:
            check_against_weights(read_config(folder), numbers)
        except ValueError as error:
            raise CheckpointError(
                f"{folder} is not a whole model: {error}.", "Copy or download the whole folder again."
            ) from error


def check_adapters(folder: Path) -> None:
    """Are the settings of adapters, if these are adapters, those of plain LoRA?

    Raises:
        CheckpointError: They are not.
    """
    if os.path.lexists(folder / ADAPTER_CONFIG):
        read_adapter_config(folder)


def check_manifest(folder: Path) -> None:
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


def check_folder(folder: Path) -> None:
    """Is this a folder of a network's config and weights, in which no code can hide?

    Raises:
        CheckpointError: It is not, or a part of it is missing or broken.
    """
    for check in (check_files, check_config, check_weights, check_adapters):
        check(folder)


def check_base(folder: Path) -> None:
    """Is this a folder that training can begin from, its tokenizer included, and nothing of it code?

    Raises:
        CheckpointError: It is not, or it holds adapters.
    """
    check_folder(folder)
    check_tokenizer_files(folder, for_training=True)
    check_whole(folder)


def check_whole(folder: Path) -> None:
    """Does a folder hold a whole model, and not adapters alone?

    Raises:
        CheckpointError: It holds adapters.
    """
    if (folder / ADAPTER_CONFIG).exists():
        raise _adapters_alone(folder)


def _adapters_alone(folder: Path) -> CheckpointError:
    """The error for a folder of adapters in a place where a whole model has to be."""
    base = base_of_adapters(folder)
    whose = "" if base is None else f": they belong to the base {base}"
    return CheckpointError(
        f"{folder} holds adapters, not a whole model{whose}.",
        "Make them a whole model: load base and adapters with peft, call merge_and_unload(), and save the model and "
        "its tokenizer with save_pretrained(). If sentiscore trained them, train again with --adapters merge.",
    )


def hash_base(folder: Path) -> dict[str, str]:
    """sha256 by file name of what makes a base: its config and its weights."""
    return {path.name: hash_file(path) for path in [folder / "config.json", *sorted(folder.glob("*.safetensors"))]}


def find_base(folder: Path, manifest: Manifest) -> Base | None:
    """What the adapters in a folder are to be put on; None if it holds a whole model.

    A manifest may come from a stranger, so the hub is not asked for a base that it names. The base is looked for beside
    the folder of the adapters, then where it was: in the hub's cache at the commit that was trained on, or in a folder.

    Raises:
        CheckpointError: The base cannot be found, or is not the one that they were trained on.
    """
    wanted = manifest.adapters
    if wanted is None:
        return None
    _check_name_of_base(folder, manifest, from_hub=wanted.base_folder is None)
    other = None
    for place in _places_of_base(folder, manifest, wanted):
        if not os.path.isfile(place / CONFIG):  # noqa: PTH113 - a path that cannot be asked for is no error here
            continue
        if hash_base(place) == wanted.base_files:
            check_folder(place)
            check_whole(place)
            return Base(place, wanted.in_4_bits)
        other = other or place
    beside = folder.parent / _last_name(manifest.base)
    if wanted.base_folder is None and other in (None, beside):
        raise CheckpointError(
            f"{folder} holds adapters for the hub model {manifest.base}, which is not in the local cache at the "
            "commit that they were trained on.",
            f"Fetch it, if you trust its owner: {command(manifest.base, manifest.base_revision)}\n"
            f"(a base that is no classifier fails its last check, and is fetched all the same), or put it at {beside}.",
        )
    if other is None:
        raise CheckpointError(
            f"{folder} holds adapters for the base {manifest.base}, which is not at {wanted.base_folder} any more.",
            f"Put the base, or a link to it, at {beside}.",
        )
    raise CheckpointError(
        f"{other} is not the base that the adapters in {folder} were trained on.",
        "Bring back the base as it was, or train again.",
    )


def _check_name_of_base(folder: Path, manifest: Manifest, *, from_hub: bool) -> None:
    base = manifest.base
    if base == DEFAULT:
        return
    if not (_HUB_ID.fullmatch(base) if from_hub else is_plain_name(base)):
        raise CheckpointError(f"The manifest of {folder} names no base: {base[:80]!r}.", "Train it again.")
    if from_hub and not is_commit(manifest.base_revision):
        raise CheckpointError(f"The manifest of {folder} names no commit of its base {base}.", "Train it again.")


def _places_of_base(folder: Path, manifest: Manifest, wanted: KeptAdapters) -> Iterator[Path]:
    """Where a base may be; a later place is touched only if it was not in an earlier one."""
    if wanted.base_folder is None and manifest.base == DEFAULT:
        yield PACKAGED
        return
    yield folder.parent / _last_name(manifest.base)
    if wanted.base_folder is not None:
        yield Path(wanted.base_folder)
    elif (cached := find_in_cache(manifest.base, manifest.base_revision)) is not None:
        yield cached


def _last_name(base: str) -> str:
    return base.rpartition("/")[2]


def load_checkpoint(
    model: str | Path = DEFAULT, *, revision: str | None = None, labels: Sequence[str] | None = None
) -> Checkpoint:
    """Find a model, check its files, and say what its outputs mean.

    Args:
        model: "default", a folder, or a hub id.
        revision: The commit of a hub id, or a branch or tag that the lock file has a commit for.
        labels: Label names in id order, for a model whose config does not say.

    Raises:
        CheckpointError: It cannot be found, is not whole, holds what could be code, or its labels are unknown.
    """
    folder, commit = find_folder(model, revision, must_be_pinned=True)
    for check in CHECKS.values():
        check(folder)
    manifest = Manifest.read(folder)
    config = read_config(folder)
    check_task(folder)
    if manifest is not None:
        outputs = check_labels(labels or manifest.labels)
    elif labels is not None:
        outputs = check_labels(labels)
    else:
        outputs = _outputs_of(config, str(model))
    id2label = config.get("id2label")
    n_classes = len(id2label) if isinstance(id2label, dict) else len(outputs)
    if len(outputs) != n_classes:
        raise CheckpointError(
            f"{len(outputs)} labels are named for {model}, whose head has {n_classes} classes.",
            "Name every class once, in the order of the ids, with --labels.",
        )
    settings = {} if manifest is not None and (folder / TOKENIZER).exists() else read_settings(folder)
    longest = _longest_of(config)
    wanted = manifest.max_length if manifest else min(_USUAL_LENGTH, longest, _length_in(settings))
    if not 1 <= wanted <= longest:
        raise CheckpointError(
            f"{model} is to read {wanted:,} tokens of a text, and its network can read {max(longest, 0):,}.",
            "Copy or download the whole folder again.",
        )
    base = find_base(folder, manifest) if manifest else None
    return Checkpoint(
        name=str(model),
        folder=folder,
        revision=commit,
        outputs=outputs,
        max_length=wanted,
        longest=longest,
        temperature=manifest.temperature if manifest else None,
        manifest=manifest,
        files=_hashes(folder, manifest, base),
        base=base,
        tokenizer_settings=settings,
        pinned_tokenizer=pinned_tokenizer(str(model), commit),
    )


def _hashes(folder: Path, manifest: Manifest | None, base: Base | None) -> dict[str, str]:
    """sha256 by name of the files that answers depend on; those that were verified are not read again."""
    known = manifest.files if manifest else {}
    names = [CONFIG, *weight_files(folder)]
    names += tokenizer_sources(folder)  # a missing one is reported where they are loaded
    names += [name for name in (INDEX,) if WHOLE not in names and (folder / name).exists()]
    names += [name for name in (ADAPTER_CONFIG,) if (folder / name).exists()]
    files = {name: known.get(name) or hash_file(folder / name) for name in names}
    if base is not None and manifest is not None and manifest.adapters is not None:
        files |= {f"base/{name}": value for name, value in manifest.adapters.base_files.items()}
    return dict(sorted(files.items()))


def _hash_of(files: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()


def _is_tokenizers(name: str) -> bool:
    return name.startswith(("tokenizer", "vocab", "merges", "special_tokens", "added_tokens")) or name.endswith(
        ".model"
    )


def _outputs_of(config: dict[str, Any], model: str) -> tuple[str, ...]:
    n_labels = config.get("num_labels", config.get("_num_labels"))
    usual = {
        i: f"LABEL_{i}" for i in range(n_labels if isinstance(n_labels, int) else 2)
    }  # which transformers leaves out
    id2label = config.get("id2label") or usual
    try:
        names, guessed = labels_of_config({int(i): str(name) for i, name in id2label.items()})
    except (ValueError, AttributeError) as error:
        raise CheckpointError(f"The id2label of {model} is broken: {error}.", "Set it with --labels.") from error
    if guessed:
        warnings.warn(
            f"{model} calls its labels LABEL_0 and LABEL_1; taking them as negative and positive. "
            "If that is wrong, or to silence this, say: --labels negative,positive",
            SentiscoreWarning,
            stacklevel=3,
        )
    return names


def _longest_of(config: dict[str, Any]) -> int:
    """The most tokens a model can read, as far as its config says; its network may keep some positions back."""
    positions = next((config[name] for name in POSITIONS if config.get(name) is not None), None)
    return positions if isinstance(positions, int) and positions > 0 else MOST_POSITIONS


def _length_in(settings: Mapping[str, Mapping[str, Any]]) -> int:
    """The length to which the model's own pipeline cuts a text, where its tokenizer says it."""
    found = settings.get("tokenizer_config.json", {}).get("model_max_length")
    return int(found) if isinstance(found, int | float) and _ROOM <= found < MOST_POSITIONS else MOST_POSITIONS
