"""Converts the keywords of `score_file` to the objects whose fields they are."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final, TypedDict

from sentiscore.errors import InputError
from sentiscore.features import DailyConfig, DailyRequest
from sentiscore.features.request import request_or_none
from sentiscore.features.sessions import Calendar
from sentiscore.keywords import check_object, keywords_and_object
from sentiscore.scoring.events import Event, OnEvent, OnPhase, OnProgress, OnWindow, PhaseBegun, RowsDone, WindowDone
from sentiscore.scoring.options import Parallel, RowOptions, RunOptions, ScorerOptions
from sentiscore.scoring.scorer import Scorer
from sentiscore.storage.options import StorageOptions
from sentiscore.tables.dialect import CsvDialect


class FlatOptions(TypedDict, total=False):
    """Fields of `ScorerOptions`, `RowOptions`, `RunOptions`, the objects in these, and `DailyRequest` as keywords."""

    device: str
    dtype: str
    revision: str | None
    labels: Sequence[str] | None
    max_length: int | None
    overflow: str
    clean: str

    target_col: str | None
    targets: str | Path | None
    columns: Sequence[str] | None
    prefix: str
    limit: int | None
    bad_rows: str
    csv_as_is: bool
    separator: str | None
    skip_rows: int
    comment: str | None
    encoding: str

    resume: bool
    max_memory: int | None
    cache: str | Path | None
    cache_bytes: int
    storage: StorageOptions
    engine: str
    devices: Sequence[str] | str | None
    address: str | None
    workers: int | None
    cpus_per_worker: int
    gpus_per_worker: float

    time_col: str | None
    entity_col: str | None
    entity_separator: str | None
    calendar: Calendar
    weight_col: str | None
    id_col: str | None
    arrived_col: str | None
    tz: str | None
    time_format: str | None
    time_unit: str | None
    midnight: str | None
    day_tz: str | None
    config: DailyConfig | None

    on_progress: OnProgress | None
    on_window: OnWindow | None
    on_phase: OnPhase | None


_DIALECT: Final = tuple(each.name for each in fields(CsvDialect))
_SCORER: Final = tuple(each.name for each in fields(ScorerOptions) if each.name != "model")
_ROWS: Final = (*(each.name for each in fields(RowOptions) if each.name != "dialect"), *_DIALECT)
_PARALLEL: Final = tuple(each.name for each in fields(Parallel))
_RUN: Final = (*(each.name for each in fields(RunOptions) if each.name != "parallel"), *_PARALLEL)
_OF_JOB: Final = ("text_col", "prefix", "as_of", "output")
_DAILY: Final = tuple(each.name for each in fields(DailyRequest) if each.name not in _OF_JOB)


def scorer_of(model: str | Path | Scorer | ScorerOptions, flat: Mapping[str, Any]) -> Scorer | ScorerOptions:
    """The requested model, or the loaded one.

    Raises:
        InputError: Keywords repeat fields of the object, or contradict a loaded scorer.
    """
    given = _of(_SCORER, flat)
    if isinstance(model, Scorer):
        usual = ScorerOptions()
        differing = [name for name in given if given[name] not in (getattr(usual, name), getattr(model, name, None))]
        if differing:
            raise InputError(
                f"The scorer is loaded already, so {' and '.join(differing)} cannot be said here.",
                "Say it to Scorer.from_pretrained, or give score_file the model's name.",
            )
        return model
    if isinstance(model, ScorerOptions):
        _check_alone("model", model, given)
        return model
    return ScorerOptions(model=model, **given)


def rows_of(rows: RowOptions | None, flat: Mapping[str, Any]) -> RowOptions:
    """The requested rows.

    Raises:
        InputError: There are both an object and keywords, the object is of another kind, or a value is invalid.
    """
    given = _of(_ROWS, flat)
    if rows is not None:
        check_object("rows", rows, RowOptions)
        _check_alone("rows", rows, given)
        return rows
    dialect = {name: given.pop(name) for name in _DIALECT if name in given}
    return RowOptions(**given, dialect=CsvDialect(**dialect))


def run_of(run: RunOptions | None, flat: Mapping[str, Any]) -> RunOptions:
    """The resources that the job may use.

    Raises:
        InputError: There are both an object and keywords, or the object or a value has the wrong type.
    """
    given = _of(_RUN, flat)
    if run is not None:
        check_object("run", run, RunOptions)
        _check_alone("run", run, given)
        return run
    parallel = {name: given.pop(name) for name in _PARALLEL if name in given}
    return RunOptions(**given, parallel=Parallel(**parallel))


def daily_of(
    daily: DailyRequest | str | Path | None, flat: Mapping[str, Any], *, text_col: str, prefix: str
) -> DailyRequest | None:
    """The requested daily features of a job that scores a column of texts; None if there are none.

    Raises:
        InputError: There are both an object and keywords, the column of times is missing, or a field contradicts the
            job.
    """
    given = _of(_DAILY, flat)
    if isinstance(daily, DailyRequest):
        request = daily
        _check_alone("daily", daily, given)
    else:
        place: object = daily
        if not isinstance(place, str | os.PathLike | None):
            check_object("daily", place, DailyRequest)
        found = request_or_none({**given, "output": daily})
        if found is None:
            return None
        request = found
    if request.as_of is not None:
        raise InputError(
            "A job that scores makes daily features of all of its rows, so there is no as_of.",
            "Leave it out; or make them of the scored rows with daily_file or update_daily.",
        )
    if request.text_col not in (None, text_col) or request.prefix not in ("", prefix):
        raise InputError(
            "The text_col and the prefix of the daily features are those of the job that scores their rows.",
            "Leave them out of the DailyRequest.",
        )
    return replace(request, text_col=text_col, prefix=prefix)


def listener_of(on_event: OnEvent | None, flat: FlatOptions) -> OnEvent:
    """Combine several callbacks into one function."""
    on_progress, on_window, on_phase = flat.get("on_progress"), flat.get("on_window"), flat.get("on_phase")

    def listen(event: Event) -> None:
        if on_event is not None:
            on_event(event)
        if isinstance(event, RowsDone):
            if on_progress is not None:
                on_progress(event.done, event.total)
        elif isinstance(event, WindowDone):
            if on_window is not None:
                on_window(event)
        elif isinstance(event, PhaseBegun) and on_phase is not None:
            on_phase(event.output, event.phase)

    return listen


def _of(names: Sequence[str], flat: Mapping[str, Any]) -> dict[str, Any]:
    return {name: flat[name] for name in names if name in flat}


def _check_alone(what: str, given: object, keywords: Mapping[str, Any]) -> None:
    """Raise an InputError if keywords were given together with the object whose fields they are."""
    if keywords:
        raise keywords_and_object(what, given, keywords)
