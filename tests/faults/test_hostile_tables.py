"""Whatever is in a file: its rows, each of them, or one clear error, in bounded memory and with no output."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore.errors import InputError
from sentiscore.tables import open_source
from tests.effort import larger, share, spread
from tests.faults.bombs import HEAVY, READ, REFUSED
from tests.faults.fuzz import run
from tests.faults.nursery import Nursery

ALLOWED_MB = 512
LIGHT = sorted((REFUSED | READ).keys() - set(HEAVY))
SAMPLE = ("long-within.csv.gz", "just-within.parquet")
"""Of the heavy ones, those that `make test` measures."""

SLOW = (
    *("lines.csv.gz", "keys.ndjson", "wide-within.csv.gz", "wide.csv", "open-quote.csv.gz"),
    *("rows-within.csv.gz", "keys-in-turn-within.ndjson", "long-within.csv.gz"),
)
"""Files that take seconds, and that `make test-all` reads; the last is of the sample, whose rows are counted there."""


def but_the_slow(names: Iterable[str]) -> list[Any]:
    """The names as parameters of a test, of which `make test` leaves out the slow ones."""
    return [pytest.param(name, marks=pytest.mark.thorough) if name in SLOW else name for name in names]


PEAKS = """
import json, os, sys
from pathlib import Path
import polars, pyarrow.csv, pyarrow.parquet
from sentiscore.errors import InputError
from sentiscore.tables import open_source

def held(name):
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if name in line)

polars.DataFrame({"a": ["x"]}).write_parquet(sys.argv[1] + "/warm")
polars.scan_parquet(sys.argv[1] + "/warm").collect()
start = held("VmRSS")
for path in sorted(sys.argv[2:]):
    Path("/proc/self/clear_refs").write_text("5")
    rows = 0
    try:
        for window in open_source(path).windows(32_768):
            rows += window.height
        window = None
    except InputError as error:
        rows = None
    print(json.dumps([Path(path).name, rows, (held("VmHWM") - start) // 1024]), flush=True)
"""


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a file by its name, when it is first asked for: some are large."""
    folder = tmp_path_factory.mktemp("bombs")

    def made(name: str) -> Path:
        path = folder / name
        if not path.exists():
            path.write_bytes((REFUSED | READ)[name][0]())
        return path

    return made


@pytest.mark.parametrize("name", but_the_slow(REFUSED))
def test_a_hostile_file_is_one_clear_error(bomb: Callable[[str], Path], name: str) -> None:
    with pytest.raises(InputError, match=REFUSED[name][1]) as caught:
        list(open_source(bomb(name)).windows(1000))
    assert name in caught.value.message
    assert len(caught.value.message) < 1000
    assert caught.value.hint


@pytest.mark.parametrize("name", but_the_slow(READ))
def test_an_odd_file_is_read_whole(bomb: Callable[[str], Path], name: str) -> None:
    source = open_source(bomb(name))
    assert sum(window.height for window in source.windows(32_768)) == source.rows == READ[name][1]


@larger
@pytest.mark.skipif(sys.platform != "linux", reason="the most memory that was held is told on Linux")
@pytest.mark.parametrize(
    "names",
    [
        pytest.param(LIGHT[:: share(5, 1)], id="all others"),
        *(pytest.param([name], marks=[] if name in SAMPLE else pytest.mark.thorough, id=name) for name in HEAVY),
    ],
)
def test_no_file_takes_much_memory(bomb: Callable[[str], Path], tmp_path: Path, names: list[str]) -> None:
    command = [sys.executable, "-c", PEAKS, str(tmp_path), *(str(bomb(name)) for name in names)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert {name: rows for name, rows, _ in found} == {name: READ[name][1] if name in READ else None for name in names}
    assert {name: peak for name, _, peak in found if peak > ALLOWED_MB} == {}


@pytest.mark.parametrize("name", spread(["text.parquet", "zeros.csv.gz", "deep.ndjson"], 1))
def test_scoring_a_hostile_file_is_one_message_and_no_output(
    nursery: Nursery, bomb: Callable[[str], Path], tmp_path: Path, tiny_checkpoint: Path, name: str
) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    command = ["score", bomb(name), "--text-col", "text", "-m", tiny_checkpoint, "-o", "out.parquet"]
    done = nursery.run(folder, *command)
    assert done.code == 1
    assert done.stderr.startswith("error: ")
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert list(folder.iterdir()) == []


def test_a_share_of_the_generated_files_is_read_or_refused(tmp_path: Path) -> None:
    failures, counts = run(150, 6, tmp_path)
    assert failures == []
    assert sum(counts.values()) == 450
    assert all(counts[f"{kind} read"] > 30 and counts[f"{kind} refused"] > 30 for kind in ("csv", "parquet", "ndjson"))


def test_the_harness_finds_a_reader_that_loses_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentiscore.tables import Source

    whole = Source.windows

    def lossy(self: Source, *args: object, **kwargs: object) -> list[pl.DataFrame]:
        windows = list(whole(self, *args, **kwargs))  # type: ignore[arg-type]
        return [window.head(-1) for window in windows]

    monkeypatch.setattr(Source, "windows", lossy)
    failures, _ = run(20, 6, tmp_path)
    assert len(failures) > 10
    assert all(failure.path.exists() for failure in failures)
