"""Who reads the sentences: a model, or something simple to compare it with."""

from collections.abc import Callable, Sequence
from typing import Protocol

import polars as pl

from sentiscore.behaviour.judging import Answer
from sentiscore.labels import LABEL, SENTIMENT
from sentiscore.scoring.mentions import Targets
from sentiscore.scoring.scorer import Scorer

Asked = tuple[str, str | None]
"""A sentence, and whom the sentiment is about; None for the text as a whole."""
Progress = Callable[[int, int], None]
"""Called with how many sentences are done, and how many there are."""


class Reader(Protocol):
    """Something that says how positive a sentence is."""

    @property
    def name(self) -> str:
        """What the report calls it."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it knows."""

    @property
    def reads_targets(self) -> bool:
        """Whether it can be asked about somebody in the text."""

    def read(self, asked: Sequence[Asked], progress: Progress | None = None) -> list[Answer]:
        """Its answers, in order.

        Args:
            asked: Sentences, with targets only if it reads them.
            progress: Called as sentences are done.
        """


class ModelReader:
    """A loaded model.

    Args:
        scorer: The model.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    @property
    def name(self) -> str:
        """What the user called the model; of a folder, its last name."""
        return self._scorer.checkpoint.short_name

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels."""
        return tuple(self._scorer.checkpoint.labels)

    @property
    def reads_targets(self) -> bool:
        """Whether its manifest says that it reads a target beside the text."""
        return self._scorer.checkpoint.reads_targets

    def read(self, asked: Sequence[Asked], progress: Progress | None = None) -> list[Answer]:
        """Its calibrated answers."""
        done = 0

        def count(more: int) -> None:
            nonlocal done
            done += more
            if progress is not None:
                progress(done, len(asked))

        texts, mentions = (pl.Series([one[i] for one in asked], dtype=pl.String) for i in (0, 1))
        targets = None if mentions.null_count() == mentions.len() else Targets(mentions, {})
        scored = self._scorer.score_series(texts, count, targets)
        return [Answer(label, sentiment) for label, sentiment in scored.select(LABEL, SENTIMENT).iter_rows()]
