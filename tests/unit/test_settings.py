from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sentiscore.errors import CheckpointError, InputError
from sentiscore.settings import Settings, setting

FIRST = date(2000, 1, 1)


def upper(text: Any) -> Any:
    if text == "":
        raise ValueError("a name")
    return text.upper() if isinstance(text, str) else text


@dataclass(frozen=True, kw_only=True)
class Part(Settings):
    what = "part"
    error = CheckpointError
    hint = "Make it again."

    name: str
    weight: float = setting(1.0, "How much it counts.", above=0, high=10)


@dataclass(frozen=True, kw_only=True)
class Whole(Settings):
    what = "whole"

    name: str = setting("A", "What it is called.", form=upper)
    first: Part | None = None
    parts: tuple[Part, ...] = ()
    by_name: Mapping[str, Part] = field(default_factory=dict)
    figures: dict[str, float | None] = field(default_factory=dict)
    anything: dict[str, Any] = field(default_factory=dict)
    codes: tuple[str, ...] = setting((), "Codes of it.", form=upper, distinct=True)
    kind: str | None = setting(None, "Its kind.", choices=("a", "b"))
    count: int = setting(3, "How many.", low=1, below=100)
    on: bool = False
    day: date | None = setting(None, "Its day.", low=FIRST)
    at: datetime | None = None
    length: timedelta = timedelta(hours=1)
    file: Path | None = None


def test_json_and_python_give_one_object_and_it_gives_the_json_back() -> None:
    written = {
        "name": "X",
        "first": {"name": "p", "weight": 2.0},
        "parts": [{"name": "q", "weight": 1.0}],
        "by_name": {"r": {"name": "r", "weight": 0.5}},
        "figures": {"a": 0.5, "b": None},
        "anything": {"a": [1, {"b": None}]},
        "codes": ["ONE", "TWO"],
        "kind": "b",
        "count": 7,
        "on": True,
        "day": "2024-02-05",
        "at": "2024-02-05T09:30:00+00:00",
        "length": "1h30m",
        "file": "folder/file.csv",
    }
    whole = Whole(
        name="x",
        first=Part(name="p", weight=2),
        parts=[Part(name="q")],  # type: ignore[arg-type]
        by_name={"r": Part(name="r", weight=0.5)},
        figures={"a": 0.5, "b": None},
        anything={"a": [1, {"b": None}]},
        codes=("one", "two"),
        kind="b",
        count=7,
        on=True,
        day=date(2024, 2, 5),
        at=datetime(2024, 2, 5, 9, 30, tzinfo=UTC),
        length=timedelta(minutes=90),
        file=Path("folder/file.csv"),
    )
    assert Whole.from_dict(written) == whole
    assert whole.as_dict() == written


def test_numbers_of_numpy_and_anything_like_a_path_become_those_of_python() -> None:
    class Place:
        def __fspath__(self) -> str:
            return "somewhere"

    whole = Whole.from_dict({"count": np.int64(7), "figures": {"a": np.float32(0.5)}, "file": Place()})
    assert whole == Whole(count=7, figures={"a": 0.5}, file=Path("somewhere"))
    assert [type(value) for value in (whole.count, whole.figures["a"])] == [int, float]
    with pytest.raises(InputError, match="not of type int"):
        Whole(count=np.True_)  # type: ignore[arg-type]


