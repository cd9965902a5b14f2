"""How a text and a mention in it become one input of a model: the mention is the second segment.

Encoders put special tokens between two segments. A decoder's tokenizer puts none there, so its second segment starts
with a line break; its classifier reads the last token, which then belongs to the mention.
"""

from collections.abc import Sequence
from typing import Final

from tokenizers import Tokenizer

BREAK: Final = "\n"
"""What separates the segments where the tokenizer adds no special token."""

SHARE: Final = 4
"""A mention is cut to the maximum length of the input divided by this, in tokens."""

SHORTEST_PAIR: Final = 16
"""The minimum number of tokens that leaves room for a word of a text beside special tokens and a mention."""


def uncut(tokenizer: Tokenizer) -> Tokenizer:
    """A copy of a tokenizer that neither cuts nor pads, and reads names of special tokens in a text as plain text."""
    whole = Tokenizer.from_str(tokenizer.to_str())
    whole.no_truncation()
    whole.no_padding()
    whole.encode_special_tokens = True
    return whole


def second_segments(tokenizer: Tokenizer, mentions: Sequence[str | None], max_length: int) -> list[str | None]:
    """The second segments for some mentions.

    Args:
        tokenizer: The model's tokenizer, as `uncut` gives it.
        mentions: Mentions, none blank; None for a text that is read alone. White space around them is removed.
        max_length: The maximum number of tokens of an input.

    Returns:
        Each mention, cut to a quarter of that length, so that at least half of it is left for the text.
    """
    room = max(1, max_length // SHARE)
    added = tokenizer.num_special_tokens_to_add(is_pair=True) - tokenizer.num_special_tokens_to_add(is_pair=False)
    before = "" if added > 0 else BREAK
    segments: dict[str | None, str | None] = {None: None}
    for mention in dict.fromkeys(mentions):
        if mention is not None:
            segments[mention] = before + _cut(tokenizer, mention.strip(), room)
    return [segments[mention] for mention in mentions]


def _cut(tokenizer: Tokenizer, mention: str, room: int) -> str:
    """The beginning of a mention, which alone may have more tokens than it had as a part of the whole."""
    while len(ends := [end for _, end in tokenizer.encode(mention, add_special_tokens=False).offsets]) > room:
        shorter = mention[: min(ends[room - 1], len(mention) - 1)]
        if not shorter:
            break
        mention = shorter
    return mention


def pairing(tokenizer: Tokenizer, max_length: int, *, keeps_end: bool = False) -> Tokenizer:
    """A copy of a tokenizer for pairs, of which only the text is cut.

    Args:
        tokenizer: The tokenizer.
        max_length: The maximum number of tokens of an input.
        keeps_end: Whether a text that is too long loses its beginning.
    """
    pairs = Tokenizer.from_str(tokenizer.to_str())
    pairs.enable_truncation(max_length, strategy="only_first", direction="left" if keeps_end else "right")
    pairs.encode_special_tokens = True
    return pairs


def paired(
    texts: list[str], seconds: Sequence[str | None] | None, start: int = 0
) -> list[str] | list[str | tuple[str, str]]:
    """Some texts as the input of a tokenizer.

    Args:
        texts: The texts.
        seconds: The second segments of these texts and others, None for a text that is read alone; None if all are.
        start: The position of the first text's second segment.
    """
    if seconds is None:
        return texts
    pairs = zip(texts, seconds[start : start + len(texts)], strict=True)
    return [text if second is None else (text, second) for text, second in pairs]
