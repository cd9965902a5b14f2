"""The sessions to come: how many are forecast, their dates, and whether a future frame has all of them."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.grid import CALENDAR, DS, ID, SESSION, whole_number, whole_numbers
from sentiscore.features.sessions import calendar_named
from sentiscore.frames import AnyFrame, in_polars
from sentiscore.tables.exact import exactly

FutureDays = Sequence[date] | pl.Series | pl.DataFrame
"""Dates, or the result of `features.sessions`."""

_WHAT: Final = "Give the dates of the sessions to come."


def check_future(df: AnyFrame, future: AnyFrame, *, h: int, time_col: str = DS) -> None:
    """Raise an InputError unless a future frame is complete: h rows for each series, right after its last.

    Some libraries read the rows of a future frame by position. If one is missing, a series gets the numbers of another,
    with a warning at best. Panels of this package are complete; use this check for a frame that you changed or made
    yourself.

    Args:
        df: The frame that the model is fitted on, with `unique_id` and `time_col`.
        future: The frame for the sessions to come.
        h: The number of sessions to forecast.
        time_col: The column of times. Numbers must be consecutive; for dates only their count and order can be checked.
    """
    h = _horizon(h)
    past, ahead = in_polars(df, "The frame df"), in_polars(future, "The frame future")
    for name, frame in (("df", past), ("future", ahead)):
        if missing := [column for column in (ID, time_col) if column not in frame.columns]:
            raise InputError(f"The frame {name} lacks the column {missing[0]!r}.")
    if (twice := ahead[[ID, time_col]].is_duplicated()).any():
        raise InputError(f"{twice.sum():,} rows of the future frame share their series and time.")
    last = past.group_by(ID).agg(exactly(time_col).max().alias("last"))
    found = ahead.group_by(ID).agg(
        pl.len().cast(pl.Int64).alias("rows"),
        exactly(time_col).min().alias("first_new"),
        exactly(time_col).max().alias("last_new"),
    )
    if unknown := found.join(last, on=ID, how="anti")[ID].sort().to_list():
        raise InputError(f"The future frame has series that are not fitted: {some(unknown)}.")
    both = last.join(found, on=ID, how="left").with_columns(pl.col("rows").fill_null(0))
    right = (pl.col("rows") == h) & (pl.col("first_new") > pl.col("last"))
    if past.schema[time_col].is_integer() and ahead.schema[time_col].is_integer():
        right &= (pl.col("first_new") == pl.col("last") + 1) & (pl.col("last_new") == pl.col("last") + h)
    wrong = both.filter(~right.fill_null(value=False)).sort(ID)
    if wrong.height:
        raise InputError(
            f"The future frame needs the {h} sessions after the last one of each series, and does not have them for "
            f"{wrong.height:,} of {both.height:,} series, for example {wrong[ID][0]} ({wrong['rows'][0]} rows).",
            "Make it with to_nixtla or to_sktime, and pass it unchanged.",
        )


def check_horizon(h: int, lags: int | Sequence[int] | None) -> tuple[int, list[int]]:
    """The horizon and the lags, by default only the horizon; an error if a lag is not known for all of its steps."""
    h = _horizon(h)
    wanted = [h] if lags is None else whole_numbers(lags)
    hint = f"For h={h} a lag is a whole number of {h} or more."
    if wanted is None:
        raise InputError(f"lags must be whole numbers, but is {lags!r}.", hint)
    if not wanted or len(set(wanted)) < len(wanted):
        raise InputError("lags names no lag, or one twice.", hint)
    if (shortest := min(wanted)) < h:
        raise InputError(
            f"A lag of {shortest} is not known for all of the {h} sessions ahead.",
            f"Use lags of {h} or more, or a smaller h; the last step would need tomorrow's news.",
        )
    return h, wanted


def _horizon(h: int) -> int:
    number = whole_number(h)
    if number is None or number < 1:
        raise InputError(f"h must be a whole number of 1 or more, but is {h!r}.", "It counts the sessions to forecast.")
    return number


def with_future(rows: pl.DataFrame, future_ds: FutureDays | None) -> pl.DataFrame:
    """The sessions of daily rows, followed by those to come: session_idx and ds.

    Args:
        rows: session_idx, ds and calendar of daily rows.
        future_ds: The sessions to come, or their dates.

    Raises:
        InputError: They are not the next sessions of the calendar. For a user's own calendar, dates must only increase,
            and the sessions of a frame must continue the numbering.
    """
    known = rows.select(SESSION, DS).unique().sort(SESSION)
    if future_ds is None or known.is_empty():
        return known
    days, given = _days(future_ds)
    if days.is_empty():
        return known
    last_number, last_day = known.row(-1)
    if not (days.diff().drop_nulls() > timedelta(0)).all() or days[0] <= last_day:
        raise InputError(
            f"future_ds must increase and begin after {last_day}, the last session of the daily features.",
            "Give the dates of the sessions to come, each once.",
        )
    numbers = pl.int_range(last_number + 1, last_number + 1 + days.len(), dtype=pl.Int64, eager=True)
    if given is not None and not given.equals(numbers):
        raise InputError(
            f"future_ds has the sessions {some(given.to_list())}, and those after {last_day} are numbered "
            f"{some(numbers.to_list())}.",
            "Give those of the calendar that the daily features were made with, from the next session on.",
        )
    for name in rows[CALENDAR].unique().sort():
        _check_days(days, name, last_day)
    return pl.concat([known, pl.DataFrame({SESSION: numbers, DS: days})])


def _days(future_ds: FutureDays) -> tuple[pl.Series, pl.Series | None]:
    """The dates of the sessions to come, and their numbers if there are any."""
    numbers = None
    if isinstance(future_ds, pl.DataFrame) and (missing := {SESSION, DS} - set(future_ds.columns)):
        raise InputError(
            f"future_ds holds no dates. It is a frame without the column {min(missing)!r}.",
            "Give the frame that features.sessions returns, or one column of dates.",
        )
    try:
        if isinstance(future_ds, pl.DataFrame):
            numbers = future_ds[SESSION]
            numbers = numbers.cast(pl.Int64) if numbers.dtype.is_integer() else numbers
            future_ds = future_ds[DS]
        days = pl.Series(DS, future_ds)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise InputError("future_ds holds no dates.", _WHAT) from error
    if not days.is_empty() and (days.dtype != pl.Date or days.null_count()):
        raise InputError(f"future_ds holds {days.dtype}, not dates.", _WHAT)
    return days, numbers


def _check_days(days: pl.Series, name: str, last_day: date) -> None:
    """Raise an InputError unless these are the next sessions of a calendar, if its name identifies it."""
    calendar = calendar_named(name) if name else None
    if calendar is None:
        return
    expected = calendar.following(last_day, days.len())["ds"]
    if expected.equals(days):
        return
    extra = days.filter(~days.is_in(expected.implode()))
    missing = expected.filter(~expected.is_in(days.implode()) & (expected < days[-1]))
    wrong = f"{missing[0]} is missing" if missing.len() else f"{extra[0]} is not one"
    raise InputError(
        f"future_ds has to be the sessions of the calendar {name} after {last_day}, the last of the daily features, "
        f"without gaps: {wrong}.",
        f"The next {days.len():,} are: {some(expected.to_list())}. features.sessions lists them.",
    )


def some(names: Sequence[object], most: int = 5) -> str:
    """The first few of several things."""
    return ", ".join(map(str, names[:most])) + (", ..." if len(names) > most else "")
