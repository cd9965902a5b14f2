"""A file of scored rows -> a file of daily features, in bounded memory."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Unpack

import polars as pl

from sentiscore.errors import InputError, OutputError
from sentiscore.features.daily_sums import DailySums
from sentiscore.features.request import DailyKeywords, DailyRequest, one_request
from sentiscore.nightly.origins import daily_options, daily_provenance, look_at
from sentiscore.storage.address import is_address
from sentiscore.storage.options import StorageOptions
from sentiscore.storage.staging import Staging
from sentiscore.tables import Source, check_target, open_sink, open_source, read_table
from sentiscore.tables.dialect import CsvDialect
from sentiscore.tables.formats import without_packing
from sentiscore.tables.places import sidecar_path
from sentiscore.tables.provenance import Provenance

_WINDOW_ROWS: Final = 262_144


@dataclass(frozen=True)
class DailyFile:
    """A file of daily features that was written.

    Attributes:
        output: The file of daily features; the text of its address if it is in an object store.
        rows: The number of scored rows read.
        n_unplaced: Rows left out because they have no time, no entity or no session.
        n_repeated: Rows that do not count, since rows with the same ids, or equal rows of an earlier update, do.
        days: The daily features in numbers: their rows, their entities, and the rows of sessions with texts (`rows`,
            `entities`, `with_texts`).
        daily: The daily features, read from their file.
    """

    output: Path | str
    rows: int
    n_unplaced: int
    n_repeated: int
    days: "Days"

    @property
    def daily(self) -> pl.DataFrame:
        """The daily features, read from their file as it is now."""
        return read_table(self.output)


@dataclass(frozen=True)
class Days:
    """Daily features in numbers.

    Attributes:
        rows: The number of rows.
        entities: The number of entities.
        with_texts: The number of rows of sessions with texts.
    """

    rows: int = 0
    entities: int = 0
    with_texts: int = 0

    def and_of(self, daily: pl.DataFrame) -> "Days":
        """These numbers plus those of other entities."""
        return Days(
            rows=self.rows + daily.height,
            entities=self.entities + daily["unique_id"].n_unique(),
            with_texts=self.with_texts + int((daily["n_docs"] > 0).sum()),
        )


def daily_file(
    scored: str | Path,
    request: DailyRequest | None = None,
    *,
    output: str | Path | None = None,
    dialect: CsvDialect | None = None,
    csv_as_is: bool = False,
    storage: StorageOptions | None = None,
    **flat: Unpack[DailyKeywords],
) -> DailyFile:
    """Make daily features from a file of scored rows; see `features.daily` for the columns.

    Their provenance is kept in the metadata of a parquet file, and in NAME.provenance.json next to any output.

    Args:
        scored: A file that scoring wrote; it and the output may be addresses in object stores.
        request: The options of the features.
        output: A .parquet, .csv or .ndjson file; by default that of the request, or NAME.daily.parquet next to the
            input.
        dialect: How the input is written, if it is a CSV.
        csv_as_is: Whether entities in a CSV that a spreadsheet would read as a formula stay as they are; by default
            they are prefixed with an apostrophe.
        storage: How addresses in object stores are read and written.
        flat: The request as keywords, which are those of `features.daily`.

    Raises:
        InputError: The file does not contain scored rows, or a time cannot be read.
        OutputError: The output cannot be written.
    """
    asked = one_request("daily_file", request, flat)
    place = one_place(asked, output)
    with Staging([place, scored], storage) as staging:
        found = staging.path(scored)
        if place is not None:
            place = staging.path(place)
        elif is_address(scored):
            place = default_daily(found)
        staging.claim([] if place is None else [Path(place)])
        staging.fetch([scored], provenance=True)
        made = _daily_file(found, asked, place, dialect, csv_as_is=csv_as_is)
        staging.publish([Path(made.output), sidecar_path(Path(made.output))])
        staging.warn_of_changes()
        return replace(made, output=staging.shown(Path(made.output)))


def _daily_file(
    scored: str | Path,
    asked: DailyRequest,
    output: str | Path | None,
    dialect: CsvDialect | None,
    *,
    csv_as_is: bool,
) -> DailyFile:
    """Make daily features from a file of this machine, into another."""
    source = open_scored(scored, asked, dialect)
    sums = DailySums(asked)
    target = check_target(output or default_daily(source.path), pl.Schema(), folder=False)
    if target.resolve() == source.path.resolve():
        raise OutputError(f"{target} is the file that is read.", "Choose another file with --output.")
    sums.check_source(source)
    sums.settle(time_windows(sums, source))
    rows = add_file(sums, source)
    options = daily_options(sums)
    if source.csv is not None:
        options |= source.csv.dialect.as_dict()
    made_of = [look_at(source.path, rows)]
    days = write_daily(sums.parts(), target, lambda n: daily_provenance(options, made_of, n), inert=not csv_as_is)
    return DailyFile(output=target, rows=rows, n_unplaced=sums.n_unplaced, n_repeated=sums.n_repeated, days=days)


def one_place(request: DailyRequest, output: str | Path | None) -> str | Path | None:
    """The output of daily features, if one is given.

    Raises:
        InputError: It is given twice.
    """
    if request.output is not None and output is not None:
        raise InputError(
            f"The daily features go to {request.output} by their request, and to {output}.", "Name one output."
        )
    return output if request.output is None else request.output


def open_scored(scored: str | Path, request: DailyRequest, dialect: CsvDialect | None) -> Source:
    """Open a file of scored rows, and check that it has the columns of the request.

    Raises:
        InputError: It cannot be read, or a column is missing.
    """
    source = open_source(scored, dialect or CsvDialect())
    for option in ("time_col", "entity_col", "text_col", "weight_col", "id_col", "arrived_col"):
        column = getattr(request, option)
        if column is not None and source.csv is not None:  # its advice for a CSV helps to read it
            source.require(column, f"--{option.replace('_', '-')} ({option})")
    time = request.time_col
    times = [time, *([] if request.arrived_col is None else [request.arrived_col])]
    return source.as_text([*times, request.entity_col, request.text_col]).with_offsets(times, time=time)


def write_daily(
    parts: Iterator[pl.DataFrame], target: Path, provenance: Callable[[int], Provenance], *, inert: bool = True
) -> Days:
    """Write all of the daily features with their provenance, or nothing.

    Args:
        parts: The features, those of some entities at a time; at least one frame.
        target: The file to write.
        provenance: Makes their provenance, given their number of rows.
        inert: In a CSV, put an apostrophe before names that a spreadsheet would read as a formula.

    Raises:
        OutputError: They cannot be written there, or the format cannot store them.
    """
    first = next(parts)
    check_target(target, first.schema, folder=False)
    days = Days()
    with open_sink(target, folder=False, inert=inert) as sink:
        for part in itertools.chain([first], parts):
            sink.write(part)
            days = days.and_of(part)
        made = provenance(days.rows)
        sink.metadata = made.to_metadata()
        sink.finish()
        sink.sidecar = made.to_sidecar(sink.sha256)
    return days


def add_file(sums: DailySums, source: Source) -> int:
    """Add all rows of a file, a window at a time, and return their number."""
    sums.add(pl.DataFrame(schema=source.schema))  # checks the columns, and lets a file without rows give an empty frame
    return sums.add_all(source.windows(_WINDOW_ROWS, sums.columns.needed(source.schema)))


def time_windows(sums: DailySums, source: Source) -> Iterator[pl.DataFrame]:
    """The column of times of a file, and those that identify known rows, a window at a time."""
    columns = sums.columns
    others = [] if columns.id is None else [columns.id, *([] if columns.entity is None else [columns.entity])]
    yield from source.windows(_WINDOW_ROWS, list(dict.fromkeys([columns.time, *others])))


def default_daily(source: str | Path) -> Path:
    """The default output of daily features: news.csv.gz or news.scored.parquet -> news.daily.parquet."""
    return sibling_path(Path(source), "daily")


def sibling_path(path: Path, what: str) -> Path:
    """news.csv.gz, news.parquet or news.scored.parquet -> news.WHAT.parquet in the same folder."""
    path = path if path.name else path.resolve()  # a folder may be called .
    stem = without_packing(path).stem.removesuffix(".scored")
    return path.with_name(f"{stem}.{what}.parquet")
