"""Times of exactly midnight: they may be dates without a time, and then they are known a day later.

A midnight leaks if it is read as an instant but means a date: a story of the evening counts for the session
of its morning. Read as a date it is the last instant of that day, which is late by a day at most and never early.
"""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import time
from operator import add
from statistics import median
from typing import Final, Self

import numpy as np
import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.time_format import DATE, INSTANT, TimeFormat
from sentiscore.features.times import Times, plausible, read_published
from sentiscore.features.zones import DAY, MICROSECOND, end_of_day

_MIDNIGHT: Final = time(0)
_MINUTES_OF_A_DAY: Final = 1_440
_SECONDS_OF_A_DAY: Final = 86_400

_IMPROBABLE: Final = math.log(1e-6)
"""If chance gives so many midnights in less than one file in a million, they are a habit of the source."""

_TELLING: Final = 10
_FEWEST: Final = 3
"""The smallest numbers of midnights and of times that can show a habit; with fewer, all times have to be midnight."""

_WORTH_TELLING: Final = 7
"""Fewer midnights do not lead to a warning, unless they are most of the times."""


@dataclass(frozen=True)
class Midnights:
    """How many of the times read are exactly midnight.

    Attributes:
        rows: Times that were read.
        sharp: Those that are midnight, and would count for another session as dates.
        minutes: Of the others, those at a full minute; they show whether the source writes seconds.
        hours: Of the others, those at each full hour of a day; they show whether the source prefers full hours.
        kinds: How many zones the midnights may be in.
    """

    rows: int = 0
    sharp: int = 0
    minutes: int = 0
    hours: tuple[int, ...] = (0,) * 24
    kinds: int = 1

    def __add__(self, other: Self) -> "Midnights":
        return Midnights(
            rows=self.rows + other.rows,
            sharp=self.sharp + other.sharp,
            minutes=self.minutes + other.minutes,
            hours=tuple(map(add, self.hours, other.hours)),
            kinds=max(self.kinds, other.kinds),
        )

    @property
    def look_like_dates(self) -> bool:
        """Whether there are far more midnights than chance gives, or most times are midnight.

        Chance gives 1 in 1,440 for times with full minutes, down to 1 in 86,400 for times with seconds; and
        as many as a usual full hour has, which is the median of the hours. The probability that chance gives so
        many midnights is bounded by Hoeffding's inequality (Probability Inequalities for Sums of Bounded Random
        Variables, JASA 1963, theorem 1), which needs only logarithms.
        """
        few = self.rows < _TELLING or self.sharp < _FEWEST
        if not self.sharp or (few and self.sharp < self.rows):
            return False
        if not few and self.sharp * 2 > self.rows:
            return True
        others = self.rows - self.sharp
        full, hourly = (self.minutes / others, median(self.hours) / others) if others else (1.0, 0.0)
        chance = self.kinds * max(full / _MINUTES_OF_A_DAY, hourly, 1 / _SECONDS_OF_A_DAY)
        share = self.sharp / self.rows
        if share <= chance:
            return False
        divergence = share * math.log(share / chance)
        if others:
            divergence += (1 - share) * math.log((1 - share) / (1 - chance))
        return -self.rows * divergence < _IMPROBABLE

    @property
    def many(self) -> bool:
        """Whether there are enough for a warning."""
        return self.sharp >= _WORTH_TELLING or self.sharp * 2 > self.rows

    def warning(self, begins: str | None) -> str:
        """The warning if they are read as dates; see `count_midnights` for `begins`."""
        return (
            f"{self._told(begins)}, and each counts as the end of its day. Say what they are with --midnight date, or "
            "--midnight instant if they are right as they stand (midnight)."
        )

    def refuse(self, begins: str | None) -> None:
        """Raise an InputError if they look like dates but were read as instants without an option that says so."""
        if self.look_like_dates:
            raise InputError(
                f"{self._told(begins)}, and the rows so far were added as if they were instants.",
                "Say what they are from the first row on: --midnight date, or --midnight instant if they are right as "
                "they stand (midnight).",
            )

    def _told(self, begins: str | None) -> str:
        where = "" if begins is None else f", though not in {begins}"
        return (
            f"{self.sharp:,} of {self.rows:,} times are midnight to the second{where}: they look like dates whose hour "
            "is not known"
        )


