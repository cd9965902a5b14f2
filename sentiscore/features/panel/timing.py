"""When the y of a session begins, and whether the features that forecast it were known by then.

The y of a session begins when the previous session has closed, and is settled at its own close. Its forecast is made
after the origin's y is settled, and before the next one begins. So a daily row may be used for the y of k sessions
later if its `available_at` is not after the close of k - 1 sessions later. With the cutoff "close" both are the same
instant for k = 1. With a later cutoff, the row would contain news from the time that y covers.

Daily rows have the close of their session (`session_close`). If a frame does not have it, only the date of a close is
known.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.grid import AVAILABLE_AT, CALENDAR, CLOSE, DS, ID, SESSION, TEXT
from sentiscore.features.sessions import calendar_named, parse_cutoff
from sentiscore.features.times import write_instant
from sentiscore.features.zones import UTC, WALL

_BEGIN: Final = "begin"
_HOW: Final = "how"
_BEFORE: Final = "before"
_LAST: Final = "last"
_LAST_DS: Final = "last_ds"
_LAST_ZONE: Final = timedelta(hours=12)
"""A date is over everywhere 12 hours after its end in UTC."""
_FIRST_ZONE: Final = timedelta(hours=-14)
"""The first place on earth begins a date 14 hours before UTC does."""
_DAY: Final = timedelta(days=1)
_BEGINS, _MAY_BEGIN, _HAS_BEGUN = "begins at", "may begin as early as", "has begun by"


def parse_begin(text: str) -> timedelta:
    """How long after the close of the previous session a y begins, from text such as "close" or "close+1h".

    Raises:
        InputError: The text does not have this form.
    """
    hint = "It is relative to the close of the previous session: close, close+1h or close-15m."
    try:
        begin = parse_cutoff(text)
    except InputError as error:
        raise InputError(f"y_begins is {text!r}, which is not an instant.", hint) from error
    if begin.anchor != "close":
        raise InputError(f"y_begins is {text!r}, and opens are not known here.", hint)
    return begin.offset


@dataclass(frozen=True)
class Timing:
    """When daily rows are known, and when the y of each session begins.

    Attributes:
        rows: unique_id, session_idx, ds, available_at, session_close (null if the frame does not have it) and calendar
            (empty if it does not) of all daily rows.
        offset: How long after the close of the previous session a y begins.
    """

    rows: pl.DataFrame
    offset: timedelta

    def check_settled(self, target: pl.DataFrame) -> None:
        """Raise an InputError if a y of the target (unique_id, session_idx) would begin after it is settled."""
        if self.offset <= timedelta(0):
            return
        pairs = (
            self._known()
            .with_columns(pl.col(SESSION) + 1, pl.col(CLOSE) + self._later())
            .join(self._known(), on=[CALENDAR, SESSION], suffix="_own")
            .join(target, on=SESSION, how="semi")
            .sort(SESSION)
        )
        wrong = pairs.filter(pl.col(CLOSE) >= pl.col(f"{CLOSE}_own"))
        if wrong.height:
            begin, day, close = wrong.select(CLOSE, f"{DS}_own", f"{CLOSE}_own").row(0)
            raise InputError(
                f"According to y_begins, the y of {day} begins at {write_instant(begin)}, but it is settled at "
                f"{write_instant(close)}, when its session closes.",
                "Give the instant at which y really begins, relative to the close of the previous session.",
            )

    def check(self, used: pl.DataFrame, lag: int = 1, *, lagged: bool = False) -> None:
        """Raise an InputError if a row is known only after the y that it is used for begins.

        Args:
            used: unique_id and session_idx of rows that are used; rows that do not exist are ignored.
            lag: How many sessions later the y is that they are used for.
            lagged: Whether the lag was chosen by an argument.
        """
        placed = used.join(self.rows, on=[ID, SESSION]).with_columns((pl.col(SESSION) + lag - 1).alias(_BEFORE))
        late = self._maybe_late(placed).filter(pl.col(AVAILABLE_AT) > pl.col(_BEGIN) + self._later()).sort(ID, SESSION)
        if late.is_empty():
            return
        entity, day, known, begin, how = late.select(pl.col(ID).cast(pl.String), DS, AVAILABLE_AT, _BEGIN, _HOW).row(0)
        begin += self.offset
        which = "the next session" if lag == 1 else f"{lag} sessions later"
        raise InputError(
            f"{late.height:,} of {placed.height:,} daily rows that are used were known only after the y that they "
            f"forecast began: that of {entity} on {day} is known at {write_instant(known)}, and the y of {which} {how} "
            f"{write_instant(begin)}.",
            _hint(lag, how, lagged=lagged),
        )

    def _later(self) -> pl.Expr:
        """The offset in the unit of the instants that it is added to; polars would round them to a coarser unit."""
        return pl.lit(self.offset).cast(pl.Duration(getattr(self.rows.schema[CLOSE], "time_unit", "us")))

    def _known(self) -> pl.DataFrame:
        """Calendar, session_idx, ds and session_close of sessions that have it; the earliest if rows differ."""
        closing = self.rows.filter(pl.col(CLOSE).is_not_null())
        return closing.group_by(CALENDAR, SESSION).agg(pl.col(DS).min(), pl.col(CLOSE).min())

    def _maybe_late(self, placed: pl.DataFrame) -> pl.DataFrame:
        """Rows that may be late, with the close after which their y begins, and how exactly it is known.

        The latest close among the rows decides nearly all cases, since closes increase. Only if a row is later than
        that, and its y begins after a session without a row, that session's close is looked up.
        """
        known = self._known().sort(SESSION)
        last = known.select(CALENDAR, SESSION, CLOSE, pl.col(SESSION).alias(_LAST), pl.col(DS).alias(_LAST_DS))
        both = (
            placed.drop(CLOSE)
            .sort(_BEFORE)
            .join_asof(last, left_on=_BEFORE, right_on=SESSION, by=CALENDAR, suffix="_known", check_sortedness=False)
        )
        late = both.filter((pl.col(AVAILABLE_AT) > pl.col(CLOSE) + self._later()) | pl.col(CLOSE).is_null())
        beyond = pl.col(_BEFORE) > pl.col(_LAST)
        tables = [late.filter(~beyond).with_columns(pl.col(CLOSE).alias(_BEGIN), pl.lit(_BEGINS).alias(_HOW))]
        tables += [_looked_up(name, rows) for (name,), rows in late.filter(beyond).group_by(CALENDAR)]
        ends = self.rows.select(CALENDAR, pl.col(SESSION).alias(_BEFORE), pl.col(DS).alias(_LAST_DS)).unique()
        dated = late.filter(pl.col(CLOSE).is_null()).drop(_LAST_DS).join(ends, on=[CALENDAR, _BEFORE])
        tables.append(dated.with_columns(_midnight(_LAST_DS, _DAY + _LAST_ZONE), pl.lit(_HAS_BEGUN).alias(_HOW)))
        columns = (ID, SESSION, DS, AVAILABLE_AT, pl.col(_BEGIN).cast(self.rows.schema[CLOSE]), _HOW)
        return pl.concat(table.select(columns) for table in tables)


def timing_of(rows: pl.DataFrame, offset: timedelta) -> Timing:
    """The timing of daily rows.

    Args:
        rows: unique_id, session_idx, ds, available_at and, if known, session_close and calendar.
        offset: See `Timing`.

    Raises:
        InputError: `available_at` is not an instant, or is missing in some rows.
    """
    dtype = rows.schema[AVAILABLE_AT]
    if not _is_instant(dtype):
        raise InputError(
            f"The column 'available_at' holds {dtype}, which is no instant.", "It needs times with a zone."
        )
    if nulls := rows[AVAILABLE_AT].null_count():
        raise InputError(f"{nulls:,} rows of the daily features have no available_at.", "Leave them out.")
    closes = rows.schema.get(CLOSE, pl.Null())
    has_closes = _is_instant(closes)
    if not has_closes and closes != pl.Null:
        raise InputError(
            f"The column 'session_close' holds {closes}, which is no instant.",
            "It needs times with a zone. Without the column, only the dates of the sessions are checked.",
        )
    named = rows.schema.get(CALENDAR) in TEXT
    instants = [AVAILABLE_AT, CLOSE] if has_closes else [AVAILABLE_AT]
    finest = any(getattr(rows.schema[name], "time_unit", None) == "ns" for name in instants)
    unit: Literal["ns", "us"] = "ns" if finest else "us"  # the finer one, so that nothing is rounded
    instant = pl.Datetime(unit, UTC)
    nothing = pl.lit(None)
    kept = rows.select(
        ID,
        SESSION,
        DS,
        pl.col(AVAILABLE_AT).dt.convert_time_zone(UTC).cast(instant),
        (pl.col(CLOSE).dt.convert_time_zone(UTC) if has_closes else nothing).cast(instant).alias(CLOSE),
        (pl.col(CALENDAR) if named else nothing).cast(pl.String).fill_null("").alias(CALENDAR),
    )
    return Timing(kept, offset)


def _looked_up(name: str, late: pl.DataFrame) -> pl.DataFrame:
    """The rows with the close after which their y begins, or its earliest possible time if the calendar is unknown."""
    steps = pl.col(_BEFORE) - pl.col(_LAST)
    least = (pl.col(_LAST_DS) + pl.duration(days=steps)).alias(_LAST_DS)
    may = late.with_columns(least).with_columns(_midnight(_LAST_DS, _FIRST_ZONE), pl.lit(_MAY_BEGIN).alias(_HOW))
    calendar = calendar_named(name) if name else None
    if calendar is None:
        return may
    first, day = late.sort(_LAST).select(_LAST, _LAST_DS).row(0)
    count = int(late.select(pl.col(_BEFORE).max()).item()) - first
    closes = calendar.following(day, count).select(
        pl.int_range(first + 1, first + 1 + pl.len(), dtype=pl.Int64).alias(_BEFORE), pl.col("close").alias("exact")
    )
    is_known = pl.col("exact").is_not_null()
    return may.join(closes, on=_BEFORE, how="left").with_columns(
        pl.when(is_known).then("exact").otherwise(_BEGIN).alias(_BEGIN),
        pl.when(is_known).then(pl.lit(_BEGINS)).otherwise(_HOW).alias(_HOW),
    )


def _midnight(dates: str, shift: timedelta) -> pl.Expr:
    """The instant `shift` after the beginning of each date in UTC."""
    return (pl.col(dates).cast(WALL).dt.replace_time_zone(UTC) + shift).alias(_BEGIN)


def _hint(lag: int, how: str, *, lagged: bool) -> str:
    longer = f", or use longer lags, such as lags={lag + 1}" if lagged else ""
    end = "Make daily features up to there (end= in the config), which say when it closes. Or make" * (
        how == _MAY_BEGIN
    )
    return (
        f"{end or 'Make'} them with an earlier cutoff, such as close{longer}. If y begins later than the close of the "
        "previous session, say so, for example y_begins='close+1h'."
    )


def _is_instant(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
