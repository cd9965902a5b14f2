"""Compares the rows of each day with the same day of the week in the reference.

A day here has 24 hours and ends with the hour of the last row, so that an export from close to close is one day and not
two halves.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from sentiscore.errors import import_extra
from sentiscore.monitoring.chance import NIGHTS
from sentiscore.monitoring.measures import Counts, Floats

_DAY: Final = 24
_WEEK: Final = 7
_LEAST_OF_A_WEEKDAY: Final = 2
LEAST_DEGREES: Final = 7
"""The minimum number of days, not counting the first of each day of the week, to estimate a spread."""
_OUTAGE: Final = 0.1
_TELLING: Final = 10
"""If a day usually has at least this many rows, so few cannot be chance."""
_PAIRS: Final = 2
"""Rows arrive in groups of this size; by chance, a day has none with probability exp(-rows / this)."""

_STRAY: Final = 0.05
"""The maximum share of stray rows among all rows."""
_ALMOST_NONE: Final = 0.02
"""The maximum share of stray rows relative to the usual rows in the same time."""
_EDGE: Final = 0.1
"""The share of rows at either end that is left out when usual rows are counted."""
_SELDOM: Final = 0.01
"""The probability below which so few rows are not chance."""
_LONG_PAUSE: Final = 4 * _DAY
"""Hours without rows, longer than a long weekend."""

Hours = tuple[Counts, Counts]


@dataclass(frozen=True)
class Volume:
    """A comparison of rows per day.

    Attributes:
        days: The number of days that were compared.
        rows: Their mean number of rows.
        expected: The reference's mean number of rows on such days.
        ratio: By which factor the rows are more, or fewer, than expected; at least 1.
        rare: The ratio that chance alone exceeds in one of `chance.NIGHTS` nights.
        missing: The number of days without any rows, although the reference has rows on nearly all such days.
    """

    days: int
    rows: float
    expected: float
    ratio: float
    rare: float
    missing: int


def compare_volume(hours: Hours, reference: Hours) -> Volume | None:
    """Compare the rows per day.

    The logarithm of a day's rows is modelled as normally distributed around the mean of its day of the week, with one
    spread for all days, which is at least that of a Poisson count. The limit is that of a prediction interval
    (Student's t); a day without rows is missing if a Poisson count of pairs of rows would not be 0 either. Days of the
    reference with less than a tenth of the usual rows count as outages and are left out, unless that may be chance. The
    first day of each file, which may be incomplete, is left out if there are others, and so is the reference's last
    one.

    Args:
        hours: Sorted hours since 1970, and how many rows each has; not empty.
        reference: The same for the reference; not empty.

    Returns:
        The comparison; None if the reference has too few days: fewer than two of a day of the week that is needed, or
        fewer than seven not counting the first of each.
    """
    t = import_extra("scipy.stats", "monitor").t
    end = int(hours[0][-1]) + 1
    days, rows = _days(hours, end)
    if days.size > 1:
        days, rows = days[1:], rows[1:]
    known_days, known_rows = _days(reference, end)
    by_weekday = _usual(known_days[1:-1], known_rows[1:-1])
    if not all(int(day) % _WEEK in by_weekday for day in days):
        return None
    open_days = {
        weekday: logs for weekday, logs in by_weekday.items() if logs.max() > 0
    }  # without days on which the feed is quiet
    degrees = sum(logs.size - 1 for logs in open_days.values())
    judged = [i for i, day in enumerate(days) if int(day) % _WEEK in open_days]
    if degrees < LEAST_DEGREES or not judged:
        return None
    squares = sum(float(((logs - logs.mean()) ** 2).sum()) for logs in open_days.values())
    weekdays = days[judged] % _WEEK
    mean = np.array([open_days[int(weekday)].mean() for weekday in weekdays])
    size = np.array([open_days[int(weekday)].size for weekday in weekdays])
    variance = np.maximum(squares / degrees, np.exp(-mean))
    counts = rows[judged]
    limit = t.isf(0.5 / NIGHTS / len(judged), degrees) * np.sqrt(variance * (1 + 1 / size))
    thin = np.expm1(mean) <= _PAIRS * math.log(NIGHTS * len(judged))
    missing = (counts == 0) & (mean > limit) & ~thin
    kept = ~missing
    if not kept.any():
        return Volume(len(judged), 0.0, float(np.expm1(mean).mean()), 1.0, 1.0, int(missing.sum()))
    gap = float((np.log1p(counts[kept]) - mean[kept]).mean())
    shares = [((weekdays[kept] == weekday).mean(), logs.size) for weekday, logs in open_days.items()]
    of_means = sum(float(share) ** 2 / n for share, n in shares)
    deviation = float(np.sqrt(variance[kept].mean() * (1 / kept.sum() + of_means)))
    return Volume(
        days=len(judged),
        rows=float(counts.mean()),
        expected=float(np.expm1(mean).mean()),
        ratio=float(np.exp(abs(gap))),
        rare=float(np.exp(t.isf(0.5 / NIGHTS, degrees) * deviation)),
        missing=int(missing.sum()),
    )


def usual_rows(hours: Hours) -> float | None:
    """About how many rows a day has, regardless of outliers at either end; None if there are too few rows."""
    at, rows = hours
    n = int(rows.sum())
    edge = max(1, int(_EDGE * n))
    if n - 2 * edge < _PAIRS:
        return None
    first, last = at[np.searchsorted(np.cumsum(rows), [edge, n - 1 - edge], side="right")]
    return (n - 2 * edge - 1) * _DAY / max(_DAY, int(last - first))


def without_stray(hours: Hours, usual: float | None) -> tuple[Hours, int]:
    """Leave out the few rows that are far before or after all others.

    A correction of last month's story, a clock that was reset to 1970 or a mistyped year would otherwise add days, and
    many days without rows. Rows before the others are stray if they are at most a twentieth of all rows, and at most a
    fiftieth of the usual rows (or a single row) in the time from the first of them to the others, and chance would not
    give so few. Rows after the others must also follow a pause of four days: a feed that has nearly stopped since
    yesterday is not a stray row, but a finding.

    Args:
        hours: Sorted hours since 1970, and how many rows each has.
        usual: The usual number of rows per day, from `usual_rows` of the reference; None keeps all rows.

    Returns:
        The remaining hours, which are only empty if `hours` is; and how many rows were left out.
    """
    if usual is None:
        return hours, 0
    at, rows = hours
    before = _stray(at, rows, usual, 0)
    at, rows = at[before:], rows[before:]
    after = _stray(-at[::-1], rows[::-1], usual, _LONG_PAUSE)
    kept = at[: at.size - after], rows[: at.size - after]
    return kept, int(hours[1].sum() - kept[1].sum())


def _stray(at: Counts, rows: Counts, a_day: float, pause: int) -> int:
    """How many hours at the beginning have stray rows, which are removed step by step from the outside."""
    pdtr = import_extra("scipy.special", "monitor").pdtr
    total = np.cumsum(rows)
    most = max(1, int(_STRAY * rows.sum()))
    start = 0
    for i in range(1, min(at.size, int(np.searchsorted(total, most, side="right")) + 1)):
        time = int(at[i] - at[start])
        if time < _DAY or at[i] - at[i - 1] < pause:
            continue
        found = int(total[i - 1] - (total[start - 1] if start else 0))
        usual = a_day * time / _DAY
        if found <= max(1, _ALMOST_NONE * usual) and pdtr(found // _PAIRS, usual / _PAIRS) < _SELDOM:
            start = i
    return start


def _days(hours: Hours, end: int) -> tuple[Counts, Counts]:
    """Days counted back from the hour `end`, without gaps, and the rows of each."""
    day = (hours[0] - end) // _DAY
    days = np.arange(day[0], day[-1] + 1)
    rows = np.zeros(days.size, dtype=np.int64)
    np.add.at(rows, day - day[0], hours[1])
    return days, rows


def _usual(days: Counts, rows: Counts) -> dict[int, Floats]:
    """By day of the week, the logarithms of its days' rows without outages, if there are enough days."""
    found = {}
    for weekday in range(_WEEK):
        its = rows[days % _WEEK == weekday]
        if its.size < _LEAST_OF_A_WEEKDAY:
            continue
        middle = np.median(its)
        usual = its[its >= middle * _OUTAGE] if middle >= _TELLING else its
        if usual.size >= _LEAST_OF_A_WEEKDAY:
            found[weekday] = np.log1p(usual)
    return found
