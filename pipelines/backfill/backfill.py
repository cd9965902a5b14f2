"""The back-fill: scores years of news on a Ray cluster, one year after the other, and makes the daily features.

python backfill.py backfill.toml

The same command continues after whatever stopped it: finished years are kept, and so are the finished windows of the
year that was being scored. README.md describes the options.
"""

import argparse
import hashlib
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sentiscore import (
    DailyRequest,
    InputError,
    Parallel,
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

log = logging.getLogger("backfill")


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
        own = raw.get("backfill", {})
        tables: dict[str, Any] = {"model": ScorerOptions, "rows": RowOptions, "daily": DailyRequest}
        options: dict[str, Any] = {name: kind.from_dict(raw.get(name, {})) for name, kind in tables.items()}
        options["parallel"] = Parallel.from_dict(own.pop("parallel", {}))
        options |= {name: Path(own.pop(name)) for name in ("years", "scored") if name in own}
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
            as_of = datetime.fromisoformat(own["as_of"])
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


def is_scored(output: Path, files: Sequence[Path]) -> bool:
    """Whether exactly these files have been scored to an output that is whole."""
    if not output.exists():
        return False
    made = inspect(output)
    hashes = []
    for path in files:
        with path.open("rb") as file:
            hashes.append(hashlib.file_digest(file, "sha256").hexdigest())
    return made.intact is True and [source.sha256 for source in made.provenance.sources] == hashes


def add_up(job: Job) -> None:
    """Make the daily features of all years, unless they extend that far already."""
    daily = Path(str(job.daily.output))
    if daily.exists():
        reached = inspect(daily).provenance.options.get("as_of")
        if reached is not None and datetime.fromisoformat(reached) >= job.as_of:
            log.info("%s extends to %s already", daily, reached)
            return
    done = update_daily(job.scored, job.daily, anew=True)
    log.info("%s: %d rows, up to %s", daily, done.made.height, done.as_of)


def run(job: Job) -> None:
    """Score every year that is not scored yet, then make the daily features."""
    job.scored.mkdir(parents=True, exist_ok=True)
    for year, files in years_of(job).items():
        output = job.scored / f"{year}.parquet"
        if is_scored(output, files):
            log.info("%s: scored already", year)
            continue
        done = score_file(
            files,
            text_col=job.text_col,
            output=output,
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
