"""The sessions of an exchange, from the library exchange_calendars.

The library is an extra and computes with pandas. With some versions of pandas it raises for some calendars and leaves
sessions out of others, so its result is checked, and whatever it raises becomes one message.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore.errors import InputError, SentiscoreError, import_extra
from sentiscore.features.periods import PERIODS
from sentiscore.tables.formats import READABLE

_EPOCH: Final = date(1970, 1, 1)
_FIRST: Final = date(1900, 1, 1)
_AHEAD: Final = timedelta(days=400)
"""How far beyond the last text a calendar is looked up: more than any closure, offset and latency together."""

_MARGIN: Final = timedelta(days=14)
_TABLE: Final = f"a file of sessions with the columns ds, open and close ({READABLE})"
_UNFIT_PANDAS: Final = (3, 1)
"""The first version of pandas under which exchange_calendars 4.13 fails for some calendars."""


@dataclass(frozen=True)
class Exchange:
    """An exchange that the library knows.

    Attributes:
        name: Its code; the one that an alias stands for.
        zone: The time zone that it is in.
        start: The first day that it can give.
        end: The last day, if the library has a limit.
    """

    name: str
    zone: str
    start: date
    end: date | None

    def sessions(self, first: date, last: date) -> pl.DataFrame:
        """All sessions from the first known one to well after `last`; see `_sessions`."""
        end = max(last, self.start) + _AHEAD
        return _sessions(self.name, self.start, end if self.end is None else min(end, self.end))


@lru_cache(maxsize=16)
def find_exchange(code: str) -> Exchange:
    """The facts about an exchange.

    Args:
        code: A code of the library, such as "XNYS", or one of its aliases, such as "NYSE".

    Raises:
        InputError: The library has no calendar with this code, or cannot build it in this environment.
        MissingExtraError: The library is not installed.
    """
    library = import_extra("exchange_calendars", "calendars")
    try:
        with _translated(code):
            usual = library.get_calendar(code)
            lower, upper = (None if bound is None else bound.date() for bound in (usual.bound_min(), usual.bound_max()))
            first = _FIRST if lower is None else max(_FIRST, lower)
            return Exchange(str(usual.name), str(usual.tz), first, upper)
    except library.errors.InvalidCalendarName as error:
        raise InputError(
            f"There is no calendar {code!r}.",
            f"It is the code of an exchange, such as XNYS or XLON, {PERIODS}, or {_TABLE}.",
        ) from error


@lru_cache(maxsize=16)
def _sessions(name: str, start: date, end: date) -> pl.DataFrame:
    """The sessions of an exchange: session_idx (Int32), ds (Date), open and close (UTC).

    They are counted from the first session of 1970 on, or of the first known year after it, so that a session
    has the same position in every request.
    """
    library = import_extra("exchange_calendars", "calendars")
    with _translated(name):
        calendar = library.get_calendar(name, start=str(start), end=str(end))
        sessions = _schedule(calendar)
        if _wrong_days(calendar, sessions).size:
            sessions = _with_special_weeks(calendar, sessions)
        wrong = _wrong_days(calendar, sessions)
    if wrong.size:
        raise _unfit(name, f"gets {wrong.size:,} of its sessions wrong, such as {wrong[-1]},")
    before = int((sessions["ds"] < _EPOCH).sum())
    return sessions.with_columns((pl.int_range(pl.len(), dtype=pl.Int32) - before).alias("session_idx"))


def _schedule(calendar: Any) -> pl.DataFrame:
    """The sessions of a calendar of the library: ds, open and close."""
    opens, closes = (column.dt.tz_convert(None).to_numpy() for column in (calendar.opens, calendar.closes))
    days = pl.Series(calendar.sessions.to_numpy()).cast(pl.Date)
    return pl.DataFrame({"ds": days, "open": opens, "close": closes}).with_columns(
        pl.col("open", "close").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    )


def _special_weeks(calendar: Any, sessions: pl.DataFrame) -> list[tuple[date, date, str]]:
    """The spans in which other days of the week were sessions, mainly Saturdays, within those that were built."""
    first, last = sessions["ds"][0], sessions["ds"][-1]
    spans = [
        (first if begin is None else max(first, begin.date()), last if end is None else min(last, end.date()), weekdays)
        for begin, end, weekdays in getattr(calendar, "special_weekmasks", ())
    ]
    return [span for span in spans if span[0] < span[1]]


def _wrong_days(calendar: Any, sessions: pl.DataFrame) -> npt.NDArray[np.datetime64]:
    """The days of special weeks that should be sessions and are not, or the other way round."""
    made = sessions["ds"].to_numpy()
    wrong = made[:0]
    for first, last, weekdays in _special_weeks(calendar, sessions):
        low, high = np.datetime64(first), np.datetime64(last)
        days = np.arange(low, high + 1)
        expected = days[np.is_busday(days, weekmask=weekdays, holidays=calendar.day.holidays)]
        wrong = np.union1d(wrong, np.setxor1d(expected, made[(made >= low) & (made <= high)]))
    return wrong


def _with_special_weeks(calendar: Any, sessions: pl.DataFrame) -> pl.DataFrame:
    """The sessions of a calendar, with its special weeks rebuilt.

    The library composes special weeks of several rules, which pandas 3.1 passes over without a word. Each span is made
    here with its own days of the week as the only rule, which every pandas follows.
    """
    for first, last, weekdays in _special_weeks(calendar, sessions):
        within = type("Span", (type(calendar),), {"weekmask": weekdays, "special_weekmasks": ()})
        # slightly longer than the span: special hours of days that it does not have go to the last one
        span = _schedule(within(start=str(first), end=str(last + _MARGIN)))
        in_span = pl.col("ds").is_between(first, last)
        sessions = pl.concat([sessions.filter(~in_span), span.filter(in_span)]).sort("ds")
    return sessions


@contextmanager
def _translated(code: str) -> Iterator[None]:
    """Whatever the library raises becomes an InputError; pandas' warnings about the library do not concern the user."""
    unknown = import_extra("exchange_calendars", "calendars").errors.InvalidCalendarName
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (SentiscoreError, unknown):
            raise
        except Exception as error:  # it computes with pandas, so it may raise anything
            raise _unfit(code, f"raises {type(error).__name__}") from error


def _unfit(code: str, fault: str) -> InputError:
    """The error for a calendar that the library cannot build here."""
    pandas, library = version("pandas"), version("exchange_calendars")
    older = tuple(int(part) for part in pandas.split(".")[:2]) >= _UNFIT_PANDAS
    return InputError(
        f"The calendar {code!r} cannot be made: exchange_calendars {library} {fault} with pandas {pandas}.",
        ("Install an older pandas: pip install 'pandas<3.1'. Or give" if older else "Give")
        + f" {_TABLE} as the calendar.",
    )
