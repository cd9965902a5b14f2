import os
import shutil
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiscore.checkpoint import load_checkpoint
from sentiscore.checkpoint.reading import hash_inside, open_inside, parse_object, read_inside, read_object
from sentiscore.errors import CheckpointError

COMMIT = "d" * 40


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "a\0b"])
def test_only_names_of_files_in_the_folder_are_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_text("x")
    folder = tmp_path / "inner"
    folder.mkdir()
    with pytest.raises(CheckpointError, match="is not the name of a file"):
        open_inside(folder, name)


def test_a_link_within_the_folder_is_followed_and_one_out_of_it_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a").write_text("x")
    (folder / "b").symlink_to("a")
    (tmp_path / "c").write_text("y")
    (folder / "c").symlink_to(tmp_path / "c")
    (folder / "d").symlink_to("../c")
    (folder / "gone").symlink_to("nothing")
    assert read_inside(folder, "b") == b"x"
    for name in "cd":
        with pytest.raises(CheckpointError, match="leads out of its folder"):
            read_inside(folder, name)
    with pytest.raises(CheckpointError, match="lacks the file gone"):
        read_inside(folder, "gone")
    (tmp_path / "link").symlink_to(folder)
    assert read_inside(tmp_path / "link", "a") == b"x"  # the folder itself is where the user says


def test_the_links_of_the_hubs_cache_end_in_its_blobs_alone(tmp_path: Path) -> None:
    for repository in ("models--a--b", "models--c--d"):
        (tmp_path / repository / "blobs").mkdir(parents=True)
        (tmp_path / repository / "blobs" / "1").write_text(repository)
    folder = tmp_path / "models--a--b" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (folder / "a").symlink_to("../../blobs/1")
    (folder / "b").symlink_to("../../../models--c--d/blobs/1")
    assert read_inside(folder, "a") == b"models--a--b"
    with pytest.raises(CheckpointError, match="leads out of its folder"):
        read_inside(folder, "b")
    other = tmp_path / "models--a--b" / "snapshots" / "not-a-commit"
    other.mkdir()
    (other / "a").symlink_to("../../blobs/1")
    with pytest.raises(CheckpointError, match="leads out of its folder"):
        read_inside(other, "a")


def test_what_is_no_plain_file_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)  # the path of a socket may be short only
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for name in ("pipe", "folder", "socket"):
            with pytest.raises(CheckpointError, match="is not a plain file"):
                open_inside(tmp_path, name)


def test_a_file_is_read_up_to_a_limit_and_as_it_was_hashed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    digest = hash_inside(tmp_path, "a")
    assert read_inside(tmp_path, "a", 5, digest) == b"12345"
    with pytest.raises(CheckpointError, match="larger than such a file can be"):
        read_inside(tmp_path, "a", 4)
    (tmp_path / "a").write_bytes(b"12346")
    with pytest.raises(CheckpointError, match="has changed since it was checked"):
        read_inside(tmp_path, "a", 5, digest)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "a": 2}', "'a' is there twice"),
        ('{"x": {"a": 1, "b": 1, "a": 2}}', "'a' is there twice"),
        ('{"a": NaN}', "NaN is not a number"),
        ('{"a": -Infinity}', "-Infinity is not a number"),
        ('{"a": 1e400}', "too large a number"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
        ('{"a": ' + "9" * 5_000 + "}", "digits"),
        ("[]", "not a JSON object"),
        ("{} {}", "Extra data"),
        ("", "Expecting value"),
    ],
)
def test_json_is_read_strictly(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_object(text.encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_an_object_or_a_value_error(data: bytes) -> None:
    try:
        found = parse_object(data)
    except ValueError:
        return
    assert isinstance(found, dict)


def test_an_object_is_read_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('\ufeff{"a": [1, 2.5, null, "\u00fc"]}')
    assert read_object(tmp_path, "a.json", 100) == {"a": [1, 2.5, None, "\u00fc"]}
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"a\.json cannot be read"):
        read_object(tmp_path, "a.json", 100)


def test_a_model_folder_may_be_a_link_and_its_files_may_not(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tiny_checkpoint)
    assert load_checkpoint(tmp_path / "link").labels == ("negative", "positive")
    copy = Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors").symlink_to(tiny_checkpoint / "model.safetensors")
    with pytest.raises(CheckpointError, match="leads out of its folder"):
        load_checkpoint(copy)
