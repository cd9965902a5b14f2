"""The types of a parquet file's columns where polars would misread them, or could not read them at all.

- polars trusts the types that Arrow noted when writing, so that a `date64` becomes a time at midnight. The parquet
  schema itself says that it is a date.
- A zone that polars does not know, such as +05:30, makes it panic. Such a column holds instants, and is read as UTC.
- INT96 is a day and its nanoseconds, which cover a wider range than 64-bit nanoseconds since 1970.
"""

import base64
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore.errors import InputError

_MOST_US: Final = (2**63 - 1) // 1000
"""The microseconds since 1970 that also fit into 64 bits as nanoseconds."""

_US_NS: Final = 1000
_NOTED: Final = b"ARROW:schema"


def arrow_schemas(path: Path) -> tuple[Any, Any]:
    """The schema of a parquet file as pyarrow reads it, and the one that Arrow stored in it when writing.

    Each is None if it is missing or pyarrow cannot read it; polars may then give a better error.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        metadata = parquet.read_metadata(path)
        noted = (metadata.metadata or {}).get(_NOTED)
        return (
            metadata.schema.to_arrow_schema(),
            None if noted is None else pa.ipc.read_schema(pa.py_buffer(base64.b64decode(noted))),
        )
    except (pa.ArrowException, OSError, ValueError):
        return None, None


def in_known_zones(schema: Any) -> Any:
    """The same pyarrow schema, with UTC instead of every zone that polars does not know."""
    import pyarrow as pa

    return pa.schema([field.with_type(_in_known_zone(field.type)) for field in schema])


def _in_known_zone(kind: Any) -> Any:
    import pyarrow as pa

    types = pa.types
    if types.is_timestamp(kind) and kind.tz is not None and not is_known(kind.tz):
        kind = pa.timestamp(kind.unit, "UTC")
    elif types.is_nested(kind):
        fields = [field.with_type(_in_known_zone(field.type)) for field in map(kind.field, range(kind.num_fields))]
        if types.is_struct(kind):
            kind = pa.struct(fields)
        elif types.is_map(kind):
            kind = pa.map_(fields[0].type.field(0), fields[0].type.field(1))
        elif types.is_fixed_size_list(kind):
            kind = pa.list_(fields[0], kind.list_size)
        elif types.is_large_list(kind):
            kind = pa.large_list(fields[0])
        elif types.is_list(kind):
            kind = pa.list_(fields[0])
    return kind


@lru_cache
def is_known(zone: str) -> bool:
    """Whether polars knows a zone; tested with a cast, which raises where reading a file would panic."""
    try:
        pl.Series([], dtype=pl.Int64).cast(pl.Datetime("us", zone))
    except pl.exceptions.PolarsError:
        return False
    return True


def with_dates(schema: pl.Schema, arrow: Any) -> pl.Schema:
    """The columns as polars reads them, with a date wherever the parquet file has one."""
    import pyarrow as pa

    def date(dtype: Any, kind: Any) -> Any:
        return pl.Date() if pa.types.is_date(kind) else dtype

    return pl.Schema({name: _changed(dtype, arrow.field(name).type, date) for name, dtype in schema.items()})


def in_microseconds(schema: pl.Schema, arrow: Any, columns: Collection[str]) -> pl.Schema:
    """The columns as polars reads them, some with microseconds instead of nanoseconds."""

    def microseconds(dtype: Any, _kind: Any) -> Any:
        return pl.Datetime("us") if dtype == pl.Datetime("ns") else dtype

    return pl.Schema(
        {
            name: _changed(dtype, arrow.field(name).type, microseconds) if name in columns else dtype
            for name, dtype in schema.items()
        }
    )


def _changed(dtype: Any, kind: Any, change: Callable[[Any, Any], Any]) -> Any:
    """Map each type nested in a polars type, given the corresponding pyarrow type."""
    import pyarrow as pa

    if not pa.types.is_nested(kind):
        return change(dtype, kind)
    inner = [kind.field(i).type for i in range(kind.num_fields)]
    if isinstance(dtype, pl.Struct):
        pairs = zip(dtype.fields, inner, strict=True)
        return pl.Struct([pl.Field(field.name, _changed(field.dtype, one, change)) for field, one in pairs])
    if isinstance(dtype, pl.Map):
        return pl.Map(
            _changed(dtype.key, inner[0].field(0).type, change), _changed(dtype.value, inner[0].field(1).type, change)
        )
    if isinstance(dtype, pl.Array):
        return pl.Array(_changed(dtype.inner, inner[0], change), dtype.size)
    return pl.List(_changed(dtype.inner, inner[0], change)) if isinstance(dtype, pl.List) else dtype


@dataclass
class Int96Look:
    """The units that INT96 values need: microseconds reach to the year 294246, nanoseconds to 2262.

    Attributes:
        fine: Columns with digits below a microsecond.
        far: Columns with values beyond the range of nanoseconds, each with an example.
    """

    fine: set[str] = field(default_factory=set)
    far: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, in_us: Any, in_ns: Any) -> None:
        """Inspect some values of a column, read by pyarrow in both units; nanoseconds may have wrapped."""
        for us, ns in zip(_instants(in_us), _instants(in_ns), strict=True):
            rest = ns.view(np.uint64) - us.view(np.uint64) * np.uint64(_US_NS)
            far = (us > _MOST_US) | (us < -_MOST_US)
            if far.any():
                self.far.setdefault(name, str(np.datetime64(int(us[far.argmax()]), "us")))
            if (rest != 0).any():
                self.fine.add(name)

    def check(self, path: Path, columns: Sequence[str], *, apart: bool) -> None:
        """Raise an InputError if no unit suits a column to read.

        Args:
            path: The file.
            columns: The columns to read.
            apart: Whether each column may have its own unit.
        """
        read = set(columns)
        for name in columns:
            if name in self.far and (name in self.fine if apart else self.fine & read):
                raise InputError(
                    f"The column {name!r} of {path} holds {self.far[name]} as INT96, and there are times finer than a "
                    "microsecond too: no type holds both.",
                    "Leave the column out with --columns (columns), or write the file again without INT96.",
                )


def _instants(values: Any) -> Iterator[npt.NDArray[np.int64]]:
    """The timestamps in a pyarrow array, at any depth, as whole numbers; nulls become 0."""
    import pyarrow as pa
    from pyarrow import compute

    if pa.types.is_timestamp(values.type):
        yield compute.fill_null(values.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    elif pa.types.is_struct(values.type):
        for inner in values.flatten():
            yield from _instants(inner)
    elif pa.types.is_map(values.type):
        yield from _instants(values.keys)
        yield from _instants(values.items)
    elif pa.types.is_nested(values.type):
        yield from _instants(values.flatten())
