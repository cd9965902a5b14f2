"""Soft labels: what teachers predict for texts, kept in a file and combined with labels."""

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
from sentiscore.scoring.mentions import Targets
from sentiscore.scoring.scorer import Scorer
from sentiscore.tables.labelled import LabelledData

Input = tuple[str, str | None]
"""A text, and the mention that it is read for; None for the whole text."""

TEXT: Final = "text"
MENTION: Final = "mention"
_HASH: Final = "text_hash"
_KEY: Final = "sentiscore.soft_labels"
_ASKED_AT_ONCE: Final = 8_192
"""The file is written after this many texts, so that a run that was stopped need not score them again."""

_SHOWN: Final = 60
"""The number of characters of a text in a message."""


@dataclass(frozen=True)
class Teacher:
    """A teacher, for the manifest of a student and to tell its answers from those of another.

    Attributes:
        name: The name of its folder or repository.
        identity: A hash of everything that determines its answers, except the number type it computes in.
    """

    name: str
    identity: str

    @classmethod
    def of(cls, scorer: Scorer) -> Self:
        """Describe the model of a scorer."""
        return cls(Path(scorer.checkpoint.short_name).name, scorer.checkpoint.sha256)


def classes_of(teachers: Sequence[Scorer]) -> tuple[str, ...]:
    """The classes of the teachers.

    Raises:
        TrainingError: The teachers have different classes.
    """
    every = {tuple(name for name in CLASSES if name in teacher.checkpoint.labels) for teacher in teachers}
    if len(every) > 1:
        raise TrainingError(
            f"The teachers differ in their classes: {' and '.join(sorted(', '.join(one) for one in every))}.",
            "Choose teachers that all know neutral, or that all do not.",
        )
    return every.pop()


def classes_in(answers: pl.DataFrame) -> tuple[str, ...]:
    """The classes for which answers have probabilities."""
    return tuple(name for name in CLASSES if P_OF[name] in answers.columns)


def check_classes(known: Sequence[str], train_data: Sequence[LabelledData]) -> None:
    """Check that the teachers know every class of the labelled rows.

    Args:
        known: The teachers' classes.
        train_data: The labelled rows.

    Raises:
        TrainingError: They do not know all of them.
    """
    for rows in train_data:
        if unknown := [name for name in rows.classes if name not in known]:
            raise TrainingError(
                f"{rows.name} has rows that are {', '.join(unknown)}, which the teachers do not know.",
                "Choose teachers that know it, or leave these rows out.",
            )


def ask(
    teachers: Sequence[Scorer], inputs: Sequence[Input], on_progress: Callable[[int], None] | None = None
) -> pl.DataFrame:
    """The mean of the teachers' calibrated probabilities for each text.

    Args:
        teachers: The models to ask, which must have the same classes.
        inputs: Distinct texts, each with the mention that it is read for, if any.
        on_progress: Called with the number of texts that a teacher has scored since the last call.

    Returns:
        The columns `text` and `mention`, and a column for each class, which is null for a text in which a teacher finds
        no tokens.

    Raises:
        InputError: There are mentions, and a teacher cannot read targets.
    """
    columns = [P_OF[name] for name in classes_of(teachers)]
    texts, mentions = (pl.Series(name, [one[i] for one in inputs], pl.String) for i, name in enumerate((TEXT, MENTION)))
    targets = None if mentions.null_count() == mentions.len() else Targets(mentions, {})
    answers = [teacher.score_series(texts, on_progress, targets).select(columns) for teacher in teachers]
    means = [sum((one[name] for one in answers[1:]), start=answers[0][name]) / len(answers) for name in columns]
    return pl.DataFrame([texts, mentions, *(mean.alias(name) for mean, name in zip(means, columns, strict=True))])


