"""Cuts texts that are longer than a model can read. Pure: no tokenizer, no torch."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

_SENTENCE_END: Final = re.compile(r"""[.!?\u2026]+["'\u201d\u2019)\]]*(?=\s)|[\u3002\uff01\uff1f]|\S(?=\s*\n)""")
_WORD_END: Final = re.compile(r"\S(?=\s)")


def cut(text: str, token_ends: Sequence[int], room: int) -> list[str]:
    """Cut a text into pieces of at most this many tokens, none shorter than half of that except the last.

    A piece ends at the end of a sentence if there is one in its second half, otherwise between words, otherwise after a
    token.

    Args:
        text: Any text.
        token_ends: The end of each of its tokens, as ascending positions in the text.
        room: The maximum number of tokens per piece, at least 1.

    Returns:
        The pieces; joined, they are the text.
    """
    sentences = [match.end() for match in _SENTENCE_END.finditer(text)]
    words = [match.end() for match in _WORD_END.finditer(text)]
    pieces = []
    begin = token = 0
    while len(token_ends) - token > room:
        most = token_ends[token + room - 1]
        first = bisect_left(token_ends, most)
        if token_ends[token + room] == most and first > token:  # several tokens form one character: do not split it
            most = token_ends[first - 1]
        least = min(token_ends[token + room // 2 - 1], most - 1) if room > 1 else begin
        end = _last_between(sentences, least, most) or _last_between(words, least, most) or most
        pieces.append(text[begin:end])
        begin, token = end, bisect_right(token_ends, end)
    return [*pieces, text[begin:]] if begin < len(text) or not pieces else pieces


def _last_between(positions: Sequence[int], least: int, most: int) -> int | None:
    """The last position after `least` and not after `most`."""
    i = bisect_right(positions, most)
    return positions[i - 1] if i and positions[i - 1] > least else None
