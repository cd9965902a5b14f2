import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from sentiscore.checkpoint.lock import LOCK, Pin, is_commit, pinned, read_lock, record
from sentiscore.errors import CheckpointError, OutputError

ONE, TWO = "1" * 40, "2" * 40


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_recorded_is_read_and_the_rest_stays(here: Path) -> None:
    assert read_lock() == {}
    assert record("a/b", Pin("main", ONE)) == Path(LOCK)
    record("c/d", Pin(None, TWO))
    record("a/b", Pin("v1", TWO))
    assert read_lock() == {"a/b": Pin("v1", TWO), "c/d": Pin(None, TWO)}
    assert sorted(path.name for path in here.iterdir()) == [".sentiscore.lock.lock", LOCK]


def test_a_commit_is_settled_by_the_user_or_by_the_file() -> None:
    record("a/b", Pin("main", ONE))
    assert pinned("a/b") == ONE
    assert pinned("a/b", "main") == ONE
    assert pinned("a/b", TWO) == TWO
    assert pinned("a/b", "another-branch") is None
    assert pinned("c/d") is None


@pytest.mark.parametrize("revision", [None, "", "main", "1" * 39, "1" * 41, "G" * 40, "A" * 40, ONE + "\n"])
def test_only_forty_digits_are_a_commit(revision: str | None) -> None:
    assert not is_commit(revision)
    assert is_commit(ONE)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"format": 2, "models": {}}',
        '{"format": 1, "models": []}',
        '{"format": 1, "models": {"a/b": "main"}}',
        '{"format": 1, "models": {"a/b": {"revision": null, "commit": "main"}}}',
        '{"format": 1, "models": {"a/b": {"revision": 5, "commit": "' + ONE + '"}}}',
        '{"format": 1, "format": 1, "models": {}}',
    ],
)
def test_a_lock_file_that_is_none_is_refused_and_not_written_over(here: Path, content: str) -> None:
    (here / LOCK).write_text(content)
    with pytest.raises(CheckpointError, match="cannot be read"):
        pinned("a/b")
    with pytest.raises(CheckpointError, match="cannot be read"):
        record("a/b", Pin(None, ONE))
    assert (here / LOCK).read_text() == content


def test_processes_that_record_at_once_lose_nothing(here: Path) -> None:
    code = (
        "import sys; from sentiscore.checkpoint.lock import Pin, record\n"
        "for i in range(20): record(f'{sys.argv[1]}/{i}', Pin(None, '3' * 40))"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, name]) for name in "abc"]
    assert [process.wait() for process in started] == [0, 0, 0]
    assert len(read_lock()) == 60
    found: dict[str, Any] = json.loads((here / LOCK).read_text())
    assert found["format"] == 1


def test_a_lock_file_that_another_process_holds_is_waited_for_and_then_told(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sentiscore.checkpoint.lock._PATIENCE", 0.1)
    with FileLock(here / f".{LOCK}.lock"), pytest.raises(OutputError, match="Another process holds"):
        record("a/b", Pin(None, ONE))
    record("a/b", Pin(None, ONE))
    assert read_lock() == {"a/b": Pin(None, ONE)}


def test_a_pin_outlasts_a_loss_of_power(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    monkeypatch.setattr("sentiscore.disk.durable.sync_folder", lambda folder: synced.append((folder / LOCK).exists()))
    record("a/b", Pin(None, ONE))
    assert synced == [True], "the folder is synced once the name is in place"
