"""The rows of a file that came too late for an update: named in a message, or set aside in a file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.late import Arrivals
from sentiscore.features.times import write_instant
from sentiscore.features.zones import from_microseconds
from sentiscore.labels import REJECTED, REJECTED_FROM, REJECTED_REASON, REJECTED_ROW
from sentiscore.nightly.daily_file import sibling_path
from sentiscore.nightly.origins import ScoredFile
from sentiscore.tables import Source, check_target, open_sink
from sentiscore.tables.provenance import REJECTED_ROWS, Provenance

LATE: Final = "late"
_WINDOW_ROWS: Final = 65_536


def first_late(source: Source, arrivals: Arrivals) -> str:
    """The first late row of a file, in words."""
    row, entity, at, *_ = pl.concat(arrivals.rows).sort("row", maintain_order=True).row(0)
    file, number = _origin(source, row)
    return f"row {number:,} of {file} ({entity}, {write_instant(from_microseconds(at))})"


def check_late_target(source: Source) -> Path:
    """The file for late rows, NAME.late.* next to the file that is read.

    Raises:
        InputError: The file has columns that rows that are set aside get.
        OutputError: It cannot be written.
    """
    if clashes := [name for name in REJECTED if name in source.schema]:
        raise InputError(
            f"{source.path} already has the column{'s'[: len(clashes) > 1]} {', '.join(clashes)}, which rows that are "
            "set aside get.",
            "Leave them out of the file, or choose another --late (late).",
        )
    suffix = source.path.with_suffix("").suffix if source.path.suffix.lower() == ".gz" else source.path.suffix
    suffix = suffix if suffix.lower() in (".csv", ".ndjson") and not source.path.is_dir() else ".parquet"
    return check_target(sibling_path(source.path, LATE).with_suffix(suffix), source.schema, folder=False)


def write_late(source: Source, read: ScoredFile, arrivals: Arrivals, target: Path) -> Path:
    """Write the late rows of a file into another, after their number, their file and the reason; maybe none.

    Raises:
        InputError: The file was changed since it was read.
        OutputError: The rows cannot be written.
    """
    with open_sink(target, folder=False) as sink:
        for part in _late_parts(source, arrivals):
            sink.write(part)
        made = Provenance(
            kind=REJECTED_ROWS,
            rows=sink.rows,
            sources=(read.facts,),
            n_sources=1,
            options={"late": "drop"},
            job_key=read.facts.sha256,
        )
        sink.metadata = made.to_metadata()
        sink.finish()
        sink.sidecar = made.to_sidecar(sink.sha256)
    return target


def _late_parts(source: Source, arrivals: Arrivals) -> Iterator[pl.DataFrame]:
    rows = pl.concat(arrivals.rows)["row"].unique().sort() if arrivals.rows else pl.Series("row", [], pl.Int64)
    begin = 0
    yield _set_aside(pl.DataFrame(schema=source.schema), source, rows.clear())
    if rows.is_empty():
        return
    for window in source.windows(_WINDOW_ROWS):
        here = rows.filter(rows.is_between(begin, begin + window.height - 1))
        if here.len():
            yield _set_aside(window[here - begin], source, here)
        begin += window.height


def _set_aside(rows: pl.DataFrame, source: Source, numbers: pl.Series) -> pl.DataFrame:
    origins = [_origin(source, number) for number in numbers]
    first = pl.DataFrame(
        {
            REJECTED_ROW: pl.Series([number for _, number in origins], dtype=pl.Int64),
            REJECTED_FROM: pl.Series([file for file, _ in origins], dtype=pl.String),
            REJECTED_REASON: pl.repeat(LATE, len(origins), dtype=pl.String, eager=True),
        }
    )
    return first.hstack(rows.get_columns())


def _origin(source: Source, row: int) -> tuple[str, int]:
    """The file of a row, and its number there, from 1."""
    for part in source.parts:
        if row < part.rows:
            return part.path.name, row + 1
        row -= part.rows
    raise IndexError(row)
