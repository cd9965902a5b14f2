"""Runs the stages of a job on excerpts of its input, one after the other, and times each."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore.engine import torch
from sentiscore.engine.memory import give_back
from sentiscore.errors import InputError
from sentiscore.planning.computing import time_rounds
from sentiscore.planning.excerpts import N_POSITIONS, Excerpt, Excerpts
from sentiscore.planning.measurement import (
    ASSEMBLE,
    HASH,
    INSPECT,
    READ,
    STAGES,
    TOKENISE,
    VERIFY,
    WRITE,
    Held,
    Measurement,
    StageTiming,
)
from sentiscore.scoring.facts import facts_of
from sentiscore.scoring.job_windows import Bounds, Window, windows_of
from sentiscore.scoring.journal import Journal
from sentiscore.scoring.memory_limit import held_bytes, window_limits
from sentiscore.scoring.output_job import job_key
from sentiscore.scoring.plan import make_plan
from sentiscore.scoring.planned import JobRequest, Plan
from sentiscore.scoring.prepared import Prepared
from sentiscore.scoring.preparing import distinct_of
from sentiscore.scoring.scorer import Scorer
from sentiscore.scoring.workers.unit import unit_of
from sentiscore.tables import Sink, open_sink

Made = TypeVar("Made")


@dataclass(frozen=True)
class Texts:
    """Distinct texts of a window, and the tokens that are read of each, shape (texts,)."""

    texts: pl.Series
    tokens: npt.NDArray[np.int64]


@dataclass
class _Noted:
    """What was measured so far; see `Measurement`."""

    timings: dict[str, list[StageTiming]] = field(default_factory=lambda: defaultdict(list))
    sizes: list[tuple[float, float]] = field(default_factory=list)
    texts: list[tuple[float, float]] = field(default_factory=list)
    tokens: list[tuple[float, float]] = field(default_factory=list)
    written: list[tuple[float, float]] = field(default_factory=list)
    pool: list[Texts] = field(default_factory=list)
    row_bytes: list[tuple[float, float]] = field(default_factory=list)
    most: int | None = None
    window: int = 0


class Measuring:
    """Measures a job on excerpts of its input.

    Args:
        request: The options of the job.
        scorer: The scorer, which is loaded.
        folder: An empty folder to write to.
        seconds: About how long the model is run. The other stages take as long again at most, or one window at each
            position.
    """

    def __init__(self, request: JobRequest, scorer: Scorer, folder: Path, seconds: float) -> None:
        self._request = request
        self._scorer = scorer
        self._folder = folder
        self._seconds = seconds
        self._facts = facts_of(scorer)
        self._rng = np.random.default_rng(0)
        most, text_bytes = window_limits(None)
        self._bounds = Bounds(rows=most, text_bytes=text_bytes)
        self._noted = _Noted()

    def measure(self, excerpts: Excerpts, *, start: float, before: int | None) -> Measurement:
        """Measure all stages.

        Args:
            excerpts: The sample.
            start: Seconds that loading the model took.
            before: Bytes that the process held before that.

        Raises:
            InputError: The input cannot be used.
        """
        noted = self._noted
        on_gpu = self._scorer.device.startswith("cuda")
        if on_gpu:
            torch.cuda.reset_peak_memory_stats(self._scorer.device)
        for number, excerpt in enumerate(excerpts.each):
            folder = self._folder / f"out-{number}"
            folder.mkdir()
            self._excerpt(excerpt, folder, by_files=excerpts.by_rows)
        computing = self._compute()
        gpu = int(torch.cuda.max_memory_reserved(self._scorer.device)) if on_gpu else None
        return Measurement(
            total=excerpts.size,
            sizes=tuple(noted.sizes),
            exact=excerpts.by_rows or excerpts.whole,
            whole=excerpts.whole,
            n_files=excerpts.n_files,
            timings={stage: tuple(noted.timings[stage]) for stage in STAGES},
            inspects_files=excerpts.by_rows,
            computing=computing,
            texts=tuple(noted.texts),
            tokens=tuple(noted.tokens),
            written=tuple(noted.written),
            window_rows=self._window_rows(),
            start=start,
            held=Held(before=before, most=noted.most, window=noted.window, gpu=gpu),
            cores=torch.get_num_threads(),
            on_gpu=on_gpu,
        )

    def _excerpt(self, excerpt: Excerpt, folder: Path, *, by_files: bool) -> None:
        noted = self._noted
        plan, took = _timed(
            lambda: make_plan(
                excerpt.paths, self._request, output=folder / "out.parquet", between=_nothing, bounds=self._bounds
            )
        )
        noted.sizes.append((plan.rows, excerpt.size))
        self._note(INSPECT, len(excerpt.paths) if by_files else plan.rows, took)
        digests, took = _timed(lambda: [source.digest() for source in plan.sources])
        self._note(HASH, plan.rows, took)
        if not plan.rows:
            return
        with Journal(plan.output) as journal:
            journal.begin(job_key(plan, self._facts, digests), resume=False)
            with open_sink(plan.output, part=journal.part_of(plan.output), folder=False, inert=True) as sink:
                rows = self._process(plan, journal, sink)
        noted.written.append((rows, plan.output.stat().st_size))

    def _process(self, plan: Plan, journal: Journal, sink: Sink) -> int:
        """Process windows for a while, and finish the output; returns how many rows that were."""
        begun = time.perf_counter()
        for window in self._windows(plan):
            self._window(plan, window, journal, sink)
            if time.perf_counter() - begun > self._seconds / N_POSITIONS:
                break
        _, took = _timed(sink.finish)
        self._note(VERIFY, sink.rows, took)
        return sink.rows

    def _windows(self, plan: Plan) -> Iterator[Window]:
        """Read windows, and time that."""
        windows = windows_of(plan, lambda _: self._bounds.rows, n_bytes=self._bounds.text_bytes)
        while True:
            window, took = _timed(lambda: next(windows, None))
            if window is None:
                return
            self._note(READ, window.rows.height, took)
            yield window

    def _window(self, plan: Plan, window: Window, journal: Journal, sink: Sink) -> None:
        """Do with a window what a job does, but with made-up answers of the model."""
        noted, scorer, n = self._noted, self._scorer, window.rows.height
        unit = unit_of(window, self._request)
        prepared, took = _timed(lambda: scorer.prepare(unit.texts))
        self._note(TOKENISE, n, took)
        self._pool(unit.texts, prepared, n)
        answers = self._rng.normal(size=(prepared.encoded.lengths.size, len(scorer.checkpoint.outputs)))
        scores, took = _timed(lambda: scorer.finish(prepared, answers.astype(np.float32)))
        self._note(ASSEMBLE, n, took)

        def write() -> None:
            journal.keep(window.position, scores)
            named = scores.rename(plan.added_as(scores.columns))
            sink.write(window.rows[plan.kept].hstack(named.get_columns()))

        _, took = _timed(write)
        self._note(WRITE, n, took)
        self._look_at_memory()
        size = window.rows.estimated_size() + scores.estimated_size() + prepared.encoded.ids.nbytes
        noted.window = max(noted.window, int(size))
        noted.row_bytes.append((n, int(sum(_text_bytes(column) for column in window.rows.get_columns()))))
        give_back()

    def _pool(self, texts: pl.Series, prepared: Prepared, rows: int) -> None:
        """Note the distinct texts of a window, for the model."""
        lengths = prepared.encoded.lengths * prepared.reading.known
        tokens = np.bincount(prepared.owners, weights=lengths, minlength=prepared.n_encoded).astype(np.int64)
        self._noted.texts.append((rows, prepared.n_scored))
        self._noted.tokens.append((rows, int(tokens.sum())))
        chosen = np.flatnonzero(tokens)
        self._noted.pool.append(Texts(distinct_of(texts).texts.gather(chosen), tokens[chosen]))

    def _compute(self) -> tuple[StageTiming, ...]:
        """Time the model on texts of all windows together."""
        pool = self._noted.pool
        if not pool:
            return ()
        texts = pl.concat([each.texts for each in pool])
        lengths = np.concatenate([each.tokens for each in pool])

        def compute(positions: list[int]) -> StageTiming:
            prepared = self._scorer.prepare(texts.gather(positions))
            _, took = _timed(lambda: self._scorer.compute(prepared))
            self._look_at_memory()
            return StageTiming(float(prepared.encoded.lengths.sum()), took.wall, took.cpu)

        return time_rounds(compute, lengths, self._seconds)

    def _window_rows(self) -> int:
        """The rows of a full window, which has so many rows or so much text."""
        rows = sum(n for n, _ in self._noted.row_bytes)
        size = sum(n_bytes for _, n_bytes in self._noted.row_bytes)
        by_text = self._bounds.text_bytes * rows / size if size else self._bounds.rows
        return max(1, min(self._bounds.rows, int(by_text)))

    def _note(self, stage: str, amount: float, took: StageTiming) -> None:
        self._noted.timings[stage].append(StageTiming(amount, took.wall, took.cpu))

    def _look_at_memory(self) -> None:
        held = held_now()
        if held is not None:
            self._noted.most = max(held, self._noted.most or 0)


def held_now() -> int | None:
    """What this process holds, in bytes; None where the system does not report it."""
    try:
        return held_bytes()
    except InputError:
        return None


def _timed(function: Callable[[], Made]) -> tuple[Made, StageTiming]:
    """Call a function; returns its result and how long it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    made = function()
    return made, StageTiming(1.0, time.perf_counter() - wall, time.process_time() - cpu)


def _text_bytes(column: pl.Series) -> int:
    """The bytes of text in a column."""
    return int(column.str.len_bytes().sum()) if column.dtype == pl.String else 0


def _nothing() -> None:
    """Does nothing."""
