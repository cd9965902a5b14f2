"""What teachers say of texts, and what it makes of labels."""

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore.disk.durable import write_whole
from sentiscore.disk.permission import check_file_target
from sentiscore.errors import InputError, TrainingError
from sentiscore.labels import CLASSES, P_OF
from sentiscore.scoring.scorer import Scorer
from sentiscore.tables.labelled import LabelledData

TEXT: Final = "text"
_HASH: Final = "text_hash"
_KEY: Final = "sentiscore.soft_labels"
_ASKED_AT_ONCE: Final = 8_192
"""Texts after whose answers the file is written, so that a run that is stopped need not ask for them again."""

_SHOWN: Final = 60
"""Characters of a text in a message."""


@dataclass(frozen=True)
class Teacher:
    """Who answered: for the manifest of a student, and to distinguish one's answers from another's.

    Attributes:
        name: What its folder or repository is called.
        identity: A hash of everything that its answers follow from, but for the kind of its numbers.
    """

    name: str
    identity: str

    @classmethod
    def of(cls, scorer: Scorer) -> Self:
        """Who a model is."""
        return cls(Path(scorer.checkpoint.short_name).name, scorer.checkpoint.sha256)


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


def classes_in(answers: pl.DataFrame) -> tuple[str, ...]:
    """The classes that answers have probabilities of."""
    return tuple(name for name in CLASSES if P_OF[name] in answers.columns)


def check_classes(known: Sequence[str], train_data: Sequence[LabelledData]) -> None:
    """Do the teachers know every class that the labelled rows have?

    Args:
        known: The teachers' classes.
        train_data: The labelled rows.

    Raises:
        TrainingError: They do not.
    """
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
        The column `text` and a column for each class, which is null for a text in which a teacher finds no tokens.
    """
    columns = [P_OF[name] for name in classes_of(teachers)]
    series = pl.Series(TEXT, texts, dtype=pl.String)
    answers = [teacher.score_series(series, on_progress).select(columns) for teacher in teachers]
    means = [sum((one[name] for one in answers[1:]), start=answers[0][name]) / len(answers) for name in columns]
    return pl.DataFrame([series, *(mean.alias(name) for mean, name in zip(means, columns, strict=True))])


def ask_once(
    teachers: Sequence[Scorer],
    texts: Sequence[str],
    path: Path,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[tuple[Teacher, ...], pl.DataFrame]:
    """What the teachers say of texts: from a file as far as they were asked before, which then has the rest too.

    The file holds a hash of each text and not the text, so that it may be passed on where the texts may not. It is
    written every few thousand texts.

    Args:
        teachers: See `ask`; none if the file answers for all the texts.
        texts: See `ask`.
        path: The file.
        on_progress: See `ask`.

    Returns:
        Who answered, and the answers: the column `text` and a column for each class, without the texts in which a
        teacher finds no tokens.

    Raises:
        TrainingError: The file holds something else, or what other teachers said; or there are no teachers, and it
            does not answer for all the texts.
        OutputError: It cannot be written.
    """
    wanted = pl.DataFrame({TEXT: texts, _HASH: [_hash(text) for text in texts]}, {TEXT: pl.String, _HASH: pl.UInt64})
    who = tuple(Teacher.of(teacher) for teacher in teachers)
    known = pl.DataFrame(schema={_HASH: pl.UInt64})
    if path.exists():
        before, known = _read(path)
        if who and [one.identity for one in who] != [one.identity for one in before]:
            raise TrainingError(f"{path} holds what other teachers said.", "Name another file with --soft-labels.")
        who = who or before
    elif not teachers:
        raise TrainingError(
            "There is no teacher, and no file of what teachers said.",
            "Name one model at least, a folder or a hub id, or such a file with --soft-labels.",
        )
    if new := wanted.join(known, on=_HASH, how="anti", maintain_order="left")[TEXT].to_list():
        if not teachers:
            raise TrainingError(
                f"{path} does not answer for {len(new):,} of {len(texts):,} texts, such as {new[0][:_SHOWN]!r}.",
                "Name its teachers too, and they are asked for these.",
            )
        check_file_target(path)
        for start in range(0, len(new), _ASKED_AT_ONCE):
            answers = ask(teachers, new[start : start + _ASKED_AT_ONCE], on_progress)
            answers = wanted.join(answers, on=TEXT, maintain_order="right").drop(TEXT)
            known = pl.concat([known, answers], how="diagonal")
            _write(known, who, path)
    return who, wanted.join(known, on=_HASH, how="left", maintain_order="left").drop(_HASH).drop_nulls()


def _hash(text: str) -> int:
    """Eight bytes that distinguish a text from a million others."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _write(answers: pl.DataFrame, who: Sequence[Teacher], path: Path) -> None:
    buffer = io.BytesIO()
    answers.select(_HASH, pl.exclude(_HASH)).write_parquet(
        buffer, metadata={_KEY: json.dumps([asdict(one) for one in who])}
    )
    write_whole(path, buffer.getvalue())


def _read(path: Path) -> tuple[tuple[Teacher, ...], pl.DataFrame]:
    try:
        found = json.loads(pl.read_parquet_metadata(path).get(_KEY, "[]"))
        who = tuple(Teacher(**one) for one in found)
        answers = pl.read_parquet(path, glob=False, hive_partitioning=False)
    except (pl.exceptions.PolarsError, OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{path} cannot be read: {error}.", "Remove it, or name another file with --soft-labels."
        ) from error
    if not who or answers.schema.get(_HASH) != pl.UInt64:
        raise TrainingError(
            f"{path} was not made by this version of sentiscore distill.", "Name another file with --soft-labels."
        )
    return who, answers


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
    known = classes_in(answers)
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
    known = classes_in(answers)
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
