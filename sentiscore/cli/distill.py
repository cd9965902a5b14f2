"""`sentiscore distill`: teachers and texts -> a smaller checkpoint."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import click

from sentiscore.cli import options
from sentiscore.cli.train import EPILOG

if TYPE_CHECKING:
    from collections.abc import Callable

    from sentiscore.tables.dialect import CsvDialect
    from sentiscore.training.run import Progress


@click.command("distill", epilog=EPILOG, short_help="Train a small model on what larger ones say.")
@click.argument("teachers", metavar="[TEACHER...]", nargs=-1)
@click.option(
    "--student",
    "student_file",
    required=True,
    type=options.PATH,
    help="Settings as TOML: a recipe with its [[sets]], and the tables [student], [distill] and [augment].",
)
@click.option(
    "--texts",
    "text_files",
    multiple=True,
    type=options.PATH,
    help="Texts without labels, beside those of the sets: csv, tsv, parquet or jsonl. May be given several times.",
)
@click.option("--text-col", default="text", show_default=True, help="The column of texts in those files.")
@click.option("--target-col", metavar="NAME", help="The column of mentions in those files that the texts are read for.")
@options.csv
@click.option("-o", "--output", required=True, type=options.PATH, help="The folder to make.")
@click.option(
    "--soft-labels",
    type=options.PATH,
    help="Where the teachers' answers are kept, by a hash of each text. What is there is not asked again; if all is, "
    "no teacher is needed.  [default: OUTPUT.soft.parquet]",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), help="Seed of the student's training.  [default: the recipe's]"
)
@click.option("--resume", is_flag=True, help="Take up a run that was stopped, from its last saved state.")
@options.DEVICE
@options.DTYPE
def command(
    teachers: tuple[str, ...],
    student_file: Path,
    text_files: tuple[Path, ...],
    text_col: str,
    target_col: str | None,
    output: Path,
    soft_labels: Path | None,
    seed: int | None,
    resume: bool,
    device: str,
    dtype: str,
    dialect: "CsvDialect",
) -> None:
    """Train a small model on what larger ones say.

    Each TEACHER is a model's folder or hub id. They are asked for every text of the student's labelled sets, for those
    of --texts, and for texts made of both; the student learns from the mean of their probabilities, and from the
    labels where there are some. It is calibrated on the sets' validation rows like any other model.

    \b
    sentiscore distill runs/large --student student.toml -o runs/small
    sentiscore distill runs/a runs/b --student student.toml --texts news.parquet --text-col headline -o runs/small
    """
    if not text_files:
        options.refuse_without("--texts", ("text_col", "target_col"))
    from sentiscore.cli.failures import stopped
    from sentiscore.cli.train import end, show_result
    from sentiscore.tables.labelled import read_pairs
    from sentiscore.training.distill import distill
    from sentiscore.training.distillation import Distillation
    from sentiscore.training.sets import read_sets

    plan = Distillation.read(student_file)
    if seed is not None:
        plan = replace(plan, recipe=plan.recipe.with_changes({"seed": seed}))
    training, validation = read_sets(plan.recipe)
    found = [read_pairs(path, text_col, target_col, dialect) for path in text_files]
    with _DistillationReporter() as report:
        try:
            result = distill(
                teachers,
                plan,
                output=output,
                train_data=training,
                eval_data=validation,
                texts=[one for more, _ in found for one in more],
                soft_labels=soft_labels,
                resume=resume,
                device=device,
                dtype=dtype,
                on_asked=report.asked,
                on_progress=report.step,
            )
        except KeyboardInterrupt as error:
            raise stopped(output) from error
    blank = sum(without for _, without in found)
    show_result(result, blank + sum(rows.dropped for rows in [*training, *validation]))
    end(result.manifest.weaknesses)


class _DistillationReporter:
    """Shows a bar while the teachers are asked, then that of the training."""

    def __enter__(self) -> "_DistillationReporter":
        from sentiscore.cli.show import progress

        self._bar = ExitStack()
        self._update = self._bar.enter_context(progress("asking the teachers", "texts"))
        self._n_asked = 0
        self._report: Callable[[Progress], None] | None = None
        return self

    def asked(self, more: int) -> None:
        self._n_asked += more
        if self._update is not None:
            self._update(self._n_asked, None)

    def step(self, state: "Progress") -> None:
        from sentiscore.cli.train import reporter

        if self._report is None:
            self._bar.close()  # one bar at a time
            self._report = self._bar.enter_context(reporter())
        self._report(state)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)
