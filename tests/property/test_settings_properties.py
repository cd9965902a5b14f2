"""Settings of any values are the same after TOML and after JSON."""

import json
import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from sentiscore.errors import InputError
from sentiscore.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class Inner(Settings):
    name: str = ""
    weight: float = setting(1.0, low=0)


@dataclass(frozen=True, kw_only=True)
class Outer(Settings):
    text: str = ""
    count: int = setting(0, low=-(2**63), below=2**63)
    share: float = 0.0
    on: bool = False
    day: date | None = None
    at: datetime | None = None
    length: timedelta = timedelta()
    file: Path | None = None
    numbers: tuple[float, ...] = ()
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)
    tables: dict[str, dict[str, int]] = field(default_factory=dict)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=10)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
INNERS = st.builds(Inner, name=TEXTS, weight=st.floats(0, 1e300))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda n: timezone(timedelta(minutes=n)))
"""Named zones are not kept, and Python calls no two times equal of which one is ambiguous in such a zone."""
OUTERS = st.builds(
    Outer,
    text=TEXTS,
    count=st.integers(-(2**63), 2**63 - 1),
    share=NUMBERS,
    on=st.booleans(),
    day=st.none() | st.dates(),
    at=st.none() | st.datetimes(timezones=OFFSETS),
    length=st.integers(0, 10**12).map(lambda n: timedelta(milliseconds=n)),
    file=st.none() | st.sampled_from([Path("a/b.csv"), Path("/a"), Path()]),
    numbers=st.lists(NUMBERS, max_size=3).map(tuple),
    inner=st.none() | INNERS,
    inners=st.lists(INNERS, max_size=3).map(tuple),
    figures=st.dictionaries(TEXTS, NUMBERS, max_size=3),
    tables=st.dictionaries(TEXTS, st.dictionaries(TEXTS, st.integers(-5, 5), max_size=2), max_size=2),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(OUTERS)
def test_settings_are_equal_after_json(outer: Outer) -> None:
    assert Outer.from_dict(json.loads(json.dumps(outer.as_dict()))) == outer


@given(OUTERS)
def test_settings_are_equal_after_toml(outer: Outer) -> None:
    written = {name: value for name, value in outer.as_dict().items() if value is not None}
    assert Outer.from_dict(tomllib.loads(tomli_w.dumps(written))) == outer


@given(st.dictionaries(st.sampled_from(list(Outer().as_dict())), JSON))
def test_any_values_make_settings_that_hold_or_one_kind_of_error(raw: dict[str, Any]) -> None:
    try:
        made = Outer.from_dict(raw)
    except InputError:
        return
    assert Outer.from_dict(made.as_dict()) == made
