"""New scored rows -> more sessions in a daily file, identical to the last bit to one run over all rows."""

import shlex
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Unpack

import polars as pl

from sentiscore.disk.parts import sweep
from sentiscore.disk.paths import resolved
from sentiscore.disk.permission import check_file_target
from sentiscore.errors import InputError, OutputError
from sentiscore.features.config import DailyConfig
from sentiscore.features.daily_sums import DailySums
from sentiscore.features.late import DROP, REFUSE, check_choice
from sentiscore.features.record import AS_OF, REVISED_AT, changes, entries, joined, updates
from sentiscore.features.request import DailyKeywords, DailyRequest, one_request
from sentiscore.nightly.daily_file import DailyFile, Days, add_file, one_place, open_scored, time_windows
from sentiscore.nightly.history import read_history
from sentiscore.nightly.late_rows import check_late_target, write_late
from sentiscore.nightly.origins import ScoredFile, daily_options, daily_provenance, look_at, warn_of_another_model
from sentiscore.nightly.state import (
    State,
    next_path,
    next_revisions_path,
    revisions_path,
    settings_of,
    sha256,
    state_path,
    write_state,
)
from sentiscore.nightly.update_before import Before, finish, look_before, provenance_before
from sentiscore.nightly.update_checks import (
    check_as_of,
    check_new,
    refuse,
)
from sentiscore.tables import Source, check_target, read_table, write_frame
from sentiscore.tables.dialect import CsvDialect


@dataclass(frozen=True)
class UpdatedFile(DailyFile):
    """A daily file that was updated.

    Attributes:
        made: The daily features after the update; `daily` returns the same.
        as_of: The instant up to which the daily file extends.
        n_late: The number of scored rows that count for sessions that were published before, by when they appeared.
        late_rows: The file of those rows, if they were set aside; None if there are none.
        n_new: The number of rows of sessions that were not published before.
        n_revised: The number of published rows whose values changed, or that were added.
        revisions: The file of old values; None if nothing was revised.
    """

    made: pl.DataFrame
    as_of: datetime
    n_late: int
    late_rows: Path | None
    n_new: int
    n_revised: int
    revisions: Path | None

    @property
    def daily(self) -> pl.DataFrame:
        """The daily features after the update."""
        return self.made


def update_daily(
    scored: str | Path,
    request: DailyRequest | None = None,
    *,
    daily: str | Path | None = None,
    revise: bool = False,
    anew: bool = False,
    late: str = "refuse",
    dialect: CsvDialect | None = None,
    **flat: Unpack[DailyKeywords],
) -> UpdatedFile:
    """Add new scored rows to a daily file, or create it, and extend it to an instant.

    Every entity gets rows up to the last session whose cutoff is at or before that instant; those sessions are then
    published. Texts that count for a later session wait in the sums next to the file. Rows that would change a
    published session are refused, unless `revise` allows it; then the old values go into NAME.revisions.parquet with
    the time of the change (revised_at), so that `features.as_published` can rebuild the file as it was.

    Rows that were added before do not count and are not refused: with `id_col` those with a known id, and otherwise, if
    texts are known, those that are equal in entity, time and text to a row of an earlier update.

    Args:
        scored: A file of scored rows that are not in the daily file yet; with `id_col` or `text_col` it may also
            contain others.
        request: The options of the daily features. Its as_of is the instant up to which `scored` is complete, by
            default now; its config must not have an `end`.
        daily: A .parquet file that this function made, or a path for one; by default the output of the request.
        revise: Whether published sessions may change. With `id_col` a row with a known id and another text or time then
            replaces the earlier version.
        anew: Whether `scored` contains all rows, and the file is made only from them. With `revise` that may change
            published sessions.
        late: What is done with rows that count for published sessions: "refuse" the update, or let them change those
            with `revise`; "drop" them into NAME.late.* next to `scored`; or count each by its "arrival": for the first
            session that closes after the instant of the update. With `anew` nothing is late.
        dialect: How `scored` is written, if it is a CSV.
        flat: The request as keywords, which are those of `features.daily`.

    Raises:
        InputError: The rows would change published sessions, the daily file was made with other settings, or `as_of`
            is in the future or before the previous update.
        OutputError: The files cannot be written.
    """
    asked = one_request("update_daily", request, flat)
    source = open_scored(scored, asked, dialect)
    aside = check_late_target(source) if check_choice(late) == DROP else None
    target = _check_target(source, one_place(asked, daily))
    now = datetime.now(UTC).replace(microsecond=0)  # so that it can be entered as it is shown
    sums = DailySums(replace(asked, as_of=now if asked.as_of is None else asked.as_of))
    instant = check_as_of(sums, now)
    sums.check_source(source)
    made_with = settings_of(sums, source.schema)
    before = look_before(target, sums, source, made_with, command=_command(target, asked, instant), anew=anew)
    made_with["midnight"] = _continued(sums, source, before.state, late=late, revise=revise)
    history = read_history(target, before.daily, before.state, before.shas[0])
    rows = add_file(sums, source)
    added = look_at(source.path, rows)
    check_new(target, sums, before.state, source, added.facts.sha256, revise=revise or late != REFUSE)
    earlier = None if before.state is None else provenance_before(target, before.state)
    warn_of_another_model(target, earlier, added)
    new = sums.finish()
    found = changes(before.daily, new, history.published)
    if not revise:
        refuse(target, before.daily, found)
    before.check_unchanged(target)
    made_at = history.next_instant()
    more = entries(found, new, made_at=made_at, as_of=instant)
    n_changed = found.changed.height + found.added.height
    revised = history.revised or n_changed > 0
    set_aside = None if aside is None else write_late(source, added, sums.arrivals, aside)
    _keep(target, history.begin(made_at), more, revised=revised)
    provenance = daily_provenance(daily_options(sums), [added], new.height, earlier)
    write_frame(new, next_path(target), metadata=provenance.to_metadata(), like=target)
    made = pl.concat([history.begin(made_at), updates(more)])
    state = _next_state(target, sums, made_with, before, added, as_of=instant, made=made, revised=revised)
    write_state(state_path(target), state, like=target)
    finish(target, state)
    published = history.published or datetime.min.replace(tzinfo=UTC)
    return UpdatedFile(
        output=target,
        rows=rows,
        n_unplaced=sums.n_unplaced,
        n_repeated=sums.n_repeated,
        days=Days().and_of(new),
        made=new,
        as_of=instant,
        n_late=sums.n_late,
        late_rows=set_aside,
        n_new=new.filter(pl.col("available_at") > published).height,
        n_revised=n_changed if revise else 0,
        revisions=revisions_path(target) if revise and n_changed else None,
    )


