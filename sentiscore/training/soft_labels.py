"""What teachers say of texts, and what it makes of labels."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore.checkpoint.manifest import hash_file, loaded_files
from sentiscore.errors import InputError, TrainingError
from sentiscore.labels import CLASSES, P_OF
from sentiscore.scoring.scorer import Scorer
from sentiscore.tables import check_place, put_in_place
from sentiscore.tables.labelled import LabelledData

TEXT: Final = "text"
_KEY: Final = "sentiscore.soft_labels"


def classes_of(teachers: Sequence[Scorer]) -> tuple[str, ...]:
    """The classes that the teachers have in common.

    Raises:
        TrainingError: They differ.
    """
    every = {tuple(name for name in CLASSES if name in teacher.checkpoint.labels) for teacher in teachers}
    if len(every) > 1:
        raise TrainingError(
            f"The teachers differ in their classes: {' and '.join(sorted(', '.join(one) for one in every))}.",
            "Choose teachers that all know neutral, or none of which does.",
        )
    return every.pop()


def check_classes(teachers: Sequence[Scorer], train_data: Sequence[LabelledData]) -> None:
    """Do the teachers know every class that the labelled rows have?

    Raises:
        TrainingError: They do not, or they differ in their classes.
    """
    known = classes_of(teachers)
    for rows in train_data:
        if strange := [name for name in rows.classes if name not in known]:
            raise TrainingError(
                f"{rows.name} has rows that are {', '.join(strange)}, which the teachers do not know.",
                "Choose teachers that know it, or leave these rows out.",
            )


def ask(
    teachers: Sequence[Scorer], texts: Sequence[str], on_progress: Callable[[int], None] | None = None
) -> pl.DataFrame:
    """The mean of the teachers' calibrated probabilities for each text.

    Args:
        teachers: The models to ask, which have the same classes.
        texts: Distinct texts.
        on_progress: Called with how many more texts a teacher has read.

    Returns:
        The column `text` and a column for each class; a text in which a teacher finds no tokens is left out.
    """
    columns = [P_OF[name] for name in classes_of(teachers)]
    series = pl.Series(TEXT, texts, dtype=pl.String)
    answers = [teacher.score_series(series, on_progress).select(columns) for teacher in teachers]
    means = [sum((one[name] for one in answers[1:]), start=answers[0][name]) / len(answers) for name in columns]
    return pl.DataFrame([series, *(mean.alias(name) for mean, name in zip(means, columns, strict=True))]).drop_nulls()


def ask_once(
    teachers: Sequence[Scorer],
    texts: Sequence[str],
    path: Path,
    on_progress: Callable[[int], None] | None = None,
) -> pl.DataFrame:
    """What the teachers say, kept in a parquet file and taken from there the next time.

    Args:
        teachers: See `ask`.
        texts: See `ask`.
        path: The file.
        on_progress: See `ask`.

    Returns:
        See `ask`.

    Raises:
        TrainingError: The file holds something else, or what other teachers said or of other texts.
        OutputError: It cannot be written.
    """
    key = {
        "teachers": [identity(teacher) for teacher in teachers],
        "texts": hashlib.sha256("\0".join(texts).encode()).hexdigest(),
    }
    if path.exists():
        if found := _changed(path, key):
            raise TrainingError(
                f"{path} holds other soft labels than these: {found}.", "Name another file with --soft-labels."
            )
        with _readable(path):
            return pl.read_parquet(path, glob=False, hive_partitioning=False)
    check_place(path)
    answers = ask(teachers, texts, on_progress)
    part = path.with_name(f".{path.name}.part")
    try:
        answers.write_parquet(part, metadata={_KEY: json.dumps(key)})
        put_in_place(part, path)
    finally:
        part.unlink(missing_ok=True)
    return answers


def mixed(rows: LabelledData, answers: pl.DataFrame, label_share: float) -> LabelledData:
    """Labelled rows whose labels and teachers share the say.

    A row's target is label_share times its label plus the rest times the answers. Where the answers know neutral and
    the rows do not, neutral keeps the probability that the teachers gave it, and the labels divide what is left; in
    rows that are never neutral it has none.

    Args:
        rows: The rows; those whose text has no answer are left out.
        answers: What `ask` returned.
        label_share: From 0, the teachers alone, to 1.
    """
    known = [name for name in CLASSES if P_OF[name] in answers.columns]
    place = {text: i for i, text in enumerate(answers[TEXT])}
    kept = [i for i, text in enumerate(rows.texts) if text in place]
    said = answers.select(P_OF[name] for name in known).to_numpy()[[place[rows.texts[i]] for i in kept]]
    labels = np.nan_to_num(rows.targets(known))[kept]
    own = [known.index(name) for name in rows.classes]
    if rows.never_neutral:
        others = [i for i in range(len(known)) if i not in own]
        said[:, others] = 0.0
        said /= said.sum(axis=1, keepdims=True)
    mass = said[:, own].sum(axis=1, keepdims=True)
    targets = said.copy()
    targets[:, own] = label_share * mass * labels[:, own] + (1 - label_share) * said[:, own]
    return replace(
        rows,
        texts=[rows.texts[i] for i in kept],
        label_names=[rows.label_names[i] for i in kept],
        probs=_normed(targets),
    )


def unlabelled(name: str, texts: Sequence[str], answers: pl.DataFrame, weight: float) -> LabelledData:
    """Texts without labels as rows to train on, with what the teachers said of them.

    Args:
        name: What to call them.
        texts: The texts; those without an answer are left out.
        answers: What `ask` returned.
        weight: How much each counts.
    """
    known = [name for name in CLASSES if P_OF[name] in answers.columns]
    rows = answers.filter(pl.col(TEXT).is_in(pl.Series(texts, dtype=pl.String).implode()))
    probs = rows.select(P_OF[name] for name in known).to_numpy()
    return LabelledData(
        name=name,
        texts=rows[TEXT].to_list(),
        label_names=[known[i] for i in probs.argmax(axis=1)],
        probs=_normed(probs),
        weight=weight,
    )


def _normed(probs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    normed: npt.NDArray[np.float32] = (probs / probs.sum(axis=1, keepdims=True)).astype(np.float32)
    return normed


def identity(teacher: Scorer) -> str:
    """A hash of everything that a teacher's answers follow from, but for the kind of its numbers."""
    digest = hashlib.sha256(f"{teacher.checkpoint.labels} {teacher.checkpoint.temperature}".encode())
    for path in loaded_files(teacher.checkpoint.folder):
        digest.update(f"{path.name} {hash_file(path)}".encode())
    return digest.hexdigest()


def _changed(path: Path, key: Mapping[str, object]) -> str:
    """In what a file of soft labels differs from what is wanted; nothing if it does not."""
    with _readable(path):
        found = json.loads(pl.read_parquet_metadata(path).get(_KEY, "{}"))
    if not found:
        return "it was not made by sentiscore distill"
    return " and ".join(f"other {name}" for name in key if found.get(name) != key[name])


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read: {error}.", "Remove it, or name another file with --soft-labels."
        ) from error
