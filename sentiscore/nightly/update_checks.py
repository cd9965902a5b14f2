"""Checks before rows are added to a daily file."""

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.daily_sums import DailySums, Kept
from sentiscore.features.record import Changes
from sentiscore.features.times import write_instant
from sentiscore.nightly.late_rows import first_late
from sentiscore.nightly.state import State
from sentiscore.tables import Source


def check_as_of(sums: DailySums, now: datetime) -> datetime:
    """Return the instant of the update, after checking that an update is possible as of it."""
    if sums.config.end is not None:
        raise InputError(
            "An update has no end of its own: it goes up to the last session that is closed.",
            "Leave end out, or name the instant with --as-of (as_of).",
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
            "Add the sessions to come to it, so that newer texts have a session; or give an earlier --as-of (as_of).",
        )
    return instant


def check_new(
    target: Path, sums: DailySums, before: State | None, source: Source, source_sha: str, *, revise: bool
) -> None:
    """Raise an InputError if rows count for published sessions, or were already added."""
    if before is None:
        return
    if source.rows and sums.counts_twice and source_sha in [known["sha256"] for known in before.sources]:
        raise InputError(
            f"The rows of this file are in {target} already; nothing was changed.", "Give the file of new scored rows."
        )
    opened = sums.arrivals.opened
    if sums.n_late and opened is not None and not revise:
        last = sums.sessions.between(opened.closed, opened.closed)["ds"][0]
        unknown = sums.counts_twice and sums.columns.text is None
        raise InputError(
            f"{sums.n_late:,} of the {source.rows:,} rows count for sessions up to {last}, which {target} has "
            f"published already, the first one {first_late(source, sums.arrivals)}; nothing was changed. It stands as "
            f"of {write_instant(before.as_of)}.",
            "Set them aside with --late drop (late), count them for the first session that is still open with --late "
            "arrival, or let them change what was published with --revise (revise), which keeps the old values."
            + " If the file holds rows of earlier files again, their ids (--id-col) or texts (--text-col) are needed "
            "to recognise them; otherwise such a row counts each time." * unknown,
        )


def refuse(target: Path, old: pl.DataFrame | None, found: Changes) -> None:
    """Raise an InputError if published rows would change, or rows with texts would appear among them."""
    n_refused = found.changed.height + (found.n_late if old is not None and old.height else 0)
    if n_refused:
        first = (
            pl.concat([found.changed.select("unique_id", "ds"), found.added.select("unique_id", "ds")])
            .sort("ds")
            .row(0)
        )
        raise InputError(
            f"{n_refused:,} rows that {target} has published would change, the first one that of {first[0]} on "
            f"{first[1]}; nothing was changed.",
            "The rows or the calendar are not those it was made from. --revise lets them change and keeps the old "
            "values.",
        )


def check_later(target: Path, instant: datetime, before: State) -> None:
    """Raise an InputError if an update would be as of an instant before that of the last one."""
    if instant < before.as_of:
        raise InputError(
            f"{target} has been brought up to {write_instant(before.as_of)} already, which is after "
            f"{write_instant(instant)}.",
            "Give a later --as-of (as_of), or leave it out, which means now.",
        )


def check_settings(target: Path, old: dict[str, Any], new: dict[str, Any], hint: str) -> None:
    """Raise an InputError if the daily file was made with other settings."""
    differing = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if new["midnight"] is None:  # not specified now, so it stays as it was
        differing = [name for name in differing if name != "midnight"]
    if "hashes" in differing and not {"text column", "id column"}.intersection(differing):
        what = "texts" if new["text column"] else "ids"
        raise InputError(
            f"{target} was made with a version of polars that hashes {what} differently, so repeats of earlier {what} "
            "would not be found.",
            hint,
        )
    if named := [name for name in differing if name != "hashes"]:
        differences = "; ".join(f"{name} was {old.get(name)!r} and is {new.get(name)!r}" for name in named)
        raise InputError(f"{target} was made with other settings: {differences}.", f"Give the same again. Or: {hint}")


def check_calendar(sums: DailySums, kept: Kept, hint: str) -> None:
    """Raise an InputError if sessions of the sums are not those of the calendar."""
    known = [rows.select("session_idx", "ds", "cutoff") for rows in (kept.sums, kept.stories) if rows is not None]
    sessions = pl.concat(known).unique()
    if sessions.is_empty():
        return
    sums.sessions.positions(sessions["ds"].dt.min(), sessions["ds"].dt.max())  # type: ignore[arg-type]
    low, high = sessions.select(pl.col("session_idx").min().alias("a"), pl.col("session_idx").max().alias("b")).row(0)
    table = sums.sessions.between(low, high).select(sessions.columns)
    if moved := sessions.join(table, on=sessions.columns, how="anti").height:
        raise InputError(
            f"The calendar {sums.sessions.name} has other sessions than before: {moved:,} sessions with texts are "
            "missing, or end at another time.",
            hint,
        )
