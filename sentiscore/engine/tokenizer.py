"""Texts -> token ids, as the model was trained to read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from sentiscore.errors import CheckpointError

_CHARS_PER_TOKEN: Final = 256
"""A text is first cut to this many characters for each token that is read, so that a very long text costs
no more than a long one. No usual vocabulary has longer tokens in running text."""

_TEXTS_AT_ONCE: Final = 1024
"""The library's objects hold far more than ids, so only so many are alive at a time."""


@dataclass(frozen=True)
class Encoded:
    """Token ids of some texts.

    Attributes:
        ids: One array of ids for each text, none longer than the limit.
        truncated: Whether a text had more tokens than the limit, shape (texts,).
    """

    ids: list[npt.NDArray[np.int64]]
    truncated: npt.NDArray[np.bool_]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each text, shape (texts,)."""
        return np.fromiter((row.size for row in self.ids), dtype=np.int64, count=len(self.ids))


class TextEncoder:
    """A tokenizer for whole lists of texts; names of special tokens inside a text are plain text to it.

    Args:
        tokenizer: The `tokenizers` object; its padding and truncation are set here.
        max_length: Tokens of a text that are kept, special tokens included.
    """

    def __init__(self, tokenizer: Tokenizer, max_length: int) -> None:
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length)
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        self.max_length = max_length

    @classmethod
    def load(cls, folder: Path, max_length: int) -> Self:
        """Read `tokenizer.json` of a model folder.

        Raises:
            CheckpointError: The file is missing or broken.
        """
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise CheckpointError(
                f"{folder} has no tokenizer.json.",
                "Save the tokenizer with a fast tokenizer's save_pretrained into that folder.",
            )
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:
            raise CheckpointError(f"{path} cannot be read: {error}.", "Copy or download it again.") from error
        return cls(tokenizer, max_length)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Token ids of each text; an empty text may have none."""
        limit = self.max_length * _CHARS_PER_TOKEN
        ids: list[npt.NDArray[np.int64]] = []
        truncated = np.zeros(len(texts), dtype=np.bool_)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            part = texts[start : start + _TEXTS_AT_ONCE]
            for i, encoding in enumerate(self._tokenizer.encode_batch_fast([text[:limit] for text in part])):
                ids.append(np.asarray(encoding.ids, dtype=np.int64))
                truncated[start + i] = bool(encoding.overflowing) or len(part[i]) > limit
        return Encoded(ids=ids, truncated=truncated)
