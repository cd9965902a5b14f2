"""Daily features made by hand, as `features.daily` promises them, and targets that follow them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

FIRST_SESSION = 1000


def working_days(n: int, start: date = date(2024, 1, 1)) -> list[date]:
    """Mondays to Fridays, but New Year's Day and the Fourth of July."""
    holidays = {date(2024, 1, 1), date(2024, 7, 4)}
    days = (start + timedelta(days=i) for i in range(2 * n + 10))
    return [day for day in days if day.isoweekday() < 6 and day not in holidays][:n]


def daily_frame(
    values: Mapping[str, Sequence[float | None]],
    *,
    days: Sequence[date] | None = None,
    first: Mapping[str, int] | None = None,
) -> pl.DataFrame:
    """Daily features `n_docs` and `sent_mean`, the latter as given, each entity's from its first session on."""
    longest = max(len(given) + (first or {}).get(name, 0) for name, given in values.items())
    calendar = days or working_days(longest)
    rows = [
        (name, calendar[at], FIRST_SESSION + at, datetime.combine(calendar[at], time(21), UTC), int(x is not None), x)
        for name, given in values.items()
        for at, x in enumerate(given, (first or {}).get(name, 0))
    ]
    schema = pl.Schema(
        {
            "unique_id": pl.String(),
            "ds": pl.Date(),
            "session_idx": pl.Int32(),
            "available_at": pl.Datetime("us", "UTC"),
            "n_docs": pl.Int64(),
            "sent_mean": pl.Float64(),
        }
    )
    return pl.DataFrame(rows, schema=schema, orient="row")


def target_frame(values: Mapping[str, Sequence[float]], days: Sequence[date]) -> pl.DataFrame:
    """A target from the first of the days on."""
    rows = [(name, day, y) for name, given in values.items() for day, y in zip(days, given, strict=False)]
    schema = pl.Schema({"unique_id": pl.String(), "ds": pl.Date(), "y": pl.Float64()})
    return pl.DataFrame(rows, schema=schema, orient="row")
