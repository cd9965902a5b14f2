"""Text that a spreadsheet takes as text, and never as a formula.

A spreadsheet that opens a CSV runs a cell such as `=HYPERLINK(...)`. OWASP ("CSV Injection") names the characters with
which such cells begin; one apostrophe before them makes the cell a text. A text that has apostrophes and then such a
beginning gets one too, so that taking one away from what was guarded always gives the text back.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl
from polars.selectors import by_name

from sentiscore.errors import OutputError

GUARD: Final = "'"
_BLANK: Final = r"[\s\x00-\x20\x7f\x{200b}\x{2060}\x{feff}]*"
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
    """Column names, guarded like cells."""
    return pl.DataFrame({"name": names}, schema={"name": pl.String}).select(_guarded("name"))["name"].to_list()


def check_header(names: Sequence[str]) -> None:
    """Raise an OutputError if a guarded name would be that of another column."""
    guarded = inert_header(names)
    if len(set(guarded)) < len(guarded):
        twice = next(name for name in guarded if guarded.count(name) > 1)
        raise OutputError(
            f"Two columns would be called {twice!r} in a CSV that is safe to open in a spreadsheet.",
            "Rename one of them, or write .parquet.",
        )


def _is_text(dtype: pl.DataType) -> bool:
    return dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)


def _guarded(name: str) -> pl.Expr:
    text = by_name(name).as_expr().cast(pl.String)  # pl.col would take a name such as ^a$ as a pattern
    risky = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    return pl.when(risky).then(pl.concat_str(pl.lit(GUARD), text)).otherwise(text).alias(name)
