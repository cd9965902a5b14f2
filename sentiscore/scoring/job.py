"""Files -> a file: every row once, in order, with its scores; and the daily features in the same pass."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore import labels as names
from sentiscore.checkpoint import DEFAULT
from sentiscore.engine.memory import give_back
from sentiscore.errors import InputError, OutputError
from sentiscore.features import DailyConfig, DailySums
from sentiscore.features.files import beside, default_daily
from sentiscore.features.sessions import Calendar
from sentiscore.scoring.overlap import Behind, ahead
from sentiscore.scoring.scorer import Prepared, Scorer, check_clashes, check_text_column
from sentiscore.tables import Source, check_target, open_sink, open_source, write_frame
from sentiscore.tables.source import require_column

WINDOW_ROWS: Final = 32_768

OnProgress = Callable[[int, int | None], None]


@dataclass(frozen=True, kw_only=True)
class JobSummary:
    """What a scoring job did.

    Attributes:
        outputs: The files of scored rows.
        daily: The files of daily features; none without a time column.
        rows: Rows read, and written.
        texts_scored: Texts that went through the model; equal texts of a window go once.
        statuses: Rows by status.
        n_unplaced: Rows without a time or entity, which are not in the daily features.
        seconds: Time from the first row read to the files being in place.
        model: What the user called the model.
        device: Where it computed.
        dtype: With which numbers.
        temperature: The model's temperature; None if it was never calibrated.
    """

    outputs: tuple[Path, ...]
    daily: tuple[Path, ...]
    rows: int
    texts_scored: int
    statuses: dict[str, int]
    n_unplaced: int
    seconds: float
    model: str
    device: str
    dtype: str
    temperature: float | None

    @property
    def rows_per_second(self) -> float:
        """Rows read, scored and written in a second."""
        return self.rows / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A job whose files and columns were found to be usable."""

    sources: list[Source]
    text_col: str
    output: Path
    kept: list[str]
    needed: list[str]
    placing: list[str]
    limit: int | None
    prefix: str
    sums: DailySums | None
    daily: Path | None


def default_output(source: str | Path) -> Path:
    """Where the scored rows of a file go by default: news.csv.gz -> news.scored.parquet beside it."""
    return beside(Path(source), "scored")


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
    limit: int | None = None,
    prefix: str = "",
    time_col: str | None = None,
    entity_col: str | None = None,
    calendar: Calendar = None,
    weight_col: str | None = None,
    daily: str | Path | None = None,
    tz: str | None = None,
    day_tz: str | None = None,
    config: DailyConfig | None = None,
    on_progress: OnProgress | None = None,
) -> JobSummary:
    """Score a column of text in files of any size.

    The rows are read, scored and written a window at a time. An output takes its place only when it is
    complete; whatever goes wrong before leaves the place as it was. All that can be checked is checked
    before the first text is scored.

    Args:
        source: A .csv, .tsv (also .gz), .parquet, .ndjson or .jsonl file, or several.
        text_col: The column of texts.
        output: A .parquet, .csv or .ndjson file. Several sources become one output, in order, and need equal
            columns. Without it each source has its own output, NAME.scored.parquet beside it.
        model: "default", a folder, a hub id, or a loaded scorer.
        device: Where to compute; see `Scorer.from_pretrained` for this and the next five.
        dtype: With which numbers.
        revision: Branch, tag or commit of a hub id.
        labels: Label names in the order of the model's ids.
        max_length: Tokens of a text that are read.
        overflow: What is done with a longer text, "truncate" or "windows".
        columns: Columns of the source to keep in the output; all by default.
        limit: Score only so many rows from the beginning of each output.
        prefix: Put before the name of each added column.
        time_col: When each text appeared; with it daily features are written too.
        entity_col: The series each text belongs to.
        calendar: The sessions of the daily features; see `sentiscore.features.daily`.
        weight_col: How much each text counts in them: a column of the source, or one that scoring adds.
        daily: Where the daily features go; by default NAME.daily.parquet beside a source.
        tz: The zone of times that carry none.
        day_tz: The zone whose midnight ends a day; by default `tz`, or UTC where there is none.
        config: Everything else about the daily features.
        on_progress: Called with the rows done and the rows there are, as far as is known.

    Returns:
        What was done, over all outputs.

    Raises:
        InputError: A file or column cannot be used.
        OutputError: The output cannot be written.
        CheckpointError: The model cannot be loaded.
    """
    paths = [source] if isinstance(source, str | Path) else list(source)
    if not paths:
        raise InputError("There is no file to score.", "Name at least one.")
    if output is None and daily is not None and len(paths) > 1:
        raise InputError(
            "One file of daily features for several sources needs one output for them.",
            "Say where it goes with --output (output).",
        )
    jobs = [paths] if output is not None else [[path] for path in paths]
    plans = [
        _prepare(
            job,
            text_col=text_col,
            output=output,
            columns=columns,
            limit=limit,
            prefix=prefix,
            overflow=overflow,
            time_col=time_col,
            entity_col=entity_col,
            calendar=calendar,
            weight_col=weight_col,
            daily=daily,
            tz=tz,
            day_tz=day_tz,
            config=config,
        )
        for job in jobs
    ]
    _check_places(plans)
    if not isinstance(model, Scorer):
        model = Scorer.from_pretrained(
            model,
            device=device,
            dtype=dtype,
            revision=revision,
            labels=labels,
            max_length=max_length,
            overflow=overflow,
        )
    import sentiscore.schemas  # noqa: F401 - takes a second, which is not the speed of scoring

    start = time.perf_counter()
    counter = _Counter(plans, on_progress)
    for plan in plans:
        _run(plan, model, counter)
    return JobSummary(
        outputs=tuple(plan.output for plan in plans),
        daily=tuple(plan.daily for plan in plans if plan.daily is not None),
        rows=counter.rows,
        texts_scored=counter.texts_scored,
        statuses={status: counter.statuses[status] for status in names.STATUSES},
        n_unplaced=sum(plan.sums.n_unplaced for plan in plans if plan.sums is not None),
        seconds=time.perf_counter() - start,
        model=model.checkpoint.name,
        device=model.device,
        dtype=model.dtype,
        temperature=model.checkpoint.temperature,
    )


