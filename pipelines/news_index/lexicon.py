"""The tone of a text from a word list: the baseline that a model has to beat."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import polars as pl

LEXICON: Final = "LM_lexicon.csv"


def word_list(data: Path) -> Callable[[pl.Series], pl.Series]:
    """A function from texts to tones: (positive words - negative words) / words; 0 for a text without words.

    A word is a run of letters and apostrophes, in any case. Loughran and McDonald, "When Is a Liability Not a
    Liability?", Journal of Finance, 2011.

    Args:
        data: The folder news_index, which contains the word list.
    """
    polarity = pl.read_csv(data / LEXICON, separator=";").select(
        pl.col("Word").str.to_lowercase().alias("word"), pl.col("Polarity").sign().alias("polarity")
    )

    def tone(texts: pl.Series) -> pl.Series:
        words = pl.DataFrame({"text": texts}).with_row_index("row")
        found = (
            words.select("row", pl.col("text").str.to_lowercase().str.extract_all(r"[a-z']+").alias("word"))
            .explode("word", empty_as_null=True)
            .join(polarity, on="word", how="left")
            .group_by("row", maintain_order=True)
            .agg((pl.col("polarity").sum() / pl.col("word").count().clip(1)).alias("sentiment"))
        )
        return found.sort("row")["sentiment"]

    return tone
