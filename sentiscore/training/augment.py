"""Makes more texts from existing ones: pieces of them, pairs of them, and copies with words missing.

A student learns from what its teachers predict for these, so they need no labels. TinyBERT found that a student needs
far more texts than its teacher did: Jiao and others, "TinyBERT: Distilling BERT for Natural Language Understanding",
2020 (arXiv 1909.10351).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sentiscore.errors import TrainingError
from sentiscore.settings import Settings, setting

_FEWEST: Final = 3
"""The number of words in the shortest piece."""


@dataclass(frozen=True, kw_only=True)
class Augmentation(Settings):
    """How many texts are made from each one: the `[augment]` table of a distillation.

    Raises:
        TrainingError: A value has the wrong type or is out of range.
    """

    what = "[augment] table"
    error = TrainingError
    hint = "Begin it with a line [augment]."

    spans: int = setting(0, "Pieces cut from each text, of three words or more.", low=0)
    joins: int = setting(0, "Pairs made from each text followed by another one.", low=0)
    drops: int = setting(0, "Copies of each text with words missing.", low=0)
    drop_rate: float = setting(0.15, "Share of the words missing in such a copy.", above=0, below=1)
    sets: tuple[str, ...] = setting((), "Sets whose texts are used as well as those without a label; all by default.")
    seed: int = setting(0, "Seed of the augmentation; training uses the recipe's seed.", low=0)


def augment(texts: Sequence[str], how: Augmentation, known: Collection[str] = ()) -> list[str]:
    """Make distinct new texts from these.

    Args:
        texts: The texts; words are separated by white space.
        how: How many of each kind, and the seed.
        known: Other texts that the result must not contain.

    Returns:
        The new texts: spans first, then joins, then copies with words missing. There are fewer than requested if texts
        are short or results are equal.
    """
    random = np.random.default_rng(how.seed)
    words = [text.split() for text in texts]
    made = [
        *(_span(one, random) for _ in range(how.spans) for one in words),
        *(f"{text} {texts[int(random.integers(len(texts)))]}" for _ in range(how.joins) for text in texts),
        *(_without_some(one, how.drop_rate, random) for _ in range(how.drops) for one in words),
    ]
    existing = {*texts, *known}
    return list(dict.fromkeys(text for text in made if text and text not in existing))


def _span(words: list[str], random: np.random.Generator) -> str:
    if len(words) <= _FEWEST:
        return ""
    length = int(random.integers(_FEWEST, len(words)))
    start = int(random.integers(0, len(words) - length + 1))
    return " ".join(words[start : start + length])


def _without_some(words: list[str], rate: float, random: np.random.Generator) -> str:
    kept = random.random(len(words)) >= rate
    return " ".join(word for word, keep in zip(words, kept, strict=True) if keep)
