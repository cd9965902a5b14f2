"""What the user calls a model -> a checked checkpoint.

A model is `default` (inside this package), a folder, or a hub id. Weights are read from safetensors alone,
and no code that comes with a model is ever run.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from sentiscore.checkpoint.bases import Base, find_base, hash_base
from sentiscore.checkpoint.checks import CHECKS, check_base
from sentiscore.checkpoint.config import CONFIG, MOST_POSITIONS, POSITIONS, check_task, read_config
from sentiscore.checkpoint.hub import fetch
from sentiscore.checkpoint.lock import pinned_tokenizer
from sentiscore.checkpoint.manifest import Manifest
from sentiscore.checkpoint.reading import DEFAULT, PACKAGED, Folder, OpenedFolder, has, hash_inside
from sentiscore.checkpoint.tokenizer_files import TOKENIZER, read_settings, tokenizer_sources
from sentiscore.checkpoint.weights_header import ADAPTER_CONFIG, INDEX, WHOLE, weight_files
from sentiscore.errors import CheckpointError, SentiscoreWarning
from sentiscore.labels import check_labels, labels_of_config
from sentiscore.local import local_path

__all__ = [
    "DEFAULT",
    "Base",
    "Checkpoint",
    "check_base",
    "find_base",
    "find_folder",
    "hash_base",
    "load_checkpoint",
    "load_opened",
]

_USUAL_LENGTH: Final = 512
"""Tokens that a plain classifier reads, unless its positions are fewer."""
_ROOM: Final = 3
"""A length that a tokenizer gives without room for a word between two special tokens is not meant."""


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
        opened: The folder as it was checked; None to open it by its path.
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
    opened: OpenedFolder | None = field(default=None, repr=False, compare=False)

    @property
    def source(self) -> Folder:
        """What its files are read from."""
        opened = self.opened
        return opened if opened is not None and opened.path == self.folder else self.folder

    def closed(self) -> Self:
        """The same without its open folders: what is read from then on has to be what was hashed."""
        return replace(self, opened=None, base=None if self.base is None else replace(self.base, opened=None))

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
    return load_opened(
        OpenedFolder(folder), str(model), labels, revision=commit, pinned=pinned_tokenizer(str(model), commit)
    )


def load_opened(
    folder: OpenedFolder, model: str, labels: Sequence[str] | None, *, revision: str | None, pinned: str | None
) -> Checkpoint:
    """Check the files of a model folder that is open, and say what its outputs mean.

    Args:
        folder: Where its files are.
        model: What the user called it.
        labels: See `load_checkpoint`.
        revision: The hub commit, if it came from the hub.
        pinned: The hash of the tokenizer that the lock file has for it; None if it has none.

    Raises:
        CheckpointError: See `load_checkpoint`; or a file changed meanwhile.
    """
    for check in CHECKS.values():
        check(folder)
    manifest = Manifest.read(folder)
    config = read_config(folder)
    check_task(folder)
    outputs = _check_outputs(config, manifest, labels, model)
    settings = {} if manifest is not None and has(folder, TOKENIZER) else read_settings(folder)
    longest = _longest_of(config)
    wanted = manifest.max_length if manifest else min(_USUAL_LENGTH, longest, _length_in(settings))
    if not 1 <= wanted <= longest:
        raise CheckpointError(
            f"{model} is to read {wanted:,} tokens of a text, and its network can read {max(longest, 0):,}.",
            "Copy or download the whole folder again.",
        )
    base = find_base(folder, manifest) if manifest else None
    files = _hashes(folder, manifest, base)
    for checked in (folder, base.opened if base else None):
        if checked is not None:
            checked.check_unchanged()
    return Checkpoint(
        name=model,
        folder=folder.path,
        revision=revision,
        outputs=outputs,
        max_length=wanted,
        longest=longest,
        temperature=manifest.temperature if manifest else None,
        manifest=manifest,
        files=files,
        base=base,
        tokenizer_settings=settings,
        pinned_tokenizer=pinned,
        opened=folder,
    )


def _check_outputs(
    config: dict[str, Any], manifest: Manifest | None, labels: Sequence[str] | None, model: str
) -> tuple[str, ...]:
    """The class of each id, as the user, the manifest or the config names it.

    Raises:
        CheckpointError: They are unknown, or not as many as the head has.
    """
    if manifest is not None:
        outputs = check_labels(labels or manifest.labels)
    elif labels is not None:
        outputs = check_labels(labels)
    else:
        outputs = _outputs_of(config, model)
    id2label = config.get("id2label")
    n_classes = len(id2label) if isinstance(id2label, dict) else len(outputs)
    if len(outputs) != n_classes:
        raise CheckpointError(
            f"{len(outputs)} labels are named for {model}, whose head has {n_classes} classes.",
            "Name every class once, in the order of the ids, with --labels.",
        )
    return outputs


def _hashes(folder: OpenedFolder, manifest: Manifest | None, base: Base | None) -> dict[str, str]:
    """sha256 by name of the files that answers depend on; those that were verified are not read again."""
    known = manifest.files if manifest else {}
    names = [CONFIG, *weight_files(folder)]
    names += tokenizer_sources(folder)  # a missing one is reported where they are loaded
    names += [name for name in (INDEX,) if WHOLE not in names and has(folder, name)]
    names += [name for name in (ADAPTER_CONFIG,) if has(folder, name)]
    files = {name: known.get(name) or hash_inside(folder, name) for name in names}
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
            stacklevel=5,
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
