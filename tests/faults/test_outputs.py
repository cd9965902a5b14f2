"""An output is the old one or the new one, complete, whatever happens to the process, the disk or the folder."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from sentiscore.errors import OutputError
from sentiscore.tables import check_target, open_sink, part_folders, read_table, sink
from sentiscore.tables.readback import read_back
from tests.unit.tables.test_sink import names_in

NAMES = ["out.parquet", "out.csv", "out.ndjson", "folder"]
OLD = pl.DataFrame({"text": [f"old {i}" for i in range(500)]})
NEW = pl.DataFrame({"text": [f"new {i}" for i in range(700)]})

COMMON = """
import os, signal, sys
import polars as pl
from pathlib import Path
from sentiscore.tables import open_sink, part_folders, sink, writers

sink.PART_ROWS = 300

def frames():
    sizes = {"old": 500, "new": 700}
    return {word: pl.DataFrame({"text": [f"{word} {i}" for i in range(n)]}) for word, n in sizes.items()}

def write(path, word):
    frame = FRAMES[word]
    with open_sink(path, folder="." not in os.path.basename(path)) as out:
        for start in range(0, frame.height, 100):
            out.write(frame.slice(start, 100))
        out.finish()
        out.sidecar = word
"""

KILLED_AT_A_STEP = (
    COMMON
    + """
import json

OWNERS = {"os": os, "Path": Path, "sink": sink, "folders": part_folders, "Csv": writers.CsvWriter,
          "Parquet": writers.ParquetWriter, "Ndjson": writers.NdjsonWriter}

def write_and_be_killed(path, owner, name, call, when, no_exchange=None):
    if no_exchange:
        part_folders.exchange = lambda one, other: False
    real, calls = getattr(OWNERS[owner], name), 0

    def killed(*args, **others):
        nonlocal calls
        calls += 1
        if calls == int(call) and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **others)
        if calls == int(call):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(OWNERS[owner], name, killed)
    write(path, "new")

for job in json.loads(sys.argv[1]):  # each in a child of its own, of a process that has used nothing yet
    child = os.fork()
    if child == 0:
        FRAMES = frames()
        write_and_be_killed(*job)
        os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
)

WRITES_FOR_EVER = (
    COMMON
    + """
FRAMES = frames()
print("ready", flush=True)
while True:
    for word in ("new", "old"):
        for path in sys.argv[1:]:
            write(path, word)
"""
)


def content(path: Path) -> pl.DataFrame:
    if not path.is_dir():
        return read_table(path)
    return pl.concat(pl.read_parquet(part) for part in part_folders.parts_of(path))


def write(path: Path, rows: pl.DataFrame) -> None:
    with open_sink(path, folder="." not in path.name) as out:
        for start in range(0, rows.height, 100):
            out.write(rows.slice(start, 100))


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "PART_ROWS", 300)


def writer_of(name: str) -> str:
    return {".csv": "Csv", ".ndjson": "Ndjson"}.get(Path(name).suffix, "Parquet")


def steps_of(name: str) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Where a process is killed, and whether the new output is there then."""
    yield (writer_of(name), "write", "3", "before"), False
    yield (writer_of(name), "finish", "1", "before"), False
    yield ("os", "fsync", "1", "before"), False
    yield ("sink", "read_back", "1", "before"), False
    yield ("sink", "read_back", "1", "after"), False
    if "." in name:
        yield ("Path", "replace", "1", "before"), False
        yield ("Path", "replace", "1", "after"), True
        yield ("sink", "write_synced", "1", "before"), False
        yield ("sink", "write_synced", "1", "after"), False
        yield ("Path", "replace", "2", "before"), True  # of what it says of itself, which is old then
        yield ("Path", "replace", "2", "after"), True
        return
    yield ("sink", "write_text", "1", "after"), False
    yield ("folders", "exchange", "1", "before"), False
    yield ("folders", "exchange", "1", "after"), True
    yield ("folders", "remove", "1", "before"), True
    yield ("Path", "rename", "1", "before", "no exchange"), False
    yield ("Path", "rename", "1", "after", "no exchange"), False  # for a moment neither is there; the old one is back
    yield ("Path", "rename", "2", "after", "no exchange"), True


@pytest.mark.skipif(sys.platform != "linux", reason="folders are swapped, and processes killed, as on Linux")
@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("name", NAMES)
def test_an_output_is_whole_wherever_its_process_is_killed(tmp_path: Path, name: str) -> None:
    steps = list(steps_of(name))
    paths = [tmp_path / str(number) / name for number in range(len(steps))]
    for path in paths:
        path.parent.mkdir()
        write(path, OLD)
    jobs = json.dumps([[str(path), *step] for path, (step, _) in zip(paths, steps, strict=True)])
    command = [sys.executable, "-c", KILLED_AT_A_STEP, jobs]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    for (step, new), path, code in zip(steps, paths, done.stdout.split(), strict=True):
        assert int(code) == -signal.SIGKILL, (step, done.stderr)
        if not path.exists():
            assert step == ("Path", "rename", "1", "after", "no exchange")
        check_target(path, OLD.schema, folder=name == "folder")  # as the next run does
        assert content(path).equals(NEW if new else OLD), step
        write(path, OLD)  # and what is left over is not in the way of the next run
        assert content(path).equals(OLD), step


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.usefixtures("small_parts")
def test_outputs_are_whole_whenever_their_process_is_killed(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in NAMES]
    for path in paths:
        write(path, OLD)
    for _ in range(6):
        command = [sys.executable, "-c", WRITES_FOR_EVER, *map(str, paths)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(random.random() / 3)  # noqa: S311 - any instant
        process.kill()
        process.communicate(timeout=60)
        for path in paths:
            check_target(path, OLD.schema, folder=path.name == "folder")
            found = content(path)
            assert found.equals(OLD) or found.equals(NEW), path


# --- the disk ---

LIMITED = (
    COMMON
    + """
