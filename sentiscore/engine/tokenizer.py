"""Texts -> token ids, as the model was trained to read them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Final, Self

import numpy as np
import polars as pl
from tokenizers import Tokenizer

from sentiscore.checkpoint.reading import Folder
from sentiscore.checkpoint.tokenizer_files import TOKENIZER, read_tokenizer
from sentiscore.checkpoint.tokenizer_parts import Parts
from sentiscore.engine.encoded import Encoded, Segments
from sentiscore.engine.long_texts import cut
from sentiscore.engine.pairs import paired, pairing, second_segments, uncut
from sentiscore.engine.products import is_machines
from sentiscore.engine.tokenizer_trial import try_steps
from sentiscore.engine.vocabulary import Reading, Vocabulary
from sentiscore.errors import CheckpointError, SentiscoreError

_CHARS_PER_TOKEN: Final = 256
"""A text is first cut to this many characters per token to read, so that a very long text costs no more than a long
one. No usual vocabulary has longer tokens in running text."""

_BLOCK: Final = 1 << 20
"""The number of characters of a text that are split at a time, to bound the memory of its tokens."""

_TEXTS_AT_ONCE: Final = 1024
"""The library's objects hold far more than ids, so only this many are alive at a time."""


_CHARS_AT_ONCE: Final = 1 << 23
"""The maximum number of characters that the texts of one call may become."""

_IDS_AT_ONCE: Final = 1 << 17
"""The maximum number of ids held as Python integers, which take nine times as much memory as in an array."""

PROBES: Final = (
    *("Profit ROSE 12.5% on Monday.", "profit rose", " leading space", "trailing space ", "two  spaces\tand\na line"),
    *("Crème brûlée à la carte, naïve façade", "ÜBER İstanbul ẞ ß", "東京株価 rose 株式", "한국어 시장", "Привет, мир"),
    *(
        "don't can't it's we'll",
        "e-mail: a.b@c.de #up $TSLA @user",
        "100,000.00 1/2 3x",
        "ﬁ ﬂ ½ ™ \uff21\uff22",
        "\U0001f600\U0001f4c9 wow!!!",
    ),
    *("a", "A", "\u200bzero\u00a0width\u00ad", "``quoted'' — dash…", "x" * 120, "<s> [CLS] </s>"),
)
"""Texts that reveal differences in how tokenizers split text."""

