"""What the user calls a model -> a checked checkpoint.

A model is `default` (inside this package), a folder, or a hub id. Weights are read from safetensors alone,
and no code that comes with a model is ever run.
"""

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sentiscore.checkpoint.hub import download
from sentiscore.checkpoint.manifest import Manifest, hash_file, loaded_files, verify_files
from sentiscore.errors import CheckpointError, SentiscoreWarning
from sentiscore.labels import check_labels, labels_of_config

DEFAULT: Final = "default"
ADAPTER_CONFIG: Final = "adapter_config.json"
"""What peft calls its file of settings, which only a folder of adapters has."""
_DEFAULT_FOLDER: Final = Path(__file__).parent.parent / "default_model"
_PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack")
_USUAL_LENGTH: Final = 512
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
        labels: Label names in the order of the model's ids.
        max_length: Tokens of a text that are read; the rest is cut off.
        longest: The most tokens it could read.
        temperature: The divisor of the logits; None if the model was never calibrated.
        manifest: Its manifest; None for a plain Hugging Face classifier.
        files: sha256 by name of every file that its answers depend on, those of the base among them.
        base: What its weights, which are adapters, are to be put on; None for a whole model.
    """

    name: str
    folder: Path
    revision: str | None
    labels: tuple[str, ...]
    max_length: int
    longest: int
    temperature: float | None
    manifest: Manifest | None
    files: dict[str, str] = field(default_factory=dict)
    base: Base | None = None

    @property
    def sha256(self) -> str:
        """One hash, in hex, over the names and hashes of all its files."""
        return _hash_of(self.files)

    def sha256_of(self, *, tokenizer: bool) -> str:
        """One hash over the files of the tokenizer, or over all others.

        Args:
            tokenizer: Which of the two.
        """
        return _hash_of({name: value for name, value in self.files.items() if _is_tokenizers(name) == tokenizer})


def find_folder(model: str | Path, revision: str | None = None) -> tuple[Path, str | None]:
    """The folder of a model or base, fetched from the hub where it is an id.

    Returns:
        The folder, and the hub commit if it came from there.

    Raises:
        CheckpointError: There is no such model, or it cannot be fetched.
    """
    if str(model) == DEFAULT:
        return _DEFAULT_FOLDER, None
    path = Path(model)
    if path.is_dir():
        return path, None
    if path.exists() or path.is_absolute() or str(model).count("/") > 1 or str(model).startswith((".", "~")):
        raise CheckpointError(f"{model} is not a model folder.", "Name the folder that holds config.json.")
    return download(str(model), revision)


def check_folder(folder: Path) -> None:
    """Is this a model folder, with weights that no code can hide in?

    Raises:
        CheckpointError: It is not, or its weights are missing or pickles.
    """
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder} has no config.json: it is not a model folder.", "Name another folder.")
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(p.name for pattern in _PICKLES for p in folder.glob(pattern))
        if pickles:
            raise CheckpointError(
                f"{folder} holds its weights as {pickles[0]} only, a format that can run code when it is read.",
                "Ask its maker for safetensors, or convert it where that is safe, with transformers' save_pretrained.",
            )
        raise CheckpointError(f"{folder} has no weights (*.safetensors).", "Copy or download the whole folder again.")


def check_whole(folder: Path) -> None:
    """Does a folder hold a whole model, and not adapters alone?

    Raises:
        CheckpointError: It holds adapters.
    """
    if (folder / ADAPTER_CONFIG).exists():
        raise CheckpointError(
            f"{folder} holds adapters, not a whole model.", "Train it again with --adapters merge, and use that."
        )


def hash_base(folder: Path) -> dict[str, str]:
    """sha256 by file name of what makes a base: its config and its weights."""
    return {path.name: hash_file(path) for path in [folder / "config.json", *sorted(folder.glob("*.safetensors"))]}


def find_base(folder: Path, manifest: Manifest) -> Base | None:
    """What the adapters in a folder are to be put on; None if it holds a whole model.

    A base that was a folder is looked for where it was, and beside the folder of the adapters.

    Raises:
        CheckpointError: The base cannot be found, or is not the one that they were trained on.
    """
    wanted = manifest.adapters
    if wanted is None:
        return None
    if wanted.base_folder is None:
        places = [find_folder(manifest.base, manifest.base_revision)[0]]
    else:
        beside = folder.parent / manifest.base
        places = [place for place in (Path(wanted.base_folder), beside) if (place / "config.json").is_file()]
        if not places:
            raise CheckpointError(
                f"{folder} holds adapters for the base {manifest.base}, which is not at {wanted.base_folder} any more.",
                f"Put the base, or a link to it, at {beside}.",
            )
    for place in places:
        if hash_base(place) == wanted.base_files:
            return Base(place, wanted.in_4_bits)
    raise CheckpointError(
        f"{places[0]} is not the base that the adapters in {folder} were trained on.",
        "Bring back the base as it was, or train again.",
    )


def read_config(folder: Path) -> dict[str, Any]:
    """The `config.json` of a model folder.

    Raises:
        CheckpointError: It cannot be read.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.", "Copy or download it again.") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path} is not a model's config.", "Copy or download it again.")
    return config


