"""The nightly job: score what the feed has exported, update the daily features, compare with before.

python nightly.py nightly.toml

Every night that has an export and no report yet is done, oldest first. A night is named after the instant up to which
its export is complete. The same command continues after whatever stopped it. README.md describes the exit codes.
"""

import argparse
import hashlib
import itertools
import json
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any, Final

import polars as pl

from sentiscore import (
    DailyRequest,
    InputError,
    RowOptions,
    RunOptions,
    ScorerOptions,
    SentiscoreError,
    StoppedError,
    inspect,
    monitor,
    score_file,
    update_daily,
)

FAILED: Final = 1
DRIFTED: Final = 3
STOPPED: Final = 128
"""To which the number of the signal is added."""
INCOMPARABLE: Final = "Nothing could be compared"
"""How the message of `monitor` begins if there are too few rows for every check."""
MOST_HOURS: Final = 10_000_000
LATE: Final = ("refuse", "drop", "arrival")
NIGHT: Final = "%Y-%m-%dT%H%M%SZ"
SETTINGS: Final = ".settings.json"
"""In the folder of scored rows: the options that they were scored with."""
NEED_NO_HEADER: Final = (".ndjson", ".jsonl")
"""How the names of exports end that hold nothing at all in a night without stories."""

log = logging.getLogger("nightly")


def typed(value: Any, name: str, kind: type | tuple[type, ...], wanted: str) -> Any:
    """A value of the options.

    Raises:
        InputError: It has another type.
    """
    if isinstance(value, bool) or not isinstance(value, kind):
        raise InputError(f"{name} is {value!r}, and it has to be {wanted}.", "nightly.toml has an example.")
    return value


@dataclass(frozen=True, kw_only=True)
class Job:
    """What all nights have in common; nightly.toml describes the fields."""

    text_col: str
    daily: DailyRequest
    exports: Path = Path("exports")
    scored: Path = Path("scored")
    reports: Path = Path("reports")
    max_age_hours: float = 26
    late: str = "refuse"
    revise: bool = False
    model: ScorerOptions = field(default_factory=ScorerOptions)
    rows: RowOptions = field(default_factory=RowOptions)
    run: RunOptions = field(default_factory=RunOptions)
    reference: tuple[Path, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_toml(cls, path: Path) -> "Job":
        """Read the options.

        Raises:
            InputError: The file cannot be read, or an option is missing, unknown or wrong.
        """
        raw = DailyRequest.read_toml(path)
        raw.pop("backfill", None)  # of pipelines/backfill, which can share the file
        tables: dict[str, Any] = {"model": ScorerOptions, "rows": RowOptions, "run": RunOptions, "daily": DailyRequest}
        options: dict[str, Any] = {name: kind.from_dict(raw.pop(name, {})) for name, kind in tables.items()}
        folders = {name: raw.pop(name) for name in ("exports", "scored", "reports") if name in raw}
        options |= {name: Path(typed(folder, name, str, "a path")) for name, folder in folders.items()}
        drift = typed(raw.pop("drift", {}), "drift", dict, "a table")
        reference = typed(drift.pop("reference", []), "reference", list, "a list of paths")
        thresholds = typed(drift.pop("thresholds", {}), "thresholds", dict, "a table of numbers")
        options |= {
            "reference": tuple(Path(typed(each, "reference", str, "a list of paths")) for each in reference),
            "thresholds": {name: typed(each, name, (int, float), "a number") for name, each in thresholds.items()},
        }
        unknown = {*raw, *drift} - {"text_col", "max_age_hours", "late", "revise"}
        if unknown or "text_col" not in raw or options["daily"].output is None:
            raise InputError(
                f"{path} has no option {', '.join(sorted(unknown))}." if unknown else f"{path} is incomplete.",
                "It needs text_col, and time_col and output in the table [daily]; nightly.toml has an example.",
            )
        typed(raw["text_col"], "text_col", str, "the name of a column")
        hours = typed(raw.get("max_age_hours", cls.max_age_hours), "max_age_hours", (int, float), "a number of hours")
        if not 0 < hours <= MOST_HOURS:
            raise InputError(f"max_age_hours is {hours}.", f"It has to be more than 0 and at most {MOST_HOURS:,}.")
        if (late := raw.get("late", cls.late)) not in LATE:
            raise InputError(f"late is {late!r}.", f"It has to be {', '.join(LATE)}.")
        if not isinstance(raw.get("revise", cls.revise), bool):
            raise InputError(f"revise is {raw['revise']!r}.", "It has to be true or false.")
        job = cls(**options, **raw)
        return replace(job, daily=replace(job.daily, text_col=job.text_col, prefix=job.rows.prefix))


class Stop:
    """Becomes true at the first Ctrl-C, SIGTERM or SIGHUP; the second ends the process at once."""

    def __init__(self) -> None:
        self.number = 0
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._receive)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.number = number
        signal.signal(number, signal.SIG_DFL)

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.number > 0

    def check(self) -> None:
        """Raise a StoppedError if it is time to stop."""
        if self():
            raise StoppedError("Stopped.", "The same command continues.")


