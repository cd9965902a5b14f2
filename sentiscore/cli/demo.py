"""`sentiscore demo`: the main job on the sample news."""

from pathlib import Path

import click


@click.command("demo", short_help="Score the sample news and show the result.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default="demo",
    show_default=True,
    help="The folder for the results.",
)
def command(output: Path) -> None:
    """Score the sample news with the embedded model, and show the scored rows and the daily features.

    The news is about invented companies and comes with the package, so this needs no network.
    """
    import polars as pl

    from sentiscore.cli.show import frame_table, progress, summary_table
    from sentiscore.errors import OutputError
    from sentiscore.local import local_path
    from sentiscore.samples import sample_news
    from sentiscore.scoring.job import score_file

    output = local_path(output, OutputError)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {output} cannot be made: {error}.", "Choose another with --output.") from error
    with progress("scoring", "rows") as report:
        summary = score_file(
            sample_news(),
            text_col="headline",
            output=output / "news.scored.parquet",
            time_col="published_at",
            entity_col="ticker",
            daily=output / "news.daily.parquet",
            day_tz="America/New_York",
            on_progress=report,
        )
    frame_table(
        pl.read_parquet(summary.outputs[0], n_rows=8, glob=False, hive_partitioning=False),
        ["published_at", "ticker", "headline", "sentiment", "label", "status"],
        "The first scored rows",
    )
    frame_table(
        pl.read_parquet(summary.daily[0], n_rows=8, glob=False, hive_partitioning=False),
        ["unique_id", "ds", "available_at", "n_docs", "sent_mean", "pos_share"],
        "The first daily features",
    )
    summary_table(summary)