def load_checkpoint(
    model: str | Path = DEFAULT, *, revision: str | None = None, labels: Sequence[str] | None = None
) -> Checkpoint:
    """Find a model, check its files, and say what its outputs mean.

    Args:
        model: "default", a folder, or a hub id.
        revision: Branch, tag or commit of a hub id.
        labels: Label names in id order, for a model whose config does not say.

    Raises:
        CheckpointError: It cannot be found, is not whole, or its labels are unknown.
    """
    folder, commit = find_folder(model, revision)
    check_folder(folder)
    manifest = Manifest.read(folder)
    if manifest is not None:
        verify_files(folder, manifest)
    if manifest is None or manifest.adapters is None:
        check_whole(folder)
    config = read_config(folder)
    if manifest is not None:
        names = check_labels(labels or manifest.labels)
    elif labels is not None:
        names = check_labels(labels)
    else:
        names = _labels_of(config, str(model))
    id2label = config.get("id2label")
    n_classes = len(id2label) if isinstance(id2label, dict) else len(names)
    if len(names) != n_classes:
        raise CheckpointError(
            f"{len(names)} labels are named for {model}, whose head has {n_classes} classes.",
            "Name every class once, in the order of the ids, with --labels.",
        )
    longest = _longest_of(config)
    base = find_base(folder, manifest) if manifest else None
    return Checkpoint(
        name=str(model),
        folder=folder,
        revision=commit,
        labels=names,
        max_length=manifest.max_length if manifest else min(_USUAL_LENGTH, longest),
        longest=longest,
        temperature=manifest.temperature if manifest else None,
        manifest=manifest,
        files=_hashes(folder, manifest, base),
        base=base,
    )


def _hashes(folder: Path, manifest: Manifest | None, base: Base | None) -> dict[str, str]:
    """sha256 by name of the files that answers depend on; those that were verified are not read again."""
    files = dict(manifest.files) if manifest else {path.name: hash_file(path) for path in loaded_files(folder)}
    if base is not None and manifest is not None and manifest.adapters is not None:
        files |= {f"base/{name}": value for name, value in manifest.adapters.base_files.items()}
    return dict(sorted(files.items()))


def _hash_of(files: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()


def _is_tokenizers(name: str) -> bool:
    return name.startswith(("tokenizer", "vocab", "merges", "special_tokens", "added_tokens")) or name.endswith(
        ".model"
    )


def _labels_of(config: dict[str, Any], model: str) -> tuple[str, ...]:
    id2label = config.get("id2label") or {0: "LABEL_0", 1: "LABEL_1"}  # transformers leaves two out
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
    """The most tokens a model can read."""
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int) or positions < 1:
        return _USUAL_LENGTH
    counted_after_padding = config.get("model_type") in ("roberta", "xlm-roberta", "camembert")
    padding_rows = (config.get("pad_token_id") or 0) + 1 if counted_after_padding else 0
    return positions - padding_rows