def _next_state(
    target: Path,
    sums: DailySums,
    made_with: dict[str, Any],
    before: Before,
    added: ScoredFile,
    *,
    as_of: datetime,
    made: pl.DataFrame,
    revised: bool,
) -> State:
    """The state for the next update; the files that it describes wait to be moved into place.

    Args:
        target: The daily file.
        sums: The sums of all rows so far.
        made_with: The settings of the file.
        before: The daily file before the update.
        added: The rows that were added.
        as_of: The instant up to which the daily file extends.
        made: All updates so far, including this one.
        revised: Whether published sessions were ever changed.
    """
    return State(
        settings=made_with,
        midnights=sums.midnights,
        daily=sha256(next_path(target)),
        before=before.shas[0],
        revisions=sha256(next_revisions_path(target)) if revised else "",
        revised=revised,
        as_of=as_of,
        sources=[
            *([] if before.state is None else before.state.sources),
            {"file": added.facts.file, "rows": added.facts.rows, "sha256": added.facts.sha256},
        ],
        kept=sums.state(),
        updates=made,
    )


def _check_target(source: Source, daily: str | Path | None) -> Path:
    """Check that the daily file and its companions can be written, and remove leftovers of a killed update."""
    if daily is None:
        raise InputError("There is no daily file to update.", "Name it with --update (daily).")
    try:
        target = check_target(Path(daily), pl.Schema(), folder=False)
    except OutputError as error:
        raise OutputError(error.message, error.hint.replace("--output", "--update")) from error
    if target.suffix != ".parquet":
        raise OutputError(f"{target} is not a .parquet file.", "Only such a file can be updated.")
    target = resolved(target)  # the other files are next to it, on the same disk
    files = (target, state_path(target), revisions_path(target))
    waiting = (next_path(target), next_revisions_path(target))
    for path in (*files, *waiting):
        check_file_target(path)
    if source.path.resolve() in [path.resolve() for path in files]:
        raise OutputError(f"{source.path} is written to by this update.", "Name the file of new scored rows first.")
    for path in waiting:
        if path.is_symlink():  # ours never are; the target of the link stays as it is
            path.unlink()
    for path in (target, state_path(target), *waiting):
        sweep(path)
    return target


def _continued(sums: DailySums, source: Source, before: State | None, *, late: str, revise: bool) -> str | None:
    """Restore the sums of earlier rows, and return the reading of midnights: as in those, unless it is specified."""
    if before is None:
        sums.settle(time_windows(sums, source))
    else:
        sums.restore(*before.kept)
        sums.begin_update(before.as_of, late=late, revise=revise)
        sums.settle(time_windows(sums, source), before=before.midnights, reading=before.settings["midnight"])
    return sums.times.midnight


def _command(target: Path, asked: DailyRequest, instant: datetime) -> str:
    """The command that makes the daily file from all rows."""
    config, plain = asked.config, DailyConfig()
    options = {
        **asked.options,
        "calendar": "SESSIONS.csv" if isinstance(asked.calendar, pl.DataFrame) else asked.calendar,
        "as_of": None if asked.as_of is None else instant.isoformat(),
    }
    changed = {name: value for name, value in vars(config).items() if value != getattr(plain, name)}
    typed = {name: changed.pop(name, None) for name in ("cutoff", "latency", "repeats", "fill")}
    words = ["sentiscore", "features", "ALL.parquet"]
    for name, value in {**options, **typed, "config": "CONFIG.toml" if changed else None}.items():
        if value not in (None, ""):
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join([*words, "--update", str(target), "--anew"])


def _keep(target: Path, begin: pl.DataFrame, more: pl.DataFrame, *, revised: bool) -> None:
    """Write the record, with the rows that an update adds, to its temporary path until the update is finished.

    Args:
        target: The daily file.
        begin: The first rows of a new record; of these, an existing one only gets the row about an unknown past.
        more: The rows that the update adds.
        revised: Whether there is a record: it is only made once published sessions change.
    """
    path = revisions_path(target)
    if not revised:
        next_revisions_path(target).unlink(
            missing_ok=True
        )  # left by an update that was stopped before it wrote its state
        return
    if path.exists():
        try:
            old = read_table(path)
        except InputError as error:
            raise InputError(
                error.message, "Restore it from a backup, or put it elsewhere: a new one is made."
            ) from error
        if REVISED_AT not in old.columns:
            raise InputError(
                f"{path} does not hold revisions of daily features.", "Move it elsewhere, or name another --update."
            )
        begin = joined(old, begin.filter(pl.col(AS_OF).is_null(), pl.col(REVISED_AT) == more[REVISED_AT][0]))
    write_frame(joined(more.clear(), begin, more), next_revisions_path(target), like=target)