PLAIN: Final = ("A good day.", "Shares fell sharply after weak results, and nobody knows why.")
"""Texts that any classifier should read."""
_UNKNOWN: Final = "\ue000 \U0010fffd"
"""Characters that are in no vocabulary."""
_MOST_TRIED: Final = 1_000


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Translate errors of the library into ours.

    It raises plain exceptions, and for a Rust panic one that is not an Exception and has no module.

    Our own errors, such as that of a memory limit, may be raised here and pass unchanged, as does a fault of the
    machine.
    """
    try:
        yield
    except SentiscoreError:
        raise
    except BaseException as error:
        if is_machines(error) or (not isinstance(error, Exception) and type(error).__name__ != "PanicException"):
            raise
        why = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        raise CheckpointError(f"{what}: {why}.", "Copy or download the whole folder again.") from error


def make_tokenizer(data: bytes | bytearray | str, parts: Parts, what: str) -> Tokenizer:
    """Build a tokenizer with allowed parts, after checking that its steps terminate.

    Args:
        data: A complete `tokenizer.json`.
        parts: The analysis of its parts.
        what: Its name in messages.

    Raises:
        CheckpointError: It is broken, or cannot read every text.
    """
    untrusted = "Do not use this model unless you know its maker."
    if parts.untried is not None:
        try:
            try_steps(parts.untried)
        except ValueError as error:
            raise CheckpointError(f"{what} is not allowed: {error}.", untrusted) from error
        except OSError as error:
            raise CheckpointError(
                f"{what} has steps that are tried in another process first, and none can be started: {error}.",
                "Allow this process to start another one.",
            ) from error
    with translated(f"{what} cannot be read"):
        made = Tokenizer.from_str(data if isinstance(data, str) else data.decode("utf-8"))
    if (normalizer := made.normalizer) is not None:
        added = [token.content for token in made.get_added_tokens_decoder().values() if token.normalized]
        with translated(f"{what} cannot be read"):
            empty = next((token for token in added if not normalizer.normalize_str(token)), None)
        if empty is not None:
            raise CheckpointError(
                f"{what} is not allowed: nothing is left of its added token {empty[:40]!r} once it is normalized.",
                untrusted,
            )
    return made


class TextEncoder:
    """A tokenizer for lists of texts, which treats names of special tokens inside a text as plain text.

    Args:
        tokenizer: The `tokenizers` object; its padding and truncation are set here.
        max_length: Tokens of a text that are kept, special tokens included.
        origin: What it was read or built from.
        differences: How `tokenizer.json` differs from it, in words.
        made: Its sha256, in hex, if transformers built it; None if it is `tokenizer.json` as it is.
        keeps_end: Whether a text that is too long loses its beginning instead of its end.
        growth: The maximum number of characters that one character of a text becomes.

    Raises:
        CheckpointError: The limit leaves no room for tokens other than the special ones.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        max_length: int,
        *,
        origin: str = TOKENIZER,
        differences: Sequence[str] = (),
        made: str | None = None,
        keeps_end: bool = False,
        growth: int = 1,
    ) -> None:
        tokenizer.no_padding()
        with translated(f"A text cannot be cut to {max_length} tokens"):
            tokenizer.enable_truncation(max_length, direction="left" if keeps_end else "right")
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        self.max_length = max_length
        self.origin = origin
        self.differences = tuple(differences)
        self.made = made
        self._keeps_end = keeps_end
        self._growth = growth

    def limited_to(self, max_length: int) -> "TextEncoder":
        """The same tokenizer with another limit."""
        return TextEncoder(
            self._tokenizer,
            max_length,
            origin=self.origin,
            differences=self.differences,
            made=self.made,
            keeps_end=self._keeps_end,
            growth=self._growth,
        )

    def token_beyond(self, n_ids: int) -> str | None:
        """A token that a text may contain but whose id a network with this many ids lacks; None if there is none.

        Special tokens are not considered: their names in a text are plain text.
        """
        if self._tokenizer.get_vocab_size(with_added_tokens=True) <= n_ids:
            return None
        special = {token for token, added in self._tokenizer.get_added_tokens_decoder().items() if added.special}
        beyond = {i: token for token, i in self._tokenizer.get_vocab().items() if i >= n_ids and i not in special}
        return beyond[min(beyond)] if beyond else None

    def check_reading(self, n_ids: int) -> None:
        """Check that it reads plain and odd texts, including its added tokens, as ids that a network knows.

        Args:
            n_ids: The number of ids that the network knows.

        Raises:
            CheckpointError: It does not.
        """
        added = [token.content for token in self._tokenizer.get_added_tokens_decoder().values()][:_MOST_TRIED]
        encoded = self.encode([*PLAIN, *PROBES, _UNKNOWN, *(f"up {token}down" for token in added)])
        if not encoded.lengths[: len(PLAIN)].all():
            raise CheckpointError(
                f"The tokenizer of the model finds nothing to read in {PLAIN[0]!r}.",
                "Copy or download the whole folder again, or choose another model.",
            )
        if (highest := int(encoded.ids.max(initial=0))) >= n_ids:
            raise CheckpointError(
                f"The tokenizer of the model gives the token id {highest}, and its network knows {n_ids:,} ids.",
                "Copy or download the whole folder again, or choose another model.",
            )
        self.reading(encoded)

    def types(self) -> dict[int, int]:
        """Token types of its special tokens, by id, where not 0: some networks find the end of a text by them."""
        with translated("The tokenizer of the model is broken"):
            encoding = self._whole.encode("a")
        every = zip(encoding.ids, encoding.type_ids, encoding.special_tokens_mask, strict=True)
        return {token: kind for token, kind, special in every if special and kind}

    @cached_property
    def _whole(self) -> Tokenizer:
        """The tokenizer without a limit."""
        return uncut(self._tokenizer)

    @cached_property
    def _pairing(self) -> Tokenizer:
        return pairing(self._tokenizer, self.max_length, keeps_end=self._keeps_end)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self._tokenizer)

    @classmethod
    def load(cls, folder: Folder, max_length: int, sha256: str | None = None, *, keeps_end: bool = False) -> Self:
        """Read `tokenizer.json` of a model folder.

        Args:
            folder: The model folder.
            max_length: Tokens of a text that are kept, special tokens included.
            sha256: The hash of the file when it was checked; None if it was not.
            keeps_end: See the class.

        Raises:
            CheckpointError: The file is missing or broken, or has changed since it was checked.
        """
        data, parts = read_tokenizer(folder, sha256)
        tokenizer = make_tokenizer(data, parts, str(folder / TOKENIZER))
        return cls(tokenizer, max_length, keeps_end=keeps_end, growth=parts.growth)

    @property
    def _most_chars(self) -> int:
        """The number of characters of a text that are read."""
        return self.max_length * _CHARS_PER_TOKEN

    def as_far_as_read(self, texts: pl.Series) -> pl.Series:
        """The part of each text that `encode` reads, plus one character if there is more."""
        return texts.str.tail(self._most_chars + 1) if self._keeps_end else texts.str.head(self._most_chars + 1)

    def encode(self, texts: Sequence[str], mentions: Sequence[str | None] | None = None) -> Encoded:
        """Token ids of each text; an empty text may have none.

        Args:
            texts: The texts.
            mentions: For each text the mention that it is read for, or None to read it alone; by default all are.
        """
        limit = self._most_chars
        read = slice(-limit, None) if self._keeps_end else slice(limit)
        tokenizer, seconds = self._tokenizer, None
        if mentions is not None:
            tokenizer = self._pairing
            with translated("The tokenizer of the model is broken"):
                seconds = second_segments(self._whole, mentions, self.max_length)
        parts = [np.empty(0, dtype=np.int32)]
        lengths = np.zeros(len(texts), dtype=np.int64)
        truncated = np.zeros(len(texts), dtype=np.bool_)
        segments: list[Segments] = []
        start = 0
        while start < len(texts):
            part = texts[start : start + self._at_once(texts, start, limit)]
            ids: list[int] = []
            with translated("The tokenizer of the model is broken"):
                encodings = tokenizer.encode_batch_fast(paired([text[read] for text in part], seconds, start))
            for i, encoding in enumerate(encodings, start):
                ids += encoding.ids
                lengths[i] = len(encoding)
                truncated[i] = bool(encoding.overflowing) or len(texts[i]) > limit
                if len(ids) >= _IDS_AT_ONCE:
                    parts.append(np.array(ids, dtype=np.int32))
                    ids = []
            parts.append(np.array(ids, dtype=np.int32))
            if seconds is not None:
                segments.append(Segments.of(encodings))
            start += len(part)
        return Encoded(np.concatenate(parts), lengths, truncated, Segments.joined(segments) if segments else None)

    def _at_once(self, texts: Sequence[str], start: int, limit: int) -> int:
        """How many texts, from a given one, go through the tokenizer in one call."""
        room = _CHARS_AT_ONCE // self._growth
        for count in range(min(_TEXTS_AT_ONCE, len(texts) - start)):
            room -= min(len(texts[start + count]), limit)
            if room < 0:
                return max(count, 1)
        return _TEXTS_AT_ONCE

    def reading(self, encoded: Encoded) -> Reading:
        """Determine how much of each text the model knows; mentions do not count."""
        with translated("The tokenizer of the model is broken"):
            return self._vocabulary.read(*encoded.without_mentions())

    def pieces(self, text: str, mention: str | None = None) -> list[str]:
        """Cut a text into pieces within the limit, at ends of sentences where possible; joined, they are the text.

        Args:
            text: Any text.
            mention: The mention that each of the pieces is read for.
        """
        room = self.max_length - self._tokenizer.num_special_tokens_to_add(is_pair=mention is not None)
        if mention is not None:
            with translated("The tokenizer of the model is broken"):
                (second,) = second_segments(self._whole, [mention], self.max_length)
                room -= len(self._whole.encode(second or "", add_special_tokens=False))
        blocks = [text[start : start + _BLOCK] for start in range(0, len(text), _BLOCK)] or [text]
        return [piece for block in blocks for piece in self._pieces_of(block, room)]

    def _pieces_of(self, text: str, room: int) -> list[str]:
        with translated("The tokenizer of the model is broken"):
            encoding = self._whole.encode(text, add_special_tokens=False)
        pieces = cut(text, [end for _, end in encoding.offsets], room)
        if len(pieces) == 1:
            return pieces
        # a piece may have more tokens than it had as a part of the text
        return [smaller for piece in pieces for smaller in self._pieces_of(piece, room)]