def _prepare(
    paths: Sequence[str | Path],
    *,
    text_col: str,
    output: str | Path | None,
    columns: Sequence[str] | None,
    limit: int | None,
    prefix: str,
    overflow: str,
    time_col: str | None,
    entity_col: str | None,
    calendar: Calendar,
    weight_col: str | None,
    daily: str | Path | None,
    tz: str | None,
    day_tz: str | None,
    config: DailyConfig | None,
) -> _Plan:
    """Check everything about a job that can be checked without a model."""
    sources = [open_source(path) for path in paths]
    schema = _common_schema(sources)
    where = str(sources[0].path)
    check_text_column(schema, text_col, where)
    for column in columns or ():
        require_column(schema, column, where, "--columns (columns)")
    if limit is not None and limit < 0:
        raise InputError(f"The limit is {limit}.", "It is a number of rows, 0 or more.")
    kept = list(dict.fromkeys(columns)) if columns is not None else list(schema)
    if not kept:
        raise InputError("No column is left to keep in the output.", "Name at least one with --columns (columns).")
    added = [prefix + name for name in names.score_columns(names.CLASSES, overflow)]
    weights = [] if weight_col is None or (weight_col in added and weight_col not in schema) else [weight_col]
    placing = [name for name in (time_col, entity_col) if name is not None]
    if time_col is not None:  # the texts are needed to tell equal ones
        placing += [*weights, text_col]
    check_clashes([*kept, *placing], names.score_columns(names.CLASSES, overflow), prefix, where)
    needed = list(dict.fromkeys([*kept, text_col, *placing]))
    target = check_target(
        output if output is not None else default_output(paths[0]),
        pl.Schema({name: schema[name] for name in kept}),
    )
    sums = None
    days = None
    if time_col is not None:
        sums = DailySums(
            time_col=time_col,
            entity_col=entity_col,
            calendar=calendar,
            text_col=text_col,
            weight_col=weight_col,
            tz=tz,
            day_tz=day_tz,
            prefix=prefix,
            config=config,
        )
        sums.check_schema(pl.Schema(dict.fromkeys(added, pl.Float32()) | dict(schema)))
        default = default_daily(paths[0]) if output is None else default_daily(output)
        days = check_target(daily if daily is not None else default, pl.Schema())
        if schema[time_col] == pl.String:  # other types say that every time can be read
            for window in _windows(sources, [time_col], limit):  # now, and not after hours of scoring
                sums.check_times(window)
    elif entity_col or daily or calendar is not None or weight_col or config is not None:
        raise InputError("Daily features need a time column.", "Name it with --time-col (time_col).")
    return _Plan(
        sources=sources,
        text_col=text_col,
        output=target,
        kept=kept,
        needed=needed,
        placing=list(dict.fromkeys(placing)),
        limit=limit,
        prefix=prefix,
        sums=sums,
        daily=days,
    )


