"""Nights that are killed: whatever comes next ends as if nothing had been, scores nothing twice and is refused nothing.

python -m tests.faults.kills 300 [--seed S]

A job reads a folder of files, sets rows aside, keeps its answers in a store, and writes scored rows (as a folder of
parts or a file) and daily features over those of the night before. It is killed with SIGKILL, one to three times: at
any instant, or before any change that it makes to a file. Then comes the same command, or that of the next night: other
rows for the same outputs.
"""

import argparse
import json
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import polars as pl
from polars.testing import assert_frame_equal

from sentiscore.tables.provenance import read_provenance
from tests.faults.nursery import Nursery, Run, Sabotage

OUTPUTS: Final = ("out/", "out/", "out.parquet", "out.csv", "out.ndjson")
WINDOW: Final = 32
ROWS: Final = 5 * WINDOW - 11
NEW: Final = 2 * WINDOW
"""Rows of a night that the one before did not have."""
_STRIKES: Final = 3


_READ: Final[dict[str, Callable[[Path], pl.DataFrame]]] = {
    ".parquet": pl.read_parquet,
    ".csv": pl.read_csv,
    ".ndjson": pl.read_ndjson,
}


def _told(provenance: Any) -> Any:
    """What an output says of itself without what differs from run to run."""
    if isinstance(provenance, list):
        return [_told(each) for each in provenance]
    if not isinstance(provenance, dict):
        return provenance
    kept = {name: _told(value) for name, value in provenance.items() if name not in ("created_at", "sha256")}
    return {name: value for name, value in kept.items() if name != "job_key" or kept["kind"] != "daily features"}


def texts_of(night: int) -> list[str | None]:
    """The texts of a night: some null, some blank, and some twice within a window, whose rows begin at even ones."""
    stories = range(night * NEW, night * NEW + ROWS)
    told = [f"profit of company {i - (i % 9 < 3) * (i % 2)} rises" for i in stories]
    return [None if i % 31 == 7 else " " if i % 37 == 5 else text for i, text in zip(stories, told, strict=True)]


