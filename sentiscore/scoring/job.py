"""Scores files to a file: every row once, in order, with its scores; and the daily features in the same pass.

A job publishes nothing before all of it is done, and keeps finished windows in a journal next to the output, so that it
can be killed at any instant and resumed by the same command.
"""

import os
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final, Unpack

from sentiscore import forks
from sentiscore.checkpoint import DEFAULT
from sentiscore.errors import InputError, SentiscoreWarning, StoppedError
from sentiscore.features import DailyRequest
from sentiscore.keywords import check_keywords
from sentiscore.local import local_path
from sentiscore.scoring.answers import AnswerStore
from sentiscore.scoring.cleaning import check_cleaner
from sentiscore.scoring.events import OnEvent
from sentiscore.scoring.facts import facts_of
from sentiscore.scoring.flat import FlatOptions, daily_of, listener_of, rows_of, run_of, scorer_of
from sentiscore.scoring.job_windows import Bounds
from sentiscore.scoring.journal import Journal
from sentiscore.scoring.memory_limit import memory_limit, window_limits
from sentiscore.scoring.mentions import check_reads_targets
from sentiscore.scoring.options import RowOptions, RunOptions, ScorerOptions
from sentiscore.scoring.output_job import OutputJob
from sentiscore.scoring.plan import check_targets, make_plan, targets_of
from sentiscore.scoring.planned import JobRequest, Plan
from sentiscore.scoring.scorer import Scorer
from sentiscore.scoring.staged import StagedJob, staged
from sentiscore.scoring.tally import JobSummary, Tally
from sentiscore.scoring.target_names import names_of
from sentiscore.scoring.texts import not_a_list
from sentiscore.scoring.watch import Watch
from sentiscore.scoring.workers.crew import Crew
from sentiscore.scoring.workers.hiring import check_crew, crew_of

WINDOW_ROWS: Final = 32_768


def score_file(
    source: str | Path | Sequence[str | Path],
    *,
    text_col: str,
    output: str | Path | None = None,
    model: str | Path | Scorer | ScorerOptions = DEFAULT,
    rows: RowOptions | None = None,
    daily: DailyRequest | str | Path | None = None,
    run: RunOptions | None = None,
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
    **flat: Unpack[FlatOptions],
) -> JobSummary:
    """Score a column of text in files of any size.

    Rows are read, scored and written window by window. An output replaces its target only when it is complete and was
    read back; any earlier error leaves the target unchanged. Finished windows are kept in a work folder next to the
    output, and the same call continues from them. Everything that can be checked is checked before the first text is
    scored.

    The model, the rows, the daily features and the run are each described by one object, or by its fields as keywords:
    `score_file(path, text_col="headline", device="cpu", limit=100, time_col="at")`.

    Args:
        source: A file in any format of docs/reference/tables.md; a folder of such files of one format, in which
            KEY=VALUE folders become columns of text; or several of these.
        text_col: The column of texts.
        output: A .parquet, .csv or .ndjson file, or a folder for parquet parts: an existing one, or a path that ends
            with a slash. Several sources are combined to one output, in order, and need equal columns. By default each
            source has its own output, NAME.scored.parquet next to it. Sources and outputs may be addresses in object
            stores: s3://BUCKET/KEY, gs://, az:// and hf://.
        model: "default", a folder, a hub id, a loaded scorer, or everything about the model; keywords: device, dtype,
            revision, labels, max_length, overflow, clean.
        rows: Which rows are scored, and towards what, how they are read and written; keywords: target_col, targets,
            columns, prefix, limit, bad_rows, csv_as_is, and for the dialect of a CSV separator, skip_rows, comment,
            encoding.
        daily: The daily features to make in the same pass; keywords: time_col (without which there are none),
            entity_col, entity_separator, calendar, weight_col, id_col, arrived_col, tz, time_format,
            time_unit, midnight, day_tz, config. A path here is their output.
        run: The resources that the job may use and what it keeps; keywords: resume, max_memory, cache, cache_bytes,
            storage, and for scoring in other processes engine, devices, address, workers, cpus_per_worker,
            gpus_per_worker.
        on_event: Called with a `RowsDone` as rows are scored, a `WindowDone` for each source of a window that is
            durably finished, and a `PhaseBegun` when scoring or finishing an output begins. The keywords on_progress,
            on_window and on_phase are callbacks for one of these each.
        should_stop: Called between windows, and about every second between the batches of one; once it returns True,
            what is done is kept and the job stops.
        flat: Fields of these objects as keywords.

    Returns:
        A summary over all outputs.

    Raises:
        InputError: A file, column or row cannot be used, or an object and a keyword set the same thing.
        OutputError: The output cannot be written, another run is writing it, or a stopped job with other inputs or
            options is in its way.
        CheckpointError: The model cannot be loaded.
        StoppedError: `should_stop` returned True.
        TypeError: A keyword does not exist.
    """
    forks.check()
    check_keywords("score_file", flat, FlatOptions.__annotations__)
    chosen, asked, allowed = scorer_of(model, flat), rows_of(rows, flat), run_of(run, flat)
    check_crew(allowed.parallel, chosen)
    days = daily_of(daily, flat, text_col=text_col, prefix=asked.prefix)
    listen = listener_of(on_event, flat)
    with staged(source, output, asked, days, allowed) as job:
        return job.shown(_score(job, text_col, chosen, allowed, job.listener(listen), should_stop or _never))


