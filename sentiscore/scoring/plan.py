"""What a job will do, checked as far as it can be without a model."""

import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from sentiscore import labels as names
from sentiscore.disk.paths import real
from sentiscore.errors import InputError, OutputError
from sentiscore.features import DailyConfig, DailySums
from sentiscore.features.daily import Settings
from sentiscore.features.sessions import Calendar
from sentiscore.nightly.daily_file import beside, default_daily
from sentiscore.scoring.bad_rows import bad_before_scoring, check_columns
from sentiscore.scoring.scorer import check_clashes, check_text_column
from sentiscore.tables import Source, check_target, is_folder_target, open_source
from sentiscore.tables.dialect import CsvDialect
from sentiscore.tables.exact import series_of
from sentiscore.tables.windows import Piece, rechunk

DAMAGED: Final = "sentiscore: damaged"
"""The column that lists for each row of a window which of its columns hold bytes that are not text."""

_NEEDS_TIMES: Final = (
    *("entity_col", "entity_separator", "calendar", "weight_col", "id_col", "config"),
    *("tz", "time_format", "time_unit", "midnight", "day_tz"),
)
"""Options that say nothing without a time column."""

Between = Callable[[], None]


@dataclass(frozen=True)
class Bounds:
    """How much is held at once.

    Attributes:
        rows: The most rows of a window.
        text_bytes: The most bytes of its texts.
    """

    rows: int
    text_bytes: int


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was asked for, beside the files and the model; see `sentiscore.score_file`."""

    text_col: str
    columns: Sequence[str] | None = None
    limit: int | None = None
    prefix: str = ""
    overflow: str = names.TRUNCATE
    bad_rows: str = names.KEEP
    csv_as_is: bool = False
    time_col: str | None = None
    entity_col: str | None = None
    entity_separator: str | None = None
    calendar: Calendar = None
    weight_col: str | None = None
    id_col: str | None = None
    tz: str | None = None
    time_format: str | None = None
    time_unit: str | None = None
    midnight: str | None = None
    day_tz: str | None = None
    config: DailyConfig | None = None
    csv: CsvDialect = field(default_factory=CsvDialect)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A job whose files and columns were found to be usable.

    Attributes:
        options: What was asked for.
        sources: The files of rows, in order.
        output: The place of the scored rows.
        folder: Whether that is a folder of parts.
        kept: The columns of the sources that are kept in the output.
        needed: Those that are read.
        placing: Those that daily features need.
        rejects: The place of rows that are set aside; None where none are.
        sums: What daily features are made of; None where there are none.
        daily: Their place.
    """

    options: Options
    sources: list[Source]
    output: Path
    folder: bool
    kept: list[str]
    needed: list[str]
    placing: list[str]
    rejects: Path | None
    sums: DailySums | None
    daily: Path | None

    @property
    def csv_options(self) -> dict[str, Any]:
        """How its files are written, by the names of the options; nothing where none of them is a CSV."""
        return self.options.csv.to_dict() if any(source.csv is not None for source in self.sources) else {}

    @property
    def n_comments(self) -> int:
        """Lines of its CSV files that were skipped as comments."""
        return sum(part.csv.comments for source in self.sources for part in source.parts if part.csv is not None)

    @property
    def first_damage(self) -> dict[str, str]:
        """Where the first bytes are, by column, that are not of the encoding of a CSV."""
        looks = [(part.path.name, part.csv) for source in self.sources for part in source.parts if part.csv is not None]
        found: dict[str, str] = {}
        for file, look in looks:
            found = {name: f"line {line:,} of {file}" for name, line in look.damaged.items()} | found
        return found

    @property
    def places(self) -> list[Path]:
        """Everything that is written."""
        return [path for path in (self.output, self.rejects, self.daily) if path is not None]


@dataclass(frozen=True)
class Span:
    """The rows of a window that are of one source.

    Attributes:
        source: The source, as a number from 0.
        position: How many rows of it come before them.
        offset: How many rows of the window come before them.
        rows: How many they are.
    """

    source: int
    position: int
    offset: int
    rows: int

    def of(self, values: pl.Series) -> pl.Series:
        """Its part of what there is of every row of the window."""
        return values.slice(self.offset, self.rows)