def _run(plan: _Plan, scorer: Scorer, counter: "_Counter") -> None:
    """Score one output's rows, window by window, and put its files in place.

    Four steps run at the same time, each on another window: reading, encoding, computing, and writing.
    """
    before = counter.rows
    with open_sink(plan.output) as sink:

        def write(done: tuple[pl.DataFrame, Prepared, npt.NDArray[np.float32]]) -> tuple[pl.Series, int]:
            window, prepared, logits = done
            scores = scorer.finish(prepared, logits)
            named = scores.rename({name: plan.prefix + name for name in scores.columns}).get_columns()
            if plan.sums is not None:
                plan.sums.add(window[plan.placing].hstack(named))
            sink.write(window[plan.kept].hstack(named))
            give_back()
            return scores[names.STATUS], prepared.n_scored

        windows = ahead(_windows(plan.sources, plan.needed, plan.limit))
        encoded = ahead(_encoded(windows, plan.text_col, scorer))
        with closing(encoded), Behind(write, lambda done: counter.written(*done)) as writing:
            for window, prepared in encoded:
                writing.give((window, prepared, scorer.compute(prepared, counter.more)))
                counter.computed(window.height)
        if sink.rows != counter.rows - before:
            raise OutputError(
                f"{counter.rows - before} rows were read, but {sink.rows} written.", "Please report this."
            )
        if plan.sums is not None and plan.daily is not None:  # first, so that a failure leaves both as they were
            write_frame(plan.sums.finish(), plan.daily)


def _encoded(windows: Iterator[pl.DataFrame], text_col: str, scorer: Scorer) -> Iterator[tuple[pl.DataFrame, Prepared]]:
    """Each window, and its texts encoded."""
    for window in windows:
        prepared = scorer.prepare(window[text_col])
        give_back()
        yield window, prepared


def _common_schema(sources: Sequence[Source]) -> pl.Schema:
    first = sources[0]
    for other in sources[1:]:
        if other.schema != first.schema:
            differing = sorted(
                {name for name, _ in set(first.schema.items()).symmetric_difference(set(other.schema.items()))}
            ) or ["their order"]
            raise InputError(
                f"{first.path} and {other.path} differ in their columns: {', '.join(differing)}.",
                "Files that are taken as one table need the same columns; score them one by one otherwise.",
            )
    return first.schema


def _check_places(plans: Sequence[_Plan]) -> None:
    """No output may be a source or another output."""
    taken = {source.path.resolve() for plan in plans for source in plan.sources}
    for plan in plans:
        for path in (plan.output, plan.daily):
            if path is not None and path.resolve() in taken:
                raise OutputError(
                    f"{path} is read from, or written to, elsewhere in this job.",
                    "Choose another place with --output or --daily.",
                )
            if path is not None:
                taken.add(path.resolve())


def _windows(sources: Sequence[Source], columns: Sequence[str], limit: int | None) -> Iterator[pl.DataFrame]:
    """The rows of all sources in order, up to the limit; one empty window if there are none."""
    left = limit
    seen = False
    for source in sources:
        if left == 0:
            break
        for window in source.windows(WINDOW_ROWS if left is None else min(left, WINDOW_ROWS), columns):
            cut = window if left is None else window.head(left)
            seen = True
            yield cut
            if left is not None:
                left -= cut.height
                if left == 0:
                    break
    if not seen:
        yield pl.DataFrame(schema={name: sources[0].schema[name] for name in columns})


class _Counter:
    """What was done so far, told to whoever wants to know."""

    def __init__(self, plans: Sequence[_Plan], on_progress: OnProgress | None) -> None:
        self.rows = 0
        self.texts_scored = 0
        self.statuses: Counter[str] = Counter()
        self._before = self._in_window = 0
        self._on_progress = on_progress
        self._total = _total_rows(plans) if on_progress is not None else None

    def more(self, rows: int) -> None:
        """Rows of the window in hand that are computed."""
        self._in_window += rows
        self._tell()

    def computed(self, rows: int) -> None:
        """A window is computed."""
        self._before += rows
        self._in_window = 0
        self._tell()

    def written(self, statuses: pl.Series, texts_scored: int) -> None:
        """A window is written."""
        self.rows += statuses.len()
        self.statuses.update(statuses.to_list())
        self.texts_scored += texts_scored

    def _tell(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self._before + self._in_window, self._total)


def _total_rows(plans: Sequence[_Plan]) -> int | None:
    """About how many rows there are; None where that cannot be told."""
    total = 0
    for plan in plans:
        rows = [source.estimate_rows() for source in plan.sources]
        if None in rows and plan.limit is None:
            return None
        known = sum(n for n in rows if n is not None)
        total += known if plan.limit is None else min(plan.limit, known if None not in rows else plan.limit)
    return total
