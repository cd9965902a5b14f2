"""Label names, row statuses and column names, defined once for the whole package."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from sentiscore.errors import CheckpointError

NEGATIVE: Final = "negative"
NEUTRAL: Final = "neutral"
POSITIVE: Final = "positive"
CLASSES: Final = (NEGATIVE, NEUTRAL, POSITIVE)

OK: Final = "ok"
TRUNCATED: Final = "truncated"
NOT_MENTIONED: Final = "not_mentioned"
EMPTY: Final = "empty"
NULL: Final = "null"
UNDECODABLE: Final = "undecodable"
UNKNOWN: Final = "unknown"
STATUSES: Final = (OK, TRUNCATED, NOT_MENTIONED, EMPTY, NULL, UNDECODABLE, UNKNOWN)
SCORED_STATUSES: Final = (OK, TRUNCATED, NOT_MENTIONED)
BAD_STATUSES: Final = (EMPTY, NULL, UNDECODABLE, UNKNOWN)
"""Rows without a text that the model could read: they have no scores."""

KEEP: Final = "keep"
DROP: Final = "drop"
FAIL: Final = "fail"
BAD_ROWS: Final = (KEEP, DROP, FAIL)
"""What to do with such rows."""

REJECTED_ROW: Final = "rejected_row"
REJECTED_FROM: Final = "rejected_from"
REJECTED_REASON: Final = "rejected_reason"
REJECTED: Final = (REJECTED_ROW, REJECTED_FROM, REJECTED_REASON)
"""The leading columns of a row that was set aside: its number in its file, from 1; the file; the reason."""

P_NEGATIVE: Final = "p_negative"
P_POSITIVE: Final = "p_positive"
P_NEUTRAL: Final = "p_neutral"
P_OF: Final = {NEGATIVE: P_NEGATIVE, NEUTRAL: P_NEUTRAL, POSITIVE: P_POSITIVE}
"""The column of each class's probability."""
SENTIMENT: Final = "sentiment"
TONE: Final = "tone"
LABEL: Final = "label"
PREDICTED_LABEL: Final = "predicted_label"
"""The name of LABEL beside rows that have a column of that name themselves, such as labelled ones."""
N_TOKENS: Final = "n_tokens"
N_WINDOWS: Final = "n_windows"
UNKNOWN_SHARE: Final = "unknown_share"
STATUS: Final = "status"

TRUNCATE: Final = "truncate"
WINDOWS: Final = "windows"
OVERFLOWS: Final = (TRUNCATE, WINDOWS)
"""What to do with a text that is longer than the model reads."""

AS_IS: Final = "none"
HTML: Final = "html"
CLEANINGS: Final = (AS_IS, HTML)
"""What is taken out of texts before the model reads them."""


def score_columns(labels: Sequence[str], overflow: str = TRUNCATE) -> list[str]:
    """The columns that scoring adds to a table, in order, for a model with these labels."""
    neutral = [P_NEUTRAL] if NEUTRAL in labels else []
    windows = [N_WINDOWS] if overflow == WINDOWS else []
    return [P_NEGATIVE, P_POSITIVE, *neutral, SENTIMENT, TONE, LABEL, N_TOKENS, *windows, UNKNOWN_SHARE, STATUS]


def names_beside(given: Collection[str], added: Iterable[str], prefix: str) -> dict[str, str]:
    """The names under which columns of scores are added to a table.

    They are their own names with the prefix; only a label beside a column `label` is called `predicted_label`.

    Args:
        given: The columns of the table.
        added: The columns of scores.
        prefix: Put before each name.
    """
    named = {name: prefix + name for name in added}
    if LABEL in named and named[LABEL] in given:
        named[LABEL] = prefix + PREDICTED_LABEL
    return named


def label_column(columns: Collection[str], prefix: str = "") -> str:
    """The column of scored rows that has the model's label; see `names_beside`.

    Args:
        columns: The columns of the rows.
        prefix: The prefix of the scored columns.
    """
    return prefix + (PREDICTED_LABEL if prefix + PREDICTED_LABEL in columns else LABEL)