def instant_of(path: Path) -> datetime:
    """The instant that a file is named after.

    Raises:
        InputError: It is named after something else.
    """
    name = path.name.partition(".")[0]
    try:
        return datetime.strptime(name, NIGHT).replace(tzinfo=UTC)
    except ValueError as error:
        raise InputError(
            f"{path} is not named after an instant in UTC.",
            "Name an export like 2024-02-05T210500Z.parquet, after the instant up to which it is complete. "
            "While it is written, its name has to begin with a dot.",
        ) from error


def exports_of(job: Job) -> dict[datetime, Path]:
    """The exports, oldest first.

    Raises:
        InputError: One is named otherwise, or two are of the same night.
    """
    if not job.exports.is_dir():
        raise InputError(f"There is no folder {job.exports}.", "The feed has to write its exports there.")
    found: dict[datetime, Path] = {}
    for path in sorted(path for path in job.exports.iterdir() if not path.name.startswith(".")):
        night = instant_of(path)
        if night in found:
            raise InputError(f"{found[night]} and {path} are of the same night.", "Keep one of them.")
        found[night] = path
    return dict(sorted(found.items()))


def scored_of(job: Job, night: datetime) -> Path:
    """The scored rows of a night."""
    return job.scored / f"{night.strftime(NIGHT)}.parquet"


