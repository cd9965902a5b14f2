"""What every window and every panel relies on: one row for each entity and session, without missing sessions."""

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from operator import index
from typing import Any, Final

import polars as pl

from sentiscore.contracts import check_frame
from sentiscore.errors import InputError
from sentiscore.frames import AnyFrame, in_polars
from sentiscore.tables.exact import series_of

ID: Final = "unique_id"
DS: Final = "ds"
SESSION: Final = "session_idx"
AVAILABLE_AT: Final = "available_at"
CLOSE: Final = "session_close"
CALENDAR: Final = "calendar"
KEYS: Final = (ID, DS, SESSION, AVAILABLE_AT)

TEXT: Final = (pl.String, pl.Categorical, pl.Enum)
_MAKE: Final = "Give the frame that features.daily made, whole: pick rows out after this step, not before it."


def whole_numbers(given: Any) -> list[int] | None:
    """The given whole numbers, one or several, including those of numpy; None if anything else is among them."""
    one = whole_number(given)
    if one is not None:
        return [one]
    numbers = [whole_number(n) for n in given] if isinstance(given, Iterable) else [None]
    return None if None in numbers else [n for n in numbers if n is not None]


def is_number(value: Any) -> bool:
    """Whether something is one finite number, of Python or of numpy."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def whole_number(value: Any) -> int | None:
    """One whole number, of Python or of numpy; None if it is anything else."""
    if isinstance(value, bool):
        return None
    try:
        return index(value)
    except TypeError:
        return None


def feature_columns(daily: pl.DataFrame) -> list[str]:
    """The columns that hold numbers about a row, in order."""
    return [name for name, dtype in daily.schema.items() if name not in KEYS and _holds_numbers(dtype)]


def check_columns(daily: pl.DataFrame, columns: str | Sequence[str]) -> list[str]:
    """The names of columns that hold finite numbers or nulls.

    Raises:
        InputError: A column is missing, given twice, or holds something else.
    """
    names = [columns] if isinstance(columns, str) else list(columns) if isinstance(columns, Iterable) else [columns]
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise InputError(
            f"{wrong[0]!r} is not the name of a column.", f"Names are: {', '.join(feature_columns(daily))}."
        )
    if not names:
        raise InputError("No columns were named.", f"The frame has: {', '.join(feature_columns(daily))}.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"Columns are named twice: {', '.join(twice)}.", "Name each once.")
    for name in names:
        if name not in daily.columns:
            raise InputError(
                f"There is no column {name!r}.", f"The columns of numbers are: {', '.join(feature_columns(daily))}."
            )
        if name in KEYS or not _holds_numbers(daily.schema[name]):
            raise InputError(
                f"The column {name!r} holds {daily.schema[name]} and is no feature.",
                f"The columns of numbers are: {', '.join(feature_columns(daily))}.",
            )
        values = series_of(daily, name)
        if values.dtype.is_float() and not values.is_finite().all():
            raise InputError(f"The column {name!r} holds NaN or infinite numbers.", "Write a missing value as null.")
    return names


def features_of(daily: AnyFrame) -> pl.DataFrame:
    """Daily features of any library as polars."""
    return in_polars(daily, "The daily features", {DS: pl.Date})


def check_grid(daily: pl.DataFrame) -> None:
    """Raise an InputError unless the frame has every session of every entity once, in whatever order.

    With `session_idx`, the sessions of an entity must be consecutive numbers, and a session must have the same
    date for all. Without it, the sessions are the dates that the frame has, and an entity must have all of them
    between its first and its last.
    """
    check_frame(daily, "The daily features")
    for name in (ID, DS):
        if name not in daily.columns:
            raise InputError(f"The daily features lack the column {name!r}.", _MAKE)
        if nulls := daily[name].null_count():
            raise InputError(f"{nulls:,} rows of the daily features have no {name}.", _MAKE)
    if daily.schema[DS] != pl.Date:
        raise InputError(f"The column 'ds' holds {daily.schema[DS]}, not dates.", _MAKE)
    if daily.schema[ID].is_nested():
        raise InputError(f"The column 'unique_id' holds {daily.schema[ID]}.", "An entity is a name or a number.")
    keys = daily.select(ID, DS)
    if (twice := keys.is_duplicated()).any():
        raise InputError(
            f"{twice.sum():,} rows of the daily features share their entity and day, for example "
            f"{_name(*keys.filter(twice).row(0))}.",
            "Give one row for each entity and day.",
        )
    numbered = numbered_sessions(daily)
    steps = numbered.sort(ID, SESSION).with_columns(step=pl.col(SESSION).diff().over(ID))
    gaps = steps.filter(pl.col("step") > 1)
    if gaps.height:
        raise InputError(
            f"Sessions are missing in the daily features of {gaps[ID].n_unique():,} entities, for example before "
            f"{_name(*gaps.select(ID, DS).row(0))}.",
            _MAKE,
        )


def numbered_sessions(daily: pl.DataFrame) -> pl.DataFrame:
    """The entity, date and number (Int64) of the session of every row, in the frame's order.

    Raises:
        InputError: The frame's own numbers contradict its dates.
    """
    if SESSION not in daily.columns:
        return daily.select(ID, DS, pl.col(DS).rank("dense").cast(pl.Int64).alias(SESSION) - 1)
    if not daily.schema[SESSION].is_integer() or daily[SESSION].null_count():
        raise InputError("The column 'session_idx' does not hold a whole number in every row.", _MAKE)
    numbered = daily.select(ID, DS, pl.col(SESSION).cast(pl.Int64))
    calendar = numbered.select(SESSION, DS).unique().sort(DS)
    if not (calendar[SESSION].diff().drop_nulls() > 0).all():
        raise InputError(
            "The column 'session_idx' does not number the dates in 'ds' in their order, the same for all entities.",
            "Make the features of all entities in one call, with one calendar.",
        )
    return numbered


def plain_ids(ids: pl.Series) -> pl.Series:
    """Ids in a type that joins and that every library reads and sorts in the same way: categories become text."""
    return ids.cast(pl.String) if ids.dtype in TEXT else ids


def _holds_numbers(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype == pl.Boolean


def _name(entity: object, day: object) -> str:
    return f"{entity} on {day}"
