"""Rows to forecast, joined with the newest daily features that were known when each forecast is made."""

import warnings
from collections.abc import Sequence
from datetime import time, timedelta
from typing import Final, Literal, cast

import polars as pl

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.features.grid import (
    AVAILABLE_AT,
    DS,
    ID,
    check_columns,
    feature_columns,
    features_of,
    plain_ids,
    whole_number,
)
from sentiscore.features.staleness import sessions_since
from sentiscore.features.times import write_instant
from sentiscore.features.zones import UTC, check_zone
from sentiscore.frames import AnyFrame, Frame, opened
from sentiscore.tables.exact import name_of, series_of

AGE: Final = "feature_age"
_AT: Final = "at"
_ROW: Final = "row"
_WHICH: Final = "which"


def join_target(
    daily: AnyFrame,
    prices: Frame,
    *,
    time_col: str,
    columns: str | Sequence[str] | None = None,
    id_col: str = ID,
    tz: str | None = None,
    time_of_day: time | None = None,
    max_age: int | timedelta | None = 0,
) -> Frame:
    """Give each row the newest daily features of its entity that were known when its forecast is made.

    That is the row with the latest `available_at` at or before the instant in `time_col`; never a later one, however
    close. The instant is when the forecast is made, not when the target is settled: if the return of a day is forecast
    before the opening bell, it is a moment before the bell. As long as the instant is not after the beginning of the
    target, no feature contains information from the target's time.

    Args:
        daily: Daily features, with `unique_id`, `ds` and `available_at`. Rows of all entities end together, with the
            last session that has a text of any; `as_of` or `end` in the config has them reach a later one.
        prices: One row for each forecast, with the entity and the instant; all other columns are kept. Like `daily`, a
            frame of polars, or of another library that narwhals knows, which needs the extra `frames`.
        time_col: The instants: times with a zone; times without one, if `tz` gives it; or dates, if `tz` and
            `time_of_day` give the time of that day. A date alone is refused, since it is not an instant: the day's news
            may be older or newer than the forecast.
        columns: The features to add; by default every numeric column.
        id_col: The column of entities in `prices`.
        tz: The zone of times and dates without one. A time that a clock change repeats or skips is read as the earlier
            of the two possible instants, so that the forecast never sees more than it could.
        time_of_day: For dates, the time of day at which the forecast is made.
        max_age: How old features may be: older ones are null, as if there were none, with a warning. A whole number
            counts the sessions that closed since; the default of 0 takes only the row of the last session that was
            closed at the instant, so that an old row never stands for today's. A length of time counts from
            `available_at`. None takes rows of any age.

    Returns:
        `prices`, row for row, with the features, `feature_ds` (their session), `available_at`, and `feature_age` (the
        instant minus `available_at`); all null if nothing was known yet.

    Raises:
        InputError: A time is not an instant, an entity or a time is missing, or a column would occur twice.
    """
    features, given = features_of(daily), opened(prices, "The frame of forecasts").whole()
    names = check_columns(features, feature_columns(features) if columns is None else columns)
    _check_age(max_age)
    known, there = _known(features), given.schema
    for name in (id_col, time_col):
        if name not in there:
            raise InputError(f"There is no column {name!r}; the columns are: {', '.join(there)}.")
    rows = given.read(list(dict.fromkeys((id_col, time_col))))
    for name in rows.columns:
        if nulls := series_of(rows, name).null_count():
            raise InputError(f"{nulls:,} rows have no {name}.", "Leave them out.")
    added = [*names, f"feature_{DS}", AVAILABLE_AT, AGE]
    if clash := sorted(set(there) & set(added)):
        raise InputError(f"The columns {', '.join(clash)} are there already.", "Rename them, or name other columns.")
    ids = plain_ids(series_of(rows, id_col))
    if ids.dtype != known.schema[ID]:
        raise InputError(
            f"The entities in {id_col!r} hold {rows.schema[id_col]}, "
            f"those of the daily features {features.schema[ID]}.",
            "Cast one of them.",
        )
    wanted = pl.DataFrame({ID: ids, _AT: _instants(series_of(rows, time_col), tz, time_of_day)}).with_row_index(_ROW)
    n_unknown = wanted.select(ID).unique().join(known, on=ID, how="anti").height
    if n_unknown:
        warnings.warn(
            f"{n_unknown:,} of {wanted[ID].n_unique():,} entities have no daily features; their rows have nulls.",
            SentiscoreWarning,
            stacklevel=2,
        )
    joined = _fresh(_newest(wanted, known), features, max_age)
    which = joined[_WHICH]
    new = [series_of(features, name).gather(which).alias(name) for name in names]
    days = features[DS].gather(which).alias(f"feature_{DS}")
    return cast("Frame", given.with_columns(pl.DataFrame([*new, days, joined[AVAILABLE_AT], joined[AGE]])))


def _check_age(max_age: object) -> None:
    """Raise an InputError unless this is a length of time, a number of sessions, or None."""
    sessions = whole_number(max_age)
    if max_age is None or isinstance(max_age, timedelta) or (sessions is not None and sessions >= 0):
        return
    raise InputError(
        f"max_age is {max_age!r}, not a number of sessions or a length of time.",
        "Give for example 0 (the last closed session alone) or timedelta(days=5).",
    )


