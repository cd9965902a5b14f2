"""For Darts, which takes features that are only known up to the origin as `past_covariates`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from sentiscore.errors import import_extra
from sentiscore.features.grid import DS, ID
from sentiscore.features.panel.ahead import FutureDays
from sentiscore.features.panel.frames import Panel, Time, Y, align
from sentiscore.frames import AnyFrame


@dataclass(frozen=True)
class DartsPanel(Panel):
    """Input for Darts.

    Attributes:
        ids: The series, in the order of the two lists.
        series: For each, a TimeSeries of the target.
        past_covariates: For each, a TimeSeries of the features, which ends with the target.
    """

    ids: tuple[Any, ...]
    series: list[Any]
    past_covariates: list[Any]


def to_darts(
    daily: AnyFrame,
    y: AnyFrame,
    *,
    columns: str | Sequence[str] | None = None,
    time: Time = "session",
    fill: float | None = None,
    future_ds: FutureDays | None = None,
    y_begins: str = "close",
) -> DartsPanel:
    """Make series and past covariates for Darts.

    The features are not lagged: in Darts, `lags_past_covariates=[-1]` is the row of the origin. A horizon of more than
    `output_chunk_length` would need features of the future, so Darts refuses it.

    Args:
        daily: Daily features; see `to_nixtla`.
        y: The target; see `to_nixtla`.
        columns: The features to use; by default every numeric column.
        time: "session": times are session numbers; "date": dates, if every day is a session.
        fill: A number that replaces missing features; by default they stay missing, and most models fail.
        future_ds: The sessions to come, for `to_dates`; see `to_nixtla`.
        y_begins: When the y of a session begins; see `to_nixtla`.

    Raises:
        InputError: The frames do not fit together, a feature is known only after the y that it is used for begins, or
            an argument is invalid.
        MissingExtraError: Darts is not installed.
    """
    aligned = align(daily, y, columns=columns, fill=fill, future_ds=future_ds, y_begins=y_begins)
    frame = aligned.unlagged(time)
    darts, pandas = import_extra("darts", "forecast"), import_extra("pandas", "forecast")
    ids, series, covariates = [], [], []
    for (entity,), rows in frame.group_by(ID, maintain_order=True):
        at = pandas.Index(rows[DS].to_numpy(), name=DS)
        if time == "session":
            at = pandas.RangeIndex(at[0], at[-1] + 1, name=DS)
        ids.append(entity)
        series.append(_series(darts, at, rows, (Y,)))
        covariates.append(_series(darts, at, rows, aligned.columns))
    return DartsPanel(**vars(aligned.panel), ids=tuple(ids), series=series, past_covariates=covariates)


def _series(darts: Any, at: Any, rows: pl.DataFrame, columns: Sequence[str]) -> Any:
    return darts.TimeSeries.from_times_and_values(at, rows[list(columns)].to_numpy(), columns=list(columns))