def settle(
    columns: Iterable[pl.Series],
    how: TimeFormat,
    zones: Collection[str],
    begins: str | None,
    *,
    before: Midnights | None = None,
    reading: str | None = None,
) -> tuple[TimeFormat, Midnights]:
    """Decide from all times whether midnights are dates; their order and the number of columns do not matter.

    Args:
        columns: The column of times, in parts.
        how: How it is read, without saying what midnights are.
        zones: See `count_midnights`, also for `begins`.
        begins: The zone whose midnight begins a session.
        before: How many midnights earlier rows have.
        reading: How the midnights of earlier rows were read.

    Returns:
        How the column is read, and the midnights so far.

    Raises:
        InputError: A time cannot be read; or midnights were read as instants and now look like dates.
    """
    found = before or Midnights()
    for column in columns:
        times = read_published(column, how)
        found += count_midnights(times, plausible(times.instants), zones, begins)
    if reading == INSTANT and found.many:  # a few do not stop a nightly job
        found.refuse(begins)
    habit = DATE if found.look_like_dates else INSTANT
    return replace(how, midnight=reading or habit), found


def at_midnight(times: Times, zones: Collection[str]) -> pl.Series:
    """Which times are exactly midnight: where they were written, or in one of these zones.

    A date without a time does not count, and neither does 24:00, which marks the end of a day.
    """
    found = times.wall.dt.time() == _MIDNIGHT
    for zone in _others(times, zones):
        found |= times.instants.dt.convert_time_zone(zone).dt.time() == _MIDNIGHT
    return found.fill_null(value=False) & ~times.dated & ~times.end & times.instants.is_not_null()


def midnights_as_dates(times: Times, zones: Collection[str]) -> pl.Series:
    """The instants, with each midnight at the last instant of the date that it may mean.

    The date is that of the midnight. Which zone its day ends in is not always written: an export in UTC may hold dates
    of New York. So the latest end counts, of the day where the time was written and of the same day in these zones.
    """
    sharp = at_midnight(times, zones)
    if not sharp.any():
        return times.instants
    at, wall = times.instants.filter(sharp), times.wall.filter(sharp)
    here = wall.dt.time() == _MIDNIGHT
    ends = [(at + DAY - MICROSECOND)]
    written = wall.dt.date().set(~here, None)
    for zone in {*zones, *([times.zone] if times.zone is not None else [])}:
        ends.append(end_of_day(written, zone))
        local = at.dt.convert_time_zone(zone)
        ends.append(end_of_day(local.dt.date().set(local.dt.time() != _MIDNIGHT, None), zone))
    latest = pl.DataFrame([end.alias(str(i)) for i, end in enumerate(ends)]).select(pl.max_horizontal(pl.all()))
    return times.instants.clone().scatter(sharp.arg_true(), latest.to_series())  # scatter works in place


def count_midnights(times: Times, published: pl.Series, zones: Collection[str], begins: str | None) -> Midnights:
    """How many times are midnight.

    Args:
        times: A column of times.
        published: Its instants, null where they are not plausible.
        zones: The zones whose midnight counts, in addition to the zone in which a time was written.
        begins: The zone whose midnight begins a session, so that it counts for the same one as its date would; None
            where sessions do not begin at midnight.
    """
    known = published.is_not_null()
    sharp = at_midnight(times, zones) & known
    if begins is not None and sharp.any():
        sharp &= published.dt.convert_time_zone(begins).dt.time() != _MIDNIGHT
    others = times.wall.filter(known & ~sharp)
    full_hours = others.filter(others.dt.truncate("1h") == others).dt.hour().to_numpy()
    return Midnights(
        rows=int(known.sum()),
        sharp=int(sharp.sum()),
        minutes=int((others.dt.truncate("1m") == others).sum()),
        hours=tuple(np.bincount(full_hours, minlength=24).tolist()),
        kinds=1 + len(_others(times, zones)),
    )


def _others(times: Times, zones: Collection[str]) -> list[str]:
    """The zones that are not the one of the column."""
    return [zone for zone in set(zones) if zone != times.zone]
