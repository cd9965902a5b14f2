"""Texts with labels, from a file or from the Hugging Face hub."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore.checkpoint import DataFingerprint
from sentiscore.errors import InputError
from sentiscore.labels import CLASSES, NEGATIVE, NEUTRAL, POSITIVE, check_labels
from sentiscore.tables.source import read_table


@dataclass(frozen=True)
class LabelledData:
    """Texts with labels.

    Attributes:
        name: The file's name or the hub id.
        texts: The texts, none empty.
        label_names: The label of each text, as a name.
        dropped: Rows that were left out because their text or label was missing.
    """

    name: str
    texts: list[str]
    label_names: list[str]
    dropped: int = 0

    @property
    def classes(self) -> tuple[str, ...]:
        """The label names that occur or could: negative and positive, and neutral if it occurs."""
        return CLASSES if NEUTRAL in self.label_names else (NEGATIVE, POSITIVE)

    def ids(self, classes: Sequence[str]) -> npt.NDArray[np.int64]:
        """The labels as positions in `classes`, shape (rows,)."""
        position = {name: i for i, name in enumerate(classes)}
        return np.array([position[name] for name in self.label_names], dtype=np.int64)

    @property
    def fingerprint(self) -> DataFingerprint:
        """A hash over texts and labels in order."""
        digest = hashlib.sha256()
        for text, label in zip(self.texts, self.label_names, strict=True):
            encoded = text.encode()
            digest.update(f"{label}\t{len(encoded)}\t".encode())
            digest.update(encoded)
        return DataFingerprint(self.name, len(self.texts), digest.hexdigest())


def read_labelled(
    path: str | Path,
    *,
    text_col: str = "sentence",
    label_col: str = "label",
    labels: Sequence[str] | None = None,
) -> LabelledData:
    """Read a labelled table.

    Args:
        path: A .tsv, .csv (also .gz), .parquet, .jsonl or .ndjson file.
        text_col: The column of texts.
        label_col: The column of labels: names in any case, or ids from 0 on.
        labels: What the ids mean, in order; ids 0 and 1 alone are negative and positive without it.

    Raises:
        InputError: The file or a column cannot be used, or a label is unknown.
        CheckpointError: `labels` are not label names.
    """
    if text_col == label_col:
        raise InputError(
            f"The column {text_col!r} cannot be both the text and the label.",
            "Name two columns: --text-col, --label-col.",
        )
    frame = read_table(path, [text_col, label_col])
    if frame[text_col].dtype not in (pl.String, pl.Null):
        raise InputError(
            f"The column {text_col!r} of {path} holds {frame[text_col].dtype}, not text.",
            "Name the column of texts with --text-col.",
        )
    return _labelled(Path(path).name, frame[text_col], frame[label_col], labels)


def load_hub_data(name: str, revision: str = "") -> tuple[LabelledData, LabelledData]:
    """The training and validation rows of a hub data set with the columns `sentence` and `label`.

    Raises:
        InputError: It cannot be fetched, or has other columns.
    """
    import logging

    import datasets

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it tells of every retry
    datasets.disable_progress_bars()
    try:
        splits = datasets.load_dataset(name, revision=revision or None)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise InputError(
            f"The data set {name!r} is not in the local cache, and the hub did not give it: "
            f"{str(error).splitlines()[0]}",
            "Give files instead: --train-file train.tsv --eval-file validation.tsv",
        ) from error
    found = []
    for split in ("train", "validation"):
        if split not in splits or not {"sentence", "label"} <= set(splits[split].column_names):
            raise InputError(
                f"The data set {name!r} has no split {split!r} with the columns 'sentence' and 'label'.",
                "Save it as files and name them with --train-file and --eval-file.",
            )
        frame = pl.DataFrame(splits[split].select_columns(["sentence", "label"]).to_dict())
        names = getattr(splits[split].features["label"], "names", None)
        found.append(_labelled(f"{name}:{split}", frame["sentence"], frame["label"], names))
    return found[0], found[1]


def _labelled(name: str, texts: pl.Series, labels: pl.Series, meaning: Sequence[str] | None) -> LabelledData:
    frame = pl.DataFrame({"text": texts.cast(pl.String), "label": _plain(labels)})
    whole = frame.filter(pl.col("text").str.strip_chars().str.len_bytes().gt(0) & pl.col("label").str.len_bytes().gt(0))
    if whole.is_empty():
        raise InputError(f"{name} has no row with both a text and a label.", "Name the columns they are in.")
    known = _meaning_of(name, whole["label"].unique().sort().to_list(), meaning)
    return LabelledData(
        name=name,
        texts=whole["text"].to_list(),
        label_names=[known[label] for label in whole["label"].to_list()],
        dropped=frame.height - whole.height,
    )


def _plain(labels: pl.Series) -> pl.Series:
    """Labels as text; ids that a null beside them turned into 1.0 are 1 again."""
    return labels.cast(pl.String).str.strip_chars().str.replace(r"^(\d+)\.0+$", "$1")


def _meaning_of(name: str, found: list[str], meaning: Sequence[str] | None) -> dict[str, str]:
    """What each label in the file means, as a class name."""
    if meaning is not None:
        named = dict(zip(map(str, range(len(meaning))), check_labels(meaning), strict=True))
    else:
        named = {"0": NEGATIVE, "1": POSITIVE}
    named |= {label: label.lower() for label in found if label.lower() in CLASSES}
    if unknown := [label for label in found if label not in named]:
        raise InputError(
            f"{name} has labels that are unknown: {', '.join(map(repr, unknown[:5]))}.",
            "Labels are negative, neutral, positive, or ids; say what ids mean, in order, for example: "
            "--labels negative,positive,neutral (in evaluate: --data-labels).",
        )
    return {label: named[label] for label in found}
