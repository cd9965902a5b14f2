"""The texts that are scored."""

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

import sentiscore

REPEATED: Final = 0.3
"""Share of rows that repeat an earlier one in the set with repeats."""
_SEED: Final = 0
_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class TextSet:
    """Some texts under a name.

    Attributes:
        name: What they are.
        texts: The texts, in the order in which they are given to everyone.
    """

    name: str
    texts: list[str]

    @property
    def distinct(self) -> int:
        """How many different texts there are."""
        return len(set(self.texts))


def shared_data() -> Path | None:
    """The folder of the research data, or None where there is none."""
    folder = Path(os.environ.get("SENTISCORE_SHARED_DATA", _ROOT.parent / "shared")) / "data"
    return folder if folder.is_dir() else None


def text_sets(rows: int, data: Path | None) -> list[TextSet]:
    """The sets to score.

    Args:
        rows: The most rows of a set.
        data: The folder of the research data; without it, the sample news of the package stand in.
    """
    if data is None:
        news = pl.read_parquet(sentiscore.sample_news())["headline"].to_list()
        return [
            TextSet("sample news", sample(distinct(news), rows)),
            TextSet("sample news, 30 % repeats", with_repeats(distinct(news), rows)),
        ]
    reviews = pl.read_csv(data / "sst2" / "validation.tsv", separator="\t", quote_char=None)["sentence"].to_list()
    files = sorted((data / "headlines").glob("*.csv"))
    headlines = distinct([text for file in files for text in pl.read_csv(file)["text"].to_list()])
    return [
        TextSet("SST-2 validation", sample(distinct(reviews), rows)),
        TextSet("headlines", sample(headlines, rows)),
        TextSet("headlines, 30 % repeats", with_repeats(headlines, rows)),
    ]


def distinct(texts: Sequence[str | None]) -> list[str]:
    """The different texts that are not blank, in the order in which they first come."""
    return list(dict.fromkeys(text for text in texts if text and not text.isspace()))


def sample(texts: Sequence[str], rows: int, seed: int = _SEED) -> list[str]:
    """Some of the texts, in their own order; all of them where there are no more than `rows`."""
    chosen = random.Random(seed).sample(range(len(texts)), min(rows, len(texts)))  # noqa: S311
    return [texts[i] for i in sorted(chosen)]


def with_repeats(texts: Sequence[str], rows: int, share: float = REPEATED, seed: int = _SEED) -> list[str]:
    """Rows of which a share repeats another row, in an order by chance.

    Args:
        texts: Distinct texts.
        rows: The most rows; fewer where there are not enough texts.
        share: Rows that are repeats, of all rows.
        seed: Seed of the choice and of the order.
    """
    chance = random.Random(seed)  # noqa: S311
    rows = min(rows, int(len(texts) / (1 - share)))
    repeats = round(share * rows)
    once = sample(texts, rows - repeats, seed)
    result = once + chance.choices(once, k=repeats)
    chance.shuffle(result)
    return result
