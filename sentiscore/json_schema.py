"""Makes a JSON Schema of settings, so that editors can complete and check the TOML or JSON files that hold them."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from sentiscore.fitting import plain
from sentiscore.settings import Settings, types_of

_KINDS: Final[Mapping[Any, dict[str, Any]]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    date: {"type": "string", "format": "date"},
    datetime: {"type": "string", "format": "date-time"},
    types.NoneType: {"type": "null"},
}
"""All other types, such as paths and durations, are text."""
_BOUNDS: Final = {"low": "minimum", "above": "exclusiveMinimum", "high": "maximum", "below": "exclusiveMaximum"}


def json_schema(kind: type[Settings]) -> dict[str, Any]:
    """The JSON Schema of settings, without rules that combine several values or belong to a single field."""
    kinds = types_of(kind)  # type: ignore[arg-type] # every class is hashable
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    missing = dataclasses.MISSING
    about = {}
    for name, field in fields.items():
        default = {} if field.default is missing else {"default": plain(field.default)}
        doc = {"description": field.metadata["help"]} if field.metadata.get("help") else {}
        about[name] = _schema(kinds[name], field.metadata) | default | doc
    needed = [name for name, field in fields.items() if field.default is missing and field.default_factory is missing]
    return {
        "title": kind.what,
        "type": "object",
        "properties": about,
        "required": needed,
        "additionalProperties": kind.skips_unknown,
    }


def _schema(kind: Any, rules: Mapping[str, Any]) -> dict[str, Any]:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return {}
    if origin in (typing.Union, types.UnionType):
        found = [_schema(each, rules) for each in inner]
        several = [each for at, each in enumerate(found) if each not in found[:at]]
        return several[0] if len(several) == 1 else {"anyOf": several}
    if origin is tuple:
        return {"type": "array", "items": _schema(inner[0], rules)} | (
            {"uniqueItems": True} if rules.get("distinct") else {}
        )
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _schema(inner[1], rules)}
    if issubclass(kind, Settings):
        return json_schema(kind)
    bounds = {of: rules[name] for name, of in _BOUNDS.items() if kind in (int, float) and rules.get(name) is not None}
    choices = {"enum": list(rules["choices"])} if kind is str and rules.get("choices") else {}
    return _KINDS.get(kind, {"type": "string"}) | bounds | choices
