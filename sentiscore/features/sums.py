"""Placed rows in any order and any parts -> exact sums for each entity and session.

All sums are of whole numbers, which do not depend on the order in which they are added. Where equal texts matter,
what is kept of a text is a hash of 64 bits: two of ten million texts have the same one with a chance of 1 in 370,000.

Inside, an entity and a session are one whole number, a key, which is much faster to group by than a name and a number.
"""

from typing import Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore.features.placing import SCALE, SCALE_BITS, WEIGHT_SCALE
from sentiscore.labels import NEGATIVE, NEUTRAL, POSITIVE

KEYS: Final = ("unique_id", "session_idx")
TOTALS: Final = ("weight", "total", "squares", "w_positive", "w_negative", "w_neutral", "unsure", "w_unsure")
"""Sums over the counted texts, beside n_docs: of the weights w; of w times sentiment, and times its square; of the
weights by label; of w times uncertainty, and of the weights of texts whose uncertainty is known."""

_TEXT: Final = ("text", "at", "q", "label", "u")
_COMPACT_ROWS: Final = 4_000_000
_SESSION: Final = 2**32
_MIDDLE: Final = 2**31
_DENSE_BINS: Final = 2**23
_DENSE_ROWS: Final = 2**28
"""Sums of so many rows in floating point are still exact: 2**28 * 2**24 < 2**53."""

Ints = npt.NDArray[np.int64]


class Sums:
    """Sums of rows that come in parts.

    Args:
        repeats: What is done with repeated texts: "keep", "drop" or "discount".
        within: For how many microseconds a text counts as a repeat of an equal one.
        weighted: Whether rows have weights of their own.
        texts: Whether equal texts are told.
    """

    def __init__(self, *, repeats: str, within: int, weighted: bool, texts: bool) -> None:
        self._repeats = repeats
        self._within = within
        self._weighted = weighted or repeats == "discount"
        self._scale = WEIGHT_SCALE if not weighted and repeats == "discount" else 1
        self._texts = texts
        self._names = _Names()
        self._sums: list[pl.DataFrame] = []
        self._seen: list[pl.DataFrame] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Add placed rows."""
        keyed = rows.drop(KEYS).with_columns(key=self._names.keys(rows["unique_id"], rows["session_idx"]))
        if self._weighted and "w" not in keyed.columns:
            keyed = keyed.with_columns(w=pl.lit(1, dtype=pl.Int64))
        all_counted = bool(keyed["counted"].all())
        counted = keyed if all_counted else keyed.filter("counted")
        if self._repeats == "keep":
            self._sums.append(_sum(keyed, weighted=self._weighted))
            if self._texts:
                self._seen.append(counted.select("key", "text"))
        else:
            # a session that had only texts without scores stays in the span of its entity
            self._sums.append(_sum(keyed.filter(~pl.col("counted")), weighted=self._weighted))
            self._seen.append(counted.select("key", *_TEXT, *(["w"] if self._weighted else [])))
        if _grown(self._sums):
            self._sums = [_add_up(self._sums)]
        if self._repeats == "keep" and _grown(self._seen):
            self._seen = [_distinct(pl.concat(self._seen))]

    def totals(self) -> pl.DataFrame:
        """One row for each entity and session that has rows: the keys, n_docs, n_unique and the sums.

        n_unique is null where equal texts are not told.
        """
        self._sums = [_add_up(self._sums)]
        self._seen = [pl.concat(self._seen)] if self._seen else []
        totals = self._sums[0]
        distinct = None
        if self._repeats != "keep":
            weighed = _weigh(self._seen[0], self._repeats, self._within, self._scale)
            totals = _add_up([totals, _sum(weighed, weighted=self._weighted)])
            distinct = _count_distinct(weighed.filter("counted").select("key", "text"))
        elif self._texts:
            distinct = _count_distinct(self._seen[0])
        if distinct is None:
            totals = totals.with_columns(n_unique=pl.lit(None, dtype=pl.Int64))
        else:
            totals = totals.join(distinct, on="key", how="left").with_columns(pl.col("n_unique").fill_null(0))
        return self._names.named(totals)

    def state(self) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        """What is needed to go on later: the sums, and what is kept of single texts."""
        self._sums = [_add_up(self._sums)]
        if self._seen:
            whole = pl.concat(self._seen)
            self._seen = [_distinct(whole) if self._repeats == "keep" else whole]
        return self._names.named(self._sums[0]), (self._names.named(self._seen[0]) if self._seen else None)

    def restore(self, sums: pl.DataFrame, seen: pl.DataFrame | None) -> Self:
        """Go on from a state."""

        def keyed(frame: pl.DataFrame) -> pl.DataFrame:
            keys = self._names.keys(frame["unique_id"], frame["session_idx"])
            return frame.drop(KEYS).insert_column(0, keys.alias("key"))

        self._sums = [keyed(sums)]
        self._seen = [] if seen is None else [keyed(seen)]
        return self


class _Names:
    """Entities <-> the whole numbers that stand for them, as long as this object lives."""

    def __init__(self) -> None:
        self._kind = pl.Categorical(pl.Categories.random())
        self._alive = pl.Series([""], dtype=self._kind)  # names are forgotten with the last series that has them
        self._dtype: pl.DataType | None = None
        self._known: list[pl.DataFrame] = []

    def keys(self, entity: pl.Series, session: pl.Series) -> pl.Series:
        """One whole number for each entity and session."""
        self._dtype = self._dtype or entity.dtype
        text = entity if entity.dtype == pl.String else entity.cast(pl.String)
        codes = text.cast(self._kind).to_physical()
        if entity.dtype != pl.String:
            names = pl.DataFrame({"code": codes, "unique_id": entity}).unique("code")
            self._known = [pl.concat([*self._known, names]).unique("code")]
        return codes.cast(pl.Int64) * _SESSION + (session.cast(pl.Int64) + _MIDDLE)

    def named(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The same rows with unique_id and session_idx in the place of the key."""
        code = (pl.col("key") // _SESSION).cast(pl.UInt32)
        found = frame.select(
            code.alias("code"),
            (pl.col("key") % _SESSION - _MIDDLE).cast(pl.Int32).alias("session_idx"),
            pl.exclude("key"),
        )
        if self._known:
            found = found.join(self._known[0], on="code", how="left", maintain_order="left")
        else:
            found = found.with_columns(unique_id=pl.col("code").cat.to(self._kind).cast(pl.String))
        return found.select(*KEYS, pl.exclude("code", *KEYS))


def _grown(parts: list[pl.DataFrame]) -> bool:
    """Whether parts have become more than what was brought together before, so that this is done but a few times."""
    new = sum(part.height for part in parts[1:])
    return len(parts) > 1 and new > max(_COMPACT_ROWS, parts[0].height)


def _sum(rows: pl.DataFrame, *, weighted: bool) -> pl.DataFrame:
    """The sums of rows for each key."""
    if not weighted and rows.height < _DENSE_ROWS and (bins := _Bins.of(rows["key"])) is not None:
        return _sum_dense(rows, bins)
    rows = rows if weighted else rows.with_columns(w=pl.lit(1, dtype=pl.Int64))
    kept = pl.col("counted")
    q, u, w = (pl.when(kept).then(pl.col(name)).cast(pl.Int128) for name in ("q", "u", "w"))
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
        )
        .collect(engine="streaming")
    )


