"""Guards text so that a spreadsheet treats it as text, and never as a formula.

A spreadsheet that opens a CSV runs a cell such as `=HYPERLINK(...)`. OWASP ("CSV Injection") names the characters with
which such cells begin; a leading apostrophe makes the cell text. A spreadsheet that splits at other characters than
commas, or ignores quotes, makes other cells than were written, so what follows a separator within a text is guarded
like the beginning of a text.

Each position where a formula could begin gets one apostrophe, and which positions these are does not depend on
apostrophes that are already there. So the same positions are found in guarded text, and removing one apostrophe at each
restores the text (`unguarded`).
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import polars as pl

GUARD: Final = "'"
_FORMATS: Final = (
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001"
    "\U000e0020-\U000e007f"
)
"""Unicode's format characters (Cf), as a regex class that Python and Rust read alike."""
_SPACES: Final = " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NOTHING: Final = rf"{_SPACES}\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_FORMATS}"
"""Invisible characters that separate nothing, as a regex class."""
_SIGN: Final = "[=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]"
"""The beginning of a formula, also in full-width characters, after any invisible ones."""
_NUMBER: Final = r"'*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
"""A plain number is only a number, and CSV files are full of negative ones."""

_AT_START: Final = rf"^(?:'*[\t\n\r\x00]|['{_NOTHING}\t\n\r]*{_SIGN})"
_ONLY_A_NUMBER: Final = rf"^{_NUMBER}$"
_AFTER: Final = ",;|\t\r\n"
"""Characters that separate cells, or rows where quotes are ignored."""
_MAYBE_WITHIN: Final = rf"""[{_AFTER}](?:['"]*[\t\x00]|['"{_NOTHING}]*{_SIGN})"""
_WITHIN: Final = re.compile(
    rf"""(?<=[,;|\r\n])(?=['"]*[\t\x00])|(?<=\t)(?=['"]*\x00)"""
    rf"""|(?<=([{_AFTER}]))(?=['"{_NOTHING}]*{_SIGN})(?!{_NUMBER}(?:\1|\Z))"""
)
"""Each position within a text at which a formula could begin; a lookahead, so that positions can be adjacent."""


def inert(frame: pl.DataFrame) -> pl.DataFrame:
    """Guard the text cells that a spreadsheet would treat as a formula, whatever separator it uses.

    Args:
        frame: Rows; columns of numbers, times and flags stay as they are.

    Returns:
        The rows, with an apostrophe at each position of such texts at which a formula could begin.
    """
    return frame.with_columns(_guarded(column) for column in frame.get_columns() if _is_text(column.dtype))


def inert_header(names: Sequence[str]) -> list[str]:
    """Column names, guarded like cells; different names stay different."""
    return _guarded(pl.Series(names, dtype=pl.String)).to_list()


def unguarded(text: str) -> str:
    """The text that a cell was before it was guarded.

    Args:
        text: A cell of a CSV that sentiscore wrote without `--csv-as-is`.
    """
    plain = "".join(part.removeprefix(GUARD) if i else part for i, part in enumerate(_cut(text)))
    begins = re.search(_AT_START, plain) is not None and re.search(rf"^{_NUMBER}\Z", plain) is None
    return plain.removeprefix(GUARD) if begins else plain


def _cut(text: str) -> list[str]:
    """Split a text at each position within it at which a formula could begin."""
    borders = [0, *(found.start() for found in _WITHIN.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(borders)]


def _is_text(dtype: pl.DataType) -> bool:
    return dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)


def _guarded(texts: pl.Series) -> pl.Series:
    """Guard texts; few need it, and the others are only checked."""
    name, texts = texts.name, texts.rename("texts").cast(pl.String)  # polars treats a name such as ^a$ as a pattern
    risky = texts.str.contains(_AT_START) & ~texts.str.contains(_ONLY_A_NUMBER)
    some = texts.str.contains(_MAYBE_WITHIN).fill_null(value=False)
    if some.any():
        whole = pl.Series([_WITHIN.sub(GUARD, text) for text in texts.filter(some)], dtype=pl.String)
        texts = texts.scatter(some.arg_true(), whole)
    return (GUARD + texts).zip_with(risky.fill_null(value=False), texts).alias(name)
