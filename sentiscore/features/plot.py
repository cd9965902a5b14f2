"""Daily features -> one HTML page with interactive charts, which needs no network.

What is drawn is decided here; `page/page.js` hands it to plotly.js, which is written into the page. The page
forbids itself every request and every script but its own (a content security policy), so that a name in the
data can be shown and never run.
"""

import base64
import difflib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

import polars as pl

from sentiscore import forks
from sentiscore.errors import InputError, import_extra
from sentiscore.tables.exact import exactly, name_of, series_of

MOST_ENTITIES: Final = 100
"""Entities that are drawn unless others are asked for."""

_PAGE: Final = Path(__file__).parent / "page"
_DECIMALS: Final = 4
_KEYS: Final = ("unique_id", "ds", "n_docs")
_PLACES: Final = (*_KEYS, "session_idx", "available_at")
"""Columns that say where a value belongs, and are no values themselves."""
_INNER: Final = ("name", "known")
"""What the page calls the entity and the instant since when a row is known."""
_NEAR: Final = 3

_TITLES: Final = {
    "sent_mean": "Mean sentiment",
    "sent_shrunk": "Shrunk mean sentiment",
    "sent_std": "Standard deviation of sentiment",
    "pos_share": "Share of positive texts",
    "neg_share": "Share of negative texts",
    "neu_share": "Share of neutral texts",
    "bullishness": "Bullishness",
    "disagreement": "Disagreement",
    "uncertainty": "Uncertainty",
    "sent_momentum": "Momentum of sentiment",
}
_DECAY: Final = "sent_decay_"
_Z: Final = "sent_z_"
_FAMILIES: Final = {
    _DECAY: "Decayed mean",
    _Z: "Standardised sentiment",
    "abnormal_volume_": "Abnormal volume",
}
_SENTIMENT: Final = ("sent_mean", "sent_shrunk")
_SHARES: Final = ("pos_share", "neg_share", "neu_share")
_OF_DOCUMENTS: Final = (*_SENTIMENT, "sent_std", *_SHARES, "bullishness", "disagreement", "uncertainty")
"""Columns that are measured on a session's documents, so that a value without documents was filled in."""

_ANEW: Final = "Make daily features with: sentiscore features SCORED --time-col NAME"


def plot(
    daily: pl.DataFrame,
    *,
    column: str = "sent_mean",
    entities: Sequence[object] | None = None,
    limit: int = MOST_ENTITIES,
    title: str = "Daily sentiment",
) -> str:
    """An HTML page with charts of each entity: sentiment, documents, and the sessions without news.

    A session without news is a gap: no line of measured values runs through it. Where the frame was filled, the
    filled values are marked as such. The page holds plotly.js and the data, about 5 MB and more, and makes no request.

    Args:
        daily: Daily features with the columns unique_id, ds, n_docs and `column`; sent_std, sent_decay_*,
            session_idx and available_at are used where they are there.
        column: The column to draw above the documents.
        entities: The entities to draw; by default those with the most documents.
        limit: Draw at most so many where `entities` is not given.
        title: The title of the page.

    Returns:
        The page as text.

    Raises:
        InputError: The frame is not one of daily features, or has no such entity or column.
        MissingExtraError: plotly is not installed.
    """
    forks.check()
    return draw(daily, column=column, entities=entities, limit=limit, title=title).page


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


