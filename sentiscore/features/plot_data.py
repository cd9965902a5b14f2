"""What a page of charts draws, as data: sessions, and the values of each entity."""

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from sentiscore.features.plot_target import PlotTarget
from sentiscore.tables.exact import exactly

_DECAY: Final = "sent_decay_"
_TONE_DECAY: Final = "tone_decay_"
_SENTIMENT: Final = ("sent_mean", "sent_shrunk")
_BANDS: Final = {"sent_mean": "sent_std", "tone_mean": "tone_std"}
"""The deviation that is drawn around a mean."""
_DECAYS: Final = {**dict.fromkeys(_SENTIMENT, _DECAY), "tone_mean": _TONE_DECAY}
"""The family of decayed means that is drawn together with a mean."""
_DECIMALS: Final = 4
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
    "tone_mean": "Mean tone",
    "tone_std": "Standard deviation of tone",
}
_Z: Final = "sent_z_"
_FAMILIES: Final = {
    _DECAY: "Decayed mean",
    _Z: "Standardised sentiment",
    "abnormal_volume_": "Abnormal volume",
    _TONE_DECAY: "Decayed mean tone",
}
_TONE: Final = ("tone_mean", "tone_std")
_SHARES: Final = ("pos_share", "neg_share", "neu_share")
_OF_DOCUMENTS: Final = (*_SENTIMENT, "sent_std", *_SHARES, "bullishness", "disagreement", "uncertainty", *_TONE)
"""Columns that are measured on a session's documents, so that a value without documents was filled in."""


def band_of(column: str, names: Sequence[str]) -> str | None:
    """The column of deviations that is drawn around a mean, if there is one."""
    band = _BANDS.get(column)
    return band if band in names else None


def decay_of(column: str, names: Sequence[str]) -> str | None:
    """The column of decayed means that is drawn together with a mean, if there is one."""
    family = _DECAYS.get(column)
    return None if family is None else next((name for name in names if name.startswith(family)), None)


def payload(drawn: pl.DataFrame, chosen: pl.DataFrame, column: str, target: PlotTarget | None = None) -> dict[str, Any]:
    """What the page draws: the sessions once, and for each entity its values from its first to its last session.

    A value is null where nothing is to be drawn. `n` is null where the frame has no row for a session.
    """
    sessions = _sessions(drawn)
    band, decay = band_of(column, drawn.columns), decay_of(column, drawn.columns)
    news = pl.col("n_docs") > 0
    measured = column in _OF_DOCUMENTS or column.startswith(_Z)
    values = {
        "n": pl.col("n_docs"),
        "y": pl.when(news).then(exactly(column)) if measured else exactly(column),
        **({"filled": pl.when(~news).then(exactly(column))} if measured else {}),
        **({"sd": pl.when(news).then(band)} if band else {}),
        **({"decay": pl.col(decay)} if decay else {}),
    }
    rows = drawn.select("name", "ds", **values).with_columns(
        pl.when(pl.col(name).is_finite()).then(pl.col(name).round(_DECIMALS) + 0.0) for name in values if name != "n"
    )
    positions = sessions.select("ds").with_row_index("at")
    grid = (
        rows.join(positions, on="ds")
        .group_by("name")
        .agg(pl.int_ranges(pl.col("at").min(), pl.col("at").max() + 1, dtype=pl.UInt32).first().alias("at"))
        .explode("at", empty_as_null=False, keep_nulls=False)
        .join(positions, on="at")
        .join(rows, on=["name", "ds"], how="left")
        .sort("name", "at")
    )
    if target is not None:
        values["target"] = pl.col("target")
        grid = target.on(grid)
    series = {part["name"][0]: part for part in grid.partition_by("name")}
    return {
        "column": {"name": column, "title": _title(column), "range": _range(column)},
        "decay": decay,
        "target": None if target is None else target.column,
        "band": "sd" in values,
        "dates": [day.isoformat() for day in sessions["ds"]],
        "known": sessions["known"].to_list() if "known" in sessions.columns else None,
        "weekends": bool((sessions["ds"].dt.weekday() > 5).any()),  # noqa: PLR2004
        "entities": [_series(name, series[name], list(values)) for name in chosen["name"]],
    }


def _series(name: str, rows: pl.DataFrame, values: list[str]) -> dict[str, Any]:
    """One entity; columns that hold nothing are left out."""
    kept = [value for value in values if value in ("n", "y") or rows[value].null_count() < rows.height]
    return {"name": name, "start": rows["at"][0], **{value: rows[value].to_list() for value in kept}}


def _sessions(drawn: pl.DataFrame) -> pl.DataFrame:
    """Every session of the drawn entities, and an empty one wherever some are missing in the frame.

    Otherwise a line would run from the session before the missing ones to the one after.
    """
    counted = "session_idx" in drawn.columns
    kept = [name for name in ("session_idx", "known") if name in drawn.columns]
    sessions = drawn.group_by("ds").agg(pl.col(kept).first()).sort("ds")
    if counted:
        jump = pl.col("session_idx").shift(-1) - pl.col("session_idx") > 1
        absent = sessions.filter(jump).select(pl.col("ds").dt.offset_by("1d"))
        sessions = pl.concat([sessions, absent.join(sessions, on="ds", how="anti")], how="diagonal").sort("ds")
    return sessions


def _title(column: str) -> str:
    """What a column is called on the page: in words if it is one of ours."""
    for prefix, words in _FAMILIES.items():
        if column.startswith(prefix):
            return f"{words} ({column})"
    return _TITLES.get(column, column)


def _range(column: str) -> list[float] | None:
    """The whole range of a column that has one, so that charts of two entities compare."""
    if column in _SENTIMENT or column.startswith(_DECAY):
        return [-1, 1]
    return [0, 1] if column in _SHARES else None
