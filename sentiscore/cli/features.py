"""`sentiscore features`: a file of scored rows -> daily features."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentiscore.cli import json_log, options

if TYPE_CHECKING:
    from sentiscore.features import DailyRequest
    from sentiscore.storage.options import StorageOptions
    from sentiscore.tables.dialect import CsvDialect


@click.command("features", short_help="Make daily features of scored rows.")
@click.argument("scored", type=options.PATH)
@click.option("--time-col", required=True, metavar="NAME", help=options.TIME_COL)
@click.option("--entity-col", metavar="NAME", help=options.ENTITY_COL)
@click.option(
    "-o",
    "--output",
    type=options.PATH,
    help="A .parquet, .csv or .ndjson file.  [default: NAME.daily.parquet beside the input]",
)
@click.option("--text-col", metavar="NAME", help="The column of texts: counts distinct ones, and tells repeats.")
@options.daily("time_col", "entity_col", "text_col", "as_of", "prefix")
@click.option(
    "--update",
    "daily",
    type=options.PATH,
    metavar="DAILY",
    help="Add the rows to this daily file, or make it, up to now; what it has published does not change.",
)
@click.option(
    "--as-of",
    metavar="INSTANT",
    help="Make rows up to the last session that was closed at this instant, such as 2024-02-05T21:05:00Z, without "
    "later texts.  [default: with --update now; else up to the last text]",
)
@click.option("--revise", is_flag=True, help="With --update: let published sessions change, and keep the old values.")
@click.option("--anew", is_flag=True, help="With --update: SCORED has all rows; make the file from them alone.")
@click.option(
    "--late",
    type=click.Choice(["refuse", "drop", "arrival"]),
    default="refuse",
    show_default=True,
    help="With --update: rows of sessions that are published already. Refuse them all, drop them into NAME.late.* "
    "beside SCORED, or count them for the first session that is still open.",
)
@click.option(
    "--csv-as-is",
    is_flag=True,
    help="Into a .csv, write entities as they are, though a spreadsheet may run one that begins with = + - or @.",
)
@click.option("--prefix", default="", help="The prefix that the scored columns were given.")
@click.option(
    "--log-json",
    is_flag=True,
    callback=json_log.switched,
    help="Tell of each warning and the end as JSON on stderr, one object a line.",
)
@options.storage
@options.csv
def command(
    scored: Path,
    output: Path | None,
    daily: Path | None,
    revise: bool,
    anew: bool,
    late: str,
    csv_as_is: bool,
    log_json: bool,
    request: "DailyRequest",
    dialect: "CsvDialect",
    storage: "StorageOptions",
) -> None:
    """Make daily features of a file that `sentiscore score` wrote.

    One row for each entity and session, from the entity's first to the last of any: counts, sentiment, shares, decayed
    means and surprises, and available_at, the instant (UTC) at which the row could be known. No column of a row
    depends on a text of a later session. docs/reference/columns.md describes each column.

    \b
    sentiscore features news.scored.parquet --time-col published_at --entity-col ticker
    sentiscore features news.scored.parquet --time-col published_at --entity-col ticker --calendar XNYS
    sentiscore features today.scored.parquet --time-col published_at --entity-col ticker --update daily.parquet
    """
    from sentiscore.cli.show import daily_report, result_fields
    from sentiscore.cli.stdin import stdin_as_file
    from sentiscore.nightly.daily_file import DailyFile, daily_file
    from sentiscore.nightly.update_daily import update_daily

    if daily is not None and output is not None:
        raise click.UsageError("--update names the file that is written, so leave --output out.")
    if daily is None and (revise or anew or late != "refuse"):
        raise click.UsageError("--revise, --anew and --late go with --update.")
    if anew and late != "refuse":
        raise click.UsageError("With --anew no row is late: leave --late out, or --anew.")
    done: DailyFile
    with stdin_as_file([str(scored)], [output, daily]) as (path,):
        if daily is None:
            done = daily_file(path, request, output=output, dialect=dialect, csv_as_is=csv_as_is, storage=storage)
        else:
            done = update_daily(path, request, daily=daily, revise=revise, anew=anew, late=late, dialect=dialect)
    if log_json:
        json_log.event("done", **result_fields(done))
    daily_report(done)
