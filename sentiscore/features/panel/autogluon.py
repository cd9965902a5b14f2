"""For AutoGluon, which treats covariates as past-only unless they are declared as known in advance."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, cast

import polars as pl

from sentiscore import forks
from sentiscore.errors import MissingExtraError
from sentiscore.features.grid import DS, ID
from sentiscore.features.panel.ahead import FutureDays
from sentiscore.features.panel.frames import Panel, Time, Y, align
from sentiscore.features.panel.gluonts import FREQ, stand_in_days
from sentiscore.frames import AnyFrame, Frame, opened
from sentiscore.tables.exact import exactly, series_of

_TIMESTAMP: Final = "timestamp"


@dataclass(frozen=True)
class AutogluonPanel(Panel):
    """Input for AutoGluon.

    Attributes:
        df: `item_id` (text), `timestamp`, `target` and the features, up to each series' origin.
        past_covariates: The names of the features. Leave them out of `known_covariates_names`.
        freq: The value for AutoGluon's `freq`.
        time: "session" or "date", as requested.
    """

    df: pl.DataFrame
    past_covariates: tuple[str, ...]
    freq: str
    time: Time

    def time_series(self) -> Any:
        """The frame as AutoGluon's TimeSeriesDataFrame.

        Raises:
            MissingExtraError: AutoGluon is not installed.
        """
        forks.check()
        try:
            timeseries = import_module("autogluon.timeseries")
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                "This needs autogluon.timeseries, which is not installed.",
                "If it cannot be installed next to sentiscore, write .df to a parquet file and read that in its own "
                "environment with TimeSeriesDataFrame.from_data_frame.",
            ) from error
        return timeseries.TimeSeriesDataFrame.from_data_frame(self.df.to_pandas())

    def to_dates(self, forecasts: Frame, column: str = _TIMESTAMP) -> Frame:
        """Replace stand-in days in forecasts by the true dates; see `Panel.to_dates`."""
        given = opened(forecasts, "The forecasts").whole()
        if self.time == "date":
            return forecasts
        if column not in given.schema or not given.schema[column].is_temporal():
            return super().to_dates(forecasts, column)
        numbers = series_of(given.read([column]), column).cast(pl.Date).cast(pl.Int32).alias(column)
        return super().to_dates(cast("Frame", given.with_columns(pl.DataFrame([numbers]))), column)


def to_autogluon(
    daily: AnyFrame,
    y: AnyFrame,
    *,
    columns: str | Sequence[str] | None = None,
    time: Time = "session",
    fill: float | None = None,
    future_ds: FutureDays | None = None,
    y_begins: str = "close",
) -> AutogluonPanel:
    """Make a frame for AutoGluon, which itself need not be installed.

    AutoGluon's time steps need dates. With `time="session"` a session is one day of a stand-in calendar, in which
    session n is day n after 1970-01-01.

    Args:
        daily: Daily features; see `to_nixtla`.
        y: The target; see `to_nixtla`.
        columns: The features to use; by default every numeric column.
        time: "session", or "date" if every day is a session.
        fill: A number that replaces missing features; by default they stay null, and AutoGluon fills them itself.
        future_ds: The sessions to come, for `to_dates`; see `to_nixtla`.
        y_begins: When the y of a session begins; see `to_nixtla`.

    Raises:
        InputError: The frames do not fit together, a feature is known only after the y that it is used for begins, or
            an argument is invalid.
    """
    aligned = align(daily, y, columns=columns, fill=fill, future_ds=future_ds, y_begins=y_begins)
    frame = stand_in_days(aligned.unlagged(time)).select(
        pl.col(ID).cast(pl.String).alias("item_id"),
        pl.col(DS).cast(pl.Datetime("us")).alias(_TIMESTAMP),
        pl.col(Y).alias("target"),
        exactly(*aligned.columns),
    )
    return AutogluonPanel(**vars(aligned.panel), df=frame, past_covariates=aligned.columns, freq=FREQ, time=time)