def _score(
    job: StagedJob,
    text_col: str,
    chosen: Scorer | ScorerOptions,
    allowed: RunOptions,
    listen: OnEvent,
    should_stop: Callable[[], bool],
) -> JobSummary:
    """Score files to files, and publish those of object stores."""
    paths, output, asked, days = _paths(job.source), job.output, job.rows, job.daily
    names = names_of(asked.targets, asked.target_col)
    check_cleaner(chosen.clean)
    request = JobRequest(
        text_col=text_col, rows=asked, overflow=chosen.overflow, clean=chosen.clean, daily=days, names=names
    )
    if output is None and len(paths) > 1 and days is not None and days.output is not None:
        raise InputError(
            "One file of daily features for several sources needs one output for them.",
            "Say where it goes with --output (output).",
        )
    most, text_bytes = window_limits(allowed.max_memory)
    with memory_limit(allowed.max_memory) as memory:
        watch = Watch(
            bounds=Bounds(rows=min(most, WINDOW_ROWS), text_bytes=text_bytes),
            memory=memory,
            on_event=listen,
            should_stop=should_stop,
            hurry=_nothing,
        )
        plans = [
            make_plan(files, request, output=output, between=watch.between, bounds=watch.bounds)
            for files in ([paths] if output is not None else [[path] for path in paths])
        ]
        check_targets(plans, [] if asked.targets is None else [asked.targets])
        if asked.target_col is not None:
            names.warn_of_strangers(asked.target_col, targets_of(plans, watch.between, watch.bounds), stacklevel=2)
        job.claim(plans)
        tally = Tally(plans, listen)
        summary = _run(plans, chosen, allowed, tally, watch, job)
    if tally.damage.n_rows:
        first = {name: where for plan in reversed(plans) for name, where in plan.first_damage.items()}
        warning = tally.damage.warning(asked.dialect, first, text_col=text_col, entity_col=request.entity_col)
        warnings.warn(warning, SentiscoreWarning, stacklevel=2)
    if tally.markup.is_common:
        warnings.warn(tally.markup.warning(text_col), SentiscoreWarning, stacklevel=2)
    return summary


def _run(
    plans: Sequence[Plan],
    model: Scorer | ScorerOptions,
    allowed: RunOptions,
    tally: Tally,
    watch: Watch,
    job: StagedJob,
) -> JobSummary:
    """Score the outputs one after the other, with one scorer and one store of answers, or with one crew."""
    by: Scorer | Crew | None = None
    with ExitStack() as stack:
        for number, plan in enumerate(plans):
            if number and watch.should_stop():
                raise StoppedError(
                    f"Stopped; {number:,} of {len(plans):,} outputs are in place.", "Give the rest of the inputs again."
                )
            with Journal(plan.output) as journal:
                if by is None:  # after locking the first output, so that a second run fails without waiting
                    watch.between()
                    by, watch = _begin(model, allowed, plan.request, watch, stack)
                    start = time.perf_counter()
                OutputJob(plan, by, journal, tally, watch).run(resume=allowed.resume)
                job.publish(plan)
                journal.clear()
        if by is None:
            raise RuntimeError("a job without an output")
        return tally.summary(by.facts if isinstance(by, Crew) else facts_of(by), seconds=time.perf_counter() - start)


def _begin(
    model: Scorer | ScorerOptions, allowed: RunOptions, request: JobRequest, watch: Watch, stack: ExitStack
) -> tuple[Scorer | Crew, Watch]:
    """Load the scorer with its store, or start the workers, which end with the stack."""
    if not allowed.parallel.is_here:
        crew = stack.enter_context(crew_of(allowed.parallel, model, request.names.names))
        crew.wait(watch.between)
        if request.rows.target_col is not None:
            check_reads_targets(crew.facts.checkpoint, crew.facts.max_length)
        return crew, watch
    scorer = _load(model)
    if request.rows.target_col is not None:
        check_reads_targets(scorer.checkpoint, scorer.max_length)
    if allowed.cache is not None:
        store = stack.enter_context(AnswerStore.open(allowed.cache, max_bytes=allowed.cache_bytes))
        return scorer.with_answers(store), replace(watch, hurry=store.hurry)
    return scorer, watch


def _paths(source: object) -> list[Path]:
    """The given sources, one or several.

    Raises:
        InputError: There is none, or one is given twice.
    """
    if isinstance(source, str | os.PathLike) or not_a_list(source) is not None:
        return [local_path(source)]  # type: ignore[arg-type] # refuses what is not a path
    paths = [local_path(path) for path in source]  # type: ignore[attr-defined]
    if not paths:
        raise InputError("There is no file to score.", "Name at least one.")
    if len({os.path.realpath(path) for path in paths}) < len(paths):
        raise InputError("A file is named twice.", "Name each once, or its rows would be scored twice.")
    return paths


def _load(model: Scorer | ScorerOptions) -> Scorer:
    """Load the model, unless it is loaded."""
    return model if isinstance(model, Scorer) else Scorer.from_pretrained(model)


def _never() -> bool:
    return False


def _nothing() -> None:
    """Does nothing."""
