"""The token ids of texts, as they pass from the tokenizer to the network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding


@dataclass(frozen=True)
class Segments:
    """Which tokens of some texts belong to the mention that a text is read for.

    Attributes:
        types: The token type of each token, as the tokenizer gives it, shape (tokens,).
        of_mention: Whether a token belongs to a mention, shape (tokens,).
    """

    types: npt.NDArray[np.int32]
    of_mention: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, encodings: Sequence[Encoding]) -> Self:
        """The segments of texts that a tokenizer has encoded."""
        types, belongs = [np.empty(0, dtype=np.int32)], [np.empty(0, dtype=np.bool_)]
        for encoding in encodings:
            types.append(np.array(encoding.type_ids, dtype=np.int32))
            belongs.append(np.array(encoding.sequence_ids, dtype=object) == 1)
        return cls(np.concatenate(types), np.concatenate(belongs))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The segments of one batch of texts after the other."""
        return cls(np.concatenate([one.types for one in parts]), np.concatenate([one.of_mention for one in parts]))


@dataclass(frozen=True)
class Encoded:
    """Token ids of some texts.

    Attributes:
        ids: The ids of all texts, one text after the other, shape (tokens,).
        lengths: The number of tokens of each text and its mention, at most the limit, shape (texts,).
        truncated: Whether a text had more tokens than the limit leaves for it, shape (texts,).
        segments: Which tokens belong to mentions; None if all texts are read alone.
    """

    ids: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int64]
    truncated: npt.NDArray[np.bool_]
    segments: Segments | None = None

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """The position of the first id of each text, shape (texts,)."""
        return np.cumsum(self.lengths) - self.lengths

    def followed_by(self, other: "Encoded") -> "Encoded":
        """These texts, followed by others; either both have mentions, or none has."""
        segments = None
        if self.segments is not None and other.segments is not None:
            segments = Segments.joined([self.segments, other.segments])
        return Encoded(
            ids=np.concatenate([self.ids, other.ids]),
            lengths=np.concatenate([self.lengths, other.lengths]),
            truncated=np.concatenate([self.truncated, other.truncated]),
            segments=segments,
        )

    def of(self, text: int) -> npt.NDArray[np.int32]:
        """Token ids of one text."""
        start = int(self.starts[text])
        return self.ids[start : start + int(self.lengths[text])]

    def without_mentions(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """The ids that do not belong to mentions, and how many of them each text has; shapes (tokens,) and (texts,)."""
        if self.segments is None:
            return self.ids, self.lengths
        of_text = ~self.segments.of_mention
        owners = np.repeat(np.arange(self.lengths.size), self.lengths)
        return self.ids[of_text], np.bincount(owners[of_text], minlength=self.lengths.size).astype(np.int64)