def draw(daily: pl.DataFrame, *, column: str, entities: Sequence[object] | None, limit: int, title: str) -> Drawing:
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
    data = json.dumps(_payload(drawn, chosen, column), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Drawing(_page(title, totals, chosen, data, library), chosen.height, totals.height)


def check_columns(names: Sequence[str], column: str) -> None:
    """Can a table with these columns be drawn?

    Raises:
        InputError: It is not one of daily features, or has no such column.
    """
    if missing := [name for name in _KEYS if name not in names]:
        raise InputError(f"This is not a table of daily features: it lacks {', '.join(missing)}.", _ANEW)
    if column in names and column in _INNER:
        raise InputError(f"A column cannot be drawn under the name {column!r}.", "Rename it in the table.")
    if column not in names or column in _PLACES:
        values = [name for name in names if name not in _PLACES]
        raise InputError(
            f"There is no column {column!r} of values to draw.",
            f"Choose with --column (column) one of: {', '.join(values)}." if values else _ANEW,
        )


def needed_columns(names: Sequence[str], column: str) -> list[str]:
    """Which of a frame's columns a plot reads."""
    used = {*_KEYS, "session_idx", "available_at", column}
    if column in _SENTIMENT:
        used |= {"sent_std", *_decays(names)}
    return [name for name in names if name in used]


def _decays(names: Sequence[str]) -> list[str]:
    return [name for name in names if name.startswith(_DECAY)][:1]


def _checked(daily: pl.DataFrame, column: str) -> pl.DataFrame:
    """The columns that are drawn, in their types, with `name` for the entity, sorted.

    Raises:
        InputError: They are not there, or cannot be what they should be.
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
        raise InputError("Some rows have no entity, no date or no number of documents.", _ANEW)
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
            _ANEW if series.name in _PLACES else "Choose another with --column (column).",
        ) from error


def _days(series: pl.Series) -> pl.Series:
    """Dates, also from text."""
    try:
        return series.str.to_date("%Y-%m-%d") if series.dtype == pl.String else series.cast(pl.Date)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"The column 'ds' holds {series.dtype}, which cannot be read as dates.", _ANEW) from error


def _instants(series: pl.Series) -> pl.Series:
    """Instants as text to the minute in UTC, null where they cannot be told."""
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
        InputError: There is no such entity, or none is left.
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


def _payload(drawn: pl.DataFrame, chosen: pl.DataFrame, column: str) -> dict[str, Any]:
    """What the page draws: the sessions once, and of each entity its values from its first to its last.

    A value is null where nothing is to be drawn. `n` is null where the frame has no row for a session.
    """
    sessions = _sessions(drawn)
    decay = next(iter(_decays(drawn.columns)), None) if column in _SENTIMENT else None
    news = pl.col("n_docs") > 0
    measured = column in _OF_DOCUMENTS or column.startswith(_Z)
    values = {
        "n": pl.col("n_docs"),
        "y": pl.when(news).then(exactly(column)) if measured else exactly(column),
        **({"filled": pl.when(~news).then(exactly(column))} if measured else {}),
        **({"sd": pl.when(news).then("sent_std")} if column == "sent_mean" and "sent_std" in drawn.columns else {}),
        **({"decay": pl.col(decay)} if decay else {}),
    }
    rows = drawn.select("name", "ds", **values).with_columns(
        pl.when(pl.col(name).is_finite()).then(pl.col(name).round(_DECIMALS) + 0.0) for name in values if name != "n"
    )
    places = sessions.select("ds").with_row_index("at")
    grid = (
        rows.join(places, on="ds")
        .group_by("name")
        .agg(pl.int_ranges(pl.col("at").min(), pl.col("at").max() + 1, dtype=pl.UInt32).first().alias("at"))
        .explode("at", empty_as_null=False, keep_nulls=False)
        .join(places, on="at")
        .join(rows, on=["name", "ds"], how="left")
        .sort("name", "at")
    )
    series = {part["name"][0]: part for part in grid.partition_by("name")}
    return {
        "column": {"name": column, "title": _title(column), "range": _range(column)},
        "decay": decay,
        "band": "sd" in values,
        "dates": [day.isoformat() for day in sessions["ds"]],
        "known": sessions["known"].to_list() if "known" in sessions.columns else None,
        "weekends": bool((sessions["ds"].dt.weekday() > 5).any()),  # noqa: PLR2004
        "entities": [_series(name, series[name], list(values)) for name in chosen["name"]],
    }


def _series(name: str, rows: pl.DataFrame, values: list[str]) -> dict[str, Any]:
    """One entity; whatever holds nothing at all is left out."""
    kept = [value for value in values if value in ("n", "y") or rows[value].null_count() < rows.height]
    return {"name": name, "start": rows["at"][0], **{value: rows[value].to_list() for value in kept}}


def _sessions(drawn: pl.DataFrame) -> pl.DataFrame:
    """Every session of the entities that are drawn, and an empty one wherever the frame lacks some.

    Without it a line would run from the session before those that are missing to the one after.
    """
    counted = "session_idx" in drawn.columns
    kept = [name for name in ("session_idx", "known") if name in drawn.columns]
    sessions = drawn.group_by("ds").agg(pl.col(kept).first()).sort("ds")
    if counted:
        jump = pl.col("session_idx").shift(-1) - pl.col("session_idx") > 1
        lacking = sessions.filter(jump).select(pl.col("ds").dt.offset_by("1d"))
        sessions = pl.concat([sessions, lacking.join(sessions, on="ds", how="anti")], how="diagonal").sort("ds")
    return sessions


def _title(column: str) -> str:
    """What a column is called on the page: in words where it is one of ours."""
    for prefix, words in _FAMILIES.items():
        if column.startswith(prefix):
            return f"{words} ({column})"
    return _TITLES.get(column, column)


def _range(column: str) -> list[float] | None:
    """The whole range of a column that has one, so that charts of two entities compare."""
    if column in _SENTIMENT or column.startswith(_DECAY):
        return [-1, 1]
    return [0, 1] if column in _SHARES else None


def _page(title: str, totals: pl.DataFrame, chosen: pl.DataFrame, data: str, library: str) -> str:
    script = (_PAGE / "page.js").read_text(encoding="utf-8")
    style = (_PAGE / "page.css").read_text(encoding="utf-8")
    allowed = " ".join(f"'sha256-{_digest(text)}'" for text in (library, script))
    policy = f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:"
    inert = data.replace("<", "\\u003c")  # nothing in the data can end the script element that holds it
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}; base-uri 'none'; form-action 'none'\">"
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f'<link rel="icon" href="data:,"><style>{style}</style></head>\n<body>'
        f"<header><h1>{escape(title)}</h1>{_summary(totals, chosen)}</header>\n"
        f"<main>{_CHART}{_table(chosen)}</main>\n"
        f'<script type="application/json" id="data">{inert}</script>\n'
        f"<script>{library}</script>\n<script>{script}</script></body></html>\n"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


_CHART: Final = """
<section aria-labelledby="name">
<div class="bar"><h2 id="name"></h2>
<div class="choose" id="chooser"><label for="entity">Entity</label> <select id="entity"></select>
<button type="button" id="before" aria-label="previous entity">&#8249;</button>
<button type="button" id="after" aria-label="next entity">&#8250;</button></div></div>
<div class="bar below"><p id="facts"></p>
<div class="choose" role="group" aria-label="time shown"><button type="button" data-months="1">1 month</button>
<button type="button" data-months="6">6 months</button> <button type="button" data-months="12">1 year</button>
<button type="button" data-months="0">all</button></div></div>
<div id="chart" role="figure" aria-labelledby="name">
<noscript>The charts need JavaScript, which is switched off here.</noscript></div>
<p class="hint">Zoom with the buttons, or by dragging over a chart and back with a double click; a click on a name in
the legend hides it.
Where a session has no value, the line has a gap.</p>
</section>
"""


def _summary(totals: pl.DataFrame, chosen: pl.DataFrame) -> str:
    """What the page is of, and what was left out."""
    rows, documents, without = (int(chosen[name].sum()) for name in ("sessions", "documents", "without"))
    first, last = chosen.select(pl.col("first").min(), pl.col("last").max()).row(0)
    text = (
        f"<p>{_count(chosen.height, 'entity', 'entities')} from {first} to {last}: "
        f"{_count(documents, 'document')}. "
        f"Of {_count(rows, 'entity-session')}, {100 * without / rows:.1f} % have no news.</p>"
    )
    if left := totals.height - chosen.height:
        rest = int(totals["documents"].sum()) - documents
        text += (
            f'<p class="note">{_count(left, "entity", "entities")} more, with {_count(rest, "document")}, '
            f"{'is' if left == 1 else 'are'} not on this page. "
            "Choose with --entity NAME, or draw more with --limit N.</p>"
        )
    return text


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _table(chosen: pl.DataFrame) -> str:
    head = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{name}</button></th>'
        for name in ("Entity", "Documents", "Sessions", "Without news", "First session", "Last session")
    )
    rows = "".join(
        f'<tr data-at="{at}"><th scope="row"><button type="button">{escape(row["name"]) or "(no name)"}</button></th>'
        f"<td>{row['documents']:,}</td><td>{row['sessions']:,}</td>"
        f"<td>{100 * row['without'] / row['sessions']:.1f} %</td><td>{row['first']}</td><td>{row['last']}</td></tr>"
        for at, row in enumerate(chosen.iter_rows(named=True))
    )
    return (
        '<section aria-labelledby="all"><div class="bar"><h2 id="all">Entities on this page</h2>'
        '<div class="choose" id="finder"><label for="filter">Find</label> <input id="filter" type="search"></div></div>'
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        '<p id="none" hidden>No entity has that in its name.</p></section>'
    )
