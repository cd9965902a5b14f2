"""Frozen objects that check their own values, and that can be made from TOML, JSON and Python alike.

A subclass is a frozen dataclass. Each field has a type, and `setting` gives further rules for its value:

    @dataclass(frozen=True, kw_only=True)
    class Reading(Settings):
        what = "reading"

        encoding: str = setting("utf-8", "Encoding of the file.")
        skip_rows: int = setting(0, "Lines before the header.", low=0)

A type is str, int, float, bool, date, datetime, timedelta, Path, another `Settings` or Any; a tuple `tuple[T, ...]` or
a mapping `dict[str, T]` of these; or one of several, such as `T | None`.
"""

import dataclasses
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self, get_type_hints

from sentiscore.errors import InputError, SentiscoreError
from sentiscore.fitting import UnfitError, fitted, plain, shown
from sentiscore.local import local_path


def setting(
    default: Any = dataclasses.MISSING,
    doc: str = "",
    *,
    choices: tuple[str, ...] = (),
    low: Any = None,
    above: Any = None,
    high: Any = None,
    below: Any = None,
    distinct: bool = False,
    wanted: str = "",
    form: Callable[[Any], Any] | None = None,
) -> Any:
    """A field with its default, its help text, and rules for its value, or for each value of a list or mapping.

    Args:
        default: Its default value; the field is required if this is left out.
        doc: What it is for; also the hint of errors.
        choices: The allowed values.
        low: The minimum.
        above: The exclusive minimum.
        high: The maximum.
        below: The exclusive maximum.
        distinct: Whether the values of a list must differ.
        wanted: What errors ask for; by default made from the type and the rules.
        form: Normalises a value before it is checked; the message of its ValueError says what is wanted.
    """
    rules = {"choices": choices, "low": low, "above": above, "high": high, "below": below}
    more = {"help": doc, "distinct": distinct, "wanted": wanted, "form": form}
    if isinstance(default, dict):  # each object has its own
        return dataclasses.field(default_factory=default.copy, metadata={**rules, **more})
    return dataclasses.field(default=default, metadata={**rules, **more})


class Settings:
    """Base class of frozen dataclasses whose values are normalised and checked, however they were given."""

    what: ClassVar[str] = "settings"
    """What errors call them."""
    error: ClassVar[type[SentiscoreError]] = InputError
    """The error to raise if a value is wrong."""
    hint: ClassVar[str] = ""
    """The hint if they cannot be read at all."""
    skips_unknown: ClassVar[bool] = False
    """Whether `from_dict` ignores unknown fields, which a later version may have added."""

    def __post_init__(self) -> None:
        """Normalise and check every value; a subclass adds rules that combine several values."""
        kinds = types_of(type(self))  # type: ignore[arg-type] # every class is hashable
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            try:
                value = fitted(kinds[field.name], value, field.metadata)
            except UnfitError as unfit:
                raise self.wrong(field.name, unfit.wanted, unfit.value, unfit.kind) from unfit
            object.__setattr__(self, field.name, value)  # as a frozen dataclass itself does

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Make the object from parsed TOML or JSON; missing fields keep their defaults.

        Raises:
            SentiscoreError: A value is missing, is wrong, or belongs to no field; `error` is the class.
        """
        if not isinstance(raw, Mapping):
            raise cls.error(f"A {cls.what} is a table of settings, and {shown(raw)} is no table.", cls.hint)
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        if not cls.skips_unknown:
            cls._check_names(raw)
        if missing := [field.name for field in fields if _is_needed(field) and field.name not in raw]:
            raise cls.error(f"The {cls.what} lacks {', '.join(map(repr, missing))}.", cls.hint)
        return cls(**{field.name: raw[field.name] for field in fields if field.name in raw})

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """Read the object from a TOML file; missing fields keep their defaults.

        Raises:
            SentiscoreError: The file is missing, may not be read, is not TOML, or a value of it is wrong.
        """
        return cls.from_dict(cls.read_toml(path))

    @classmethod
    def read_toml(cls, path: str | Path) -> dict[str, Any]:
        """Parse a TOML file of these settings.

        Raises:
            SentiscoreError: The file is missing, may not be read, or is not TOML.
        """
        try:
            return tomllib.loads(local_path(path).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise cls.error(
                f"The {cls.what} {path} cannot be read: there is no such file.",
                "Check the path; it is taken relative to this folder.",
            ) from error
        except PermissionError as error:
            raise cls.error(
                f"The {cls.what} {path} cannot be read: this user may not read it.",
                "Check its permissions and those of its folder.",
            ) from error
        except (OSError, ValueError) as error:  # not UTF-8, not TOML, or a number with thousands of digits
            raise cls.error(f"The {cls.what} {path} cannot be read: {error}.", cls.hint) from error

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with some settings changed.

        Raises:
            SentiscoreError: A setting does not exist, or its value is wrong.
        """
        self._check_names(changes)
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    def as_dict(self) -> dict[str, Any]:
        """Every value in a form that JSON has; `from_dict` makes an equal object from it."""
        return {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}  # type: ignore[arg-type]

    def wrong(self, name: str, wanted: str, value: Any = ..., kind: str = "") -> SentiscoreError:
        """The error that says what a value must be.

        Args:
            name: The name of its field.
            wanted: What it must be.
            value: The wrong value; the field's value by default.
            kind: The type that it does not have.
        """
        found = shown(getattr(self, name) if value is ... else value)
        doc = next(field.metadata.get("help") for field in dataclasses.fields(self) if field.name == name)  # type: ignore[arg-type]
        not_of = f", which is not of type {kind}" if kind else ""
        return self.error(f"The {self.what}'s {name} is {found}{not_of}; it has to be {wanted}.", doc or self.hint)

    @classmethod
    def _check_names(cls, given: Mapping[str, Any]) -> None:
        known = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        if unknown := sorted(shown(name) for name in given if name not in known):
            raise cls.error(f"A {cls.what} has no setting {', '.join(unknown)}.", f"Settings are: {', '.join(known)}.")


@cache
def types_of(kind: type[Settings]) -> dict[str, Any]:
    """The type of each field."""
    return get_type_hints(kind)


def _is_needed(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
