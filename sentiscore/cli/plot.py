"""`sentiscore plot`: a file of daily features -> a page with their charts."""

from pathlib import Path

import click

from sentiscore.cli.options import PATH

_LIMIT = 100  # features.plot.MOST_ENTITIES, importing it would load polars; a test compares the two


@click.command("plot", short_help="Draw daily features as a page of interactive charts.")
@click.argument("daily", type=PATH)
@click.option("-o", "--output", type=PATH, help="The page.  [default: NAME.html beside the input]")
@click.option(
    "--entity",
    "entities",
    metavar="NAME",
    multiple=True,
    help="Draw this entity; may be given again.  [default: those with the most documents]",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=_LIMIT,
    show_default=True,
    metavar="N",
    help="Draw at most so many entities, where none is named.",
)
@click.option("--column", default="sent_mean", show_default=True, metavar="NAME", help="The column to draw.")
@click.option(
    "--target",
    type=PATH,
    metavar="FILE",
    help="Draw a series of this table over the features, such as prices: the columns ds, the one to draw, and "
    "unique_id unless it is the same for all entities.",
)
@click.option("--target-col", metavar="NAME", help="The target's column.  [default: its only one of numbers]")
@click.option("--title", help="The title of the page.  [default: it names the file]")
def command(
    daily: Path,
    output: Path | None,
    entities: tuple[str, ...],
    limit: int,
    column: str,
    target: Path | None,
    target_col: str | None,
    title: str | None,
) -> None:
    """Draw a file of daily features as one HTML page with interactive charts.

    DAILY is what `sentiscore features` or `sentiscore score --time-col` wrote. For each entity the page has
    the sentiment with its standard deviation and decayed mean (where the file has them), the sessions without
    news, and the documents, and a table of all entities. It holds everything it needs and makes no network
    request; it is about 5 MB, and more with many entities.

    \b
    sentiscore plot news.daily.parquet
    sentiscore plot news.daily.parquet --target prices.parquet --target-col close
    sentiscore plot news.daily.parquet --entity AAPL --entity MSFT --column sent_shrunk -o two.html
    """
    from sentiscore.cli.show import plot_report
    from sentiscore.nightly.plot_file import plot_file

    plot_report(
        plot_file(
            daily,
            output=output,
            entities=entities or None,
            limit=limit,
            column=column,
            title=title,
            target=target,
            target_col=target_col,
        )
    )
