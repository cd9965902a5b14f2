"""Classifies the ids of a tokenizer, to distinguish texts that the model can read from those it cannot."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, models

_SPACE: Final = "\u2581"
"""How sentencepiece writes a space."""
_UNIGRAM_UNKNOWN: Final = re.compile(rb'"unk_id":(\d+)')
_SETTINGS_BYTES: Final = 200

_UNSEEN, _NOTHING, _UNKNOWN, _MARK, _WORD = range(5)
"""The classes of ids: not classified yet; a special token or a space; the unknown token; punctuation; anything else."""


@dataclass(frozen=True)
class Reading:
    """How much of some texts the model knows, by their tokens.

    Attributes:
        content: The number of tokens of each text without special ones, shape (texts,).
        unknown: How many of these are the unknown token, shape (texts,).
        known: Whether the model knows anything of a text, shape (texts,): a token of it has a letter, a digit or a
            symbol, or nothing of it is unknown.
    """

    content: npt.NDArray[np.int64]
    unknown: npt.NDArray[np.int64]
    known: npt.NDArray[np.bool_]


class Vocabulary:
    """Knows which ids of a tokenizer are words, punctuation, the unknown token or nothing.

    Args:
        tokenizer: The `tokenizers` object.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._kinds = np.full(tokenizer.get_vocab_size(with_added_tokens=True), _UNSEEN, dtype=np.int8)
        self._unknown_id = _unknown_id(tokenizer)
        self._special = frozenset(tokenizer.encode("").ids)

    def read(self, ids: npt.NDArray[np.int32], lengths: npt.NDArray[np.int64]) -> Reading:
        """Count the tokens of texts by class.

        Args:
            ids: Token ids of all texts, one text after the other, shape (tokens,).
            lengths: The number of tokens of each text, shape (texts,).
        """
        kinds = self._kinds_of(ids)
        owners = np.repeat(np.arange(lengths.size), lengths)

        def count(wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
            return np.bincount(owners[wanted], minlength=lengths.size).astype(np.int64)

        content, unknown, words = count(kinds != _NOTHING), count(kinds == _UNKNOWN), count(kinds == _WORD)
        return Reading(content, unknown, (words > 0) | ((content > 0) & (unknown == 0)))

    def _kinds_of(self, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.int8]:
        if ids.size and ids.max() >= self._kinds.size:
            self._kinds = np.pad(self._kinds, (0, int(ids.max()) + 1 - self._kinds.size), constant_values=_UNSEEN)
        kinds = self._kinds[ids]
        for new in np.unique(ids[kinds == _UNSEEN]).tolist():
            self._kinds[new] = self._kind(new)
        return self._kinds[ids]

    def _kind(self, token_id: int) -> int:
        if token_id == self._unknown_id:
            return _UNKNOWN
        token = (self._tokenizer.id_to_token(token_id) or "").replace(_SPACE, "")
        if token_id in self._special or not token:
            return _NOTHING
        return _MARK if all(map(_is_mark, token)) else _WORD


def _is_mark(char: str) -> bool:
    """Whether a character is not a letter, digit or emoji; one too new for this Python may be an emoji."""
    category = unicodedata.category(char)
    return category[0] not in "LN" and category not in ("So", "Cn")


def _unknown_id(tokenizer: Tokenizer) -> int | None:
    """The id of the unknown token; None if unknown characters become bytes or nothing."""
    model = tokenizer.model
    if isinstance(model, models.Unigram):  # it does not expose the id, but serialises it first
        found = _UNIGRAM_UNKNOWN.search(model.__getstate__()[:_SETTINGS_BYTES])
        return int(found[1]) if found else None
    token = model.unk_token
    return None if token is None else tokenizer.token_to_id(token)
