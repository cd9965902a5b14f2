"""Every setting of the daily features, in one frozen object that reads from TOML."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from sentiscore.durations import parse_duration, write_duration
from sentiscore.settings import Settings, setting

SETS: Final = ("level", "shares", "opinion", "decay", "surprise", "tone", "unique")
"""The available sets of columns; see `DailyConfig`."""

SHRINK_TO: Final = ("past", "zero")
REPEATS: Final = ("keep", "drop", "discount")
FILLS: Final = ("none", "zero", "latest", "decay")

_LONGEST: Final = timedelta(days=366)
_MOST_SESSIONS: Final = 10_000
_FIRST_DAY: Final = date(1900, 1, 1)
_LAST_DAY: Final = date(2199, 12, 31)
_DAY: Final[dict[str, Any]] = {
    "low": _FIRST_DAY,
    "high": _LAST_DAY,
    "wanted": f"a date from {_FIRST_DAY} to {_LAST_DAY}",
}
_HALF_LIVES: Final[dict[str, Any]] = {
    "above": 0,
    "high": _MOST_SESSIONS,
    "distinct": True,
    "wanted": f"a number of sessions, more than 0 and up to {_MOST_SESSIONS:,}",
}
_WINDOWS: Final[dict[str, Any]] = {  # a deviation needs two values
    "low": 2,
    "high": _MOST_SESSIONS,
    "distinct": True,
    "wanted": f"whole numbers from 2 to {_MOST_SESSIONS:,}",
}


def _cutoff(value: Any) -> str:
    from sentiscore.features.sessions import parse_cutoff

    if not isinstance(value, str):
        raise ValueError("text, such as 'close' or 'open-30m'")  # noqa: TRY004 - says what is wanted
    parse_cutoff(value)
    return value


def _length(name: str, least: timedelta, value: Any) -> str:
    """A length of time as text, in its canonical form."""
    if not isinstance(value, str | timedelta):
        raise ValueError("text, such as '5m' or '1h30m'")  # noqa: TRY004 - says what is wanted
    length = value if isinstance(value, timedelta) else parse_duration(value, name)
    if not least <= length <= _LONGEST:
        raise ValueError("more than 0 and up to 366 days" if least else "from 0 to 366 days")
    return write_duration(length)


@dataclass(frozen=True, kw_only=True)
class DailyConfig(Settings):
    """How texts are assigned to sessions, and which columns are made from them.

    Half-lives, windows and ages are counted in sessions of the calendar.

    Attributes:
        cutoff: The last instant of a session's information: "close" or "open", with an offset if wanted, such
            as "open-30m" or "close+1h".
        latency: How long after it was published a text can be used, such as "5m"; a timedelta does too.
        sets: The sets of columns to make: "level" (sent_mean, sent_shrunk, sent_std), "shares" (pos_share,
            neg_share, neu_share), "opinion" (bullishness, disagreement, uncertainty), "decay" (sent_decay_{h},
            sent_momentum), "surprise" (sent_z_{w}, abnormal_volume_{w}), "tone" (tone_mean, tone_std, tone_decay_{h})
            and "unique" (n_unique is counted).
        decay: Half-lives of the columns sent_decay_{h} and tone_decay_{h}.
        momentum: The two half-lives whose difference is sent_momentum, the shorter one first.
        z: Windows of the columns sent_z_{w}.
        volume: Windows of the columns abnormal_volume_{w}.
        min_baseline: A window with fewer sessions to compare with gives null; for sent_z_{w} sessions with
            news count, for abnormal_volume_{w} all but an entity's first, if that covers more than a day.
        shrinkage: How many texts of the entity's past weigh as much as its past mean in sent_shrunk.
        shrink_to: What sent_shrunk shrinks towards: the mean of the entity's "past", or "zero".
        repeats: What happens to a text that the same entity had before within `repeats_within`: "keep"
            it, "drop" it, or "discount" it: it counts as the share of that time that has passed, in every column.
        repeats_within: How long a text counts as a repeat of an equal one.
        fill: What sessions without news hold: "none" (null), "zero", "latest" (the values of the latest session
            with news) or "decay" (the same, halved every `fill_half_life` sessions).
        fill_half_life: See `fill`.
        start: The first session of every entity; by default that of its first text.
        end: The last session of every entity; by default that of the last text of any entity.

    Raises:
        InputError: A value is of the wrong type or out of its range.
    """

    what = "daily config"
    hint = "See the settings in docs/reference/columns.md."

    cutoff: str = setting("close", form=_cutoff)
    latency: str | timedelta = setting("0s", form=partial(_length, "latency", timedelta()))
    sets: tuple[str, ...] = setting(SETS, choices=SETS, distinct=True)
    decay: tuple[float, ...] = setting((5.0, 20.0), **_HALF_LIVES)
    momentum: tuple[float, ...] = setting((5.0, 20.0), **_HALF_LIVES)
    z: tuple[int, ...] = setting((20,), **_WINDOWS)
    volume: tuple[int, ...] = setting((20,), **_WINDOWS)
    min_baseline: int = setting(5, low=2)  # a deviation needs two
    shrinkage: float = setting(5.0, low=0)
    shrink_to: str = setting("past", choices=SHRINK_TO)
    repeats: str = setting("keep", choices=REPEATS)
    repeats_within: str | timedelta = setting("3d", form=partial(_length, "repeats_within", timedelta(milliseconds=1)))
    fill: str = setting("none", choices=FILLS)
    fill_half_life: float = setting(5.0, above=0, high=_MOST_SESSIONS)
    start: date | None = setting(None, **_DAY)
    end: date | None = setting(None, **_DAY)

    def __post_init__(self) -> None:
        """Convert every value to its canonical form and check it."""
        super().__post_init__()
        if len({f"{half_life:g}" for half_life in self.decay}) < len(self.decay):
            raise self.wrong("decay", "half-lives that differ in their first six digits, which name the columns")
        if len(self.momentum) != 2 or self.momentum[0] >= self.momentum[1]:  # noqa: PLR2004 - two
            raise self.wrong("momentum", "two half-lives, the shorter one first")
        if self.start is not None and self.end is not None and self.start > self.end:
            raise self.wrong("end", f"on or after start, {self.start}")

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
