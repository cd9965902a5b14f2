"""`sentiscore demo`: the main job on the sample news."""

from pathlib import Path

import click

from sentiscore.cli.options import PATH


@click.command("demo", short_help="Score the sample news and show the result.")
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="DIRECTORY",
    default="demo",
    show_default=True,
    help="The folder for the results.",
)
def command(output: Path) -> None:
    """Score the sample news with the embedded model, and show the scored rows and the daily features.

    The news is about invented companies and comes with the package, so this needs no network.
    """
    import polars as pl

    from sentiscore.cli.show import frame_table, progress, reporting, summary_table
    from sentiscore.scoring.demo import demo

    with progress("scoring", "rows") as report:
        summary = demo(output, on_event=reporting(report))
    frame_table(
        pl.read_parquet(summary.outputs[0], n_rows=8, glob=False, hive_partitioning=False),
        ["published_at", "ticker", "headline", "sentiment", "tone", "label", "status"],
        "The first scored rows",
    )
    frame_table(
        pl.read_parquet(summary.daily[0], n_rows=8, glob=False, hive_partitioning=False),
        ["unique_id", "ds", "available_at", "n_docs", "sent_mean", "pos_share"],
        "The first daily features",
    )
    summary_table(summary)
