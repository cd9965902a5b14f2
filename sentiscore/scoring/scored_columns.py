"""The columns that scoring adds to a table: their content, and checks for clashes."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from sentiscore import labels as names
from sentiscore.errors import InputError
from sentiscore.scoring.prepared import Answers, Prepared
from sentiscore.tables.source import require_column
from sentiscore.tone import log_odds


def rows_of(prepared: Prepared, answers: Answers, labels: Sequence[str], columns: Sequence[str]) -> pl.DataFrame:
    """The answers as columns, row by row.

    Args:
        prepared: The rows.
        answers: The answers to their distinct texts.
        labels: The model's labels, in the order of the probabilities.
        columns: The columns to add, in order.
    """
    probs = answers.probs
    position = {label: i for i, label in enumerate(labels)}
    read = ~np.isnan(probs[:, 0])
    best = np.where(read, np.nan_to_num(probs).argmax(axis=1), len(position))
    status = np.where(read, np.where(answers.truncated, names.TRUNCATED, names.OK), names.UNKNOWN)
    numbers = {f"p_{label}": probs[:, i] for label, i in position.items()}
    numbers[names.SENTIMENT] = probs[:, position[names.POSITIVE]] - probs[:, position[names.NEGATIVE]]
    by_text = pl.DataFrame(
        {
            **{name: pl.Series(values, dtype=pl.Float64).fill_nan(None) for name, values in numbers.items()},
            names.LABEL: pl.Series([*labels, None], dtype=pl.String).gather(best),
            names.N_TOKENS: pl.Series(answers.n_tokens, dtype=pl.Int32),
            names.N_WINDOWS: pl.Series(answers.n_windows, dtype=pl.Int32),
            names.UNKNOWN_SHARE: pl.Series(answers.unknown_share, dtype=pl.Float32),
            names.STATUS: pl.Series(status.tolist(), dtype=pl.String),
        }
    ).with_columns(
        pl.col(list(numbers)).cast(pl.Float32),
        log_odds(pl.col(names.P_POSITIVE), pl.col(names.P_NEGATIVE)).cast(pl.Float32).alias(names.TONE),
    )
    scored = by_text.select(pl.all().gather(prepared.which)).with_columns(
        pl.col(names.N_TOKENS, names.N_WINDOWS).fill_null(0),
        pl.when(prepared.null)
        .then(pl.lit(names.NULL))
        .otherwise(pl.col(names.STATUS).fill_null(names.EMPTY))
        .alias(names.STATUS),
    )
    if prepared.absent is not None:
        whole = pl.col(names.STATUS).is_in(names.SCORED_STATUSES) & prepared.absent
        marked = pl.when(whole).then(pl.lit(names.NOT_MENTIONED)).otherwise(pl.col(names.STATUS))
        scored = scored.with_columns(marked.alias(names.STATUS))
    return scored.select(columns)


def check_inputs(schema: pl.Schema, text_col: str, target_col: str | None, where: str) -> None:
    """Raise an InputError unless both columns exist and are not one, texts are text, and targets text or integers."""
    check_text_column(schema, text_col, where)
    if target_col == text_col:
        raise InputError(
            f"The column {text_col!r} cannot be both the text and the target.",
            "Name the column of what the texts are about with --target-col (target_col).",
        )
    if target_col is not None:
        option = "--target-col (target_col)"
        require_column(schema, target_col, where, option)
        if not schema[target_col].is_integer():
            check_text_column(schema, target_col, where, option)


def check_text_column(schema: pl.Schema, text_col: str, where: str, option: str = "--text-col (text_col)") -> None:
    """Raise an InputError unless the column exists and holds text."""
    require_column(schema, text_col, where, option)
    dtype = schema[text_col]
    if dtype not in (pl.String, pl.Null, pl.Categorical, pl.Enum):
        texts = [name for name, kind in schema.items() if kind == pl.String]
        raise InputError(
            f"The column {text_col!r} of {where} holds {dtype}, not text.",
            f"Columns of text are: {', '.join(texts) or '(none)'}.",
        )


def check_clashes(kept: Sequence[str], added: Sequence[str], prefix: str, where: str) -> None:
    """Raise an InputError if a column that will be added exists already."""
    given = set(kept)
    clashes = [name for name in names.names_beside(given, added, prefix).values() if name in given]
    if clashes or (clashes := [prefix + names.PREDICTED_LABEL] if prefix + names.PREDICTED_LABEL in given else []):
        raise InputError(
            f"{where} already has the column{'s'[: len(clashes) > 1]} {', '.join(clashes)}, which scoring adds.",
            "Name the added columns differently, for example with --prefix senti_, or choose --columns to keep.",
        )
