"""For sktime, which needs its regressors for the sessions to forecast too."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from sentiscore.errors import import_extra
from sentiscore.features.grid import DS, ID
from sentiscore.features.panel.ahead import FutureDays, check_horizon
from sentiscore.features.panel.frames import Panel, Time, Y, align, times
from sentiscore.frames import AnyFrame


@dataclass(frozen=True)
class SktimePanel(Panel):
    """Input for sktime: pandas frames with the series and the time as their index.

    Attributes:
        y: The target.
        X: The lagged features of the same rows.
        X_future: Those of the h sessions after each series' last one, complete.
        fh: The steps to forecast, 1 to h.
    """

    y: Any
    X: Any
    X_future: Any
    fh: list[int]


def to_sktime(
    daily: AnyFrame,
    y: AnyFrame,
    *,
    h: int,
    columns: str | Sequence[str] | None = None,
    lags: int | Sequence[int] | None = None,
    time: Time = "session",
    fill: float | None = None,
    future_ds: FutureDays | None = None,
    y_begins: str = "close",
) -> SktimePanel:
    """Make frames for sktime, with features that are lagged by at least `h` sessions.

    Args:
        daily: Daily features; see `to_nixtla`.
        y: The target; see `to_nixtla`.
        h: The number of sessions to forecast.
        columns: The features to use; by default every numeric column.
        lags: In sessions, each at least `h`; by default only `h`.
        time: "session": times are session numbers; "date": dates, if every day is a session.
        fill: A number that replaces missing features; by default they stay missing, and most models fail.
        future_ds: The sessions to come, for `to_dates`; see `to_nixtla`.
        y_begins: When the y of a session begins; see `to_nixtla`.

    Raises:
        InputError: The frames do not fit together, a feature is known only after the y that it is used for begins, or
            an argument is invalid.
        MissingExtraError: pandas is not installed.
    """
    h, wanted = check_horizon(h, lags)
    aligned = align(
        daily, y, columns=columns, longest_lag=max(wanted), fill=fill, future_ds=future_ds, y_begins=y_begins
    )
    history, future, names = aligned.lagged(h, wanted)
    import_extra("pandas", "forecast")

    def indexed(frame: pl.DataFrame, columns: Sequence[str]) -> Any:
        timed = times(frame, time, aligned.panel.sessions)
        return timed[[ID, DS, *columns]].to_pandas().set_index([ID, DS])

    return SktimePanel(
        **vars(aligned.panel),
        y=indexed(history, (Y,)),
        X=indexed(history, names),
        X_future=indexed(future, names),
        fh=list(range(1, h + 1)),
    )
