"""How far apart the words of two sets of texts are, compared with random splits of the same texts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from sentiscore.errors import import_extra
from sentiscore.monitoring import chance
from sentiscore.monitoring.measures import Counts, Floats, jensen_shannon, unseen_share

_WORD: Final = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]|[\p{L}--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]]+"
"""A run of letters; a single letter in scripts without spaces between words."""
_BUCKETS: Final = 2**17
_SPLITS: Final = 200
_SPLITS_AT_ONCE: Final = 20
_SEED: Final = 0


@dataclass(frozen=True)
class Shift:
    """A measure, and its values by chance.

    Attributes:
        value: The measure.
        expected: Its mean if nothing has changed.
        rare: The value that chance alone exceeds in one of `chance.NIGHTS` nights.
    """

    value: float
    expected: float
    rare: float


@dataclass(frozen=True)
class WordShift:
    """How far apart the words of two sets of texts are.

    Attributes:
        divergence: The Jensen-Shannon divergence of their shares minus its mean by chance, divided by the maximum of
            that difference: 0 for no more than chance, 1 for nothing in common.
        unseen: The share of words that the reference does not have.
        new: The most frequent words that the reference does not have, at most five.
    """

    divergence: Shift
    unseen: Shift
    new: tuple[str, ...]


def word_shift(texts: pl.Series, reference: pl.Series) -> WordShift | None:
    """Compare the words of two sets of texts.

    The values by chance come from many random splits of all texts into two sets of the same sizes. Texts are not
    divided, since the words of one text belong together.

    Args:
        texts: Distinct strings.
        reference: Distinct strings.

    Returns:
        The comparison; None if one of the sets has no words.
    """
    words = _words(pl.concat([texts.rename("text"), reference.rename("text")]))
    table = _table(words, texts.len() + reference.len())
    side = np.zeros(table.shape[0], dtype=bool)
    side[: texts.len()] = True
    both: Counts = table.T @ np.column_stack([side, ~side]).astype(np.int64)
    counts, other = both[:, 0], both[:, 1]
    if not (counts.any() and other.any()):
        return None
    generator = np.random.default_rng(_SEED)
    totals = both.sum(axis=1)
    divergences, unseen = [], []
    for _ in range(_SPLITS // _SPLITS_AT_ONCE):
        sides = np.column_stack([generator.permutation(side) for _ in range(_SPLITS_AT_ONCE)]).astype(np.int64)
        drawn = (table.T @ sides).T
        kept = (drawn.sum(axis=1) > 0) & (drawn.sum(axis=1) < totals.sum())
        drawn = drawn[kept]
        divergences.append(jensen_shannon(drawn, totals - drawn))
        unseen.append(unseen_share(drawn, totals - drawn))
    return WordShift(
        divergence=_adjusted(_shift(jensen_shannon, counts, other, np.concatenate(divergences))),
        unseen=_shift(unseen_share, counts, other, np.concatenate(unseen)),
        new=_new_words(words, texts.len()),
    )


def _words(texts: pl.Series) -> pl.DataFrame:
    """The columns i (the number of a text), word and bucket: every word of every text."""
    return (
        texts.to_frame()
        .with_row_index("i")
        .select("i", word=pl.col("text").str.to_lowercase().str.extract_all(_WORD))
        .explode("word", empty_as_null=True)
        .drop_nulls("word")
        .with_columns(bucket=(pl.col("word").hash(_SEED) % _BUCKETS).cast(pl.Int64))
    )


def _table(words: pl.DataFrame, n_texts: int) -> Any:
    """A sparse matrix of counts, with a row per text and a column per bucket of words."""
    csr_array = import_extra("scipy.sparse", "monitor").csr_array
    used, column = np.unique(words["bucket"].to_numpy(), return_inverse=True)
    ones = np.ones(words.height, dtype=np.int64)
    return csr_array((ones, (words["i"].to_numpy(), column)), shape=(n_texts, max(1, used.size)))


def _shift(measure: Callable[[Counts, Counts], Floats], counts: Counts, other: Counts, drawn: Floats) -> Shift:
    expected, rare = chance.of_splits(drawn)
    return Shift(float(measure(counts, other)), expected, rare)


def _adjusted(shift: Shift) -> Shift:
    """Subtract the mean by chance, and divide by the maximum of the difference."""
    room = 1 - shift.expected
    if room <= 0:
        return Shift(0.0, 0.0, 0.0)
    return Shift((shift.value - shift.expected) / room, 0.0, (shift.rare - shift.expected) / room)


def _new_words(words: pl.DataFrame, n_texts: int) -> tuple[str, ...]:
    here = words.filter(pl.col("i") < n_texts)
    there = words.filter(pl.col("i") >= n_texts)
    new = here.join(there, on="bucket", how="anti").group_by("word").agg(n=pl.col("i").n_unique())
    return tuple(new.sort(["n", "word"], descending=[True, False])["word"].head(5))
