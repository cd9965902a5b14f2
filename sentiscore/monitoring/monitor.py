"""Files of scored rows -> a drift report, in bounded memory."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

import polars as pl

from sentiscore import forks
from sentiscore.errors import InputError, require_extra
from sentiscore.features.time_format import TimeFormat
from sentiscore.features.zones import UTC
from sentiscore.frames import AnyFrame, in_polars, is_frame
from sentiscore.labels import STATUS
from sentiscore.monitoring.models import compare_models
from sentiscore.monitoring.profile import Columns, Profile, Profiler
from sentiscore.monitoring.report import DriftReport, compare
from sentiscore.monitoring.thresholds import with_thresholds
from sentiscore.storage.options import StorageOptions
from sentiscore.storage.staging import Staging
from sentiscore.tables import open_source
from sentiscore.tables.dialect import UTF_8, CsvDialect

_WINDOW_ROWS: Final = 65_536

Scored = str | Path | pl.DataFrame
Given = str | Path | AnyFrame


def monitor(
    scored: Given,
    *,
    reference: Given | Sequence[Given],
    text_col: str | None = None,
    target_col: str | None = None,
    time_col: str | None = None,
    tz: str | None = None,
    time_format: str | None = None,
    time_unit: str | None = None,
    prefix: str = "",
    thresholds: Mapping[str, float] | None = None,
    separator: str | None = None,
    skip_rows: int = 0,
    comment: str | None = None,
    encoding: str = UTF_8,
    storage: StorageOptions | None = None,
) -> DriftReport:
    """Compare scored rows with earlier scored rows: have the texts, the feed or the model changed?

    Each file is read once, a window at a time, into a profile whose size does not grow with the rows. A check raises an
    alarm if its value exceeds its threshold, and also what chance alone gives for files of these sizes.

    Args:
        scored: Scored rows, for example tonight's: a file, a folder of parts, an address of either in an object store,
            or a frame of any library (one that is not of polars needs the extra `frames`).
        reference: Rows from the same model and the same source when everything was fine; one or several.
        text_col: The column of texts. With it words and languages are compared, and equal texts count once.
        target_col: The column of the targets that the texts were scored towards. With it a text counts once for each of
            its targets.
        time_col: The column of times. With it rows per day are compared.
        tz: The zone of times without one; UTC by default. See `sentiscore.features.daily`, also for the next two.
        time_format: The pattern of text times.
        time_unit: What numbers count since 1970.
        prefix: The prefix of the scored columns.
        thresholds: Thresholds other than the defaults, by the name of the check; see `THRESHOLDS`.
        separator: The separator of fields in CSV files; see `sentiscore.score_file` for this and the next three.
        skip_rows: How many lines come before the header of CSV files.
        comment: How comment lines in CSV files begin.
        encoding: The encoding of CSV files.
        storage: How addresses in object stores are read.

    Returns:
        The report; `passed` says whether there is no alarm.

    Raises:
        InputError: A file cannot be read, is not scored, has no row with scores or has a missing column; the scores are
            from different models; a check does not exist; or there are too few rows for any check.
        MissingExtraError: SciPy is not installed.
    """
    forks.check()
    require_extra("monitor", "scipy")
    limits = with_thresholds(thresholds)
    how = TimeFormat(tz=UTC if tz is None else tz, format=time_format, unit=time_unit)
    if target_col is not None and text_col is None:
        raise InputError(
            "A column of targets says which rows of a text are distinct, and there is no column of texts.",
            "Name it with --text-col (text_col), or leave --target-col (target_col) out.",
        )
    columns = Columns(text=text_col, target=target_col, time=time_col, how=how, prefix=prefix)
    csv = CsvDialect(separator=separator, skip_rows=skip_rows, comment=comment, encoding=encoding)
    one = isinstance(reference, str | Path) or is_frame(reference)
    given = [reference] if one else list(cast("Sequence[Given]", reference))
    if not given:
        raise InputError("There is no reference to compare with.", "Name at least one file with --reference.")
    with Staging([scored, *given], storage, reads_only=True) as staging:
        staging.fetch([scored, *given], provenance=True)
        tonight, parts = (
            _part(staging, scored, "The scored rows"),
            [_part(staging, each, "The reference") for each in given],
        )
        return _compared(tonight, parts, columns, csv, limits)


def _compared(
    tonight: Scored, parts: Sequence[Scored], columns: Columns, csv: CsvDialect, limits: Mapping[str, float]
) -> DriftReport:
    """Compare scored rows with those of the reference."""
    now = _profile([tonight], "the scored rows", columns, csv)
    then = _profile(parts, "the reference", columns, csv)
    found = compare(now, then, limits)
    if not found.checks:
        raise InputError(
            f"Nothing could be compared: {'; '.join(dict.fromkeys(found.skipped.values()))}.", "Compare more rows."
        )
    same_model, model_notes = compare_models(_files([tonight]), _files(parts))
    return DriftReport(
        scored=_short_name(tonight, "scored rows"),
        reference=tuple(_short_name(part, "reference") for part in parts),
        rows=now.rows,
        reference_rows=then.rows,
        checks=found.checks,
        skipped=found.skipped,
        stray_rows=found.stray_rows,
        reference_stray_rows=found.reference_stray_rows,
        same_model=same_model,
        notes=(
            *(_without_folders(note, [tonight, *parts]) for note in model_notes),
            *_stray_note(found.stray_rows, "SCORED"),
            *_stray_note(found.reference_stray_rows, "the reference"),
        ),
    )


def _part(staging: Staging, given: Given, what: str) -> Scored:
    """The path of a file or of the copy of one, or the rows of a frame of any library."""
    return staging.path(given) if isinstance(given, str | Path) else in_polars(given, what)


def _stray_note(stray: int, what: str) -> list[str]:
    if not stray:
        return []
    lie = "1 row of {} lies" if stray == 1 else f"{stray:,} rows of {{}} lie"
    return [f"{lie.format(what)} far before or after the others: left out as stray where days are counted."]


def _files(parts: Sequence[Scored]) -> list[Path | None]:
    return [None if isinstance(part, pl.DataFrame) else Path(part) for part in parts]


def _profile(parts: Sequence[Scored], what: str, columns: Columns, csv: CsvDialect) -> Profile:
    profiler = Profiler(columns, _name(parts[0], what) if len(parts) == 1 else what)
    for part in parts:
        profiler.add_all(_windows(part, columns, _name(part, what), csv))
    return profiler.finish()


def _windows(part: Scored, columns: Columns, where: str, csv: CsvDialect) -> Iterator[pl.DataFrame]:
    if isinstance(part, pl.DataFrame):
        needed = columns.needed(part.schema, where)
        yield from part[needed].iter_slices(_WINDOW_ROWS)
    else:
        source = open_source(part, csv).as_text([columns.text, columns.target, columns.time])
        if columns.time is not None:
            source = source.with_offsets([columns.time], time=columns.time)
        if source.csv is not None and len(source.schema) == 1:  # it may have another separator
            source.require(columns.prefix + STATUS, "")
        yield from source.windows(_WINDOW_ROWS, columns.needed(source.schema, where))


def _name(part: Scored, otherwise: str) -> str:
    return otherwise if isinstance(part, pl.DataFrame) else str(part)


def _without_folders(note: str, parts: Sequence[Scored]) -> str:
    for part in parts:
        if not isinstance(part, pl.DataFrame):
            note = note.replace(str(part), _short_name(part, ""))
    return note


def _short_name(part: Scored, otherwise: str) -> str:
    """A name for the report, without the folders of this machine."""
    return otherwise if isinstance(part, pl.DataFrame) else Path(os.path.abspath(part)).name  # noqa: PTH100 - keeps the name of a link
