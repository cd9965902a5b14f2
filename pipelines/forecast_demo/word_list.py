"""The tone of a text from a word list, to compare with the model's."""

from pathlib import Path

import polars as pl


def word_list_tone(rows: pl.DataFrame, text_col: str, lexicon: Path) -> pl.DataFrame:
    """Rows like scored ones, with (positive - negative) / (positive + negative) words as the sentiment.

    Args:
        rows: Rows with a column of texts.
        text_col: The name of that column.
        lexicon: A file of words and polarities, `Word;Polarity`.
    """
    polarity = pl.read_csv(lexicon, separator=";").select(
        pl.col("Word").str.to_lowercase().alias("word"), pl.col("Polarity").sign().alias("polarity")
    )
    numbered = rows.with_row_index("row")
    words = (
        numbered.select("row", pl.col(text_col).str.to_lowercase().str.extract_all(r"[a-z]+").alias("word"))
        .explode("word", empty_as_null=True)
        .join(polarity, on="word")
        .group_by("row")
        .agg((pl.col("polarity").sum() / pl.len()).alias("sentiment"))
    )
    tone = pl.col("sentiment")
    return (
        numbered.join(words, on="row", how="left", maintain_order="left")
        .with_columns(tone.fill_null(0.0))
        .with_columns(
            pl.when(tone > 0)
            .then(pl.lit("positive"))
            .when(tone < 0)
            .then(pl.lit("negative"))
            .otherwise(pl.lit("neutral"))
            .alias("label"),
            pl.lit("ok").alias("status"),
        )
        .drop("row")
    )