def write_night(folder: Path, night: int) -> None:
    """The input of a night: a folder of two files."""
    rows = pl.DataFrame(
        {
            "published_at": [f"2024-02-{1 + i % 27:02}T12:00:00Z" for i in range(ROWS)],
            "ticker": ["AAA" if i % 3 else "BBB" for i in range(ROWS)],
            "headline": texts_of(night),
        }
    )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    rows.head(ROWS // 2).write_parquet(folder / "a.parquet")
    rows.tail(ROWS - ROWS // 2).write_parquet(folder / "b.parquet")


@dataclass(frozen=True)
class Whole:
    """What the nights give where nothing is killed.

    Attributes:
        start: A folder as it is after the first night.
        ends: What is in place after the second night and after the third.
        run: The second night's run.
    """

    start: Path
    ends: dict[int, dict[str, Any]]
    run: Run


class Kills:
    """Jobs of one kind of output, killed in a folder."""

    def __init__(self, nursery: Nursery, model: Path, folder: Path, output: str, rng: random.Random) -> None:
        self.nursery, self.folder, self.output, self.rng = nursery, folder, output, rng
        self.desk = folder / "desk"
        self.command = ["score", "news", "--text-col", "headline", "-m", model, "-o", output, "--dtype", "fp32"]
        self.command += [
            "--cache",
            "answers",
            "--time-col",
            "published_at",
            "--entity-col",
            "ticker",
            "--bad-rows",
            "drop",
            "--log-json",
        ]
        self.longest = 0.0
        self.whole = self._whole()

    def _whole(self) -> Whole:
        start, ends = self.folder / "start", {}
        self.desk.mkdir(parents=True)
        done = self._night(0)
        shutil.copytree(self.desk, start)
        for night in (1, 2):
            last, done = done, self._night(night)
            assert done.code == 0, done
            ends[night] = self.content()
            self.longest = max(self.longest, done.seconds)
            if night == 1:
                last = done
        shutil.rmtree(self.desk)
        return Whole(start, ends, last)

    def _night(self, night: int, sabotage: Sabotage | None = None) -> Run:
        write_night(self.desk / "news", night)
        return self._run(sabotage)

    def _run(self, sabotage: Sabotage | None = None) -> Run:
        return self.nursery.run(self.desk, *self.command, window_rows=WINDOW, sabotage=sabotage)

    def content(self) -> dict[str, Any]:
        """What is in place: rows, and what they say of themselves but for the time and hashes of rounded numbers."""
        found: dict[str, Any] = {}
        for path in sorted(path for path in self.desk.rglob("*") if path.is_file()):
            name = str(path.relative_to(self.desk))
            if name.startswith(("news/", "answers/")):
                continue
            found[name] = _told(json.loads(path.read_text())) if path.suffix == ".json" else _READ[path.suffix](path)
        return found

    def check_end(self, night: int, told: list[str]) -> None:
        """What is in place is what an uninterrupted run gives, and nothing else is there."""
        found, right = self.content(), self.whole.ends[night]
        assert found.keys() == right.keys(), told
        for name, value in found.items():
            if not isinstance(value, pl.DataFrame):
                assert value == right[name], (told, name)
                continue
            assert_frame_equal(value, right[name], abs_tol=1e-6)  # a text may be rounded otherwise beside other texts
            if name.count("/") == 0:
                provenance = read_provenance(self.desk / name)
                assert provenance is not None, (told, name)
                assert provenance.intact is True, (told, name)

    def known(self) -> set[bytes]:
        """The hashes of the texts whose answers are in the store."""
        with closing(sqlite3.connect(self.desk / "answers" / "answers.sqlite")) as db:
            return {key for (key,) in db.execute("SELECT key FROM answers")}

    def kept(self) -> list[tuple[int, int]]:
        """The rows whose windows the journal keeps, as their first and the one after their last."""
        names = [path.name.split("-") for path in self.desk.glob(".*.job/*-*-*-*-*.parquet")]
        return [(int(start), int(start) + int(rows)) for _, start, rows, *_ in names]

    def _sabotage(self) -> tuple[Sabotage, str]:
        if self.rng.random() < 0.5:
            number = self.rng.randint(1, len(self.whole.run.changes))
            return Sabotage(kill_before_change=number), f"before {self.whole.run.changes[number - 1]}"
        after = self.rng.uniform(0.05, 1) * self.longest
        return Sabotage(kill_after=after), f"after {after:.3f} s"

    def strike(self) -> tuple[int, str]:
        """Kill a night, one to three times, and see what comes next; how often it was killed, and what came."""
        shutil.rmtree(self.desk, ignore_errors=True)
        shutil.copytree(self.whole.start, self.desk)
        told = [self.output]
        killed = 0
        for _ in range(self.rng.randint(1, _STRIKES)):
            sabotage, how = self._sabotage()
            run = self._night(1, sabotage)
            told.append(how)
            assert run.code in (0, -signal.SIGKILL), (told, run)
            killed += run.code == -signal.SIGKILL
            if run.code == 0:
                break
        night = self.rng.choice((1, 2))
        told.append("the same command" if night == 1 else "the next night")
        known, kept = self.known(), self.kept() if night == 1 else []
        done = self._night(night)
        assert done.code == 0, (told, done)
        taken = {i for start, end in kept for i in range(start, end)}
        wanted = {
            text for i, text in enumerate(texts_of(night)) if i not in taken and text is not None and text.strip()
        }
        new = {text for text in wanted if blake2b(text.encode(), digest_size=16).digest() not in known}
        scored = sum(window["texts_scored"] for window in done.windows)
        assert scored == len(new), (told, f"{scored} texts were scored, and {len(new)} were new")
        self.check_end(night, told)
        return killed, told[-1]


def run(nursery: Nursery, kills: int, seed: int, model: Path, folder: Path) -> Counter[str]:
    """Kill so many jobs; what came next, and how often.

    Raises:
        AssertionError: One did not end as it should.
    """
    rng = random.Random(seed)  # noqa: S311
    counts: Counter[str] = Counter()
    kinds: dict[str, Kills] = {}
    while counts["kills"] < kills:
        output = rng.choice(OUTPUTS)
        if output not in kinds:
            kinds[output] = Kills(nursery, model, folder / str(len(kinds)), output, rng)
        killed, what = kinds[output].strike()
        counts["kills"] += killed
        counts[what if killed else "not killed in time"] += 1
    return counts


def main() -> int:
    """The command."""
    from tests.faults.fuzz_models import make_models

    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=300)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sentiscore-kills-"))
    print(f"seed {given.seed}, files in {folder}", flush=True)  # noqa: T201
    make_models(folder)
    with Nursery() as nursery:
        counts = run(nursery, given.kills, given.seed, folder / "checkpoint", folder / "jobs")
    print("\n".join(f"{n:6} {what}" for what, n in counts.items()))  # noqa: T201
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
