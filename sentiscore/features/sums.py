"""Placed rows in any order and any parts -> exact sums for each entity and session.

All sums are of integers, so they do not depend on the order of addition. If equal texts matter, a hash of each text is
kept, and all its 64 bits are compared, whatever other rows there are. Only texts of one entity are compared, and for
n_unique only those of one session. Among n distinct texts, two have the same hash with a probability of about
n**2 / 2**65 (the birthday bound): 1 in 37 million for a million texts, 1 in 370,000 for ten million.

Internally, an entity and a session are one integer, a key, which is much faster to group by than a name and a number.
"""

from typing import Final, Self

import polars as pl

from sentiscore.features.bins import MIDDLE, SESSIONS, Bins, Grid
from sentiscore.features.placing import PUBLISHED
from sentiscore.features.scores import WEIGHT_SCALE
from sentiscore.labels import NEGATIVE, NEUTRAL, POSITIVE

KEYS: Final = ("unique_id", "session_idx")
TOTALS: Final = (
    *("weight", "total", "squares", "w_positive", "w_negative", "w_neutral", "unsure", "w_unsure"),
    *("tone", "tone_squares", "w_tone"),
)
"""Sums over the counted texts, in addition to n_docs: of the weights w; of w times sentiment, and times its square; of
the weights by label; of w times uncertainty, and of the weights of texts whose uncertainty is known; of w times tone,
and times its square, and of the weights of texts whose tone is known."""

_TEXT: Final = ("text", "at", "q", "label", "u")
_HASHES: Final = 2**64
_COMPACT_VALUES: Final = 32_000_000


