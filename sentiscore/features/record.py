"""The record of a daily file: when it was updated, and which published values differed from the current ones.

The record is a frame. A row without an entity stands for an update: when it was made (`revised_at`), as of which
instant (`as_of`), and the columns and types of the resulting file (`schema`). The other rows are of entities and
sessions that an update changed: with their previous values, or without values if the row did not exist although its
session was published. Rows of sessions that an update published are not in the record, since `available_at` and `as_of`
identify them.
"""

import json
from datetime import datetime
from typing import Final, NamedTuple

import polars as pl

KEY: Final = ("unique_id", "ds")
REVISED_AT: Final = "revised_at"
AS_OF: Final = "as_of"
SCHEMA: Final = "schema"
ROW_KEY: Final = (*KEY, "session_idx", "available_at")
_INSTANT: Final = pl.Datetime("us", "UTC")

UPDATES: Final = pl.Schema({REVISED_AT: _INSTANT, AS_OF: _INSTANT, SCHEMA: pl.String()})
"""The columns of the rows that stand for updates."""


class Changes(NamedTuple):
    """The changes that an update makes to published sessions.

    Attributes:
        changed: The previous values of rows that differ now.
        added: Entity, session and available_at of new rows.
        n_late: The number of new rows that have texts.
    """

    changed: pl.DataFrame
    added: pl.DataFrame
    n_late: int


def changes(old: pl.DataFrame | None, new: pl.DataFrame, published: datetime | None) -> Changes:
    """Compare published sessions before and after an update.

    Args:
        old: The daily file before the update; None for the first one.
        new: The daily file after it.
        published: The instant up to which sessions were published before the update; None if none were.
    """
    if old is None or published is None:
        return Changes(new.clear(), new.clear().select(ROW_KEY), 0)
    if old.schema != new.schema:  # other columns or types: every row differs
        changed = old
    else:
        values = [name for name in old.columns if name not in KEY]
        pairs = old.join(new, on=KEY, how="left", suffix="_new", maintain_order="left")
        same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_new")) for name in values)
        changed = pairs.filter(~same).select(old.columns)
    added = new.filter(pl.col("available_at") <= published)
    names = pl.col(KEY[0]).cast(pl.String), pl.col(KEY[1])
    added = added.join(old, on=names, how="anti", maintain_order="left")
    return Changes(changed, added.select(ROW_KEY), added.filter(pl.col("n_docs") > 0).height)


def entries(found: Changes, new: pl.DataFrame, *, made_at: datetime, as_of: datetime) -> pl.DataFrame:
    """The rows that an update adds to the record, including old values.

    Args:
        found: The changes that it makes to published sessions.
        new: The daily file after the update.
        made_at: When the update was made.
        as_of: The instant up to which it extends the daily file.
    """
    schema = json.dumps({name: str(dtype) for name, dtype in new.schema.items()})
    update = pl.DataFrame({SCHEMA: [schema]}, schema={SCHEMA: pl.String})
    made = (pl.lit(made_at, dtype=_INSTANT).alias(REVISED_AT), pl.lit(as_of, dtype=_INSTANT).alias(AS_OF))
    empty = new.clear().with_columns(*made, pl.lit(None, dtype=pl.String).alias(SCHEMA))
    return joined(empty, update.with_columns(*made), found.added.with_columns(*made), found.changed.with_columns(*made))


def unknown(made_at: datetime) -> pl.DataFrame:
    """The row of a record with a null `as_of`: what was published before this update is not known."""
    return pl.DataFrame({REVISED_AT: [made_at], AS_OF: [None]}, schema={REVISED_AT: _INSTANT, AS_OF: _INSTANT})


def joined(*parts: pl.DataFrame) -> pl.DataFrame:
    """Concatenate parts of a record; entities of different types become text."""
    kinds = {part.schema[KEY[0]] for part in parts if KEY[0] in part.columns}
    kind = kinds.pop() if len(kinds) == 1 else pl.String()  # a part with only updates has no entities
    typed = (part.with_columns(pl.col(KEY[0]).cast(kind)) if KEY[0] in part.columns else part for part in parts)
    return pl.concat(typed, how="diagonal_relaxed")


def updates(record: pl.DataFrame) -> pl.DataFrame:
    """The updates in a record, in order: revised_at, as_of and schema."""
    return record.filter(pl.col(SCHEMA).is_not_null()).select(UPDATES.names()).sort(REVISED_AT)
