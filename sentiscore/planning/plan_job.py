"""Plans a scoring job: how long it takes, what bounds it, and what it holds, from a sample of its input."""

import csv
import os
import tempfile
import time
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from sentiscore import forks
from sentiscore import labels as names
from sentiscore.checkpoint import DEFAULT
from sentiscore.errors import InputError
from sentiscore.local import local_path
from sentiscore.planning.estimate import Who, estimate
from sentiscore.planning.excerpts import Excerpt, Excerpts, input_files, take_excerpts
from sentiscore.planning.job_plan import JobPlan
from sentiscore.planning.measuring import Measuring, held_now
from sentiscore.scoring.job import WINDOW_ROWS
from sentiscore.scoring.options import RowOptions, ScorerOptions
from sentiscore.scoring.planned import JobRequest
from sentiscore.scoring.scored_columns import check_inputs
from sentiscore.scoring.scorer import Scorer
from sentiscore.tables import Source, open_source
from sentiscore.tables.dialect import CsvDialect
from sentiscore.tables.problems import broken

SECONDS: Final = 8.0
_PREFIX: Final = "sentiscore plan: "
"""No column of an input begins with this, so that added columns never clash; a job gets its own prefix."""

_TEXT_COL: Final = "--text-col (text_col)"
WORKERS: Final = (1, 2, 4, 8, 16, 32, 64)


def plan_job(
    source: str | Path | Sequence[str | Path],
    *,
    text_col: str,
    model: str | Path | Scorer | ScorerOptions = DEFAULT,
    dialect: CsvDialect | None = None,
    seconds: float = SECONDS,
    workers: Sequence[int] = WORKERS,
    cpus_per_worker: int = 1,
) -> JobPlan:
    """Measure a sample of a scoring job for a few seconds, and compute what all of it takes.

    Rows from several positions of the input are copied to a temporary folder. Each stage of a job runs on them as
    `score_file` runs it, and is timed alone; the model runs on texts of all lengths that occur. Nothing is written next
    to the input. The machine should be as busy as it will be for the job.

    What is not measured: time columns and daily features, other formats than parquet for the output, the start of
    Python, the start of workers, and the network between them and the driver. A CSV is not checked beyond the sample.

    Args:
        source: A file, a folder of files of one format, or several of these; see `score_file`.
        text_col: The column of texts.
        model: "default", a folder, a hub id, a loaded scorer, or everything about the model.
        dialect: How a CSV source is written.
        seconds: About how long to run the model. The other stages take as long again at most, or one window of rows.
        workers: Numbers of workers to compute the time of the job for. They have a GPU each if the model runs on a GPU,
            and cores like those of this machine.
        cpus_per_worker: The cores of each worker.

    Returns:
        The plan.

    Raises:
        InputError: A file or column cannot be used, or a number is out of range.
        CheckpointError: The model cannot be loaded.
    """
    forks.check()
    _check(seconds, workers, cpus_per_worker)
    paths = _paths(source)
    dialect = CsvDialect() if dialect is None else dialect
    overflow = model.overflow if isinstance(model, Scorer | ScorerOptions) else names.TRUNCATE
    request = JobRequest(text_col=text_col, rows=RowOptions(dialect=dialect, prefix=_PREFIX), overflow=overflow)
    with tempfile.TemporaryDirectory(prefix="sentiscore-plan-") as temporary:
        folder = Path(temporary)
        excerpts = _excerpts(paths, folder, request)
        before = held_now()
        begun = time.perf_counter()
        scorer = model if isinstance(model, Scorer) else Scorer.from_pretrained(model)
        start = time.perf_counter() - begun
        measured = Measuring(request, scorer, folder, seconds).measure(excerpts, start=start, before=before)
    return estimate(measured, Who(scorer.checkpoint.name, scorer.device, scorer.dtype), workers, cpus_per_worker)


def _check(seconds: float, workers: Sequence[int], cpus_per_worker: int) -> None:
    if not 0 < seconds < float("inf"):
        raise InputError(f"The model cannot be measured for {seconds} seconds.", "Give --seconds (seconds) above 0.")
    if any(n < 1 for n in workers):
        raise InputError(f"There cannot be {min(workers)} workers.", "Name numbers from 1 on with --workers (workers).")
    if cpus_per_worker < 1:
        raise InputError(
            f"A worker cannot have {cpus_per_worker} cores.",
            "Give it 1 or more with --cpus-per-worker (cpus_per_worker).",
        )


def _paths(source: str | Path | Sequence[str | Path]) -> list[Path]:
    paths = [local_path(path) for path in ([source] if isinstance(source, str | os.PathLike) else source)]
    if not paths:
        raise InputError("There is no file to plan for.", "Name at least one.")
    return paths


def _excerpts(paths: Sequence[Path], folder: Path, request: JobRequest) -> Excerpts:
    """Take excerpts, and check them as a job checks its input.

    Raises:
        InputError: As the job would raise it, with the path and the line in the input.
    """
    dialect = request.rows.dialect
    try:
        found = take_excerpts(input_files(paths, dialect), folder, WINDOW_ROWS, dialect)
        first_rows = sum(_checked_rows(one, request) for one in found.each[:1])
        kept = tuple(one for i, one in enumerate(found.each) if not i or found.by_rows or _is_table(one, request))
    except (InputError, OSError, EOFError, zlib.error, csv.Error) as error:
        for path in paths:
            open_source(path, dialect).require(request.text_col, _TEXT_COL)
        if isinstance(error, InputError):
            raise
        raise broken(paths[0], error) from error
    if found.whole and not first_rows:
        for path in paths:
            open_source(path, dialect).require(request.text_col, _TEXT_COL)
        raise InputError(
            f"{paths[0] if len(paths) == 1 else 'The input'} has no rows, so there is nothing to measure.",
            "Name an input that has at least one.",
        )
    if not kept:
        raise InputError(f"{paths[0]} has no whole row where it was looked at.", "Score it without a plan.")
    return replace(found, each=kept)


def _is_table(excerpt: Excerpt, request: JobRequest) -> bool:
    """Whether rows from the middle of a CSV or ndjson are rows; a line may be in the middle of a text."""
    try:
        _checked_rows(excerpt, request)
    except InputError:
        return False
    return True


def _checked_rows(excerpt: Excerpt, request: JobRequest) -> int:
    """Check the columns, with the input's path in messages; returns the number of rows."""
    rows = 0
    for path, original in zip(excerpt.paths, excerpt.originals, strict=True):
        source = _named(open_source(path, request.rows.dialect), original).as_text([request.text_col])
        source.require(request.text_col, _TEXT_COL)
        check_inputs(source.schema, request.text_col, None, str(original))
        rows += source.rows
    return rows


def _named(source: Source, original: Path) -> Source:
    """The same table under the path that it was copied from."""
    if len(source.parts) == 1 and original.is_file():
        return replace(source, path=original, parts=(replace(source.parts[0], path=original),))
    return replace(source, path=original)
