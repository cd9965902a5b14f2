"""Converts a value from Python, TOML or JSON to the value that a type and its rules require."""

import math
import os
import types
import typing
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Final

from sentiscore.durations import parse_duration, write_duration
from sentiscore.errors import InputError
from sentiscore.local import local_path

_LONGEST_SHOWN: Final = 100
_DAYS: Final = (date, datetime)
_WORDS: Final[Mapping[Any, str]] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    date: "a date, such as 2024-02-05",
    datetime: "an instant, such as 2024-02-05T09:30:00Z",
    timedelta: "a length of time, such as 1h30m",
    Path: "a path",
}


class UnfitError(Exception):
    """A value does not fit its field."""

    def __init__(self, value: Any, wanted: str, kind: str = "") -> None:
        self.value, self.wanted, self.kind = value, wanted, kind


def shown(value: Any) -> str:
    """A value for a message; only its beginning if it is long."""
    try:
        text = str(value) if isinstance(value, date | timedelta) else repr(value)
    except ValueError:  # Python refuses to write numbers of more than a few thousand digits
        return "a number of thousands of digits"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def fitted(kind: Any, value: Any, rules: Mapping[str, Any]) -> Any:
    """Convert a value from any form that Python, TOML and JSON give it to the value of a field of this type.

    Args:
        kind: The type; see `sentiscore.settings`.
        value: What was given.
        rules: The rules of `sentiscore.settings.setting`, by name.

    Raises:
        UnfitError: It has another type, or breaks a rule.
        SentiscoreError: A value of nested settings is wrong.
    """
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _fitted_to_one(inner, value, rules)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise UnfitError(value, f"a list: {wanted}" if (wanted := rules.get("wanted")) else "a list")
        if rules.get("distinct") and any(one in value[:i] for i, one in enumerate(value)):
            raise UnfitError(value, "a list without repeats")
        return tuple(fitted(inner[0], one, rules) for one in value)
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise UnfitError(value, "a table")
        return {name: fitted(inner[1], one, rules) for name, one in value.items()}
    if kind is Any:
        return value
    if hasattr(kind, "from_dict"):  # other settings
        return value if isinstance(value, kind) else kind.from_dict(value)
    try:
        value = form(value) if (form := rules.get("form")) else value
    except ValueError as error:
        raise UnfitError(value, str(error)) from error
    return _checked(kind, _read(kind, value), rules)


def _fitted_to_one(kinds: tuple[Any, ...], value: Any, rules: Mapping[str, Any]) -> Any:
    if value is None and types.NoneType in kinds:
        return None
    first: tuple[Any, ...] = (value, "left out")  # not the error itself, which would keep the caller's frames
    kinds = tuple(kind for kind in kinds if kind is not types.NoneType)
    for kind in kinds:
        try:
            return fitted(kind, value, rules)
        except UnfitError as unfit:
            first = unfit.args if kind is kinds[0] else first
    raise UnfitError(*first)


def _read(kind: Any, value: Any) -> Any:
    """Convert a single value, of its own type, of numpy's, or as TOML and JSON write it; others stay as they are."""
    if kind in (int, float):
        return _number(kind, value)
    if kind is Path and isinstance(value, str | os.PathLike) and not isinstance(value, Path):
        return local_path(value)  # type: ignore[arg-type] # accepts any path-like object
    if not isinstance(value, str):
        return value
    try:
        return parse_duration(value, "") if kind is timedelta else kind.fromisoformat(value) if kind in _DAYS else value
    except (ValueError, InputError):
        return value


def _number(kind: Any, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, Integral if kind is int else Real):
        return value
    try:
        return kind(value)
    except OverflowError as error:  # a whole number may have any number of digits
        raise UnfitError(value, "a number of at most 308 digits") from error


def _checked(kind: Any, value: Any, rules: Mapping[str, Any]) -> Any:
    """Return the value if it has the right type and follows the rules."""
    wanted = rules.get("wanted", "")
    if (choices := rules.get("choices")) and value not in choices:
        raise UnfitError(value, wanted or f"one of {', '.join(choices)}")
    is_other = (isinstance(value, bool) and kind is int) or (isinstance(value, datetime) and kind is date)
    if is_other or not isinstance(value, kind):
        raise UnfitError(value, wanted or _WORDS.get(kind, f"a {kind.__name__}"), kind.__name__)
    if isinstance(value, float) and not math.isfinite(value):
        raise UnfitError(value, wanted or "a finite number")
    low, above, high, below = (rules.get(name) for name in ("low", "above", "high", "below"))
    if not (
        (low is None or value >= low)
        and (above is None or value > above)
        and (high is None or value <= high)
        and (below is None or value < below)
    ):
        bounds = {"at least": low, "more than": above, "at most": high, "less than": below}
        raise UnfitError(value, wanted or " and ".join(f"{w} {b}" for w, b in bounds.items() if b is not None))
    return value


def plain(value: Any) -> Any:
    """Convert a value to a form that JSON has."""
    if hasattr(value, "as_dict"):  # other settings
        return value.as_dict()
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return write_duration(value)
    return str(value) if isinstance(value, Path) else value
