"""The sessions of a calendar as a list, including future ones."""

from datetime import date, datetime
from typing import Final

import polars as pl

from sentiscore import forks
from sentiscore.errors import InputError
from sentiscore.features.periods import is_period
from sentiscore.features.sessions import Calendar, Sessions, parse_cutoff
from sentiscore.features.zones import UTC, check_zone

_FIRST_DAY: Final = date(1900, 1, 1)
_LAST_DAY: Final = date(2199, 12, 31)


def sessions(
    calendar: Calendar, start: date | str, end: date | str, *, cutoff: str = "close", day_tz: str | None = None
) -> pl.DataFrame:
    """The sessions of a calendar, including future ones, as `features.daily` uses them.

    Args:
        calendar: None for every calendar day; "weekly", "W-MON" to "W-SUN", "monthly" or "quarterly"; the code of an
            exchange, such as "XNYS"; or a frame, or the name of a file, of sessions.
        start: The first date, such as "2024-01-05". It need not be a session.
        end: The last date.
        cutoff: Where in a session its information ends, as in `DailyConfig`.
        day_tz: The zone whose midnight ends a day, by default UTC. Only where days or periods are the sessions.

    Returns:
        One row for each session: ds (Date; the last day of a period), session_idx (Int32), and as instants in
        UTC session_open, session_close and available_at, the cutoff.

    Raises:
        InputError: There is no such calendar or zone, a date cannot be used, or the calendar does not reach that far.
        MissingExtraError: An exchange is named and exchange_calendars is not installed.
    """
    forks.check()
    if calendar is not None and not is_period(calendar) and day_tz is not None:
        raise InputError("A calendar has days of its own, so day_tz does not go with it.", "Leave out one of them.")
    first, last = _day(start, "start"), _day(end, "end")
    if last < first:
        raise InputError(f"The sessions from {first} to {last} would end before they begin.", "Give a later end.")
    zone = check_zone(UTC if day_tz is None else day_tz, "day_tz")
    listed = Sessions(calendar, cutoff=parse_cutoff(cutoff), day_tz=zone).listed(first, last)
    return listed.select(
        "ds", "session_idx", session_open="open", session_close="close", available_at="cutoff"
    ).rechunk()


def _day(given: object, name: str) -> date:
    try:
        day = date.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        day = None
    if not isinstance(day, date) or isinstance(day, datetime) or not _FIRST_DAY <= day <= _LAST_DAY:
        raise InputError(
            f"{name} is {given!r}, which is not a date from {_FIRST_DAY} to {_LAST_DAY}.", "Write it as 2024-01-05."
        )
    return day
