"""Daily features -> one HTML page with interactive charts, which needs no network.

This module decides which entities are drawn, `plot_data` what is drawn of them, and `plot_page` writes the page.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from sentiscore.errors import InputError, import_extra
from sentiscore.features.grid import features_of
from sentiscore.features.plot_data import band_of, decay_of, payload
from sentiscore.features.plot_page import plot_page
from sentiscore.features.plot_target import PlotTarget, plot_target
from sentiscore.frames import AnyFrame, in_polars
from sentiscore.tables.exact import name_of, series_of

MOST_ENTITIES: Final = 100
"""Entities that are drawn by default."""

_KEYS: Final = ("unique_id", "ds", "n_docs")
_PLACES: Final = (*_KEYS, "session_idx", "available_at")
"""Columns that say where a value belongs and are not values themselves."""
_INNER: Final = ("name", "known")
"""What the page calls the entity and the instant since when a row is known."""
_NEAR: Final = 3

_REMAKE: Final = "Make daily features with: sentiscore features SCORED --time-col NAME"


def plot(
    daily: AnyFrame,
    *,
    column: str = "sent_mean",
    entities: Sequence[object] | None = None,
    limit: int = MOST_ENTITIES,
    title: str = "Daily sentiment",
    target: AnyFrame | None = None,
    target_col: str | None = None,
) -> str:
    """An HTML page with charts of each entity: sentiment, documents, and the sessions without news.

    A session without news is a gap in the line of measured values. If the frame was filled,
    the filled values are marked. The page holds plotly.js and the data, about 5 MB and more, and does not make any
    network request.

    Args:
        daily: Daily features with the columns unique_id, ds, n_docs and `column`; the standard deviation
            and the decayed mean of a mean, session_idx and available_at are used if they exist.
        column: The column to draw above the documents.
        entities: The entities to draw; by default those with the most documents.
        limit: Draw at most this many if `entities` is not given.
        title: The title of the page.
        target: A series to draw over the features, such as prices: columns `ds` and the one to draw, and `unique_id`
            unless it is the same for all entities.
        target_col: The target's column; by default its only one of numbers.

    Returns:
        The page as text.

    Raises:
        InputError: The frame is not one of daily features, or has no such entity or column.
        MissingExtraError: plotly is not installed.
    """
    over = None if target is None else plot_target(in_polars(target, "The target"), target_col)
    return draw(features_of(daily), column=column, entities=entities, limit=limit, title=title, target=over).page


@dataclass(frozen=True)
class Drawing:
    """A page and what is on it.

    Attributes:
        page: The page as text.
        drawn: Entities on the page.
        entities: Entities of the frame.
    """

    page: str
    drawn: int
    entities: int


def draw(
    daily: pl.DataFrame,
    *,
    column: str,
    entities: Sequence[object] | None,
    limit: int,
    title: str,
    target: PlotTarget | None = None,
) -> Drawing:
    """The page of `plot`, and how much of the frame is on it.

    Raises:
        InputError: The frame is not one of daily features, or has no such entity or column.
        MissingExtraError: plotly is not installed.
    """
    library: str = import_extra("plotly.offline", "plots").get_plotlyjs()
    frame = _checked(daily, column)
    totals = _totals(frame)
    chosen = _choose(totals, entities, limit)
    drawn = frame.filter(pl.col("name").is_in(chosen["name"].implode()))
    page = plot_page(title, totals, chosen, payload(drawn, chosen, column, target), library)
    return Drawing(page, chosen.height, totals.height)


def check_columns(names: Sequence[str], column: str) -> None:
    """Can a table with these columns be drawn?

    Raises:
        InputError: It is not one of daily features, or has no such column.
    """
    if missing := [name for name in _KEYS if name not in names]:
        raise InputError(f"This is not a table of daily features: it lacks {', '.join(missing)}.", _REMAKE)
    if column in names and column in _INNER:
        raise InputError(f"A column cannot be drawn under the name {column!r}.", "Rename it in the table.")
    if column not in names or column in _PLACES:
        values = [name for name in names if name not in _PLACES]
        raise InputError(
            f"There is no column {column!r} of values to draw.",
            f"Choose with --column (column) one of: {', '.join(values)}." if values else _REMAKE,
        )


def needed_columns(names: Sequence[str], column: str) -> list[str]:
    """Which of a frame's columns a plot reads."""
    used = {*_KEYS, "session_idx", "available_at", column, band_of(column, names), decay_of(column, names)}
    return [name for name in names if name in used]


