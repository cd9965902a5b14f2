"""New scored rows -> more sessions in a daily file, the same to the last bit as one run over all rows would give."""

import shlex
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Unpack

import polars as pl

from sentiscore.errors import InputError, OutputError, SentiscoreWarning
from sentiscore.features.config import DailyConfig
from sentiscore.features.daily import DailySums, Kept, Settings
from sentiscore.features.files import DailyFile, Days, add_file, open_scored, time_windows
from sentiscore.features.history import read_history
from sentiscore.features.origins import daily_options, daily_provenance, look_at, warn_of_another_model
from sentiscore.features.record import AS_OF, PLACE, REVISED_AT, Changes, changes, entries, joined, updates
from sentiscore.features.state import (
    State,
    check_state_place,
    next_path,
    next_revisions_path,
    read_state,
    revisions_path,
    settings_of,
    sha256,
    state_path,
    write_state,
)
from sentiscore.features.times import write_instant
from sentiscore.tables import Source, check_place, check_target, put_in_place, read_table, sweep, write_frame
from sentiscore.tables.dialect import CsvDialect
from sentiscore.tables.hashes import hash_output
from sentiscore.tables.places import resolved
from sentiscore.tables.provenance import (
    DAILY_FEATURES,
    Provenance,
    SourceFacts,
    held_provenance,
    write_sidecar,
)


@dataclass(frozen=True)
class UpdatedFile(DailyFile):
    """What was written.

    Attributes:
        daily: The daily features.
        as_of: The instant up to which the daily file was brought.
        n_new: Rows of sessions that were not published before.
        n_revised: Published rows whose values changed, or that were not there.
        revisions: The file of old values; None if nothing was revised.
    """

    daily: pl.DataFrame
    as_of: datetime
    n_new: int
    n_revised: int
    revisions: Path | None


