"""How many sessions have closed since a row of daily features was known: whether it still is the newest one."""

from datetime import date, datetime

import polars as pl

from sentiscore.errors import InputError, MissingExtraError
from sentiscore.features.grid import AVAILABLE_AT, CALENDAR, CLOSE, DS
from sentiscore.features.sessions import calendar_named
from sentiscore.features.times import INSTANT
from sentiscore.features.zones import UTC


def sessions_since(daily: pl.DataFrame, which: pl.Series, instants: pl.Series) -> pl.Series:
    """The sessions that closed after a row was known, up to an instant.

    The sessions are those of the rows, and those of their calendar up to the last instant, if its name identifies it.
    Of a calendar of the user's own only the sessions of the rows are known. No row that is known after an instant has
    any influence.

    Args:
        daily: Daily features, with `ds` and `available_at`; `calendar` and `session_close` if they have them.
        which: For each instant, the position of a row of `daily`; null for none.
        instants: The instants, in UTC.

    Returns:
        For each instant, the number of sessions (Int64); null where there is no row.
    """
    known = daily.select(
        pl.col(DS),
        pl.col(AVAILABLE_AT).dt.convert_time_zone(UTC).cast(INSTANT),
        pl.col(CLOSE).dt.convert_time_zone(UTC).cast(INSTANT) if CLOSE in daily.columns else pl.lit(None).alias(CLOSE),
        pl.col(CALENDAR).cast(pl.String).fill_null("") if CALENDAR in daily.columns else pl.lit("").alias(CALENDAR),
    )
    asked = pl.DataFrame({"which": which, "at": instants.cast(INSTANT)})
    ages = pl.repeat(None, asked.height, dtype=pl.Int64, eager=True)
    of_rows = known[CALENDAR].gather(which)
    for name in of_rows.drop_nulls().unique().sort():
        mine = (of_rows == name).fill_null(value=False).arg_true()
        rows = asked[mine]
        own = known.filter(pl.col(CALENDAR) == name).unique([DS, AVAILABLE_AT])
        cutoffs = _cutoffs(own, str(name), rows["at"])
        since = known[AVAILABLE_AT].gather(rows["which"])
        passed = [cutoffs.search_sorted(each, side="right").cast(pl.Int64) for each in (rows["at"], since)]
        ages = ages.scatter(mine, passed[0] - passed[1])
    return ages


def _cutoffs(own: pl.DataFrame, name: str, instants: pl.Series) -> pl.Series:
    """The instants at which sessions of one calendar are known, in order, up to the last instant."""
    mine = own[AVAILABLE_AT].unique().sort()
    latest = instants.max()
    first = own.sort(AVAILABLE_AT).row(0, named=True)
    if not name or first[CLOSE] is None or not isinstance(latest, datetime):
        return mine
    found = _listed(name, first[DS], latest.date())
    if found is None or found.filter(pl.col(DS) == first[DS]).is_empty():
        return mine
    session = found.filter(pl.col(DS) == first[DS]).row(0, named=True)
    # the cutoff is at a fixed distance from the end of a session that is nearer
    anchor = min(("close", "open"), key=lambda end: abs(first[AVAILABLE_AT] - session[end]))
    offset = first[AVAILABLE_AT] - session[anchor]
    unseen = found.join(own, on=DS, how="anti").select((pl.col(anchor) + offset).cast(mine.dtype).alias(AVAILABLE_AT))
    return pl.concat([mine, unseen.to_series().filter(unseen.to_series() <= latest)]).sort()


def _listed(name: str, first: date, last: date) -> pl.DataFrame | None:
    """The sessions of a named calendar between two dates; None if it is not known, or not for so long."""
    try:
        calendar = calendar_named(name)
        return None if calendar is None else calendar.listed(first, max(first, last))
    except (InputError, MissingExtraError):
        return None
