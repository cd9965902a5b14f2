"""Finds types that a format cannot hold, and values that a text format cannot, before they are written as others."""

from collections.abc import Iterator
from typing import Any, Final

import polars as pl

from sentiscore.errors import OutputError
from sentiscore.tables.nesting import is_too_deep

_MOST_DAYS: Final = 90_000_000
"""Before and after 1970: some 246,000 years, less than what can be written as a date."""

_PLAIN: Final = "values"
"""A name that polars does not treat as a pattern."""

_DAY: Final = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def fits(suffix: str, dtype: pl.DataType) -> bool:
    """Whether a format, given by its extension, can hold columns of a type."""
    if dtype == pl.Object:
        return False
    if suffix == ".csv":
        return not (dtype.is_nested() or isinstance(dtype, pl.BaseExtension)) and dtype not in (pl.Binary, pl.Duration)
    if isinstance(dtype, pl.Array) and dtype.size == 0 and suffix == ".parquet":
        return False  # it can be written, but not read
    if isinstance(dtype, pl.List | pl.Array):
        return fits(suffix, _instance(dtype.inner))
    if isinstance(dtype, pl.Struct):
        return (bool(dtype.fields) or suffix != ".parquet") and all(
            fits(suffix, _instance(field.dtype)) for field in dtype.fields
        )
    return dtype != pl.Binary if suffix == ".ndjson" else dtype not in (pl.Int128, pl.UInt128)


def way_to_hold(schema: pl.Schema, suffix: str) -> str:
    """The start of the advice for columns that a format cannot hold: a format that holds all of them, if any."""
    for other in (".parquet", ".ndjson"):
        if other != suffix and all(fits(other, dtype) and not is_too_deep(dtype, other) for dtype in schema.values()):
            return f"Write {other}, or leave"
    return "Leave"


def _instance(dtype: Any) -> Any:
    """Polars names an inner type by class or by instance."""
    return dtype() if isinstance(dtype, type) else dtype


def check_values(frame: pl.DataFrame, suffix: str, *, no_number: bool = False) -> None:
    """Raise an OutputError if a value could not be written faithfully.

    Args:
        frame: Rows.
        suffix: The format in which they are written.
        no_number: Whether the format lacks infinity and NaN.
    """
    for column in frame.get_columns():
        for values in _innermost(column.alias(_PLAIN)):
            if values.dtype.is_float() and no_number:
                bad = values.filter(~values.is_finite())
            elif values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime):
                bad = values.filter(_is_far(values))
            else:
                continue
            if bad.len():
                value = bad[0] if values.dtype.is_float() else f"{bad.to_physical()[0]} ({values.dtype} since 1970)"
                raise OutputError(
                    f"{suffix} cannot hold the value {value} of the column {column.name!r}.",
                    "Write .parquet, or leave the column out with --columns (columns).",
                )


def _is_far(times: pl.Series) -> pl.Series:
    """Whether a date or time is out of the range that can be written."""
    dtype = times.dtype
    most = _MOST_DAYS * (_DAY[dtype.time_unit] if isinstance(dtype, pl.Datetime) and dtype.time_unit else 1)
    physical = times.to_physical().cast(pl.Int128)
    return (physical > most) | (physical < -most)


def _innermost(values: pl.Series) -> Iterator[pl.Series]:
    """The values in a column that are not themselves lists, structs or maps."""
    dtype = values.dtype
    if isinstance(dtype, pl.Struct):
        for field in values.struct.unnest().get_columns():
            yield from _innermost(field.alias(_PLAIN))
    elif isinstance(dtype, pl.Map):
        yield from _innermost(values.cast(pl.List(pl.Struct({"key": dtype.key, "value": dtype.value}))))
    elif isinstance(dtype, pl.Array):
        yield from _innermost(values.arr.explode())
    elif isinstance(dtype, pl.List):
        yield from _innermost(values.list.explode())
    else:
        yield values
