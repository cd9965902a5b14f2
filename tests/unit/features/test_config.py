import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sentiscore.durations import parse_duration, write_duration
from sentiscore.errors import InputError
from sentiscore.features import DailyConfig


def test_a_file_of_settings_leaves_the_rest_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "features.toml"
    path.write_text('cutoff = "open-30m"\ndecay = [3, 10.5]\nz = []\nstart = 2024-02-05\nsets = ["level", "decay"]\n')
    config = DailyConfig.from_toml(path)
    expected = DailyConfig(cutoff="open-30m", decay=(3.0, 10.5), z=(), start=date(2024, 2, 5), sets=("level", "decay"))
    assert config == expected
    assert config.latency == "0s"


def test_lists_dates_as_text_and_lengths_of_time_have_one_form() -> None:
    config = DailyConfig(decay=[1], start="2024-02-05", latency=timedelta(minutes=90), repeats_within="72h")  # type: ignore[arg-type]
    same = DailyConfig(decay=(1.0,), start=date(2024, 2, 5), latency="1h30m", repeats_within="3d")
    assert config == same
    assert config.lag == timedelta(minutes=90)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"cutoff": "noon"}, "not a cutoff"),
        ({"cutoff": 5}, "cutoff .* text"),
        ({"latency": "5"}, r"not a length of time \(latency\)"),
        ({"latency": "400d"}, "from 0 to 366 days"),
        ({"latency": timedelta(minutes=-1)}, "from 0 to 366 days"),
        ({"repeats_within": "0s"}, "more than 0"),
        ({"decay": (0.0,)}, "more than 0"),
        ({"decay": (float("nan"),)}, "a number"),
        ({"decay": 5.0}, "a list"),
        ({"decay": (5, 5.0)}, "without repeats"),
        ({"decay": (5, 5.0000001)}, "differ in their first six digits"),
        ({"decay": [[5]]}, "a number"),
        ({"decay": (10**400,)}, r"is 10{99}\.\.\.; it has to be a number of at most 308 digits"),
        ({"z": [{"a": 1}]}, "whole numbers"),
        ({"sets": [["level"]]}, "one of level, shares"),
        ({"sets": [["level"], ["level"]]}, "without repeats"),
        ({"shrinkage": 10**400}, "at most 308 digits"),
        ({"latency": "999999999d999999999d"}, r"longer than a hundred years \(latency\)"),
        ({"cutoff": "close+999999999d999999999d"}, r"longer than a hundred years \(cutoff\)"),
        ({"cutoff": "close+36525d"}, "more than seven days off"),
        ({"start": date(1, 1, 1)}, "a date from 1900-01-01 to 2199-12-31"),
        ({"start": "1899-12-31"}, "a date from 1900-01-01 to 2199-12-31"),
        ({"volume": (16**4000,)}, "a number of thousands of digits; it has to be whole numbers"),
        ({"end": date(9999, 12, 31)}, "is 9999-12-31; it has to be a date from 1900-01-01 to 2199-12-31"),
        ({"momentum": (20, 5)}, "the shorter one first"),
        ({"momentum": (5,)}, "the shorter one first"),
        ({"z": (1,)}, "from 2 to"),
        ({"z": (2.5,)}, "whole numbers"),
        ({"volume": ("20",)}, "whole numbers"),
        ({"min_baseline": 1}, "at least 2"),
        ({"shrinkage": -1}, "at least 0"),
        ({"shrinkage": True}, "a number"),
        ({"shrink_to": "mean"}, "one of past, zero"),
        ({"repeats": "Drop"}, "one of keep, drop, discount"),
        ({"fill": None}, "one of none, zero, latest, decay"),
        ({"fill_half_life": 0}, "more than 0"),
        ({"sets": ("level", "all")}, "one of level, shares"),
        ({"start": "soon"}, "a date"),
        ({"start": datetime(2024, 1, 1)}, "a date"),  # noqa: DTZ001 - which is refused
        ({"start": date(2024, 2, 1), "end": date(2024, 1, 1)}, "on or after start"),
    ],
)
def test_values_out_of_range_are_refused_by_name(change: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=why):
        DailyConfig(**change)


def test_a_setting_that_there_is_not_is_refused_with_those_there_are(tmp_path: Path) -> None:
    path = tmp_path / "features.toml"
    path.write_text("windows = [5]\n")
    with pytest.raises(InputError, match=r"no setting 'windows'.\nSettings are: cutoff, latency"):
        DailyConfig.from_toml(path)


@pytest.mark.parametrize("content", [b"cutoff =", b"\xff", b"shrinkage = " + b"9" * 5000])
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "features.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        DailyConfig.from_toml(path)
    with pytest.raises(InputError, match="cannot be read"):
        DailyConfig.from_toml(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("2d", timedelta(days=2)),
        ("250ms", timedelta(milliseconds=250)),
        ("0s", timedelta()),
        ("36525d", timedelta(days=36_525)),
    ],
)
def test_lengths_of_time_are_read_and_written(text: str, length: timedelta) -> None:
    assert parse_duration(text, "latency") == length
    assert write_duration(length) == text


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5 m", "5min", "1.5h", "5m!"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a length of time"):
        parse_duration(text, "latency")


def test_settings_as_json_are_the_settings() -> None:
    config = DailyConfig(decay=(3.0, 10.5), z=(5,), end=date(2024, 2, 5), latency="5m", repeats="drop")
    values = json.loads(json.dumps(config.as_dict()))
    assert (values["end"], values["start"], values["repeats"]) == ("2024-02-05", None, "drop")
    assert DailyConfig(**values) == config
