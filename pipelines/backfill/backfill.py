"""The back-fill: scores years of news on a Ray cluster, one year after the other, and makes the daily features.

python backfill.py backfill.toml

The same command continues after whatever stopped it: finished years are kept, and so are the finished windows of the
year that was being scored. README.md describes the options.
"""

import argparse
import hashlib
import json
import logging
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sentiscore import (
    DailyRequest,
    InputError,
    Parallel,
    Provenance,
    RowOptions,
    RunOptions,
    ScorerOptions,
    SentiscoreError,
    inspect,
    score_file,
    update_daily,
)

FAILED: Final = 1
INTERRUPTED: Final = 130
SETTINGS: Final = ".settings.json"
"""In the folder of scored rows: the options that they were scored with."""

log = logging.getLogger("backfill")


def typed(value: Any, name: str, kind: type, wanted: str) -> Any:
    """A value of the options.

    Raises:
        InputError: It has another type.
    """
    if not isinstance(value, kind):
        raise InputError(f"{name} is {value!r}, and it has to be {wanted}.", "backfill.toml has an example.")
    return value


@dataclass(frozen=True, kw_only=True)
class Job:
    """The options; backfill.toml describes the fields."""

    text_col: str
    daily: DailyRequest
    as_of: datetime
    years: Path = Path("years")
    scored: Path = Path("history")
    model: ScorerOptions = field(default_factory=ScorerOptions)
    rows: RowOptions = field(default_factory=RowOptions)
    parallel: Parallel = field(default_factory=Parallel)

    @classmethod
    def from_toml(cls, path: Path) -> "Job":
        """Read the options; those that only pipelines/nightly needs are left out.

        Raises:
            InputError: The file cannot be read, or an option is missing, unknown or wrong.
        """
        raw = DailyRequest.read_toml(path)
        own = typed(raw.get("backfill", {}), "backfill", dict, "a table")
        tables: dict[str, Any] = {"model": ScorerOptions, "rows": RowOptions, "daily": DailyRequest}
        options: dict[str, Any] = {name: kind.from_dict(raw.get(name, {})) for name, kind in tables.items()}
        options["parallel"] = Parallel.from_dict(own.pop("parallel", {}))
        folders = {name: own.pop(name) for name in ("years", "scored") if name in own}
        options |= {name: Path(typed(folder, name, str, "a path")) for name, folder in folders.items()}
        typed(raw.get("text_col", ""), "text_col", str, "the name of a column")
        if "text_col" not in raw or own.keys() != {"as_of"} or options["daily"].output is None:
            raise InputError(
                f"The options in {path} are incomplete, or one of [backfill] does not exist.",
                "They need text_col, time_col and output in [daily], and as_of in [backfill]; backfill.toml has an "
                "example.",
            )
        if options["rows"].bad_rows == "drop":
            raise InputError(
                "Rows that are set aside would be read with the years.", 'Say bad_rows = "keep" in the table [rows].'
            )
        try:
            as_of = own["as_of"] if isinstance(own["as_of"], datetime) else datetime.fromisoformat(own["as_of"])
        except (TypeError, ValueError) as error:
            raise InputError(
                f"The as_of of {path} is not an instant.", 'Write it as "2024-01-31T21:05:00Z".'
            ) from error
        job = cls(text_col=raw["text_col"], as_of=as_of, **options)
        return replace(job, daily=replace(job.daily, text_col=job.text_col, prefix=job.rows.prefix, as_of=job.as_of))


def years_of(job: Job) -> dict[str, list[Path]]:
    """The files of each year, oldest first.

    Raises:
        InputError: There is none.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(job.years.glob("[!.]*")):
        files = sorted(path.glob("[!.]*")) if path.is_dir() else [path]
        found.setdefault(path.name.partition(".")[0], []).extend(files)
    if not any(found.values()):
        raise InputError(f"There are no files in {job.years}.", "Put a file or a folder of files there for each year.")
    return found


def sha256(path: Path) -> str:
    """The hash of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_scored(output: Path, files: Sequence[Path]) -> bool:
    """Whether exactly these files have been scored to an output that is whole."""
    if not output.exists():
        return False
    made = inspect(output)
    return made.intact is True and [source.sha256 for source in made.provenance.sources] == list(map(sha256, files))


def settings_of(job: Job) -> dict[str, Any]:
    """The options that scores depend on, by name."""
    model, rows = job.model.as_dict(), job.rows.as_dict()
    named = {f"{name} of [model]": value for name, value in model.items() if name != "device"}
    return {"text_col": job.text_col, **named, **{f"{name} of [rows]": value for name, value in rows.items()}}


