"""Resolves what the user calls a model to a checked checkpoint.

A model is `default` (inside this package), a folder, or a hub id. Weights are read from safetensors only, and no code
that comes with a model is ever run.
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
from sentiscore.checkpoint.lock import pinned, pinned_tokenizer
from sentiscore.checkpoint.manifest import Manifest
from sentiscore.checkpoint.near_names import check_no_near_folder
from sentiscore.checkpoint.reading import DEFAULT, PACKAGED, Folder, OpenedFolder, has, hash_inside
from sentiscore.checkpoint.tokenizer_files import TOKENIZER, has_token_types, read_settings, tokenizer_sources
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
"""A tokenizer's maximum length that leaves no room for a word between two special tokens is not intended."""


@dataclass(frozen=True)
class Checkpoint:
    """A model folder that was checked and is complete.

    Attributes:
        name: What the user called it.
        folder: The folder of its files.
        revision: The hub commit, if it came from the hub.
        outputs: The class of each of the model's ids; several ids may have the same class.
        max_length: Tokens of a text that are read, if its network can read so many; the rest is cut off.
        longest: The maximum number of tokens it could read, according to its files.
        temperature: The divisor of the logits; None if the model was never calibrated.
        manifest: Its manifest; None for a plain Hugging Face classifier.
        files: sha256 by name of every file that its answers depend on, including those of the base.
        base: The base of its weights, if these are adapters; None for a complete model.
        tokenizer_settings: The tokenizer settings that affect how it reads texts, by file name.
        token_types: Whether its network gets a type for each token.
        pinned_tokenizer: The hash of the tokenizer in the lock file; None if it has none.
        opened: The open folder that was checked; None to open it by its path.
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
    token_types: bool = False
    pinned_tokenizer: str | None = None
    opened: OpenedFolder | None = field(default=None, repr=False, compare=False)

    @property
    def source(self) -> Folder:
        """The folder from which its files are read."""
        opened = self.opened
        return opened if opened is not None and opened.path == self.folder else self.folder

    def closed(self) -> Self:
        """A copy without its open folders: files that are read later must match their hashes."""
        return replace(self, opened=None, base=None if self.base is None else replace(self.base, opened=None))

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes that it distinguishes, in the order in which its ids first mean them."""
        return tuple(dict.fromkeys(self.outputs))

    @property
    def reads_targets(self) -> bool:
        """Whether it was trained to judge a text towards a mention in it."""
        return self.manifest is not None and self.manifest.reads_targets

    @property
    def short_name(self) -> str:
        """Its name without the folders of this machine: the last component of a folder, or the hub id."""
        if self.revision is not None or self.name == DEFAULT:
            return self.name
        return Path(os.path.abspath(self.folder)).name  # noqa: PTH100 - a link keeps its own name

    @property
    def sha256(self) -> str:
        """One hash, in hex, over what determines its answers: its files, settings, labels, temperature and length."""
        said = {
            "labels": ",".join(self.outputs),
            "temperature": repr(self.temperature),
            "max_length": str(self.max_length),
        }
        return _hash_of({**self.files, **self._settings, **said})

    @property
    def _settings(self) -> dict[str, str]:
        """The hash of its tokenizer's settings, if there are any that matter."""
        types = {"token types": "1"} if self.token_types and not self.tokenizer_settings else {}
        settings = {"tokenizer settings": _hash_of(self.tokenizer_settings)} if self.tokenizer_settings else {}
        return settings | types

    def sha256_of(self, *, tokenizer: bool) -> str:
        """One hash over the files of the tokenizer, or over all others.

        Args:
            tokenizer: Whether to hash the files of the tokenizer, or the others.
        """
        more = self._settings if tokenizer else {}
        return _hash_of({n: value for n, value in self.files.items() if _is_tokenizers(n) == tokenizer} | more)


def find_folder(
    model: str | Path, revision: str | None = None, *, must_be_pinned: bool = False, ask_lock: bool = True
) -> tuple[Path, str | None]:
    """Find the folder of a model or base, which is fetched from the hub if it is an id.

    Args:
        model: "default", a folder, or a hub id.
        revision: Branch, tag or commit of a hub id.
        must_be_pinned: Whether a hub id needs a commit, here or in the lock file.
        ask_lock: Whether to read the lock file.

    Returns:
        The folder, and the hub commit if it came from there.

    Raises:
        CheckpointError: The model does not exist, it cannot be fetched, or it is not pinned to a commit.
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
    if not is_there and revision is None and not (ask_lock and pinned(str(model))):
        check_no_near_folder(path)
    if is_there or path.is_absolute() or str(model).count("/") > 1 or str(model).startswith((".", "~")):
        raise CheckpointError(f"{model} is not a model folder.", "Name the folder that holds config.json.")
    return fetch(str(model), revision, must_be_pinned=must_be_pinned, ask_lock=ask_lock)


def _unreadable(path: Path) -> CheckpointError:
    return CheckpointError(f"{path} may not be read by this user.", "Check its permissions and those of its folder.")


def load_checkpoint(
    model: str | Path = DEFAULT, *, revision: str | None = None, labels: Sequence[str] | None = None
) -> Checkpoint:
    """Find a model, check its files, and determine what its outputs mean.

    Args:
        model: "default", a folder, or a hub id.
        revision: The commit of a hub id, or a branch or tag that the lock file has a commit for.
        labels: Label names in id order, for a model whose config does not say.

    Raises:
        CheckpointError: It cannot be found, is incomplete, may contain code, or its labels are unknown.
    """
    folder, commit = find_folder(model, revision, must_be_pinned=True)
    return load_opened(
        OpenedFolder(folder), str(model), labels, revision=commit, pinned=pinned_tokenizer(str(model), commit)
    )


def load_opened(
    folder: OpenedFolder, model: str, labels: Sequence[str] | None, *, revision: str | None, pinned: str | None
) -> Checkpoint:
    """Check the files of an open model folder, and determine what its outputs mean.

    Args:
        folder: The folder of its files.
        model: What the user called it.
        labels: See `load_checkpoint`.
        revision: The hub commit, if it came from the hub.
        pinned: The hash of the tokenizer in the lock file; None if it has none.

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
    of_pairs = manifest is not None and manifest.reads_targets
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
        token_types=has_token_types(read_settings(folder) if of_pairs else settings),
        pinned_tokenizer=pinned,
        opened=folder,
    )


def _check_outputs(
    config: dict[str, Any], manifest: Manifest | None, labels: Sequence[str] | None, model: str
) -> tuple[str, ...]:
    """The class of each id, according to the user, the manifest or the config.

    Raises:
        CheckpointError: They are unknown, or their number differs from the head's.
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
    names += tokenizer_sources(folder)  # a missing one is reported on loading
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
    usual = {i: f"LABEL_{i}" for i in range(n_labels if isinstance(n_labels, int) else 2)}  # transformers ignores them
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
    """The maximum number of tokens according to a model's config; its network may reserve some positions."""
    positions = next((config[name] for name in POSITIONS if config.get(name) is not None), None)
    return positions if isinstance(positions, int) and positions > 0 else MOST_POSITIONS


def _length_in(settings: Mapping[str, Mapping[str, Any]]) -> int:
    """The length to which the model's own pipeline truncates a text, if its tokenizer states it."""
    found = settings.get("tokenizer_config.json", {}).get("model_max_length")
    return int(found) if isinstance(found, int | float) and _ROOM <= found < MOST_POSITIONS else MOST_POSITIONS
