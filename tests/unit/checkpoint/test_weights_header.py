import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, load_file, save, save_file

from sentiscore.checkpoint.weights_header import count_numbers, parse_header, read_header, weight_files
from sentiscore.engine.weights import read_weights
from sentiscore.errors import CheckpointError

DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int8, torch.uint8, torch.bool)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5).filter(lambda x: x != "__metadata__"),
        st.tuples(st.sampled_from(DTYPES), st.lists(st.integers(0, 3), max_size=3)),
        max_size=5,
    )
)
def test_a_header_is_read_as_safetensors_wrote_it(kinds: dict[str, tuple[torch.dtype, list[int]]]) -> None:
    data = save({name: torch.ones(shape, dtype=dtype) for name, (dtype, shape) in kinds.items()})
    entries = parse_header(data, len(data))
    assert {name: list(entry.shape) for name, entry in entries.items()} == {name: kinds[name][1] for name in kinds}
    for entry in entries.values():
        assert 8 <= entry.start <= entry.end <= len(data)


@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_other_bytes_are_a_value_error(data: bytes, size: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of whatever kind, since the bytes are any
        parse_header(data, size)


@given(st.data())
def test_bytes_that_are_taken_are_taken_by_safetensors_too(draw: st.DataObject) -> None:
    whole = bytearray(save({"a": torch.arange(4.0), "b": torch.zeros(2, 3, dtype=torch.int16)}))
    for _ in range(draw.draw(st.integers(1, 3))):
        whole[draw.draw(st.integers(0, len(whole) - 1))] = draw.draw(st.integers(0, 255))
    data = bytes(whole)
    try:
        ours = parse_header(data, len(data))
    except ValueError:
        return
    assert ours.keys() == load(data).keys()


def test_tensors_are_those_of_safetensors_wherever_they_begin(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = {str(dtype): (torch.randn(3, 5) * 3).to(dtype) for dtype in DTYPES} | {"empty": torch.empty(0, 4)}
    data = save(weights)
    (length,) = struct.unpack("<Q", data[:8])
    for spaces in range(8):  # old files have headers of any length
        odd = struct.pack("<Q", length + spaces) + data[8 : 8 + length] + b" " * spaces + data[8 + length :]
        (tmp_path / "model.safetensors").write_bytes(odd)
        found = read_weights(tmp_path)
        assert found.keys() == weights.keys()
        for name, tensor in weights.items():
            assert found[name].dtype == tensor.dtype
            assert torch.equal(found[name], tensor)


def test_weights_in_parts_are_those_that_the_index_names(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"b": torch.ones(3)}, tmp_path / "model-00002-of-00002.safetensors")
    save_file({"c": torch.ones(4)}, tmp_path / "other.safetensors")
    table = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": table}))
    assert weight_files(tmp_path) == sorted(table.values())
    assert count_numbers(tmp_path) == 5
    assert read_weights(tmp_path).keys() == {"a", "b"}


@pytest.mark.parametrize(
    "named", ["../model.safetensors", "/etc/x.safetensors", "a/b.safetensors", "x.bin", "", 5, None]
)
def test_an_index_names_safetensors_files_of_its_folder_alone(tmp_path: Path, named: Any) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": named}}))
    with pytest.raises(CheckpointError, match="no safetensors file of its folder"):
        weight_files(tmp_path)


def test_weights_that_change_after_they_were_read_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.ones(1000)}, path)
    loaded = read_weights(tmp_path)
    with path.open("r+b") as file:
        file.truncate(100)
    assert torch.equal(loaded["a"], torch.ones(1000))
    with pytest.raises(CheckpointError, match="its tensors end at"):
        read_header(tmp_path, "model.safetensors")


def test_weights_that_changed_since_they_were_checked_are_refused(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "model.safetensors")
    assert load_file(tmp_path / "model.safetensors").keys() == {"a"}
    with pytest.raises(CheckpointError, match="has changed since it was checked"):
        read_weights(tmp_path, {"model.safetensors": "0" * 64})
