"""`sentiscore score --text`: the numbers of single texts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click
import polars as pl

from sentiscore.cli.show import line, pairs

if TYPE_CHECKING:
    from sentiscore.scoring.options import ScorerOptions

_MODEL_OPTIONS: Final = (
    "texts",
    "log_json",
    "model",
    "revision",
    "labels",
    "device",
    "dtype",
    "max_length",
    "overflow",
    "clean",
)


def score_texts(texts: Sequence[str], options: "ScorerOptions") -> None:
    """Score texts, and print the numbers of each.

    Raises:
        click.UsageError: Something was given that is about files.
    """
    from sentiscore.scoring.scorer import Scorer

    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if given and name not in _MODEL_OPTIONS:
            if isinstance(parameter, click.Argument) and not context.params.get(name, True):
                continue
            shown = max(parameter.opts, key=len) if isinstance(parameter, click.Option) else "INPUT"
            raise click.UsageError(f"{shown} is for files, and --text is scored by itself: leave one of them out.")
    scores = Scorer.from_pretrained(options).score(texts)
    for number, (text, row) in enumerate(zip(texts, scores.iter_rows(named=True), strict=True)):
        if number:
            line("")
        pairs([("text", text), *((name, _shown(value, scores.schema[name])) for name, value in row.items())])


def _shown(value: object, dtype: pl.DataType) -> str:
    if value is None:
        return "none"
    return f"{value:.4f}" if dtype.is_float() else str(value)