@dataclass(frozen=True)
class Window:
    """Rows that are held at once, of one source or of several that follow each other.

    Attributes:
        position: How many rows of all sources come before them.
        spans: Which of them are of which source, in order; one of no rows if there are none.
        rows: The columns that are needed, without the next.
        damaged: For each row the columns that hold bytes which are not text, shape (rows,).
    """

    position: int
    spans: list[Span]
    rows: pl.DataFrame
    damaged: pl.Series

    def origins(self, sources: Sequence[Source]) -> tuple[pl.Series, pl.Series]:
        """For each row the file that it comes from, and its number there, from 1; each of shape (rows,)."""
        counts = [span.rows for span in self.spans]
        files = np.repeat(np.array([sources[span.source].path.name for span in self.spans], dtype=object), counts)
        before = np.repeat([span.position - span.offset for span in self.spans], counts)
        return pl.Series(files, dtype=pl.String), pl.Series(before + np.arange(1, before.size + 1), dtype=pl.Int64)

    def undecodable(self, text_col: str) -> pl.Series:
        """Which rows have a text that is damaged, shape (rows,)."""
        return self.damaged.list.contains(text_col)


def default_output(source: str | Path) -> Path:
    """Where the scored rows of a file go by default: news.csv.gz -> news.scored.parquet beside it."""
    return beside(Path(source), "scored")


def make_plan(
    paths: Sequence[str | Path],
    options: Options,
    *,
    output: str | Path | None,
    daily: str | Path | None,
    between: Between,
    bounds: Bounds,
) -> Plan:
    """Check everything about a job that can be checked without a model.

    Args:
        paths: The files of rows, which become one output.
        options: What was asked for.
        output: The place of the scored rows; by default beside the first file.
        daily: That of the daily features; by default beside the first file, or the output.
        between: Called now and then while rows are looked at; may raise.
        bounds: How much is held at once.

    Raises:
        InputError: A file, column or row cannot be used.
        OutputError: A place cannot be written to.
    """
    if options.bad_rows not in names.BAD_ROWS:
        raise InputError(f"There is no bad_rows {options.bad_rows!r}.", f"Use {', '.join(names.BAD_ROWS)}.")
    if options.overflow not in names.OVERFLOWS:
        raise InputError(f"There is no overflow {options.overflow!r}.", f"Use {' or '.join(names.OVERFLOWS)}.")
    if isinstance(options.columns, str):
        raise InputError(f"The columns are one text, {options.columns!r}.", "Put their names in a list.")
    if options.limit is not None and options.limit < 0:
        raise InputError(f"The limit is {options.limit}.", "It is a number of rows, 0 or more.")
    sources = [
        open_source(path, options.csv)
        .as_text([options.text_col, options.time_col, options.entity_col])
        .with_offsets(time=options.time_col)  # of all columns, as any can be the time column later
        for path in paths
    ]
    schema = _common_schema(sources)
    where = str(sources[0].path)
    sources[0].require(options.text_col, "--text-col (text_col)")
    check_text_column(schema, options.text_col, where)
    for column in options.columns or ():
        sources[0].require(column, "--columns (columns)")
    kept = list(dict.fromkeys(options.columns)) if options.columns is not None else list(schema)
    if not kept:
        raise InputError("No column is left to keep in the output.", "Name at least one with --columns (columns).")
    placing = _placing(options, schema)
    check_clashes([*kept, *placing], names.score_columns(names.CLASSES, options.overflow), options.prefix, where)
    folder = output is not None and is_folder_target(output)
    target = check_target(
        output if output is not None else default_output(paths[0]),
        pl.Schema({name: schema[name] for name in kept}),
        folder=folder,
    )
    rejects = None
    if options.bad_rows == names.DROP:
        check_columns(kept, where)
        suffix = ".parquet" if folder else target.suffix
        rejects = check_target(beside(target, "rejected").with_suffix(suffix), pl.Schema(), folder=False)
    sums = days = None
    if options.time_col is not None:
        sums = _sums(options, schema, sources[0])
        default = default_daily(paths[0]) if output is None else default_daily(target)
        days = check_target(daily if daily is not None else default, pl.Schema(), folder=False)
    elif daily or any(getattr(options, name) is not None for name in _NEEDS_TIMES):
        raise InputError("Daily features need a time column.", "Name it with --time-col (time_col).")
    plan = Plan(
        options=options,
        sources=sources,
        output=target,
        folder=folder,
        kept=kept,
        needed=list(dict.fromkeys([*kept, options.text_col, *placing])),
        placing=placing,
        rejects=rejects,
        sums=sums,
        daily=days,
    )
    _look_at_rows(plan, schema, between, bounds)
    return plan


def check_places(plans: Sequence[Plan]) -> None:
    """Raise an OutputError if an output is, holds or lies in a source or another output."""
    taken = {real(source.path) for plan in plans for source in plan.sources}
    above = {folder for place in taken for folder in place.parents}
    for plan in plans:
        for path in plan.places:
            place = real(path)
            if place in taken or place in above or not taken.isdisjoint(place.parents):
                raise OutputError(
                    f"{path} is read from, or written to, elsewhere in this job.",
                    "Choose another place with --output or --daily.",
                )
            taken.add(place)
            above.update(place.parents)


