"""Files -> a file: every row once, in order, with its scores; and the daily features in the same pass.

A job writes nothing in place before all of it is done, and keeps what it has finished in a journal beside the output,
so that it can be killed at any instant and taken up by the same command.
"""

import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore import forks
from sentiscore import labels as names
from sentiscore.checkpoint import DEFAULT
from sentiscore.engine.memory import give_back
from sentiscore.errors import InputError, OutputError, SentiscoreWarning, StoppedError
from sentiscore.features import DailyConfig
from sentiscore.features.sessions import Calendar
from sentiscore.local import local_path
from sentiscore.scoring.answers import DEFAULT_MAX_BYTES, AnswerStore
from sentiscore.scoring.bad_rows import BadRows, is_bad, mark_undecodable, rejected
from sentiscore.scoring.journal import Journal
from sentiscore.scoring.made_of import provenance_of_days, provenance_of_rows
from sentiscore.scoring.memory_limit import MemoryLimit, memory_limit, window_limits
from sentiscore.scoring.overlap import Behind, ahead
from sentiscore.scoring.plan import Bounds, Options, Plan, Window, check_places, make_plan, windows_of
from sentiscore.scoring.prepared import Prepared
from sentiscore.scoring.scorer import Scorer
from sentiscore.scoring.tally import FINISHING, SCORING, JobSummary, OnPhase, OnProgress, OnWindow, Tally, WindowDone
from sentiscore.scoring.texts import not_a_list
from sentiscore.tables import Sink, open_sink
from sentiscore.tables.dialect import UTF_8, CsvDialect
from sentiscore.tables.exact import series_of
from sentiscore.tables.provenance import Provenance, SourceFacts

WINDOW_ROWS: Final = 32_768


