"""Frames of any library: what they hold as polars, and what is given back as a frame of the same library.

polars frames are used as they are. narwhals knows the others. Only the columns that are needed are read, each by way of
Arrow, so the other columns may contain anything. Columns that are added go next to the given ones, which stay as they
are, with the index of a pandas frame.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import polars as pl
from polars import selectors as cs

from sentiscore import forks
from sentiscore.errors import InputError, import_extra

Frame = TypeVar("Frame")
"""A frame of polars, or of another library that narwhals knows; a function gives back the kind that it got."""

AnyFrame: TypeAlias = object
"""Likewise, where a function gives back something else."""

_Type: TypeAlias = pl.DataType | type[pl.DataType]
Types: TypeAlias = Mapping[str, _Type]
"""Types of columns by their names."""

_HINTS: Final = {
    "dask": "Make a pandas frame of it: frame.compute().",
    "daft": "Make one of it: polars.from_arrow(frame.to_arrow()).",
    "datasets": "Make one of it: dataset.to_polars().",
    "duckdb": "Make one of it: relation.pl().",
    "pandas": "A pandas frame becomes one with polars.from_pandas(frame).",
    "pyarrow": "Make one of it: polars.from_arrow(table).",
    "pyspark": "Make one of it: polars.from_arrow(frame.toArrow()).",
}
_DISTRIBUTED: Final = ("dask", "daft", "pyspark", "sqlframe")
_UTC: Final = "UTC"
_NO_TYPES: Final[Types] = MappingProxyType({})
_MIDNIGHTS: Final = pl.Datetime("ms")
"""How pandas holds dates."""


def kind_of(frame: object) -> str:
    """The library and the class of an object, for messages."""
    return f"{_library(frame)}.{type(frame).__name__}"


def hint_for(frame: object) -> str:
    """How an object becomes a polars DataFrame."""
    if isinstance(frame, pl.LazyFrame):
        return "collect() it."
    if isinstance(frame, pl.Series):
        return "Make one of it: series.to_frame()."
    if kind_of(frame) in ("datasets.DatasetDict", "datasets.IterableDatasetDict"):
        return "Choose a split and make one of it: dataset['train'].to_polars()."
    if (known := _HINTS.get(_library(frame))) is not None:
        return known
    if isinstance(frame, dict) or hasattr(frame, "__arrow_c_stream__"):
        return "Make one of it with polars.DataFrame."
    return "Read a file with polars.read_parquet or polars.read_csv." if isinstance(frame, str) else ""


class Opened(Protocol):
    """A frame of any library, of which columns can be read."""

    @property
    def schema(self) -> pl.Schema:
        """Its columns and their types; Unknown where polars has no such type."""

    def read(self, names: Sequence[str]) -> pl.DataFrame:
        """Some of its columns."""

    def whole(self) -> "Opened":
        """The same with all rows in memory; reading and adding columns then see the same rows in the same order."""

    def with_columns(self, added: pl.DataFrame) -> Any:
        """The frame with more columns, row for row, or with other values in them; not before `whole`."""

    def like(self, made: pl.DataFrame) -> Any:
        """Another frame as one of the same library."""


def opened(frame: object, what: str, types: Types = _NO_TYPES) -> Opened:
    """Open a frame of polars, or of another library that narwhals knows.

    Args:
        frame: A DataFrame or LazyFrame of polars, a pandas frame, a pyarrow table, a DuckDB relation, and so on.
        what: What it is, at the beginning of a message.
        types: The types of columns that pandas holds otherwise: dates as times at midnight, and whole numbers as floats
            if some are missing.

    Raises:
        InputError: It is not a frame, is distributed over several machines, or two of its columns have the same name.
        MissingExtraError: It is not one of polars, and narwhals is not installed.
    """
    forks.check()
    if isinstance(frame, pl.DataFrame | pl.LazyFrame):
        return _OfPolars(frame)
    if _library(frame) in _DISTRIBUTED:
        raise InputError(
            f"{what} is a {kind_of(frame)}, whose rows may be on several machines.",
            "Use its partitions, one at a time, as docs/how-to/score-in-other-engines.md does. " + hint_for(frame),
        )
    if not is_frame(frame):
        raise _no_frame(frame, what)
    nw = import_extra("narwhals", "frames")
    try:
        found = nw.from_native(frame)
        names = list(found.collect_schema())
    except TypeError as error:
        raise _no_frame(frame, what) from error
    except nw.exceptions.NarwhalsError as error:
        raise InputError(
            f"{what} cannot be read: {' '.join(str(error).split())}", "Give each column a name of its own."
        ) from error
    if strange := [name for name in names if not isinstance(name, str)]:
        raise InputError(
            f"{what} has the column {strange[0]!r}, whose name is not text.",
            "Rename the columns, for example with frame.rename(columns=str).",
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{what} has several columns {twice[0]!r}.", "Give each column a name of its own.")
    return _OfNarwhals(frame, found, what, types)


def in_polars(frame: AnyFrame, what: str, types: Types = _NO_TYPES) -> pl.DataFrame:
    """All columns of a frame as polars; see `opened`."""
    given = opened(frame, what, types)
    return given.read(given.schema.names())


def is_frame(given: object) -> bool:
    """Whether something looks like a frame of some library, and not like a list of them or a path."""
    return hasattr(type(given), "columns")


def _no_frame(frame: object, what: str) -> InputError:
    return InputError(
        f"{what} must be a polars DataFrame, or another frame that narwhals knows, and is a {kind_of(frame)}.",
        hint_for(frame) or "Give a frame.",
    )


def _library(frame: object) -> str:
    return type(frame).__module__.partition(".")[0].lstrip("_")


class _OfPolars:
    """A DataFrame, or a LazyFrame whose columns are collected as they are read."""

    def __init__(self, frame: pl.DataFrame | pl.LazyFrame, *, lazy: bool = False) -> None:
        self._frame = frame
        self._lazy = lazy or isinstance(frame, pl.LazyFrame)

    @property
    def schema(self) -> pl.Schema:
        return self._frame.collect_schema()

    def read(self, names: Sequence[str]) -> pl.DataFrame:
        if isinstance(self._frame, pl.DataFrame):
            return self._frame[list(names)]
        return self._frame.select(cs.by_name(*names)).collect(engine="streaming")[list(names)]

    def whole(self) -> "_OfPolars":
        if isinstance(self._frame, pl.DataFrame):
            return self
        return _OfPolars(self._frame.collect(engine="streaming"), lazy=True)

    def with_columns(self, added: pl.DataFrame) -> Any:
        if not isinstance(self._frame, pl.DataFrame):
            raise TypeError("the rows of a LazyFrame have no order before they are collected")
        return self.like(self._frame.with_columns(added.get_columns()))

    def like(self, made: pl.DataFrame) -> Any:
        return made.lazy() if self._lazy else made


class _OfNarwhals:
    """A frame that narwhals knows; a lazy one is collected as it is read.

    Args:
        given: The frame as it was given.
        found: The same as narwhals' DataFrame or LazyFrame.
        what: What it is, for messages.
        types: The types of some columns.
    """

    def __init__(self, given: Any, found: Any, what: str, types: Types) -> None:
        self._given = given
        self._found = found
        self._what = what
        self._types = types

    @property
    def schema(self) -> pl.Schema:
        nw = import_extra("narwhals", "frames")
        found = self._found.collect_schema()
        return pl.Schema({name: _in_polars(nw.Schema({name: dtype}), name) for name, dtype in found.items()})

    def read(self, names: Sequence[str]) -> pl.DataFrame:
        nw = import_extra("narwhals", "frames")
        chosen = self._found.select(*names)
        if isinstance(chosen, nw.LazyFrame):
            chosen = chosen.collect(backend="pyarrow")
        return pl.DataFrame([_typed(self._column(chosen[name], name), self._types.get(name)) for name in names])

    def _column(self, column: Any, name: str) -> pl.Series:
        import pyarrow as pa  # only here, so that polars frames do not wait for it

        try:
            values = column.to_arrow()
            if pa.types.is_timestamp(values.type) and (values.type.tz or "").startswith(("+", "-")):
                values = values.cast(pa.timestamp(values.type.unit, _UTC))  # polars has no offsets
            return pl.Series(name, values)
        except (pa.ArrowException, pl.exceptions.PolarsError, TypeError, ValueError) as error:
            raise InputError(
                f"The column {name!r} of {self._what[0].lower()}{self._what[1:]} cannot be read: "
                f"{' '.join(str(error).split())}",
                "Its values must all be of one type: give it that type first, for example with .astype('string').",
            ) from error

    def whole(self) -> "_OfNarwhals":
        nw = import_extra("narwhals", "frames")
        if not isinstance(self._found, nw.LazyFrame):
            return self
        return _OfNarwhals(self._given, self._found.collect(backend="pyarrow"), self._what, self._types)

    def with_columns(self, added: pl.DataFrame) -> Any:
        return self._native(self._found.with_columns(*self._converted(added).iter_columns()))

    def like(self, made: pl.DataFrame) -> Any:
        return self._native(self._converted(made))

    def _converted(self, made: pl.DataFrame) -> Any:
        """As narwhals' DataFrame: of the same library, or of pyarrow if that has no frames in memory."""
        nw = import_extra("narwhals", "frames")
        backend: Any = "pyarrow" if self._is_lazy else self._found.implementation
        if not self._is_lazy and backend.is_pandas_like():
            made = made.with_columns(cs.date().cast(_MIDNIGHTS))
        table = made.to_arrow(compat_level=pl.CompatLevel.oldest())  # no views, which other libraries may not know
        return nw.from_arrow(table, backend=backend)

    @property
    def _is_lazy(self) -> bool:
        nw = import_extra("narwhals", "frames")
        return isinstance(self._given, nw.LazyFrame) or isinstance(nw.from_native(self._given), nw.LazyFrame)

    def _native(self, made: Any) -> Any:
        """A narwhals DataFrame as what was given: narwhals' own, or that of the library."""
        nw = import_extra("narwhals", "frames")
        if isinstance(self._given, nw.DataFrame):
            return made
        if not self._is_lazy:
            return made.to_native()
        given = nw.to_native(self._given, pass_through=True)
        backend = nw.from_native(given).implementation
        if backend.is_duckdb():  # the relation has to be one of the same connection
            _sentiscore_rows = made.to_native()  # DuckDB finds it by its name, unless a table has the same
            lazy = nw.from_native(given.query("_sentiscore_given", "SELECT * FROM _sentiscore_rows"))
        else:
            lazy = made.lazy(backend=backend)
        return lazy if isinstance(self._given, nw.LazyFrame) else lazy.to_native()


def _in_polars(schema: Any, name: str) -> pl.DataType:
    try:
        found: pl.DataType = schema.to_polars()[name]
    except (NotImplementedError, TypeError, ValueError):
        return pl.Unknown()
    return found


def _typed(column: pl.Series, dtype: _Type | None) -> pl.Series:
    """Midnights without a zone as dates, and whole floats as integers, if that is the type of the column."""
    if dtype == pl.Date and isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is None:
        return column.dt.date() if (column.dt.date() == column).all() else column
    if dtype is not None and dtype.is_integer() and column.dtype.is_float() and (column == column.round()).all():
        return column.cast(dtype)
    return column