def windows_of(
    plan: Plan, room: Callable[[int], int], columns: Sequence[str] | None = None, *, n_bytes: int
) -> Iterator[Window]:
    """The rows of all sources in order, up to the limit; one empty window if there are none.

    A window goes on from one source to the next, so that many small files take no longer than one large file.

    Args:
        plan: The job.
        room: Asked for the most rows of a window, given how many rows of all sources come before it.
        columns: The columns to read, by default those that are needed.
        n_bytes: The most bytes of text of a window.
    """
    chosen = plan.needed if columns is None else list(columns)
    limit = plan.options.limit
    starts = [0, *itertools.accumulate(source.rows for source in plan.sources)]

    def pieces() -> Iterator[Piece]:
        for source, start in zip(plan.sources, starts, strict=False):
            if limit is None or start < limit:
                yield from source.pieces(chosen, damaged=DAMAGED)

    def most(at: int) -> int:
        return room(at) if limit is None else max(1, min(room(at), limit - at))

    position = 0
    for found in rechunk(pieces(), most, n_bytes):
        frame = found if limit is None else found.head(limit - position)
        spans = _spans(starts, position, frame.height)
        yield Window(position, spans, frame.drop(DAMAGED), frame[DAMAGED])
        position += frame.height
        if position == limit:
            break
    if position == 0:
        empty = pl.DataFrame(schema={name: plan.sources[0].schema[name] for name in chosen})
        yield Window(0, [Span(0, 0, 0, 0)], empty, pl.Series(DAMAGED, [], dtype=pl.List(pl.String)))


def _spans(starts: Sequence[int], position: int, rows: int) -> list[Span]:
    """The sources of some rows.

    Args:
        starts: How many rows of all sources come before each source, and how many there are.
        position: How many come before the rows.
        rows: How many they are.
    """
    spans: list[Span] = []
    end = position + rows
    number = bisect_right(starts, position) - 1
    while number < len(starts) - 1 and starts[number] < end:
        first, last = max(position, starts[number]), min(end, starts[number + 1])
        if first < last:
            spans.append(Span(number, first - starts[number], first - position, last - first))
        number += 1
    return spans


def _placing(options: Options, schema: pl.Schema) -> list[str]:
    """The columns of the sources that daily features need."""
    if options.time_col is None:
        return []
    added = [options.prefix + name for name in names.score_columns(names.CLASSES, options.overflow)]
    weight = options.weight_col
    weights = [] if weight is None or (weight in added and weight not in schema) else [weight]
    others = [name for name in (options.entity_col, options.id_col) if name is not None]
    return list(dict.fromkeys([options.time_col, *others, *weights, options.text_col]))  # texts tell equal ones


def daily_settings(options: Options) -> Settings:
    """What was asked of the daily features."""
    return Settings(
        time_col=options.time_col or "",
        entity_col=options.entity_col,
        entity_separator=options.entity_separator,
        calendar=options.calendar,
        text_col=options.text_col,
        weight_col=options.weight_col,
        id_col=options.id_col,
        tz=options.tz,
        time_format=options.time_format,
        time_unit=options.time_unit,
        midnight=options.midnight,
        day_tz=options.day_tz,
        prefix=options.prefix,
        config=options.config,
    )


def _sums(options: Options, schema: pl.Schema, source: Source) -> DailySums:
    sums = DailySums(**daily_settings(options))
    added = [options.prefix + name for name in names.score_columns(names.CLASSES, options.overflow)]
    sums.check_source(source, pl.Schema(dict.fromkeys(added, pl.Float32()) | dict(schema)))
    return sums


def _look_at_rows(plan: Plan, schema: pl.Schema, between: Between, bounds: Bounds) -> None:
    """Find what would stop the job after hours of scoring: times that cannot be read, and bad rows that may not be."""
    options = plan.options

    def windows(columns: Sequence[str]) -> Iterator[Window]:
        for window in windows_of(plan, lambda _: bounds.rows, columns, n_bytes=bounds.text_bytes):
            between()
            yield window

    if plan.sums is not None and options.time_col is not None:
        every = (window.rows for window in windows([options.time_col]))
        plan.sums.settle(every)  # which reads all of them where it has to decide
        if not isinstance(schema[options.time_col], pl.Datetime | pl.Date):  # whose times can all be read
            for rows in every:
                plan.sums.check_times(rows)
    if options.bad_rows == names.FAIL:
        looked = (
            (
                plan.sources[span.source].path,
                span.position,
                span.of(series_of(one.rows, options.text_col)),
                span.of(one.undecodable(options.text_col)),
            )
            for one in windows([options.text_col])
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
