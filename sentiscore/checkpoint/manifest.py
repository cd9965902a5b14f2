"""The manifest: what a checkpoint is, how it was made, and the hashes of its files."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from sentiscore.checkpoint.reading import (
    MIB,
    Folder,
    has,
    hash_inside,
    is_plain_name,
    opened,
    parse_object,
    read_inside,
)
from sentiscore.errors import CheckpointError, SentiscoreError
from sentiscore.settings import Settings, setting
from sentiscore.tables.fingerprint import DataFingerprint

MANIFEST: Final = "sentiscore.json"
FORMAT: Final = 2
"""Format 1 had one set of rows for training and one for validation."""
_LARGEST: Final = 32 * MIB


@dataclass(frozen=True)
class KeptAdapters(Settings):
    """The base of a checkpoint's adapters that were saved separately.

    Attributes:
        base_folder: The base's folder in training; None for a base from the hub.
        base_files: sha256 by file name, for the base's config and weights.
        in_4_bits: Whether the base was held in 4 bits in training, and so must be rounded to them.
    """

    what = "manifest's table of adapters"
    error = CheckpointError

    base_folder: str | None
    base_files: dict[str, str]
    in_4_bits: bool


@dataclass(frozen=True, kw_only=True)
class Manifest(Settings):
    """The content of a checkpoint's `sentiscore.json`.

    Attributes:
        base: The folder name or hub id from which training started.
        base_revision: The hub revision of the base, if it came from the hub.
        labels: Label names in the order of the model's ids.
        max_length: Tokens of a text that the model was trained to read.
        temperature: The divisor of the logits that calibrates the probabilities; None if never fitted.
        training_data: The sets of rows trained on.
        selection_data: The sets of rows that chose the best state and fitted the temperature.
        recipe: Every setting of the training run.
        metrics: Figures on each set of the selection rows by its name, after temperature.
        versions: Versions of the libraries that trained it.
        files: sha256 by file name, for every other file of the folder.
        adapters: The base of its adapters; None for a complete model.
        baselines: Figures of TF-IDF with a logistic regression, fitted on the training rows, on each set of the
            selection rows by its name.
        weaknesses: What the model did no better than something simpler on the selection rows, in sentences; empty if
            it was better, or was never compared.
        reads_targets: Whether it was trained to judge a text towards a mention in it, given as a second segment.
    """

    what = "manifest"
    error = CheckpointError

    base: str
    base_revision: str | None
    labels: tuple[str, ...]
    max_length: int = setting(low=1)
    temperature: float | None = setting(above=0)
    training_data: tuple[DataFingerprint, ...]
    selection_data: tuple[DataFingerprint, ...]
    recipe: dict[str, Any]
    metrics: dict[str, dict[str, float | None]]
    versions: dict[str, str]
    files: dict[str, str] = field(default_factory=dict)
    adapters: KeptAdapters | None = None
    reads_targets: bool = False
    baselines: dict[str, dict[str, float | None]] = field(default_factory=dict)
    weaknesses: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The text of `sentiscore.json`."""
        return json.dumps({"format": FORMAT, **self.as_dict()}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, folder: Folder) -> Self | None:
        """Read the manifest of a folder; None if there is no `sentiscore.json`.

        Raises:
            CheckpointError: The file exists, but is invalid.
        """
        path = folder / MANIFEST
        if not has(folder, MANIFEST):
            return None
        data = read_inside(folder, MANIFEST, _LARGEST)
        try:
            return cls.from_dict(_of_this_format(parse_object(data)))
        except (ValueError, TypeError, KeyError, SentiscoreError) as error:
            reason = error.message if isinstance(error, SentiscoreError) else str(error)
            raise CheckpointError(
                f"{path} is not a manifest that this version understands: {reason.rstrip('.')}.",
                "Train or download the model again, or update sentiscore.",
            ) from error


def _of_this_format(raw: dict[str, Any]) -> dict[str, Any]:
    found, raw = raw["format"], {name: value for name, value in raw.items() if name != "format"}
    if found not in (1, FORMAT):
        raise ValueError(f"its format is not {FORMAT}")
    if "files" not in raw:
        raise ValueError("it lists no files")
    return _from_format_1(raw) if found == 1 else raw


def _from_format_1(raw: dict[str, Any]) -> dict[str, Any]:
    sets = {name: [raw[name]] for name in ("training_data", "selection_data")}
    return {**raw, **sets, "metrics": {raw["selection_data"]["name"]: raw["metrics"]}}


def hash_file(path: Path) -> str:
    """The sha256 of the bytes of a file of a model folder, in hex.

    Raises:
        CheckpointError: It cannot be read.
    """
    return hash_inside(path.parent, path.name)


def loaded_files(folder: Folder) -> list[Path]:
    """The files of a model folder that loading may read, except the manifest, sorted."""
    endings = (".json", ".safetensors", ".txt", ".model")
    return [folder / name for name in sorted(opened(folder).names) if name.endswith(endings) and name != MANIFEST]


def verify_files(folder: Folder, manifest: Manifest) -> None:
    """Compare the files of a folder with the hashes in its manifest.

    Raises:
        CheckpointError: A file is missing or has changed, or there is one that the manifest does not know.
    """
    for name, expected in manifest.files.items():
        if not is_plain_name(name) or not has(folder, name):
            raise CheckpointError(f"{folder} lacks the file {name}.", "Copy or download the whole folder again.")
        if hash_inside(folder, name) != expected:
            raise CheckpointError(
                f"{folder / name} is not the file that was saved with this model.",
                "Copy or download the whole folder again; if you changed it yourself, remove sentiscore.json.",
            )
    if strangers := sorted(path.name for path in loaded_files(folder) if path.name not in manifest.files):
        raise CheckpointError(
            f"{folder} holds files that its manifest does not name: {', '.join(strangers)}.",
            "Copy or download the whole folder again.",
        )
