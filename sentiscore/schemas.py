"""What scored rows and daily features must look like, as pandera models.

They are the contract. `contracts` states the same rules in plain polars and checks every frame, since importing pandera
takes more than a second and needs the extra `validate`.
"""

from collections.abc import Callable, Collection
from typing import Annotated, Final, Optional

import polars as pl

from sentiscore import contracts
from sentiscore.errors import import_extra
from sentiscore.labels import CLASSES, STATUSES
from sentiscore.tone import LIMIT

import_extra("pandera.polars", "validate")

import pandera.polars as pa  # noqa: E402 - a missing extra is an error that names it

_CONTRACTS: Final = {contract.name: contract for contract in (contracts.SCORED_ROWS, contracts.DAILY_FEATURES)}


def _in_rows(data: pa.PolarsData, rule: Callable[[Collection[str]], pl.Expr]) -> pl.LazyFrame:
    return data.lazyframe.select(rule(data.lazyframe.collect_schema().names()))


class ScoredRows(pa.DataFrameModel):
    """Rows as scoring emits them, next to any other columns of the table."""

    p_negative: pl.Float32 = pa.Field(ge=0, le=1, nullable=True)
    p_positive: pl.Float32 = pa.Field(ge=0, le=1, nullable=True)
    p_neutral: Optional[pl.Float32] = pa.Field(ge=0, le=1, nullable=True)  # noqa: UP045 - pandera's way to allow it to be absent
    sentiment: pl.Float32 = pa.Field(ge=-1, le=1, nullable=True)
    tone: Optional[pl.Float32] = pa.Field(ge=-LIMIT, le=LIMIT, nullable=True)  # noqa: UP045 - older files lack it
    label: pl.String = pa.Field(isin=list(CLASSES), nullable=True)
    n_tokens: pl.Int32 = pa.Field(ge=0)
    n_windows: Optional[pl.Int32] = pa.Field(ge=0)  # noqa: UP045
    unknown_share: Optional[pl.Float32] = pa.Field(ge=0, le=1, nullable=True)  # noqa: UP045 - older files lack it
    status: pl.String = pa.Field(isin=list(STATUSES))

    @pa.dataframe_check
    @classmethod
    def probabilities_sum_to_one(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Where there are probabilities, they form a distribution."""
        return _in_rows(data, contracts.probabilities_sum_to_one)

    @pa.dataframe_check
    @classmethod
    def sentiment_is_positive_less_negative(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Sentiment follows from the probabilities."""
        return _in_rows(data, contracts.sentiment_is_positive_less_negative)

    @pa.dataframe_check
    @classmethod
    def tone_is_the_log_of_the_odds(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Tone follows from the probabilities."""
        return _in_rows(data, contracts.tone_is_the_log_of_the_odds)

    @pa.dataframe_check
    @classmethod
    def scores_are_there_where_the_status_says_so(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Rows without a text have no scores, and all other rows have all of them."""
        return _in_rows(data, contracts.scores_are_there_where_the_status_says_so)


class DailyFeatures(pa.DataFrameModel):
    """One row for each entity and session, from an entity's first to its last."""

    ds: pl.Date
    session_idx: pl.Int32
    available_at: Annotated[pl.Datetime, "us", "UTC"]
    n_docs: pl.Int64 = pa.Field(ge=0)
    n_unique: pl.Int64 = pa.Field(ge=0, nullable=True)
    news_flag: pl.Int8 = pa.Field(isin=[0, 1])
    sessions_since_news: pl.Int32 = pa.Field(ge=0, nullable=True)
    n_calendar_days: pl.Int32 = pa.Field(ge=0)
    session_close: Annotated[pl.Datetime, "us", "UTC"]
    calendar: pl.String
    sent_mean: Optional[pl.Float64] = pa.Field(ge=-1, le=1, nullable=True)  # noqa: UP045
    sent_shrunk: Optional[pl.Float64] = pa.Field(ge=-1, le=1, nullable=True)  # noqa: UP045
    sent_std: Optional[pl.Float64] = pa.Field(ge=0, le=1.5, nullable=True)  # noqa: UP045
    share: Optional[pl.Float64] = pa.Field(alias="^(pos|neg|neu)_share$", regex=True, ge=0, le=1, nullable=True)  # noqa: UP045
    bullishness: Optional[pl.Float64] = pa.Field(ge=-50, le=50, nullable=True)  # noqa: UP045
    disagreement: Optional[pl.Float64] = pa.Field(ge=0, le=1, nullable=True)  # noqa: UP045
    uncertainty: Optional[pl.Float64] = pa.Field(ge=0, le=1, nullable=True)  # noqa: UP045
    decay: Optional[pl.Float64] = pa.Field(alias="^sent_decay_.+$", regex=True, ge=-1, le=1, nullable=True)  # noqa: UP045
    sent_momentum: Optional[pl.Float64] = pa.Field(ge=-2, le=2, nullable=True)  # noqa: UP045
    surprise: Optional[pl.Float64] = pa.Field(alias="^sent_z_.+$", regex=True, ge=-100, le=100, nullable=True)  # noqa: UP045
    volume: Optional[pl.Float64] = pa.Field(  # noqa: UP045
        alias="^abnormal_volume_.+$", regex=True, ge=-50, le=50, nullable=True
    )
    tone_mean: Optional[pl.Float64] = pa.Field(ge=-LIMIT, le=LIMIT, nullable=True)  # noqa: UP045
    tone_std: Optional[pl.Float64] = pa.Field(ge=0, le=1.5 * LIMIT, nullable=True)  # noqa: UP045
    tone_decay: Optional[pl.Float64] = pa.Field(  # noqa: UP045
        alias="^tone_decay_.+$", regex=True, ge=-LIMIT, le=LIMIT, nullable=True
    )

    class Config:
        """An entity and a session have one row."""

        unique = ["unique_id", "ds"]  # noqa: RUF012 - pandera reads it as it is

    @pa.dataframe_check
    @classmethod
    def entity_is_named(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Every row belongs to an entity; its type is the user's own."""
        return _in_rows(data, contracts.entity_is_named)

    @pa.dataframe_check
    @classmethod
    def news_is_flagged(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """The flag, the counts and the age of the news agree."""
        return _in_rows(data, contracts.news_is_flagged)

    @pa.dataframe_check
    @classmethod
    def means_are_there_where_texts_are(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """A session with texts has figures."""
        return _in_rows(data, contracts.means_are_there_where_texts_are)

    @pa.dataframe_check
    @classmethod
    def shares_sum_to_one(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Every text of a session has one label."""
        return _in_rows(data, contracts.shares_sum_to_one)


def validate(frame: pl.DataFrame, model: type[pa.DataFrameModel]) -> pl.DataFrame:
    """Return the frame itself if it matches the model.

    Args:
        frame: Scored rows or daily features.
        model: `ScoredRows` or `DailyFeatures`.

    Raises:
        InputError: It is not a polars DataFrame.
        ValidationError: It does not; the message names each failing check and counts its rows.
    """
    contracts.check_frame(frame, "The frame")
    try:
        model.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases.group_by("column", "check", maintain_order=True).len("rows")
        failures = [  # pandera calls the frame by the model's name
            (None if column == model.__name__ else column, check, rows) for column, check, rows in cases.rows()
        ]
        raise contracts.refusal(model.__name__, failures) from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, TypeError):
        # The frame fails, and pandera cannot write down some of its values.
        contracts.check(frame, _CONTRACTS[model.__name__])
        raise
    return frame
