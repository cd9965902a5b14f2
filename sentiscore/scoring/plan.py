"""Plans a job, and checks it as far as possible without a model."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from sentiscore import labels as names
from sentiscore.disk.paths import real
from sentiscore.errors import InputError, OutputError
from sentiscore.features import DailySums
from sentiscore.nightly.daily_file import default_daily, sibling_path
from sentiscore.scoring.bad_rows import bad_before_scoring, check_columns
from sentiscore.scoring.cleaning import cleaned
from sentiscore.scoring.job_windows import Bounds, Window, windows_of
from sentiscore.scoring.planned import JobRequest, Plan
from sentiscore.scoring.scored_columns import check_clashes, check_inputs
from sentiscore.tables import Source, check_target, is_folder_target, open_source
from sentiscore.tables.exact import series_of

Between = Callable[[], None]


def default_output(source: str | Path) -> Path:
    """The default output for the scored rows of a file: news.csv.gz -> news.scored.parquet next to it."""
    return sibling_path(Path(source), "scored")


def make_plan(
    paths: Sequence[str | Path],
    request: JobRequest,
    *,
    output: str | Path | None,
    between: Between,
    bounds: Bounds,
) -> Plan:
    """Check everything about a job that can be checked without a model.

    Args:
        paths: The sources, which become one output.
        request: The options of the job.
        output: The target of the scored rows; by default next to the first source.
        between: Called now and then while rows are checked; may raise.
        bounds: How much to hold at once.

    Raises:
        InputError: A file, column or row cannot be used.
        OutputError: A target cannot be written to.
    """
    rows = request.rows
    sources = _open(paths, request)
    schema = _common_schema(sources)
    where = str(sources[0].path)
    sources[0].require(request.text_col, "--text-col (text_col)")
    if rows.target_col is not None:
        sources[0].require(rows.target_col, "--target-col (target_col)")
    check_inputs(schema, request.text_col, rows.target_col, where)
    for column in rows.columns or ():
        sources[0].require(column, "--columns (columns)")
    kept = list(dict.fromkeys(rows.columns)) if rows.columns is not None else list(schema)
    if not kept:
        raise InputError("No column is left to keep in the output.", "Name at least one with --columns (columns).")
    placing = _placing(request, schema)
    added = names.score_columns(names.CLASSES, request.overflow)
    check_clashes([*kept, *placing], added, rows.prefix, where)
    folder = output is not None and is_folder_target(output)
    target = check_target(
        output if output is not None else default_output(paths[0]),
        pl.Schema({name: schema[name] for name in kept}),
        folder=folder,
    )
    rejects = None
    if rows.bad_rows == names.DROP:
        check_columns(kept, where)
        suffix = ".parquet" if folder else target.suffix
        rejects = check_target(sibling_path(target, "rejected").with_suffix(suffix), pl.Schema(), folder=False)
    sums = days = None
    if request.daily is not None:
        sums = _sums(request, schema, sources[0])
        default = default_daily(paths[0]) if output is None else default_daily(target)
        daily_target = default if request.daily.output is None else request.daily.output
        days = check_target(daily_target, pl.Schema(), folder=False)
    plan = Plan(
        request=request,
        sources=sources,
        output=target,
        folder=folder,
        kept=kept,
        needed=list(dict.fromkeys([*kept, *request.read_cols, *placing])),
        placing=placing,
        rejects=rejects,
        sums=sums,
        daily=days,
    )
    _look_at_rows(plan, schema, between, bounds)
    return plan


def _open(paths: Sequence[str | Path], request: JobRequest) -> list[Source]:
    """Open the sources, with times that can be read whatever their offset."""
    time = request.time_col
    return [
        open_source(path, request.rows.dialect)
        .as_text([*request.read_cols, time, request.entity_col])
        .with_offsets(time=time)  # for all columns, since any can be the time column later
        for path in paths
    ]


def check_targets(plans: Sequence[Plan], others: Sequence[str | Path] = ()) -> None:
    """Raise an OutputError if an output equals, contains or is inside a source, another output or another file."""
    taken = {real(source.path) for plan in plans for source in plan.sources} | {real(Path(path)) for path in others}
    above = {folder for real_path in taken for folder in real_path.parents}
    for plan in plans:
        for path in plan.targets:
            real_path = real(path)
            if real_path in taken or real_path in above or not taken.isdisjoint(real_path.parents):
                raise OutputError(
                    f"{path} is read from, or written to, elsewhere in this job.",
                    "Choose another place with --output or --daily.",
                )
            taken.add(real_path)
            above.update(real_path.parents)


def targets_of(plans: Sequence[Plan], between: Between, bounds: Bounds) -> Iterator[pl.Series]:
    """Read the targets of the rows of some jobs, piece by piece; nothing if they have none.

    Args:
        plans: The jobs.
        between: Called before each piece; may raise.
        bounds: How much to hold at once.
    """
    for plan in plans:
        if (column := plan.request.rows.target_col) is not None:
            for window in windows_of(plan, lambda _: bounds.rows, [column], n_bytes=bounds.text_bytes):
                between()
                yield series_of(window.rows, column)


def _placing(request: JobRequest, schema: pl.Schema) -> list[str]:
    """The columns of the sources that daily features need."""
    daily = request.daily
    if daily is None:
        return []
    weight = daily.weight_col
    weights = [] if weight is None or (weight in request.added and weight not in schema) else [weight]
    others = [name for name in (daily.entity_col, daily.id_col, daily.arrived_col) if name is not None]
    return list(dict.fromkeys([daily.time_col, *others, *weights, request.text_col]))  # texts identify repeats


def _sums(request: JobRequest, schema: pl.Schema, source: Source) -> DailySums:
    sums = DailySums(request.daily)
    sums.check_source(source, pl.Schema(dict.fromkeys(request.added, pl.Float32()) | dict(schema)))
    return sums


def _look_at_rows(plan: Plan, schema: pl.Schema, between: Between, bounds: Bounds) -> None:
    """Find what would stop the job after hours of scoring: unreadable times, and bad rows that are not allowed."""
    request = plan.request

    def windows(columns: Sequence[str]) -> Iterator[Window]:
        for window in windows_of(plan, lambda _: bounds.rows, columns, n_bytes=bounds.text_bytes):
            between()
            yield window

    if plan.sums is not None and request.time_col is not None:
        every = (window.rows for window in windows([request.time_col]))
        plan.sums.settle(every)  # reads all rows if it has to decide
        if not isinstance(schema[request.time_col], pl.Datetime | pl.Date):  # these times are always readable
            for rows in every:
                plan.sums.check_times(rows)
        if (arrived := plan.sums.columns.arrived) is not None:
            for window in windows([arrived]):
                plan.sums.check_times(window.rows)
    if request.rows.bad_rows == names.FAIL:
        looked = (
            (
                plan.sources[span.source].path,
                span.position,
                span.of(cleaned(series_of(one.rows, request.text_col), request.clean)),
                span.of(one.undecodable(request.text_col)),
            )
            for one in windows([request.text_col])
            for span in one.spans
        )
        bad_before_scoring(looked).refuse()


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
