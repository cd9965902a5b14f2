"""Monthly indices of sentiment and tone from articles, and their correlation with the San Francisco Fed's."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore import Scorer

COLUMNS: Final = ("sentiment", "tone")
"""The scores of which an index is made: each month's is the mean over its texts."""
ARTICLES: Final = "us_news.parquet"
INDEX: Final = "sf_fed_daily_news_sentiment.csv"
HALF_LIFE: Final = 2
"""The number of months after which a month counts half in the smoothed index."""
BLOCK: Final = 12
"""The number of months in a block of the bootstrap: both series have cycles of years."""
RESAMPLES: Final = 2000
SEED: Final = 0

_SENTENCE_ENDS: Final = r"([.!?])\s+"


@dataclass(frozen=True)
class Correlation:
    """Pearson's r of two monthly series, and its 95 % interval."""

    r: float
    low: float
    high: float


@dataclass(frozen=True)
class IndexCorrelation:
    """The correlation of a monthly index with the Fed's in the same months.

    Attributes:
        texts: The number of sentences, or articles, in the index.
        months: The number of months that both have.
        raw: The correlation of the index as it is.
        smoothed: That of its exponentially weighted mean over the months up to each, with a half-life of two; the Fed's
            index is smoothed too.
    """

    texts: int
    months: int
    raw: Correlation
    smoothed: Correlation


def read_articles(data: Path, first: int, last: int) -> pl.DataFrame:
    """The articles of some years: `date` and `texts`.

    Args:
        data: The folder news_index.
        first: The first year.
        last: The last year (inclusive).
    """
    articles = pl.read_parquet(data / ARTICLES, columns=["date", "texts"])
    return articles.filter(pl.col("date").dt.year().is_between(first, last))


def sentences_of(articles: pl.DataFrame) -> pl.DataFrame:
    """The sentences of articles: `month` and `text`.

    A sentence ends at a full stop, an exclamation mark or a question mark followed by white space. So "Mr. Rubin" is
    split and "5.4" is not. Nothing is left out except white space.

    Args:
        articles: `date` and `texts`.
    """
    ends = pl.col("texts").str.replace_all(_SENTENCE_ENDS, "$1\0").str.split("\0")
    cut = articles.select(pl.col("date").dt.truncate("1mo").alias("month"), ends.alias("text"))
    return (
        cut.explode("text", empty_as_null=True)
        .with_columns(pl.col("text").str.strip_chars())
        .filter(pl.col("text").str.len_bytes() > 0)
    )


def monthly(rows: pl.DataFrame) -> pl.DataFrame:
    """The mean score of each month, in order; a row without a score does not count.

    Args:
        rows: `month` and `score`.
    """
    return rows.drop_nulls("score").group_by("month").agg(pl.col("score").mean()).sort("month")


def fed_index(data: Path) -> pl.DataFrame:
    """The mean of the Fed's daily index in each month: `month` and `fed`.

    Args:
        data: The folder news_index.
    """
    days = pl.read_csv(data / INDEX, try_parse_dates=True)
    return days.group_by(pl.col("date").dt.truncate("1mo").alias("month")).agg(pl.col("dnsi").mean().alias("fed"))


def smoothed(index: pl.DataFrame) -> pl.DataFrame:
    """The exponentially weighted mean over the months up to each one, with a half-life of two months.

    The weights of a month sum to 1, starting with the first. A month without sentences has no value, but ages the
    earlier ones.

    Args:
        index: `month` and `score`, in order.
    """
    every = index.upsample("month", every="1mo").with_columns(
        pl.col("score").ewm_mean(half_life=HALF_LIFE, ignore_nulls=False)
    )
    return every.join(index, on="month", how="semi", maintain_order="left")


def correlation(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Correlation:
    """Pearson's r with the percentile interval of a circular block bootstrap (Politis and Romano, 1992).

    Args:
        x: One series, shape (months,).
        y: The other, shape (months,).
    """
    months = x.size
    starts = np.random.default_rng(SEED).integers(0, months, (RESAMPLES, -(-months // BLOCK)))
    drawn = (starts[..., None] + np.arange(BLOCK)).reshape(RESAMPLES, -1)[:, :months] % months
    low, high = np.nanpercentile([np.corrcoef(x[rows], y[rows])[0, 1] for rows in drawn], [2.5, 97.5])
    return Correlation(float(np.corrcoef(x, y)[0, 1]), float(low), float(high))


def beside_fed(rows: pl.DataFrame, fed: pl.DataFrame) -> IndexCorrelation:
    """The correlation of the monthly mean of some texts' scores with the Fed's index.

    Args:
        rows: `month` and `score` of each text.
        fed: The result of `fed_index`.
    """
    index = monthly(rows)

    def with_fed(series: pl.DataFrame) -> Correlation:
        both = series.join(fed, on="month", maintain_order="left")
        return correlation(both["score"].to_numpy(), both["fed"].to_numpy())

    months = index.join(fed, on="month", how="semi").height
    return IndexCorrelation(rows.height, months, raw=with_fed(index), smoothed=with_fed(smoothed(index)))


def index_correlation(
    scorer: Scorer | Callable[[pl.Series], pl.Series], data: Path, *, first: int = 1995, last: int = 2005
) -> IndexCorrelation:
    """The correlation of the monthly mean of a model's sentiment over all sentences with the Fed's index.

    Args:
        scorer: The model, or any function from texts to sentiments.
        data: The folder news_index.
        first: The first year.
        last: The last year (inclusive).
    """
    return index_correlations(scorer, data, first=first, last=last)["sentiment"]


def index_correlations(
    scorer: Scorer | Callable[[pl.Series], pl.Series], data: Path, *, first: int = 1995, last: int = 2005
) -> dict[str, IndexCorrelation]:
    """The correlations of the monthly means of a model's sentiment and of its tone with the Fed's index.

    Args:
        scorer: The model, or any function from texts to sentiments, which knows no tone.
        data: The folder news_index.
        first: The first year.
        last: The last year (inclusive).

    Returns:
        By the name of the column of scores.
    """
    sentences = sentences_of(read_articles(data, first, last))
    texts, fed = sentences["text"], fed_index(data)
    if isinstance(scorer, Scorer):
        scores = scorer.score(texts).select(COLUMNS)
    else:
        scores = scorer(texts).alias("sentiment").to_frame()
    return {name: beside_fed(sentences.select("month", score=scores[name]), fed) for name in scores.columns}
