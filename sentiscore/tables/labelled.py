"""Texts with labels, from a file or from the Hugging Face hub."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore.errors import InputError, import_extra
from sentiscore.labels import CLASSES, NEGATIVE, NEUTRAL, P_OF, POSITIVE, check_labels
from sentiscore.tables.dialect import UTF_8, CsvDialect
from sentiscore.tables.exact import series_of
from sentiscore.tables.fingerprint import DataFingerprint
from sentiscore.tables.limits import LABELLED_ROWS
from sentiscore.tables.opening import open_source, read_table


@dataclass(frozen=True)
class LabelledData:
    """Texts with labels.

    Attributes:
        name: The file's name or the hub id.
        texts: The texts, none empty.
        label_names: The label of each text, as a name.
        dropped: Rows that were left out because their text or label was missing.
        probs: Soft labels, shape (rows, classes); None if each row has a single certain label.
        weight: How much a row counts in training, relative to the rows of other sets.
        never_neutral: Whether the rows of a set without neutral labels are known not to be neutral, so that training
            may use that.
        mentions: For each text the mention that its label is about, None where it is about the whole text; None if
            that is so for all texts.
    """

    name: str
    texts: list[str]
    label_names: list[str]
    dropped: int = 0
    probs: npt.NDArray[np.float32] | None = None
    weight: float = 1.0
    never_neutral: bool = False
    mentions: list[str | None] | None = None

    @property
    def inputs(self) -> list[tuple[str, str | None]]:
        """Each text with its mention, or None."""
        return list(zip(self.texts, self.mentions or [None] * len(self.texts), strict=True))

    @property
    def classes(self) -> tuple[str, ...]:
        """The label names that occur or could: negative and positive, and neutral if it occurs."""
        with_neutral = NEUTRAL in self.label_names if self.probs is None else self.probs.shape[1] == len(CLASSES)
        return CLASSES if with_neutral else (NEGATIVE, POSITIVE)

    def ids(self, classes: Sequence[str]) -> npt.NDArray[np.int64]:
        """The labels as positions in `classes`, shape (rows,)."""
        position = {name: i for i, name in enumerate(classes)}
        return np.array([position[name] for name in self.label_names], dtype=np.int64)

    def targets(self, classes: Sequence[str], smoothing: float = 0.0) -> npt.NDArray[np.float32]:
        """The target probabilities for a model with these classes.

        Args:
            classes: The model's classes in order: these of the set, or more.
            smoothing: Share of a label's weight that is spread over the set's classes; soft labels stay as they are.

        Returns:
            Shape (rows, classes): each row sums to 1, and a class that the set does not know is NaN, or 0 for neutral
            in rows that never are.
        """
        if self.probs is None:
            known = np.eye(len(self.classes), dtype=np.float32)[self.ids(self.classes)]
            known = (1 - smoothing) * known + smoothing / len(self.classes)
        else:
            known = self.probs
        elsewhere = 0.0 if self.never_neutral else np.nan
        targets = np.full((len(self.texts), len(classes)), elsewhere, dtype=np.float32)
        targets[:, [classes.index(name) for name in self.classes]] = known
        return targets

    @property
    def fingerprint(self) -> DataFingerprint:
        """A hash over texts, mentions and labels in order; over the most likely labels, where they are soft."""
        digest = hashlib.sha256()
        for (text, mention), label in zip(self.inputs, self.label_names, strict=True):
            for part in (text,) if mention is None else (text, mention):
                encoded = part.encode()
                digest.update(f"{label}\t{len(encoded)}\t".encode())
                digest.update(encoded)
        return DataFingerprint(self.name, len(self.texts), digest.hexdigest())

    @property
    def hash_of_targets(self) -> str:
        """A hash over the training targets of the rows, soft labels included, and over their weights."""
        digest = hashlib.sha256(f"{self.weight} {self.never_neutral}".encode())
        digest.update(self.targets(self.classes).tobytes())
        return digest.hexdigest()


def read_labelled(
    path: str | Path,
    *,
    text_col: str = "sentence",
    label_col: str = "label",
    labels: Sequence[str] | None = None,
    separator: str | None = None,
    skip_rows: int = 0,
    comment: str | None = None,
    encoding: str = UTF_8,
    target_col: str | None = None,
) -> LabelledData:
    """Read a labelled table.

    Args:
        path: A .tsv, .csv (also .gz), .parquet, .jsonl or .ndjson file.
        text_col: The column of texts.
        label_col: The column of labels: names in any case, or ids from 0 on.
        labels: What the ids mean, in order; by default ids 0 and 1 are negative and positive.
        separator: The separator of a CSV's fields; see `sentiscore.score_file` for this and the next three.
        skip_rows: Lines of a CSV before its header.
        comment: How lines of a CSV begin that are not rows.
        encoding: The encoding of a CSV.
        target_col: The column of the mentions that the labels are about; a row without a mention is about its whole
            text.

    Raises:
        InputError: The file or a column cannot be used, or a label is unknown.
        CheckpointError: `labels` are not label names.
    """
    columns = _different(text=text_col, label=label_col, target=target_col)
    csv = CsvDialect(separator=separator, skip_rows=skip_rows, comment=comment, encoding=encoding)
    rows = 0

    def labelled(piece: pl.DataFrame) -> pl.DataFrame:
        nonlocal rows
        rows += piece.height
        texts, targets = series_of(piece, text_col), None if target_col is None else series_of(piece, target_col)
        _check_text(texts, path)
        if targets is not None:
            _check_text(targets, path, "target")
        return _whole(texts, series_of(piece, label_col), targets)

    frame = read_table(path, columns, csv, kept=labelled, most_rows=LABELLED_ROWS)
    if target_col is not None and frame["target"].null_count() == frame.height > 0:
        raise InputError(
            f"No labelled row of {path} has a target in the column {target_col!r}.", "Name another, or leave it out."
        )
    return _labelled(Path(path).name, frame, rows, labels)


def read_texts(path: str | Path, text_col: str, dialect: CsvDialect | None = None) -> tuple[list[str], int]:
    """The texts of a table, and the number of rows without a text.

    Args:
        path: See `read_labelled`.
        text_col: The column of texts.
        dialect: The dialect of a CSV.

    Raises:
        InputError: The file or the column cannot be used, or there is no text.
    """
    pairs, without = read_pairs(path, text_col, None, dialect)
    return [text for text, _ in pairs], without


def read_pairs(
    path: str | Path, text_col: str, target_col: str | None, dialect: CsvDialect | None = None
) -> tuple[list[tuple[str, str | None]], int]:
    """The texts of a table, each with the mention in its row, and the number of rows without a text.

    Args:
        path: See `read_labelled`.
        text_col: The column of texts.
        target_col: The column of mentions; a text whose mention is missing or blank has None, and so has each if the
            column is None.
        dialect: The dialect of a CSV.

    Raises:
        InputError: The file or a column cannot be used, or there is no text.
    """
    columns = _different(text=text_col, target=target_col)
    frame = read_table(path, columns, dialect or CsvDialect())
    for name, use in zip(columns, ("text", "target"), strict=False):
        _check_text(series_of(frame, name), path, use)
    texts = series_of(frame, text_col).cast(pl.String)
    mentions = [None] * frame.height if target_col is None else _mentions(series_of(frame, target_col)).to_list()
    pairs = [(text, mention) for text, mention in zip(texts, mentions, strict=True) if text and text.strip()]
    if not pairs:
        raise InputError(f"The column {text_col!r} of {path} has no text.", "Name another column or another file.")
    return pairs, frame.height - len(pairs)


def _different(**columns: str | None) -> list[str]:
    """The columns that are given, by their use; none may have two uses."""
    uses: dict[str, str] = {}
    for use, name in columns.items():
        if name is None:
            continue
        if name in uses:
            first = uses[name]
            raise InputError(
                f"The column {name!r} cannot be both the {first} and the {use}.",
                f"Name two columns: --{first}-col and --{use}-col, or {first}_col and {use}_col in a recipe.",
            )
        uses[name] = use
    return list(uses)


def _check_text(column: pl.Series, path: str | Path, use: str = "text") -> None:
    of_code = use == "target" and column.dtype.is_integer()
    if not of_code and column.dtype not in (pl.String, pl.Null, pl.Categorical, pl.Enum):
        raise InputError(
            f"The column {column.name!r} of {path} holds {column.dtype}, not text.",
            f"Name the column of {use}s: --{use}-col, or {use}_col in a recipe.",
        )


def read_soft_labelled(
    path: str | Path, *, text_col: str = "sentence", dialect: CsvDialect | None = None
) -> LabelledData:
    """Read a table of texts with probabilities, such as `sentiscore score` writes.

    Args:
        path: A .tsv, .csv (also .gz), .parquet, .jsonl or .ndjson file with the columns `p_negative` and `p_positive`,
            and `p_neutral` where there is one. Rows without probabilities are left out.
        text_col: The column of texts.
        dialect: How a CSV is written.

    Raises:
        InputError: The file or a column cannot be used, or the values are not probabilities.
    """
    source = open_source(path, dialect or CsvDialect())
    classes = CLASSES if P_OF[NEUTRAL] in source.schema else (NEGATIVE, POSITIVE)
    columns = [P_OF[name] for name in classes]
    if absent := [name for name in (text_col, *columns) if name not in source.schema]:
        raise InputError(
            f"{path} has no column {', '.join(map(repr, absent))}.",
            "Soft labels are the columns p_negative, p_positive and, for three classes, p_neutral beside the text.",
        )
    frame = read_table(path, [text_col, *columns], dialect or CsvDialect())
    _check_text(series_of(frame, text_col), path)
    texts = series_of(frame, text_col).cast(pl.String)
    read = frame.select(pl.col(columns).cast(pl.Float32, strict=False))
    good = read.select(pl.all_horizontal(pl.all().is_not_null())).to_series()
    good &= (texts.str.strip_chars().str.len_bytes() > 0).fill_null(value=False)
    probs = read.filter(good).to_numpy()
    if not len(probs) or (probs < 0).any() or not np.allclose(probs.sum(axis=1), 1, atol=1e-3):
        raise InputError(
            f"{path} has {'rows whose probabilities do not sum to 1' if len(probs) else 'no row with probabilities'}.",
            "Make it with sentiscore score, or with columns that sum to 1 in each row.",
        )
    return LabelledData(
        name=Path(path).name,
        texts=texts.filter(good).to_list(),
        label_names=[classes[i] for i in probs.argmax(axis=1)],
        dropped=frame.height - len(probs),
        probs=probs / probs.sum(axis=1, keepdims=True),
    )


def load_hub_data(name: str, revision: str = "") -> tuple[LabelledData, LabelledData]:
    """The training and validation rows of a hub data set with the columns `sentence` and `label`.

    Raises:
        InputError: It cannot be fetched, or has other columns.
    """
    import logging

    datasets = import_extra("datasets", "train")
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it logs every retry
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
        whole = _whole(frame["sentence"], frame["label"])
        found.append(_labelled(f"{name}:{split}", whole, frame.height, names))
    return found[0], found[1]


def _whole(texts: pl.Series, labels: pl.Series, targets: pl.Series | None = None) -> pl.DataFrame:
    """The rows that have both a text and a label, in the columns text and label, and target where they have targets."""
    frame = pl.DataFrame({"text": texts.cast(pl.String), "label": _plain(labels)})
    if targets is not None:
        frame = frame.with_columns(_mentions(targets).alias("target"))
    blank = pl.col("text").str.contains(r"^\s*$")
    return frame.filter(pl.col("text").is_not_null() & ~blank & pl.col("label").str.len_bytes().gt(0))


def _mentions(targets: pl.Series) -> pl.Series:
    """Mentions without white space around them, and without blank ones."""
    plain = targets.cast(pl.String).str.strip_chars()
    return plain.set(plain == "", None)


def _labelled(name: str, whole: pl.DataFrame, rows: int, meaning: Sequence[str] | None) -> LabelledData:
    """Rows that have both a text and a label, out of a total number of rows."""
    if whole.is_empty():
        raise InputError(f"{name} has no row with both a text and a label.", "Name the columns they are in.")
    known = _meaning_of(name, whole["label"].unique().sort().to_list(), meaning)
    return LabelledData(
        name=name,
        texts=whole["text"].to_list(),
        label_names=[known[label] for label in whole["label"].to_list()],
        dropped=rows - whole.height,
        mentions=whole["target"].to_list() if "target" in whole.columns else None,
    )


def _plain(labels: pl.Series) -> pl.Series:
    """Labels as text; ids that became floats such as 1.0 because of nulls are whole numbers again."""
    return labels.cast(pl.String).str.strip_chars().str.replace(r"^(\d+)\.0+$", "$1")


def _meaning_of(name: str, found: list[str], meaning: Sequence[str] | None) -> dict[str, str]:
    """The class name of each label in the file."""
    if meaning is not None:
        classes = check_labels(meaning)
        if len(set(classes)) < len(classes):
            raise InputError(
                f"The labels of {name} are to mean {', '.join(map(repr, meaning))}, one class more than once.",
                "Ids of rows mean a class each, for example: --labels negative,neutral,positive.",
            )
        named = dict(zip(map(str, range(len(classes))), classes, strict=True))
    else:
        named = {"0": NEGATIVE, "1": POSITIVE}
    named |= {label: label.lower() for label in found if label.lower() in CLASSES}
    if unknown := [label for label in found if label not in named]:
        raise InputError(
            f"{name} has labels that are unknown: {', '.join(map(repr, unknown[:5]))}.",
            "Labels are negative, neutral, positive, or ids; say what ids mean, in order, for example: --labels "
            'negative,positive,neutral (in evaluate: --data-labels; in a recipe: labels = ["negative", "positive"]).',
        )
    return {label: named[label] for label in found}
