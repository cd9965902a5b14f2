"""Checks of training rows whose labels are about a mention in the text."""

import warnings
from collections.abc import Sequence

import polars as pl

from sentiscore.engine.pairs import SHORTEST_PAIR
from sentiscore.errors import SentiscoreWarning, TrainingError
from sentiscore.scoring.mentions import Targets, mentions_of
from sentiscore.tables.labelled import LabelledData


def reads_targets(train_data: Sequence[LabelledData]) -> bool:
    """Whether a model that is trained on these sets learns to read targets: whether a row has a mention."""
    return any(mention is not None for rows in train_data for mention in rows.mentions or ())


def check_targets(train_data: Sequence[LabelledData], eval_data: Sequence[LabelledData], max_length: int) -> None:
    """Check the mentions of labelled rows, and warn about those that their texts do not contain.

    Args:
        train_data: Sets of rows to learn from.
        eval_data: Sets of rows to validate on.
        max_length: Tokens that the model will read.

    Raises:
        TrainingError: A text and a mention do not fit into that many tokens.
    """
    if reads_targets(train_data) and max_length < SHORTEST_PAIR:
        raise TrainingError(
            f"A text and a target take {SHORTEST_PAIR} tokens or more, and the model would read {max_length}.",
            "Choose a larger --max-length (max_length).",
        )
    for use, sets in (("training", train_data), ("validation", eval_data)):
        asked = sum(mention is not None for rows in sets for mention in rows.mentions or ())
        if absent := sum(_absent(rows) for rows in sets):
            warnings.warn(
                f"{absent:,} of {asked:,} {use} rows with a target have a text that does not mention it; score reads "
                "such a text as a whole. The target column contains names as the texts have them, not tickers.",
                SentiscoreWarning,
                stacklevel=3,
            )


def _absent(rows: LabelledData) -> int:
    """The number of rows whose text does not mention their target."""
    if rows.mentions is None:
        return 0
    mentions = pl.Series(rows.mentions, dtype=pl.String)
    return int(mentions_of(pl.Series(rows.texts, dtype=pl.String), Targets(mentions, {})).absent.sum())
