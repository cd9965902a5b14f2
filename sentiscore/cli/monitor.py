"""`sentiscore monitor`: scored rows and earlier scored rows -> a drift report, and an exit code."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sentiscore.cli import options
from sentiscore.errors import InputError
from sentiscore.monitoring.thresholds import THRESHOLDS, with_thresholds

if TYPE_CHECKING:
    from sentiscore.storage.options import StorageOptions
    from sentiscore.tables.dialect import CsvDialect

DRIFTED: Final = 3
"""The exit code if a check alarms."""


def _thresholds(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, float]:
    changes: dict[str, float] = {}
    for typed in values:
        name, separator, number = typed.partition("=")
        try:
            changes[name] = float(number)
        except ValueError as error:
            if not separator or name in THRESHOLDS:
                raise click.BadParameter(f"{typed!r} is not NAME=VALUE, such as volume=2.") from error
            changes[name] = 0.0
    try:
        with_thresholds(changes)
    except InputError as error:
        raise click.BadParameter(f"{error.message} {error.hint}") from error
    return changes


@click.command(
    "monitor",
    short_help="Compare scored rows with those of before.",
    epilog="The exit code is 0 where nothing alarms, 3 where a check alarms, 1 where the files cannot be compared, and "
    "2 where the command was mistyped.",
)
@click.argument("scored", type=options.PATH)
@click.option(
    "--reference",
    "references",
    type=options.PATH,
    required=True,
    multiple=True,
    metavar="SCORED",
    help="Scored rows from when all was well, of the same model and source; may be given again, and makes one "
    "reference.",
)
@click.option(
    "--text-col", metavar="NAME", help="The column of texts: compares words and languages; equal texts count once."
)
@click.option(
    "--target-col",
    metavar="NAME",
    help="The column of the targets that the texts were scored towards: a text counts once for each of them.",
)
@click.option(
    "--time-col",
    metavar="NAME",
    help="When each text appeared: compares rows per day.  [times without a zone: --tz, or UTC]",
)
@options.times
@click.option("--prefix", default="", help="The prefix that the scored columns were given.")
@options.storage
@options.csv
@click.option(
    "--threshold",
    "thresholds",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_thresholds,
    help="The value past which a check alarms; may be given again.  [default: "
    + ", ".join(f"{name}={value:g}" for name, value in THRESHOLDS.items())
    + "]",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, allow_dash=True, readable=False),
    metavar="FILE|-",
    help="Write the report there as JSON too; - writes it to stdout, in place of the table.",
)
def command(
    scored: Path,
    references: tuple[Path, ...],
    text_col: str | None,
    target_col: str | None,
    time_col: str | None,
    tz: str | None,
    time_format: str | None,
    time_unit: str | None,
    prefix: str,
    thresholds: dict[str, float],
    json_file: Path | None,
    dialect: "CsvDialect",
    storage: "StorageOptions",
) -> None:
    """Compare scored rows with scored rows of before, and say what has changed.

    SCORED is what `sentiscore score` wrote tonight, for example, and the reference what it wrote in the last
    months. Compared are sentiment, labels, confidence and length; the share of truncated, not_mentioned, empty,
    null, undecodable and unknown rows; with --text-col words and languages; with --time-col rows per day; and with
    both the share of repeated texts.

    A check alarms where its value is past its threshold and also past what chance alone would give for files of
    these sizes. Then the exit code is 3. docs/how-to/watch-for-drift.md explains each check.

    \b
    sentiscore monitor tonight.scored.parquet --reference history.scored.parquet
    sentiscore monitor tonight.scored.parquet --reference history.scored.parquet \\
        --text-col headline --time-col published_at --threshold volume=2 --json drift.json
    """
    import json

    from sentiscore.cli.show import drift_report, line
    from sentiscore.disk.durable import write_text
    from sentiscore.disk.permission import check_file_target
    from sentiscore.errors import OutputError
    from sentiscore.monitoring.monitor import monitor

    to_stdout = json_file == Path("-")
    if json_file is not None and not to_stdout:
        if json_file.resolve() in {path.resolve() for path in (scored, *references)}:
            raise OutputError(f"{json_file} is a file that is read.", "Choose another place with --json.")
        check_file_target(json_file)
    report = monitor(
        scored,
        reference=references,
        text_col=text_col,
        target_col=target_col,
        time_col=time_col,
        tz=tz,
        time_format=time_format,
        time_unit=time_unit,
        prefix=prefix,
        thresholds=thresholds,
        storage=storage,
        **dialect.as_dict(),
    )
    text = json.dumps(report.to_dict(), indent=2, allow_nan=False)
    if to_stdout:
        click.echo(text)
    else:
        drift_report(report)
    if json_file is not None and not to_stdout:
        write_text(json_file, text + "\n")
        line(f"written: {json_file}")
    if not report.passed:
        click.get_current_context().exit(DRIFTED)
