"""Weeks, months and quarters as sessions: they begin and end at a midnight of a zone."""

from datetime import date, timedelta
from typing import Final

import polars as pl

from sentiscore.features.zones import start_of_day

PERIODS: Final = "weekly, W-MON to W-SUN, monthly or quarterly"
_WEEKDAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_EVERY: Final = {
    "monthly": "1mo",
    "quarterly": "1q",
    "weekly": "1w",
    **{f"W-{weekday}": "1w" for weekday in _WEEKDAYS},
}
_EPOCH: Final = date(1970, 1, 1)
_MARGIN: Final = timedelta(days=200)
"""More than two quarters, so that there is a period before and after every requested one."""


def is_period(calendar: object) -> bool:
    """Whether a calendar is the name of a period, such as "weekly", "W-FRI", "monthly" or "quarterly"."""
    return isinstance(calendar, str) and calendar in _EVERY


def period_name(calendar: str) -> str:
    """The one name of a period: "weekly" ends on Sunday, so it is "W-SUN"."""
    return "W-SUN" if calendar == "weekly" else calendar


def period_sessions(name: str, first: date, last: date, day_tz: str) -> pl.DataFrame:
    """All periods around two dates, numbered from the one that contains 1970-01-01.

    Args:
        name: The name of a period, as `period_name` gives it.
        first: The first date.
        last: The last date.
        day_tz: The zone whose midnights they begin and end at.

    Returns:
        session_idx (Int32), ds (Date), the last day of the period, and open and close (UTC).
    """
    every = _EVERY[name]
    starts = pl.date_range(_begin(name, first - _MARGIN), last + _MARGIN, every, eager=True).alias("start")
    bounds = start_of_day(starts, day_tz)
    months = (pl.col("start").dt.year().cast(pl.Int32) - _EPOCH.year) * 12 + pl.col("start").dt.month() - 1
    weeks = (pl.col("start") - _begin(name, _EPOCH)).dt.total_days() // 7
    number = {"1mo": months, "1q": months // 3, "1w": weeks}[every]
    table = pl.DataFrame({"start": starts, "open": bounds, "close": bounds.shift(-1)}).with_columns(
        number.cast(pl.Int32).alias("session_idx"), (pl.col("start").shift(-1) - timedelta(days=1)).alias("ds")
    )
    return table.head(-1).select("session_idx", "ds", "open", "close")


def _begin(name: str, day: date) -> date:
    """The first day of the period that a date is in."""
    if name == "monthly":
        return day.replace(day=1)
    if name == "quarterly":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    after_last = (_WEEKDAYS.index(name[2:]) + 1) % 7
    return day - timedelta(days=(day.weekday() - after_last) % 7)
