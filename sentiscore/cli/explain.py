"""`sentiscore explain`: the texts that a day's value is made of."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentiscore.cli import options

if TYPE_CHECKING:
    from sentiscore.tables.dialect import CsvDialect


@click.command("explain", short_help="Show the texts that a day's value is made of.")
@click.argument("daily", type=options.PATH)
@click.argument("scored", type=options.PATH, nargs=-1, required=True)
@click.option("--ds", required=True, metavar="DATE", help="The day, as in the column ds, such as 2024-02-05.")
@click.option("--entity", metavar="NAME", help="The entity, as in unique_id.  [default: the only one]")
@click.option(
    "--column",
    default="sent_mean",
    show_default=True,
    metavar="NAME",
    help="The value: sent_mean, a share, uncertainty, tone_mean, or a decayed mean.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="Show at most so many texts; the others are summed up in one line.",
)
@click.option(
    "--calendar",
    metavar="FILE",
    help="The file of sessions that DAILY was made with; exchanges and calendar days are known by name.",
)
@click.option(
    "-o",
    "--output",
    type=options.PATH,
    help="Also write all of the texts to this .parquet, .csv or .ndjson file.",
)
@options.csv
def command(
    daily: Path,
    scored: tuple[Path, ...],
    ds: str,
    entity: str | None,
    column: str,
    limit: int,
    calendar: str | None,
    output: Path | None,
    dialect: "CsvDialect",
) -> None:
    """Show the texts that a day's value is made of, the largest contributions first.

    DAILY is what `sentiscore features` or `sentiscore score --time-col` wrote, and SCORED the scored rows that it was
    made of; after updates, those of all nights. The options of the daily features are read from DAILY. The
    contributions sum to the value; rows that DAILY was not made of are refused.

    \b
    sentiscore explain news.daily.parquet news.scored.parquet --entity AAPL --ds 2024-02-05
    sentiscore explain news.daily.parquet news.scored.parquet --entity AAPL --ds 2024-02-05 --column sent_decay_5
    """
    from sentiscore.cli.show_explained import explained_report
    from sentiscore.nightly.explain_file import explain_file

    explained_report(
        explain_file(
            daily,
            scored,
            ds=ds,
            entity=entity,
            column=column,
            calendar=calendar,
            output=output,
            dialect=dialect,
        ),
        limit,
    )
