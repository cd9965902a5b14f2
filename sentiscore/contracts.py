"""The check of scored rows and daily features that runs on every frame, in plain polars expressions.

`schemas` holds the same rules as pandera models, which are the contract. Importing pandera takes more than a second and
it is an extra, so the models are asked only on request. A test shows that both refuse the same frames in one wording.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from sentiscore import forks
from sentiscore.errors import InputError, ValidationError
from sentiscore.frames import hint_for, kind_of
from sentiscore.labels import (
    BAD_STATUSES,
    CLASSES,
    LABEL,
    P_NEGATIVE,
    P_NEUTRAL,
    P_POSITIVE,
    SCORED_STATUSES,
    SENTIMENT,
    STATUS,
    STATUSES,
    TONE,
)
from sentiscore.tone import LIMIT, log_odds

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

_ROUNDING: Final = 1e-5


@dataclass(frozen=True)
class Column:
    """The rules for one column.

    Attributes:
        name: Its name, or a pattern `^...$` of names, each of which may be absent.
        dtype: Its type.
        nullable: Whether it may hold nulls.
        required: Whether it has to be there.
        least: No value is below it.
        most: No value is above it, and none is NaN.
        among: The allowed values.
    """

    name: str
    dtype: pl.DataType
    nullable: bool = False
    required: bool = True
    least: float | None = None
    most: float | None = None
    among: tuple[str | int, ...] | None = None

    def names(self, present: Iterable[str]) -> list[str]:
        """The columns of a frame that these rules apply to."""
        if self.name.startswith("^"):
            return [name for name in present if re.fullmatch(self.name, name)]
        return [name for name in present if name == self.name]

    def checks(self) -> Iterator[tuple[str, Callable[[pl.Expr], pl.Expr]]]:
        """Each check of a value, by name."""
        if self.least is not None:
            yield f"greater_than_or_equal_to({self.least})", lambda value: value >= self.least
        if self.most is not None:
            yield f"less_than_or_equal_to({self.most})", lambda value: value <= self.most
        if self.among is not None:
            yield f"isin({list(self.among)})", lambda value: value.is_in(self.among or ())


@dataclass(frozen=True)
class Contract:
    """The rules for a frame.

    Attributes:
        name: The name of the pandera model with the same rules.
        columns: In the order in which messages name them.
        checks: What has to hold in each row, given the names of the frame's columns. Null counts as holding.
        unique: Columns of which no two rows have the same values.
    """

    name: str
    columns: tuple[Column, ...]
    checks: tuple[Callable[[Collection[str]], pl.Expr], ...]
    unique: tuple[str, ...] = ()


def probabilities_sum_to_one(names: Collection[str]) -> pl.Expr:
    """Where there are probabilities, they form a distribution."""
    present = [pl.col(name) for name in (P_NEGATIVE, P_NEUTRAL, P_POSITIVE) if name in names]
    total = pl.sum_horizontal(present or pl.lit(0.0))  # polars has no sum of no columns
    return pl.col(SENTIMENT).is_null() | ((total - 1).abs() < _ROUNDING)


def sentiment_is_positive_less_negative(names: Collection[str]) -> pl.Expr:
    """Sentiment follows from the probabilities."""
    gap = (pl.col(P_POSITIVE) - pl.col(P_NEGATIVE) - pl.col(SENTIMENT)).abs()
    return pl.col(SENTIMENT).is_null() | (gap < _ROUNDING)


def tone_is_the_log_of_the_odds(names: Collection[str]) -> pl.Expr:
    """Tone follows from the probabilities."""
    if TONE not in names:
        return pl.col(SENTIMENT).is_null() | pl.lit(value=True)
    gap = (log_odds(pl.col(P_POSITIVE), pl.col(P_NEGATIVE)) - pl.col(TONE)).abs()
    return pl.col(TONE).is_null() | (gap < _ROUNDING)


def scores_are_there_where_the_status_says_so(names: Collection[str]) -> pl.Expr:
    """Rows without a text have no scores, and all other rows have all of them."""
    optional = [name for name in (P_NEUTRAL, TONE) if name in names]
    scores = [P_NEGATIVE, P_POSITIVE, SENTIMENT, LABEL, *optional]
    all_there = pl.all_horizontal(pl.col(scores).is_not_null())
    none_there = pl.all_horizontal(pl.col(scores).is_null())
    return (pl.col(STATUS).is_in(SCORED_STATUSES) & all_there) | (pl.col(STATUS).is_in(BAD_STATUSES) & none_there)


def entity_is_named(names: Collection[str]) -> pl.Expr:
    """Every row belongs to an entity; its type is the user's own."""
    return pl.col("unique_id").is_not_null()


