"""For GluonTS, which takes features that are only known up to the origin as `past_feat_dynamic_real`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from sentiscore.errors import import_extra
from sentiscore.features.grid import DS, ID
from sentiscore.features.panel.ahead import FutureDays
from sentiscore.features.panel.frames import Panel, Time, Y, align
from sentiscore.frames import AnyFrame

FREQ: Final = "D"


@dataclass(frozen=True)
class GluontsPanel(Panel):
    """Input for GluonTS.

    Attributes:
        dataset: For each series an entry with `item_id`, `start`, `target` and `past_feat_dynamic_real`, the numbers as
            float32.
        columns: The features, in the order of the rows of `past_feat_dynamic_real`.
        freq: The value for GluonTS's `freq`.
    """

    dataset: list[dict[str, Any]]
    columns: tuple[str, ...]
    freq: str


def to_gluonts(
    daily: AnyFrame,
    y: AnyFrame,
    *,
    columns: str | Sequence[str] | None = None,
    time: Time = "session",
    fill: float | None = None,
    future_ds: FutureDays | None = None,
    y_begins: str = "close",
) -> GluontsPanel:
    """Make a dataset for GluonTS, a list of entries; GluonTS itself need not be installed.

    GluonTS's time steps need dates. With `time="session"` a session is one day of a stand-in calendar, in which session
    n is day n after 1970-01-01 (`period.ordinal == n`). Its weekdays and days of the month are meaningless, so pass
    `time_features=[]` to estimators that make features from them.

    Args:
        daily: Daily features; see `to_nixtla`.
        y: The target; see `to_nixtla`.
        columns: The features to use; by default every numeric column.
        time: "session", or "date" if every day is a session.
        fill: A number that replaces missing features; by default they are NaN, which few models accept.
        future_ds: The sessions to come, for `to_dates`; see `to_nixtla`.
        y_begins: When the y of a session begins; see `to_nixtla`.

    Raises:
        InputError: The frames do not fit together, a feature is known only after the y that it is used for begins, or
            an argument is invalid.
        MissingExtraError: pandas is not installed.
    """
    aligned = align(daily, y, columns=columns, fill=fill, future_ds=future_ds, y_begins=y_begins)
    frame = stand_in_days(aligned.unlagged(time))
    pandas = import_extra("pandas", "forecast")
    dataset = [
        {
            "item_id": str(entity),
            "start": pandas.Period(rows[DS][0], freq=FREQ),
            "target": rows[Y].cast(pl.Float32).to_numpy(),  # the type its networks compute in
            "past_feat_dynamic_real": rows[list(aligned.columns)].cast(pl.Float32).to_numpy().T.copy(),
        }
        for (entity,), rows in frame.group_by(ID, maintain_order=True)
    ]
    return GluontsPanel(**vars(aligned.panel), dataset=dataset, columns=aligned.columns, freq=FREQ)


def stand_in_days(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with days in `ds`: session n becomes day n after 1970-01-01."""
    days = frame[DS]
    return frame if days.dtype == pl.Date else frame.with_columns(days.cast(pl.Int32).cast(pl.Date))
