"""Columns by their exact names.

To polars, `pl.col("^a.*$")` is a pattern and `pl.col("*")` is every column, and so is such a name in `select`, `drop`,
`sort` or `then`; most methods of a series that has such a name fail too. So a column that a user named is taken with
one of these functions, or as a part of a frame with `frame[[name]]`.
"""

from typing import Final

import polars as pl
from polars.selectors import by_name

_ALL: Final = "*"


def exactly(*names: str) -> pl.Expr:
    """The columns that are called this, whatever the names look like."""
    return by_name(*names).as_expr()


def series_of(frame: pl.DataFrame, name: str) -> pl.Series:
    """The column that is called this, for further computing.

    Its name is the same, but for a blank behind one that polars would take for a pattern; `name_of` gives the name.
    """
    return frame[name].alias(f"{name} ") if _is_pattern(name) else frame[name]


def name_of(column: pl.Series) -> str:
    """What a column from `series_of` is called, for messages."""
    plain = column.name.removesuffix(" ")
    return plain if _is_pattern(plain) else column.name


def _is_pattern(name: str) -> bool:
    return name == _ALL or (name.startswith("^") and name.endswith("$"))