def update_file(
    scored: str | Path,
    *,
    daily: str | Path,
    revise: bool = False,
    anew: bool = False,
    csv: CsvDialect | None = None,
    **settings: Unpack[Settings],
) -> UpdatedFile:
    """Add new scored rows to a daily file, which is made if there is none, and bring it up to an instant.

    Every entity gets rows up to the last session whose cutoff is at or before that instant; those sessions are
    published then. Texts that count for a later session wait in the sums beside the file. Rows that would change a
    published session are refused, unless `revise` says that they may; then the old values go into
    NAME.revisions.parquet, with when that was (revised_at), so that `as_published` can rebuild the file as it was.
    With `id_col` rows whose ids were added before do not count and are not refused.

    Args:
        scored: A file of scored rows that are not in the daily file yet; with `id_col` it may hold others too.
        daily: A .parquet file that this function made, or a place for one.
        revise: Published sessions may change.
        anew: `scored` holds all rows: make the file from them alone. With `revise` that may change published sessions.
        csv: How `scored` is written, where it is a CSV.
        settings: The other arguments of `daily` in this package. as_of is the instant up to which `scored` is complete,
            now by default; in its config there can be no `end`.

    Raises:
        InputError: The rows would change published sessions, the daily file was made with other settings, or `as_of`
            has not come yet or lies before that of the update before.
        OutputError: The files cannot be written.
    """
    source = open_scored(scored, settings, csv)
    target = _check_places(source, Path(daily))
    for path in (target, state_path(target), next_path(target), next_revisions_path(target)):
        sweep(path)
    now = datetime.now(UTC).replace(microsecond=0)  # so that it can be typed as it is told
    as_of, calendar = settings.get("as_of"), settings.get("calendar")
    settings["as_of"] = now if as_of is None else as_of
    sums = DailySums(**settings)
    instant = _check_as_of(sums, now)
    sums.check_source(source)
    made_with = settings_of(sums, source.schema)
    options = {
        **{name: value for name, value in settings.items() if name != "config"},
        "calendar": "SESSIONS.csv" if isinstance(calendar, pl.DataFrame) else calendar,
        "as_of": None if as_of is None else instant.isoformat(),
    }
    command = _command(target, options, sums.config)
    again = f"{command} --revise" if target.exists() else command  # which keeps what was published before
    hint = f"Make it once from a file of all scored rows, here ALL.parquet: {again}"
    shas, old = _shas(target), _read_daily(target, command)
    if anew:
        check_state_place(target)
    before: State | None = None
    if not anew and (old is not None or state_path(target).exists()):
        before = read_state(target, hint)
        if _finish_stopped(target, before, source, hint, ids=sums.stories is not None):
            shas, old = _shas(target), _read_daily(target, command)
        _check_settings(target, before.settings, made_with, hint)
        _check_later(target, instant, before)
        _check_calendar(sums, before.kept, hint)
        sums.restore(*before.kept)
        sums.closed_until = sums.sessions.last_closed(before.as_of)
    history = read_history(target, old, before, shas[0])
    made_with["midnight"] = _settled(sums, source, before)
    rows = add_file(sums, source)
    added = look_at(source.path, rows)
    _check_new(target, sums, before, rows, added.facts.sha256, revise=revise)
    told = None if before is None else _told(target, before)
    warn_of_another_model(target, told, added)
    new = sums.finish()
    found = changes(old, new, history.published)
    if not revise:
        _refuse(target, old, found)
    _check_unchanged(target, shas)
    made_at = history.next_instant()
    n_revised = found.changed.height + found.added.height if revise else 0
    more = entries(found, new, made_at=made_at, as_of=instant)
    revised = history.revised or found.changed.height + found.added.height > 0
    _keep(target, history.begin(made_at), more, revised=revised)
    provenance = daily_provenance(daily_options(sums, settings), [added], new.height, told)
    write_frame(new, next_path(target), metadata=provenance.to_metadata(), like=target)
    state = State(
        settings=made_with,
        midnights=sums.midnights,
        daily=sha256(next_path(target)),
        before=shas[0],
        revisions=sha256(next_revisions_path(target)) if revised else "",
        revised=revised,
        as_of=instant,
        sources=[
            *([] if before is None else before.sources),
            {"file": source.path.name, "rows": rows, "sha256": added.facts.sha256},
        ],
        kept=sums.state(),
        updates=pl.concat([history.begin(made_at), updates(more)]),
    )
    write_state(state_path(target), state, like=target)
    _finish(target, state)
    return UpdatedFile(
        output=target,
        rows=rows,
        n_unplaced=sums.n_unplaced,
        n_repeated=sums.n_repeated,
        days=Days().and_of(new),
        daily=new,
        as_of=instant,
        n_new=new.filter(pl.col("available_at") > (history.published or datetime.min.replace(tzinfo=UTC))).height,
        n_revised=n_revised,
        revisions=revisions_path(target) if n_revised else None,
    )


def _check_places(source: Source, daily: Path) -> Path:
    try:
        target = check_target(daily, pl.Schema(), folder=False)
    except OutputError as error:
        raise OutputError(error.message, error.hint.replace("--output", "--update")) from error
    if target.suffix != ".parquet":
        raise OutputError(f"{target} is not a .parquet file.", "Only such a file can be updated.")
    target = resolved(target)  # beside which the other files are, on the same disk
    beside = (target, state_path(target), revisions_path(target))
    waiting = (next_path(target), next_revisions_path(target))
    for path in (*beside, *waiting):
        check_place(path)
    if source.path.resolve() in [path.resolve() for path in beside]:
        raise OutputError(f"{source.path} is written to by this update.", "Name the file of new scored rows first.")
    for path in waiting:
        if path.is_symlink():  # none of ours is; what it leads to stays as it is
            path.unlink()
    return target


def _settled(sums: DailySums, source: Source, before: State | None) -> str | None:
    """What midnights are: as they were in the rows before, unless it is said."""
    if before is None:
        sums.settle(time_windows(sums, source))
    else:
        sums.settle(time_windows(sums, source), before=before.midnights, reading=before.settings["midnight"])
    return sums.times.midnight


def _shas(target: Path) -> tuple[str, str]:
    return sha256(target), sha256(state_path(target))


def _check_unchanged(target: Path, shas: tuple[str, str]) -> None:
    """Raise an OutputError if the daily file or its state are not what they were."""
    if _shas(target) != shas:
        raise OutputError(f"{target} was changed by something else meanwhile.", "Run the update again.")


