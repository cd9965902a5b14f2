"""New scored rows -> more sessions in a daily file, the same to the last bit as one run over all rows would give."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from sentiscore.errors import InputError, OutputError
from sentiscore.features.config import DailyConfig
from sentiscore.features.daily import DailySums
from sentiscore.features.files import DailyFile, add_file
from sentiscore.features.sessions import Calendar
from sentiscore.features.state import (
    State,
    next_path,
    provenance,
    read_state,
    revisions_path,
    settings_of,
    sha256,
    state_path,
    write_state,
)
from sentiscore.tables import Source, check_target, open_source, put_in_place, read_table, write_frame

KEY: Final = ["unique_id", "ds"]


@dataclass(frozen=True)
class UpdatedFile(DailyFile):
    """What was written.

    Attributes:
        n_new: Rows of sessions that were not published before.
        n_revised: Published rows whose values changed, or that were not there.
        revisions: The file of old values; None if nothing was revised.
    """

    n_new: int
    n_revised: int
    revisions: Path | None


def update_file(
    scored: str | Path,
    *,
    daily: str | Path,
    time_col: str,
    entity_col: str | None = None,
    calendar: Calendar = None,
    text_col: str | None = None,
    weight_col: str | None = None,
    tz: str | None = None,
    day_tz: str | None = None,
    prefix: str = "",
    config: DailyConfig | None = None,
    revise: bool = False,
    anew: bool = False,
) -> UpdatedFile:
    """Add new scored rows to a daily file, which is made if there is none.

    A session is published once the daily file has a row of it or of a later one. Rows that would change a published
    session are refused, unless `revise` says that they may; then the old values go into NAME.revisions.parquet, with
    when that was (revised_at), and when and by which model the latest of the rows behind them were scored, where their
    file says so (scored_at, model_hash).

    Args:
        scored: A file of scored rows that are not in the daily file yet.
        daily: A .parquet file that this function made, or a place for one.
        time_col: When each text appeared; see `daily` in this package for this and the other arguments.
        entity_col: The series each text belongs to.
        calendar: The sessions.
        text_col: The texts.
        weight_col: How much each text counts.
        tz: The zone of times that carry none.
        day_tz: The zone whose midnight ends a day.
        prefix: The prefix that the scored columns were given.
        config: Everything else.
        revise: Published sessions may change.
        anew: `scored` holds all rows: make the file from them alone. With `revise` that may change published sessions.

    Raises:
        InputError: The rows would change published sessions, or the daily file was made with other settings.
        OutputError: The files cannot be written.
    """
    source = open_source(scored)
    target = _check_places(source, Path(daily))
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
    sums.check_schema(source.schema)
    settings = settings_of(sums, source.schema)
    hint = f"Make it once from all rows: sentiscore features ALL --update {target} --anew"
    old = read_table(target) if target.exists() else None
    sources: list[dict[str, Any]] = []
    before, state_before = sha256(target), sha256(state_path(target))
    if anew and state_before:
        with suppress(InputError):  # it is not needed, but it may say which model made the old values
            sources = read_state(target, hint).sources
    elif not anew and (old is not None or state_before):
        known = read_state(target, hint)
        _check_pair(target, known, hint)
        _check_settings(target, known.settings, settings, hint)
        _check_calendar(sums, known.sums, hint)
        sums.restore(known.sums.drop("ds", "cutoff"), known.texts)
        sources = known.sources
    published = None if old is None or old.is_empty() else old.select(pl.col("session_idx").max()).item()
    sums.closed_until = None if anew else published
    rows = add_file(sums, source)
    if sums.n_late and not revise:
        raise InputError(
            f"{sums.n_late:,} of the {rows:,} rows count for sessions up to {_last(old)}, which {target} has "
            "published already; nothing was changed.",
            "Leave them out, or let them change what was published with --revise, which keeps the old values.",
        )
    new = sums.finish()
    revised = _revised(old, new, published)
    if revised.height and not revise:
        raise InputError(
            f"{revised.height:,} rows that {target} has published would change; nothing was changed.",
            "The rows or the calendar are not those it was made from. --revise lets them change and keeps the old "
            "values.",
        )
    if sha256(target) != before or sha256(state_path(target)) != state_before:
        raise OutputError(f"{target} was changed by something else meanwhile.", "Run the update again.")
    revisions = _keep(target, revised, sources[-1:]) if revised.height else None
    latest = {"file": source.path.name, "rows": rows, **provenance(source.path)}
    write_frame(new, next_path(target))
    seen, texts = sums.state()
    write_state(
        state_path(target),
        State(
            settings=settings,
            daily=sha256(next_path(target)),
            before=before,
            sources=[*([] if anew else sources), latest],
            sums=seen,
            texts=texts,
        ),
    )
    put_in_place(next_path(target), target)
    return UpdatedFile(
        output=target,
        rows=rows,
        n_unplaced=sums.n_unplaced,
        daily=new,
        n_new=new.height if published is None else new.filter(pl.col("session_idx") > published).height,
        n_revised=revised.height,
        revisions=revisions,
    )


def _check_places(source: Source, daily: Path) -> Path:
    target = check_target(daily, pl.Schema())
    if target.suffix != ".parquet":
        raise OutputError(f"{target} is not a .parquet file.", "Only such a file can be updated.")
    beside = (target, state_path(target), revisions_path(target))
    if source.path.resolve() in [path.resolve() for path in beside]:
        raise OutputError(f"{source.path} is written to by this update.", "Name the file of new scored rows first.")
    return target


def _check_pair(target: Path, state: State, hint: str) -> None:
    """Raise an InputError unless the sums are those of the daily file; finish an update that was stopped."""
    found = sha256(target)
    if found == state.daily:
        return
    if found == state.before and sha256(next_path(target)) == state.daily:
        put_in_place(next_path(target), target)
        last = state.sources[-1]["file"] if state.sources else "its rows"
        raise InputError(
            f"The update before this one was stopped before its end; it has been finished now, with {last}.",
            "Run this update again if its rows are others.",
        )
    raise InputError(
        f"{target} and {state_path(target).name} do not belong together: one of them was changed, or an update was "
        "stopped halfway.",
        f"Bring both back from a backup. Or: {hint}",
    )


def _check_settings(target: Path, old: dict[str, Any], new: dict[str, Any], hint: str) -> None:
    differing = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if "hashes" in differing and old.get("text column") == new.get("text column"):
        raise InputError(
            f"{target} was made with a version of polars that hashes texts differently, so repeats of earlier texts "
            "would not be found.",
            hint,
        )
    if named := [name for name in differing if name != "hashes"]:
        told = "; ".join(f"{name} was {old.get(name)!r} and is {new.get(name)!r}" for name in named)
        raise InputError(f"{target} was made with other settings: {told}.", f"Give the same again. Or: {hint}")


def _check_calendar(sums: DailySums, known: pl.DataFrame, hint: str) -> None:
    """Raise an InputError if sessions of the sums are not those of the calendar."""
    sessions = known.select("session_idx", "ds", "cutoff").unique()
    if sessions.is_empty():
        return
    sums.sessions.positions(sessions["ds"].dt.min(), sessions["ds"].dt.max())  # type: ignore[arg-type]
    low, high = sessions.select(pl.col("session_idx").min().alias("a"), pl.col("session_idx").max().alias("b")).row(0)
    table = sums.sessions.between(low, high).select(sessions.columns)
    if moved := sessions.join(table, on=sessions.columns, how="anti").height:
        raise InputError(
            f"The calendar {sums.sessions.name} has other sessions than before: {moved:,} that hold texts are not "
            "there, or end at another time.",
            hint,
        )


def _last(old: pl.DataFrame | None) -> Any:
    return None if old is None else old["ds"].max()


def _revised(old: pl.DataFrame | None, new: pl.DataFrame, published: int | None) -> pl.DataFrame:
    """Published rows as they were, where they are not the same any more.

    A row with texts in a published session that had no row before is there without values.
    """
    if old is None or published is None:
        return new.clear()
    if old.schema != new.schema:  # other columns or types: every row is another
        return old
    values = [name for name in old.columns if name not in KEY]
    pairs = old.join(new, on=KEY, how="left", suffix="_new", maintain_order="left")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_new")) for name in values)
    changed = pairs.filter(~same).select(old.columns)
    late = new.filter((pl.col("session_idx") <= published) & (pl.col("n_docs") > 0)).join(old, on=KEY, how="anti")
    kept = ("unique_id", "ds", "session_idx", "available_at")
    return pl.concat([changed, late.select(kept)], how="diagonal")


def _keep(target: Path, revised: pl.DataFrame, sources: list[dict[str, Any]]) -> Path:
    """Add old values to the file of revisions, before anything is overwritten."""
    latest = sources[0] if sources else {}
    rows = revised.with_columns(
        revised_at=pl.lit(datetime.now(UTC), dtype=pl.Datetime("us", "UTC")),
        scored_at=pl.lit(latest.get("scored_at"), dtype=pl.String),
        model_hash=pl.lit(latest.get("model_hash"), dtype=pl.String),
    )
    path = revisions_path(target)
    if path.exists():
        rows = pl.concat([read_table(path), rows], how="diagonal_relaxed")
    return write_frame(rows, path)
