"""Jobs of every kind that are interrupted at random instants, and the same jobs again: none hangs, each ends right."""

import os
import random
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from tests.faults.nursery import HANGS_S, Nursery, Run, Sabotage

NUMBER: Final = "SENTISCORE_INTERRUPTIONS"
"""The variable of the environment that says how many there are."""

ROWS: Final = 240
WINDOW: Final = 32

WAYS: Final = {
    "Ctrl-C": (signal.SIGINT,),
    "Ctrl-C twice": (signal.SIGINT, signal.SIGINT),
    "SIGTERM": (signal.SIGTERM,),
    "SIGTERM twice": (signal.SIGTERM, signal.SIGTERM),
    "SIGTERM, then Ctrl-C": (signal.SIGTERM, signal.SIGINT),
}
JOBS: Final = {
    "csv": ["-o", "out.csv", "--columns", "headline"],
    "folder": ["-o", "out/"],
    "all": ["-o", "out.parquet", "--cache", "store", "--bad-rows", "drop", "--time-col", "at", "--daily", "days.csv"],
}
PYTHON: Final = """
import sys, threading
from sentiscore import Scorer

scorer = Scorer.from_pretrained({model!r})
texts = [[f"shares fall {{i}} {{j}}" for i in range(600)] for j in range(3)]
threads = [threading.Thread(target=scorer.score, args=[some]) for some in texts]
for thread in threads:
    thread.start()
scorer.score([f"profit rises {{i}}" for i in range(2_000)])
for thread in threads:
    thread.join()
"""
_GOOD_CODES: Final = {0, 130, 143}
_AS_PYTHON_ENDS: Final = {-signal.SIGINT, -signal.SIGTERM}
_BEFORE_IT_LISTENS: Final = {-signal.SIGTERM}
"""A process that was told before Python could take it ends as any program does."""


@dataclass(frozen=True)
class Failure:
    """An interruption that did not go as it should."""

    what: str
    run: Run


def interrupt(nursery: Nursery, model: Path, folder: Path, n: int, seed: int) -> list[Failure]:
    """Interrupt so many jobs, and run each again.

    Args:
        nursery: Where processes come from.
        model: A model folder.
        folder: An empty folder.
        n: How many interruptions.
        seed: Of the instants and the kinds.
    """
    chance = random.Random(seed)  # noqa: S311
    whole = {job: _seconds_of(nursery, model, folder / f"whole-{job}", job) for job in JOBS}
    failures = []
    for number in range(n):
        way, job = chance.choice(list(WAYS)), chance.choice([*JOBS, "Python"])
        at = chance.uniform(0.0, 1.2 * whole.get(job, max(whole.values())))
        signals = tuple((at + i * chance.choice([0.0, 0.01, 0.2]), sent) for i, sent in enumerate(WAYS[way]))
        place = folder / f"{number}"
        what = f"{job}, {way} after {at:.3f} s (seed {seed}, number {number})"
        if job == "Python":
            place.mkdir()
            sabotage = Sabotage(signals=signals, code=PYTHON.format(model=str(model)))
            run = nursery.run(place, sabotage=sabotage)
            good = run.code in _GOOD_CODES | _AS_PYTHON_ENDS
        else:
            _make(place)
            run = nursery.run(place, *_command(job, model), window_rows=WINDOW, sabotage=Sabotage(signals=signals))
            good = run.code in _GOOD_CODES | _BEFORE_IT_LISTENS and "Traceback" not in run.stderr
            if good:
                again = nursery.run(place, *_command(job, model), window_rows=WINDOW)
                same = again.code == 0 and _results(place) == _results(folder / f"whole-{job}")
                if not same:
                    failures.append(Failure(f"the run after it: {what}", again))
        if not good:
            failures.append(Failure(what if run.code != -signal.SIGKILL else f"hung {HANGS_S:.0f} s: {what}", run))
        shutil.rmtree(place)
    return failures


def _make(folder: Path) -> None:
    folder.mkdir()
    texts = ["" if i % 40 == 7 else f"shares fall {i} per cent after a profit of {i * 7}" for i in range(ROWS)]
    times = [f"2026-03-{2 + i // 20:02}T{i % 24:02}:30:00Z" for i in range(ROWS)]
    pl.DataFrame({"headline": texts, "at": times}).write_csv(folder / "news.csv")


def _command(job: str, model: Path) -> list[str]:
    return ["score", "news.csv", "--text-col", "headline", "-m", os.fspath(model), *JOBS[job]]


def _seconds_of(nursery: Nursery, model: Path, folder: Path, job: str) -> float:
    _make(folder)
    run = nursery.run(folder, *_command(job, model), window_rows=WINDOW)
    assert run.code == 0, run
    return run.seconds


def _results(folder: Path) -> dict[str, bytes]:
    """What a job wrote, but for what tells the time."""
    names = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    kept = [name for name in names if name.parts[0] != "store" and not name.name.endswith("provenance.json")]
    return {name.as_posix(): (folder / name).read_bytes() for name in kept}
