"""`sentiscore features`: a file of scored rows -> daily features."""

from pathlib import Path

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
@options.TZ
@options.DAY_TZ
@click.option("--prefix", default="", help="The prefix that the scored columns were given.")
def command(
    scored: Path,
    output: Path | None,
    time_col: str,
    entity_col: str | None,
    tz: str | None,
    day_tz: str | None,
    prefix: str,
) -> None:
    """Make daily features of a file that `sentiscore score` wrote.

    One row for each entity and day, from the entity's first day to its last: n_docs, sent_mean, sent_std,
    pos_share, neg_share, neu_share, and available_at, the instant (UTC) when the day was over and its row
    could be known.

    \b
    sentiscore features news.scored.parquet --time-col published_at --entity-col ticker
    """
    from sentiscore.cli.show import daily_report
    from sentiscore.features.files import daily_file

    daily_report(
        daily_file(
            scored,
            output=output,
            time_col=time_col,
            entity_col=entity_col,
            tz=tz,
            day_tz=day_tz,
            prefix=prefix,
        )
    )
