"""What passes from one step of scoring to the next."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import polars as pl

if TYPE_CHECKING:
    from sentiscore.engine.tokenizer import Encoded
    from sentiscore.engine.vocabulary import Reading


@dataclass(frozen=True)
class Answers:
    """What a model says of some texts.

    Attributes:
        probs: Calibrated probabilities, NaN for a text of which the model knows nothing, shape (texts, labels).
        n_tokens: Tokens that were read of each, shape (texts,).
        n_windows: Pieces that each was cut into, shape (texts,).
        truncated: Whether there was more than was read, shape (texts,).
        unknown_share: Share of its tokens, special ones left out, that are the unknown token, shape (texts,).
    """

    probs: npt.NDArray[np.float64]
    n_tokens: npt.NDArray[np.int64]
    n_windows: npt.NDArray[np.int64]
    truncated: npt.NDArray[np.bool_]
    unknown_share: npt.NDArray[np.float32]

    def of(self, texts: npt.NDArray[np.bool_]) -> Self:
        """Those of some of the texts, shape of `texts` (texts,)."""
        return type(self)(*(getattr(self, field.name)[texts] for field in fields(self)))

    def joined(self, others: Self, theirs: npt.NDArray[np.bool_]) -> Self:
        """These and others, in one order.

        Args:
            others: Answers to other texts.
            theirs: Which of all texts are the others', shape (these + others,).
        """
        order = np.empty(theirs.size, dtype=np.int64)
        order[~theirs] = np.arange(self.n_tokens.size)
        order[theirs] = self.n_tokens.size + np.arange(others.n_tokens.size)
        both = ((getattr(self, field.name), getattr(others, field.name)) for field in fields(self))
        return type(self)(*(np.concatenate(parts)[order] for parts in both))


@dataclass(frozen=True)
class Known:
    """What a store of answers said when it was asked for some texts.

    Attributes:
        keys: What each text is called in the store, shape (texts,).
        found: Whether its answer is there, and is as it was written, shape (texts,).
        answers: The answers that are, shape (found texts,).
        unused: Keys of those that were not used yet today.
    """

    keys: list[bytes]
    found: npt.NDArray[np.bool_]
    answers: Answers
    unused: list[bytes]


@dataclass(frozen=True)
class Prepared:
    """Rows whose distinct texts were encoded, but for those whose answers are known.

    Attributes:
        null: Whether a row has no text, shape (rows,).
        which: The distinct text of each row; null where there is none to score, shape (rows,).
        n_encoded: How many distinct texts were encoded.
        encoded: The texts, or the pieces that they were cut into.
        reading: How much of each of these the model knows.
        owners: Whose piece each of them is, as a number below `n_encoded`, shape (encoded texts or pieces,).
        known: What the store of answers said of the distinct texts; None without one.
    """

    null: pl.Series
    which: pl.Series
    n_encoded: int
    encoded: "Encoded"
    reading: "Reading"
    owners: npt.NDArray[np.integer]
    known: Known | None = None

    def texts_of(self, starts: Sequence[int]) -> list[tuple[int, int]]:
        """How many distinct texts of each part of the rows went through the model, and how many were known.

        A text that is in several parts counts in the first.

        Args:
            starts: Where each part begins, as a number of rows, in ascending order from 0.
        """
        known = np.zeros(self.n_encoded, dtype=bool) if self.known is None else self.known.found
        scored = np.zeros(known.size, dtype=bool)
        scored[np.flatnonzero(~known)[np.unique(self.owners[self.reading.known])]] = True
        seen = self.which.cast(pl.Int64).fill_null(-1).cum_max() + 1  # distinct texts are numbered as they first appear
        borders = [*np.concatenate([[0], seen.to_numpy()])[list(starts)].tolist(), known.size]
        parts = [slice(*both) for both in pairwise(borders)]
        return [(int(scored[part].sum()), int(known[part].sum())) for part in parts]

    @property
    def n_scored(self) -> int:
        """How many distinct texts the model knows something of, and so has answers to."""
        return int(np.unique(self.owners[self.reading.known]).size)

    @property
    def n_known(self) -> int:
        """How many distinct texts need not go through the model, since the store has their answers."""
        return 0 if self.known is None else int(self.known.found.sum())
