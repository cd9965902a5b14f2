"""Label names, row statuses and column names, once for the whole package."""

from collections.abc import Mapping, Sequence
from typing import Final

from sentiscore.errors import CheckpointError

NEGATIVE: Final = "negative"
NEUTRAL: Final = "neutral"
POSITIVE: Final = "positive"
CLASSES: Final = (NEGATIVE, NEUTRAL, POSITIVE)

OK: Final = "ok"
TRUNCATED: Final = "truncated"
EMPTY: Final = "empty"
NULL: Final = "null"
UNDECODABLE: Final = "undecodable"
UNKNOWN: Final = "unknown"
STATUSES: Final = (OK, TRUNCATED, EMPTY, NULL, UNDECODABLE, UNKNOWN)
SCORED_STATUSES: Final = (OK, TRUNCATED)
BAD_STATUSES: Final = (EMPTY, NULL, UNDECODABLE, UNKNOWN)
"""Rows without a text that the model could read: they have no scores."""

KEEP: Final = "keep"
DROP: Final = "drop"
FAIL: Final = "fail"
BAD_ROWS: Final = (KEEP, DROP, FAIL)
"""What may be done with such rows."""

P_NEGATIVE: Final = "p_negative"
P_POSITIVE: Final = "p_positive"
P_NEUTRAL: Final = "p_neutral"
P_OF: Final = {NEGATIVE: P_NEGATIVE, NEUTRAL: P_NEUTRAL, POSITIVE: P_POSITIVE}
"""The column of each class's probability."""
SENTIMENT: Final = "sentiment"
LABEL: Final = "label"
N_TOKENS: Final = "n_tokens"
N_WINDOWS: Final = "n_windows"
UNKNOWN_SHARE: Final = "unknown_share"
STATUS: Final = "status"

TRUNCATE: Final = "truncate"
WINDOWS: Final = "windows"
OVERFLOWS: Final = (TRUNCATE, WINDOWS)
"""What may be done with a text that is longer than what is read of it."""


def score_columns(labels: Sequence[str], overflow: str = TRUNCATE) -> list[str]:
    """The columns that scoring adds to a table, in order, for a model with these labels."""
    neutral = [P_NEUTRAL] if NEUTRAL in labels else []
    windows = [N_WINDOWS] if overflow == WINDOWS else []
    return [P_NEGATIVE, P_POSITIVE, *neutral, SENTIMENT, LABEL, N_TOKENS, *windows, UNKNOWN_SHARE, STATUS]


def check_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Label names in id order, checked: negative and positive, with or without neutral.

    Args:
        labels: Names in any case, in the order of the ids.

    Returns:
        The names in lower case.

    Raises:
        CheckpointError: A name is unknown, missing or there twice.
    """
    names = tuple(name.strip().lower() for name in labels)
    if set(names) not in ({NEGATIVE, POSITIVE}, set(CLASSES)) or len(set(names)) != len(names):
        raise CheckpointError(
            f"The label names are {', '.join(map(repr, labels))}; "
            "sentiscore needs negative and positive, with or without neutral.",
            "Say what each label id means, in order, for example: --labels negative,neutral,positive",
        )
    return names


def labels_of_config(id2label: Mapping[int, str]) -> tuple[tuple[str, ...], bool]:
    """Label names from the `id2label` of a Hugging Face config.

    Args:
        id2label: Names by id, ids from 0 on.

    Returns:
        The names in id order, and whether they are a guess: two classes called LABEL_0 and LABEL_1 are
        taken as negative and positive.

    Raises:
        CheckpointError: The names do not say which class is which.
    """
    names = [id2label[i] for i in sorted(id2label)]
    if [name.upper() for name in names] == ["LABEL_0", "LABEL_1"]:
        return (NEGATIVE, POSITIVE), True
    return check_labels(names), False
