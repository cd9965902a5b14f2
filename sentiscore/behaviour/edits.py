"""Edits of a sentence that leave its meaning alone, by the names that suites use."""

import html
import re
from collections.abc import Callable, Mapping
from typing import Final

_WORD: Final = re.compile(r"[A-Za-z]{5,}")
_SHORT_FORMS: Final = {
    "is not": "isn't",
    "are not": "aren't",
    "was not": "wasn't",
    "were not": "weren't",
    "do not": "don't",
    "does not": "doesn't",
    "did not": "didn't",
    "has not": "hasn't",
    "have not": "haven't",
    "would not": "wouldn't",
    "could not": "couldn't",
    "cannot": "can't",
    "will not": "won't",
    "I am": "I'm",
    "I have": "I've",
    "it is": "it's",
    "It is": "It's",
    "they are": "they're",
    "They are": "They're",
    "we are": "we're",
    "We are": "We're",
}
_LONG_FORMS: Final = {short: long for long, short in _SHORT_FORMS.items()}


def _typo(text: str) -> str:
    """Two inner letters of the longest word change places; the first and the last letter stay."""
    words = [found for found in _WORD.finditer(text) if len(set(found[0][1:-1])) > 1]
    if not words:
        return text
    longest = max(words, key=lambda found: len(found[0]))
    letters = list(longest[0])
    middle = range(len(letters) // 2, len(letters) - 2)
    at = next((i for i in [*middle, *range(1, len(letters) - 2)] if letters[i] != letters[i + 1]), 1)
    letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return text[: longest.start()] + "".join(letters) + text[longest.end() :]


def _with_forms(forms: Mapping[str, str]) -> Callable[[str], str]:
    pattern = re.compile("|".join(rf"\b{re.escape(form)}\b(?! not\b)" for form in forms))
    return lambda text: pattern.sub(lambda found: forms[found[0]], text)


def _html(text: str) -> str:
    return html.escape(text).replace(" - ", " &ndash; ").replace("  ", "&nbsp; ")


def _spaced(text: str) -> str:
    return "  " + text.replace(" ", "  ", 2).replace(", ", " ,  ") + " \n"


EDITS: Final[Mapping[str, Callable[[str], str]]] = {
    "capitals": str.upper,
    "lower case": str.lower,
    "title case": lambda text: re.sub(r"[A-Za-z]+('[a-z]+)?", lambda found: found[0].capitalize(), text),
    "typo": _typo,
    "curly apostrophes": lambda text: text.replace("'", "\u2019"),
    "no apostrophes": lambda text: text.replace("'", ""),
    "short forms": _with_forms(_SHORT_FORMS),
    "long forms": _with_forms(_LONG_FORMS),
    "html": _html,
    "no punctuation": lambda text: re.sub(r"[.,;:!?]+(?=\s|$)", "", text),
    "spaces": _spaced,
}
"""Each takes a sentence and returns the edited one, or the same where there is nothing to edit."""
