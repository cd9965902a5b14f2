"""Placed rows in any order and any parts -> exact sums for each entity and session.

All sums are of whole numbers, which do not depend on the order in which they are added. Where equal texts matter,
what is kept of a text is a hash of 64 bits: two of ten million texts have the same one with a chance of 1 in 370,000.
"""

from typing import Final, Self

import polars as pl

from sentiscore.features.placing import WEIGHT_SCALE
from sentiscore.labels import NEGATIVE, NEUTRAL, POSITIVE

KEYS: Final = ("unique_id", "session_idx")
TOTALS: Final = ("weight", "total", "squares", "w_positive", "w_negative", "w_neutral", "unsure", "w_unsure")
"""Sums over the counted texts, beside n_docs: of the weights w; of w times sentiment, and times its square; of the
weights by label; of w times uncertainty, and of the weights of texts whose uncertainty is known."""

_TEXT: Final = ("text", "at", "q", "label", "u", "w")
_COMPACT_ROWS: Final = 1_000_000


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
        self._sums: list[pl.DataFrame] = []
        self._seen: list[pl.DataFrame] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Add placed rows."""
        counted = rows.filter("counted")
        if self._repeats == "keep":
            self._sums.append(_sum(rows, weighted=self._weighted))
            if self._texts:
                self._seen.append(_distinct(counted))
        else:
            # a session that had only texts without scores stays in the span of its entity
            self._sums.append(_sum(rows.filter(~pl.col("counted")), weighted=self._weighted))
            self._seen.append(counted.select(*KEYS, *_TEXT))
        self._compact(_COMPACT_ROWS)

    def _compact(self, more_than: int) -> None:
        """Bring parts together when they have grown to more than what was brought together before."""
        if _grown(self._sums, more_than):
            self._sums = [_add_up(pl.concat(self._sums))]
        if self._repeats == "keep" and _grown(self._seen, more_than):
            self._seen = [_distinct(pl.concat(self._seen))]

    def totals(self) -> pl.DataFrame:
        """One row for each entity and session that has rows: the keys, n_docs, n_unique and the sums.

        n_unique is null where equal texts are not told.
        """
        if self._repeats == "keep":
            self._compact(0)
            totals = self._sums[0]
            seen = self._seen
        else:
            self._seen = [pl.concat(self._seen)]
            weighed = _weigh(self._seen[0], self._repeats, self._within, self._scale)
            totals = _add_up(pl.concat([*self._sums, _sum(weighed, weighted=self._weighted)]))
            seen = [_distinct(weighed)]
        if not self._texts:
            return totals.with_columns(n_unique=pl.lit(None, dtype=pl.Int64))
        distinct = pl.concat(seen).group_by(KEYS).agg(pl.len().cast(pl.Int64).alias("n_unique"))
        return totals.join(distinct, on=KEYS, how="left").with_columns(pl.col("n_unique").fill_null(0))

    def state(self) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        """What is needed to go on later: the sums, and what is kept of single texts."""
        self._compact(0)
        return self._sums[0], (pl.concat(self._seen) if self._seen else None)

    def restore(self, sums: pl.DataFrame, seen: pl.DataFrame | None) -> Self:
        """Go on from a state."""
        self._sums = [sums]
        self._seen = [] if seen is None else [seen]
        return self


def _grown(parts: list[pl.DataFrame], more_than: int) -> bool:
    return len(parts) > 1 and sum(part.height for part in parts[1:]) > max(more_than, parts[0].height * bool(more_than))


def _sum(rows: pl.DataFrame, *, weighted: bool) -> pl.DataFrame:
    """The sums of rows for each entity and session."""
    kept = pl.col("counted")
    q, u, w = (pl.when(kept).then(pl.col(name)) for name in ("q", "u", "w"))
    wide = w.cast(pl.Int128)
    if weighted:
        sums = [
            wide.sum().alias("weight"),
            (wide * q).sum().alias("total"),
            (wide * (q * q)).sum().alias("squares"),
            *(
                pl.when(pl.col("label") == name).then(wide).sum().alias(f"w_{name}")
                for name in (POSITIVE, NEGATIVE, NEUTRAL)
            ),
            (wide * u).sum().alias("unsure"),
            pl.when(u.is_not_null()).then(wide).sum().alias("w_unsure"),
        ]
    else:
        sums = [
            kept.sum().alias("weight"),
            q.sum().alias("total"),
            (q * q).cast(pl.Int128).sum().alias("squares"),
            *((kept & (pl.col("label") == name)).sum().alias(f"w_{name}") for name in (POSITIVE, NEGATIVE, NEUTRAL)),
            u.sum().alias("unsure"),
            u.count().alias("w_unsure"),
        ]
    return _grouped(
        rows,
        [kept.sum().cast(pl.Int64).alias("n_docs"), *sums],
    ).with_columns(pl.col(TOTALS).cast(pl.Int128))


def _grouped(rows: pl.DataFrame, sums: list[pl.Expr]) -> pl.DataFrame:
    """Sums by entity and session; entities that are text are grouped by a number that stands for them."""
    kind = rows.schema["unique_id"]
    frame = rows.lazy()
    if kind == pl.String:
        frame = frame.with_columns(pl.col("unique_id").cast(pl.Categorical))
    return frame.group_by(KEYS).agg(sums).with_columns(pl.col("unique_id").cast(kind)).collect(engine="streaming")


def _add_up(sums: pl.DataFrame) -> pl.DataFrame:
    return _grouped(sums, [pl.col("n_docs", *TOTALS).sum()])


def _distinct(rows: pl.DataFrame) -> pl.DataFrame:
    """The distinct texts of each entity and session."""
    kind = rows.schema["unique_id"]
    frame = rows.lazy().select(*KEYS, "text")
    if kind == pl.String:
        frame = frame.with_columns(pl.col("unique_id").cast(pl.Categorical))
    return frame.unique().with_columns(pl.col("unique_id").cast(kind)).collect(engine="streaming")


def _weigh(seen: pl.DataFrame, repeats: str, within: int, scale: int) -> pl.DataFrame:
    """Texts without their repeats, or with the repeats at less weight.

    A text is a repeat if the same entity had an equal one less than `within` before. Of equal texts of one instant
    one counts as the first; where they differ in their scores, it is the one that sorts first, so that the order
    of the rows does not matter.
    """
    ordered = seen.sort("unique_id", *_TEXT)
    same = (pl.col("unique_id") == pl.col("unique_id").shift()) & (pl.col("text") == pl.col("text").shift())
    gap = (pl.col("at") - pl.col("at").shift()).alias("gap")
    rows = ordered.with_columns(
        pl.when(same.fill_null(value=False)).then(gap).otherwise(within).clip(0, within).alias("gap"),
        w=pl.col("w") * scale,
        counted=pl.lit(value=True),
    )
    if repeats == "drop":
        return rows.with_columns(counted=pl.col("gap") >= within)
    left = (pl.col("w").cast(pl.Float64) * (pl.col("gap").cast(pl.Float64) / within)).round().cast(pl.Int64)
    return rows.with_columns(w=pl.max_horizontal(left, pl.lit(1, dtype=pl.Int64)))