def check_settings(job: Job) -> None:
    """Raise an InputError if finished years were scored with other options; the first run records them."""
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
        part = path.with_name(f"{path.name}.part")
        part.write_text(json.dumps(now, indent=2), encoding="utf-8")
        part.replace(path)
        return
    if changed := [name for name in {**before, **now} if before.get(name) != now.get(name)]:
        was = "; ".join(f"{name} was {before.get(name)!r} and is {now.get(name)!r}" for name in changed)
        raise InputError(
            f"{job.scored} holds years that were scored with other options: {was}.",
            f"Give the same again. Or move {job.scored} elsewhere and run the same command, which scores all years.",
        )


def check_history(job: Job, years: Iterable[str]) -> None:
    """Raise an InputError if scored rows of a year that was renamed or removed would be counted."""
    known = {f"{year}.parquet" for year in years}
    for path in sorted(job.scored.glob("[!.]*")):
        if path.name not in known and not path.name.endswith(".provenance.json"):
            raise InputError(
                f"{path} belongs to none of the years in {job.years}, and its rows would be counted.",
                "Move it elsewhere, or put its year back, and run the same command again.",
            )


def daily_of(job: Job) -> Provenance | None:
    """What the daily features say of how they were made; None if there are none."""
    daily = Path(str(job.daily.output))
    return inspect(daily).provenance if daily.exists() else None


def extends(job: Job, made: Provenance) -> bool:
    """Whether daily features reach the instant of the back-fill."""
    reached = made.options.get("as_of")
    return reached is not None and datetime.fromisoformat(reached) >= job.as_of


def is_of_history(job: Job, made: Provenance) -> bool:
    """Whether daily features were made from the scored years as they are now, as far as they say so."""
    if made.n_sources > len(made.sources):
        log.warning("%s names only its newest sources, so it was not compared with %s", job.daily.output, job.scored)
        return True
    files = sorted(path for path in job.scored.glob("[!.]*") if not path.name.endswith(".provenance.json"))
    listing = "".join(f"{sha256(path)}  {path.name}\n" for path in files)  # the hash of a folder is that of its listing
    return made.sources[0].sha256 == hashlib.sha256(listing.encode()).hexdigest()


def check_nights(job: Job, *, waiting: bool) -> None:
    """Raise an InputError if the years have changed since nights were added to their daily features.

    Args:
        job: The options.
        waiting: Whether a year has to be scored.
    """
    made = daily_of(job)
    if made is None or not extends(job, made):
        return
    alone = made.n_sources == 1 and datetime.fromisoformat(made.options["as_of"]) == job.as_of
    if not alone and (waiting or not is_of_history(job, made)):
        daily = Path(str(job.daily.output))
        raise InputError(
            f"{daily} was made from other years than those in {job.years}, and it has been extended since.",
            f"Move {daily.stem}.* elsewhere and run the same command again. Then move the reports of the nightly job "
            "elsewhere and run it with all exports since the years in place.",
        )


def add_up(job: Job) -> None:
    """Make the daily features of all years, unless that is done already.

    Those of other years are made again; their old values go into the revisions next to them.
    """
    daily, made = job.daily.output, daily_of(job)
    if made is not None and extends(job, made) and is_of_history(job, made):
        log.info("%s extends to %s already", daily, made.options["as_of"])
        return
    done = update_daily(job.scored, job.daily, anew=True, revise=made is not None and made.n_sources == 1)
    log.info("%s: %d rows, up to %s, %d of them revised", daily, done.made.height, done.as_of, done.n_revised)


def run(job: Job) -> None:
    """Score every year that is not scored yet, then make the daily features."""
    job.scored.mkdir(parents=True, exist_ok=True)
    years = years_of(job)
    check_history(job, years)
    check_settings(job)
    scored = {year for year, files in years.items() if is_scored(job.scored / f"{year}.parquet", files)}
    check_nights(job, waiting=scored != years.keys())
    for year, files in years.items():
        if year in scored:
            log.info("%s: scored already", year)
            continue
        done = score_file(
            files,
            text_col=job.text_col,
            output=job.scored / f"{year}.parquet",
            model=job.model,
            rows=job.rows,
            run=RunOptions(parallel=job.parallel),
        )
        log.info("%s: %d rows, %d of them by an earlier run", year, done.rows, done.n_resumed)
    add_up(job)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="backfill.py", description=__doc__)
    parser.add_argument("config", type=Path, help="the options, such as backfill.toml")
    config: Path = parser.parse_args(arguments).config
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: log.warning("%s", message)
        try:
            config = config.resolve()
            if config.is_file():
                os.chdir(config.parent)
            run(Job.from_toml(config))
        except KeyboardInterrupt:
            log.error("Stopped. The same command continues.")  # noqa: TRY400 - the message says it all
            return INTERRUPTED
        except SentiscoreError as error:
            log.error("%s %s", error.message, error.hint)  # noqa: TRY400
            return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
