"""Every setting of the daily features, in one frozen object that reads from TOML."""

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from sentiscore.durations import parse_duration, write_duration
from sentiscore.errors import InputError
from sentiscore.local import local_path

SETS: Final = ("level", "shares", "opinion", "decay", "surprise", "unique")
"""The sets of columns there are; see `DailyConfig`."""

SHRINK_TO: Final = ("past", "zero")
REPEATS: Final = ("keep", "drop", "discount")
FILLS: Final = ("none", "zero", "latest", "decay")

_LONGEST: Final = timedelta(days=366)
_MOST_SESSIONS: Final = 10_000
_LONGEST_SHOWN: Final = 100
_FIRST_DAY: Final = date(1900, 1, 1)
_LAST_DAY: Final = date(2199, 12, 31)


@dataclass(frozen=True, kw_only=True)
class DailyConfig:
    """How texts are placed in sessions, and which columns are made of them.

    Half-lives, windows and ages are counted in sessions of the calendar.

    Attributes:
        cutoff: The last instant of a session's information: "close" or "open", with an offset if wanted, such
            as "open-30m" or "close+1h".
        latency: How long after it was published a text can be used, such as "5m"; a timedelta does too.
        sets: The sets of columns to make: "level" (sent_mean, sent_shrunk, sent_std), "shares" (pos_share,
            neg_share, neu_share), "opinion" (bullishness, disagreement, uncertainty), "decay" (sent_decay_{h},
            sent_momentum), "surprise" (sent_z_{w}, abnormal_volume_{w}) and "unique" (n_unique is counted).
        decay: Half-lives of the columns sent_decay_{h}.
        momentum: The two half-lives whose difference is sent_momentum, the shorter one first.
        z: Windows of the columns sent_z_{w}.
        volume: Windows of the columns abnormal_volume_{w}.
        min_baseline: A window with fewer sessions to compare with gives null; for sent_z_{w} sessions with
            news count, for abnormal_volume_{w} all but an entity's first, where that covers more than a day.
        shrinkage: How many texts of the entity's past weigh as much as its past mean in sent_shrunk.
        shrink_to: What sent_shrunk shrinks towards: the mean of the entity's "past", or "zero".
        repeats: What is done with a text that the same entity had before within `repeats_within`: "keep" it,
            "drop" it, or "discount" it: it counts as the share of that time that has gone by, in every column.
        repeats_within: How long a text counts as a repeat of an equal one.
        fill: What sessions without news hold: "none" (null), "zero", "latest" (the values of the latest session
            with news) or "decay" (the same, halved every `fill_half_life` sessions).
        fill_half_life: See `fill`.
        start: The first session of every entity; by default that of its first text.
        end: The last session of every entity; by default that of its last text.

    Raises:
        InputError: A value is of the wrong type or out of its range.
    """

    cutoff: str = "close"
    latency: str | timedelta = "0s"
    sets: tuple[str, ...] = SETS
    decay: tuple[float, ...] = (5.0, 20.0)
    momentum: tuple[float, ...] = (5.0, 20.0)
    z: tuple[int, ...] = (20,)
    volume: tuple[int, ...] = (20,)
    min_baseline: int = 5
    shrinkage: float = 5.0
    shrink_to: str = "past"
    repeats: str = "keep"
    repeats_within: str | timedelta = "3d"
    fill: str = "none"
    fill_half_life: float = 5.0
    start: date | None = None
    end: date | None = None

    def __post_init__(self) -> None:
        """Bring every value into its one form and check it."""
        from sentiscore.features.sessions import parse_cutoff

        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)  # the way a frozen dataclass sets itself up

        put("latency", _length("latency", self.latency, timedelta()))
        put("repeats_within", _length("repeats_within", self.repeats_within, timedelta(milliseconds=1)))
        parse_cutoff(_text("cutoff", self.cutoff))
        for name in ("decay", "momentum"):
            put(name, tuple(_half_life(name, value) for value in _several(name, getattr(self, name))))
        if len({f"{half_life:g}" for half_life in self.decay}) < len(self.decay):
            raise _wrong(
                "decay", self.decay, "half-lives that differ in their first six digits, which name the columns"
            )
        for name in ("z", "volume"):
            put(name, tuple(_window(name, value) for value in _several(name, getattr(self, name))))
        if len(self.momentum) != 2 or self.momentum[0] >= self.momentum[1]:  # noqa: PLR2004 - two
            raise _wrong("momentum", self.momentum, "two half-lives, the shorter one first")
        put("sets", tuple(_choice("sets", value, SETS) for value in _several("sets", self.sets)))
        put("fill_half_life", _half_life("fill_half_life", self.fill_half_life))
        put("shrinkage", _number("shrinkage", self.shrinkage))
        if self.shrinkage < 0:
            raise _wrong("shrinkage", self.shrinkage, "at least 0")
        if type(self.min_baseline) is not int or self.min_baseline < 2:  # noqa: PLR2004 - a deviation needs two
            raise _wrong("min_baseline", self.min_baseline, "a whole number, at least 2")
        for name, choices in (("shrink_to", SHRINK_TO), ("repeats", REPEATS), ("fill", FILLS)):
            _choice(name, getattr(self, name), choices)
        for name in ("start", "end"):
            put(name, _day(name, getattr(self, name)))
        if self.start is not None and self.end is not None and self.start > self.end:
            raise _wrong("end", self.end, f"on or after start, {self.start}")

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """A config from a TOML file; what it leaves out keeps its default.

        Raises:
            InputError: The file is missing, is not TOML, or names a setting that does not exist.
        """
        try:
            raw = tomllib.loads(local_path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:  # what is no UTF-8, no TOML, or a number of thousands of digits
            raise InputError(f"The config {path} cannot be read: {error}.", "It is a TOML file of settings.") from error
        return cls().with_changes(raw)

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """The same config with some settings changed.

        Raises:
            InputError: A setting does not exist, or its value is wrong.
        """
        known = [setting.name for setting in dataclasses.fields(self)]
        if unknown := sorted(set(changes) - set(known)):
            raise InputError(
                f"The daily features have no setting {', '.join(map(repr, unknown))}.",
                f"Settings are: {', '.join(known)}.",
            )
        return dataclasses.replace(self, **changes)

    @property
    def lag(self) -> timedelta:
        """`latency` as a length of time."""
        return parse_duration(str(self.latency), "latency")

    @property
    def span(self) -> timedelta:
        """`repeats_within` as a length of time."""
        return parse_duration(str(self.repeats_within), "repeats_within")

    @property
    def needs_texts(self) -> bool:
        """Whether the columns cannot be made without knowing which texts are equal."""
        return self.repeats != "keep"

    def as_dict(self) -> dict[str, Any]:
        """Every setting in a form that JSON has."""
        return {
            name: list(value) if isinstance(value, tuple) else value.isoformat() if isinstance(value, date) else value
            for name, value in dataclasses.asdict(self).items()
        }


def _wrong(name: str, value: Any, wanted: str) -> InputError:
    return InputError(
        f"The setting {name} of the daily features is {_shown(value)}; it has to be {wanted}.",
        "See the settings in docs/reference/columns.md.",
    )


def _shown(value: Any) -> str:
    try:
        text = str(value) if isinstance(value, date) else repr(value)
    except ValueError:  # Python writes no number of more than a few thousand digits
        return "a number of thousands of digits"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(name, value, "text, such as '5m' or 'open-30m'")
    return value


def _length(name: str, value: Any, least: timedelta) -> str:
    length = value if isinstance(value, timedelta) else parse_duration(_text(name, value), name)
    if not least <= length <= _LONGEST:
        raise _wrong(name, value, "more than 0 and up to 366 days" if least else "from 0 to 366 days")
    return write_duration(length)


def _several(name: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(name, value, "a list")
    if any(one in value[:i] for i, one in enumerate(value)):
        raise _wrong(name, value, "a list without repeats")
    return tuple(value)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(name, value, "a number")
    try:
        number = float(value)
    except OverflowError as error:  # a whole number may have any number of digits
        raise _wrong(name, value, "a number of at most 308 digits") from error
    if not math.isfinite(number):
        raise _wrong(name, value, "a number")
    return number


def _half_life(name: str, value: Any) -> float:
    number = _number(name, value)
    if not 0 < number <= _MOST_SESSIONS:
        raise _wrong(name, value, f"more than 0 and up to {_MOST_SESSIONS:,} sessions")
    return number


def _window(name: str, value: Any) -> int:
    if type(value) is not int or not 2 <= value <= _MOST_SESSIONS:  # noqa: PLR2004 - a deviation needs two
        raise _wrong(name, value, f"whole numbers from 2 to {_MOST_SESSIONS:,}")
    return value


def _choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise _wrong(name, value, f"one of {', '.join(choices)}")
    return str(value)


def _day(name: str, value: Any) -> date | None:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError as error:
            raise _wrong(name, value, "a date, such as 2024-02-05") from error
    if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
        raise _wrong(name, value, "a date, such as 2024-02-05")
    if value is not None and not _FIRST_DAY <= value <= _LAST_DAY:
        raise _wrong(name, value, f"a date from {_FIRST_DAY} to {_LAST_DAY}")
    return value
