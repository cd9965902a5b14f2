"""`sentiscore score`: a text column of files -> scored rows, and daily features."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from sentiscore.cli import json_log, options, signals

if TYPE_CHECKING:
    from sentiscore.features import DailyRequest
    from sentiscore.scoring.events import Event
    from sentiscore.scoring.options import Parallel, RowOptions, RunOptions, ScorerOptions


def _scorer(**fields: Any) -> "ScorerOptions":
    from sentiscore.scoring.options import ScorerOptions

    return ScorerOptions(**fields)


def _rows(**fields: Any) -> "RowOptions":
    from sentiscore.scoring.options import RowOptions

    return RowOptions(**fields)


def _run(**fields: Any) -> "RunOptions":
    from sentiscore.scoring.options import RunOptions

    return RunOptions(**fields)


def _parallel(**fields: Any) -> "Parallel":
    from sentiscore.scoring.options import Parallel

    return Parallel(**{name: value for name, value in fields.items() if value is not None})


def _devices(_context: click.Context, _parameter: click.Parameter, value: str | None) -> list[str] | str | None:
    return value if value == "all" else options.split(value)


@dataclass(frozen=True)
class Given:
    """What to score: a column of files, or texts."""

    inputs: tuple[str, ...]
    text_col: str | None
    texts: tuple[str, ...]

    def column(self) -> str:
        """The column of texts, once it is certain that there are files and no texts.

        Raises:
            click.UsageError: Something is missing, or there are both.
        """
        context = click.get_current_context()
        parameters = {each.name: each for each in context.command.params}
        if not self.inputs:
            raise click.MissingParameter(ctx=context, param=parameters["inputs"])
        if self.text_col is None:
            raise click.MissingParameter(ctx=context, param=parameters["text_col"])
        return self.text_col


@click.command("score", short_help="Score a text column of CSV, parquet, JSON, Arrow or Excel files, or single texts.")
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option("--text-col", metavar="NAME", help="The column of texts; needed for every INPUT.")
@click.option(
    "--text", "texts", multiple=True, metavar="TEXT", help="Score this text and print its numbers; may be given again."
)
@click.option(
    "--target-col",
    metavar="NAME",
    help="The column of what the sentiment is towards, as each text mentions it, for a model that reads targets. A row "
    "without a target is scored for its whole text, and so is one that does not mention it.",
)
@click.option(
    "--targets",
    type=options.PATH,
    metavar="FILE",
    help="A table of the names that texts may use for a target, with the columns entity and name: a row for each name.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE|FOLDER/",
    help="A .parquet, .csv or .ndjson file for the rows of all inputs together, or FOLDER/ for parts of it.  "
    "[default: NAME.scored.parquet beside each input]",
)
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
    type=options.PATH,
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
@click.option(
    "--devices",
    metavar="DEVICE,DEVICE|all",
    callback=_devices,
    help="Score on several devices of this machine, in a process for each: cuda:0,cuda:1 and so on, or all CUDA GPUs.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    help="Where to score: in processes of this machine, or in workers of a Ray cluster.  [default: local]",
)
@click.option(
    "--address",
    metavar="auto|HOST:PORT",
    help="The Ray cluster: auto is the one that this machine belongs to.  [default: one of this machine alone]",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Workers of the Ray cluster.  [default: as many as it has room for]",
)
@click.option("--cpus-per-worker", type=click.IntRange(min=1), help="Cores of each of them.  [default: 1]")
@click.option(
    "--gpus-per-worker",
    type=click.FloatRange(min=0),
    help="GPUs of each of them; 0.5 if two share one.  [default: 0]",
)
@options.storage
@options.csv
@click.option("--limit", type=click.IntRange(min=0), metavar="ROWS", help="Score only so many rows from the beginning.")
@click.option(
    "--columns",
    metavar="NAME,NAME",
    callback=lambda _ctx, _param, value: options.split(value),
    help="Input columns to keep in the output.  [default: all]",
)
@click.option("--prefix", default="", help="Put before the name of each added column, against name clashes.")
@click.option("--time-col", metavar="NAME", help=f"{options.TIME_COL} Writes the daily features too.")
@click.option("--entity-col", metavar="NAME", help=options.ENTITY_COL)
@click.option(
    "--daily",
    type=options.PATH,
    help="Where the daily features go.  [default: NAME.daily.parquet beside the input or the output]",
)
@options.daily("time_col", "entity_col", output="daily")
@click.option(
    "--log-json",
    is_flag=True,
    callback=json_log.switched,
    help="Tell of each window, each minute, each warning and the end as JSON on stderr, one object a line.",
)
@options.grouped("given", Given, ("inputs", "text_col", "texts"))
@options.grouped(
    "scorer", _scorer, ("model", "revision", "labels", "device", "dtype", "max_length", "overflow", "clean")
)
@options.grouped(
    "rows", _rows, ("target_col", "targets", "columns", "prefix", "limit", "bad_rows", "csv_as_is", "dialect")
)
@options.grouped(
    "parallel", _parallel, ("engine", "devices", "address", "workers", "cpus_per_worker", "gpus_per_worker")
)
@options.grouped("run", _run, ("resume", "max_memory", "cache", "cache_bytes", "storage", "parallel"))
def command(
    given: "Given",
    output: str | None,
    scorer: "ScorerOptions",
    rows: "RowOptions",
    request: "DailyRequest | None",
    run: "RunOptions",
    log_json: bool,
) -> None:
    """Score a text column of CSV, parquet, JSON, Arrow or Excel files of any size, or single texts.

    Every row comes out once, in order, with all its columns and p_negative, p_positive, p_neutral (where the
    model has it), sentiment, tone, label, n_tokens, n_windows (with --overflow windows), unknown_share and status (ok,
    truncated, not_mentioned, empty, null, undecodable or unknown). Inputs may be patterns in quotes, and folders of
    files of one format, in which folders called KEY=VALUE are columns. With --time-col the daily features are
    written in the same pass. Inputs and outputs may be s3://, gs://, az:// and hf:// addresses; an input of - is
    stdin.

    The output takes its place when all of it is written and was read back. A job that is stopped or killed
    keeps its finished windows beside the output, and the same command goes on from there, whichever machines
    score then. What is done of a window is kept every half a minute, and on SIGTERM.

    \b
    sentiscore score --text "Profit rises" --text "Profit falls"
    sentiscore score news.parquet --text-col headline
    zcat news.csv.gz | sentiscore score - --text-col headline -o scored.parquet
    sentiscore score 'news/*.csv.gz' --text-col headline -o all.parquet
    sentiscore score news.csv --text-col headline --time-col published_at --entity-col ticker
    sentiscore score news.csv --text-col headline --target-col company -m runs/targets
    sentiscore score news.parquet --text-col headline --devices all
    sentiscore score news.parquet --text-col headline --engine ray --address auto --gpus-per-worker 1
    """
    from sentiscore.cli.heartbeat import heartbeat
    from sentiscore.cli.score_texts import score_texts
    from sentiscore.cli.show import progress, reporting, summary_table
    from sentiscore.cli.stdin import stdin_as_file
    from sentiscore.scoring.events import SCORING, PhaseBegun, WindowDone
    from sentiscore.scoring.job import score_file
    from sentiscore.scoring.patterns import expand_patterns

    def on_event(event: "Event") -> None:
        on_rows(event)
        beat(event)
        if isinstance(event, PhaseBegun):
            signals.be_patient(now=event.phase == SCORING)
            if log_json:
                json_log.event(event.phase, output=event.output)
        elif isinstance(event, WindowDone) and log_json:
            json_log.event("window", **asdict(event))

    if given.texts:
        score_texts(given.texts, scorer)
        return
    text_col = given.column()
    files = expand_patterns(given.inputs, run.storage)
    with (
        stdin_as_file(files, [output]) as paths,
        progress("scoring", "rows", hidden=log_json) as report,
        heartbeat() as beat,
    ):
        on_rows = reporting(report)
        summary = score_file(
            paths,
            text_col=text_col,
            output=output,
            model=scorer,
            rows=rows,
            daily=request,
            run=run,
            on_event=on_event,
            should_stop=signals.was_asked,
        )
    if log_json:
        json_log.event("done", **asdict(summary))
    summary_table(summary)
