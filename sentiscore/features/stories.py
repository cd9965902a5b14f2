"""Rows that have ids: which of the copies of a text counts.

A text of an entity counts once: as the copy that was there first, so that no later copy can change what was already
known. A row without scores does not use up its id. What an update has published stays as it is, whatever arrives later
with the same id; texts that wait for a session to close are not published yet.

An update that revises lets a corrected text replace the one that counts. The replaced version is kept too: a copy of it
that comes again, as in an export that holds everything, is not another correction.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from sentiscore.features.placing import PUBLISHED, came_later

REPLACED: Final = "replaced"
"""Of a row with an id: whether a corrected version counts instead; null if not."""

_CONTENT: Final = ("text", "q", "label", "u", "w", "t")
_LARGEST: Final = 2**24
"""The number of rows that are added up at once."""


@dataclass(frozen=True)
class Chosen:
    """The rows that count, and how many do not.

    Attributes:
        rows: One row for each text of an entity, and one more if it first appeared without scores.
        replaced: Versions that corrected ones have replaced.
        n_repeated: Added rows that do not count, since another row with the same id does.
        n_corrected: Those among them whose text or time differs from that of the row that counts, and rows that replace
            a waiting one with the same time and another text.
        n_replaced: Added rows that replace a version, in an update that revises.
    """

    rows: pl.DataFrame
    replaced: pl.DataFrame
    n_repeated: int
    n_corrected: int
    n_replaced: int = 0

    @property
    def state(self) -> pl.DataFrame:
        """What is needed to continue later."""
        return pl.concat([self.rows, self.replaced], how="diagonal")

    def parts(self) -> list[pl.DataFrame]:
        """The rows that count, in parts to add up."""
        return list(self.rows.drop("id").iter_slices(_LARGEST))


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
        """Continue from the `state` of what was chosen."""
        self._known = known
        self._chosen = None

    def known_keys(self) -> pl.Series:
        """The ids of earlier updates, as `story_keys` returns them."""
        return pl.Series("id", [], pl.UInt64) if self._known is None else self._known["id"]

    def choose(self, closed: int | None, *, revise: bool = False) -> Chosen:
        """Find the rows that count.

        Args:
            closed: The position of the last session that is published already, if any.
            revise: Whether corrected texts replace the earlier ones.
        """
        if self._chosen is None:
            self._chosen = _choose(self._known, self._added, closed, revise=revise)
        return self._chosen


def notes_on_ids(chosen: Chosen, n_without: int, *, text: bool) -> list[str]:
    """The warnings about rows with ids.

    Args:
        chosen: Which rows count.
        n_without: Rows without an id.
        text: Whether texts are known, in addition to times.
    """
    notes = []
    if n_corrected := chosen.n_corrected:
        rows = "1 row was" if n_corrected == 1 else f"{n_corrected:,} rows were"
        notes.append(
            f"{rows} corrected: {'it has' if n_corrected == 1 else 'they have'} another {'text or ' * text}time than "
            "the row that counts for the same id. The first version counts. Where times are equal, texts and scores "
            "decide which one that is. An update with --revise (revise) lets corrected texts replace earlier ones."
        )
    if n_replaced := chosen.n_replaced:
        rows = "1 row replaces" if n_replaced == 1 else f"{n_replaced:,} rows replace"
        notes.append(f"{rows} an earlier version with the same id, which had another {'text or ' * text}time.")
    if n_without:
        rows = "1 row has" if n_without == 1 else f"{n_without:,} rows have"
        notes.append(f"{rows} no id, or a damaged one; each counts by itself.")
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


def _choose(known: pl.DataFrame | None, added: list[pl.DataFrame], closed: int | None, *, revise: bool) -> Chosen:
    known, replaced, again = _known_apart(known)
    new = pl.concat(added, how="diagonal") if added else None
    n_added = 0 if new is None else new["row"].n_unique()
    if new is not None and replaced.height:
        new = new.with_columns(**_version(new)).join(again, on=again.columns, how="anti", nulls_equal=True)
        new = new.drop(again.columns[1:])
    n_replaced = 0
    if revise and known is not None and new is not None:
        known, new, more, n_replaced = _corrections(known, new, closed)
        replaced = pl.concat([replaced, more], how="diagonal")
    every = _all_rows(known, new)
    if every is None:
        return Chosen(pl.DataFrame(), replaced, 0, 0)
    old = pl.col("row").is_null()
    published = pl.lit(value=False) if closed is None else pl.col("session_idx") <= closed
    several = every["id"].is_duplicated()
    alone, copies = every.filter(~several), _marked(every.filter(several), old, published)
    rows = pl.concat([alone, copies.filter("kept").select(alone.columns)])
    return Chosen(
        rows=rows.drop("row"),
        replaced=replaced,
        n_repeated=max(0, n_added - n_replaced - rows["row"].drop_nulls().n_unique()),
        n_corrected=_corrected(copies, old)["row"].n_unique(),
        n_replaced=n_replaced,
    )


def _known_apart(known: pl.DataFrame | None) -> tuple[pl.DataFrame | None, pl.DataFrame, pl.DataFrame]:
    """The rows that count, those that were replaced, and the id and version of the latter."""
    if known is None or REPLACED not in known.columns:
        return known, pl.DataFrame(), pl.DataFrame()
    replaced = known.filter(REPLACED)
    names = {"id": pl.col("id"), **_version(replaced)}
    return known.filter(pl.col(REPLACED).is_null()).drop(REPLACED), replaced, replaced.select(**names)


def _version(rows: pl.DataFrame) -> dict[str, pl.Expr]:
    """What the versions of a text differ in: when it was published, and a hash of it where texts are known."""
    times = ["at"] if PUBLISHED not in rows.columns else [PUBLISHED, "at"]
    return {"_published": pl.coalesce(times), **({"_text": pl.col("text")} if "text" in rows.columns else {})}


def _corrections(
    known: pl.DataFrame, new: pl.DataFrame, closed: int | None
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, int]:
    """Let corrected texts replace earlier ones.

    The last of the versions that differ from the one that counts replaces it. If that one is not published yet,
    only a version of its session or of an earlier one does: a later one was not known at the cutoff.

    Returns:
        The rows that count, the added ones of other texts, the versions that were replaced, and how many added rows
        replace one.
    """
    names = list(_version(known))
    counting = known.sort("counted", descending=True).unique("id", keep="first", maintain_order=True)
    late = pl.col(PUBLISHED).is_not_null() if PUBLISHED in known.columns else pl.lit(value=False)
    counting = counting.select(
        "id",
        **_version(known),
        before="session_idx",
        least=pl.when(late).then("session_idx"),
        came=pl.when(late).then("at"),
    )
    pairs = new.with_columns(**_version(new)).join(counting, on="id", how="inner", suffix="_before")
    other = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_before")) for name in names)
    published = pl.lit(value=False) if closed is None else pl.col("before") <= closed
    pairs = pairs.filter("counted", other, published | (pl.col("session_idx") <= pl.col("before")))
    pairs = pairs.sort("_published", "row")
    winners = pairs.unique("id", keep="last", maintain_order=True)
    # a text that arrived late did so in each of its versions
    fixed = came_later(winners, pl.col("came")).with_columns(session_idx=pl.max_horizontal("session_idx", "least"))
    others = pairs.join(winners, on=["id", *names], how="anti", nulls_equal=True)
    corrected = pl.col("id").is_in(winners["id"].implode())
    columns = [name for name in fixed.columns if name in known.columns or name == PUBLISHED]
    gone = pl.concat(
        [known.filter(corrected), others.select(name for name in known.columns if name in others.columns)],
        how="diagonal",
    )
    return (
        pl.concat([known.filter(~corrected), fixed.select(columns)], how="diagonal"),
        new.filter(~corrected),
        gone.with_columns(pl.lit(value=True).alias(REPLACED)),
        winners["row"].n_unique(),
    )


def _all_rows(known: pl.DataFrame | None, new: pl.DataFrame | None) -> pl.DataFrame | None:
    """All rows; those of earlier updates have no row number."""
    if known is None:
        return new
    before = known.with_columns(row=pl.lit(None, dtype=pl.Int64))
    return before if new is None else pl.concat([before, new], how="diagonal")


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
    compared = list(_version(copies))
    copies = copies.with_columns(**_version(copies))
    counting = copies.filter("kept").unique("id", keep="last", maintain_order=True).select("id", "row", *compared)
    left = copies.filter(~pl.col("kept")).join(counting, on="id", how="left", suffix="_kept")
    other = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_kept")) for name in compared)
    later = old & (pl.col("_published") != pl.col("_published_kept"))
    return left.filter(other & ~later).with_columns(pl.coalesce("row", "row_kept")).drop_nulls("row")
