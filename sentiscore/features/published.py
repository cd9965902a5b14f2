"""A daily file and its revisions -> the daily file as it was at an instant."""

import json
from datetime import datetime
from typing import Final

import polars as pl

from sentiscore.contracts import check_frame
from sentiscore.errors import InputError
from sentiscore.features.record import AS_OF, KEY, REVISED_AT, ROW_KEY, SCHEMA, joined, updates
from sentiscore.features.times import parse_instant, write_instant

_NAME: Final = "name"


def as_published(daily: pl.DataFrame, revisions: pl.DataFrame | None, at: str | datetime) -> pl.DataFrame:
    """The daily features as they were at an instant: what a model could read then.

    This is what the last update made at or before the instant left, to the last bit and
    without the rows that did not exist yet. If the instant is before the first update was made, an update
    counts as made at its `as_of`. So any night of a replayed history, with one update for each
    past night, can be restored.

    Args:
        daily: The daily file as it is now, all of it.
        revisions: The file NAME.revisions.parquet next to it. None, or a frame without rows, if that file
            does not exist because nothing was ever revised: then a session counts as published from its `available_at`
            on.
        at: The instant: a time with a zone, or ISO 8601 text with an offset.

    Returns:
        The rows of the daily file at that instant, in its order and with its columns and types; no rows if there was
        no daily file yet.

    Raises:
        InputError: The frames do not belong together, or the revisions do not go back that far.
    """
    check_frame(daily, "The daily features")
    instant = parse_instant(at, "at")
    _require(daily, (*ROW_KEY, "n_docs"), "The daily features", "Give the whole frame that features --update wrote.")
    _check_instants(daily, "available_at", "The daily features")
    if revisions is not None:
        check_frame(revisions, "The revisions")
    if revisions is None or revisions.is_empty():
        return daily.filter(pl.col("available_at") <= instant)
    hint = "Give the whole file NAME.revisions.parquet that is beside the daily file."
    _require(revisions, (*ROW_KEY, "n_docs", REVISED_AT), "The revisions", hint)
    for name in {REVISED_AT, AS_OF, "available_at"} & set(revisions.columns):
        _check_instants(revisions, name, "The revisions")
    done = _updates_until(daily, revisions, instant)
    if done.is_empty():
        return daily.clear()
    made_at, as_of, schema = done.row(-1)
    later = _named(revisions.filter(pl.col(REVISED_AT) > made_at, pl.col(KEY[0]).is_not_null()))
    # the first change of a row after that update has the values that it left; without values, there was no row
    first = later.sort(REVISED_AT, maintain_order=True).unique((_NAME, KEY[1]), keep="first", maintain_order=True)
    kept = _named(daily).join(first, on=(_NAME, KEY[1]), how="anti")
    back = first.filter(pl.col("n_docs").is_not_null())
    rows = joined(kept, back).filter(pl.col("available_at") <= as_of)
    return _typed(rows, json.loads(schema)).sort(KEY[0], "session_idx")


def _require(frame: pl.DataFrame, columns: tuple[str, ...], what: str, hint: str) -> None:
    if missing := [name for name in columns if name not in frame.columns]:
        raise InputError(f"{what} lack {', '.join(missing)}.", hint)


def _check_instants(frame: pl.DataFrame, column: str, what: str) -> None:
    dtype = frame.schema[column]
    if not isinstance(dtype, pl.Datetime) or dtype.time_zone is None:
        raise InputError(
            f"{what} have {dtype} in the column {column!r}, which is no instant.",
            "Give the frame as it is in the parquet file, with times that have a zone.",
        )


def _updates_until(daily: pl.DataFrame, revisions: pl.DataFrame, instant: datetime) -> pl.DataFrame:
    """The updates that had been made at an instant, in order."""
    if not {AS_OF, SCHEMA} <= set(revisions.columns):
        raise InputError(
            "These revisions were written by a version of sentiscore that did not record its updates, so what was "
            "published at an instant cannot be rebuilt from them.",
            "They can be read as they are: values before each revised_at. The next update that changes published rows "
            "begins the record.",
        )
    known = updates(revisions)
    begin = revisions.filter(pl.col(AS_OF).is_null())[REVISED_AT].max()  # what was before it is not known
    if begin is not None:
        known = known.filter(pl.col(REVISED_AT) >= begin)
    if known.is_empty() or (daily["available_at"] > known[-1, AS_OF]).any():
        raise InputError(
            "The revisions do not know of the update that the daily features are of.",
            "Give the daily file and the revisions as they are beside each other.",
        )
    replayed = begin is None and instant < known[0, REVISED_AT]
    done = known.filter(pl.col(AS_OF if replayed else REVISED_AT) <= instant)
    if done.is_empty() and begin is not None:
        raise InputError(
            f"What was published at {write_instant(instant)} is not known: the record begins with the update of "
            f"{write_instant(known[0, REVISED_AT])}, as of {write_instant(known[0, AS_OF])}.",
            "Ask for a later instant, or take revisions from a backup.",
        )
    return done


def _named(rows: pl.DataFrame) -> pl.DataFrame:
    """The same rows with their entity as text, which does not depend on the type that it has in a file."""
    return rows.with_columns(pl.col(KEY[0]).cast(pl.String).alias(_NAME))


def _typed(rows: pl.DataFrame, schema: dict[str, str]) -> pl.DataFrame:
    """The columns that the daily file had, in the types that it had them in."""
    lost = {name: dtype for name, dtype in schema.items() if name not in rows.columns}  # the file has no rows
    rows = rows.with_columns(pl.lit(None, dtype=getattr(pl, dtype)).alias(name) for name, dtype in lost.items())
    kind = getattr(pl, schema[KEY[0]], None)  # entities are all that may have had another type
    named = pl.col(KEY[0]) if kind is None else pl.col(KEY[0]).cast(kind)
    return rows.select(list(schema)).with_columns(named)