class _Bins:
    """A place in an array for each key, where keys are dense enough for that."""

    def __init__(self, code: Ints, session: Ints, lowest: int, width: int, codes: int) -> None:
        self.of_rows: Ints = code * width + (session - lowest)
        self.size = codes * width
        self._lowest = lowest
        self._width = width

    @classmethod
    def of(cls, keys: pl.Series) -> Self | None:
        """The places of these keys; None where there would be too many empty ones."""
        if keys.is_empty():
            return None
        key: Ints = keys.to_numpy()
        code = key >> 32
        session = key & (_SESSION - 1)
        lowest = int(session.min())
        width = int(session.max()) - lowest + 1
        codes = int(code.max()) + 1
        if codes * width > max(_DENSE_BINS, keys.len()):
            return None
        return cls(code, session, lowest, width, codes)

    def keys(self, places: Ints) -> pl.Series:
        """The keys that have these places."""
        return pl.Series((places // self._width) * _SESSION + places % self._width + self._lowest)

    def count(self, rows: npt.NDArray[np.bool_] | None = None) -> Ints:
        """How many rows there are in each place."""
        places = self.of_rows if rows is None else self.of_rows[rows]
        return np.bincount(places, minlength=self.size)

    def total(self, values: Ints) -> Ints:
        """The sums of whole numbers, less than 2**25 each, in each place; exact."""
        return np.bincount(self.of_rows, weights=values, minlength=self.size).astype(np.int64)


def _sum_dense(rows: pl.DataFrame, bins: _Bins) -> pl.DataFrame:
    """Sums of rows that all count the same; values of rows that do not count are null."""
    places = np.flatnonzero(bins.count())

    def at(values: Ints) -> pl.Series:
        return pl.Series(values[places]).cast(pl.Int128)

    def counted(name: str) -> pl.Series:
        return rows[name] if all_counted else rows[name].set(~rows["counted"], None)

    all_counted = bool(rows["counted"].all())
    n_docs = bins.count(None if all_counted else rows["counted"].to_numpy())
    filled = counted("q").fill_null(0).to_numpy()
    squares = filled * filled
    labels = counted("label")
    positive, negative = (
        bins.count((labels == name).fill_null(value=False).to_numpy()) for name in (POSITIVE, NEGATIVE)
    )
    unsure = counted("u")
    known = unsure.is_not_null()
    sure = n_docs if unsure.null_count() == 0 else bins.count(known.to_numpy())
    return (
        pl.DataFrame(
            {
                "key": bins.keys(places),
                "n_docs": pl.Series(n_docs[places]),
                "weight": at(n_docs),
                "total": at(bins.total(filled)),
                "squares": at(bins.total(squares >> SCALE_BITS)),
                "low": at(bins.total(squares & (SCALE - 1))),
                "w_positive": at(positive),
                "w_negative": at(negative),
                "w_neutral": at(n_docs - positive - negative),
                "unsure": at(bins.total(unsure.fill_null(0).to_numpy()) if known.any() else np.zeros_like(n_docs)),
                "w_unsure": at(sure),
            }
        )
        .with_columns(squares=pl.col("squares") * SCALE + pl.col("low"))
        .drop("low")
    )


def _add_up(sums: list[pl.DataFrame]) -> pl.DataFrame:
    if len(sums) == 1:
        return sums[0]
    return pl.concat(sums).lazy().group_by("key").agg(pl.col("n_docs", *TOTALS).sum()).collect(engine="streaming")


def _distinct(seen: pl.DataFrame) -> pl.DataFrame:
    """The distinct texts of each key."""
    return seen.lazy().unique().collect(engine="streaming")


def _count_distinct(seen: pl.DataFrame) -> pl.DataFrame:
    """How many distinct texts each key has."""
    bins = _Bins.of(seen["key"])
    if bins is None:
        counts = _distinct(seen).lazy().group_by("key").agg(pl.len().cast(pl.Int64).alias("n_unique"))
        return counts.collect(engine="streaming")
    # A place and as much of the hash as there is room for, 40 bits or more, are one number, which is fast to sort.
    bits = max(1, (bins.size - 1).bit_length())
    joint = pl.Series(bins.of_rows).cast(pl.UInt64) * 2 ** (64 - bits) + seen["text"] // 2**bits
    ordered = joint.sort().to_numpy()
    first = np.append(True, ordered[1:] != ordered[:-1])
    places = (ordered[first] >> np.uint64(64 - bits)).astype(np.int64)
    counts_of = np.bincount(places, minlength=bins.size)
    found = np.flatnonzero(counts_of)
    return pl.DataFrame({"key": bins.keys(found), "n_unique": pl.Series(counts_of[found])})


def _weigh(seen: pl.DataFrame, repeats: str, within: int, scale: int) -> pl.DataFrame:
    """Texts without their repeats, or with the repeats at less weight.

    A text is a repeat if the same entity had an equal one less than `within` before. Of equal texts of one instant
    one counts as the first; where they differ in their scores, it is the one that sorts first, so that the order
    of the rows does not matter.
    """
    ordered = seen.with_columns(entity=pl.col("key") // _SESSION)
    ordered = ordered.sort("entity", *_TEXT, *(["w"] if "w" in seen.columns else []))
    same = (pl.col("entity") == pl.col("entity").shift()) & (pl.col("text") == pl.col("text").shift())
    gap = pl.col("at") - pl.col("at").shift()
    rows = ordered.with_columns(
        gap=pl.when(same.fill_null(value=False)).then(gap).otherwise(within).clip(0, within),
        counted=pl.lit(value=True),
    )
    if repeats == "drop":
        return rows.with_columns(counted=pl.col("gap") >= within)
    left = (pl.col("w").cast(pl.Float64) * scale * (pl.col("gap").cast(pl.Float64) / within)).round().cast(pl.Int64)
    return rows.with_columns(w=pl.max_horizontal(left, pl.lit(1, dtype=pl.Int64)))
