"""A daily file before an update; finishes an earlier update that was stopped."""

import shlex
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from sentiscore.disk.durable import put_in_place
from sentiscore.errors import InputError, OutputError, SentiscoreWarning
from sentiscore.features.daily_sums import DailySums
from sentiscore.features.record import ROW_KEY
from sentiscore.nightly.state import (
    State,
    check_state_target,
    next_path,
    next_revisions_path,
    read_state,
    revisions_path,
    sha256,
    state_path,
)
from sentiscore.nightly.update_checks import check_calendar, check_later, check_settings
from sentiscore.tables import Source, read_table
from sentiscore.tables.hashes import hash_output
from sentiscore.tables.provenance import DAILY_FEATURES, Provenance, SourceFacts, held_provenance, write_sidecar


@dataclass(frozen=True)
class Before:
    """A daily file before an update.

    Attributes:
        shas: The sha256 of the daily file and of its state; empty for a missing one.
        daily: The daily file; None if there is none.
        state: Its state; None for a file that is made from all rows.
    """

    shas: tuple[str, str]
    daily: pl.DataFrame | None
    state: State | None

    def check_unchanged(self, target: Path) -> None:
        """Raise an OutputError if the daily file or its state has changed."""
        if _shas(target) != self.shas:
            raise OutputError(f"{target} was changed by something else meanwhile.", "Run the update again.")


def look_before(
    target: Path, sums: DailySums, source: Source, made_with: dict[str, Any], *, command: str, anew: bool
) -> Before:
    """Read a daily file before an update, after finishing an earlier update that was stopped.

    Args:
        target: The daily file.
        sums: The sums to which the new rows will be added.
        source: The file of new rows.
        made_with: The current settings.
        command: The command that makes the daily file from all rows.
        anew: Whether it will be made from all rows.

    Raises:
        InputError: Nothing can be added to the daily file.
    """
    again = f"{command} --revise" if target.exists() else command  # --revise keeps what was published before
    hint = f"Make it once from a file of all scored rows, here ALL.parquet: {again}"
    shas, old = _shas(target), _read_daily(target, command)
    if anew:
        check_state_target(target)
        if _finish_unless_unfit(target, hint):  # otherwise its record would have an update that never happened
            shas, old = _shas(target), _read_daily(target, command)
    if anew or (old is None and not state_path(target).exists()):
        return Before(shas, old, None)
    state = read_state(target, hint)
    if _finish_stopped(target, state, source, hint, ids=sums.stories is not None):
        shas, old = _shas(target), _read_daily(target, command)
    check_settings(target, state.settings, made_with, hint)
    check_later(target, sums.as_of or state.as_of, state)
    check_calendar(sums, state.kept, hint)
    return Before(shas, old, state)


def _shas(target: Path) -> tuple[str, str]:
    return sha256(target), sha256(state_path(target))


def _read_daily(target: Path, command: str) -> pl.DataFrame | None:
    """The daily file; None if there is none."""
    if not target.exists():
        return None
    try:
        old = read_table(target)
    except InputError as error:
        raise InputError(
            error.message,
            f"Restore it and {state_path(target).name} from a backup. Or remove it, and make it once from a file of "
            f"all scored rows, here ALL.parquet: rm {shlex.quote(str(target))}; {command}",
        ) from error
    if not {*ROW_KEY, "n_docs"} <= set(old.columns):
        raise InputError(f"{target} does not hold daily features.", "Name another file with --update.")
    return old


def _finish_stopped(target: Path, state: State, source: Source, hint: str, *, ids: bool) -> bool:
    """Finish an update that was stopped, and return whether there was one.

    With ids its rows can be added again, since each counts only once.

    Raises:
        InputError: The sums do not belong to the daily file; or the finished update is the requested one.
    """
    if sha256(target) == state.daily:
        return False
    if not _is_stopped(target, state):
        raise InputError(
            f"{target} and {state_path(target).name} do not belong together: one of them was changed, or an update was "
            "stopped halfway.",
            f"Restore both from a backup. Or: {hint}",
        )
    finish(target, state)
    message = _finished_message(state)
    if not ids and state.sources[-1]["sha256"] == hash_output(source.path):
        raise InputError(message, "These are its rows, so there is nothing left to do.")
    warnings.warn(message, SentiscoreWarning, stacklevel=4)
    return True


def _finish_unless_unfit(target: Path, hint: str) -> bool:
    """Finish an update that was stopped, before the file is made from all rows; return whether there was one."""
    try:
        state = read_state(target, hint)
    except InputError:  # missing or damaged: the file is made without it
        return False
    if not _is_stopped(target, state):
        return False
    finish(target, state)
    warnings.warn(_finished_message(state), SentiscoreWarning, stacklevel=4)
    return True


def _is_stopped(target: Path, state: State) -> bool:
    """Whether the daily file that a state was written for waits to take its place."""
    return sha256(target) == state.before != state.daily == sha256(next_path(target))


def _finished_message(state: State) -> str:
    file = state.sources[-1]["file"]
    return f"The update before this one was stopped before its end; it has been finished now, with {file}."


def finish(target: Path, state: State) -> None:
    """Move the files that the state describes into place, as far as that is not done.

    The daily file is last: until it is in place, the next update can tell that this one was stopped.
    """
    if state.revisions and sha256(next_revisions_path(target)) == state.revisions:
        put_in_place(next_revisions_path(target), revisions_path(target))
    provenance = held_provenance(next_path(target))
    if provenance is not None:  # None if another version of sentiscore started the update
        write_sidecar(target, provenance, state.daily)
    put_in_place(next_path(target), target)


def provenance_before(target: Path, before: State) -> Provenance:
    """The provenance of the previous daily file; if it has none, as much as its state knows."""
    try:
        found = held_provenance(target)
    except InputError as error:
        warnings.warn(f"{error.message} It is written again.", SentiscoreWarning, stacklevel=3)
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