class Sums:
    """Sums of rows that come in parts.

    Args:
        repeats: What happens to repeated texts: "keep", "drop" or "discount".
        within: For how many microseconds a text counts as a repeat of an equal one.
        weighted: Whether rows have their own weights.
        texts: Whether equal texts are recognised.
    """

    def __init__(self, *, repeats: str, within: int, weighted: bool, texts: bool) -> None:
        self._repeats = repeats
        self._within = within
        self._weighted = weighted or repeats == "discount"
        self._scale = 1 if weighted else WEIGHT_SCALE
        self._texts = texts
        self._names = _Names()
        self._bins: Bins | None = None
        self._sparse = False
        self._sums: list[pl.DataFrame] = []
        self._seen: list[pl.DataFrame] = []
        self._n_seen = 0
        self._before: tuple[pl.DataFrame, pl.DataFrame | None] | None = None

    def add(self, rows: pl.DataFrame) -> None:
        """Add placed rows, fewer than 2**28 at a time."""
        keyed = rows.drop(KEYS).with_columns(key=self._names.keys(rows["unique_id"], rows["session_idx"]))
        if self._weighted and "w" not in keyed.columns:
            keyed = keyed.with_columns(w=pl.lit(1, dtype=pl.Int64))
        counted = keyed if keyed["counted"].all() else keyed.filter("counted")
        if self._repeats == "keep":
            self._add_sums(keyed)
            if self._texts:
                self._seen.append(counted.select("key", "text", "at", *_came_later(counted)))
                self._n_seen += counted.height
        else:
            # a session that has only texts without scores still extends the span of its entity
            self._add_sums(keyed.filter(~pl.col("counted")))
            weights = ["w"] if self._weighted else []
            self._seen.append(counted.select("key", *_TEXT, *weights, "t", *_came_later(counted)))
        if self._repeats == "keep" and _grown(self._seen):
            self._seen = [_distinct(_one(self._seen))]

    def known(self, rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        """Which placed rows are equal in entity, time and text to restored ones, and which change nothing.

        The latter have no scores, and their entity has rows of their session or of an earlier one.
        """
        never = pl.repeat(value=False, n=rows.height, dtype=pl.Boolean, eager=True)
        if self._before is None:
            return never, never
        firsts, seen = self._before
        keyed = rows.with_columns(
            entity=self._names.keys(rows["unique_id"], rows["session_idx"]) // SESSIONS,
            when=pl.coalesce(*_came_later(rows), "at"),
        )
        first = keyed.select("entity").join(firsts, on="entity", how="left", maintain_order="left")["first"]
        idle = ~rows["counted"] & (rows["session_idx"] >= first).fill_null(value=False)
        if seen is None:
            return never, idle
        alike = seen.filter(pl.col("text").is_in(rows["text"].unique().implode()))
        alike = alike.select(
            "text",
            entity=pl.col("key") // SESSIONS,
            when=pl.coalesce(*_came_later(seen), "at"),
            known=pl.lit(value=True),
        )
        on = ("entity", "text", "when")
        found = keyed.select(on).join(alike.unique(on), on=on, how="left", maintain_order="left")["known"]
        return rows["counted"] & found.fill_null(value=False), idle

    def _add_sums(self, keyed: pl.DataFrame) -> None:
        """Add to the sums: in arrays while the keys are dense, otherwise by grouping."""
        if not self._weighted and keyed.height and not self._sparse:
            grid = Grid.of(keyed["key"], None if self._bins is None else self._bins.grid)
            if grid is not None:
                self._bins = Bins(grid) if self._bins is None else self._bins.moved(grid)
                self._bins.add(keyed)
                return
            self._sparse = True
        self._sums.append(_sum(keyed, weighted=self._weighted))
        if _grown(self._sums):
            self._sums = [_add_up(self._sums)]

    def join(self, other: "Sums") -> None:
        """Add the sums of other rows; they must have been made by `empty_like`."""
        self._sums += [other._whole()]
        self._seen += other._seen
        self._n_seen += other._n_seen

    def empty_like(self) -> "Sums":
        """Empty sums of the same kind and with the same names."""
        other = Sums(repeats=self._repeats, within=self._within, weighted=False, texts=self._texts)
        other._weighted, other._scale, other._names = self._weighted, self._scale, self._names
        return other

    def _whole(self) -> pl.DataFrame:
        """All sums in one frame."""
        parts = [*self._sums, *([] if self._bins is None else [self._bins.frame().select("key", "n_docs", *TOTALS)])]
        self._bins = None
        self._sums = [_add_up(parts)]
        return self._sums[0]

    def totals(self) -> pl.DataFrame:
        """One row for each entity and session that has rows: the keys, n_docs, n_unique, effective and the sums.

        n_unique is null if equal texts are not recognised. effective is how many texts a session's texts count as, in
        steps of 1 / 2**20: n_docs, or if repeats are discounted, the sum of their shares.
        """
        totals = self._whole()
        self._seen = [_one(self._seen)] if self._seen else []
        distinct = None
        effective = None
        if self._repeats != "keep":
            texts = weigh(self._seen[0], self._repeats, self._within, self._scale)
            totals = _add_up([totals, _sum(texts, weighted=self._weighted)])
            counted = texts.filter("counted")
            distinct = _count_distinct(counted)
            if self._repeats == "discount":
                effective = counted.group_by("key").agg(effective=pl.col("share").sum())
        elif self._texts:
            self._seen = [_distinct(self._seen[0])]
            distinct = _count_distinct(self._seen[0].select("key", "text"))
        if distinct is None:
            totals = totals.with_columns(n_unique=pl.lit(None, dtype=pl.Int64))
        else:
            totals = totals.join(distinct, on="key", how="left").with_columns(pl.col("n_unique").fill_null(0))
        if effective is None:
            totals = totals.with_columns(effective=pl.col("n_docs") * WEIGHT_SCALE)
        else:
            totals = totals.join(effective, on="key", how="left").with_columns(pl.col("effective").fill_null(0))
        return self._names.named(totals)

    def state(self) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        """What is needed to continue later: the sums, and what is kept of single texts."""
        sums = self._whole()
        if self._seen:
            whole = _one(self._seen)
            self._seen = [_distinct(whole) if self._repeats == "keep" else whole]
        return self._names.named(sums), (self._names.named(self._seen[0]) if self._seen else None)

    def restore(self, sums: pl.DataFrame, seen: pl.DataFrame | None) -> Self:
        """Continue from a state."""

        def keyed(frame: pl.DataFrame) -> pl.DataFrame:
            keys = self._names.keys(frame["unique_id"], frame["session_idx"])
            return frame.drop(KEYS).insert_column(0, keys.alias("key"))

        self._sums = [keyed(sums)]
        self._seen = [] if seen is None else [keyed(seen)]
        self._n_seen = 0 if seen is None else seen.height
        entity = pl.col("key") // SESSIONS
        firsts = self._sums[0].group_by(entity=entity).agg(first=pl.col("key").min() % SESSIONS - MIDDLE)
        self._before = firsts, None if seen is None else self._seen[0]
        return self

    @property
    def n_copies(self) -> int:
        """Added texts that are equal to others in entity, time and text, known after `totals`; each counts."""
        return self._n_seen - self._seen[0].height if self._repeats == "keep" and self._seen else 0


class _Names:
    """Entities <-> their integer codes, which are valid as long as this object exists."""

    def __init__(self) -> None:
        self._kind = pl.Categorical(pl.Categories.random())
        self._alive = pl.Series([""], dtype=self._kind)  # names are forgotten with the last series that has them
        self._dtype: pl.DataType | None = None
        self._known: list[pl.DataFrame] = []

    def keys(self, entity: pl.Series, session: pl.Series) -> pl.Series:
        """One integer for each entity and session."""
        self._dtype = self._dtype or entity.dtype
        text = entity if entity.dtype == pl.String else entity.cast(pl.String)
        codes = text.cast(self._kind).to_physical()
        if entity.dtype != pl.String:
            names = pl.DataFrame({"code": codes, "unique_id": entity}).unique("code")
            self._known = [pl.concat([*self._known, names]).unique("code")]
        return codes.cast(pl.Int64) * SESSIONS + (session.cast(pl.Int64) + MIDDLE)

    def named(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The same rows with unique_id and session_idx instead of the key."""
        code = (pl.col("key") // SESSIONS).cast(pl.UInt32)
        found = frame.select(
            code.alias("code"),
            (pl.col("key") % SESSIONS - MIDDLE).cast(pl.Int32).alias("session_idx"),
            pl.exclude("key"),
        )
        if self._known:
            found = found.join(self._known[0], on="code", how="left", maintain_order="left")
        else:
            found = found.with_columns(unique_id=pl.col("code").cat.to(self._kind).cast(pl.String))
        return found.select(*KEYS, pl.exclude("code", *KEYS))


def _came_later(rows: pl.DataFrame) -> list[str]:
    """The column of when rows were published, if some of them came later than that."""
    return [PUBLISHED] if PUBLISHED in rows.columns and rows[PUBLISHED].null_count() < rows.height else []


def _one(seen: list[pl.DataFrame]) -> pl.DataFrame:
    """All parts of what is kept of texts, in one frame."""
    return pl.concat(seen, how="diagonal")


def _grown(parts: list[pl.DataFrame]) -> bool:
    """Whether new parts outweigh what was merged before, so that merging is only done a few times."""
    new = sum(part.height for part in parts[1:])
    return len(parts) > 1 and new > max(_COMPACT_VALUES // len(parts[0].columns), parts[0].height)


def _sum(rows: pl.DataFrame, *, weighted: bool) -> pl.DataFrame:
    """The sums of rows for each key."""
    rows = rows if weighted else rows.with_columns(w=pl.lit(1, dtype=pl.Int64))
    kept = pl.col("counted")
    q, u, t, w = (pl.when(kept).then(pl.col(name)).cast(pl.Int128) for name in ("q", "u", "t", "w"))
    return (
        rows.lazy()
        .group_by("key")
        .agg(
            kept.sum().cast(pl.Int64).alias("n_docs"),
            w.sum().alias("weight"),
            (w * q).sum().alias("total"),
            (w * (q * q)).sum().alias("squares"),
            *(
                pl.when(pl.col("label") == name).then(w).sum().alias(f"w_{name}")
                for name in (POSITIVE, NEGATIVE, NEUTRAL)
            ),
            (w * u).sum().alias("unsure"),
            pl.when(u.is_not_null()).then(w).sum().alias("w_unsure"),
            (w * t).sum().alias("tone"),
            (w * (t * t)).sum().alias("tone_squares"),
            pl.when(t.is_not_null()).then(w).sum().alias("w_tone"),
        )
        .collect(engine="streaming")
    )


def _add_up(sums: list[pl.DataFrame]) -> pl.DataFrame:
    if len(sums) == 1:
        return sums[0]
    return pl.concat(sums).lazy().group_by("key").agg(pl.col("n_docs", *TOTALS).sum()).collect(engine="streaming")


def _distinct(seen: pl.DataFrame) -> pl.DataFrame:
    """The distinct texts of each key, and their times if there are any."""
    return seen.lazy().unique().collect(engine="streaming")


def _count_distinct(seen: pl.DataFrame) -> pl.DataFrame:
    """How many distinct texts each key has."""
    # A key and a full hash are one number of 128 bits: sorting such numbers is faster than grouping by two columns.
    joint = pl.col("key").cast(pl.Int128) * _HASHES + pl.col("text").cast(pl.Int128)
    ordered = seen.select(joint=joint).to_series().sort().to_frame()
    distinct = ordered.filter(pl.col("joint").ne_missing(pl.col("joint").shift()))
    keys = distinct.select((pl.col("joint") // _HASHES).cast(pl.Int64)).to_series()
    return keys.rle().struct.unnest().select(key="value", n_unique=pl.col("len").cast(pl.Int64))


def weigh(seen: pl.DataFrame, repeats: str, within: int, scale: int) -> pl.DataFrame:
    """Add to texts whether they count, and if repeats are discounted, their weight and share.

    A text is a repeat if the same entity had an equal one less than `within` earlier. Of equal texts of one instant one
    counts as the first; if their scores differ, it is the one that sorts first, so that the order of the rows does not
    matter.

    A discounted repeat counts as the share of `within` that has passed since the previous equal text, in steps of
    1 / 2**20. A share that rounds to zero does not count: copies of one instant, and with three days those within 0.12
    seconds. Other weights are multiplied by the share and rounded to steps too, and are at least one.
    """
    ordered = seen.with_columns(entity=pl.col("key") // SESSIONS)
    ordered = ordered.sort("entity", *_TEXT, *(["w"] if "w" in seen.columns else []), "t")
    same = (pl.col("entity") == pl.col("entity").shift()) & (pl.col("text") == pl.col("text").shift())
    gap = pl.col("at") - pl.col("at").shift()
    rows = ordered.with_columns(gap=pl.when(same.fill_null(value=False)).then(gap).otherwise(within).clip(0, within))
    if repeats == "drop":
        return rows.with_columns(counted=pl.col("gap") >= within)
    share = (pl.col("gap").cast(pl.Float64) / within * WEIGHT_SCALE).round().cast(pl.Int64)
    left = (pl.col("w") * scale * pl.col("share") + WEIGHT_SCALE // 2) // WEIGHT_SCALE
    return rows.with_columns(share=share).with_columns(w=left.clip(lower_bound=1), counted=pl.col("share") > 0)