def _check_as_of(sums: DailySums, now: datetime) -> datetime:
    """The instant of the update, if one can be made as of it."""
    if sums.config.end is not None:
        raise InputError(
            "An update has no end of its own: it goes up to the last session that is closed.",
            "Leave end out, or say up to which instant with --as-of (as_of).",
        )
    instant = now if sums.as_of is None else sums.as_of
    if instant > now:
        raise InputError(
            f"{write_instant(instant)}, as of which the update would be, has not come yet.",
            "Give an earlier --as-of (as_of), or leave it out, which means now.",
        )
    closed = sums.sessions.last_closed(instant)
    if closed is not None and sums.sessions.between(closed + 1, closed + 1).is_empty():
        raise InputError(
            f"The calendar {sums.sessions.name} ends before {write_instant(instant)}, as of which the update would be.",
            "Add the sessions to come to it, so that newer texts have a place; or give an earlier --as-of (as_of).",
        )
    return instant


def _command(target: Path, options: dict[str, Any], config: DailyConfig) -> str:
    """The command that makes the daily file from all rows."""
    plain = DailyConfig()
    changed = {name: value for name, value in vars(config).items() if value != getattr(plain, name)}
    typed = {name: changed.pop(name, None) for name in ("cutoff", "latency", "repeats", "fill")}
    words = ["sentiscore", "features", "ALL.parquet"]
    for name, value in {**options, **typed, "config": "CONFIG.toml" if changed else None}.items():
        if value not in (None, ""):
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join([*words, "--update", str(target), "--anew"])


def _read_daily(target: Path, command: str) -> pl.DataFrame | None:
    """The daily file as it is; None if there is none."""
    if not target.exists():
        return None
    try:
        old = read_table(target)
    except InputError as error:
        raise InputError(
            error.message,
            f"Bring it and {state_path(target).name} back from a backup. Or remove it, and make it once from a file of "
            f"all scored rows, here ALL.parquet: rm {shlex.quote(str(target))}; {command}",
        ) from error
    if not {*PLACE, "n_docs"} <= set(old.columns):
        raise InputError(f"{target} does not hold daily features.", "Name another place with --update.")
    return old


def _finish_stopped(target: Path, state: State, source: Source, hint: str, *, ids: bool) -> bool:
    """Finish an update that was stopped, if there is one; whether there was.

    With ids its rows may come again, since they count once.

    Raises:
        InputError: The sums are not those of the daily file; or the one that was finished now is this one.
    """
    found = sha256(target)
    if found == state.daily:
        return False
    if found != state.before or sha256(next_path(target)) != state.daily:
        raise InputError(
            f"{target} and {state_path(target).name} do not belong together: one of them was changed, or an update was "
            "stopped halfway.",
            f"Bring both back from a backup. Or: {hint}",
        )
    _finish(target, state)
    last = state.sources[-1]
    told = f"The update before this one was stopped before its end; it has been finished now, with {last['file']}."
    if not ids and last["sha256"] == hash_output(source.path):
        raise InputError(told, "These are its rows, so there is nothing left to do.")
    warnings.warn(told, SentiscoreWarning, stacklevel=3)
    return True


def _finish(target: Path, state: State) -> None:
    """Put in place what the state was written for, as far as that is not done."""
    if state.revisions and sha256(next_revisions_path(target)) == state.revisions:
        put_in_place(next_revisions_path(target), revisions_path(target))
    put_in_place(next_path(target), target)
    told = held_provenance(target)
    if told is not None:  # none if another version of sentiscore began the update
        write_sidecar(target, told, state.daily)


def _told(target: Path, before: State) -> Provenance:
    """What the daily file before was made of; where it does not say, what its state knows."""
    try:
        found = held_provenance(target)
    except InputError as error:
        warnings.warn(f"{error.message} It is told anew.", SentiscoreWarning, stacklevel=3)
        found = None
    if found is not None:
        return found
    sources = tuple(SourceFacts(**source) for source in before.sources)
    return Provenance(
        kind=DAILY_FEATURES,
        rows=0,
        sources=sources,
        n_sources=len(sources),
        options={},
        job_key="",
        n_unknown=len(sources),
    )


