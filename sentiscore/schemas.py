"""What scored rows and daily features must look like, and the check that says where they do not.

Importing this module brings in pandera, which takes more than a second, so it is imported where a frame is
first validated and not at the top of other modules.
"""

from typing import Annotated, Optional

import pandera.polars as pa
import polars as pl

from sentiscore import forks
from sentiscore.errors import ValidationError
from sentiscore.labels import (
    BAD_STATUSES,
    CLASSES,
    LABEL,
    P_NEUTRAL,
    SCORED_STATUSES,
    SENTIMENT,
    STATUS,
    STATUSES,
)

_ROUNDING = 1e-5


def _probability() -> pl.Expr:
    return pl.sum_horizontal(pl.col("^p_(negative|neutral|positive)$"))


class ScoredRows(pa.DataFrameModel):
    """Rows as scoring emits them, beside whatever other columns the table had."""

    p_negative: pl.Float32 = pa.Field(ge=0, le=1, nullable=True)
    p_positive: pl.Float32 = pa.Field(ge=0, le=1, nullable=True)
    p_neutral: Optional[pl.Float32] = pa.Field(ge=0, le=1, nullable=True)  # noqa: UP045 - how pandera says it may be absent
    sentiment: pl.Float32 = pa.Field(ge=-1, le=1, nullable=True)
    label: pl.String = pa.Field(isin=list(CLASSES), nullable=True)
    n_tokens: pl.Int32 = pa.Field(ge=0)
    n_windows: Optional[pl.Int32] = pa.Field(ge=0)  # noqa: UP045
    unknown_share: Optional[pl.Float32] = pa.Field(ge=0, le=1, nullable=True)  # noqa: UP045 - older files lack it
    status: pl.String = pa.Field(isin=list(STATUSES))

    @pa.dataframe_check
    @classmethod
    def probabilities_sum_to_one(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Where there are probabilities, they are a distribution."""
        unscored = pl.col(SENTIMENT).is_null()
        return data.lazyframe.select(unscored | ((_probability() - 1).abs() < _ROUNDING))

    @pa.dataframe_check
    @classmethod
    def sentiment_is_positive_less_negative(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Sentiment follows from the probabilities."""
        gap = (pl.col("p_positive") - pl.col("p_negative") - pl.col(SENTIMENT)).abs()
        return data.lazyframe.select(pl.col(SENTIMENT).is_null() | (gap < _ROUNDING))

    @pa.dataframe_check
    @classmethod
    def scores_are_there_where_the_status_says_so(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Only rows without a text have no scores, and they have none at all."""
        names = ["p_negative", "p_positive", SENTIMENT, LABEL]
        if P_NEUTRAL in data.lazyframe.collect_schema():
            names.append(P_NEUTRAL)
        scored = pl.col(STATUS).is_in(SCORED_STATUSES)
        all_there = pl.all_horizontal(pl.col(names).is_not_null())
        none_there = pl.all_horizontal(pl.col(names).is_null())
        without_text = pl.col(STATUS).is_in(BAD_STATUSES)
        return data.lazyframe.select((scored & all_there) | (without_text & none_there))


class DailyFeatures(pa.DataFrameModel):
    """One row for each entity and session, from an entity's first to its last; which features there are is chosen."""

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

    class Config:
        """An entity and a session have one row."""

        unique = ["unique_id", "ds"]  # noqa: RUF012 - read by pandera as it stands

    @pa.dataframe_check
    @classmethod
    def entity_is_named(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Every row belongs to an entity; its type is the user's own."""
        return data.lazyframe.select(pl.col("unique_id").is_not_null())

    @pa.dataframe_check
    @classmethod
    def news_is_flagged(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """The flag, the counts and the age of the news say the same."""
        news = pl.col("n_docs") > 0
        return data.lazyframe.select(
            ((pl.col("news_flag") == 1) == news)
            & ((pl.col("sessions_since_news") == 0).fill_null(value=False) == news)
            & (pl.col("n_unique").is_null() | ((pl.col("n_unique") > 0) == news))
            & (pl.col("n_unique").is_null() | (pl.col("n_unique") <= pl.col("n_docs")))
        )

    @pa.dataframe_check
    @classmethod
    def means_are_there_where_texts_are(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """A session with texts has figures."""
        names = ["sent_mean", "sent_shrunk", "pos_share", "neg_share", "neu_share", "bullishness"]
        present = [name for name in names if name in data.lazyframe.collect_schema()]
        there = pl.all_horizontal(pl.lit(value=True), *(pl.col(name).is_not_null() for name in present))
        return data.lazyframe.select((pl.col("n_docs") == 0) | there)

    @pa.dataframe_check
    @classmethod
    def shares_sum_to_one(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Every text of a session has one label."""
        if "pos_share" not in data.lazyframe.collect_schema():
            return data.lazyframe.select(pl.col("n_docs") >= 0)
        total = pl.col("pos_share") + pl.col("neg_share") + pl.col("neu_share")
        return data.lazyframe.select((pl.col("n_docs") == 0) | ((total - 1).abs() < _ROUNDING))


def validate(frame: pl.DataFrame, model: type[pa.DataFrameModel]) -> pl.DataFrame:
    """The frame itself, if it is as the model says.

    Args:
        frame: Scored rows or daily features.
        model: `ScoredRows` or `DailyFeatures`.

    Raises:
        ValidationError: It is not; the message names each failing check and counts its rows.
    """
    forks.check()
    try:
        model.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases.group_by("column", "check", maintain_order=True).len("rows")
        failures = "; ".join(
            f"{row['column'] or 'frame'}: {row['check']} ({row['rows']:,} row{'s'[: row['rows'] != 1]})"
            for row in cases.to_dicts()
        )
        raise ValidationError(
            f"The frame is not valid {model.__name__}: {failures}.",
            "If sentiscore made this frame, this is a fault of sentiscore: please report it.",
        ) from error
    return frame
