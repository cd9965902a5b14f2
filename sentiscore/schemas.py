"""What scored rows and daily features must look like, and the check that says where they do not.

Importing this module brings in pandera, which takes more than a second, so it is imported where a frame is
first validated and not at the top of other modules.
"""

from typing import Annotated, Optional

import pandera.polars as pa
import polars as pl

from sentiscore.errors import ValidationError
from sentiscore.labels import (
    CLASSES,
    EMPTY,
    LABEL,
    NULL,
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
        without_text = pl.col(STATUS).is_in([EMPTY, NULL])
        return data.lazyframe.select((scored & all_there) | (without_text & none_there))


class DailyFeatures(pa.DataFrameModel):
    """One row for each entity and day, from an entity's first day to its last."""

    ds: pl.Date
    available_at: Annotated[pl.Datetime, "us", "UTC"]
    n_docs: pl.Int64 = pa.Field(ge=0)
    sent_mean: pl.Float64 = pa.Field(ge=-1, le=1, nullable=True)
    sent_std: pl.Float64 = pa.Field(ge=0, le=1.5, nullable=True)
    pos_share: pl.Float64 = pa.Field(ge=0, le=1, nullable=True)
    neg_share: pl.Float64 = pa.Field(ge=0, le=1, nullable=True)
    neu_share: pl.Float64 = pa.Field(ge=0, le=1, nullable=True)

    class Config:
        """An entity and a day have one row."""

        unique = ["unique_id", "ds"]  # noqa: RUF012 - read by pandera as it stands

    @pa.dataframe_check
    @classmethod
    def entity_is_named(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Every row belongs to an entity; its type is the user's own."""
        return data.lazyframe.select(pl.col("unique_id").is_not_null())

    @pa.dataframe_check
    @classmethod
    def means_are_there_where_texts_are(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """A day has figures if, and only if, it has texts."""
        names = ["sent_mean", "pos_share", "neg_share", "neu_share"]
        there = pl.all_horizontal(pl.col(names).is_not_null())
        absent = pl.all_horizontal(pl.col([*names, "sent_std"]).is_null())
        return data.lazyframe.select(pl.when(pl.col("n_docs") > 0).then(there).otherwise(absent))

    @pa.dataframe_check
    @classmethod
    def shares_sum_to_one(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Every text of a day has one label."""
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
