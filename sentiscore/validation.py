"""Validates a frame from the user in the same way as frames that sentiscore makes."""

from typing import Final

import polars as pl

from sentiscore import contracts
from sentiscore.errors import InputError

_BY_NAME: Final = {"scored": contracts.SCORED_ROWS, "daily": contracts.DAILY_FEATURES}


def validate(frame: pl.DataFrame, kind: str, *, full: bool = False) -> pl.DataFrame:
    """Return the frame itself if it has the form that scoring or the daily features give it.

    Args:
        frame: Scored rows or daily features.
        kind: "scored" or "daily".
        full: Have pandera check it against the models of `sentiscore.schemas`, which takes a second longer and needs
            the extra `validate`. Both ways accept and refuse the same frames.

    Raises:
        InputError: The kind does not exist, or the frame is not a polars DataFrame.
        MissingExtraError: `full`, and pandera is not installed.
        ValidationError: It does not; the message names each failing check and counts its rows.
    """
    if kind not in _BY_NAME:
        raise InputError(f"There is no kind of frame {kind!r}.", f"Kinds are: {', '.join(_BY_NAME)}.")
    contract = _BY_NAME[kind]
    if not full:
        return contracts.check(frame, contract)
    from sentiscore import schemas

    return schemas.validate(frame, getattr(schemas, contract.name))
