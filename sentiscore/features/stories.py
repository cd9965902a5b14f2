"""Rows that have ids: which of the copies of a text counts.

A text of an entity counts once: as the copy that was published first, so that no later copy can change what was already
known. A row without scores does not use up its id. What an update has published stays as it is, whatever arrives later
with the same id; texts that wait for a session to close are not published yet.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

_CONTENT: Final = ("text", "q", "label", "u", "w", "t")
_LARGEST: Final = 2**24
"""The number of rows that are added up at once."""


@dataclass(frozen=True)
class Chosen:
    """The rows that count, and how many do not.

    Attributes:
        rows: One row for each text of an entity, and one more if it first appeared without scores.
        n_repeated: Added rows that do not count, since another row with the same id does.
        n_corrected: Those among them whose text or time differs from that of the row that counts, and rows that replace
            a waiting one with the same time and another text.
        n_late: Added rows that count for a published session.
    """

    rows: pl.DataFrame
    n_repeated: int
    n_corrected: int
    n_late: int


class Stories:
    """Collects the rows that have ids, in any order and in any parts."""

    def __init__(self) -> None:
        self._known: pl.DataFrame | None = None
        self._added: list[pl.DataFrame] = []
        self._n_added = 0
        self._chosen: Chosen | None = None

    def add(self, parts: list[pl.DataFrame]) -> None:
        """Add placed rows that have ids; each part has different rows of the input."""
        for part in parts:
            self._added.append(part.with_columns(pl.col("row") + self._n_added))
            self._n_added += int(part["row"].max() or 0) + 1  # type: ignore[arg-type]
        self._chosen = None

    def restore(self, known: pl.DataFrame) -> None:
        """Continue from the result of `state`."""
        self._known = known
        self._chosen = None

    def known_keys(self) -> pl.Series:
        """The ids of earlier updates, as `story_keys` returns them."""
        return pl.Series("id", [], pl.UInt64) if self._known is None else self._known["id"]

    def choose(self, closed: int | None) -> Chosen:
        """Find the rows that count.

        Args:
            closed: The position of the last session that is published already, if any.
        """
        if self._chosen is None:
            self._chosen = _choose(self._known, self._added, closed)
        return self._chosen

    def state(self, closed: int | None) -> pl.DataFrame:
        """What is needed to continue later: the rows that count."""
        return self.choose(closed).rows

    def parts(self, closed: int | None) -> list[pl.DataFrame]:
        """The rows that count, in parts to add up."""
        return list(self.choose(closed).rows.drop("id").iter_slices(_LARGEST))


def notes_on_ids(n_corrected: int, n_without: int, *, text: bool) -> list[str]:
    """The warnings about rows with ids.

    Args:
        n_corrected: Rows that differ from the one that counts for their id.
        n_without: Rows without an id.
        text: Whether texts are known, in addition to times.
    """
    notes = []
    if n_corrected:
        rows = "1 row was" if n_corrected == 1 else f"{n_corrected:,} rows were"
        notes.append(
            f"{rows} corrected: {'it has' if n_corrected == 1 else 'they have'} another {'text or ' * text}time than "
            "the row that counts for the same id. The first version counts. Where times are equal, texts and scores "
            "decide which one that is."
        )
    if n_without:
        rows = "1 row has" if n_without == 1 else f"{n_without:,} rows have"
        notes.append(f"{rows} no id, or a damaged one; each counts by itself, also if it comes again.")
    return notes


def notes_on_copies(n: int) -> list[str]:
    """The warnings about rows without ids.

    Args:
        n: Rows that are equal in entity, time and text to earlier rows.
    """
    if not n:
        return []
    rows, was = ("1 row is", "it was") if n == 1 else (f"{n:,} rows are", "each was")
    return [
        f"{rows} equal in entity, time and text to rows before; {was} counted. Name a column of ids with --id-col "
        "(id_col), which counts an id once, or drop repeats with --repeats drop."
    ]


def split(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Placed rows with an id, and those without one in the form in which they are added up."""
    has = pl.col("id").is_not_null()
    return rows.filter(has), rows.filter(~has).drop("id", "row")


def _choose(known: pl.DataFrame | None, added: list[pl.DataFrame], closed: int | None) -> Chosen:
    every = _all_rows(known, added)
    if every is None:
        return Chosen(pl.DataFrame(), 0, 0, 0)
    old = pl.col("row").is_null()
    published = pl.lit(value=False) if closed is None else pl.col("session_idx") <= closed
    several = every["id"].is_duplicated()
    alone, copies = every.filter(~several), _marked(every.filter(several), old, published)
    rows = pl.concat([alone, copies.filter("kept").select(alone.columns)])
    return Chosen(
        rows=rows.drop("row"),
        n_repeated=every["row"].drop_nulls().n_unique() - rows["row"].drop_nulls().n_unique(),
        n_corrected=_corrected(copies, old)["row"].n_unique(),
        n_late=rows.filter(~old & published)["row"].n_unique(),
    )


def _all_rows(known: pl.DataFrame | None, added: list[pl.DataFrame]) -> pl.DataFrame | None:
    """All rows; those of earlier updates have no row number."""
    new = pl.concat(added) if added else None
    if known is None:
        return new
    before = known.with_columns(row=pl.lit(None, dtype=pl.Int64))
    return before if new is None else pl.concat([before.select(new.columns), new])


def _marked(copies: pl.DataFrame, old: pl.Expr, published: pl.Expr) -> pl.DataFrame:
    """Sort rows that share their ids by precedence, and mark the ones that are kept."""
    copies = copies.with_columns(fixed=old & published, known=old.any().over("id"))
    copies = copies.with_columns(
        out=pl.col("known") & ~old & published
    )  # a new copy of a known text does not count for a published session
    order = ["id", "out", "fixed", "at", "counted", *(name for name in _CONTENT if name in copies.columns)]
    copies = copies.sort(order, descending=[name in ("fixed", "counted") for name in order])
    first = (pl.col("id") != pl.col("id").shift()).fill_null(value=True)
    first_scored = pl.col("counted") & (pl.col("counted").cast(pl.Int64).cum_sum().over("id") == 1)
    return copies.with_columns(kept=first | (first_scored & ~pl.col("out")))


def _corrected(copies: pl.DataFrame, old: pl.Expr) -> pl.DataFrame:
    """Added rows that differ from the row that counts for their id, or from a waiting one that they replace.

    A row with an earlier time than the waiting one is the first version, so it is not a correction.
    """
    compared = [name for name in ("at", "text") if name in copies.columns]
    counting = copies.filter("kept").unique("id", keep="last", maintain_order=True).select("id", "row", *compared)
    left = copies.filter(~pl.col("kept")).join(counting, on="id", how="left", suffix="_kept")
    other = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_kept")) for name in compared)
    later = old & (pl.col("at") != pl.col("at_kept"))
    return left.filter(other & ~later).with_columns(pl.coalesce("row", "row_kept")).drop_nulls("row")
