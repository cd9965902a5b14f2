"""Scored rows made at random, as `schemas.ScoredRows` has them, with knobs for what can change from night to night."""

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sentiscore.labels import CLASSES

START: Final = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
_WEEKEND: Final = 0.3
_WORDS: Final = 4_000
_SYLLABLES: Final = {
    "English": "ing tion er al ment ly pro con re st ack ton ble ough ish el ow ill ent and",
    "German": "ung keit lich schaft ver ge ent ber tz pf ei au sch mmer zeug feld stein burg weg gegen",
}
_SMALL: Final = {
    "English": "the of and to for is on with from that by at as over says",
    "German": "der die das und ist nicht von mit für auf im auch bei aus wird",
}


def scored_rows(
    n: int,
    *,
    seed: int = 0,
    language: str = "English",
    leaning: tuple[float, float, float] = (0.5, 0.9, 0.6),
    neutral: bool = True,
    empty: float = 0.01,
    null: float = 0.005,
    truncated: float = 0.02,
    repeats: float = 0.15,
    words: int = 10,
    days: int = 1,
    start: datetime = START,
    day_spread: float = 0.1,
) -> pl.DataFrame:
    """Rows of text, published_at and the columns of scores.

    Args:
        n: How many.
        seed: Of everything.
        language: Of the words.
        leaning: Parameters of the Dirichlet distribution of the probabilities (negative, neutral, positive).
        neutral: Whether the model knows neutral.
        empty: The share of empty texts.
        null: The share of texts that are null.
        truncated: The share of truncated texts.
        repeats: The share of rows that repeat another text, of the same day.
        words: About how many words a text has.
        days: Over how many days the rows are spread; a week-end has fewer.
        start: The first of them.
        day_spread: The standard deviation of the logarithm of a day's share.
    """
    generator = np.random.default_rng(seed)
    distinct = max(1, round(n * (1 - repeats)))
    which = np.concatenate([np.arange(distinct), generator.integers(0, distinct, n - distinct)])
    texts = pl.Series(_texts(distinct, language, words, generator))
    p = generator.dirichlet(leaning, distinct).astype(np.float32)
    if not neutral:
        p[:, [0, 2]] /= np.maximum(p[:, [0, 2]].sum(axis=1, keepdims=True), 1e-6)
        p[:, 1] = 0
        p[:, 2] = 1 - p[:, 0]
    cut = generator.random(distinct) < truncated
    scores = pl.DataFrame(
        {
            "text": texts,
            "p_negative": p[:, 0],
            "p_positive": p[:, 2],
            **({"p_neutral": p[:, 1]} if neutral else {}),
            "sentiment": p[:, 2] - p[:, 0],
            "tone": np.log(p[:, 2] + np.float32(1e-3)) - np.log(p[:, 0] + np.float32(1e-3)),
            "label": np.array(CLASSES)[p.argmax(axis=1)],
            "n_tokens": texts.str.count_matches(r"\S+").cast(pl.Int32) + 3,
            "status": pl.select(pl.when(pl.Series(cut)).then(pl.lit("truncated")).otherwise(pl.lit("ok"))).to_series(),
        }
    )
    rows = scores[which]
    draw = pl.Series(generator.random(n))
    bad = pl.select(
        pl.when(draw < empty).then(pl.lit("empty")).when(draw < empty + null).then(pl.lit("null"))
    ).to_series()
    rows = rows.with_columns(bad.alias("bad"), _times(which, days, start, day_spread, generator).alias("published_at"))
    unscored = pl.col("bad").is_not_null()
    names = ("p_negative", "p_positive", "p_neutral", "sentiment", "tone", "label")
    scored_columns = [name for name in names if name in rows]
    text = pl.when(pl.col("bad") == "empty").then(pl.lit("")).when(pl.col("bad").is_null()).then("text")
    return rows.with_columns(
        text.alias("text"),
        pl.when(~unscored).then(pl.col(scored_columns)),
        n_tokens=pl.when(unscored).then(0).otherwise("n_tokens").cast(pl.Int32),
        status=pl.coalesce("bad", "status"),
    ).drop("bad")


def vocabulary(language: str) -> list[str]:
    """Words that look like those of a language, the small ones first; always the same."""
    generator = np.random.default_rng(len(language))
    syllables = np.array(_SYLLABLES[language].split())
    parts = syllables[generator.integers(0, syllables.size, (_WORDS, 3))]
    return _SMALL[language].split() + ["".join(row) for row in parts]


def _texts(n: int, language: str, words: int, generator: np.random.Generator) -> list[str]:
    known = np.array(vocabulary(language))
    weight = 1 / np.arange(2, known.size + 2)  # Zipf's law
    sizes = generator.poisson(words, n) + 2
    drawn = known[generator.choice(known.size, sizes.sum(), p=weight / weight.sum())]
    ends = np.cumsum(sizes)
    return [" ".join(drawn[end - size : end]) for end, size in zip(ends, sizes, strict=True)]


def _times(
    which: NDArray[np.int64], days: int, start: datetime, spread: float, generator: np.random.Generator
) -> pl.Series:
    """Rows of one text are of one day."""
    weight = np.array([_WEEKEND if (start + timedelta(days=i)).weekday() >= 5 else 1.0 for i in range(days)])
    weight = weight * np.exp(spread * generator.standard_normal(days))
    day = generator.choice(days, which.max() + 1, p=weight / weight.sum())[which]
    seconds = (day + generator.random(which.size)) * 86_400
    instants = int(start.timestamp()) * 1_000_000 + (seconds * 1e6).astype(np.int64)
    return pl.Series(instants).cast(pl.Datetime("us", "UTC"))
