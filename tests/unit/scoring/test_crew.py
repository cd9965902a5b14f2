"""Workers that fill a job's journal: in any order, some of them dying, and never with more than they should hold."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from sentiscore import InputError, Scorer, ScorerOptions, SentiscoreWarning, StoppedError, score_file
from sentiscore.engine import torch
from sentiscore.scoring import job
from sentiscore.scoring.events import RowsDone, WindowDone
from sentiscore.scoring.job_windows import Bounds
from sentiscore.scoring.options import Parallel
from sentiscore.scoring.work_folder import parse, work_folder
from sentiscore.scoring.workers.crew import MOST_DEATHS, MOST_UNITS, Crew, Gone, Report
from sentiscore.scoring.workers.filling import LEAST_ROWS, smaller
from sentiscore.scoring.workers.hiring import reference_to
from sentiscore.scoring.workers.unit import Unit
from sentiscore.scoring.workers.worker import Assignment, Worker

ROWS: Final = 100
WINDOW: Final = 16
POSITIONS: Final = list(range(0, ROWS, WINDOW))
SIZE: Final = 3


def never(_position: int, _tries: int) -> bool:
    return False


class Script:
    """What becomes of the units of a crew, and what it was given.

    Attributes:
        dies: Whether a worker ends instead of scoring a unit, given its position and how often it was tried.
        never_begins: Whether workers end before they are ready.
        error: What a worker returns in place of scores.
        strange: What the identity of every worker but the first has in another way.
        given: The positions of the units, in the order in which workers got them.
        most: The most units that one worker held.
        closed: Whether the crew was ended.
    """

    def __init__(self) -> None:
        self.dies: Callable[[int, int], bool] = never
        self.never_begins = False
        self.error: BaseException | None = None
        self.strange: dict[str, str] = {}
        self.given: list[int] = []
        self.most = 0
        self.closed = False


class FakeCrew(Crew):
    """Workers in this process, of which the last to be given something is always the first to finish a unit."""

    def __init__(self, script: Script, assignment: Assignment) -> None:
        super().__init__(SIZE)
        self._script = script
        self._worker = Worker(replace(assignment, cores=torch.get_num_threads()))
        self._ready: deque[tuple[int, Report]] = deque()
        self._work: list[tuple[int, Unit]] = []

    def _open(self) -> None:
        pass

    def _start(self, worker: int) -> None:
        begun = self._worker.begun
        if worker > 1:
            begun = replace(
                begun, facts=replace(begun.facts, identity={**begun.facts.identity, **self._script.strange})
            )
        self._ready.append((worker, Gone("ended in a test") if self._script.never_begins else begun))

    def _send(self, worker: int, unit: Unit) -> None:
        self._script.given.append(unit.position)
        self._work.append((worker, unit))
        self._script.most = max(self._script.most, *(len(held) for held in self._held.values()))

    def _reports(self, wait_s: float) -> list[tuple[int, Report]]:
        if self._ready:
            return [self._ready.popleft()]
        if not self._work:
            return []
        last = self._work[-1][0]
        worker, unit = self._work.pop(next(i for i, (worker, _) in enumerate(self._work) if worker == last))
        if self._script.dies(unit.position, self._script.given.count(unit.position)):
            self._work = [other for other in self._work if other[0] != worker]
            return [(worker, Gone("ended in a test"))]
        if self._script.error is not None:
            return [(worker, self._script.error)]
        return [(worker, self._worker.finish(unit, self._worker.prepare(unit)))]

    def _close(self) -> None:
        self._script.closed = True


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "WINDOW_ROWS", WINDOW)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """The next jobs with several devices have a crew that follows it."""
    found = Script()

    def crew_of(parallel: Parallel, model: Scorer | ScorerOptions, names: Mapping[str, Sequence[str]]) -> FakeCrew:
        assignment = Assignment(
            scorer=reference_to(model).on("cpu"), names=names, cores=1, warns=not isinstance(model, Scorer)
        )
        return FakeCrew(found, assignment)

    monkeypatch.setattr(job, "crew_of", crew_of)
    return found


@pytest.fixture
def table(tmp_path: Path) -> Path:
    texts = [None if i % 13 == 5 else "" if i % 17 == 9 else f"profit rises {i % 40} per cent" for i in range(ROWS)]
    at = [f"2026-03-{2 + i // 20:02}T{i % 24:02}:30:00Z" for i in range(ROWS)]
    path = tmp_path / "news.csv"
    pl.DataFrame({"headline": texts, "n": range(ROWS), "at": at, "who": ["a", "b"] * (ROWS // 2)}).write_csv(path)
    return path


DAYS: Final[dict[str, Any]] = {"time_col": "at", "entity_col": "who"}


def run(table: Path, model: Path, folder: str = "out", *, alone: bool = False, **settings: Any) -> dict[str, bytes]:
    """Score the table in a folder of its own, and return what was written there."""
    where = table.parent / folder
    where.mkdir(exist_ok=True)
    given = {"dtype": "fp32", **({"device": "cpu"} if alone else {"devices": ["cpu", "cpu", "cpu"]}), **settings}
    given.setdefault("output", where / "out.parquet")
    if "time_col" in given:
        given["daily"] = where / "days.parquet"
    score_file(table, text_col="headline", model=model, **given)
    return {path.name: path.read_bytes() for path in where.iterdir() if not path.name.endswith("provenance.json")}


@pytest.mark.parametrize("kind", ["parquet", "csv", "ndjson"])
def test_workers_that_finish_in_any_order_give_the_bytes_of_one_process(
    kind: str, script: Script, table: Path, tiny_checkpoint: Path
) -> None:
    outputs = [table.parent / name / f"rows.{kind}" for name in ("one", "many")]
    one = run(table, tiny_checkpoint, "one", alone=True, output=outputs[0], bad_rows="drop", **DAYS)
    many = run(table, tiny_checkpoint, "many", output=outputs[1], bad_rows="drop", **DAYS)
    assert many == one
    assert one.keys() == {f"rows.{kind}", f"rows.rejected.{kind}", "days.parquet"}
    assert sorted(script.given) == POSITIONS
    assert script.given != POSITIONS or script.most > 1
    assert script.closed


def test_no_worker_holds_more_units_than_one_to_compute_and_one_to_encode(
    script: Script, table: Path, tiny_checkpoint: Path
) -> None:
    run(table, tiny_checkpoint)
    assert script.most == MOST_UNITS


def test_every_window_is_reported_once_and_progress_ends_at_all_rows(
    script: Script, table: Path, tiny_checkpoint: Path
) -> None:
    seen: dict[bool, list[Any]] = {True: [], False: []}
    for alone, events in seen.items():
        run(table, tiny_checkpoint, f"{alone}", alone=alone, on_event=events.append)
    windows = {alone: [event for event in seen[alone] if isinstance(event, WindowDone)] for alone in seen}
    assert sorted(replace(each, output=Path()).position for each in windows[False]) == POSITIONS
    assert not any(each.resumed for each in windows[False])
    by_position = sorted(windows[False], key=lambda each: each.position)
    assert [replace(each, output=Path()) for each in by_position] == [
        replace(each, output=Path()) for each in windows[True]
    ]
    progress = [event for event in seen[False] if isinstance(event, RowsDone)]
    assert progress[-1] == RowsDone(ROWS, ROWS)
    assert [each.done for each in progress] == sorted(each.done for each in progress)


def test_the_units_of_a_worker_that_ends_are_scored_by_others(
    script: Script, table: Path, tiny_checkpoint: Path
) -> None:
    one = run(table, tiny_checkpoint, "one", alone=True)
    script.dies = lambda position, tries: position in POSITIONS[1:4] and tries == 1
    with pytest.warns(SentiscoreWarning, match="A worker ended in a test; another one takes over its rows"):
        assert run(table, tiny_checkpoint, "many") == one
    assert set(script.given) == set(POSITIONS)
    assert len(script.given) > len(POSITIONS)


def test_rows_that_end_every_worker_end_the_job_and_what_is_finished_is_kept(
    script: Script, table: Path, tiny_checkpoint: Path
) -> None:
    script.dies = lambda position, _: position == 48
    with (
        pytest.warns(SentiscoreWarning, match="takes over its rows"),
        pytest.raises(InputError, match=f"{MOST_DEATHS} workers ended with rows 48 to 63 in hand") as caught,
    ):
        run(table, tiny_checkpoint)
    assert "same command again" in caught.value.hint
    assert script.closed
    kept = {part.start for path in work_folder(table.parent / "out" / "out.parquet").iterdir() if (part := parse(path))}
    assert kept
    script.dies = never
    before = len(script.given)
    again = run(table, tiny_checkpoint)
    assert kept.isdisjoint(script.given[before:])
    assert again == run(table, tiny_checkpoint, "one", alone=True)


def test_workers_that_never_begin_end_the_job(script: Script, table: Path, tiny_checkpoint: Path) -> None:
    script.never_begins = True
    with (
        pytest.warns(SentiscoreWarning, match="takes over its rows"),
        pytest.raises(InputError, match="workers ended before they were ready; the last one ended in a test"),
    ):
        run(table, tiny_checkpoint)
    assert script.closed


def test_workers_that_would_answer_differently_are_refused(script: Script, table: Path, tiny_checkpoint: Path) -> None:
    script.strange = {"dtype": "bf16"}
    with pytest.raises(InputError, match="different answers: dtype is fp32 and bf16"):
        run(table, tiny_checkpoint)


@pytest.mark.parametrize("error", [InputError("The device cannot hold it.", "Use another."), RuntimeError("a fault")])
def test_an_error_of_a_worker_is_the_error_of_the_job(
    error: Exception, script: Script, table: Path, tiny_checkpoint: Path
) -> None:
    script.error = error
    with pytest.raises(type(error), match=str(error).splitlines()[0]):
        run(table, tiny_checkpoint)
    assert script.closed


@pytest.mark.parametrize("alone", [True, False], ids=["one process goes on", "workers go on"])
def test_a_job_goes_on_whoever_has_scored_its_windows(
    alone: bool, script: Script, table: Path, tiny_checkpoint: Path
) -> None:
    finished: list[WindowDone] = []

    def stop() -> bool:
        return len(finished) >= 2

    with pytest.raises(StoppedError, match=r"Stopped; \d+ rows of .* are finished and kept"):
        run(table, tiny_checkpoint, "two", alone=not alone, should_stop=stop, on_window=finished.append)
    before = len(script.given)
    again: list[WindowDone] = []
    whole = run(table, tiny_checkpoint, "two", alone=alone, on_window=again.append)
    assert whole == run(table, tiny_checkpoint, "one", alone=True)
    done = {each.position for each in finished}
    assert {each.position for each in again if each.resumed} == done
    assert sorted(each.position for each in again) == POSITIONS
    assert done.isdisjoint(script.given[before:])


def test_a_stopped_job_finishes_what_is_being_computed_and_no_more(
    script: Script, table: Path, tiny_checkpoint: Path
) -> None:
    with pytest.raises(StoppedError) as caught:
        run(table, tiny_checkpoint, should_stop=lambda: bool(script.given), limit=90)
    parts = [part for path in work_folder(table.parent / "out" / "out.parquet").iterdir() if (part := parse(path))]
    assert {part.start for part in parts} <= set(script.given)
    assert f"Stopped; {sum(part.rows for part in parts)} rows" in caught.value.message


def test_no_rows_are_no_rows(script: Script, table: Path, tiny_checkpoint: Path) -> None:
    one = run(table, tiny_checkpoint, "one", alone=True, limit=0, **DAYS)
    assert run(table, tiny_checkpoint, "many", limit=0, **DAYS) == one


def test_a_row_that_must_not_be_bad_ends_the_job(script: Script, tmp_path: Path, tiny_checkpoint: Path) -> None:
    path = tmp_path / "news.csv"
    pl.DataFrame({"headline": ["profit rises", "\N{SNOWMAN}" * 3]}).write_csv(path)
    errors = []
    for alone in (True, False):
        try:
            run(path, tiny_checkpoint, f"{alone}", alone=alone, bad_rows="fail")
            errors.append("")
        except InputError as error:
            errors.append(str(error))
    assert errors[0] == errors[1]


def test_targets_reach_the_workers(script: Script, tmp_path: Path, tiny_targets: Path) -> None:
    path, names = tmp_path / "news.csv", tmp_path / "names.csv"
    rows = {"headline": ["profit of Acme rises, Bolt falls"] * 40, "company": ["ACM", "Bolt", "Other", None] * 10}
    pl.DataFrame(rows).write_csv(path)
    pl.DataFrame({"entity": ["ACM"], "name": ["Acme"]}).write_csv(names)
    given: dict[str, Any] = {"target_col": "company", "targets": names}
    assert run(path, tiny_targets, "many", **given) == run(path, tiny_targets, "one", alone=True, **given)


def test_a_loaded_scorer_is_sent_as_it_is(script: Script, table: Path, tiny_checkpoint: Path) -> None:
    scorer = Scorer.from_pretrained(tiny_checkpoint, dtype="fp32", max_length=8)
    many, one = table.parent / "many.parquet", table.parent / "one.parquet"
    score_file(table, text_col="headline", model=scorer, output=many, devices=["cpu"])
    score_file(table, text_col="headline", model=scorer, output=one)
    assert many.read_bytes() == one.read_bytes()


def test_warnings_about_the_model_come_once(script: Script, table: Path, make_checkpoint: Callable[..., Path]) -> None:
    model = make_checkpoint(table.parent / "model", temperature=None)
    with pytest.warns(SentiscoreWarning) as caught:
        run(table, model)
    assert len([each for each in caught if "is not calibrated" in str(each.message)]) == 1


@pytest.mark.parametrize(
    ("rows", "workers", "most"),
    [
        (200_000, 2, 32_768),
        (131_072, 2, 32_768),
        (131_071, 2, 16_384),
        (1_000_000, 16, 16_384),
        (100, 2, LEAST_ROWS),
        (0, 1, LEAST_ROWS),
    ],
)
def test_windows_are_halved_until_every_worker_has_two(rows: int, workers: int, most: int) -> None:
    assert smaller(Bounds(rows=32_768, text_bytes=9), rows, workers) == Bounds(rows=most, text_bytes=9)


def test_small_windows_are_not_made_smaller() -> None:
    assert smaller(Bounds(rows=1_500, text_bytes=9), 10, 8).rows == 1_500