def _newest(wanted: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """For each forecast, in order, the newest row of its entity that was known at its instant, and its age."""
    both = (wanted.schema[_AT], known.schema[AVAILABLE_AT])
    unit: Literal["ns", "us"] = (
        "ns" if pl.Datetime("ns", UTC) in both else "us"
    )  # the finer one, so that nothing is rounded
    return (
        wanted.with_columns(pl.col(_AT).dt.cast_time_unit(unit))
        .sort(_AT)
        .join_asof(
            known.with_columns(pl.col(AVAILABLE_AT).dt.cast_time_unit(unit)).sort(AVAILABLE_AT),
            left_on=_AT,
            right_on=AVAILABLE_AT,
            by=ID,
            strategy="backward",
            coalesce=False,
            check_sortedness=False,
        )
        .sort(_ROW)
        .with_columns((pl.col(_AT) - pl.col(AVAILABLE_AT)).alias(AGE))
    )


def _fresh(joined: pl.DataFrame, features: pl.DataFrame, max_age: int | timedelta | None) -> pl.DataFrame:
    """The same, without rows that are older than `max_age`; a warning counts those."""
    if max_age is None:
        return joined
    if isinstance(max_age, timedelta):
        old = joined.select((pl.col(AGE) > max_age).fill_null(value=False)).to_series()
    else:
        since = sessions_since(features, joined[_WHICH], joined[_AT])
        old = (since > max_age).fill_null(value=False)
    if not old.any():
        return joined
    if not isinstance(max_age, timedelta):
        first = joined.filter(old).row(0, named=True)
        warnings.warn(
            f"{old.sum():,} of {joined.height:,} rows are forecast when newer sessions had closed than the daily "
            f"features have, for example of {first[ID]} at {write_instant(first[_AT])}, with features up to "
            f"{features[DS][first[_WHICH]]}; their features are null. Make the daily features up to then (as_of), or "
            "allow older ones (max_age).",
            SentiscoreWarning,
            stacklevel=3,
        )
    return joined.with_columns(pl.when(~old).then(pl.col(_WHICH, AVAILABLE_AT, AGE)))


def _known(daily: pl.DataFrame) -> pl.DataFrame:
    """The row numbers of the features, with the entity and the instant from which each row is known."""
    for name in (ID, DS, AVAILABLE_AT):
        if name not in daily.columns:
            raise InputError(f"The daily features lack the column {name!r}.", "Make them with features.daily.")
        if nulls := daily[name].null_count():
            raise InputError(f"{nulls:,} rows of the daily features have no {name}.", "Leave them out.")
    dtype = daily.schema[AVAILABLE_AT]
    if not isinstance(dtype, pl.Datetime) or dtype.time_zone is None:
        raise InputError(
            f"The column 'available_at' holds {dtype}, which is no instant.", "It needs times with a zone."
        )
    instants = daily[AVAILABLE_AT].dt.convert_time_zone(UTC)
    known = pl.DataFrame([plain_ids(daily[ID]), instants]).with_row_index(_WHICH)
    if (twice := known.select(ID, AVAILABLE_AT).is_duplicated()).any():
        raise InputError(f"{twice.sum():,} rows of the daily features share their entity and 'available_at'.")
    return known


def _instants(times: pl.Series, tz: str | None, time_of_day: time | None) -> pl.Series:
    """The instants at which the forecasts are made, in UTC."""
    zone = None if tz is None else check_zone(tz, "tz")
    if times.dtype == pl.Date:
        if time_of_day is None or zone is None:
            raise InputError(
                f"The column {name_of(times)!r} holds dates, and a date says no instant at which a forecast is made.",
                "Give both, for example: time_of_day=time(9, 30), tz='America/New_York'.",
            )
        if not isinstance(time_of_day, time):
            raise InputError(f"time_of_day is {time_of_day!r}, not a time.", "Give for example time(9, 30).")
        if time_of_day.tzinfo is not None:
            raise InputError("time_of_day has a zone of its own.", "Give the zone with tz.")
        return _earliest(times.to_frame("d").select(pl.col("d").dt.combine(time_of_day)).to_series(), zone)
    if not isinstance(times.dtype, pl.Datetime):
        raise InputError(
            f"The column {name_of(times)!r} holds {times.dtype}, not times.",
            "Turn text into times first, for example with .str.to_datetime(time_zone='UTC').",
        )
    if time_of_day is not None:
        raise InputError("time_of_day goes with dates alone.", f"{name_of(times)!r} contains times; leave it out.")
    if times.dtype.time_zone is not None:
        return times.dt.convert_time_zone(UTC)
    if zone is None:
        raise InputError(
            f"The times in {name_of(times)!r} carry no time zone.",
            "Say which zone they are in, for example: tz='America/New_York'.",
        )
    return _earliest(times, zone)


def _earliest(wall: pl.Series, zone: str) -> pl.Series:
    """Wall-clock times -> the earliest instants they can mean."""
    frame = wall.to_frame("t")
    read = pl.col("t").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone(UTC)
    found = frame.select(read).to_series()
    if found.null_count():  # skipped by the clocks: the next day's clock, which is ahead, gives the earlier instant
        later = (pl.col("t") + pl.duration(days=1)).dt.replace_time_zone(zone, ambiguous="earliest")
        found = frame.select(pl.coalesce(read, later.dt.convert_time_zone(UTC) - pl.duration(days=1))).to_series()
    return found
