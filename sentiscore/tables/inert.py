"""Text that a spreadsheet takes as text, and never as a formula.

A spreadsheet that opens a CSV runs a cell such as `=HYPERLINK(...)`. OWASP ("CSV Injection") names the characters with
which such cells begin; one apostrophe before them makes the cell a text. A text that has apostrophes and then such a
beginning gets one too, so that taking one away from what was guarded always gives the text back.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl
from polars.selectors import by_name

GUARD: Final = "'"
_BLANK: Final = r"[\s\p{Cc}\p{Cf}]*"
_SIGNS: Final = r"[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}\x{fe66}\x{fe62}\x{fe63}\x{fe6b}]"
_FORMULA: Final = rf"^'*(?:[\t\n\r\x00]|{_BLANK}{_SIGNS})"
"""Beginnings of a formula, also full-width ones, after whatever does not show."""
_NUMBER: Final = r"^'*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
"""A plain number is only a number, and CSV files are full of negative ones."""


def inert(frame: pl.DataFrame) -> pl.DataFrame:
    """Guard the text cells that a spreadsheet would take as a formula.

    Args:
        frame: Rows; columns of numbers, times and flags stay as they are.

    Returns:
        The rows with an apostrophe before such texts.
    """
    return frame.with_columns(_guarded(name) for name, dtype in frame.schema.items() if _is_text(dtype))


def inert_header(names: Sequence[str]) -> list[str]:
    """Column names, guarded like cells; different ones stay different."""
    return pl.DataFrame({"name": names}, schema={"name": pl.String}).select(_guarded("name"))["name"].to_list()


def _is_text(dtype: pl.DataType) -> bool:
    return dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)


def _guarded(name: str) -> pl.Expr:
    text = by_name(name).as_expr().cast(pl.String)  # pl.col would take a name such as ^a$ as a pattern
    risky = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    return pl.when(risky).then(pl.concat_str(pl.lit(GUARD), text)).otherwise(text).alias(name)
