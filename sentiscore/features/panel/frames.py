"""A target and daily features -> frames in which every number was known when it is used.

All adapters share one rule: the forecast of a series is made after its last session with a target, the origin. The
daily features of that session may be used, but no later ones. A library that takes past-only covariates gets the rows
up to the origin unchanged. A library that also needs its regressors for the sessions to forecast gets features that are
lagged by at least the horizon, since these are known for all of those sessions.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal, cast

import polars as pl

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.features.grid import (
    AVAILABLE_AT,
    CALENDAR,
    CLOSE,
    DS,
    ID,
    SESSION,
    check_columns,
    check_grid,
    feature_columns,
    features_of,
    is_number,
    numbered_sessions,
    plain_ids,
)
from sentiscore.features.panel.ahead import FutureDays, check_future, some, with_future
from sentiscore.features.panel.timing import Timing, parse_begin, timing_of
from sentiscore.frames import AnyFrame, Frame, in_polars, opened
from sentiscore.tables.exact import exactly, series_of

Y: Final = "y"
Time = Literal["session", "date"]
_LAGGED: Final = "first rows of the target, whose lagged features would be older than the first"
_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Panel:
    """The attributes that all panels have.

    Attributes:
        sessions: The sessions that the panel knows: their numbers and dates (`session_idx`, `ds`).
        origins: For each series its last session with a target (`unique_id`, `session_idx`, `ds`), after which it is
            forecast, and `available_at`, the earliest instant at which that forecast could have been made.
        dropped: What was left out, and how many; empty if nothing was. There are warnings about all of it, except the
            first rows that are lost to a lag.
    """

    sessions: pl.DataFrame
    origins: pl.DataFrame
    dropped: Mapping[str, int]

    def to_dates(self, forecasts: Frame, column: str = DS) -> Frame:
        """Replace session numbers in forecasts by dates.

        Args:
            forecasts: A frame of any library, with a column of session numbers.
            column: The name of that column.

        Raises:
            InputError: A session has no date, since it is in neither `future_ds` nor the daily features.
        """
        given = opened(forecasts, "The forecasts").whole()
        if column not in given.schema or not given.schema[column].is_integer():
            raise InputError(f"The forecasts have no column {column!r} of session numbers.")
        numbers = series_of(given.read([column]), column).cast(pl.Int64)
        known = self.sessions[SESSION]
        if outside := numbers.filter(~numbers.is_in(known.implode())).unique().sort().to_list():
            raise InputError(
                f"It is not known which days the sessions {some(outside)} are.",
                "Give the dates of the sessions to come when the panel is made: future_ds=[...].",
            )
        days = numbers.replace_strict(known, self.sessions[DS], return_dtype=pl.Date)
        return cast("Frame", given.with_columns(pl.DataFrame([days.alias(column)])))


@dataclass(frozen=True)
class Aligned:
    """A target and features on one grid of sessions.

    Attributes:
        target: unique_id, session_idx, ds, y; sorted, without gaps within a series.
        features: unique_id, session_idx and the columns as Float64; from the first session of each series' features to
            its origin.
        columns: The names of the features.
        timing: When each row is known, and when each y begins.
        panel: Sessions, origins, and what was dropped.
    """

    target: pl.DataFrame
    features: pl.DataFrame
    columns: tuple[str, ...]
    timing: Timing
    panel: Panel

    def unlagged(self, time: Time) -> pl.DataFrame:
        """Join the target with the features of its own session, with one column of times; see `times`.

        Raises:
            InputError: A row is known only after the y of the next session begins.
        """
        self.timing.check(self.target.select(ID, SESSION))
        combined = self.target.join(self.features, on=[ID, SESSION], how="left", maintain_order="left")
        return times(combined, time, self.panel.sessions)

    def lagged(self, h: int, lags: Sequence[int]) -> tuple[pl.DataFrame, pl.DataFrame, tuple[str, ...]]:
        """The target joined with lagged features, the lagged features of the h sessions to come, and their names.

        Raises:
            InputError: A row is known only after a y that it is used for begins.
        """
        names = tuple(f"{name}__lag_{k}" for name in self.columns for k in lags)
        ahead = pl.DataFrame({"step": range(1, h + 1)}, schema={"step": pl.Int64})
        future = (
            self.panel.origins.select(ID, SESSION)
            .join(ahead, how="cross")
            .select(ID, pl.col(SESSION) + pl.col("step"))
            .join(self.panel.sessions, on=SESSION, how="left")
            .sort(ID, SESSION)
        )
        history = self.target
        forecast = pl.concat([history.select(ID, SESSION), future.select(ID, SESSION)])
        for k in lags:
            self.timing.check(forecast.with_columns(pl.col(SESSION) - k), k, lagged=True)
            earlier = self.features.select(
                ID, pl.col(SESSION) + k, *(exactly(name).alias(f"{name}__lag_{k}") for name in self.columns)
            )
            history = history.join(earlier, on=[ID, SESSION], how="left", maintain_order="left")
            future = future.join(earlier, on=[ID, SESSION], how="left", maintain_order="left")
        check_future(self.target, future, h=h, time_col=SESSION)
        return history.select(*self.target.columns, *names), future.select(ID, SESSION, DS, *names), names


def align(
    daily_frame: AnyFrame,
    y: AnyFrame,
    *,
    columns: str | Sequence[str] | None,
    longest_lag: int = 0,
    fill: float | None = None,
    future_ds: FutureDays | None = None,
    y_begins: str = "close",
) -> Aligned:
    """Check a target and daily features, and put them on one grid of sessions; see `to_nixtla` for the arguments.

    Raises:
        InputError: They do not fit together.
    """
    check_grid(daily := features_of(daily_frame))
    if fill is not None and not is_number(fill):
        raise InputError(f"fill must be a number, but is {fill!r}.", "Leave it out to keep missing values null.")
    if AVAILABLE_AT not in daily.columns:
        raise InputError("The daily features lack the column 'available_at'.", "Make them with features.daily.")
    names = check_columns(daily, feature_columns(daily) if columns is None else columns)
    extra = [name for name in (CLOSE, CALENDAR) if name in daily.columns]
    if clash := sorted({ID, DS, Y, SESSION} & set(names)):
        raise InputError(f"A feature cannot be called {clash[0]!r}.", "Rename it.")
    numbered = numbered_sessions(daily)
    rows = daily.select(
        plain_ids(daily[ID]),
        numbered[SESSION],
        pl.col(DS, AVAILABLE_AT),
        exactly(*names).cast(pl.Float64),
    )
    timing = timing_of(rows.select(ID, SESSION).hstack(daily.select(DS, AVAILABLE_AT, *extra)), parse_begin(y_begins))
    sessions = with_future(timing.rows, future_ds)
    target, dropped = _with_sessions(check_target_frame(in_polars(y, "The target")), rows, sessions)
    target = _known_from(target, rows, longest_lag, dropped)
    _check_no_gaps(target)
    timing.check_settled(target)
    without = rows.select(ID).unique().join(target, on=ID, how="anti").height
    if without:
        dropped["series of the daily features without a target"] = without
    _check_known_to_the_end(target, rows)
    known_at = rows.group_by(SESSION).agg(pl.col(AVAILABLE_AT).max())
    origins = (
        target.group_by(ID)
        .agg(pl.col(SESSION).max())
        .join(sessions, on=SESSION, how="left")
        .join(known_at, on=SESSION, how="left")
        .select(ID, SESSION, DS, AVAILABLE_AT)
        .sort(ID)
    )
    grid = (
        rows.group_by(ID)
        .agg(pl.col(SESSION).min().alias("first"))
        .join(origins.select(ID, SESSION), on=ID)
        .select(ID, pl.int_ranges("first", pl.col(SESSION) + 1, dtype=pl.Int64).alias(SESSION))
        .explode(SESSION)
        .sort(ID, SESSION)
    )
    features = grid.join(rows.drop(DS, AVAILABLE_AT), on=[ID, SESSION], how="left").sort(ID, SESSION)
    if fill is not None:
        features = features.with_columns(exactly(*names).fill_null(float(fill)))
    # Every panel loses its first rows to a lag; they are counted, but need no warning.
    if unexpected := [f"{what}: {count:,}" for what, count in dropped.items() if what != _LAGGED]:
        warnings.warn("; ".join(unexpected) + ".", SentiscoreWarning, stacklevel=3)
    return Aligned(target, features, tuple(names), timing, Panel(sessions, origins, dropped))


def check_target_frame(y: pl.DataFrame) -> pl.DataFrame:
    """Check a target, and return it as unique_id, ds (Date), y (Float64), sorted.

    Raises:
        InputError: The columns are wrong, a value is missing or not finite, or a row occurs twice.
    """
    if missing := [name for name in (ID, DS, Y) if name not in y.columns]:
        raise InputError(f"The target lacks the column {missing[0]!r}.", "It needs unique_id, ds and y.")
    if more := [name for name in y.columns if name not in (ID, DS, Y)]:
        raise InputError(
            f"The target has other columns too: {', '.join(more)}.",
            "Leave them out with .select('unique_id', 'ds', 'y'), so that nothing from the future slips in.",
        )
    for name in (ID, DS, Y):
        if nulls := y[name].null_count():
            raise InputError(f"{nulls:,} rows of the target have no {name}.", "Fill them, or leave them out.")
    if y.is_empty():
        raise InputError("The target has no rows.")
    if not y.schema[Y].is_numeric() or not y[Y].cast(pl.Float64).is_finite().all():
        raise InputError("The column 'y' contains values that are not finite numbers.", "Replace or drop those rows.")
    days = y[DS]
    if isinstance(days.dtype, pl.Datetime) and days.dtype.time_zone is None and (days.dt.date() == days).all():
        days = days.dt.date()
    if days.dtype != pl.Date:
        raise InputError(
            f"The column 'ds' of the target holds {days.dtype}.",
            "It needs the date of each session, as in the daily features; for instants use join_target.",
        )
    checked = pl.DataFrame({ID: plain_ids(y[ID]), DS: days, Y: y[Y].cast(pl.Float64)})
    if (twice := checked.select(ID, DS).is_duplicated()).any():
        entity, day = checked.select(ID, DS).filter(twice).row(0)
        raise InputError(f"{twice.sum():,} rows of the target share their series and day, for example {entity} {day}.")
    return checked.sort(ID, DS)


def times(frame: pl.DataFrame, time: Time, sessions: pl.DataFrame) -> pl.DataFrame:
    """The frame with one column of times, `ds`: session numbers, or dates if every day is a session."""
    if time == "session":
        return frame.drop(DS).rename({SESSION: DS})
    if time != "date":
        raise InputError(f"There is no time {time!r}.", 'Times are "session" or "date".')
    steps = sessions.sort(SESSION).select(pl.col(DS).diff(), pl.col(SESSION).diff()).drop_nulls()
    if steps.filter((pl.col(DS) != _ONE_DAY) | (pl.col(SESSION) != 1)).height:
        raise InputError(
            "The sessions are not every calendar day, and a library would count the days between as steps.",
            'Use time="session"; to_dates turns the forecasts back into dates.',
        )
    shift = sessions.select(pl.col(DS).cast(pl.Int32).cast(pl.Int64) - pl.col(SESSION)).to_series()[0]
    return frame.with_columns((pl.col(SESSION) + shift).cast(pl.Int32).cast(pl.Date).alias(DS)).drop(SESSION)


def freq_of(time: Time) -> int | str:
    """The frequency of such times, as the libraries write it."""
    return 1 if time == "session" else "1d"


def _with_sessions(y: pl.DataFrame, rows: pl.DataFrame, sessions: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """The target with the sessions of its dates, and how many of its rows are before the first session."""
    if y.schema[ID] != rows.schema[ID]:
        raise InputError(
            f"The ids of the target hold {y.schema[ID]}, those of the daily features {rows.schema[ID]}.",
            "Cast one of them.",
        )
    if unknown := y.select(ID).unique().join(rows, on=ID, how="anti")[ID].sort().to_list():
        raise InputError(
            f"The target has {len(unknown):,} series without daily features: {some(unknown)}.",
            "Leave them out, or check how the ids are written in both.",
        )
    first, last = rows.select(pl.col(DS).min().alias("a"), pl.col(DS).max().alias("b")).row(0)
    if (late := y.filter(pl.col(DS) > last)).height:
        raise InputError(
            f"The target goes on to {late.select(pl.col(DS).max()).item()}, and the daily features end on {last}.",
            _to_the_end(late.select(pl.col(DS).max()).item()),
        )
    early = y.filter(pl.col(DS) < first).height
    placed = y.filter(pl.col(DS) >= first).join(sessions, on=DS, how="left").sort(ID, DS)
    if (off := placed.filter(pl.col(SESSION).is_null())).height:
        raise InputError(
            f"{off.height:,} rows of the target are on days without a session, for example {off[DS][0]}.",
            "Make the daily features with the calendar of the target.",
        )
    dropped = {"rows of the target before the first session of the daily features": early} if early else {}
    return placed.select(ID, SESSION, DS, Y), dropped


def _known_from(target: pl.DataFrame, rows: pl.DataFrame, lag: int, dropped: dict[str, int]) -> pl.DataFrame:
    """The target from the first session for which all lagged features exist."""
    first = rows.group_by(ID).agg(pl.col(SESSION).min().alias("first"))
    placed = target.join(first, on=ID, how="left")
    covered = placed.filter(pl.col(SESSION) >= pl.col("first"))
    kept = covered.filter(pl.col(SESSION) >= pl.col("first") + lag).drop("first")
    if kept.is_empty():
        raise InputError("No row of the target has features that were known.", "Make daily features of earlier days.")
    if early := placed.height - covered.height:
        dropped["rows of the target before its features begin"] = early
    if first_ones := covered.height - kept.height:
        dropped[_LAGGED] = first_ones
    if lost := target.select(ID).unique().join(kept, on=ID, how="anti").height:
        dropped["series of the target that lost all rows that way"] = lost
    return kept.sort(ID, SESSION)


def _check_known_to_the_end(target: pl.DataFrame, rows: pl.DataFrame) -> None:
    """Raise an InputError if a series' daily rows end before its target: the missing rows cannot be made up here."""
    ends = rows.group_by(ID).agg(pl.col(SESSION).max().alias("end"), pl.col(DS).max().alias("known_to"))
    last = target.group_by(ID).agg(pl.col(SESSION).max(), pl.col(DS).max())
    short = last.join(ends, on=ID).filter(pl.col("end") < pl.col(SESSION)).sort(ID)
    if short.height:
        raise InputError(
            f"The daily features of {short.height:,} of {last.height:,} series end before their target does, for "
            f"example of {short[ID][0]} on {short['known_to'][0]}, with a target up to {short[DS][0]}.",
            _to_the_end(short.select(pl.col(DS).max()).item()),
        )


def _to_the_end(day: date) -> str:
    return (
        f"Make daily features of all series up to that day, with end={day} in the config or as_of=, so that sessions "
        "without news have rows too; or cut the target."
    )


def _check_no_gaps(target: pl.DataFrame) -> None:
    gaps = target.with_columns(step=pl.col(SESSION).diff().over(ID)).filter(pl.col("step") > 1)
    if gaps.height:
        entity, day = gaps.select(pl.col(ID).cast(pl.String), DS).row(0)
        raise InputError(
            f"The target lacks sessions in the middle of {gaps[ID].n_unique():,} series, for example of {entity} "
            f"before {day}.",
            "The libraries count rows, so a gap would shift every lag: fill it, or cut the series there.",
        )
