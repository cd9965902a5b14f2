"""The data that passes from one step of scoring to the next."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import polars as pl

if TYPE_CHECKING:
    from sentiscore.engine.encoded import Encoded
    from sentiscore.engine.vocabulary import Reading


@dataclass(frozen=True)
class Answers:
    """A model's answers to some texts.

    Attributes:
        probs: Calibrated probabilities, shape (texts, labels); NaN for a text of which the model knows nothing.
        n_tokens: The number of tokens read of each text, shape (texts,).
        n_windows: The number of pieces into which each text was cut, shape (texts,).
        truncated: Whether a text has more tokens than were read, shape (texts,).
        unknown_share: Share of its tokens, special ones left out, that are the unknown token, shape (texts,).
    """

    probs: npt.NDArray[np.float64]
    n_tokens: npt.NDArray[np.int64]
    n_windows: npt.NDArray[np.int64]
    truncated: npt.NDArray[np.bool_]
    unknown_share: npt.NDArray[np.float32]

    def of(self, texts: npt.NDArray[np.bool_]) -> Self:
        """The answers to some of the texts, selected by an array of shape (texts,)."""
        return type(self)(*(getattr(self, field.name)[texts] for field in fields(self)))

    def joined(self, others: Self, theirs: npt.NDArray[np.bool_]) -> Self:
        """Merge these answers with others.

        Args:
            others: Answers to other texts.
            theirs: Which of all texts the other answers belong to, shape (these + others,).
        """
        order = np.empty(theirs.size, dtype=np.int64)
        order[~theirs] = np.arange(self.n_tokens.size)
        order[theirs] = self.n_tokens.size + np.arange(others.n_tokens.size)
        both = ((getattr(self, field.name), getattr(others, field.name)) for field in fields(self))
        return type(self)(*(np.concatenate(parts)[order] for parts in both))


@dataclass(frozen=True)
class Known:
    """The result of looking up some texts in a store of answers.

    Attributes:
        keys: The key of each text in the store, shape (texts,).
        found: Whether its answer is there and intact, shape (texts,).
        answers: The answers that were found, shape (found texts,).
        unused: Keys of found answers that were not used yet today.
    """

    keys: list[bytes]
    found: npt.NDArray[np.bool_]
    answers: Answers
    unused: list[bytes]

    def among(self, texts: npt.NDArray[np.bool_] | None) -> Self:
        """What was found of some of the texts, selected by an array of shape (texts,); of all by None."""
        if texts is None or texts.shape != self.found.shape:
            return self
        return replace(self, found=self.found & texts, answers=self.answers.of(texts[self.found]))


@dataclass(frozen=True)
class Prepared:
    """Rows whose distinct texts were encoded, except those with known answers.

    A text that is read for several mentions counts once for each of them.

    Attributes:
        null: Whether a row has no text, shape (rows,).
        which: The number of each row's distinct text; null if there is none to score, shape (rows,).
        n_encoded: The number of distinct texts that were encoded.
        encoded: The texts, or the pieces into which they were cut.
        reading: How much of each of these texts or pieces the model knows.
        owners: The text of each of them, as a number below `n_encoded`, shape (encoded texts or pieces,).
        known: The result of looking up the distinct texts in the store of answers; None without a store.
        absent: Whether a row has a target that its text does not mention, shape (rows,); None without targets.
    """

    null: pl.Series
    which: pl.Series
    n_encoded: int
    encoded: "Encoded"
    reading: "Reading"
    owners: npt.NDArray[np.integer]
    known: Known | None = None
    absent: pl.Series | None = None

    def texts_of(self, starts: Sequence[int]) -> list[tuple[int, int]]:
        """How many distinct texts of each part of the rows went through the model, and how many were known.

        A text in several parts counts in the first.

        Args:
            starts: The first row of each part, in ascending order from 0.
        """
        known = np.zeros(self.n_encoded, dtype=bool) if self.known is None else self.known.found
        scored = np.zeros(known.size, dtype=bool)
        scored[np.flatnonzero(~known)[np.unique(self.owners[self.reading.known])]] = True
        seen = self.which.cast(pl.Int64).fill_null(-1).cum_max() + 1  # they are numbered in order of appearance
        borders = [*np.concatenate([[0], seen.to_numpy()])[list(starts)].tolist(), known.size]
        parts = [slice(*both) for both in pairwise(borders)]
        return [(int(scored[part].sum()), int(known[part].sum())) for part in parts]

    @property
    def n_scored(self) -> int:
        """How many distinct texts the model knows anything of, and so has answers to."""
        return int(np.unique(self.owners[self.reading.known]).size)

    @property
    def n_known(self) -> int:
        """How many distinct texts need not go through the model, since the store has their answers."""
        return 0 if self.known is None else int(self.known.found.sum())
