"""`sentiscore plan`: how long a scoring job takes, what bounds it, and what it holds."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiscore.cli import options

if TYPE_CHECKING:
    from sentiscore.scoring.options import ScorerOptions
    from sentiscore.tables.dialect import CsvDialect


def _scorer(**fields: Any) -> "ScorerOptions":
    from sentiscore.scoring.options import ScorerOptions

    return ScorerOptions(**fields)


def _numbers(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, ...]:
    parts = [one.strip() for one in options.split(value) or ()]
    if not all(one.isdecimal() and int(one) for one in parts):
        raise click.BadParameter(f"{value!r} is not a list of whole numbers from 1, such as 1,4,16.")
    return tuple(map(int, parts))


@click.command("plan", short_help="Measure for a few seconds how long a scoring job takes, and what it holds.")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--text-col", required=True, metavar="NAME", help="The column of texts.")
@options.MODEL
@options.REVISION
@options.LABELS
@options.DEVICE
@options.DTYPE
@options.MAX_LENGTH
@options.CLEAN
@click.option(
    "--overflow",
    type=click.Choice(["truncate", "windows"]),
    default="truncate",
    show_default=True,
    help="A text longer than that: read its beginning, or cut it into windows.",
)
@options.csv
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=8.0,
    show_default=True,
    help="How long to run the model. The other stages take as long again at most, or one window of rows.",
)
@click.option(
    "--workers",
    metavar="N,N",
    default="1,2,4,8,16,32,64",
    show_default=True,
    callback=_numbers,
    help="Numbers of workers (score --engine ray --workers N) to compute the time for; on a GPU, of GPUs.",
)
@click.option(
    "--cpus-per-worker", type=click.IntRange(min=1), default=1, show_default=True, help="Cores of each of them."
)
@click.option(
    "--json", "json_file", type=options.PATH, metavar="FILE", help="Write it as JSON too; - for stdout alone."
)
@options.grouped(
    "scorer", _scorer, ("model", "revision", "labels", "device", "dtype", "max_length", "overflow", "clean")
)
def command(
    inputs: tuple[str, ...],
    text_col: str,
    scorer: "ScorerOptions",
    dialect: "CsvDialect",
    seconds: float,
    workers: tuple[int, ...],
    cpus_per_worker: int,
    json_file: Path | None,
) -> None:
    """Measure a sample of a scoring job, and compute how long all of it takes here and with workers.

    Rows from several positions of the input are copied to a temporary folder, and every stage of `sentiscore score`
    runs on them and is timed. Only the sample of a CSV is checked. docs/explanation/scaling.md explains what is
    measured and what is computed.

    \b
    sentiscore plan news.parquet --text-col headline
    sentiscore plan news.csv.gz --text-col headline --device cuda --seconds 20
    sentiscore plan news.parquet --text-col headline --workers 4,16 --cpus-per-worker 4 --json plan.json
    """
    from sentiscore.cli.show import line
    from sentiscore.cli.show_plan import plan_report
    from sentiscore.cli.stdin import stdin_as_file
    from sentiscore.disk.durable import write_text
    from sentiscore.disk.permission import check_file_target
    from sentiscore.errors import OutputError
    from sentiscore.planning.plan_job import plan_job
    from sentiscore.scoring.patterns import expand_patterns

    files = expand_patterns(inputs)
    to_stdout = json_file == Path("-")
    if json_file is not None and not to_stdout:
        if json_file.resolve() in {Path(path).resolve() for path in files}:
            raise OutputError(f"{json_file} is a file that is read.", "Choose another path with --json.")
        check_file_target(json_file)
    with stdin_as_file(files, ["-"]) as paths:
        plan = plan_job(
            paths,
            text_col=text_col,
            model=scorer,
            dialect=dialect,
            seconds=seconds,
            workers=workers,
            cpus_per_worker=cpus_per_worker,
        )
    text = json.dumps(plan.to_dict(), indent=2, allow_nan=False)
    if to_stdout:
        click.echo(text)
        return
    plan_report(plan)
    if json_file is not None:
        write_text(json_file, text + "\n")
        line(f"written: {json_file}")
