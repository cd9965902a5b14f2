"""What `sentiscore train` and `sentiscore tune` share: the recipe, the labelled rows, and the options for both."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args

import click

from sentiscore.cli import options
from sentiscore.settings import types_of
from sentiscore.training.recipe import Recipe

if TYPE_CHECKING:
    from sentiscore.tables.dialect import CsvDialect
    from sentiscore.tables.labelled import LabelledData

_FILES = (
    click.option(
        "--recipe",
        "recipe_file",
        type=options.PATH,
        help="Settings as TOML, such as pipelines/configs/reference.toml.  [default: what suits the number of rows]",
    ),
    click.option("--train-file", type=options.PATH, help="Rows to learn from: tsv, csv, parquet, jsonl."),
    click.option("--eval-file", type=options.PATH, help="Rows to choose the best state by and calibrate on."),
    click.option("--text-col", default="sentence", show_default=True, help="The column of texts in those files."),
    click.option("--label-col", default="label", show_default=True, help="The column of labels in those files."),
    click.option("--target-col", help="The column of mentions in them that labels are about; the model reads targets."),
    options.LABELS,
)
_OF_FILES = ("recipe_file", "train_file", "eval_file", "text_col", "label_col", "target_col", "labels", "dialect")
_SETTINGS = tuple(setting for setting in dataclasses.fields(Recipe) if setting.name != "sets")  # a list of tables


def files(function: options.Command) -> options.Command:
    """The options for a recipe and labelled rows; together with those of `settings` they are passed as `request`."""
    names = (*_OF_FILES, *(setting.name for setting in _SETTINGS))
    return options.with_options(_FILES, options.csv(options.grouped("request", _read, names)(function)))


def settings(function: options.Command) -> options.Command:
    """Add an option for every setting of a recipe."""
    for setting in reversed(_SETTINGS):
        option = setting.name.replace("_", "-")
        kind: Any = _kind_of(setting.name)
        flag = f"--{option}/--no-{option}" if kind is bool else f"--{option}"
        if choices := setting.metadata["choices"]:
            kind = click.Choice(choices)
        function = click.option(
            flag,
            setting.name,
            type=kind,
            default=None,
            help=f"{setting.metadata['help']}  [recipe default: {_default_of(setting)}]",
        )(function)
    return function


def _kind_of(name: str) -> type:
    """The type of a setting's value, where it has one."""
    kind = types_of(Recipe)[name]
    found: type = next((one for one in get_args(kind) if one is not NoneType), kind)
    return found


def _default_of(setting: "dataclasses.Field[Any]") -> str:
    if setting.default is None:
        return "drop" if setting.name == "neutral" else "by the number of rows"
    if isinstance(setting.default, bool):
        return "yes" if setting.default else "no"
    return str(setting.default) if setting.default != "" else "none"


@dataclass(frozen=True)
class Request:
    """What to train, and on which rows.

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
        """How many rows were left out because they had no text or no label."""
        return sum(rows.dropped for rows in [*(self.train_data or []), *(self.eval_data or [])])


def _read(
    *,
    recipe_file: Path | None,
    train_file: Path | None,
    eval_file: Path | None,
    text_col: str,
    label_col: str,
    target_col: str | None,
    labels: list[str] | None,
    dialect: "CsvDialect",
    **settings: object,
) -> Request:
    """The recipe and the rows that the options name.

    Raises:
        click.UsageError: The options do not go together.
        TrainingError: The recipe cannot be used.
        InputError: A file cannot be used.
    """
    if (train_file is None) != (eval_file is None):
        raise click.UsageError(
            "--train-file and --eval-file go together: rows to validate on are never taken from the training rows, "
            "where near copies of them may be."
        )
    from sentiscore.tables.labelled import read_labelled
    from sentiscore.training.sets import read_sets

    recipe = (Recipe.read(recipe_file) if recipe_file else Recipe()).with_changes(
        {name: value for name, value in settings.items() if value is not None}
    )
    if recipe.sets and train_file:
        raise click.UsageError(f"{recipe_file} names sets of its own: leave --train-file and --eval-file out.")
    if recipe.sets:
        options.refuse_beside_sets(
            ("text_col", "label_col", "target_col", "labels", "data", "data_revision", *options.CSV_NAMES)
        )
        return Request(recipe, *read_sets(recipe))
    if train_file is None or eval_file is None:
        return Request(recipe, None, None)

    csv = dialect.as_dict()

    def rows(path: Path) -> "list[LabelledData]":
        return [
            read_labelled(path, text_col=text_col, label_col=label_col, target_col=target_col, labels=labels, **csv)
        ]

    return Request(recipe, rows(train_file), rows(eval_file))
