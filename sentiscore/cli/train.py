"""`sentiscore train`: labelled rows -> a checkpoint."""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiscore.cli import options
from sentiscore.training.recipe import Recipe

if TYPE_CHECKING:
    from sentiscore.tables.labelled import LabelledData
    from sentiscore.training.finetune import Progress, TrainingResult


def _recipe_options(function: options.Command) -> options.Command:
    """One option for every setting of a recipe."""
    for setting in reversed(dataclasses.fields(Recipe)):
        if setting.name == "sets":  # tables of a recipe's TOML
            continue
        kind: Any = type(setting.default)
        if choices := setting.metadata["choices"]:
            kind = click.Choice(choices)
        shown = setting.default if setting.default != "" else "none"
        function = click.option(
            f"--{setting.name.replace('_', '-')}",
            setting.name,
            type=kind,
            help=f"{setting.metadata['help']}  [recipe default: {shown}]",
        )(function)
    return function


@click.command("train", short_help="Fine-tune a classifier on labelled rows.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The folder to make.  [default: runs/BASE-DATA]")
@click.option(
    "--recipe",
    "recipe_file",
    type=click.Path(path_type=Path),
    help="Settings as TOML, such as pipelines/configs/reference.toml.  [default: the tuned recipe]",
)
@click.option("--train-file", type=click.Path(path_type=Path), help="Rows to learn from: tsv, csv, parquet or jsonl.")
@click.option("--eval-file", type=click.Path(path_type=Path), help="Rows to choose the best state by and calibrate on.")
@click.option("--text-col", default="sentence", show_default=True, help="The column of texts in those files.")
@click.option("--label-col", default="label", show_default=True, help="The column of labels in those files.")
@options.LABELS
@click.option("--resume", is_flag=True, help="Take up a run that was stopped, from its last saved state.")
@options.DEVICE
@_recipe_options
def command(
    output: Path | None,
    recipe_file: Path | None,
    train_file: Path | None,
    eval_file: Path | None,
    text_col: str,
    label_col: str,
    labels: list[str] | None,
    resume: bool,
    device: str,
    **settings: Any,
) -> None:
    """Fine-tune a classifier on labelled rows, calibrate it, and write it as a checkpoint.

    Without files it takes EleutherAI/pythia-70m and SST-2 from the Hugging Face hub. The state with the
    least validation loss is kept, a temperature is fitted on the validation rows, and everything is noted in
    the checkpoint's sentiscore.json. Every setting of the recipe is an option too.

    \b
    sentiscore train
    sentiscore train --base FOLDER --train-file train.tsv --eval-file validation.tsv -o runs/mine
    sentiscore train --recipe pipelines/configs/reference.toml --learning-rate 5e-5
    """
    if (train_file is None) != (eval_file is None):
        raise click.UsageError(
            "--train-file and --eval-file go together: rows to validate on are never taken from the training rows, "
            "where near copies of them may be."
        )
    from sentiscore.cli.failures import Interrupted
    from sentiscore.tables.labelled import read_labelled
    from sentiscore.training.finetune import train
    from sentiscore.training.folder import has_state
    from sentiscore.training.sets import read_sets

    recipe = (Recipe.read(recipe_file) if recipe_file else Recipe()).with_changes(
        {name: value for name, value in settings.items() if value is not None}
    )
    if recipe.sets and train_file:
        raise click.UsageError(f"{recipe_file} names sets of its own: leave --train-file and --eval-file out.")
    training: list[LabelledData] | None = None
    validation: list[LabelledData] | None = None
    if recipe.sets:
        training, validation = read_sets(recipe)
    elif train_file and eval_file:
        training, validation = (
            [read_labelled(path, text_col=text_col, label_col=label_col, labels=labels)]
            for path in (train_file, eval_file)
        )
    data = training[0].name.split(".")[0] if training else recipe.data.split("/")[-1]
    folder = output or Path("runs") / f"{Path(recipe.base).name}-{data}"
    with reporter() as report:
        try:
            result = train(
                recipe,
                output=folder,
                train_data=training,
                eval_data=validation,
                resume=resume,
                device=device,
                on_progress=report,
            )
        except KeyboardInterrupt as error:
            if not has_state(folder):
                raise
            raise Interrupted(
                f"Stopped before the end. {folder} keeps the last saved state.\n"
                "Go on with the same command and --resume."
            ) from error
    show_result(result, sum(rows.dropped for rows in [*(training or []), *(validation or [])]))


class reporter:  # noqa: N801 - used as a context manager function
    """A bar where stderr is a terminal, and a line for every validation in any case."""

    def __enter__(self) -> Callable[["Progress"], None]:
        from sentiscore.cli.show import note, progress

        self._bar = progress("training", "steps")
        update = self._bar.__enter__()

        def report(state: "Progress") -> None:
            if update is not None:
                update(state.step, state.steps)
            if state.metrics is not None:
                note(
                    f"step {state.step:,} of {state.steps:,}, epoch {state.epoch:.2f}: "
                    f"validation loss {state.metrics['log_loss']:.4f}, accuracy {state.metrics['accuracy']:.4f}"
                )

        return report

    def __exit__(self, *error: Any) -> None:
        self._bar.__exit__(*error)


def show_result(result: "TrainingResult", dropped: int) -> None:
    """What came out, on stdout; `dropped` rows had no text or no label."""
    from sentiscore.cli.show import pairs

    manifest = result.manifest
    several = len(manifest.metrics) > 1
    gpu = f", {result.peak_gpu_memory_mb:,.0f} MiB on the GPU" if result.peak_gpu_memory_mb else ""
    pairs(
        [
            *[("trained on", f"{one.rows:,} rows of {one.name}") for one in manifest.training_data],
            *[("validated on", f"{one.rows:,} rows of {one.name}") for one in manifest.selection_data],
            *([("left out", f"{dropped:,} rows without a text or a label")] if dropped else []),
            *[
                (f"{figure}, {name}" if several else figure, f"{figures[key]:.4f}")
                for name, figures in manifest.metrics.items()
                for figure, key in (("accuracy", "accuracy"), ("log loss", "log_loss"))
            ],
            ("temperature", f"{manifest.temperature:.3f}"),
            ("speed", f"{result.rows_per_second:,.0f} rows/s, {result.seconds:,.0f} s"),
            ("peak memory", f"{result.peak_memory_mb:,.0f} MiB{gpu}"),
            ("checkpoint", str(result.folder)),
        ]
    )
    if sys.stdout.isatty():
        click.echo(f"Next: sentiscore evaluate {result.folder}")