def _checked(daily: pl.DataFrame, column: str) -> pl.DataFrame:
    """The drawn columns, in their types, with `name` for the entity, sorted.

    Raises:
        InputError: They are missing, or cannot be converted.
    """
    check_columns(daily.columns, column)
    if daily.is_empty():
        raise InputError("There are no daily features to draw: the table has no rows.", "Were any texts scored?")
    numbers = [name for name in needed_columns(daily.columns, column) if name not in (*_KEYS, "available_at")]
    frame = daily.select(
        "unique_id",
        _cast(daily["unique_id"], pl.String, "names").alias("name"),
        _days(daily["ds"]),
        _cast(daily["n_docs"], pl.Int64, "whole numbers"),
        *(_cast(series_of(daily, name), pl.Float64, "numbers").alias(name) for name in numbers),
        *([_instants(daily["available_at"]).alias("known")] if "available_at" in daily.columns else []),
    )
    if frame.select(pl.any_horizontal(pl.col("name", "ds", "n_docs").is_null()).any()).item():
        raise InputError("Some rows have no entity, no date or no number of documents.", _REMAKE)
    if twice := frame.height - frame.n_unique(["name", "ds"]):
        raise InputError(
            f"{twice:,} row{'s'[: twice != 1]} of an entity and a date that are there already; daily features have "
            "one row for each.",
            "Draw one set of daily features at a time.",
        )
    return frame.sort("unique_id", "ds")


def _cast(series: pl.Series, dtype: type[pl.DataType], what: str) -> pl.Series:
    try:
        if series.dtype.is_temporal() and dtype is not pl.String:
            raise pl.exceptions.InvalidOperationError("a time is not a number")
        return series.cast(dtype)
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"The column {name_of(series)!r} holds {series.dtype}, which cannot be read as {what}.",
            _REMAKE if series.name in _PLACES else "Choose another with --column (column).",
        ) from error


def _days(series: pl.Series) -> pl.Series:
    """Dates, also from text."""
    try:
        return series.str.to_date("%Y-%m-%d") if series.dtype == pl.String else series.cast(pl.Date)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"The column 'ds' holds {series.dtype}, which cannot be read as dates.", _REMAKE) from error


def _instants(series: pl.Series) -> pl.Series:
    """Instants as text to the minute in UTC, null if they are not known."""
    if series.dtype == pl.String:
        series = series.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_zone="UTC", strict=False)
    if not isinstance(series.dtype, pl.Datetime) or series.dtype.time_zone is None:
        return pl.repeat(None, len(series), dtype=pl.String, eager=True)
    return series.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%d %H:%M")


def _totals(frame: pl.DataFrame) -> pl.DataFrame:
    """One row for each entity, in their order."""
    return frame.group_by("unique_id", "name", maintain_order=True).agg(
        pl.len().alias("sessions"),
        (pl.col("n_docs") == 0).sum().alias("without"),
        pl.col("n_docs").sum().alias("documents"),
        pl.col("ds").min().alias("first"),
        pl.col("ds").max().alias("last"),
    )


def _choose(totals: pl.DataFrame, entities: Sequence[object] | None, limit: int) -> pl.DataFrame:
    """The entities to draw, in their order.

    Raises:
        InputError: An entity does not exist, or none is left.
    """
    if entities is None:
        if limit < 1:
            raise InputError(f"The limit is {limit}, which leaves no entity to draw.", "Use 1 or more.")
        ranked = totals.with_row_index("at").sort("documents", descending=True, maintain_order=True)
        return ranked.head(limit).sort("at").drop("at")
    wanted = [_name(entity) for entity in entities]
    if not wanted:
        raise InputError("No entity was named.", "Name one, or leave the choice out to draw those with most documents.")
    names = totals["name"].to_list()
    for name in wanted:
        if name not in names:
            near = _near(name, names)
            hint = f"Near to it: {', '.join(near)}." if near else f"There are {_some(names)}."
            raise InputError(f"There is no entity {name!r} among the {len(names):,} of the table.", hint)
    return totals.filter(pl.col("name").is_in(wanted))


def _name(entity: object) -> str:
    """An entity as the page writes it."""
    return entity if isinstance(entity, str) else str(pl.Series([entity]).cast(pl.String)[0])


def _near(name: str, names: list[str]) -> list[str]:
    """Names like this one, whatever the case of their letters."""
    folded = [other.casefold() for other in names]
    alike = difflib.get_close_matches(name.casefold(), dict.fromkeys(folded), n=_NEAR)
    return [other for like in alike for other, plain in zip(names, folded, strict=True) if plain == like]


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:10])
    return f"{shown} and {len(names) - 10:,} more" if len(names) > 10 else shown  # noqa: PLR2004
