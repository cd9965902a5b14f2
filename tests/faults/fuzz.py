"""Thousands of generated and damaged files: each is read right, or refused with an error of our own.

python -m tests.faults.fuzz [tables|models|all] --cases N --seed S

A file that is neither stays where it is, and its name is printed. The number of files that went wrong is the exit code.
"""

import argparse
import csv
import faulthandler
import gzip
import io
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import polars as pl
from polars.testing import assert_frame_equal

from sentiscore.errors import SentiscoreError
from sentiscore.tables import open_source
from tests.faults.generated import KINDS, Generated, generate, mutate

SECONDS: Final = 20
"""A case of a few kilobytes takes milliseconds."""

FLAG: Final = "is damaged"
_UNTOUCHED: Final = 0.3


class HangError(BaseException):
    """A case that took too long; no handler of errors may swallow it."""


@dataclass(frozen=True)
class Failure:
    """A case that went wrong.

    Attributes:
        path: The file.
        why: What happened.
    """

    path: Path
    why: str


def run(cases: int, seed: int, folder: Path, kinds: tuple[str, ...] = KINDS) -> tuple[list[Failure], Counter[str]]:
    """Read so many files of each kind.

    Args:
        cases: Files of a kind.
        seed: Decides all files; each can be made again from it alone.
        folder: Where they are written; those that are read well are removed.
        kinds: Of csv, parquet, ndjson.

    Returns:
        What went wrong, and how many files of each kind were read and refused.
    """
    failures = []
    counts: Counter[str] = Counter()
    for kind in kinds:
        for number in range(cases):
            rng = random.Random(f"{seed} {kind} {number}")  # noqa: S311
            made = generate(kind, rng)
            whole = rng.random() < _UNTOUCHED
            data = made.data if whole else mutate(made.data, rng)
            path = folder / f"{kind}-{seed}-{number}{made.ending}"
            path.write_bytes(data)
            why, outcome = _try(path, made, rng, whole=whole)
            counts[f"{kind} {outcome}"] += 1
            if why:
                failures.append(Failure(path, why))
                print(f"FAILED {path}: {why}", file=sys.stderr)  # noqa: T201
            else:
                path.unlink()
    return failures, counts


def _try(path: Path, made: Generated, rng: random.Random, *, whole: bool) -> tuple[str, str]:
    """Why a file was read wrong, or nothing; and whether it was read."""
    n_rows = rng.choice([1, 7, 1000])
    try:
        with _alarm():
            source = open_source(path)
            windows = list(source.windows(n_rows, damaged=FLAG))
    except SentiscoreError as error:
        if whole:
            return f"a good file was refused: {error}", "refused"
        return ("" if error.message and error.hint else f"an error without a next step: {error!r}"), "refused"
    except (Exception, HangError, pl.exceptions.PanicException) as error:  # noqa: BLE001 - which is what is looked for
        return f"{type(error).__name__}: {error}", "crashed"
    expected = made.frame.height if whole else count_rows(path)
    return _compare(windows, n_rows, expected, made if whole else None), "read"


def _compare(windows: list[pl.DataFrame], n_rows: int, expected: int | None, made: Generated | None) -> str:
    """How what was read differs from what was to be read."""
    rows = sum(window.height for window in windows)
    if any(window.height != n_rows for window in windows[:-1]):
        return f"windows of {[window.height for window in windows]} rows, not {n_rows}"
    if rows != expected and expected is not None:
        return f"{rows} rows were read, not {expected}"
    if made is not None and rows:
        found = pl.concat(windows)
        try:
            assert_frame_equal(found.drop(FLAG), made.frame, check_exact=True, categorical_as_str=True)
        except AssertionError as error:
            return f"other content: {error}"
        if found[FLAG].to_list() != made.damaged:
            return "other cells are called damaged"
    return ""


def count_rows(path: Path) -> int | None:
    """The rows of a file, by another count than ours; None where there is no other."""
    if path.suffix == ".parquet":
        from pyarrow import parquet

        try:
            return int(parquet.read_metadata(path).num_rows)
        except (OSError, ValueError):  # it checks parts of the footer that we do not need
            return None
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if path.suffix == ".ndjson":
        return sum(1 for line in data.split(b"\n") if line.strip())
    text = io.StringIO(data.decode("utf-8-sig", errors="replace"), newline="")
    first = text.readline()
    separator = "\t" if ".tsv" in path.name else open_source(path).csv.separator  # type: ignore[union-attr]
    text.seek(0)
    names, *rows = csv.reader(text, delimiter=separator)
    assert first
    return sum(1 for row in rows if row or len(names) == 1)


@contextmanager
def _alarm() -> Iterator[None]:
    """Stop what takes too long: by an exception, or the process itself where no Python code runs any more."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise HangError(f"not done after {SECONDS} seconds")

    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.fuzz", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["tables", "models", "all"], default="all")
    parser.add_argument("--cases", type=int, default=2_600, help="files of each kind")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sentiscore-fuzz-"))
    print(f"seed {given.seed}, files in {folder}", flush=True)  # noqa: T201
    failed = 0
    if given.what != "models":
        faulthandler.enable()
        failures, counts = run(given.cases, given.seed, folder)
        failed += len(failures)
        print("\n".join(f"{n:6} {what}" for what, n in sorted(counts.items())))  # noqa: T201
    if given.what != "tables":
        from tests.faults.fuzz_models import run as run_models

        models = run_models(given.cases, given.seed)  # which raises at the first that goes wrong
        print(f"{models.loaded:6} model loaded\n{models.refused:6} model refused")  # noqa: T201
    print(f"{failed} failed")  # noqa: T201
    if not failed:
        folder.rmdir()
    return min(failed, 100)


if __name__ == "__main__":
    sys.exit(main())
