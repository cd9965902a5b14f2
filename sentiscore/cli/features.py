"""`sentiscore features`: a file of scored rows -> daily features."""

from pathlib import Path
from typing import Any

import click

from sentiscore.cli import options


@click.command("features", short_help="Make daily features of scored rows.")
@click.argument("scored", type=click.Path(path_type=Path))
@click.option("--time-col", required=True, metavar="NAME", help=options.TIME_COL)
@click.option("--entity-col", metavar="NAME", help=options.ENTITY_COL)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="A .parquet, .csv or .ndjson file.  [default: NAME.daily.parquet beside the input]",
)
@click.option("--text-col", metavar="NAME", help="The column of texts: counts distinct ones, and tells repeats.")
@options.daily
@click.option("--prefix", default="", help="The prefix that the scored columns were given.")
def command(scored: Path, **settings: Any) -> None:
    """Make daily features of a file that `sentiscore score` wrote.

    One row for each entity and session, from the entity's first to its last: counts, sentiment, shares, decayed
    means and surprises, and available_at, the instant (UTC) at which the row could be known. No column of a row
    depends on a text of a later session. docs/reference/columns.md describes each column.

    \b
    sentiscore features news.scored.parquet --time-col published_at --entity-col ticker
    sentiscore features news.scored.parquet --time-col published_at --entity-col ticker --calendar XNYS
    """
    from sentiscore.cli.show import daily_report
    from sentiscore.features.files import daily_file

    config = options.daily_config(settings)
    daily_report(daily_file(scored, config=config, **settings))
