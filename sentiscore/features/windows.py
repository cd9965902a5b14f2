"""Lags, rolling windows and exponentially weighted means of daily columns, per entity, that only look back.

All of them count sessions, not calendar days: a lag of 1 on a Monday is the Friday before. The frame must have every
session of its entities (`features.daily` makes such frames); otherwise a lag of one row would not be a lag of one
session. A frame with gaps is refused.

A row of session t was known at its `available_at`, and so was a window that ends with it. To forecast something that is
settled within session t itself, use a lag, or `join_target`, which compares instants.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, Literal, cast, get_args

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.grid import DS, ID, check_columns, check_grid, is_number, whole_number, whole_numbers
from sentiscore.frames import Frame, opened
from sentiscore.tables.exact import series_of

Stat = Literal["mean", "sum", "std", "min", "max"]
STATS: Final[tuple[str, ...]] = get_args(Stat)

_TWO: Final = 2


def add_lags(daily: Frame, columns: str | Sequence[str], lags: int | Sequence[int]) -> Frame:
    """Add the values of earlier sessions of the same entity.

    Args:
        daily: Daily features of polars or another library: one row for each entity and session, without gaps, in any
            order.
        columns: Numeric columns.
        lags: How many sessions earlier, each at least 1; a lag of 0 or less would be the present or the future.

    Returns:
        The frame, with its rows in their order, and `{column}__lag_{k}` with the type of the column; null in an
        entity's first k sessions.

    Raises:
        InputError: The frame has gaps or repeats, or an argument is invalid.
    """
    steps = _whole_numbers(lags, "lags")
    return _with_columns(daily, columns, lambda name, x, at: [_back(x, at, k).alias(f"{name}__lag_{k}") for k in steps])


def add_rolling(
    daily: Frame,
    columns: str | Sequence[str],
    windows: int | Sequence[int],
    stats: Stat | Sequence[Stat] = ("mean",),
    *,
    min_samples: int = 1,
) -> Frame:
    """Add statistics of the last sessions of the same entity, including the row's own.

    A statistic depends only on the values in its window. The usual running sum accumulates the rounding errors of
    values that have long left the window; here, a model that gets the last 30 sessions sees the same bits as one that
    was trained on ten years.

    Args:
        daily: Daily features of polars or another library: one row for each entity and session, without gaps, in any
            order.
        columns: Numeric columns.
        windows: Numbers of sessions, each at least 1. A window ends with the row itself, whose own value is known at
            its `available_at`, and is shorter at an entity's beginning.
        stats: "mean", "sum", "std" (of a sample: n - 1), "min" or "max".
        min_samples: The minimum number of values in a window; with fewer the statistic is null. Nulls do not count.
            "std" always needs two.

    Returns:
        The frame, with its rows in their order, and `{column}__rolling_{stat}_{window}` as Float64.

    Raises:
        InputError: The frame has gaps or repeats, or an argument is invalid.
    """
    sizes = _whole_numbers(windows, "windows")
    wanted: list[Any] = [stats] if isinstance(stats, str) or not isinstance(stats, Iterable) else list(stats)
    if unknown := [stat for stat in wanted if stat not in STATS]:
        raise InputError(f"There is no figure {unknown[0]!r}.", f"The figures are: {', '.join(STATS)}.")
    if not wanted or len(set(wanted)) < len(wanted):
        raise InputError("stats names no figure, or one twice.", f"The figures are: {', '.join(STATS)}.")
    least = whole_number(min_samples)
    if least is None or not 1 <= least <= min(sizes):
        raise InputError(f"min_samples is {min_samples!r}.", "It must be a whole number from 1 to the shortest window.")
    return _with_columns(
        daily,
        columns,
        lambda name, x, at: [
            figure.alias(f"{name}__rolling_{stat}_{size}")
            for size in sizes
            for stat, figure in _rolling(x.cast(pl.Float64), at, size, wanted, least)
        ],
    )


def add_ewm(daily: Frame, columns: str | Sequence[str], half_lives: float | Sequence[float]) -> Frame:
    """Add exponentially weighted means of all sessions so far of the same entity.

    A value that is k sessions old has the weight 0.5 ** (k / half_life), and the weights are divided by their sum. A
    session without a value adds nothing and ages the earlier values equally, which does not change the mean.

    Args:
        daily: Daily features of polars or another library: one row for each entity and session, without gaps, in any
            order.
        columns: Numeric columns.
        half_lives: In sessions, each above 0; they need not be integers.

    Returns:
        The frame, with its rows in their order, and `{column}__ewm_{half_life}` as Float64; null before an entity's
        first value.

    Raises:
        InputError: The frame has gaps or repeats, or an argument is invalid.
    """
    raw: list[Any] = list(half_lives) if isinstance(half_lives, Iterable) else [half_lives]
    if not raw or not all(is_number(half_life) and half_life > 0 for half_life in raw):
        raise InputError(
            f"half_lives must be numbers above 0, but is {half_lives!r}.",
            "A half-life is counted in sessions, for example 5.",
        )
    given = [float(half_life) for half_life in raw]
    return _with_columns(
        daily,
        columns,
        lambda name, x, at: [
            _ewm(x.cast(pl.Float64), at, half_life).alias(f"{name}__ewm_{half_life:g}") for half_life in given
        ],
    )


def _with_columns(
    daily: Frame,
    columns: str | Sequence[str],
    make: Callable[[str, pl.Series, pl.Series], Iterable[pl.Series]],
) -> Frame:
    """Add columns, which `make` computes from a sorted column and the rows' positions in their entity."""
    given = opened(daily, "The daily features", {DS: pl.Date}).whole()
    rows = given.read(given.schema.names())
    check_grid(rows)
    names = check_columns(rows, columns)
    # sorted by entity and session
    order = rows.select(pl.arg_sort_by(ID, DS)).to_series()
    at = rows.select(pl.col(ID).gather(order)).select(pl.int_range(pl.len()).over(ID)).to_series()
    new = [series for name in names for series in make(name, series_of(rows, name).gather(order), at)]
    made = [series.name for series in new]
    if clash := sorted({name for name in made if name in rows.columns or made.count(name) > 1}):
        raise InputError(
            f"The columns {', '.join(clash)} would be there twice.", "Leave out what was added before, or rename it."
        )
    back = order.arg_sort()
    return cast("Frame", given.with_columns(pl.DataFrame([series.gather(back) for series in new])))


