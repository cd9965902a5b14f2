"""The state of a daily file: the sums of earlier rows, which an update needs, in a file next to it.

X.parquet has X.state.parquet next to it, and X.revisions.parquet once published rows were changed. An update writes the
new daily file and the new revisions under temporary names, then replaces the state, then the revisions, the sidecar and
finally the daily file, each with one rename. The state has the sha256 of the daily file that it belongs to, of the
previous one, and of new revisions, so that files that do not belong together are detected, and an update that was
stopped after it wrote the state can be finished.
"""

import hashlib
import itertools
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.daily_sums import DailySums, Kept
from sentiscore.features.midnights import Midnights
from sentiscore.features.placing import PUBLISHED, SEED
from sentiscore.features.record import AS_OF, REVISED_AT, UPDATES
from sentiscore.features.stories import REPLACED
from sentiscore.features.sums import KEYS, TOTALS
from sentiscore.features.time_format import INSTANT
from sentiscore.tables import check_target, open_sink, open_source

FORMAT: Final = 4
"""Incremented whenever sums, columns or formulas change, so that old sums are never mistaken for new ones."""

_SLICE_ROWS: Final = 1_000_000
_META, _SUMS, _TEXTS, _STORIES = 0, 1, 2, 3
_WIDE: Final = pl.Decimal(38, 0)
"""Parquet has no integers of 128 bits; the sums are below 10**37."""


@dataclass(frozen=True)
class State:
    """The sums of a daily file.

    Attributes:
        settings: The settings with which the file was made.
        midnights: How many times of its rows are midnight, if their meaning was not specified.
        daily: The sha256 of the daily file that the sums belong to.
        before: That of the file that it replaced; empty for the first one.
        revisions: The sha256 of the file of revisions after this update; empty if there is none.
        as_of: The instant up to which the daily file extends.
        sources: The files whose rows are in the sums, oldest first: name, rows and sha256.
        kept: The sums, and what is kept of single texts and of rows with ids.
        updates: Every update so far: revised_at, as_of and schema; see `record`.
        revised: Whether published sessions were ever changed, so that there is a file of revisions.
    """

    settings: dict[str, Any]
    midnights: Midnights
    daily: str
    before: str
    revisions: str
    as_of: datetime
    sources: list[dict[str, Any]]
    kept: Kept
    updates: pl.DataFrame
    revised: bool


def state_path(daily: Path) -> Path:
    """The path of a daily file's sums: X.parquet -> X.state.parquet."""
    return daily.with_name(f"{daily.stem}.state.parquet")


def next_path(daily: Path) -> Path:
    """The path of a daily file before it is moved into place: X.parquet -> .X.next.parquet."""
    return daily.with_name(f".{daily.stem}.next.parquet")


def next_revisions_path(daily: Path) -> Path:
    """The path of a file of revisions before it is moved into place: X.parquet -> .X.revisions.next.parquet."""
    return daily.with_name(f".{daily.stem}.revisions.next.parquet")


def revisions_path(daily: Path) -> Path:
    """The path of a daily file's old values: X.parquet -> X.revisions.parquet."""
    return daily.with_name(f"{daily.stem}.revisions.parquet")