def ask_once(
    teachers: Sequence[Scorer],
    inputs: Sequence[Input],
    path: Path,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[tuple[Teacher, ...], pl.DataFrame]:
    """The answers for texts: from a file as far as it has them; the others come from the teachers and are added to it.

    The file contains a hash of each text instead of the text, so it can be shared even if the texts cannot. It is
    written every few thousand texts.

    Args:
        teachers: See `ask`; none if the file has answers for all texts.
        inputs: See `ask`.
        path: The file.
        on_progress: See `ask`.

    Returns:
        The teachers, and the answers: see `ask`, without the texts in which a teacher finds no tokens.

    Raises:
        TrainingError: The file contains something else, or the answers of other teachers; or there are no teachers, and
            the file does not have answers for all texts.
        OutputError: The file cannot be written.
    """
    wanted = pl.DataFrame(
        [(*one, _hash(one)) for one in inputs], {TEXT: pl.String, MENTION: pl.String, _HASH: pl.UInt64}, orient="row"
    )
    who = tuple(Teacher.of(teacher) for teacher in teachers)
    known = pl.DataFrame(schema={_HASH: pl.UInt64})
    if path.exists():
        before, known = _read(path)
        if who and [one.identity for one in who] != [one.identity for one in before]:
            raise TrainingError(f"{path} contains what other teachers said.", "Name another file with --soft-labels.")
        who = who or before
    elif not teachers:
        raise TrainingError(
            "There is no teacher, and no file of what teachers said.",
            "Name at least one model, a folder or a hub id, or such a file with --soft-labels.",
        )
    if new := wanted.join(known, on=_HASH, how="anti", maintain_order="left").select(TEXT, MENTION).rows():
        if not teachers:
            raise TrainingError(
                f"{path} does not answer for {len(new):,} of {len(inputs):,} texts, such as {new[0][0][:_SHOWN]!r}.",
                "Name its teachers too, so that they can be asked for these.",
            )
        check_file_target(path)
        for start in range(0, len(new), _ASKED_AT_ONCE):
            answers = ask(teachers, new[start : start + _ASKED_AT_ONCE], on_progress)
            hashes = pl.Series(_HASH, [_hash(one) for one in answers.select(TEXT, MENTION).rows()], dtype=pl.UInt64)
            answers = answers.drop(TEXT, MENTION).insert_column(0, hashes)
            known = pl.concat([known, answers], how="diagonal")
            _write(known, who, path)
    answers = wanted.join(known, on=_HASH, how="left", maintain_order="left").drop(_HASH)
    return who, answers.drop_nulls([P_OF[name] for name in classes_in(answers)])


def _hash(one: Input) -> int:
    """Eight bytes that distinguish a text from a million others."""
    text, mention = one
    encoded = text.encode() if mention is None else f"{text}\0{mention}".encode()
    return int.from_bytes(hashlib.sha256(encoded).digest()[:8], "big")


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
    """Labelled rows whose targets combine their labels with the teachers' answers.

    A row's target is label_share times its label plus (1 - label_share) times the answer. If the answers have neutral
    and the rows do not, neutral keeps the probability that the teachers gave it, and the labels share the remainder; in
    rows that are never neutral its probability is 0.

    Args:
        rows: The rows; those whose text has no answer are left out.
        answers: The result of `ask`.
        label_share: The share of the label, from 0 (only the teachers) to 1.
    """
    known = classes_in(answers)
    position = _positions(answers)
    inputs = rows.inputs
    kept = [i for i, one in enumerate(inputs) if one in position]
    soft = answers.select(P_OF[name] for name in known).to_numpy()[[position[inputs[i]] for i in kept]]
    labels = np.nan_to_num(rows.targets(known))[kept]
    own = [known.index(name) for name in rows.classes]
    if rows.never_neutral:
        others = [i for i in range(len(known)) if i not in own]
        soft[:, others] = 0.0
        soft /= soft.sum(axis=1, keepdims=True)
    mass = soft[:, own].sum(axis=1, keepdims=True)
    targets = soft.copy()
    targets[:, own] = label_share * mass * labels[:, own] + (1 - label_share) * soft[:, own]
    return replace(
        rows,
        texts=[rows.texts[i] for i in kept],
        label_names=[rows.label_names[i] for i in kept],
        mentions=None if rows.mentions is None else [rows.mentions[i] for i in kept],
        probs=_normalized(targets),
    )


def unlabelled(name: str, inputs: Sequence[Input], answers: pl.DataFrame, weight: float) -> LabelledData:
    """Texts without labels as rows to train on, with the teachers' answers as targets.

    Args:
        name: The name of this set of rows.
        inputs: The texts, each with its mention, if any; those without an answer are left out.
        answers: The result of `ask`.
        weight: The weight of each row.
    """
    known = classes_in(answers)
    position = _positions(answers)
    rows = answers[[position[one] for one in inputs if one in position]]
    probs = rows.select(P_OF[name] for name in known).to_numpy()
    return LabelledData(
        name=name,
        texts=rows[TEXT].to_list(),
        label_names=[known[i] for i in probs.argmax(axis=1)],
        mentions=None if rows[MENTION].null_count() == rows.height else rows[MENTION].to_list(),
        probs=_normalized(probs),
        weight=weight,
    )


def _positions(answers: pl.DataFrame) -> dict[Input, int]:
    """The row of each text, with its mention, in answers."""
    return {one: i for i, one in enumerate(zip(answers[TEXT], answers[MENTION], strict=True))}


def _normalized(probs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    normalized: npt.NDArray[np.float32] = (probs / probs.sum(axis=1, keepdims=True)).astype(np.float32)
    return normalized
