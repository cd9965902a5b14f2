import json
from pathlib import Path
from typing import Any

import pytest

import sentiscore
from sentiscore.checkpoint.manifest import MANIFEST, Manifest
from sentiscore.errors import CheckpointError

DEFAULT = Path(sentiscore.__file__).parent / "default_model"
ADAPTERS = {"base_folder": "/base", "base_files": {"config.json": "0"}, "in_4_bits": False}
ROWS = {"name": "news", "rows": 5, "sha256": "0"}


def read(folder: Path, **changes: Any) -> Manifest | None:
    raw = json.loads((DEFAULT / MANIFEST).read_text(encoding="utf-8")) | changes
    (folder / MANIFEST).write_text(json.dumps({name: value for name, value in raw.items() if value is not ...}))
    return Manifest.read(folder)


def test_a_manifest_is_written_as_it_was_read_to_the_byte() -> None:
    manifest = Manifest.read(DEFAULT)
    assert manifest is not None
    assert manifest.to_json() == (DEFAULT / MANIFEST).read_text(encoding="utf-8")


def test_a_manifest_with_adapters_reads_back_equal(tmp_path: Path) -> None:
    manifest = read(tmp_path, adapters=ADAPTERS, temperature=None)
    assert manifest is not None
    assert manifest.adapters is not None
    assert manifest.adapters.base_files == {"config.json": "0"}
    (tmp_path / MANIFEST).write_text(manifest.to_json())
    assert Manifest.read(tmp_path) == manifest


def test_a_manifest_of_format_1_has_one_set_of_each(tmp_path: Path) -> None:
    manifest = read(tmp_path, format=1, training_data=ROWS, selection_data=ROWS, metrics={"accuracy": 0.5})
    assert manifest is not None
    assert [rows.rows for rows in manifest.training_data] == [5]
    assert manifest.metrics == {"news": {"accuracy": 0.5}}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": 3}, "its format is not 2"),
        ({"format": ...}, "'format'"),
        ({"format": 1}, "manifest that this version understands"),
        ({"base": ...}, "lacks 'base'"),
        ({"files": ...}, "lists no files"),
        ({"more": 1}, "no setting 'more'"),
        ({"base": 5}, "base is 5"),
        ({"base_revision": 5}, "base_revision is 5"),
        ({"labels": "negative"}, "a list"),
        ({"labels": ["negative", 1]}, "labels is 1"),
        ({"files": {"a": 1}}, "files is 1"),
        ({"files": []}, "a table"),
        ({"max_length": 0}, "at least 1"),
        ({"max_length": 1.5}, "a whole number"),
        ({"max_length": True}, "a whole number"),
        ({"temperature": 0.0}, "more than 0"),
        ({"temperature": -1.0}, "more than 0"),
        ({"temperature": "hot"}, "a number"),
        ({"temperature": 10**400}, "at most 308 digits"),
        ({"training_data": [5]}, "5 is no table"),
        ({"training_data": [ROWS | {"rows": "5"}]}, "rows is '5'"),
        ({"selection_data": [ROWS | {"more": 5}]}, "no setting 'more'"),
        ({"metrics": {"news": {"accuracy": "high"}}}, "metrics is 'high'"),
        ({"versions": {"torch": 2}}, "versions is 2"),
        ({"recipe": []}, "a table"),
        ({"adapters": []}, "no table"),
        ({"adapters": ADAPTERS | {"base_files": {"config.json": 5}}}, "base_files is 5"),
        ({"adapters": ADAPTERS | {"in_4_bits": 1}}, "true or false"),
        ({"adapters": {"in_4_bits": True}}, "lacks 'base_folder', 'base_files'"),
    ],
)
def test_a_manifest_with_a_wrong_value_is_one_message(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(CheckpointError, match=why) as caught:
        read(tmp_path, **changes)
    assert caught.value.message.startswith(f"{tmp_path / MANIFEST} is not a manifest that this version understands: ")
