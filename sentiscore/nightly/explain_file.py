"""Files of daily features and of scored rows -> the texts that a day's value is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from sentiscore.errors import InputError, OutputError
from sentiscore.features.config import DailyConfig
from sentiscore.features.explain import ExplainedDay
from sentiscore.features.request import DailyKeywords, DailyRequest
from sentiscore.features.sessions import Calendar
from sentiscore.nightly.daily_file import open_scored
from sentiscore.tables import check_target, open_sink, open_source, read_table
from sentiscore.tables.dialect import CsvDialect
from sentiscore.tables.provenance import DAILY_FEATURES, read_provenance

_WINDOW_ROWS: Final = 262_144
_REMAKE: Final = "Make the file again with sentiscore features, which writes its options down; or use features.explain."


@dataclass(frozen=True)
class ExplainedValue:
    """A value of daily features and the texts that it is made of.

    Attributes:
        entity: The entity, as text.
        ds: The date of the session.
        available_at: When the row could be known, in UTC.
        column: The column of the value.
        value: The value; None if it is null.
        texts: What `features.explain` returns, after the column `file`: the name of the file of the text, in which
            `row` counts.
        output: The file that the texts were written to, if any.
    """

    entity: str
    ds: date
    available_at: datetime
    column: str
    value: float | None
    texts: pl.DataFrame
    output: Path | None


def explain_file(
    daily: str | Path,
    scored: str | Path | Sequence[str | Path],
    *,
    ds: date | str,
    entity: object = None,
    column: str = "sent_mean",
    calendar: Calendar = None,
    output: str | Path | None = None,
    dialect: CsvDialect | None = None,
) -> ExplainedValue:
    """The texts that a value of a file of daily features is made of; see `features.explain`.

    The options of the daily features are read from their file, where `daily_file` and `update_daily` write them. Only
    the rows of one entity are held in memory.

    Args:
        daily: A file of daily features.
        scored: The file of scored rows that it was made of; for a file that was updated, those of all nights.
        ds: The date of the session, or its ISO 8601 text.
        entity: The entity; None if there is only one.
        column: See `features.explain`.
        calendar: The calendar, if it was a frame or a file; others are known by their name.
        output: A .parquet, .csv or .ndjson file for all of the texts.
        dialect: How the scored rows are written, if they are CSVs.

    Raises:
        InputError: A file cannot be read, its options are not known, or its texts do not sum to the value.
        OutputError: The output cannot be written.
    """
    files = [scored] if isinstance(scored, str | Path) else list(scored)
    if not files:
        raise InputError("There are no scored rows.", "Name their files after that of the daily features.")
    target = None if output is None else check_target(output, pl.Schema(), folder=False)
    found = open_source(daily)
    request = _request_of(found.path, calendar)
    day = ExplainedDay(read_table(found.path), entity, ds, column=column, request=request)
    sources = [open_scored(file, request, dialect) for file in files]
    if target is not None and target.resolve() in [each.path.resolve() for each in (found, *sources)]:
        raise OutputError(f"{target} is a file that is read.", "Choose another file with --output.")
    needed = [day.needed(source.schema) for source in sources]
    time = [request.time_col]
    day.settle(part for source in sources for part in source.windows(_WINDOW_ROWS, time))
    begins = [0]
    for source, names in zip(sources, needed, strict=True):
        rows = begins[-1]
        for part in source.windows(_WINDOW_ROWS, names):
            day.add(part)
            rows += part.height
        begins.append(rows)
    texts = _with_files(day.finish(), [source.path.name for source in sources], begins[:-1])
    if target is not None:
        with open_sink(target, folder=False) as sink:
            sink.write(texts)
            sink.finish()
    return ExplainedValue(day.entity, day.ds, day.available_at, column, day.value, texts, target)


def _request_of(path: Path, calendar: Calendar) -> DailyRequest:
    """The options that a file of daily features was made with."""
    found = read_provenance(path)
    if found is None or found.provenance.kind != DAILY_FEATURES:
        raise InputError(f"{path} does not say with which options it was made.", _REMAKE)
    options: dict[str, Any] = {
        name: value for name, value in found.provenance.options.items() if name in DailyKeywords.__annotations__
    }
    try:
        options["config"] = DailyConfig.from_dict(options["config"])
        name = options.pop("calendar")
        kind = name.split()[0]  # days and periods are followed by their zone, which is an option of its own
        named = None if kind == "days" else kind
    except (KeyError, AttributeError) as error:
        raise InputError(f"{path} does not say with which options it was made.", _REMAKE) from error
    if calendar is None and name == "frame":
        raise InputError(f"{path} was made with a calendar of its own.", "Give it again with --calendar (calendar).")
    return DailyRequest.of(**{**options, "as_of": None, "calendar": named if calendar is None else calendar})


def _with_files(texts: pl.DataFrame, names: Sequence[str], begins: Sequence[int]) -> pl.DataFrame:
    """The texts with their files; rows are counted in each file."""
    starts = pl.Series(begins, dtype=pl.Int64)
    which = starts.search_sorted(texts["row"], side="right") - 1
    return texts.with_columns(row=texts["row"] - starts.gather(which)).insert_column(
        0, pl.Series("file", names, dtype=pl.String).gather(which)
    )
