"""Scores and weights of rows -> whole numbers, whose sums are exact, or a message about what is wrong with them."""

from typing import Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.labels import CLASSES, P_NEGATIVE, P_NEUTRAL, P_POSITIVE, STATUSES, TONE
from sentiscore.tables.exact import name_of
from sentiscore.tone import LIMIT, log_odds

SCALE_BITS: Final = 24
SCALE: Final = 2**SCALE_BITS
"""Sentiment and uncertainty are summed in steps of 1 / 2**24, the precision of a float32."""

TONE_SCALE: Final = 2**21
"""Tone is summed in steps of 1 / 2**21, the precision of a float32 from 4 to 8; so it is below 2**24 steps too."""

WEIGHT_SCALE: Final = 2**20
"""Weights are summed in steps of 1 / 2**20, and are at most 2**20."""


def check_whole(status: pl.Series, scorable: pl.Series, q: pl.Series, label: pl.Series) -> None:
    """Raise an InputError if a status, a sentiment and a label of one row contradict each other."""
    whole = (scorable == q.is_not_null()) & (scorable == label.is_in(CLASSES).fill_null(value=False))
    if not scorable.all():
        whole &= status.is_in(STATUSES)
    if broken := int((~whole.fill_null(value=False)).sum()):
        raise InputError(
            f"{broken:,} rows have a status, a sentiment and a label that do not fit together.",
            "Score the rows anew.",
        )


def _as_numbers(column: pl.Series) -> pl.Series:
    """Numbers, also from CSV, where they are text; those become float32, the type that scoring writes."""
    numbers = column.cast(pl.Float32) if column.dtype == pl.String else column
    return numbers.cast(pl.Float64)


def read_sentiment(column: pl.Series) -> pl.Series:
    """Sentiment as numbers.

    Raises:
        InputError: The column holds something else, or numbers outside [-1, 1].
    """
    return _bounded(column, "sentiment", 1)


def _bounded(column: pl.Series, what: str, limit: float, hint: str = "Score the rows anew.") -> pl.Series:
    """A column of numbers that are no further from 0 than a limit."""
    try:
        numbers = _as_numbers(column)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"The column {name_of(column)!r} does not hold numbers.", hint) from error
    outside = (numbers.abs() > limit) | numbers.is_nan()
    if outside.any():
        raise InputError(
            f"The column {name_of(column)!r} holds {numbers.filter(outside)[0]}, and {what} is in [-{limit}, {limit}].",
            hint,
        )
    return numbers


def read_probabilities(scored: pl.DataFrame, prefix: str) -> pl.DataFrame | None:
    """The probabilities of rows by their names without the prefix, as numbers; None where they are not there.

    Raises:
        InputError: They are not numbers.
    """
    names = [prefix + name for name in (P_NEGATIVE, P_POSITIVE)]
    if any(name not in scored.columns for name in names):
        return None
    if prefix + P_NEUTRAL in scored.columns:
        names.append(prefix + P_NEUTRAL)
    try:
        p = scored.select(_as_numbers(scored[name]).alias(name.removeprefix(prefix)) for name in names)
    except pl.exceptions.PolarsError as error:
        raise InputError("The columns of probabilities do not hold numbers.", "Score the rows anew.") from error
    if p.select(pl.any_horizontal(pl.all().is_nan()).any()).item():
        raise InputError("The columns of probabilities hold NaN.", "Score the rows again.")
    return p


def whole_uncertainty(p: pl.DataFrame) -> pl.Series:
    """How far a text's probabilities are from sure, from 0 to 1 in whole steps.

    It is the Gini-Simpson index (E. H. Simpson, Measurement of Diversity, Nature 1949) over its largest value: with
    two classes 4 p (1 - p). It needs no logarithm, so it is the same on every machine.

    Args:
        p: The result of `read_probabilities`.
    """
    positive, negative = pl.col(P_POSITIVE), pl.col(P_NEGATIVE)
    squares = positive * positive + negative * negative
    two = (1 - squares) * 2
    gini = two
    if P_NEUTRAL in p.columns:
        neutral = pl.col(P_NEUTRAL)
        gini = pl.when(neutral.is_null()).then(two).otherwise((1 - squares - neutral * neutral) * 1.5)
    return p.select((gini.clip(0, 1) * SCALE).round().cast(pl.Int64)).to_series()


def whole_tone(p: pl.DataFrame | None, scored: pl.DataFrame, prefix: str) -> pl.Series:
    """The tone of texts in whole steps; null where it is not known.

    It is computed from the probabilities wherever they are there. So rows that were scored without a tone, or by
    another tool, give the same numbers as others, and a column of another meaning that has its name does no harm.

    Args:
        p: The result of `read_probabilities`.
        scored: The rows.
        prefix: The prefix of their scored columns.

    Raises:
        InputError: Without probabilities, the column of tones holds what it cannot.
    """
    if p is not None:
        positive, negative = (pl.col(name).clip(0, 1) for name in (P_POSITIVE, P_NEGATIVE))
        return p.select((log_odds(positive, negative) * TONE_SCALE).round().cast(pl.Int64)).to_series()
    if prefix + TONE in scored.columns:
        hint = "Rename or drop this column if it is not a score of sentiscore, or score the rows again."
        return (_bounded(scored[prefix + TONE], "tone", LIMIT, hint) * TONE_SCALE).round().cast(pl.Int64)
    return no_numbers(scored.height)


def no_numbers(rows: int) -> pl.Series:
    """What is known of no row."""
    return pl.repeat(None, rows, dtype=pl.Int64, eager=True)


def whole_weights(column: pl.Series, counted: pl.Series) -> pl.Series:
    """Weights in whole steps; every weight above 0 is at least one step."""
    hint = (
        f"A weight is a number from 0 to {WEIGHT_SCALE:,}; 0 leaves a text out. Choose with --weight-col (weight_col)."
    )
    try:
        weights = column.cast(pl.Float64)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"The weights in {name_of(column)!r} are not numbers.", hint) from error
    bad = counted & ~(weights.is_between(0, WEIGHT_SCALE) & weights.is_finite()).fill_null(value=False)
    if bad.any():
        raise InputError(
            f"{int(bad.sum()):,} scored rows have no usable weight in {name_of(column)!r}, for example "
            f"{weights.filter(bad)[0]}.",
            hint,
        )
    steps = (weights.set(~counted, None) * WEIGHT_SCALE).round().cast(pl.Int64)
    return steps.set((weights > 0) & (steps == 0), 1).fill_null(0)
