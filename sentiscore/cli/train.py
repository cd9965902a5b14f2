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
    from sentiscore.training.finetune import Progress, TrainingResult


def recipe_options(function: options.Command) -> options.Command:
    """One option for every setting of a recipe."""
    for setting in reversed(dataclasses.fields(Recipe)):
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
@recipe_options
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

    recipe = (Recipe.read(recipe_file) if recipe_file else Recipe()).with_changes(
        {name: value for name, value in settings.items() if value is not None}
    )
    files = [
        read_labelled(path, text_col=text_col, label_col=label_col, labels=labels) if path else None
        for path in (train_file, eval_file)
    ]
    data = train_file.name.split(".")[0] if train_file else recipe.data.split("/")[-1]
    folder = output or Path("runs") / f"{Path(recipe.base).name}-{data}"
    with _reporter() as report:
        try:
            result = train(
                recipe,
                output=folder,
                train_data=files[0],
                eval_data=files[1],
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
    _show(result, [found.dropped for found in files if found])


class _reporter:  # noqa: N801 - used as a context manager function
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


def _show(result: "TrainingResult", dropped: list[int]) -> None:
    from sentiscore.cli.show import pairs

    manifest = result.manifest
    gpu = f", {result.peak_gpu_memory_mb:,.0f} MiB on the GPU" if result.peak_gpu_memory_mb else ""
    pairs(
        [
            ("trained on", f"{manifest.training_data.rows:,} rows of {manifest.training_data.name}"),
            ("validated on", f"{manifest.selection_data.rows:,} rows of {manifest.selection_data.name}"),
            *([("left out", f"{sum(dropped):,} rows without a text or a label")] if sum(dropped) else []),
            ("accuracy", f"{manifest.metrics['accuracy']:.4f}"),
            ("log loss", f"{manifest.metrics['log_loss']:.4f} after temperature {manifest.temperature:.3f}"),
            ("speed", f"{result.rows_per_second:,.0f} rows/s, {result.seconds:,.0f} s"),
            ("peak memory", f"{result.peak_memory_mb:,.0f} MiB{gpu}"),
            ("checkpoint", str(result.folder)),
        ]
    )
    if sys.stdout.isatty():
        click.echo(f"Next: sentiscore evaluate {result.folder}")
