"""JSON values in Python, with types that record which whole numbers a float would round."""

import json
from collections.abc import Iterator
from typing import Any, Final

import polars as pl

_SURE_DIGITS: Final = 15
"""Whole numbers with at most this many digits are exact in float64."""

_MAX_DIGITS: Final = 38
"""The maximum number of digits that the widest type holds."""


class _Negative:
    """Marks a negative whole number."""

    __slots__ = ()


class _PlainNegative(int, _Negative):
    """A negative whole number that float64 holds exactly."""


class _Rounded(int):
    """A whole number that float64 does not hold exactly, so that a column of floats may not contain it."""


class _RoundedNegative(_Rounded, _Negative):
    """The same, but negative."""


class _Unsigned(_Rounded):
    """A whole number that fits into 64 bits only unsigned."""


class _Long(_Rounded):
    """A whole number that fits into 64 bits neither signed nor unsigned."""


class NumberError(ValueError):
    """A number that fits no type."""


def _whole_number(digits: str) -> int:
    is_negative = digits.startswith("-")
    if len(digits) <= _SURE_DIGITS:
        return _PlainNegative(digits) if is_negative else int(digits)
    if len(digits.lstrip("-")) > _MAX_DIGITS:
        raise NumberError("a whole number is too long")
    value = int(digits)
    if not -(2**63) <= value < 2**64:
        return _Long(value)
    if value >= 2**63:
        return _Unsigned(value)
    if int(float(value)) != value:
        return _RoundedNegative(value) if is_negative else _Rounded(value)
    return _PlainNegative(value) if is_negative else value


def _no_number(name: str) -> float:
    raise NumberError(f"{name} is no JSON")


decode: Final = json.JSONDecoder(parse_int=_whole_number, parse_constant=_no_number).decode


def shape_of(value: Any) -> Any:
    """The key for inferring a type: equal for values whose inferred types are equal."""
    kind = type(value)
    if kind is list:
        return list, tuple(dict.fromkeys(map(shape_of, value)))
    if kind is dict:
        return tuple((name, shape_of(inner)) for name, inner in value.items())
    return kind


def types_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[Any]:
    """Each key with its value's type, by parent keys, so that columns that are sometimes null do not multiply."""
    if type(value) is dict:
        yield path, dict
        for name, inner in value.items():
            yield from types_in(inner, (*path, name))
    elif type(value) is list:
        yield path, _list_type(value)
        for item in value:
            if type(item) is dict or type(item) is list:
                yield from types_in(item, (*path, list))
    else:
        yield path, type(value)


def _list_type(value: Any) -> Any:
    """The key of a list: the types of its items, which combine by rules of their own; all objects are one type."""
    return (list, tuple(dict.fromkeys(map(_list_type, value)))) if type(value) is list else type(value)


def narrowed(dtype: Any, values: list[Any]) -> Any:
    """Replace a 128-bit type by an unsigned 64-bit one that holds all of its values; gets one value of each kind."""
    known = [value for value in values if value is not None]
    if dtype == pl.Int128:
        return dtype if any(isinstance(value, _Negative | _Long) for value in known) else pl.UInt64()
    if isinstance(dtype, pl.List):
        lists = [value if isinstance(value, list) else [value] for value in known]  # as polars reads a lone value
        return pl.List(narrowed(dtype.inner, [item for value in lists for item in value]))
    if isinstance(dtype, pl.Struct):
        objects = [value for value in known if isinstance(value, dict)]
        return pl.Struct(
            [
                pl.Field(field.name, narrowed(field.dtype, [value.get(field.name) for value in objects]))
                for field in dtype.fields
            ]
        )
    return dtype


def is_rounded(value: Any, dtype: pl.DataType) -> bool:
    """Whether a value contains a whole number that its column's type would change."""
    if isinstance(value, _Rounded):
        return dtype.is_float()
    if isinstance(value, list) and isinstance(dtype, pl.List):
        return any(is_rounded(item, dtype.inner) for item in value)  # type: ignore[arg-type]
    if isinstance(value, dict) and isinstance(dtype, pl.Struct):
        types = {field.name: field.dtype for field in dtype.fields}
        return any(is_rounded(item, types[name]) for name, item in value.items())  # type: ignore[arg-type]
    return False
