"""Rows of a day, compared with the same day of the week in the reference.

A day here has 24 hours and ends with the hour of the last row, so that an export from close to close is one day
and not two halves.
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
"""Days beyond the first of each day of the week needed to estimate a spread."""
_OUTAGE: Final = 0.1
_TELLING: Final = 10
"""Usual rows of a day from which on so few cannot be chance."""
_PAIRS: Final = 2
"""Rows that come together; a day has none by chance exp(-rows / this) of the time."""

_STRAY: Final = 0.05
"""The share of all rows that stray rows have at most."""
_ALMOST_NONE: Final = 0.02
"""The share of the rows usual in the same time that stray rows have at most."""
_EDGE: Final = 0.1
"""The share of rows at either end left out when usual rows are counted."""
_SELDOM: Final = 0.01
"""How seldom chance alone may give a time of so few rows."""
_LONG_PAUSE: Final = 4 * _DAY
"""Hours without a row that are longer than a long week-end."""

Hours = tuple[Counts, Counts]


@dataclass(frozen=True)
class Volume:
    """Rows per day, compared.

    Attributes:
        days: Days that were compared.
        rows: Rows of them, on the average.
        expected: Rows that the reference has on such days, on the average.
        ratio: How many times as many rows as expected there were, or, where they are fewer, as few.
        rare: The ratio that chance alone exceeds once in `chance.NIGHTS` nights.
        missing: Days without any row, though the reference has rows on all such days, or nearly.
    """

    days: int
    rows: float
    expected: float
    ratio: float
    rare: float
    missing: int


def compare_volume(hours: Hours, reference: Hours) -> Volume | None:
    """Compare the rows of days.

    The logarithms of a day's rows are taken as normally distributed around those of its day of the week, with one
    spread for all days, and at least that of a Poisson count. The limit is that of a prediction interval (Student's
    t); a day without rows is missing where a Poisson count of pairs of rows would not be 0 either. Days of the
    reference with less than a tenth of the usual rows are taken for outages and left out, where that cannot be chance.
    The first day of each file, which may be cut off, is left out where there are others, and so is the reference's
    last one.

    Args:
        hours: Hours since 1970 in order, and how many rows each has; not empty.
        reference: The same of the reference; not empty.

    Returns:
        None where the reference has too few days to tell: fewer than two of some day of the week that is asked for,
        or fewer than seven beyond the first of each.
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
    open_days = {weekday: logs for weekday, logs in by_weekday.items() if logs.max() > 0}  # not a feed's quiet days
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
    of_the_means = sum(float(share) ** 2 / n for share, n in shares)
    deviation = float(np.sqrt(variance[kept].mean() * (1 / kept.sum() + of_the_means)))
    return Volume(
        days=len(judged),
        rows=float(counts.mean()),
        expected=float(np.expm1(mean).mean()),
        ratio=float(np.exp(abs(gap))),
        rare=float(np.exp(t.isf(0.5 / NIGHTS, degrees) * deviation)),
        missing=int(missing.sum()),
    )


def usual_rows(hours: Hours) -> float | None:
    """About how many rows a day has, whatever lies at the ends; None where there are too few rows to tell."""
    at, rows = hours
    n = int(rows.sum())
    edge = max(1, int(_EDGE * n))
    if n - 2 * edge < _PAIRS:
        return None
    first, last = at[np.searchsorted(np.cumsum(rows), [edge, n - 1 - edge], side="right")]
    return (n - 2 * edge - 1) * _DAY / max(_DAY, int(last - first))


def without_stray(hours: Hours, usual: float | None) -> tuple[Hours, int]:
    """The hours between which the rows lie, without the few rows that lie far before or after all others.

    A correction of last month's story, a clock that stood at 1970 and a year that was mistyped would otherwise make
    days of their own, and many days without a row. Rows before the others are stray if they are a twentieth of all
    rows at most, and in the time from the first of them to the others a fiftieth of what is usual at most (or a single
    row), and chance would not give as few. Rows after the others must besides come after a pause of four days: a feed
    that has nearly stopped since yesterday is not a stray row, but news.

    Args:
        hours: Hours since 1970 in order, and how many rows each has.
        usual: Rows that a day has of late, as `usual_rows` of the reference says; None leaves all rows.

    Returns:
        The hours that are left, never none of some; and how many rows were left out.
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
    """How many hours at the beginning hold stray rows, taken away piece by piece from the outside."""
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
    """Days counted back from this hour, without gaps, and the rows of each."""
    day = (hours[0] - end) // _DAY
    days = np.arange(day[0], day[-1] + 1)
    rows = np.zeros(days.size, dtype=np.int64)
    np.add.at(rows, day - day[0], hours[1])
    return days, rows


def _usual(days: Counts, rows: Counts) -> dict[int, Floats]:
    """By day of the week the logarithms of the rows of its days, outages left out; where there are enough of them."""
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