_WORDS: Final = {
    **{name: name for name in CLASSES},
    **dict.fromkeys(("neg", "bearish"), NEGATIVE),
    **dict.fromkeys(("neu", "neut"), NEUTRAL),
    **dict.fromkeys(("pos", "bullish"), POSITIVE),
}
"""The classes that label names mean, where that is certain."""
_DEGREE: Final = re.compile(
    r"(extremely|fairly|highly|mildly|moderately|mostly|partly|quite|rather|really|slightly|somewhat|strongly|strong|very"
    r"|weakly|weak) "
)
_FILLING: Final = re.compile(r"\b(?:class|label|sentiment)\b")
_NUMBERS: Final = {word: i for i, word in enumerate(("one", "two", "three", "four", "five"), start=1)}
_STARS: Final = re.compile(r"(?:([1-5]|one|two|three|four|five) stars?\b.*|stars? ([1-5]|one|two|three|four|five))")
_OF_STARS: Final = {1: NEGATIVE, 2: NEGATIVE, 3: NEUTRAL, 4: POSITIVE, 5: POSITIVE}


def meanings_of(names: Sequence[str]) -> tuple[str | None, ...]:
    """The class that each name of a label means, as far as that is certain.

    Case, dashes and underscores do not matter, nor do words of degree ("very negative") and words such as "label".
    Stars are understood if there are all five: 1 and 2 are negative, 3 is neutral.
    """
    plain = [_plain(name) for name in names]
    stars = [_stars(name) for name in plain]
    if sorted(stars) == list(_OF_STARS):
        return tuple(_OF_STARS[star] for star in stars)
    return tuple(_WORDS.get(_DEGREE.sub("", _plain(_FILLING.sub(" ", name)), count=1)) for name in plain)


def _plain(name: str) -> str:
    return " ".join(re.split(r"[\s_-]+", name.strip().lower())).strip()


def _stars(name: str) -> int:
    """The number of stars that a name states; 0 if it states none."""
    found = _STARS.fullmatch(name)
    word = "" if found is None else found[1] or found[2]
    return int(word) if word.isdecimal() else _NUMBERS.get(word, 0)


def check_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """The class of each label id, checked: negative and positive, with or without neutral.

    Args:
        labels: Names in any case, in the order of the ids. Several ids may mean the same class.

    Returns:
        A class for each id.

    Raises:
        CheckpointError: A name is unknown, or a class is missing.
    """
    names = meanings_of(labels)
    found = tuple(name for name in names if name is not None)
    if len(found) < len(names) or set(found) not in ({NEGATIVE, POSITIVE}, set(CLASSES)):
        raise CheckpointError(
            f"The label names are {', '.join(map(repr, labels))}; "
            "sentiscore needs negative and positive, with or without neutral.",
            f"Say what each label id means, in that order, for example: --labels {','.join(_suggested(labels, names))}",
        )
    return found


def _suggested(names: Sequence[str], meanings: Sequence[str | None]) -> list[str]:
    """Suggest a class for each id: the known one; by the order of numbers in the names; otherwise a question mark."""
    if len(names) < len(CLASSES) - 1:
        return list(CLASSES)
    numbers = [re.findall(r"\d+", name) for name in names]
    if all(len(found) == 1 for found in numbers) and not any(meanings):
        half, odd = divmod(len(names), 2)
        order = [NEGATIVE] * half + [NEUTRAL] * odd + [POSITIVE] * half
        ranked = sorted(int(found[0]) for found in numbers)
        return [order[ranked.index(int(found[0]))] for found in numbers]
    return [name or "?" for name in meanings]


def labels_of_config(id2label: Mapping[int, str]) -> tuple[tuple[str, ...], bool]:
    """The class of each label id, according to the `id2label` of a Hugging Face config.

    Args:
        id2label: Names by id, ids from 0 on.

    Returns:
        A class for each id, and whether they are a guess: two classes called LABEL_0 and LABEL_1 are taken as
        negative and positive.

    Raises:
        CheckpointError: The names do not say which class is which.
        ValueError: The ids are not 0, 1 and so on.
    """
    if sorted(id2label) != list(range(len(id2label))):
        raise ValueError(f"its ids are {', '.join(map(str, sorted(id2label)[:10]))}")
    names = [id2label[i] for i in sorted(id2label)]
    if [name.upper() for name in names] == ["LABEL_0", "LABEL_1"]:
        return (NEGATIVE, POSITIVE), True
    return check_labels(names), False