def test_what_is_left_out_keeps_its_default() -> None:
    assert Whole.from_dict({}) == Whole()
    assert Whole.from_dict({"count": 5}) == Whole().with_changes({"count": 5}) == Whole(count=5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nam": "x"}, "A whole has no setting 'nam'"),
        ({"name": 5}, "The whole's name is 5, which is not of type str; it has to be text"),
        ({"name": ""}, "The whole's name is ''; it has to be a name"),
        ({"name": None}, "is None, which is not of type str"),
        ({"codes": "one"}, "is 'one'; it has to be a list"),
        ({"codes": ["a", "a"]}, "a list without repeats"),
        ({"codes": [1]}, "codes is 1, which is not of type str"),
        ({"kind": "c"}, "kind is 'c'; it has to be one of a, b"),
        ({"kind": ["a"]}, "one of a, b"),
        ({"count": 0}, "at least 1 and less than 100"),
        ({"count": 100}, "at least 1 and less than 100"),
        ({"count": True}, "not of type int; it has to be a whole number"),
        ({"count": 2.0}, "not of type int"),
        ({"count": 16**4000}, "is a number of thousands of digits"),
        ({"on": 1}, "true or false"),
        ({"day": "soon"}, "a date, such as"),
        ({"day": datetime(2024, 1, 1)}, "not of type date"),  # noqa: DTZ001 - which is refused
        ({"day": "1999-12-31"}, "at least 2000-01-01"),
        ({"at": "2024"}, "an instant"),
        ({"length": "5"}, "a length of time"),
        ({"length": 5}, "a length of time"),
        ({"file": 5}, "a path"),
        ({"file": "s3://bucket/x"}, "is not on this machine"),
        ({"figures": [1]}, "a table"),
        ({"figures": {1: 1.0}}, "a table"),
        ({"figures": {"a": "b"}}, "figures is 'b', which is not of type float"),
        ({"figures": {"a": float("inf")}}, "a finite number"),
        ({"name": "x" * 500 + "!", "count": "x" * 500}, "x{99}\\.\\.\\., which"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_has_to_be(change: dict[str, Any], message: str) -> None:
    for make in (Whole.from_dict, Whole().with_changes):
        with pytest.raises(InputError, match=message):
            make(change)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({}, "The part lacks 'name'"),
        ({"name": "p", "weight": 11}, "more than 0 and at most 10"),
        ({"name": "p", "weight": 10**400}, "at most 308 digits"),
        (5, "5 is no table"),
        (None, "None is no table"),
        ([("name", "p")], "is no table"),
    ],
)
def test_settings_within_settings_raise_their_own_error(raw: Any, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        Part.from_dict(raw)
    with pytest.raises(CheckpointError, match=message):
        Whole.from_dict({"parts": [raw]})
    if raw is not None:
        with pytest.raises(CheckpointError, match=message):
            Whole.from_dict({"first": raw})


def test_the_hint_is_the_help_of_the_setting_or_that_of_the_settings() -> None:
    with pytest.raises(InputError) as caught:
        Whole(count=0)
    assert caught.value.hint == "How many."
    with pytest.raises(CheckpointError) as of_part:
        Part(name=5)  # type: ignore[arg-type]
    assert of_part.value.hint == "Make it again."


def test_settings_that_skip_what_they_do_not_know_take_what_a_later_version_wrote() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Open(Settings):
        what = "note"
        skips_unknown = True

        rows: int

    assert Open.from_dict({"rows": 5, "later": object()}) == Open(rows=5)


def test_a_file_that_is_not_there_is_a_matter_of_its_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"The whole .*absent.toml cannot be read: there is no such file") as caught:
        Whole.from_toml(tmp_path / "absent.toml")
    assert caught.value.hint == "Check the path; it is taken relative to this folder."


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(InputError, match=r"The whole .*w.toml cannot be read: this user may not read it\.") as caught:
        Whole.from_toml(tmp_path / "w.toml")
    assert caught.value.hint == "Check its permissions and those of its folder."


def test_a_mapping_may_be_empty_by_default_and_is_not_shared() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Open(Settings):
        names: dict[str, str] = setting({}, "Names.")

    assert Open().names == {} == Open.from_dict({}).names
    assert Open().names is not Open().names


@pytest.mark.parametrize("content", [b"count = ", b"\xff", b"count = " + b"9" * 5000])
def test_a_file_that_is_not_toml_is_refused_by_its_path(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.toml").write_bytes(content)
    for name in ("w.toml", "absent.toml"):
        with pytest.raises(InputError, match=rf"The whole .*{name} cannot be read"):
            Whole.from_toml(tmp_path / name)
