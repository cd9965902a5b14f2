import math
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

import sentiscore
from sentiscore.errors import InputError, ValidationError
from sentiscore.schemas import ScoredRows, validate


@pytest.fixture
def scored() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "p_negative": [0.25, None],
            "p_positive": [0.75, None],
            "sentiment": [0.5, None],
            "tone": [math.log(0.751 / 0.251), None],
            "label": ["positive", None],
            "n_tokens": [3, 0],
            "status": ["ok", "null"],
        },
        schema_overrides={
            "p_negative": pl.Float32,
            "p_positive": pl.Float32,
            "sentiment": pl.Float32,
            "tone": pl.Float32,
            "n_tokens": pl.Int32,
        },
    )


def test_good_rows_pass_with_other_columns_beside_them(scored: pl.DataFrame) -> None:
    frame = scored.with_columns(id=1)
    assert validate(frame, ScoredRows) is frame


@pytest.mark.parametrize("full", [False, True])
def test_rows_that_were_scored_without_a_tone_pass(scored: pl.DataFrame, *, full: bool) -> None:
    sentiscore.validate(scored.drop("tone"), "scored", full=full)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (pl.lit(0.6, pl.Float32).alias("p_positive"), "probabilities_sum_to_one"),
        (pl.lit(0.1, pl.Float32).alias("sentiment"), "sentiment_is_positive_less_negative"),
        (pl.lit(1.1, pl.Float32).alias("tone"), "tone_is_the_log_of_the_odds"),
        (pl.lit(7.0, pl.Float32).alias("tone"), "less_than_or_equal_to"),
        (pl.lit(None, pl.Float32).alias("tone"), "scores_are_there_where_the_status_says_so"),
        (pl.lit("joy").alias("label"), "isin"),
        (pl.lit("ok").alias("status"), "scores_are_there_where_the_status_says_so"),
        (pl.lit(float("nan"), pl.Float32).alias("p_negative"), "less_than_or_equal_to"),
        (pl.lit(-1, pl.Int32).alias("n_tokens"), "greater_than_or_equal_to"),
        (pl.col("sentiment").cast(pl.Float64), "dtype"),
    ],
)
def test_bad_rows_are_refused_by_the_name_of_the_check(scored: pl.DataFrame, change: pl.Expr, check: str) -> None:
    with pytest.raises(ValidationError, match=check):
        validate(scored.with_columns(change), ScoredRows)


def test_the_message_counts_the_rows_that_fail(scored: pl.DataFrame) -> None:
    many = pl.concat([scored.head(1)] * 7).with_columns(label=pl.lit("joy"))
    with pytest.raises(ValidationError, match="7 rows"):
        validate(many, ScoredRows)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("kind", ["scored", "daily"])
def test_a_frame_of_other_columns_is_refused_as_any_other(kind: str, *, full: bool) -> None:
    for frame in (pl.DataFrame(), pl.DataFrame({"headline": ["x"], "sentiment": [0.5]})):
        with pytest.raises(ValidationError, match="column_in_dataframe"):
            sentiscore.validate(frame, kind, full=full)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    "column",
    [
        pl.Series("p_negative", [timedelta(1), None]),
        pl.Series("p_negative", [object(), None], dtype=pl.Object),
        pl.Series("label", [object(), None], dtype=pl.Object),
    ],
    ids=["length", "object", "object as label"],
)
def test_values_that_polars_cannot_write_down_are_refused_by_their_type(
    scored: pl.DataFrame, column: pl.Series, *, full: bool
) -> None:
    with pytest.raises(ValidationError, match=rf"{column.name}: dtype\("):
        sentiscore.validate(scored.with_columns(column), "scored", full=full)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("frame", [None, pl.Series([0.5]), {"p_negative": [0.5]}], ids=["nothing", "series", "dict"])
def test_what_is_not_a_frame_is_refused_by_what_it_is(frame: Any, *, full: bool) -> None:
    with pytest.raises(InputError, match=r"The frame must be a polars DataFrame, or another frame .*, and is a"):
        sentiscore.validate(frame, "scored", full=full)