def sha256(path: Path) -> str:
    """The hash of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def settings_of(job: Job) -> dict[str, Any]:
    """The options that scores depend on, by name."""
    model, rows = job.model.as_dict(), job.rows.as_dict()
    named = {f"{name} of [model]": value for name, value in model.items() if name != "device"}
    return {"text_col": job.text_col, **named, **{f"{name} of [rows]": value for name, value in rows.items()}}


def check_settings(job: Job) -> None:
    """Raise an InputError if earlier nights were scored with other options; the first night records them."""
    path, now = job.scored / SETTINGS, settings_of(job)
    before: dict[str, Any] | None = None
    if path.exists() and any(job.scored.glob("[!.]*.parquet")):
        try:
            before = dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"{path} is damaged.", f"Remove it, if the options are still those of {job.scored}."
            ) from error
    if before is None:
        write(path, now)
        return
    if changed := [name for name in {**before, **now} if before.get(name) != now.get(name)]:
        was = "; ".join(f"{name} was {before.get(name)!r} and is {now.get(name)!r}" for name in changed)
        raise InputError(
            f"{job.scored} holds rows that were scored with other options: {was}.",
            f"Give the same again. To begin with other options, move {job.scored}, {job.reports} and "
            f"{Path(str(job.daily.output)).stem}.* elsewhere and run the job on all exports. To use them from now on "
            f"only, remove {path}.",
        )


def score_nothing(job: Job, export: Path, output: Path) -> None:
    """Write the scored rows of a night without stories, whose export has no columns: those of an earlier night.

    Raises:
        InputError: There is no earlier night.
    """
    earlier = sorted(path for path in job.scored.glob("[!.]*Z.parquet") if path.name < output.name)
    if not earlier:
        raise InputError(
            f"{export} is empty, and no night before it has columns.", "Deliver a night with stories first."
        )
    part = output.with_name(f".{output.name}.part")
    pl.DataFrame(schema=pl.read_parquet_schema(earlier[-1])).write_parquet(part)
    part.replace(output)


def score(job: Job, export: Path, output: Path, stop: Stop) -> None:
    """Score an export, unless exactly this export has been scored already."""
    if export.name.lower().endswith(NEED_NO_HEADER) and not export.stat().st_size:
        score_nothing(job, export, output)
        return
    if output.exists():
        made = inspect(output)
        if made.intact and [source.sha256 for source in made.provenance.sources] == [sha256(export)]:
            return
    score_file(
        export, text_col=job.text_col, output=output, model=job.model, rows=job.rows, run=job.run, should_stop=stop
    )


def is_added(job: Job, scored: Path, night: datetime) -> bool:
    """Whether the daily features have the rows of a night.

    Raises:
        InputError: They extend to this night with other rows.
    """
    daily = Path(str(job.daily.output))
    if not daily.exists():
        return False
    made = inspect(daily).provenance
    reached = made.options.get("as_of")
    if reached is None or datetime.fromisoformat(reached) < night:
        return False
    if (scored.name, sha256(scored)) in [(source.file, source.sha256) for source in made.sources]:
        return True
    if datetime.fromisoformat(reached) > night:  # the update has a message for it
        return False
    raise InputError(
        f"{daily} extends to {scored.stem} already, and not with the rows of {scored}: the export was replaced after "
        "they were added.",
        "Put the earlier export back and run the command again. Or, from before this night, restore "
        f"{daily.name} and {daily.stem}.*.parquet next to it. Or make them once from all scored rows with "
        "sentiscore features --update --anew --revise.",
    )


def update(job: Job, scored: Path, night: datetime) -> None:
    """Add a night to the daily features, unless that was done before the job was stopped."""
    if is_added(job, scored, night):
        return
    try:
        done = update_daily(scored, replace(job.daily, as_of=night), late=job.late, revise=job.revise)
    except InputError:
        if is_added(job, scored, night):  # a stopped update of this night was finished just now
            return
        raise
    log.info("%s: %d new entity-days, up to %s", scored.stem, done.n_new, done.as_of)
    for n, what in ((done.n_repeated, "added before"), (done.n_late, f"late: {job.late}"), (done.n_revised, "revised")):
        if n:
            log.info("%s: %d %s", scored.stem, n, what)


def compare(job: Job, scored: Path) -> dict[str, Any]:
    """The report of a night: its rows, whether they have drifted, and how."""
    score_column = pl.col(f"{job.rows.prefix}sentiment")
    rows, with_score = pl.read_parquet(scored).select(pl.len(), score_column.count().alias("scored")).row(0)
    report: dict[str, Any] = {"night": scored.stem, "rows": rows, "rows_with_score": with_score}
    if not rows or not job.reference or scored in job.reference:
        return report | {"passed": True, "drift": None}
    if not with_score:
        return report | {"passed": False, "drift": None}
    try:
        drift = monitor(
            scored,
            reference=job.reference,
            text_col=job.text_col,
            target_col=job.rows.target_col,
            time_col=job.daily.time_col,
            tz=job.daily.tz,
            time_format=job.daily.time_format,
            time_unit=job.daily.time_unit,
            prefix=job.rows.prefix,
            thresholds=job.thresholds,
        )
    except InputError as error:
        if not error.message.startswith(INCOMPARABLE):
            raise
        log.warning("%s: %s", scored.stem, error.message)
        return report | {"passed": True, "drift": None, "reason": error.message}
    return report | {"passed": drift.passed, "drift": drift.to_dict()}


def write(path: Path, report: Mapping[str, Any]) -> None:
    """Write a report, all of it or nothing."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(report, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def one_night(job: Job, night: datetime, export: Path, stop: Stop) -> None:
    """Do what is left to do for a night."""
    scored = scored_of(job, night)
    steps: list[Callable[[], None]] = [
        lambda: score(job, export, scored, stop),
        lambda: update(job, scored, night),
    ]
    for step in steps:
        stop.check()
        step()
    stop.check()
    report = compare(job, scored)
    if not report["passed"]:
        report["returned"] = False
    write(job.reports / f"{scored.stem}.json", report)
    log.info("%s: %d rows, %s", scored.stem, report["rows"], "as before" if report["passed"] else "DRIFT")


