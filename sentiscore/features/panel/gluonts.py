"""For GluonTS, whose `past_feat_dynamic_real` is the slot for what is known up to the origin alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from sentiscore.errors import import_extra
from sentiscore.features.grid import DS, ID
from sentiscore.features.panel.ahead import FutureDays
from sentiscore.features.panel.frames import Panel, Time, Y, align

FREQ: Final = "D"


@dataclass(frozen=True)
class GluontsPanel(Panel):
    """What GluonTS takes.

    Attributes:
        dataset: For each series an entry with `item_id`, `start`, `target` and `past_feat_dynamic_real`, the
            numbers in float32.
        columns: The features, in the order of the rows of `past_feat_dynamic_real`.
        freq: What GluonTS wants as `freq`.
    """

    dataset: list[dict[str, Any]]
    columns: tuple[str, ...]
    freq: str


def to_gluonts(
    daily: pl.DataFrame,
    y: pl.DataFrame,
    *,
    columns: str | Sequence[str] | None = None,
    time: Time = "session",
    fill: float | None = None,
    future_ds: FutureDays | None = None,
    y_begins: str = "close",
) -> GluontsPanel:
    """A dataset for GluonTS, which is a list of entries; GluonTS itself need not be installed.

    GluonTS knows no steps without dates. With `time="session"` a session is one day of a stand-in calendar, in
    which session n is the day n after 1970-01-01 (`period.ordinal == n`): the days of its weeks and months mean
    nothing, so give estimators that make features of them `time_features=[]`.

    Args:
        daily: Daily features; see `to_nixtla`.
        y: The target; see `to_nixtla`.
        columns: The features to use; by default every column of numbers.
        time: "session", or "date" where every day is a session.
        fill: A number in place of a missing feature; by default it is NaN, which few models take.
        future_ds: The sessions to come, for `to_dates`; see `to_nixtla`.
        y_begins: When the y of a session begins; see `to_nixtla`.

    Raises:
        InputError: The frames do not fit together, a feature is known only after the y that it is used for begins, or
            an argument cannot be used.
        MissingExtraError: pandas is not installed.
    """
    aligned = align(daily, y, columns=columns, fill=fill, future_ds=future_ds, y_begins=y_begins)
    frame = stand_in_days(aligned.unlagged(time))
    pandas = import_extra("pandas", "forecast")
    dataset = [
        {
            "item_id": str(entity),
            "start": pandas.Period(rows[DS][0], freq=FREQ),
            "target": rows[Y].cast(pl.Float32).to_numpy(),  # what its networks compute in
            "past_feat_dynamic_real": rows[list(aligned.columns)].cast(pl.Float32).to_numpy().T.copy(),
        }
        for (entity,), rows in frame.group_by(ID, maintain_order=True)
    ]
    return GluontsPanel(**vars(aligned.panel), dataset=dataset, columns=aligned.columns, freq=FREQ)


def stand_in_days(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with days in `ds`: session n becomes the day n after 1970-01-01."""
    days = frame[DS]
    return frame if days.dtype == pl.Date else frame.with_columns(days.cast(pl.Int32).cast(pl.Date))
