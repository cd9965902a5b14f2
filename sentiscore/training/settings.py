"""Frozen settings that check themselves and read from TOML."""

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from sentiscore.errors import TrainingError
from sentiscore.local import local_path


def setting(
    default: Any,
    doc: str,
    *,
    choices: tuple[str, ...] = (),
    low: float | None = None,
    above: float | None = None,
    below: float | None = None,
    of: type = str,
) -> Any:
    """A field with its default, its help text and what it may be; a list holds values `of` one type."""
    bounds = {"choices": choices, "low": low, "above": above, "below": below, "of": of}
    return dataclasses.field(default=default, metadata={"help": doc, **bounds})


class Settings:
    """Base of the frozen dataclasses of settings: each value is checked against what its field says.

    Raises:
        TrainingError: A value is of the wrong type or out of its range.
    """

    what: ClassVar[str] = "recipe"
    """What messages call these settings."""

    def __post_init__(self) -> None:
        for setting in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, setting.name)
            if type(value) is int and type(setting.default) is float:
                value = float(value)
            elif type(value) is list:
                value = tuple(value)
            object.__setattr__(self, setting.name, value)  # the way a frozen dataclass sets itself up
            _check(self.what, setting, value)

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """The same settings with some changed.

        Raises:
            TrainingError: A setting does not exist, or its value is wrong.
        """
        known = [setting.name for setting in dataclasses.fields(self)]  # type: ignore[arg-type]
        if unknown := sorted(set(changes) - set(known)):
            raise TrainingError(
                f"A {self.what} has no setting {', '.join(map(repr, unknown))}.", f"Settings are: {', '.join(known)}."
            )
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]


def read_toml(path: str | Path) -> dict[str, Any]:
    """What a TOML file says.

    Raises:
        TrainingError: The file is missing or is not TOML.
    """
    try:
        return tomllib.loads(local_path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TrainingError(f"The recipe {path} cannot be read: {error}.", "See pipelines/configs/.") from error


def _check(what: str, field: dataclasses.Field[Any], value: Any) -> None:
    kind = type(field.default)
    if type(value) is not kind:
        raise TrainingError(
            f"The {what}'s {field.name} is {value!r}, which is not of type {kind.__name__}.",
            field.metadata["help"],
        )
    bounds = field.metadata
    if isinstance(value, tuple) and any(type(one) is not bounds["of"] for one in value):
        raise TrainingError(
            f"The {what}'s {field.name} is {list(value)!r}, and it has to be a list of {bounds['of'].__name__}.",
            bounds["help"],
        )
    if bounds["choices"] and value not in bounds["choices"]:
        wanted = f"one of {', '.join(bounds['choices'])}"
    elif isinstance(value, float) and not math.isfinite(value):
        wanted = "a finite number"
    elif bounds["low"] is not None and not value >= bounds["low"]:
        wanted = f"at least {bounds['low']}"
    elif bounds["above"] is not None and not value > bounds["above"]:
        wanted = f"more than {bounds['above']}"
    elif bounds["below"] is not None and not value < bounds["below"]:
        wanted = f"less than {bounds['below']}"
    else:
        return
    raise TrainingError(f"The {what}'s {field.name} is {value!r}; it has to be {wanted}.", bounds["help"])