def news_is_flagged(names: Collection[str]) -> pl.Expr:
    """The flag, the counts and the age of the news agree."""
    news = pl.col("n_docs") > 0
    return (
        ((pl.col("news_flag") == 1) == news)
        & ((pl.col("sessions_since_news") == 0).fill_null(value=False) == news)
        & (pl.col("n_unique").is_null() | ((pl.col("n_unique") > 0) == news))
        & (pl.col("n_unique").is_null() | (pl.col("n_unique") <= pl.col("n_docs")))
    )


def means_are_there_where_texts_are(names: Collection[str]) -> pl.Expr:
    """A session with texts has figures."""
    figures = ["sent_mean", "sent_shrunk", "pos_share", "neg_share", "neu_share", "bullishness"]
    there = (pl.col(name).is_not_null() for name in figures if name in names)
    return (pl.col("n_docs") == 0) | pl.all_horizontal(pl.lit(value=True), *there)


def shares_sum_to_one(names: Collection[str]) -> pl.Expr:
    """Every text of a session has one label."""
    if "pos_share" not in names:
        return pl.col("n_docs") >= 0
    total = pl.col("pos_share") + pl.col("neg_share") + pl.col("neu_share")
    return (pl.col("n_docs") == 0) | ((total - 1).abs() < _ROUNDING)


def _share(name: str, least: float = 0, most: float = 1, *, required: bool = True) -> Column:
    return Column(name, pl.Float32(), nullable=True, required=required, least=least, most=most)


def _figure(name: str, least: float, most: float) -> Column:
    return Column(name, pl.Float64(), nullable=True, required=False, least=least, most=most)


SCORED_ROWS: Final = Contract(
    "ScoredRows",
    (
        _share(P_NEGATIVE),
        _share(P_POSITIVE),
        _share(P_NEUTRAL, required=False),
        _share(SENTIMENT, least=-1),
        _share(TONE, least=-LIMIT, most=LIMIT, required=False),
        Column(LABEL, pl.String(), nullable=True, among=CLASSES),
        Column("n_tokens", pl.Int32(), least=0),
        Column("n_windows", pl.Int32(), required=False, least=0),
        _share("unknown_share", required=False),
        Column(STATUS, pl.String(), among=STATUSES),
    ),
    (
        probabilities_sum_to_one,
        sentiment_is_positive_less_negative,
        tone_is_the_log_of_the_odds,
        scores_are_there_where_the_status_says_so,
    ),
)
"""Rows as scoring emits them, next to any other columns of the table."""

DAILY_FEATURES: Final = Contract(
    "DailyFeatures",
    (
        Column("ds", pl.Date()),
        Column("session_idx", pl.Int32()),
        Column("available_at", pl.Datetime("us", "UTC")),
        Column("n_docs", pl.Int64(), least=0),
        Column("n_unique", pl.Int64(), nullable=True, least=0),
        Column("news_flag", pl.Int8(), among=(0, 1)),
        Column("sessions_since_news", pl.Int32(), nullable=True, least=0),
        Column("n_calendar_days", pl.Int32(), least=0),
        Column("session_close", pl.Datetime("us", "UTC")),
        Column("calendar", pl.String()),
        _figure("sent_mean", -1, 1),
        _figure("sent_shrunk", -1, 1),
        _figure("sent_std", 0, 1.5),
        _figure("^(pos|neg|neu)_share$", 0, 1),
        _figure("bullishness", -50, 50),
        _figure("disagreement", 0, 1),
        _figure("uncertainty", 0, 1),
        _figure("^sent_decay_.+$", -1, 1),
        _figure("sent_momentum", -2, 2),
        _figure("^sent_z_.+$", -100, 100),
        _figure("^abnormal_volume_.+$", -50, 50),
        _figure("tone_mean", -LIMIT, LIMIT),
        _figure("tone_std", 0, 1.5 * LIMIT),
        _figure("^tone_decay_.+$", -LIMIT, LIMIT),
    ),
    (entity_is_named, news_is_flagged, means_are_there_where_texts_are, shares_sum_to_one),
    unique=("unique_id", "ds"),
)
"""One row for each entity and session."""


