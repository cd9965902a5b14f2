"""Rows that come to a daily file after others: which of them are in it already, and which come too late."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.ids import read_ids, story_keys
from sentiscore.features.placing import PUBLISHED, ScoredColumns, came_later, entities_of
from sentiscore.tables.exact import series_of

REFUSE: Final = "refuse"
DROP: Final = "drop"
ARRIVAL: Final = "arrival"
CHOICES: Final = (REFUSE, DROP, ARRIVAL)


def check_choice(late: str) -> str:
    """Raise an InputError unless this says what is done with late rows."""
    if late not in CHOICES:
        raise InputError(f"late is {late!r}.", f"It has to be {', '.join(CHOICES[:-1])} or {CHOICES[-1]}.")
    return late


@dataclass(frozen=True)
class Open:
    """What is still open when rows are added to a daily file.

    Attributes:
        late: What is done with rows that count for sessions before: see `CHOICES`. Those that are refused are kept,
            since a revision may let them in.
        closed: The position of the last session that is published already.
        first: The position of the first session that closes after the instant of the update.
        instant: That instant, in microseconds since 1970.
    """

    late: str
    closed: int
    first: int
    instant: int


class Arrivals:
    """Sorts out rows that are added to a daily file.

    Args:
        opened: What is still open; None for a daily file that is made from all rows.

    Attributes:
        opened: The same.
        rows: The late rows so far: row, unique_id, at (when it was published) and session_idx, those of the session
            that they count for by that.
        n_repeated: Rows so far without an id that were added before.
    """

    def __init__(self, opened: Open | None) -> None:
        self.opened = opened
        self.rows: list[pl.DataFrame] = []
        self.n_repeated = 0
        self._n_rows = 0

    @property
    def n_late(self) -> int:
        """Late rows so far; a row of several entities is one."""
        return 0 if not self.rows else pl.concat(self.rows)["row"].n_unique()

    def sift(
        self,
        rows: pl.DataFrame,
        n_rows: int,
        known: Callable[[pl.DataFrame], tuple[pl.Series, pl.Series]],
        ids: pl.Series | None,
    ) -> pl.DataFrame:
        """The placed rows that are added.

        Args:
            rows: Placed rows with `row`.
            n_rows: How many rows they were.
            known: Which of some rows were added before, and which change nothing.
            ids: The ids that are known; None if rows have no ids.
        """
        if self.opened is None:
            return rows
        named = pl.lit(value=False) if ids is None else pl.col("id").is_not_null()
        copies, idle = known(rows)
        old = pl.col("_copy") if ids is None else pl.col("_copy") | (named & pl.col("id").is_in(ids.implode()))
        rows = rows.with_columns(_copy=pl.lit(copies) & ~named)
        rows = rows.with_columns(_late=~old & ~pl.lit(idle) & (pl.col("session_idx") <= self.opened.closed))
        whole = rows.group_by("row").agg(pl.col("_copy").all())  # of all of its entities
        self.n_repeated += int(whole["_copy"].sum())
        late = rows.filter("_late")
        if late.height:
            self.rows.append(
                late.select(
                    pl.col("row") + self._n_rows,
                    pl.col("unique_id").cast(pl.String),
                    (pl.coalesce(PUBLISHED, "at") if PUBLISHED in late.columns else pl.col("at")).alias("at"),
                    "session_idx",
                )
            )
        self._n_rows += n_rows
        return self._added(rows.filter(~pl.col("_copy")), self.opened).drop("_copy", "_late")

    def _added(self, rows: pl.DataFrame, opened: Open) -> pl.DataFrame:
        if opened.late == REFUSE or not rows["_late"].any():
            return rows
        in_time, late = rows.filter(~pl.col("_late")), rows.filter("_late")
        if opened.late == DROP:
            return in_time
        moved = late.with_columns(session_idx=pl.lit(opened.first, dtype=late.schema["session_idx"]))
        moved = came_later(moved, pl.lit(opened.instant, dtype=pl.Int64))
        return pl.concat([in_time, moved], how="diagonal")


def unknown_rows(part: pl.DataFrame, columns: ScoredColumns, known: pl.Series) -> pl.DataFrame:
    """The rows whose ids are not among the known ones, so that copies do not count as evidence for a pattern."""
    if columns.id is None or known.is_empty():
        return part
    ids, entities = read_ids(series_of(part, columns.id)), entities_of(part, columns).values
    rows = pl.DataFrame({"id": ids, "entity": entities}).with_row_index("row")
    if entities.dtype.is_nested():
        rows = rows.explode("entity")
    keys = story_keys(rows["id"], rows["entity"])
    new = keys.is_null() | ~keys.is_in(known.implode())
    return part[rows.filter(new)["row"].unique().sort()]
