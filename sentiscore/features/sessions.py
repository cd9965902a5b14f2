"""A calendar -> sessions in order, and instants -> the session they count for.

A text counts for the first session whose cutoff is strictly after the instant at which it could be used. So every
text of a session was known before the session's cutoff, and one exactly at the cutoff counts for the next session.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from sentiscore.durations import parse_duration
from sentiscore.errors import InputError
from sentiscore.features.calendar_zone import zone_shown
from sentiscore.features.exchanges import find_exchange
from sentiscore.features.periods import is_period, period_name, period_sessions
from sentiscore.features.times import to_utc
from sentiscore.features.zones import INSTANT, UTC, check_zone, start_of_day
from sentiscore.tables import open_source
from sentiscore.tables.formats import has_readable_name

if TYPE_CHECKING:
    from collections.abc import Callable

Calendar = str | Path | pl.DataFrame | None
"""None for every day; a period, such as "monthly"; the code of an exchange; or a file or frame of sessions."""

_EPOCH: Final = date(1970, 1, 1)
_DAYS: Final = "days"
_FRAME: Final = "frame"
_LONGEST_OFFSET: Final = timedelta(days=7)
_LONGEST_CLOSURE: Final = timedelta(days=60)
_LONGEST_PERIOD: Final = timedelta(days=92)
_HOUR: Final = 3_600_000_000
_NEVER: Final = 2**63 - 1
_ROWS: Final = 1_000_000

_CUTOFF: Final = re.compile(r"(open|close)(?:([+-])(\w+))?")


@dataclass(frozen=True)
class Cutoff:
    """The instant in a session at which its information ends."""

    anchor: Literal["open", "close"]
    offset: timedelta


def parse_cutoff(text: str) -> Cutoff:
    """A cutoff from text such as "close", "open-30m" or "close+1h".

    Raises:
        InputError: The text is not a cutoff, or its offset is more than seven days.
    """
    match = _CUTOFF.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise InputError(
            f"{text!r} is not a cutoff.", "It is open or close, with an offset if wanted, such as open-30m or close+1h."
        )
    anchor, sign, length = match.groups()
    offset = parse_duration(length, "cutoff") if length else timedelta()
    if offset > _LONGEST_OFFSET:
        raise InputError(f"The cutoff {text!r} is more than seven days off.", "Give one closer to the session.")
    return Cutoff("open" if anchor == "open" else "close", -offset if sign == "-" else offset)


class Sessions:
    """The sessions of one calendar.

    Args:
        calendar: None for every calendar day of `day_tz`; "weekly", "W-MON" to "W-SUN", "monthly" or "quarterly", also
            in `day_tz`; the code of an exchange, such as "XNYS"; or a frame, or a file, with the columns `ds` (Date),
            `open` and `close` (with a zone), one row for each session. The first session of a frame only determines
            where the second begins.
        cutoff: The instant in a session at which its information ends.
        day_tz: The zone whose midnight ends a day, if sessions are calendar days or periods.

    Attributes:
        name: The name of the calendar: "days America/New_York", "W-FRI UTC", "XNYS" or "frame".
        zone: The zone of its days; None for a frame whose times do not say it.

    Raises:
        InputError: There is no such calendar, or its sessions do not follow each other.
        MissingExtraError: An exchange is named and exchange_calendars is not installed.
    """

    def __init__(self, calendar: Calendar, *, cutoff: Cutoff, day_tz: str) -> None:
        self._cutoff = cutoff
        self._lock = Lock()
        self._table: pl.DataFrame | None = None
        self._first = self._last = _EPOCH
        self._make: Callable[[date, date], pl.DataFrame]
        self.zone: str | None = None
        self._longest = timedelta(days=2)  # of a session on average; closures are added
        if calendar is None:
            self.zone = day_tz
            self.name = f"{_DAYS} {day_tz}"
            self._make = lambda first, last: _days(first, last, day_tz)
        elif isinstance(calendar, str) and is_period(calendar):
            period = period_name(calendar)
            self.zone = day_tz
            self.name = f"{period} {day_tz}"
            self._longest = _LONGEST_PERIOD
            self._make = lambda first, last: period_sessions(period, first, last, day_tz)
        elif not isinstance(calendar, str | Path | pl.DataFrame):
            raise InputError(
                f"The calendar is of the type {type(calendar).__name__}.",
                "It is the code of an exchange, such as XNYS, or a polars DataFrame or the name of a file of sessions.",
            )
        elif isinstance(calendar, pl.DataFrame) or _is_file(calendar):
            given = _given(calendar)
            sessions = _checked_frame(given, "The calendar" + ("" if given is calendar else f" {calendar}"))
            self.zone = zone_shown([given["open"], given["close"]])
            self.name = _FRAME
            self._make = lambda _first, _last: sessions
        else:
            exchange = find_exchange(str(calendar))
            self.name = exchange.name
            self.zone = exchange.zone
            self._make = exchange.sessions

    def place(self, known: pl.Series) -> pl.Series:
        """The session that each instant counts for.

        Args:
            known: Instants in UTC from which something could be used.

        Returns:
            Positions of sessions (Int32); null for a missing instant, and for one before or after all sessions of a
            frame.

        Raises:
            InputError: An exchange's calendar does not extend that far.
        """
        if known.null_count() == known.len():
            return pl.repeat(None, known.len(), dtype=pl.Int32, eager=True)
        first, last = known.min(), known.max()
        if not isinstance(first, datetime) or not isinstance(last, datetime):
            raise TypeError("instants are needed")
        table = self._covering(first.date() - _LONGEST_OFFSET * 2, last.date() + _LONGEST_OFFSET * 2)
        positions = _first_after(table["cutoff"].cast(pl.Int64), known.cast(pl.Int64))
        within = (positions > 0) & (positions < table.height)
        if within.all():
            return table["session_idx"].gather(positions)
        if self.name != _FRAME and (bad := int((~within).sum())):
            raise InputError(
                f"The calendar {self.name} is known from {table['ds'][0]} to {table['ds'][-1]}, and {bad:,} texts "
                "lie outside.",
                "Leave those rows out, or give a frame or file of sessions as the calendar.",
            )
        return table["session_idx"].gather(positions.set(~within, None))

    def between(self, first: int, last: int) -> pl.DataFrame:
        """The sessions from one position to another that are known so far, in order.

        Returns:
            session_idx (Int32), ds (Date), open, close and cutoff (UTC), and n_calendar_days (Int32), the days since
            the previous session.
        """
        table = self._covering(_EPOCH, _EPOCH) if self._table is None else self._table
        return table.filter(pl.col("session_idx").is_between(first, last))

    def positions(self, first: date | None, last: date | None) -> tuple[int | None, int | None]:
        """The positions of the first session at or after a date, and of the last one at or before a date."""
        dates = [day for day in (first, last) if day is not None]
        if not dates:
            return None, None
        table = self._covering(min(dates), max(dates))
        usable = table[1:]  # the first one only determines where the second begins
        found = (
            None if first is None else _only(usable.filter(pl.col("ds") >= first)["session_idx"].head(1)),
            None if last is None else _only(usable.filter(pl.col("ds") <= last)["session_idx"].tail(1)),
        )
        for day, index in zip((first, last), found, strict=True):
            if day is not None and index is None:
                raise InputError(
                    f"The calendar {self.name} has sessions from {table['ds'][0]} to {table['ds'][-1]}, and {day} "
                    "lies outside.",
                    "Give another start or end.",
                )
        return found

    def listed(self, first: date, last: date) -> pl.DataFrame:
        """All sessions from one date to another, as `between` returns them.

        Raises:
            InputError: The calendar does not extend that far, so there may be sessions that it does not know.
        """
        table = self._covering(first, last)
        for day in (first, last):
            if not table["ds"][0] <= day <= table["ds"][-1]:
                raise InputError(
                    f"The calendar {self.name} has sessions from {table['ds'][0]} to {table['ds'][-1]}, and {day} "
                    "lies outside.",
                    "Give another start or end, or a calendar that extends that far.",
                )
        return table[1:].filter(pl.col("ds").is_between(first, last))  # the first one has no known beginning

    def following(self, day: date, n: int) -> pl.DataFrame:
        """The next n sessions after a date, as `between` returns them; fewer if the calendar ends."""
        table = self._covering(day, day + n * self._longest + _LONGEST_CLOSURE)
        return table.filter(pl.col("ds") > day).head(n)

    def last_closed(self, instant: datetime) -> int | None:
        """The position of the last session whose cutoff is at or before an instant (UTC); None if there is none."""
        around = instant.date()
        table = self._covering(around - _LONGEST_OFFSET * 2, around + _LONGEST_OFFSET * 2)
        return _only(table.filter(pl.col("cutoff") <= instant)["session_idx"].tail(1))

    def _covering(self, first: date, last: date) -> pl.DataFrame:
        """The sessions around these dates, and those requested earlier; safe to call from several threads."""
        with self._lock:
            return self._cover(first, last)

    def _cover(self, first: date, last: date) -> pl.DataFrame:
        if self._table is not None and self._first <= first and last <= self._last:
            return self._table
        if self._table is not None:
            first, last = min(first, self._first), max(last, self._last)
        # complete years, so that rows that come in parts seldom extend it
        self._first, self._last = date(first.year, 1, 1), date(last.year, 12, 31)
        offset = self._cutoff.offset
        self._table = (
            self._make(self._first, self._last)
            .select(
                "session_idx",
                "ds",
                pl.col("open", "close").cast(INSTANT),
                cutoff=(pl.col(self._cutoff.anchor) + offset).cast(INSTANT),
                n_calendar_days=pl.col("ds").diff().dt.total_days().cast(pl.Int32),
            )
            .rechunk()
        )
        return self._table


def calendar_named(name: str) -> Sessions | None:
    """The calendar with this `Sessions.name`; None for a frame, which its name does not identify."""
    if name == _FRAME:
        return None
    kind, _, zone = name.partition(" ")
    zoned = kind == _DAYS or is_period(kind)
    day_tz = check_zone(zone, "in the column calendar") if zoned else UTC
    calendar = None if kind == _DAYS else kind if zoned else name
    return Sessions(calendar, cutoff=parse_cutoff("close"), day_tz=day_tz)


def _first_after(cutoffs: pl.Series, instants: pl.Series) -> pl.Series:
    """The position of the first cutoff after each instant; the number of cutoffs if there is none.

    If no two cutoffs are within an hour, the hour of an instant determines which one may be next, and one comparison
    decides whether it is; that is faster than a search.
    """
    low, high = instants.min(), instants.max()
    gaps = cutoffs.diff().drop_nulls()
    if not isinstance(low, int) or not isinstance(high, int) or (gaps < _HOUR).any():
        return cutoffs.search_sorted(instants, side="right").set(instants.is_null(), None)
    start = low // _HOUR * _HOUR
    hours = pl.int_range(start, high + 1, _HOUR, eager=True)
    next_of_hour = cutoffs.search_sorted(hours, side="right").cast(pl.UInt32)
    maybe = next_of_hour.gather((instants - start) // _HOUR)
    # an instant after the last cutoff has no candidate
    passed = instants >= pl.concat([cutoffs, pl.Series([_NEVER])]).gather(maybe)
    return maybe + passed.cast(pl.UInt32)


def _only(indices: pl.Series) -> int | None:
    return None if indices.is_empty() else int(indices[0])


def _days(first: date, last: date, day_tz: str) -> pl.DataFrame:
    """Every calendar day of a zone; its position is the number of days since 1970."""
    days = pl.date_range(first - timedelta(days=1), last + timedelta(days=2), "1d", eager=True).alias("ds")
    bounds = start_of_day(days, day_tz)
    table = pl.DataFrame({"ds": days, "open": bounds, "close": bounds.shift(-1)}).head(-1)
    return table.with_columns((pl.col("ds") - _EPOCH).dt.total_days().cast(pl.Int32).alias("session_idx"))


def _is_file(calendar: str | Path) -> bool:
    return isinstance(calendar, Path) or has_readable_name(calendar)


def _given(calendar: pl.DataFrame | str | Path) -> pl.DataFrame:
    """The rows of a calendar; times with an offset that polars does not support are text, which keeps the offset."""
    if isinstance(calendar, pl.DataFrame):
        return calendar
    source = open_source(calendar).with_offsets()
    return pl.concat([pl.DataFrame(schema=source.schema), *source.windows(_ROWS)])


def _checked_frame(given: pl.DataFrame, where: str) -> pl.DataFrame:
    """A user's sessions, in order and numbered from 0."""
    hint = "It has a row for each session: ds (its date), open and close (times with a zone)."
    if missing := [name for name in ("ds", "open", "close") if name not in given.columns]:
        raise InputError(f"{where} lacks {', '.join(missing)}.", hint)
    days = given["ds"]
    if days.dtype == pl.String:
        days = days.str.to_date("%Y-%m-%d", strict=False)
    if days.dtype != pl.Date:
        raise InputError(f"The column ds of the calendar holds {days.dtype}, not dates.", hint)
    sessions = pl.DataFrame({"ds": days, "open": to_utc(given["open"], None), "close": to_utc(given["close"], None)})
    if sum(sessions.null_count().row(0)):
        raise InputError(f"{where} has sessions without a date, an open or a close.", hint)
    sessions = sessions.sort("ds", "close")
    if sessions.height < 2:  # noqa: PLR2004 - the first only determines where the second begins
        raise InputError(f"{where} has fewer than two sessions.", hint)
    if (sessions["open"] >= sessions["close"]).any():
        raise InputError(f"{where} has a session that closes before it opens.", hint)
    for wrong, what in (
        (sessions["ds"].diff() <= timedelta(), "is there twice"),
        (sessions["open"] < sessions["close"].shift(), "opens before the session before it closes"),
    ):
        if wrong.any():
            day = sessions["ds"].filter(wrong.fill_null(value=False))[0]
            raise InputError(f"{where} has sessions that do not follow each other: {day} {what}.", hint)
    return sessions.with_row_index("session_idx").with_columns(pl.col("session_idx").cast(pl.Int32))
