"""For sktime, which wants its regressors for the sessions that are forecast too."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from sentiscore.errors import import_extra
from sentiscore.features.grid import DS, ID
from sentiscore.features.panel.frames import Panel, Time, Y, align, check_horizon, times


@dataclass(frozen=True)
class SktimePanel(Panel):
    """What sktime takes: pandas frames with the series and the time as their index.

    Attributes:
        y: The target.
        X: The lagged features of the same rows.
        X_future: Those of the h sessions after each series' last, complete.
        fh: The steps to forecast, 1 to h.
    """

    y: Any
    X: Any
    X_future: Any
    fh: list[int]


def to_sktime(
    daily: pl.DataFrame,
    y: pl.DataFrame,
    *,
    h: int,
    columns: str | Sequence[str] | None = None,
    lags: int | Sequence[int] | None = None,
    time: Time = "session",
    fill: float | None = None,
    future_ds: Sequence[date] | pl.Series | None = None,
) -> SktimePanel:
    """Frames for sktime, the features lagged by at least `h` sessions.

    Args:
        daily: Daily features; see `to_nixtla`.
        y: The target; see `to_nixtla`.
        h: How many sessions are forecast.
        columns: The features to use; by default every column of numbers.
        lags: In sessions, each at least `h`; by default `h` alone.
        time: "session": times are numbers of sessions; "date": dates, where every day is a session.
        fill: A number in place of a missing feature; by default it stays missing, and most models fail.
        future_ds: The dates of the sessions to come, for `to_dates`.

    Raises:
        InputError: The frames do not fit together, or an argument cannot be used.
        MissingExtraError: pandas is not installed.
    """
    h, wanted = check_horizon(h, lags)
    aligned = align(daily, y, columns=columns, longest_lag=max(wanted), fill=fill, future_ds=future_ds)
    import_extra("pandas", "forecast")
    history, future, names = aligned.lagged(h, wanted)

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