def score_file(
    source: str | Path | Sequence[str | Path],
    *,
    text_col: str,
    output: str | Path | None = None,
    model: str | Path | Scorer = DEFAULT,
    device: str = "auto",
    dtype: str = "auto",
    revision: str | None = None,
    labels: Sequence[str] | None = None,
    max_length: int | None = None,
    overflow: str = names.TRUNCATE,
    columns: Sequence[str] | None = None,
    separator: str | None = None,
    skip_rows: int = 0,
    comment: str | None = None,
    encoding: str = UTF_8,
    limit: int | None = None,
    prefix: str = "",
    bad_rows: str = names.KEEP,
    resume: bool = True,
    csv_as_is: bool = False,
    max_memory: int | None = None,
    cache: str | Path | None = None,
    cache_bytes: int = DEFAULT_MAX_BYTES,
    time_col: str | None = None,
    entity_col: str | None = None,
    entity_separator: str | None = None,
    calendar: Calendar = None,
    weight_col: str | None = None,
    id_col: str | None = None,
    daily: str | Path | None = None,
    tz: str | None = None,
    time_format: str | None = None,
    time_unit: str | None = None,
    midnight: str | None = None,
    day_tz: str | None = None,
    config: DailyConfig | None = None,
    on_progress: OnProgress | None = None,
    on_window: OnWindow | None = None,
    on_phase: OnPhase | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> JobSummary:
    """Score a column of text in files of any size.

    The rows are read, scored and written a window at a time. An output takes its place only when it is complete and
    was read back; whatever goes wrong before leaves the place as it was. Finished windows are kept in a work folder
    beside the output, and the same call goes on from them. All that can be checked is checked before the first text
    is scored.

    Args:
        source: A .csv, .tsv (also .gz), .parquet, .ndjson or .jsonl file; a folder of such files of one format, in
            which the folders KEY=VALUE are columns of text; or several.
        text_col: The column of texts.
        output: A .parquet, .csv or .ndjson file, or a folder for parts in parquet: one that is there, or a text that
            ends with a slash. Several sources become one output, in order, and need equal columns. Without it each
            source has its own output, NAME.scored.parquet beside it.
        model: "default", a folder, a hub id, or a loaded scorer.
        device: Where to compute; see `Scorer.from_pretrained` for this and the next five.
        dtype: With which numbers.
        revision: The commit of a hub id, or a branch or tag that sentiscore.lock has.
        labels: Label names in the order of the model's ids.
        max_length: Tokens of a text that are read.
        overflow: What is done with a longer text, "truncate" or "windows".
        columns: Columns of the source to keep in the output; all by default.
        separator: What separates the fields of a CSV, one ASCII character; by default a comma (or a semicolon or tab,
            where the header plainly has those), and a tab in a .tsv.
        skip_rows: Lines of a CSV before its header.
        comment: How lines of a CSV begin that are not rows.
        encoding: The encoding of a CSV, by any name that Python knows. Where bytes are not of it, a text is not scored,
            and other columns are kept with U+FFFD in their place.
        limit: Score only so many rows from the beginning of each output.
        prefix: Put before the name of each added column.
        bad_rows: What is done with rows whose text is null, empty, unknown to the model or cannot be decoded: "keep"
            them with a status and no scores, "drop" them into NAME.rejected.* beside the output, or "fail". All but
            unknown ones are found before the first row is scored.
        resume: Whether the finished windows of a stopped job are taken; otherwise they are thrown away.
        csv_as_is: Whether cells of a CSV output that a spreadsheet would take as a formula stay as they are; by
            default they begin with an apostrophe.
        cache: A folder for a store of answers, which is made where there is none: texts that are known there are not
            scored again, and the new ones are kept.
        cache_bytes: The most that the store may take on disk; what was not used for longest goes.
        max_memory: The most memory, in bytes, that the process may hold: windows are made smaller for it, and past it
            the job ends with an InputError, as a stopped one. Linux alone.
        time_col: When each text appeared; with it daily features are written too.
        entity_col: The series each text belongs to, or a list of them.
        entity_separator: What separates the entities of a row, such as ";"; a text is scored once, and counts for each.
        calendar: The sessions of the daily features; see `sentiscore.features.daily`.
        weight_col: How much each text counts in them: a column of the source, or one that scoring adds.
        id_col: What names each text: rows of an entity with the same id count once in them. All rows are scored.
        daily: Where the daily features go; by default NAME.daily.parquet beside a source.
        tz: The zone of times that carry none; see `sentiscore.features.daily` for this and the next three.
        time_format: The pattern of texts that are times.
        time_unit: What numbers since 1970 count.
        midnight: What a time of exactly midnight is, a "date" or an "instant".
        day_tz: The zone whose midnight ends a day; by default `tz`, or UTC where there is none.
        config: Everything else about the daily features.
        on_progress: Called with the rows done and the rows there are, as far as is known.
        on_window: Called with what each window was of each source, once it is finished for good.
        on_phase: Called with an output and what begins for it: "scoring" its rows, or "finishing" it.
        should_stop: Asked between windows; once it says True the window in hand is finished, and the job stops.

    Returns:
        What was done, over all outputs.

    Raises:
        InputError: A file, column or row cannot be used.
        OutputError: The output cannot be written, another run writes it, or a stopped job with other inputs or options
            is in its way.
        CheckpointError: The model cannot be loaded.
        StoppedError: `should_stop` said so.
    """
    forks.check()
    paths = _paths(source)
    if not paths:
        raise InputError("There is no file to score.", "Name at least one.")
    if output is None and daily is not None and len(paths) > 1:
        raise InputError(
            "One file of daily features for several sources needs one output for them.",
            "Say where it goes with --output (output).",
        )
    if len({os.path.realpath(path) for path in paths}) < len(paths):
        raise InputError("A file is named twice.", "Name each once, or its rows would be scored twice.")
    if isinstance(model, Scorer):
        asked = {"device": device, "dtype": dtype, "max_length": max_length, "overflow": overflow}
        _check_loaded(model, {**asked, "revision": revision, "labels": labels})
    options = Options(
        text_col=text_col,
        columns=columns,
        limit=limit,
        prefix=prefix,
        overflow=model.overflow if isinstance(model, Scorer) else overflow,
        bad_rows=bad_rows,
        csv_as_is=csv_as_is,
        time_col=time_col,
        entity_col=entity_col,
        entity_separator=entity_separator,
        calendar=calendar,
        weight_col=weight_col,
        id_col=id_col,
        tz=tz,
        time_format=time_format,
        time_unit=time_unit,
        midnight=midnight,
        day_tz=day_tz,
        config=config,
        csv=CsvDialect(separator=separator, skip_rows=skip_rows, comment=comment, encoding=encoding),
    )

    def between() -> None:
        if should_stop is not None and should_stop():
            raise StoppedError("Stopped before the first row was scored.", "Give the same command again.")

    rows, text_bytes = window_limits(max_memory)
    bounds = Bounds(rows=min(rows, WINDOW_ROWS), text_bytes=text_bytes)
    jobs = [paths] if output is not None else [[path] for path in paths]
    with ExitStack() as stack:
        memory = stack.enter_context(memory_limit(max_memory))
        plans = [make_plan(job, options, output=output, daily=daily, between=between, bounds=bounds) for job in jobs]
        check_places(plans)
        tally = Tally(plans, on_progress, on_window)
        scorer = None
        hurry: Callable[[], None] = _nothing
        for number, plan in enumerate(plans):
            if number and should_stop is not None and should_stop():
                raise StoppedError(
                    f"Stopped; {number:,} of {len(plans):,} outputs are in place.", "Give the rest of the inputs again."
                )
            with Journal(plan.output) as journal:
                if scorer is None:  # with the first output locked, so that a second run is told so without waiting
                    between()
                    scorer = _load(
                        model,
                        device=device,
                        dtype=dtype,
                        revision=revision,
                        labels=labels,
                        max_length=max_length,
                        overflow=overflow,
                    )
                    if cache is not None:
                        store = stack.enter_context(AnswerStore.open(cache, max_bytes=cache_bytes))
                        scorer, hurry = scorer.with_answers(store), store.hurry
                    start = time.perf_counter()
                job = _Job(
                    plan, scorer, journal, tally, bounds, memory, should_stop or _never, on_phase or _nobody, hurry
                )
                job.run(resume=resume)
        if scorer is None:
            raise RuntimeError("a job without an output")
        summary = tally.summary(scorer, seconds=time.perf_counter() - start)
    if tally.damage.n_rows:
        first = {name: where for plan in reversed(plans) for name, where in plan.first_damage.items()}
        told = tally.damage.told(options.csv, first, text_col=text_col, entity_col=entity_col)
        warnings.warn(told, SentiscoreWarning, stacklevel=2)
    return summary


def _paths(source: object) -> list[Path]:
    """The sources that were named, one or several."""
    if isinstance(source, str | os.PathLike) or not_a_list(source) is not None:
        return [local_path(source)]  # type: ignore[arg-type] # which refuses what is not a path
    return [local_path(path) for path in source]  # type: ignore[attr-defined]


def _load(model: str | Path | Scorer, *, overflow: str, **settings: Any) -> Scorer:
    """The model, ready to score."""
    import sentiscore.schemas  # noqa: F401 - takes a second, which is not the speed of scoring

    if isinstance(model, Scorer):
        return model
    return Scorer.from_pretrained(model, overflow=overflow, **settings)


def _check_loaded(scorer: Scorer, asked: Mapping[str, Any]) -> None:
    """Raise an InputError if a loaded scorer was to be another one."""
    usual = {"device": "auto", "dtype": "auto", "overflow": names.TRUNCATE}
    differing = [name for name, value in asked.items() if value not in (usual.get(name), getattr(scorer, name, None))]
    if differing:
        raise InputError(
            f"The scorer is loaded already, so {' and '.join(differing)} cannot be said here.",
            "Say it to Scorer.from_pretrained, or give score_file the model's name.",
        )


def _never() -> bool:
    return False


def _nothing() -> None:
    """Does nothing."""


def _nobody(output: Path, phase: str) -> None:
    """Is told nothing."""


@dataclass(frozen=True)
class _Read:
    """A window, and either its scores from the journal or its texts encoded."""

    window: Window
    scores: pl.DataFrame | None
    prepared: Prepared | None


class _Job:
    """One output, from its rows to its place."""

    def __init__(
        self,
        plan: Plan,
        scorer: Scorer,
        journal: Journal,
        tally: Tally,
        bounds: Bounds,
        memory: MemoryLimit,
        should_stop: Callable[[], bool],
        on_phase: OnPhase,
        hurry: Callable[[], None],
    ) -> None:
        self._plan = plan
        self._scorer = scorer
        self._journal = journal
        self._tally = tally
        self._bounds = bounds
        self._memory = memory
        self._should_stop = should_stop
        self._on_phase = on_phase
        self._hurry = hurry
        self._bad = BadRows()
        self._rows_of = [0] * len(plan.sources)
        self._digests: list[str] = []

    def run(self, *, resume: bool) -> None:
        """Score the rows, window by window, and put everything in place.

        Four steps run at the same time, each on another window: reading, encoding, computing, and writing.
        """
        plan = self._plan
        self._digests = [source.digest() for source in plan.sources]
        key = job_key(plan, self._scorer, self._digests)
        self._journal.begin(key, resume=resume, stored=self._scorer.has_store)
        with ExitStack() as sinks:
            output = sinks.enter_context(self._sink(plan.output, folder=plan.folder))
            rejects = None if plan.rejects is None else sinks.enter_context(self._sink(plan.rejects))
            before = self._tally.rows
            self._on_phase(plan.output, SCORING)
            stopped = self._windows(output, rejects)
            if stopped:
                kept = self._tally.rows - before
                raise StoppedError(
                    f"Stopped; {kept:,} rows of {plan.output} are finished and kept.",
                    "Give the same command again to go on from there.",
                )
            self._on_phase(plan.output, FINISHING)
            set_aside = 0 if rejects is None else rejects.rows
            if output.rows + set_aside != self._tally.rows - before:
                raise OutputError(
                    f"{self._tally.rows - before:,} rows were read, but {output.rows:,} written and {set_aside:,} set "
                    "aside.",
                    "Please report this.",
                )
            self._place(output, rejects)
        self._journal.clear()

    def _sink(self, path: Path, *, folder: bool = False) -> Sink:
        part = self._journal.part_of(path)
        return open_sink(path, part=part, folder=folder, inert=not self._plan.options.csv_as_is)

    def _windows(self, output: Sink, rejects: Sink | None) -> bool:
        """Everything between the first row and the last; whether it was asked to stop before that."""

        def write(done: tuple[_Read, npt.NDArray[np.float32] | None]) -> list[WindowDone]:
            return self._write(*done, output, rejects)

        read = ahead(self._read())
        with closing(read), Behind(write, self._tally.written) as writing, self._hurried():
            for one in read:
                logits = None
                if one.prepared is not None:
                    logits = self._scorer.compute(one.prepared, self._tally.more)
                writing.give((one, logits))
                self._tally.computed(one.window.rows.height)
                if self._should_stop():
                    return True
        return False

    @contextmanager
    def _hurried(self) -> Iterator[None]:
        """What ends the block early, such as Ctrl-C, ends the waiting of its other threads too."""
        try:
            yield
        except BaseException:
            self._hurry()
            raise

    def _read(self) -> Iterator[_Read]:
        """Windows, each with its scores or with its texts encoded."""

        def room(position: int) -> int:
            return self._journal.room(position, self._bounds.rows)

        with closing(ahead(windows_of(self._plan, room, n_bytes=self._bounds.text_bytes))) as windows:
            for window in windows:
                self._memory.check()
                scores = self._journal.find(window.position, window.rows.height)
                prepared = None if scores is not None else self._scorer.prepare(self._texts(window))
                give_back()
                yield _Read(window, scores, prepared)

    def _texts(self, window: Window) -> pl.Series:
        """What the scorer is given: no text where there are only bytes that are none."""
        name = self._plan.options.text_col
        texts, undecodable = series_of(window.rows, name), window.undecodable(name)
        if not undecodable.any():
            return texts
        return texts.cast(pl.String).zip_with(~undecodable, pl.Series([None], dtype=pl.String))

    def _write(
        self, one: _Read, logits: npt.NDArray[np.float32] | None, output: Sink, rejects: Sink | None
    ) -> list[WindowDone]:
        """Note a window as finished, and write its rows; what was done of each source."""
        self._memory.check()
        plan, window = self._plan, one.window
        scores, prepared = one.scores, one.prepared
        if prepared is not None and logits is not None:
            undecodable = window.undecodable(plan.options.text_col)
            scores = mark_undecodable(self._scorer.finish(prepared, logits), undecodable)
            if scores.height:
                self._journal.keep(window.position, scores)
        if scores is None:
            raise RuntimeError("a window was neither finished nor computed")
        status = scores[names.STATUS]
        self._tally.damage.add(window.damaged)
        for span in window.spans:
            self._rows_of[span.source] += span.rows
            if plan.options.bad_rows == names.FAIL:
                self._bad.add(span.of(status), plan.sources[span.source].path, span.position)
        self._bad.refuse()
        named = scores.rename({name: plan.options.prefix + name for name in scores.columns}).get_columns()
        rows = window.rows[plan.kept].hstack(named)
        good = pl.repeat(value=True, n=rows.height, dtype=pl.Boolean, eager=True)
        if rejects is not None:
            bad = is_bad(scores)
            good = ~bad
            rejects.write(rejected(window.rows[plan.kept], status, bad, window.origins(plan.sources)))
        if plan.sums is not None:
            plan.sums.add(window.rows[plan.placing].hstack(named).filter(good))
        output.write(rows.filter(good))
        give_back()
        texts = (
            [(0, 0)] * len(window.spans)
            if prepared is None
            else prepared.texts_of([span.offset for span in window.spans])
        )
        return [
            WindowDone(
                output=plan.output,
                source=plan.sources[span.source].path,
                position=span.position,
                rows=span.rows,
                n_rejected=span.rows - int(span.of(good).sum()),
                statuses=dict(span.of(status).value_counts().iter_rows()),
                texts_scored=n_scored,
                texts_known=n_known,
                resumed=one.scores is not None,
            )
            for span, (n_scored, n_known) in zip(window.spans, texts, strict=True)
        ]

    def _place(self, output: Sink, rejects: Sink | None) -> None:
        """Let everything that was written take its place; until then each place is as it was."""
        plan = self._plan
        sources = [
            SourceFacts(file=source.path.name, sha256=digest, rows=rows)
            for source, digest, rows in zip(plan.sources, self._digests, self._rows_of, strict=True)
        ]
        with ExitStack() as sinks:
            made = self._finish(output, sources, rejects=False)
            written = [output]
            if rejects is not None:
                self._finish(rejects, sources, rejects=True)
                written.append(rejects)
            if plan.sums is not None and plan.daily is not None:
                daily = sinks.enter_context(self._sink(plan.daily))
                for days in plan.sums.parts():
                    daily.write(days)
                told = provenance_of_days(plan, made, sha256=output.sha256, n_days=daily.rows)
                _finish(daily, told)
                written.append(daily)
            self._memory.check()
            for sink in reversed(written):  # the output last
                sink.place()

    def _finish(self, sink: Sink, sources: Sequence[SourceFacts], *, rejects: bool) -> Provenance:
        made = provenance_of_rows(
            self._plan,
            self._scorer,
            sources=sources,
            job_key=self._journal.job_key,
            rows=sink.rows,
            rejects=rejects,
        )
        _finish(sink, made)
        return made


def _finish(sink: Sink, made: Provenance) -> None:
    """Close and check an output that says how it was made."""
    sink.metadata = made.to_metadata()
    sink.finish()
    sink.sidecar = made.to_sidecar(sink.sha256)


def job_key(plan: Plan, scorer: Scorer, digests: Sequence[str]) -> dict[str, str]:
    """All that the answers of a job depend on, by name: runs with equal keys may share finished windows.

    Args:
        plan: The job.
        scorer: The model.
        digests: The hash of each source's content.
    """
    return {
        "input": ",".join(digests),
        "text column": plan.options.text_col,
        **{name.replace("_", " "): str(value) for name, value in plan.csv_options.items()},
        **scorer.identity(),
    }