def sha256(path: Path) -> str:
    """The sha256 of a file; empty if there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def settings_of(sums: DailySums, schema: pl.Schema) -> dict[str, Any]:
    """Everything that the rows of a daily file depend on, except the scored rows and the instant of the update."""
    entity, separator = sums.columns.entity, sums.columns.separator
    kind = None if entity is None else schema[entity]
    kind = pl.String() if kind == pl.Null else kind  # a file in which no row has an entity
    entities = "one series" if kind is None else str(kind)
    hashed = sums.columns.text is not None or sums.columns.id is not None
    return {
        "format": FORMAT,
        "calendar": sums.sessions.name,
        "entities": entities if separator is None else f"{entities}, separated by {separator!r}",
        "text column": sums.columns.text is not None,
        "weight column": sums.columns.weight is not None,
        "id column": sums.columns.id is not None,
        "arrival column": sums.columns.arrived is not None or None,
        "midnight": sums.times.midnight,
        "hashes": int(pl.Series(["sentiscore"]).hash(SEED)[0]) if hashed else 0,
        **{f"config {name}": value for name, value in sums.config.as_dict().items() if name != "end"},
    }


def write_state(path: Path, state: State, *, like: Path | None = None) -> None:
    """Write all of the sums or nothing, with the mode and owner of another file."""
    meta = {name: getattr(state, name) for name in ("settings", "daily", "before", "revisions", "revised", "sources")}
    meta["midnights"] = asdict(state.midnights)
    meta["as_of"] = state.as_of.isoformat()
    meta["updates"] = [
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in update.items()}
        for update in state.updates.iter_rows(named=True)
    ]
    parts = [
        pl.DataFrame({"part": [_META], "json": [json.dumps(meta)]}, schema_overrides={"part": pl.Int8}),
        state.kept.sums.with_columns(pl.lit(_SUMS, dtype=pl.Int8).alias("part"), pl.col(TOTALS).cast(_WIDE)),
    ]
    for part, rows in ((_TEXTS, state.kept.texts), (_STORIES, state.kept.stories)):
        if rows is not None:
            parts.append(rows.with_columns(pl.lit(part, dtype=pl.Int8).alias("part")))
    shape = pl.concat([part.clear() for part in parts], how="diagonal")
    sink = open_sink(check_target(path, shape.schema, folder=False), folder=False)
    sink.like = like
    with sink:
        for rows in itertools.chain.from_iterable(part.iter_slices(_SLICE_ROWS) for part in parts):
            sink.write(pl.concat([shape, rows], how="diagonal"))  # a slice at a time, since most columns are empty


def check_state_target(daily: Path) -> None:
    """Raise an InputError if the path of a daily file's sums is taken by a file that is not ours.

    Damaged sums are not an error here: they can be made again.
    """
    path = state_path(daily)
    if not path.exists():
        return
    try:
        is_foreign = not {"part", "json"} <= set(open_source(path).schema)
    except InputError:
        is_foreign = path.is_symlink()
    if is_foreign:
        raise InputError(
            f"{path} does not hold the sums of daily features.", "Move it elsewhere, or name another --update."
        )


def read_state(daily: Path, hint: str) -> State:
    """Read the sums that belong to a daily file.

    Args:
        daily: The daily file.
        hint: The hint of the error if there are no usable sums.

    Raises:
        InputError: There are none, they cannot be read, or another version of sentiscore wrote them.
    """
    path = state_path(daily)
    if not path.exists():
        raise InputError(f"{daily} has no sums beside it ({path.name}), so nothing can be added to it.", hint)
    try:
        return _read(path)
    except InputError as error:
        raise InputError(error.message, hint) from error
    except (KeyError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} does not hold the sums of daily features.", hint) from error


def _read(path: Path) -> State:
    source = open_source(path)
    windows = iter(source.windows(_SLICE_ROWS))
    first = next(windows, pl.DataFrame(schema=source.schema))
    meta = json.loads(first.filter(pl.col("part") == _META)["json"].item())
    settings = {"midnight": INSTANT} | meta["settings"]  # the only reading before it became an option
    if settings["format"] != FORMAT:
        raise InputError(f"{path} was written by another version of sentiscore.", "Make it again.")
    columns = {
        _SUMS: [*KEYS, "ds", "cutoff", "n_docs", *TOTALS],
        _TEXTS: [*KEYS, *_text_columns(settings)] if settings["text column"] else [],
        _STORIES: [*KEYS, "ds", "cutoff", *_story_columns(settings)] if settings["id column"] else [],
    }
    found: dict[int, list[pl.DataFrame]] = {part: [] for part, names in columns.items() if names}
    for window in itertools.chain([first], windows):
        for part, rows in found.items():
            more = [name for name in (PUBLISHED, REPLACED) if name in window.columns and part != _SUMS]
            rows.append(window.filter(pl.col("part") == part).select(*columns[part], *more))
    sums = pl.concat(found[_SUMS]).with_columns(pl.col(TOTALS).cast(pl.Int128))
    texts, stories = (_without_nulls(pl.concat(found[part])) if part in found else None for part in (_TEXTS, _STORIES))
    return State(
        settings=settings,
        midnights=_midnights(meta.get("midnights", {})),
        daily=str(meta["daily"]),
        before=str(meta["before"]),
        revisions=str(meta["revisions"]),
        as_of=datetime.fromisoformat(meta["as_of"]),
        sources=list(meta["sources"]),
        kept=Kept(sums, texts, stories),
        updates=_updates(meta["updates"]),
        revised=bool(meta["revised"]),
    )


def _without_nulls(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows without the columns that they need not have and that say nothing of them."""
    return rows.drop(
        name for name in (PUBLISHED, REPLACED) if name in rows.columns and rows[name].null_count() == rows.height
    )


def _text_columns(settings: dict[str, Any]) -> list[str]:
    """The columns that are kept of single texts."""
    if settings["config repeats"] == "keep":
        return ["text", "at"]
    weighted = settings["weight column"] or settings["config repeats"] == "discount"
    return ["text", "at", "q", "label", "u", *(["w"] if weighted else []), "t"]


def _story_columns(settings: dict[str, Any]) -> list[str]:
    """The columns that are kept of rows with ids."""
    optional = {"text": settings["text column"], "w": settings["weight column"]}
    return ["id", "at", "counted", "q", "u", "t", "label", *(name for name, there in optional.items() if there)]


def _updates(raw: list[dict[str, Any]]) -> pl.DataFrame:
    """The updates from their JSON."""
    times = [{name: one[name] and datetime.fromisoformat(one[name]) for name in (REVISED_AT, AS_OF)} for one in raw]
    return pl.DataFrame([{**one, **time} for one, time in zip(raw, times, strict=True)], schema=UPDATES)


def _midnights(raw: dict[str, Any]) -> Midnights:
    """The midnights from their JSON, which has lists for tuples; empty for an older state, which did not count them."""
    return Midnights(**{**raw, "hours": tuple(raw["hours"])}) if raw else Midnights()
