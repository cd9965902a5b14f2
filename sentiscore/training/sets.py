"""The labelled sets of a recipe -> rows to train and to validate on."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from sentiscore.errors import TrainingError
from sentiscore.labels import NEUTRAL
from sentiscore.tables.dialect import CsvDialect
from sentiscore.tables.labelled import LabelledData, read_labelled, read_soft_labelled
from sentiscore.training.recipe import Recipe, SetOfRows


def read_sets(recipe: Recipe) -> tuple[list[LabelledData], list[LabelledData]]:
    """Read the training rows and the validation rows of every set, each with the name of its set.

    Raises:
        TrainingError: A set has no file, two sets have the same name, or none has rows to train or to validate on.
        InputError: A file cannot be used.
    """
    training = []
    for one, name in zip(recipe.sets, _names(recipe), strict=True):
        if not (one.train or one.validation):
            raise TrainingError(f"The set {name!r} of the recipe has no rows.", 'Name their file: train = "rows.csv".')
        if not one.train:
            continue
        rows = _read_soft(one) if one.soft else _read(one, one.train)
        if one.never_neutral and NEUTRAL in rows.classes:
            raise TrainingError(
                f"The set {name!r} says that it is never neutral, but it has the class neutral.",
                "Leave never_neutral out.",
            )
        training.append(replace(rows, name=name, weight=one.weight, never_neutral=one.never_neutral))
    if not training:
        raise TrainingError(
            "No set of the recipe has rows to train on.", 'Name a file of them in at least one set: train = "rows.csv".'
        )
    return training, read_validation_sets(recipe)


def read_validation_sets(recipe: Recipe) -> list[LabelledData]:
    """Read the validation rows of every set that has them, each with the name of its set, and no other file.

    Raises:
        TrainingError: Two sets have the same name, or none has validation rows.
        InputError: A file cannot be used.
    """
    named = zip(recipe.sets, _names(recipe), strict=True)
    validation = [replace(_read(one, one.validation), name=name) for one, name in named if one.validation]
    if not validation:
        raise TrainingError(
            "No set of the recipe has validation rows.",
            'Name a file of them in at least one set: validation = "rows.csv".',
        )
    return validation


def _names(recipe: Recipe) -> list[str]:
    names = [one.name or Path(one.train or one.validation).name for one in recipe.sets]
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise TrainingError(f"Two sets of the recipe are called {twice[0]!r}.", "Give each set its own name.")
    return names


def _dialect(one: SetOfRows) -> CsvDialect:
    return CsvDialect(
        separator=one.separator or None,
        skip_rows=one.skip_rows,
        comment=one.comment or None,
        encoding=one.encoding,
    )


def _read_soft(one: SetOfRows) -> LabelledData:
    return read_soft_labelled(one.train, text_col=one.text_col, dialect=_dialect(one))


def _read(one: SetOfRows, path: str) -> LabelledData:
    return read_labelled(
        path,
        text_col=one.text_col,
        label_col=one.label_col,
        target_col=one.target_col or None,
        labels=one.labels or None,
        **_dialect(one).as_dict(),
    )
