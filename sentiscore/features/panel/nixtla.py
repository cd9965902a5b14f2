"""For Nixtla's libraries: mlforecast, statsforecast and neuralforecast."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.grid import DS, SESSION
from sentiscore.features.panel.ahead import FutureDays, check_future, check_horizon
from sentiscore.features.panel.frames import Panel, Time, align, freq_of, times
from sentiscore.frames import AnyFrame


@dataclass(frozen=True)
class NixtlaPanel(Panel):
    """Input for Nixtla's libraries.

    Attributes:
        df: The frame to fit a model on: `unique_id`, `ds`, `y` and the features.
        X_df: The same features for the h sessions after each series' last one, complete; None with `exog="hist"`.
        futr_exog: The names of the lagged features, which are known for the sessions to come.
        hist_exog: The names of the features that are only known up to the origin.
        freq: The value for the libraries' `freq`.
    """

    df: pl.DataFrame
    X_df: pl.DataFrame | None
    futr_exog: tuple[str, ...]
    hist_exog: tuple[str, ...]
    freq: int | str


def to_nixtla(
    daily: AnyFrame,
    y: AnyFrame,
    *,
    h: int,
    columns: str | Sequence[str] | None = None,
    exog: Literal["lagged", "hist"] = "lagged",
    lags: int | Sequence[int] | None = None,
    time: Time = "session",
    fill: float | None = None,
    future_ds: FutureDays | None = None,
    y_begins: str = "close",
) -> NixtlaPanel:
    """Make frames for mlforecast and statsforecast (`exog="lagged"`), or for neuralforecast (`exog="hist"`).

    mlforecast and statsforecast need every regressor for the sessions to forecast too. They get the features lagged by
    at least `h` sessions, which are known for all of those sessions. neuralforecast accepts features that are only
    known up to the origin (`hist_exog_list`); it gets the features unchanged.

    With mlforecast, fit with `static_features=[]`: otherwise it treats all features as constant over time.

    Args:
        daily: Daily features: one row for each entity and session, without gaps, in any order. Those of a series must
            extend to its last session with a target: make them up to there, with `end` in the config or `as_of`.
        y: The target: `unique_id` as in the daily features, `ds` (the date of the session whose close settles `y`,
            which begins when the previous session has closed; see `y_begins`), and `y`, without nulls, repeats, or gaps
            between a series' sessions. Series may end on different sessions; each is forecast from its own last one.
        h: The number of sessions to forecast.
        columns: The features to use; by default every numeric column.
        exog: "lagged" or "hist".
        lags: With "lagged", in sessions, each at least `h`; by default only `h`.
        time: "session": `ds` is the number of the session, which is regular whatever the calendar, and `to_dates`
            converts forecasts back. "date": dates, which only works if every day is a session.
        fill: A number that replaces missing features. By default they stay null, and most models fail. Combine it with
            a column such as n_docs or news_flag, so that a filled session can be recognised.
        future_ds: The sessions after the last of the daily features, for `to_dates`: the result of `features.sessions`,
            or its dates. They must be the next ones, without gaps. With a calendar of your own, dates can only be
            checked to increase; a frame from `features.sessions` is checked by its numbers.
        y_begins: When the y of a session begins, relative to the close of the previous session; by default at that
            close. Every feature must be known by then. Use for example "close+1h" if y begins an hour or more after
            the close, such as the return from the next open.

    Returns:
        A frozen result; see `NixtlaPanel`. Rows and series that were left out are counted in `dropped`.

    Raises:
        InputError: The frames do not fit together, a feature is known only after the y that it is used for begins, or
            an argument is invalid.
    """
    if exog not in ("lagged", "hist"):
        raise InputError(f"There is no exog {exog!r}.", 'It is "lagged" or "hist".')
    if exog == "hist" and lags is not None:
        raise InputError("lags go with exog='lagged' only.", "neuralforecast looks back over input_size by itself.")
    h, wanted = check_horizon(h, lags)
    longest = max(wanted) if exog == "lagged" else 0
    aligned = align(daily, y, columns=columns, longest_lag=longest, fill=fill, future_ds=future_ds, y_begins=y_begins)
    sessions = aligned.panel.sessions
    if exog == "hist":
        df = aligned.unlagged(time)
        return NixtlaPanel(
            **vars(aligned.panel),
            df=_in_order(df),
            X_df=None,
            futr_exog=(),
            hist_exog=aligned.columns,
            freq=freq_of(time),
        )
    history, future, names = aligned.lagged(h, wanted)
    df, ahead = times(history, time, sessions), times(future, time, sessions)
    check_future(df, ahead, h=h)
    return NixtlaPanel(
        **vars(aligned.panel),
        df=_in_order(df),
        X_df=_in_order(ahead),
        futr_exog=names,
        hist_exog=(),
        freq=freq_of(time),
    )


def _in_order(frame: pl.DataFrame) -> pl.DataFrame:
    first = [name for name in ("unique_id", DS, "y") if name in frame.columns]
    return frame.select(*first, pl.exclude(*first, SESSION))