def _check_new(
    target: Path, sums: DailySums, before: State | None, rows: int, source_sha: str, *, revise: bool
) -> None:
    """Raise an InputError if rows count for published sessions, or were added before."""
    if before is None:
        return
    if rows and sums.counts_twice and source_sha in [known["sha256"] for known in before.sources]:
        raise InputError(
            f"The rows of this file are in {target} already; nothing was changed.", "Give the file of new scored rows."
        )
    if sums.n_late and not revise:
        last = sums.sessions.between(sums.closed_until or 0, sums.closed_until or 0)["ds"][0]
        raise InputError(
            f"{sums.n_late:,} of the {rows:,} rows count for sessions up to {last}, which {target} has published "
            f"already; nothing was changed. It stands as of {write_instant(before.as_of)}.",
            "Leave them out, or let them change what was published with --revise, which keeps the old values."
            + f" {sums.n_without_id:,} of all rows have no id, and such a row counts each time that it comes."
            * (sums.n_without_id > 0),
        )


def _refuse(target: Path, old: pl.DataFrame | None, found: Changes) -> None:
    """Raise an InputError if published rows would change, or rows with texts would appear among them."""
    n_refused = found.changed.height + (found.n_late if old is not None and old.height else 0)
    if n_refused:
        raise InputError(
            f"{n_refused:,} rows that {target} has published would change; nothing was changed.",
            "The rows or the calendar are not those it was made from. --revise lets them change and keeps the old "
            "values.",
        )


def _check_later(target: Path, instant: datetime, before: State) -> None:
    """Raise an InputError if an update would be as of an instant before that of the last."""
    if instant < before.as_of:
        raise InputError(
            f"{target} has been brought up to {write_instant(before.as_of)} already, which is after "
            f"{write_instant(instant)}.",
            "Give a later --as-of (as_of), or leave it out, which means now.",
        )


def _check_settings(target: Path, old: dict[str, Any], new: dict[str, Any], hint: str) -> None:
    differing = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if new["midnight"] is None:  # it is not said now, so it is what it was
        differing = [name for name in differing if name != "midnight"]
    if "hashes" in differing and not {"text column", "id column"}.intersection(differing):
        what = "texts" if new["text column"] else "ids"
        raise InputError(
            f"{target} was made with a version of polars that hashes {what} differently, so repeats of earlier {what} "
            "would not be found.",
            hint,
        )
    if named := [name for name in differing if name != "hashes"]:
        told = "; ".join(f"{name} was {old.get(name)!r} and is {new.get(name)!r}" for name in named)
        raise InputError(f"{target} was made with other settings: {told}.", f"Give the same again. Or: {hint}")


def _check_calendar(sums: DailySums, kept: Kept, hint: str) -> None:
    """Raise an InputError if sessions of the sums are not those of the calendar."""
    held = [rows.select("session_idx", "ds", "cutoff") for rows in (kept.sums, kept.stories) if rows is not None]
    sessions = pl.concat(held).unique()
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


def _keep(target: Path, begin: pl.DataFrame, more: pl.DataFrame, *, revised: bool) -> None:
    """Write the record, with what an update adds to it, to where it waits until the update is finished.

    Args:
        target: The daily file.
        begin: How it begins where there is none; what is not known before the update counts in any case.
        more: What the update adds.
        revised: Whether there is a record: none is made before published sessions change.
    """
    path = revisions_path(target)
    if not revised:
        next_revisions_path(target).unlink(missing_ok=True)  # of an update that was stopped before it counted
        return
    if path.exists():
        try:
            held = read_table(path)
        except InputError as error:
            raise InputError(
                error.message, "Bring it back from a backup, or put it elsewhere: a new one is made."
            ) from error
        if REVISED_AT not in held.columns:
            raise InputError(
                f"{path} does not hold revisions of daily features.", "Put it elsewhere, or name another --update."
            )
        begin = joined(held, begin.filter(pl.col(AS_OF).is_null(), pl.col(REVISED_AT) == more[REVISED_AT][0]))
    write_frame(joined(more.clear(), begin, more), next_revisions_path(target), like=target)
