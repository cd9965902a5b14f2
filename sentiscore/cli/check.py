"""`sentiscore check`: a model and sentences made from templates -> what it fails at."""

from pathlib import Path

import click

from sentiscore.cli import options
from sentiscore.cli.failures import Failure


@click.command(
    "check",
    short_help="Test a model's behaviour: negation, numbers, typos, names and more.",
    epilog="The exit code is 0 whatever the model fails at, unless --max-failures is given; 1 where that limit is "
    "passed or something cannot be read, and 2 where the command was mistyped.",
)
@click.argument("model", default="default")
@click.option(
    "--suite",
    "suites",
    type=options.PATH,
    multiple=True,
    metavar="FILE",
    help="Test capabilities of your own too, from a TOML file; may be given again.",
)
@click.option("--only-suite", is_flag=True, help="Leave out the capabilities inside the package.")
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    metavar="vader|FILE",
    help="Compare the model with VADER (pip install 'sentiscore[evaluate]'), or with a table of positive and negative "
    "words; may be given again.",
)
@click.option(
    "--max-failures",
    type=click.FloatRange(0, 1),
    metavar="RATE",
    help="End with exit code 1 if the model fails in more than this share of the cases of a capability, such as 0.2; "
    "those marked as hard do not count.",
)
@options.LABELS
@options.REVISION
@options.DEVICE
@options.DTYPE
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, allow_dash=True, readable=False),
    metavar="FILE|-",
    help="Write the report there as JSON too; - writes it to stdout, in place of the table.",
)
@click.option("--html", "html_file", type=options.PATH, metavar="FILE", help="Write the report there as a page.")
def command(
    model: str,
    suites: tuple[Path, ...],
    only_suite: bool,
    baselines: tuple[str, ...],
    max_failures: float | None,
    labels: list[str] | None,
    revision: str | None,
    device: str,
    dtype: str,
    json_file: Path | None,
    html_file: Path | None,
) -> None:
    """Test a model with sentences that are made from templates, capability by capability.

    MODEL is default (inside the package), a folder or a hub id. There are three kinds of test: a sentence has
    to get one of some labels; an edit, such as a typo or another name, must not move its sentiment; or an
    edit, such as a "not", has to move it in a direction. Shows how many cases of each capability fail, with a
    95 % interval and two examples. docs/how-to/check-behaviour.md explains the report, and how to write
    tests of your own.

    \b
    sentiscore check
    sentiscore check runs/mine --baseline vader --html behaviour.html
    sentiscore check runs/mine --suite own.toml --only-suite --max-failures 0.1
    """
    import json

    from sentiscore.behaviour.check import check_behaviour
    from sentiscore.cli.show import line, progress
    from sentiscore.cli.show_behaviour import behaviour_report
    from sentiscore.disk.durable import write_text
    from sentiscore.scoring.options import ScorerOptions

    if only_suite and not suites:
        raise click.UsageError("--only-suite leaves nothing to test: name a file with --suite.")
    to_stdout = json_file == Path("-")
    files = [path for path in (None if to_stdout else json_file, html_file) if path is not None]
    _check_targets(files, [*suites, *(Path(one) for one in baselines)])
    asked = ScorerOptions(
        model=model, device=device, dtype=dtype, revision=revision, labels=None if labels is None else tuple(labels)
    )
    with progress("checking", "sentences") as moved:
        report = check_behaviour(asked, suites=suites, shipped=not only_suite, baselines=baselines, progress=moved)
    text = json.dumps(report.to_dict(), indent=2, allow_nan=False)
    if to_stdout:
        click.echo(text)
    else:
        behaviour_report(report)
    for path in files:
        write_text(path, report.to_html() if path is html_file else text + "\n")
        if not to_stdout:
            line(f"written: {path}")
    if max_failures is not None and (over := report.over(max_failures)):
        raise Failure(
            f"The model fails in more than {100 * max_failures:g} % of the cases of {len(over)} of "
            f"{len(report.capabilities)} capabilities: {', '.join(each.name for each in over)}.",
            "Look at the examples, or allow more with --max-failures.",
        )


def _check_targets(files: list[Path], read: list[Path]) -> None:
    """Can the reports be written? Asked before the model is loaded.

    Raises:
        OutputError: A place cannot be written to, or is taken.
    """
    from sentiscore.disk.paths import real
    from sentiscore.disk.permission import check_file_target
    from sentiscore.errors import OutputError

    taken = {real(path) for path in read}
    for path in files:
        if real(path) in taken:
            raise OutputError(
                f"{path} is read from, or written to, elsewhere in this command.", "Choose another place."
            )
        taken.add(real(path))
        check_file_target(path)
