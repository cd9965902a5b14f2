"""Values of JSON as Python has them, with what their types have to know: which whole numbers a fraction would round."""

import json
from collections.abc import Iterator
from typing import Any, Final

import polars as pl

_SURE_DIGITS: Final = 15
"""The whole numbers that are float64 too."""

_MAX_DIGITS: Final = 38
"""The whole numbers that the widest type holds."""


class _Negative:
    """What a whole number below 0 is too."""

    __slots__ = ()


class _PlainNegative(int, _Negative):
    """A whole number below 0 that is a float64."""


class _Rounded(int):
    """A whole number that is no float64, so that it may not stand in a column of fractions."""


class _RoundedNegative(_Rounded, _Negative):
    """One that is below 0."""


class _Unsigned(_Rounded):
    """A whole number that 64 bits hold only without a sign."""


class _Long(_Rounded):
    """A whole number that 64 bits do not hold, with a sign or without."""


class NumberError(ValueError):
    """A number that no type holds."""


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
    """What a type is inferred from: equal for values of which equal types are inferred."""
    kind = type(value)
    if kind is list:
        return list, tuple(dict.fromkeys(map(shape_of, value)))
    if kind is dict:
        return tuple((name, shape_of(inner)) for name, inner in value.items())
    return kind


def types_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[Any]:
    """Each key with the type of its value, by the keys above it; so columns that are sometimes null do not multiply."""
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
    """A list by the types in it, which go together in ways of their own; objects in it count as such."""
    return (list, tuple(dict.fromkeys(map(_list_type, value)))) if type(value) is list else type(value)


def narrowed(dtype: Any, values: list[Any]) -> Any:
    """A type of 128 bits as one of 64 without a sign, where these hold all of its values; of each kind one is given."""
    known = [value for value in values if value is not None]
    if dtype == pl.Int128:
        return dtype if any(isinstance(value, _Negative | _Long) for value in known) else pl.UInt64()
    if isinstance(dtype, pl.List):
        lists = [value if isinstance(value, list) else [value] for value in known]  # as polars takes a lone value
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
    """Whether a value has a whole number in it that its column's type would change."""
    if isinstance(value, _Rounded):
        return dtype.is_float()
    if isinstance(value, list) and isinstance(dtype, pl.List):
        return any(is_rounded(item, dtype.inner) for item in value)  # type: ignore[arg-type]
    if isinstance(value, dict) and isinstance(dtype, pl.Struct):
        types = {field.name: field.dtype for field in dtype.fields}
        return any(is_rounded(item, types[name]) for name, item in value.items())  # type: ignore[arg-type]
    return False
