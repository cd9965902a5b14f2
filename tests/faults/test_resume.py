"""A job that is killed at any instant loses nothing, leaves nothing half-written, and goes on by the same command."""

import random
import shutil
import signal
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from tests.effort import larger, share
from tests.faults.nursery import Nursery, Run, Sabotage

FORMATS: Final = ("out.parquet", "out.csv", "out.ndjson", "out/")
EVERY: Final = share(8, 1)
SHARE: Final = {
    "out.parquet": slice(0, None, EVERY),
    "out/": slice(5 % EVERY, None, EVERY),
    "out.csv": slice(2 % EVERY, None, max(EVERY, 2)),
    "out.ndjson": slice(7 % EVERY or 1, None, max(EVERY, 2)),
}
"""The steps that a format is killed before. Those of CSV and ndjson are the same but for names, and share them. In
`make test` it is an eighth of them, others in each format."""
WINDOW: Final = 64
KILLS: Final = share(5, 25)
"""In each format, which makes a hundred in `make test-all`."""
ROWS: Final = 2 * WINDOW - 7


@pytest.fixture(scope="module")
def news(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows with repeats, nulls and blanks."""
    texts = [f"profit rises {i % 200} per cent" for i in range(ROWS)]
    frame = pl.DataFrame(
        {
            "published_at": pl.Series([f"2024-02-{1 + i % 27:02}T12:00:00Z" for i in range(ROWS)]),
            "ticker": ["AAA" if i % 3 else "BBB" for i in range(ROWS)],
            "headline": [None if i % 31 == 7 else " " if i % 37 == 5 else text for i, text in enumerate(texts)],
        }
    )
    path = tmp_path_factory.mktemp("news") / "news.parquet"
    frame.write_parquet(path)
    return path


class Desk:
    """A folder with a job: its input, what was there before, and what is to be there."""

    def __init__(self, nursery: Nursery, news: Path, model: Path, folder: Path, output: str) -> None:
        self.nursery, self.folder, self.output = nursery, folder, output
        folder.mkdir()
        shutil.copy(news, folder / "news.parquet")
        self.arguments = ["score", "news.parquet", "--text-col", "headline", "-m", str(model), "-o", output]
        self.arguments += ["--time-col", "published_at", "--entity-col", "ticker", "--bad-rows", "drop", "--log-json"]
        done = nursery.run(folder, *self.arguments, "--limit", "10")  # what is in place can be told from what will be
        assert done.code == 0, done
        self.old = self.content()
        shutil.copytree(folder, self.as_it_was)

    @property
    def as_it_was(self) -> Path:
        """The folder before the job, with outputs of another one in their places."""
        return self.folder.with_name(f"{self.folder.name}-before")

    def run(self, *more: str, sabotage: Sabotage | None = None, window_rows: int = WINDOW) -> Run:
        return self.nursery.run(self.folder, *self.arguments, *more, sabotage=sabotage, window_rows=window_rows)

    def content(self) -> dict[str, object]:
        """What is in place, read to the end."""
        return {path.name: read(path) for path in self.places()}

    def places(self) -> list[Path]:
        suffix = Path(self.output).suffix or ".parquet"
        return [self.folder / self.output, self.folder / "out.daily.parquet", self.folder / f"out.rejected{suffix}"]

    def left_behind(self) -> list[str]:
        """Files of ours that should be gone after a job that ended well."""
        return sorted(path.name for path in self.folder.iterdir() if path.name.startswith("."))

    def kept(self) -> set[int]:
        """Where the windows begin that the journal keeps."""
        return {int(path.name.split("-")[1]) for path in self.folder.glob(".*.job/*-*-*.parquet")}


def read(path: Path) -> object:
    if path.is_dir():
        return [(part.name, pl.read_parquet(part).to_dicts()) for part in sorted(path.glob("*.parquet"))]
    return pl.read_parquet(path).to_dicts() if path.suffix == ".parquet" else path.read_bytes()


@pytest.fixture(scope="module", params=FORMATS)
def desk(
    request: pytest.FixtureRequest,
    nursery: Nursery,
    news: Path,
    tiny_checkpoint: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Desk, dict[str, object], Run]:
    """A job in each format, what an uninterrupted run gives, and that run."""
    folder = tmp_path_factory.mktemp("job")
    whole = Desk(nursery, news, tiny_checkpoint, folder / "whole", request.param)
    done = whole.run()
    assert done.code == 0, done
    assert whole.left_behind() == []
    return Desk(nursery, news, tiny_checkpoint, folder / "killed", request.param), whole.content(), done


def check_old_or_new(desk: Desk, new: dict[str, object]) -> None:
    for name, found in desk.content().items():
        assert found in (desk.old[name], new[name]), f"{name} is broken"


def go_on(desk: Desk, new: dict[str, object]) -> None:
    """The same command finishes the job, scores no finished window again, and leaves nothing."""
    kept = desk.kept()
    done = desk.run()
    assert done.code == 0, done
    assert kept.isdisjoint(done.positions_scored), "a finished window was scored again"
    assert desk.content() == new
    assert desk.left_behind() == []


def start_over(desk: Desk) -> None:
    """What was there before, as it was."""
    shutil.rmtree(desk.folder)
    shutil.copytree(desk.as_it_was, desk.folder)


def steps_of(changes: list[str]) -> list[int]:
    """The first and the last time that something is done to a name, counted from 1."""
    first = {what: number for number, what in reversed(list(enumerate(changes, 1)))}
    last = {what: number for number, what in enumerate(changes, 1)}
    return sorted({*first.values(), *last.values()})


@larger
def test_a_kill_before_any_step_breaks_nothing(desk: tuple[Desk, dict[str, object], Run]) -> None:
    job, new, whole = desk
    steps = steps_of(whole.changes)
    assert len(steps) > 25, whole.changes
    for number in steps[SHARE[job.output]]:
        start_over(job)
        run = job.run(sabotage=Sabotage(kill_before_change=number))
        assert run.code == -signal.SIGKILL, (number, whole.changes[number - 1], run)
        check_old_or_new(job, new)
        go_on(job, new)


@larger
def test_kills_at_random_instants_break_nothing(desk: tuple[Desk, dict[str, object], Run]) -> None:
    job, new, whole = desk
    rng = random.Random(job.output)  # noqa: S311
    struck = 0
    longest = whole.seconds
    while struck < KILLS:
        start_over(job)
        for _ in range(3):  # and again in the run that goes on
            run = job.run(sabotage=Sabotage(kill_after=rng.uniform(0.1, 1) * longest))
            check_old_or_new(job, new)
            if run.code != -signal.SIGKILL:  # it was over before
                longest = max(0.2, longest * 0.9)
                break
            struck += 1
        go_on(job, new)
