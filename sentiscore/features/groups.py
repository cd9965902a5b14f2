"""Each row compared with the other entities of its session: the whole market, and the entity's group."""

from collections.abc import Sequence
from typing import Final, cast

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.grid import AVAILABLE_AT, DS, SESSION, check_columns, check_grid
from sentiscore.frames import Frame, opened
from sentiscore.tables.exact import series_of

_FINE: Final = 2**40
"""Values are summed as whole numbers in steps of 1 / 2**40, so that the order of the rows does not matter."""
_COARSER: Final = 2**16
"""Deviations are summed in steps of 1 / 2**24."""
_MOST: Final = 2.0**20


def add_group_features(
    daily: Frame, columns: str | Sequence[str] = "sent_mean", *, group_col: str | None = None
) -> Frame:
    """Add what the other entities of the same session say: of all of them, the market, and of the row's group.

    Only entities with news in the session (n_docs above 0) and a value count, and only their rows of that session,
    which all became available at the same instant. So no column depends on a later session, nor on how far the rows of
    other entities reach.

    Args:
        daily: Daily features of polars or another library, of all entities: one row for each entity and session,
            without gaps, in any order.
        columns: Numeric columns, such as sent_mean or tone_mean.
        group_col: A column of `daily` with the group of the entity, such as its sector; a row without one has no group.
            It is used as it is: a sector of today in rows of ten years ago is hindsight.

    Returns:
        The frame, with its rows in their order, and as Float64, for each column, first of the market and then, with
        `group_col`, of the group:

        - {column}__market_mean: the mean over entities, each of which counts the same.
        - {column}__market_news_mean: the mean in which an entity counts by its n_docs.
        - {column}__market_breadth: entities above 0 minus those below, divided by all, in [-1, 1].
        - {column}__market_less: the row's value minus market_mean.
        - {column}__market_rank: (average rank - 0.5) / entities, in (0, 1); 0.5 is the middle.
        - {column}__market_z: market_less in sample deviations over entities; null below two, or if all are equal.

        The last three are null where the row has no news. The names for the group have `group` in place of `market`.

    Raises:
        InputError: The frame has gaps or repeats, its sessions have several available_at, or a column is missing, does
            not hold numbers up to 2**20, or exists already.
    """
    given = opened(daily, "The daily features", {DS: pl.Date}).whole()
    rows = given.read(given.schema.names())
    check_grid(rows)
    names = check_columns(rows, columns)
    for needed in (SESSION, AVAILABLE_AT, "n_docs", *([] if group_col is None else [group_col])):
        if needed not in rows.columns:
            raise InputError(
                f"The daily features have no column {needed!r}.",
                "Give the frame that features.daily made; join groups to it before this step (group_col).",
            )
    if (rows.select(SESSION, AVAILABLE_AT).n_unique()) != rows[SESSION].n_unique():
        raise InputError(
            "A session of the daily features has several available_at.",
            "Make the features of all entities in one call, with one calendar and cutoff.",
        )
    within = {"market": pl.repeat(0, rows.height, dtype=pl.Int8, eager=True)}
    if group_col is not None:
        within["group"] = series_of(rows, group_col)
    added = [
        figure.alias(f"{name}__{which}_{figure.name}")
        for name in names
        for which, groups in within.items()
        for figure in _figures(series_of(rows, name), rows, groups)
    ]
    if clash := sorted({each.name for each in added} & set(rows.columns)):
        raise InputError(f"The columns {', '.join(clash)} are there already.", "Leave out what was added before.")
    return cast("Frame", given.with_columns(pl.DataFrame(added)))


def _figures(values: pl.Series, rows: pl.DataFrame, groups: pl.Series) -> list[pl.Series]:
    """The figures of one column over the rows of each session and group."""
    wide = values.cast(pl.Float64)
    if (wide.abs() > _MOST).any():
        raise InputError(f"The column {values.name!r} holds numbers beyond 2**20.", "Scale it first.")
    there = (rows["n_docs"] > 0) & wide.is_not_null() & groups.is_not_null()
    frame = pl.DataFrame({"session": rows[SESSION], "group": groups, "n": rows["n_docs"], "x": wide.set(~there, None)})
    over = ("session", "group")
    fine = (pl.col("x") * _FINE).round().cast(pl.Int128)
    frame = frame.with_columns(fine=fine, docs=pl.when(pl.col("x").is_not_null()).then("n").cast(pl.Int128))
    frame = frame.with_columns(
        k=pl.col("x").count().over(over).cast(pl.Int128),
        total=pl.col("fine").sum().over(over),
        weighted=(pl.col("fine") * pl.col("docs")).sum().over(over),
        weight=pl.col("docs").sum().over(over),
        signs=pl.col("fine").sign().sum().over(over).cast(pl.Float64),
        rank=pl.col("fine").rank("average").over(over),
    )
    k, gap = pl.col("k").cast(pl.Float64), (pl.col("fine") * pl.col("k") - pl.col("total")).cast(pl.Float64)
    # around the integer below the mean, so that equal values deviate by 0; coarser, so that squares are not too large
    rest = (pl.col("fine") - pl.col("total") // pl.col("k")) // _COARSER
    frame = frame.with_columns(less=gap / k / _FINE, rest=rest, squares=rest * rest)
    sums = [pl.col(name).sum().over(over) for name in ("rest", "squares")]
    spread = (pl.col("k") * sums[1] - sums[0] * sums[0]).cast(pl.Float64)
    frame = frame.with_columns(deviation=(spread / k / (k - 1)).sqrt() * (_COARSER / _FINE), spread=spread)
    return frame.select(
        mean=pl.when(k > 0).then(pl.col("total").cast(pl.Float64) / k / _FINE),
        news_mean=pl.when(k > 0).then(pl.col("weighted").cast(pl.Float64) / pl.col("weight").cast(pl.Float64) / _FINE),
        breadth=pl.when(k > 0).then(pl.col("signs") / k),
        less="less",
        rank=(pl.col("rank") - 0.5) / k,
        z=pl.when((k > 1) & (pl.col("spread") > 0)).then(pl.col("less") / pl.col("deviation")),
    ).get_columns()
