"""Validates a frame from the user in the same way as frames that sentiscore makes."""

from typing import Final

from sentiscore import contracts
from sentiscore.errors import InputError
from sentiscore.frames import Frame, opened

_BY_NAME: Final = {"scored": contracts.SCORED_ROWS, "daily": contracts.DAILY_FEATURES}


def validate(frame: Frame, kind: str, *, full: bool = False) -> Frame:
    """Return the frame itself if it has the form that scoring or the daily features give it.

    Args:
        frame: Scored rows or daily features, in a frame of polars or of another library that narwhals knows, which
            needs the extra `frames`.
        kind: "scored" or "daily".
        full: Have pandera check it against the models of `sentiscore.schemas`, which takes a second longer and needs
            the extra `validate`. Both ways accept and refuse the same frames.

    Raises:
        InputError: The kind does not exist, or the frame is none, or cannot be read.
        MissingExtraError: `full`, and pandera is not installed; or the frame is not one of polars, and narwhals is not.
        ValidationError: It does not; the message names each failing check and counts its rows.
    """
    if kind not in _BY_NAME:
        raise InputError(f"There is no kind of frame {kind!r}.", f"Kinds are: {', '.join(_BY_NAME)}.")
    contract = _BY_NAME[kind]
    given = opened(frame, "The frame")
    schema = given.schema
    types = {name: column.dtype for column in contract.columns for name in column.names(schema)}
    named = {*types, *contract.unique}
    rows = opened(frame, "The frame", types).read([name for name in schema if name in named])
    if full:
        from sentiscore import schemas

        schemas.validate(rows, getattr(schemas, contract.name))
    else:
        contracts.check(rows, contract)
    return frame
