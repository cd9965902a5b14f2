"""Columns by their exact names.

To polars, `pl.col("^a.*$")` is a pattern and `pl.col("*")` is every column. The same holds for such names in `select`,
`drop`, `sort` or `then`, and most methods of a series with such a name fail too. So a column that a user named is
accessed with one of these functions, or as part of a frame with `frame[[name]]`.
"""

from typing import Final

import polars as pl
from polars.selectors import by_name

_ALL: Final = "*"


def exactly(*names: str) -> pl.Expr:
    """The columns with exactly these names, whatever they look like."""
    return by_name(*names).as_expr()


def series_of(frame: pl.DataFrame, name: str) -> pl.Series:
    """The column with exactly this name, for further computation.

    A name that polars would treat as a pattern gets a trailing blank; `name_of` returns the original.
    """
    return frame[name].alias(f"{name} ") if _is_pattern(name) else frame[name]


def name_of(column: pl.Series) -> str:
    """The original name of a column from `series_of`, for messages."""
    plain = column.name.removesuffix(" ")
    return plain if _is_pattern(plain) else column.name


def _is_pattern(name: str) -> bool:
    return name == _ALL or (name.startswith("^") and name.endswith("$"))