def _back(x: pl.Series, at: pl.Series, k: int) -> pl.Series:
    """The values k sessions earlier, null if the entity has none."""
    return x if k == 0 else x.shift(k).set(at < k, None)


def _rolling(
    x: pl.Series, at: pl.Series, size: int, stats: Sequence[Stat], min_samples: int
) -> Iterator[tuple[Stat, pl.Series]]:
    """Statistics of windows, each only from its own values, newest first."""

    def add_up(of: Callable[[pl.Series], pl.Series]) -> pl.Series:
        total = of(x).fill_null(0)
        for k in range(1, size):
            total += of(_back(x, at, k)).fill_null(0)
        return total

    n = add_up(lambda values: values.is_not_null().cast(pl.Float64))
    newest = x
    if "mean" in stats or "std" in stats:
        for k in range(1, size):
            newest = newest.zip_with(newest.is_not_null(), _back(x, at, k))
    # Distances from the newest value are averaged, so that the mean of equal values is exact and their spread is 0.
    offset = add_up(lambda values: values - newest) / n if "mean" in stats or "std" in stats else n
    for stat in stats:
        if stat == "mean":
            figure = newest + offset
        elif stat == "sum":
            figure = add_up(lambda values: values)
        elif stat == "std":
            squares = add_up(lambda values: (values - newest - offset) ** 2)
            figure = (squares / (n - 1)).sqrt()
        else:
            figure = x
            for k in range(1, size):
                pair = pl.DataFrame({"a": figure, "b": _back(x, at, k)})
                figure = pair.select((pl.min_horizontal if stat == "min" else pl.max_horizontal)("a", "b")).to_series()
        needed = max(min_samples, _TWO) if stat == "std" else min_samples
        yield stat, figure.set(n < needed, None)


def _ewm(x: pl.Series, at: pl.Series, half_life: float) -> pl.Series:
    entity = (at == 0).cum_sum()
    mean = pl.col("x").ewm_mean(half_life=half_life, adjust=True, ignore_nulls=False, min_samples=1)
    return pl.DataFrame({"x": x, "entity": entity}).select(mean.forward_fill().over("entity")).to_series()


def _whole_numbers(given: int | Sequence[int], what: str) -> list[int]:
    numbers = whole_numbers(given)
    if not numbers or min(numbers) < 1:
        raise InputError(
            f"{what} must be whole numbers of 1 or more, but is {given!r}.",
            "They count sessions back from the row; nothing may come from the row's future.",
        )
    if any(one == other for one, other in pairwise(sorted(numbers))):
        raise InputError(f"{what} names a number twice: {given!r}.", "Name each once.")
    return numbers