def read_reports(job: Job) -> dict[datetime, dict[str, Any]]:
    """The reports of all finished nights, oldest first.

    Raises:
        InputError: One is damaged, or named otherwise.
    """
    found = {}
    for path in job.reports.glob("*.json"):
        night = instant_of(path)
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
            whole = isinstance(report["passed"], bool) and isinstance(report.get("returned", True), bool)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(path) from error
        if not whole:
            raise damaged(path)
        found[night] = report
    return dict(sorted(found.items()))


def damaged(path: Path) -> InputError:
    """The error of a report that cannot be used."""
    return InputError(f"{path} is damaged.", "Remove it: if its export is still there, its night is compared again.")


def return_alarms(job: Job) -> bool:
    """Whether a night has an alarm that no finished run has returned yet; from now on this run has."""
    found = False
    for night, report in read_reports(job).items():
        if not report.get("returned", True):
            path = job.reports / f"{night.strftime(NIGHT)}.json"
            log.warning("%s: DRIFT, see %s", path.stem, path)
            write(path, report | {"returned": True})
            found = True
    return found


def check_drift(job: Job, waiting: Iterable[datetime]) -> None:
    """Raise an InputError if nights cannot be compared: a threshold is wrong, or a file of the reference is missing.

    A file of the reference may be missing if its night is done before all that are compared.
    """
    if not job.reference and not job.thresholds:
        return
    try:
        monitor(pl.DataFrame(), reference=(), thresholds=job.thresholds)  # checks them before everything else
    except InputError as error:
        if not error.message.startswith("There is no reference"):
            raise
    first = itertools.takewhile(job.reference.__contains__, (scored_of(job, night) for night in waiting))
    made = set(first)
    for path in job.reference:
        if not path.exists() and path not in made:
            raise InputError(
                f"{path}, which [drift] names as reference, does not exist.",
                "Name scored files that exist, or those of nights that come before all others.",
            )


def run(job: Job, stop: Stop) -> int:
    """Do every night that is waiting; the exit code."""
    for folder in (job.scored, job.reports):
        folder.mkdir(parents=True, exist_ok=True)
    exports = exports_of(job)
    done = read_reports(job)
    waiting = {night: export for night, export in exports.items() if night not in done}
    check_drift(job, waiting)
    check_settings(job)
    for night, export in waiting.items():
        one_night(job, night, export, stop)
    nights = sorted(done.keys() | exports.keys())
    if not nights or nights[-1] < datetime.now(UTC) - timedelta(hours=job.max_age_hours):
        log.error("The newest night is %s: the feed has not written its export.", nights[-1] if nights else "missing")
        return FAILED
    alarm = return_alarms(job)
    if not waiting:  # so that a job that was killed just before its end ends as it would have
        alarm |= not done[nights[-1]]["passed"]
    return DRIFTED if alarm else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="nightly.py", description=__doc__)
    parser.add_argument("config", type=Path, help="the options, such as nightly.toml")
    config: Path = parser.parse_args(arguments).config
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    stop = Stop()
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: log.warning("%s", message)
        try:
            config = config.resolve()
            if config.is_file():
                os.chdir(config.parent)
            return run(Job.from_toml(config), stop)
        except StoppedError as error:
            log.error("%s %s", error.message, error.hint)  # noqa: TRY400 - the message says it all
            return STOPPED + stop.number
        except SentiscoreError as error:
            log.error("%s %s", error.message, error.hint)  # noqa: TRY400
            return FAILED


if __name__ == "__main__":
    sys.exit(main())
