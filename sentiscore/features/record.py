"""What the record of a daily file holds: when it was updated, and what was published otherwise than it is now.

The record is a frame. A row without an entity stands for an update: when it was made (`revised_at`), as of which
instant (`as_of`), and the columns and types of the file that it left (`schema`). The other rows are of entities and
sessions that an update changed: with the values that they had before, or without values if they were not there before
although their session was published. Rows of sessions that an update published are not in it, since `available_at` and
`as_of` say which ones those are.
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
    """What an update does to sessions that are published.

    Attributes:
        changed: Rows as they were, where they are not the same any more.
        added: Entity, session and available_at of rows that are new.
        n_late: Those among the new rows that have texts.
    """

    changed: pl.DataFrame
    added: pl.DataFrame
    n_late: int


def changes(old: pl.DataFrame | None, new: pl.DataFrame, published: datetime | None) -> Changes:
    """What is not the same any more in published sessions.

    Args:
        old: The daily file before; None for the first.
        new: The daily file after.
        published: The instant up to which the daily file was brought before; None if it never was.
    """
    if old is None or published is None:
        return Changes(new.clear(), new.clear().select(ROW_KEY), 0)
    if old.schema != new.schema:  # other columns or types: every row is another
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
    """The rows of the record that an update adds, old values among them.

    Args:
        found: What it does to published sessions.
        new: The daily file after.
        made_at: When it was made.
        as_of: The instant up to which it brought the daily file.
    """
    schema = json.dumps({name: str(dtype) for name, dtype in new.schema.items()})
    update = pl.DataFrame({SCHEMA: [schema]}, schema={SCHEMA: pl.String})
    made = (pl.lit(made_at, dtype=_INSTANT).alias(REVISED_AT), pl.lit(as_of, dtype=_INSTANT).alias(AS_OF))
    empty = new.clear().with_columns(*made, pl.lit(None, dtype=pl.String).alias(SCHEMA))
    return joined(empty, update.with_columns(*made), found.added.with_columns(*made), found.changed.with_columns(*made))


def unknown(made_at: datetime) -> pl.DataFrame:
    """The row of a record that says that what was published before an update is not known: `as_of` is null."""
    return pl.DataFrame({REVISED_AT: [made_at], AS_OF: [None]}, schema={REVISED_AT: _INSTANT, AS_OF: _INSTANT})


def joined(*parts: pl.DataFrame) -> pl.DataFrame:
    """Parts of a record, one after the other; entities of different types are text."""
    kinds = {part.schema[KEY[0]] for part in parts if KEY[0] in part.columns}
    kind = kinds.pop() if len(kinds) == 1 else pl.String()  # a part that has updates alone has no entities
    typed = (part.with_columns(pl.col(KEY[0]).cast(kind)) if KEY[0] in part.columns else part for part in parts)
    return pl.concat(typed, how="diagonal_relaxed")


def updates(record: pl.DataFrame) -> pl.DataFrame:
    """The updates that a record knows, in order: revised_at, as_of and schema."""
    return record.filter(pl.col(SCHEMA).is_not_null()).select(UPDATES.names()).sort(REVISED_AT)
