"""Names that look like several in one, and what would separate them."""

import re
from collections import Counter
from typing import Final

import polars as pl

_BRACKETS: Final = r"^\s*(?:\[([^\[\]{}()]*)\]|\{([^\[\]{}()]*)\}|\(([^\[\]{}()]*)\))\s*$"
_LIST: Final = r"^\s*(?:\[[^\[\]{}()]*\]|\{[^\[\]{}()]*\})\s*$|^\s*\(['\"].*['\"],?\s*\)\s*$"
"""A list as Python, JSON, numpy or PostgreSQL write it."""

_CLEAR: Final = (";", "|")
"""Separators that rarely occur in a plain name; these come first."""
_TICKER: Final = re.compile(r"(?=.*[A-Z])(?:\$|[A-Z]{2,8}:)?[A-Z0-9]{2,6}(?:[.-][A-Z]{1,3})?")
_SHORT: Final = re.compile(r"[A-Z]{3,5}")
"""A ticker that is not the code of an exchange, as in AAPL US."""
_MANY: Final = 3
_OF_A_COMPANY: Final = frozenset(
    ("AB", "AG", "ASA", "BV", "CO", "CORP", "GMBH", "INC", "KGAA", "LLC", "LLP", "LP", "LTD", "NV", "PLC", "SA", "SE")
)
_CASHTAG: Final = re.compile(r"\$[A-Za-z][A-Za-z.]*")


def without_brackets(texts: pl.Series) -> pl.Series:
    """The inside of texts that are written as a list in brackets; other texts as they are."""
    groups = texts.str.extract_groups(_BRACKETS).struct.unnest()
    return pl.select(pl.coalesce(*groups.get_columns(), texts)).to_series().alias(texts.name)


def without_quotes(names: pl.Series) -> pl.Series:
    """Names without the blanks and the pair of quotes around them."""
    plain = names.str.strip_chars()
    return plain.str.replace(r"^'(.*)'$", "${1}").str.replace(r'^"(.*)"$', "${1}").str.strip_chars()


def looks_like_lists(names: pl.Series) -> tuple[str, list[str]] | None:
    """Names that look like several in one, and what separates them; None if there are none.

    - A list in brackets, and cashtags side by side, always look so.
    - With a semicolon or a bar: if a part is a name too, or a part of another such name, or no part is a single letter.
    - With a comma, as in Berkshire Hathaway, Inc.: if all parts are names of their own; or if all look like tickers,
      and one is a name, or they have no blank between them, or there are three or more.
    - With a slash, as in BRK/B: if all parts look like tickers and one is a name.
    - With a blank: if all parts are names, or tickers in other such lists.

    Args:
        names: The distinct names.
    """
    every = sorted(names.drop_nulls().to_list())
    in_brackets = [name for name in every if re.match(_LIST, name) and re.search(r"""[,;|'"]""", name)]
    if in_brackets:
        return _separator_of(in_brackets), in_brackets
    for separator in (*_CLEAR, ",", "/", " "):
        joined = {name: parts for name in every if (parts := _parts(name, separator))}
        if not joined:
            continue
        alone = {name.strip() for name in every if separator not in name}
        counts = Counter(part for parts in joined.values() for part in parts)
        often = {part for part, n in counts.items() if n > 1}
        found = [name for name, parts in joined.items() if _is_list(name, parts, separator, alone, often)]
        if found:
            return separator, found
    return None


def _is_list(name: str, parts: set[str], separator: str, alone: set[str], often: set[str]) -> bool:
    """Whether a name is a list of these parts."""
    if separator in _CLEAR:
        return bool(parts & (alone | often)) or all(len(part) > 1 for part in parts)
    if parts <= alone or (separator == " " and all(_CASHTAG.fullmatch(part) for part in parts)):
        return True
    if separator == " ":
        return all(_SHORT.fullmatch(part) for part in parts) and parts <= alone | often
    tickers = all(_is_ticker(part.upper() if name.islower() else part) for part in parts)
    listed = separator == "," and (not re.search(r",\s", name) or len(parts) >= _MANY)
    return tickers and (listed or bool(parts & alone))


def _is_ticker(text: str) -> bool:
    return _TICKER.fullmatch(text) is not None and text.rstrip(".") not in _OF_A_COMPANY


def _separator_of(lists: list[str]) -> str:
    """What separates the names of lists in brackets: a comma, if nothing says otherwise."""
    found = (separator for separator in (",", *_CLEAR) if any(separator in one for one in lists))
    spaced = any(re.search(r"['\"]\s+['\"]", one) for one in lists)
    return next(found, " " if spaced else ",")


def _parts(name: str, separator: str) -> set[str]:
    """The parts of a list; none if it has one part, or an empty one."""
    parts = [part.strip() for part in name.strip().split(separator)]
    return set(parts) if len(parts) > 1 and all(parts) else set()
