"""`sentiscore score`: a text column of files -> scored rows, and daily features."""

import glob
import itertools
import os
import shlex
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiscore.cli import json_log, options, signals

if TYPE_CHECKING:
    from sentiscore.scoring.tally import WindowDone


@click.command("score", short_help="Score a text column of CSV, parquet or ndjson files.")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--text-col", required=True, metavar="NAME", help="The column of texts.")
@click.option(
    "-o",
    "--output",
    metavar="FILE|FOLDER/",
    help="A .parquet, .csv or .ndjson file for the rows of all inputs together, or FOLDER/ for parts of it.  "
    "[default: NAME.scored.parquet beside each input]",
)
@click.option(
    "-m",
    "--model",
    default="default",
    show_default=True,
    help="default (inside the package), a folder or a hub id.",
)
@options.REVISION
@options.LABELS
@options.DEVICE
@options.DTYPE
@click.option(
    "--max-length", type=click.IntRange(min=3), help="Tokens of a text that are read.  [default: the model's]"
)
@click.option(
    "--overflow",
    type=click.Choice(["truncate", "windows"]),
    default="truncate",
    show_default=True,
    help="A text longer than that: read its beginning, or cut it into windows and take the mean of their "
    "probabilities, weighted by tokens.",
)
@click.option(
    "--bad-rows",
    type=click.Choice(["keep", "drop", "fail"]),
    default="keep",
    show_default=True,
    help="Rows whose text is null, empty, unknown to the model or cannot be decoded: keep them with a status and no "
    "scores, drop them into NAME.rejected.* with the reason, or fail.",
)
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Go on after the finished windows of a job that was stopped, or throw them away.",
)
@click.option(
    "--csv-as-is",
    is_flag=True,
    help="Write cells of a CSV as they are; otherwise those that a spreadsheet would take as a formula begin with '.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Keep the answers there, and score only texts that are not known there yet.",
)
@click.option(
    "--cache-size",
    "cache_bytes",
    metavar="SIZE",
    default="1GiB",
    show_default=True,
    callback=lambda _ctx, _param, value: options.size(value),
    help="What the answers may take on disk; those that were not used for longest go.",
)
@click.option(
    "--max-memory",
    metavar="SIZE",
    callback=lambda _ctx, _param, value: None if value is None else options.size(value),
    help="The most memory to hold, such as 2GB (on Linux only): windows are smaller for it, and past it the job ends "
    "as a stopped one.",
)
@options.csv
@click.option("--limit", type=click.IntRange(min=0), metavar="ROWS", help="Score only so many rows from the beginning.")
@click.option("--columns", metavar="NAME,NAME", help="Input columns to keep in the output.  [default: all]")
@click.option("--prefix", default="", help="Put before the name of each added column, against name clashes.")
@click.option("--time-col", metavar="NAME", help=f"{options.TIME_COL} Writes the daily features too.")
@click.option("--entity-col", metavar="NAME", help=options.ENTITY_COL)
@click.option(
    "--daily",
    type=click.Path(path_type=Path),
    help="Where the daily features go.  [default: NAME.daily.parquet beside the input or the output]",
)
@options.daily
@click.option(
    "--log-json",
    is_flag=True,
    help="Tell of each window, each warning and the end as JSON on stderr, one object a line.",
)
def command(inputs: tuple[str, ...], columns: str | None, text_col: str, log_json: bool, **settings: Any) -> None:
    """Score a text column of CSV, parquet or ndjson files of any size.

    Every row comes out once, in order, with all its columns and p_negative, p_positive, p_neutral (where the
    model has it), sentiment, label, n_tokens, n_windows (with --overflow windows), unknown_share and status (ok,
    truncated, empty, null, undecodable or unknown). Inputs may be patterns in quotes, and folders of files of one
    format, in which folders called KEY=VALUE are columns. With --time-col the daily features are written in the
    same pass.

    The output takes its place when all of it is written and was read back. A job that is stopped or killed
    keeps its finished windows beside the output, and the same command goes on from there; SIGTERM lets it
    finish the window in hand.

    \b
    sentiscore score news.parquet --text-col headline
    sentiscore score 'news/*.csv.gz' --text-col headline -o all.parquet
    sentiscore score news.csv --text-col headline --time-col published_at --entity-col ticker
    """
    from sentiscore.cli.show import progress, summary_table
    from sentiscore.scoring.job import score_file

    json_log.switch(on=log_json)
    config = options.daily_config(settings)
    files = expand(inputs)
    csv = options.csv_dialect(settings).to_dict()

    def on_phase(output: Path, phase: str) -> None:
        signals.be_patient(now=phase == "scoring")
        if log_json:
            json_log.event(phase, output=output)

    with progress("scoring", "rows", hidden=log_json) as report:
        summary = score_file(
            files,
            text_col=text_col,
            columns=options.split(columns),
            config=config,
            on_progress=report,
            on_window=_tell if log_json else None,
            on_phase=on_phase,
            should_stop=signals.was_asked,
            **csv,
            **settings,
        )
    if log_json:
        json_log.event("done", **asdict(summary))
    summary_table(summary)


def _tell(window: "WindowDone") -> None:
    json_log.event("window", **asdict(window))


def expand(inputs: tuple[str, ...]) -> list[str]:
    """Patterns -> the files that they match, sorted and each once; names that are no pattern stay as they are.

    What an earlier run has written beside the files of a pattern by default is left out. Folders KEY=VALUE that a
    pattern matches are warned about, since their keys are columns only of a folder that is an input itself.

    Raises:
        InputError: A pattern matches no file, or is an address.
    """
    from sentiscore.errors import InputError
    from sentiscore.local import local_path, with_home
    from sentiscore.nightly.daily_file import beside

    files: list[str] = []
    for item in inputs:
        local_path(item)  # refuses an address, which may look like a pattern
        if not glob.has_magic(item) or os.path.exists(item):  # noqa: PTH110 - False without permission
            files.append(item)
            continue
        matches = sorted(glob.glob(with_home(item), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
        made = {str(beside(Path(match), what)) for match in matches for what in ("scored", "rejected", "daily")}
        found = [match for match in matches if str(Path(match)) not in made and match not in files]
        if not matches:
            raise InputError(f"No file matches the pattern {item!r}.", "Check it; it is seen from this folder.")
        _warn_of_keys(with_home(item), found)
        files.extend(found)
    return files


def _warn_of_keys(pattern: str, found: list[str]) -> None:
    """Warn if a pattern matches folders KEY=VALUE, whose keys would be columns if the folder above were the input."""
    from sentiscore.errors import SentiscoreWarning

    above = list(itertools.takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))
    for match in found:
        path = Path(match)
        folders = path.parts[len(above) :] if path.is_dir() else path.parts[len(above) : -1]
        if keys := [part.partition("=")[0] for part in folders if part.find("=") > 0]:
            warnings.warn(
                f"The pattern {pattern!r} matches files in folders KEY=VALUE, whose keys ({', '.join(keys)}) do not "
                f"become columns this way. To keep them, name the folder instead: {shlex.quote(str(Path(*above)))}",
                SentiscoreWarning,
                stacklevel=2,
            )
            return
