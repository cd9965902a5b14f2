"""What `sentiscore train` and `sentiscore tune` share: the recipe, the labelled rows, and the options for both."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiscore.cli import options
from sentiscore.training.recipe import Recipe

if TYPE_CHECKING:
    from sentiscore.tables.labelled import LabelledData

_FILES = (
    click.option(
        "--recipe",
        "recipe_file",
        type=click.Path(path_type=Path),
        help="Settings as TOML, such as pipelines/configs/reference.toml.  [default: the tuned recipe]",
    ),
    click.option("--train-file", type=click.Path(path_type=Path), help="Rows to learn from: tsv, csv, parquet, jsonl."),
    click.option(
        "--eval-file", type=click.Path(path_type=Path), help="Rows to choose the best state by and calibrate on."
    ),
    click.option("--text-col", default="sentence", show_default=True, help="The column of texts in those files."),
    click.option("--label-col", default="label", show_default=True, help="The column of labels in those files."),
    options.LABELS,
)
_OF_FILES = ("recipe_file", "train_file", "eval_file", "text_col", "label_col", "labels")


def files(function: options.Command) -> options.Command:
    """The options that name a recipe and labelled rows."""
    function = options.csv(function)
    for option in reversed(_FILES):
        function = option(function)
    return function


def settings(function: options.Command) -> options.Command:
    """One option for every setting of a recipe."""
    for setting in reversed(dataclasses.fields(Recipe)):
        if setting.name == "sets":  # tables of a recipe's TOML
            continue
        kind: Any = type(setting.default)
        if choices := setting.metadata["choices"]:
            kind = click.Choice(choices)
        shown = setting.default if setting.default != "" else "none"
        function = click.option(
            f"--{setting.name.replace('_', '-')}",
            setting.name,
            type=kind,
            help=f"{setting.metadata['help']}  [recipe default: {shown}]",
        )(function)
    return function


@dataclass(frozen=True)
class Request:
    """What is to be trained on what.

    Attributes:
        recipe: The settings.
        train_data: Sets of rows to learn from; None for the recipe's hub data set.
        eval_data: Sets of rows to validate on; None for the recipe's hub data set.
    """

    recipe: Recipe
    train_data: "list[LabelledData] | None"
    eval_data: "list[LabelledData] | None"

    @property
    def dropped(self) -> int:
        """Rows that were left out, for they had no text or no label."""
        return sum(rows.dropped for rows in [*(self.train_data or []), *(self.eval_data or [])])


def read(given: Mapping[str, Any]) -> Request:
    """The recipe and the rows that the options of `files` and `settings` name.

    Raises:
        click.UsageError: The options do not go together.
        TrainingError: The recipe cannot be used.
        InputError: A file cannot be used.
    """
    given = dict(given)
    csv = options.csv_dialect(given).to_dict()
    recipe_file, train_file, eval_file, text_col, label_col, labels = (given[name] for name in _OF_FILES)
    if (train_file is None) != (eval_file is None):
        raise click.UsageError(
            "--train-file and --eval-file go together: rows to validate on are never taken from the training rows, "
            "where near copies of them may be."
        )
    from sentiscore.tables.labelled import read_labelled
    from sentiscore.training.sets import read_sets

    recipe = (Recipe.read(recipe_file) if recipe_file else Recipe()).with_changes(
        {name: value for name, value in given.items() if value is not None and name not in _OF_FILES}
    )
    if recipe.sets and train_file:
        raise click.UsageError(f"{recipe_file} names sets of its own: leave --train-file and --eval-file out.")
    if recipe.sets:
        options.refuse_beside_sets(("text_col", "label_col", "labels", "data", "data_revision", *options.CSV_NAMES))
        return Request(recipe, *read_sets(recipe))
    if not train_file:
        return Request(recipe, None, None)
    rows = [
        [read_labelled(path, text_col=text_col, label_col=label_col, labels=labels, **csv)]
        for path in (train_file, eval_file)
    ]
    return Request(recipe, *rows)
