"""`sentiscore score`: a text column of files -> scored rows, and daily features."""

import glob
from pathlib import Path
from typing import Any

import click

from sentiscore.cli import options


@click.command("score", short_help="Score a text column of CSV, parquet or ndjson files.")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--text-col", required=True, metavar="NAME", help="The column of texts.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="A .parquet, .csv or .ndjson file for the rows of all inputs together.  [default: NAME.scored.parquet "
    "beside each input]",
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
def command(inputs: tuple[str, ...], columns: str | None, text_col: str, output: Path | None, **settings: Any) -> None:
    """Score a text column of CSV, parquet or ndjson files of any size.

    Every row comes out once, in order, with all its columns and p_negative, p_positive, p_neutral (where the
    model has it), sentiment, label, n_tokens, n_windows (with --overflow windows) and status (ok, truncated,
    empty or null). Inputs may be patterns in quotes. With --time-col the daily features are written in the
    same pass.

    \b
    sentiscore score news.parquet --text-col headline
    sentiscore score 'news/*.csv.gz' --text-col headline -o all.parquet
    sentiscore score news.csv --text-col headline --time-col published_at --entity-col ticker
    """
    from sentiscore.cli.show import progress, summary_table
    from sentiscore.scoring.job import score_file

    config = options.daily_config(settings)
    with progress("scoring", "rows") as report:
        summary = score_file(
            expand(inputs),
            text_col=text_col,
            output=output,
            columns=options.split(columns),
            config=config,
            on_progress=report,
            **settings,
        )
    summary_table(summary)


def expand(inputs: tuple[str, ...]) -> list[str]:
    """Patterns -> the files that they match, sorted; names that are no pattern stay as they are."""
    files: list[str] = []
    for item in inputs:
        if not glob.has_magic(item) or Path(item).exists():
            files.append(item)
            continue
        matches = sorted(glob.glob(item, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
        if not matches:
            raise click.BadParameter(f"no file matches the pattern {item!r}.", param_hint="INPUT")
        files.extend(matches)
    return files