import resource
from sentiscore.errors import OutputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
noise = pl.DataFrame({"text": [os.urandom(40).hex() for _ in range(2_000)]})
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
for path in sys.argv[1:]:
    try:
        with open_sink(path, folder="." not in os.path.basename(path)) as out:
            out.write(noise)
    except OutputError as error:
        print(error.message)
"""
)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit on the size of a file there")
@pytest.mark.usefixtures("small_parts")
def test_a_file_that_may_not_grow_is_one_message_and_the_old_outputs_stay(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in NAMES]
    for path in paths:
        write(path, OLD)
    command = [sys.executable, "-W", "error", "-c", LIMITED, *map(str, paths)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
    told = run.stdout.splitlines()
    assert len(told) == len(paths)
    assert all("could not be written: " in line and "File too large" in line for line in told)
    assert names_in(tmp_path) == sorted(NAMES)
    assert all(content(path).equals(OLD) for path in paths)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk, and not in every container")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_is_one_message_and_the_old_output_stays(small_disk: Path, name: str) -> None:
    path = small_disk / name
    write(path, OLD)
    noise = pl.DataFrame({"text": [os.urandom(40).hex() for _ in range(300)]})

    def fill() -> None:
        with open_sink(path, folder="." not in name) as out:
            for _ in range(100):
                out.write(noise)

    with pytest.raises(OutputError, match=r"could not be written: .*No space left") as caught:
        fill()
    assert "Nothing was changed there. Make room" in caught.value.hint
    assert content(path).equals(OLD)
    assert names_in(small_disk) == [name]


# --- the folder ---


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_vanishes_meanwhile_is_one_message(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir()

    def run() -> None:
        with open_sink(home / name, folder="." not in name) as out:
            out.write(OLD)
            shutil.rmtree(home)

    with pytest.raises(OutputError, match="could not be written"):
        run()
    assert names_in(tmp_path) == []


@pytest.mark.usefixtures("small_parts")
def test_parts_that_vanish_meanwhile_are_one_message_and_the_old_folder_stays(tmp_path: Path) -> None:
    write(tmp_path / "folder", OLD)
    work = tmp_path / "work"

    def run() -> None:
        with open_sink(tmp_path / "folder", part=work) as out:
            for _ in range(4):
                out.write(NEW.head(300))
                shutil.rmtree(work, ignore_errors=True)

    with pytest.raises(OutputError, match="could not be written"):
        run()
    assert content(tmp_path / "folder").equals(OLD)
    assert names_in(tmp_path) == ["folder"]


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_may_not_be_written_to_any_more_is_one_message(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, OLD)

    def run() -> None:
        with open_sink(tmp_path / name, folder="." not in name) as out:
            out.write(NEW)
            tmp_path.chmod(0o500)

    try:
        with pytest.raises(OutputError, match="may not be written to by this user"):
            run()
    finally:
        tmp_path.chmod(0o700)
    assert content(tmp_path / name).equals(OLD)


@pytest.mark.usefixtures("small_parts")
def test_a_part_whose_byte_is_flipped_before_it_is_read_back_leaves_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folder"
    write(path, OLD)

    def flipped(part: Path, **others: object) -> None:
        if others["target"] == part.with_name("part-00001.parquet"):
            data = bytearray(part.read_bytes())
            data[len(data) // 2] ^= 1
            part.write_bytes(data)
        read_back(part, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(sink, "read_back", flipped)
    with pytest.raises(OutputError, match=r"part-00001\.parquet was not put in place"):
        write(path, NEW)
    assert content(path).equals(OLD)
    assert names_in(tmp_path) == ["folder"]
