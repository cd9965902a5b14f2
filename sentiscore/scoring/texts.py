"""Converts any container of texts to a series of texts, where missing ones are null."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from sentiscore.errors import InputError

_TEXT: Final = "text"
_TEXT_LIKE: Final = (pl.String, pl.Categorical, pl.Enum, pl.Null)
_PANDAS_MISSING: Final = ("NAType", "NaTType")
_LONGEST_SHOWN: Final = 60
_MISSING: Final = "None, NaN, pandas.NA or NaT"


def as_texts(texts: Iterable[object], what: str = _TEXT) -> pl.Series:
    """Texts as a series.

    Args:
        texts: A list, an array, a polars or pandas series, or any other iterable of texts. None and pandas' missing
            values (NaN, NA and NaT) are missing texts.
        what: What the texts are.

    Raises:
        InputError: It is a single text, or contains something that is not a text.
    """
    if isinstance(texts, str):
        raise InputError(f"score takes a list of {what}s, not one {what}.", f"Put it in a list: [{what}]")
    if isinstance(texts, pl.Series):
        if texts.dtype not in _TEXT_LIKE:
            raise InputError(f"Not all of these {_are(what)}: the series holds {texts.dtype}.", _hint(what))
        return texts.cast(pl.String).alias(what)
    if (advice := not_a_list(texts)) is not None:
        raise InputError(
            f"Not all of these {_are(what)}: this is a {_type(texts)}.",
            advice or f"Put the {what}s in a list.",
        )
    given = [_text(at, value, what) for at, value in enumerate(texts)]
    return pl.Series(what, given, dtype=pl.String, strict=True)


def _are(what: str) -> str:
    return "are texts" if what == _TEXT else f"{what}s are texts"


def _hint(what: str) -> str:
    if what == _TEXT:
        return f"A text is a str. A missing one is {_MISSING}, and gets the status null."
    return f"A {what} is a str. Where it is missing ({_MISSING}), the text is scored as a whole."


def not_a_list(given: object) -> str | None:
    """Advice for something that cannot be iterated, or whose items are names, keys, bytes or lines.

    Args:
        given: The object that was passed where a list is expected.

    Returns:
        None for an iterable of items. Otherwise advice, which is empty if there is nothing better to suggest than to
        pass a list.
    """
    if hasattr(type(given), "columns"):  # a frame or table of any library
        return 'Pass one column of it, such as df["headline"], or use score_frame.'
    if isinstance(given, Mapping):
        return 'Pass one of its values, such as rows["headline"], or a list: list(rows.values()).'
    if callable(getattr(given, "readline", None)):
        return "Use score_file with the path of a file, or read the texts into a list first."
    if isinstance(given, bytes | bytearray | memoryview):
        return ""
    try:
        iter(given)  # type: ignore[call-overload]
    except TypeError:
        return ""
    return None


def _text(at: int, value: object, what: str) -> str | None:
    if isinstance(value, str):
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise InputError(
                    f"Not all of these {_are(what)}: number {at}, counted from 0, holds half a character: "
                    f"{error.reason}.",
                    "Mend it, for example with text.encode(errors='replace').decode().",
                ) from error
        return value
    if _is_missing(value):
        return None
    shown = repr(value)
    shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."
    raise InputError(
        f"Not all of these {_are(what)}: number {at}, counted from 0, is {shown}, of the type {_type(value)}.",
        _hint(what),
    )


def _is_missing(value: object) -> bool:
    """Whether this is None or a missing value of pandas or numpy."""
    if value is None:
        return True
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    kind = type(value)
    return kind.__module__.partition(".")[0] == "pandas" and kind.__name__ in _PANDAS_MISSING


def _type(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