class _Rule(NamedTuple):
    """One rule that a frame must pass.

    Attributes:
        column: The column that it applies to; None if it applies to the whole frame.
        check: The name of the check.
        failing: Which rows fail, or how many do.
    """

    column: str | None
    check: str
    failing: pl.Expr | int


def check_frame(frame: object, what: str) -> None:
    """Raise an InputError unless this is a polars DataFrame; the message begins with `what`."""
    forks.check()
    if not isinstance(frame, pl.DataFrame):
        raise InputError(f"{what} must be a polars DataFrame, and is a {kind_of(frame)}.", hint_for(frame))


def check(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Return the frame itself if it fulfils the contract.

    Args:
        frame: Scored rows or daily features.
        contract: `SCORED_ROWS` or `DAILY_FEATURES`.

    Raises:
        InputError: It is not a polars DataFrame.
        ValidationError: It does not; the message names each failing check and counts its rows.
    """
    check_frame(frame, "The frame")
    rules = list(_rules(frame, contract))
    if _is_sound(frame, rules):
        return frame
    counts: Counter[tuple[str | None, str]] = Counter()
    for rule in rules:
        counts[rule.column, rule.check] += _count(frame, rule.failing)
    raise refusal(contract.name, [(column, check, rows) for (column, check), rows in counts.items() if rows])


def refusal(name: str, failures: Iterable[tuple[str | None, str, int]]) -> ValidationError:
    """The error for a frame that fails: checks of the whole frame first, then each column by name.

    Args:
        name: The name of the contract.
        failures: A column (None for the frame), the name of a check and how many rows fail it.
    """
    parts = [
        f"{column or 'frame'}: {check} ({rows:,} row{'s'[: rows != 1]})"
        for column, check, rows in sorted(failures, key=lambda failure: failure[0] or "")
    ]
    return ValidationError(
        f"The frame is not valid {name}: {'; '.join(parts)}.",
        "If sentiscore made this frame, this is a fault of sentiscore: please report it.",
    )


def _is_sound(frame: pl.DataFrame, rules: list[_Rule]) -> bool:
    """Whether the frame passes; checks all values in one pass."""
    failing = [rule.failing.any().alias(str(i)) for i, rule in enumerate(rules) if isinstance(rule.failing, pl.Expr)]
    if any(rule.failing for rule in rules if isinstance(rule.failing, int)):
        return False
    try:
        return not any(frame.select(failing).row(0))
    except pl.exceptions.PolarsError:
        return False


def _count(frame: pl.DataFrame, failing: pl.Expr | int) -> int:
    """How many rows fail; 1 where polars cannot say."""
    if isinstance(failing, int):
        return failing
    try:
        return int(frame.select(failing.sum()).item())
    except (pl.exceptions.PolarsError, TypeError):
        return 1


def _rules(frame: pl.DataFrame, contract: Contract) -> Iterator[_Rule]:
    """Every rule that this frame must pass, in the order in which pandera checks them."""
    schema = frame.schema
    for column in contract.columns:
        yield _Rule(None, "column_in_dataframe", int(column.required and column.name not in schema))
    known = [name for name in contract.unique if name in schema]
    yield _Rule(None, "multiple_fields_uniqueness", int(frame.select(known).is_duplicated().sum()) if known else 0)
    for column in contract.columns:
        for name in column.names(schema):
            if not column.nullable:
                value = pl.col(name)
                is_float = schema[name] in {pl.Float32, pl.Float64}
                yield _Rule(name, "not_nullable", value.is_null() | value.is_nan() if is_float else value.is_null())
            yield _Rule(name, f"dtype('{column.dtype}')", int(schema[name] != column.dtype))
            for check, holds in column.checks():
                yield _Rule(name, check, ~holds(pl.col(name)))
    for holds_in_row in contract.checks:
        yield _Rule(None, holds_in_row.__name__, ~holds_in_row(schema.names()))
