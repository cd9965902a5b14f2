"""`sentiscore train`: labelled rows -> a checkpoint."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import click

from sentiscore.cli import options, recipes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sentiscore.checkpoint import Manifest
    from sentiscore.training.run import Progress, TrainingResult

WEAK: Final = 4
"""The exit code if a model was trained that is no better than a simpler one."""
EPILOG: Final = (
    "The exit code is 4 where the model is no better on the validation rows than TF-IDF with a logistic regression, by "
    "macro-F1, or always gives one answer. It is written all the same."
)


@click.command("train", epilog=EPILOG, short_help="Fine-tune a classifier on labelled rows.")
@click.option("-o", "--output", type=options.PATH, help="The folder to make.  [default: runs/BASE-DATA]")
@recipes.files
@click.option("--resume", is_flag=True, help="Take up a run that was stopped, from its last saved state.")
@options.DEVICE
@recipes.settings
def command(
    output: Path | None,
    resume: bool,
    device: str,
    request: recipes.Request,
) -> None:
    """Fine-tune a classifier on labelled rows, calibrate it, and write it as a checkpoint.

    Without files it takes EleutherAI/pythia-70m and SST-2 from the Hugging Face hub. The state with the
    least validation loss is kept, a temperature is fitted on the validation rows, and everything is noted in
    the checkpoint's sentiscore.json. Every setting of the recipe is an option too; epochs, batch size, learning rate,
    warm-up and validations are chosen by the number of rows where they are not given.

    With few labels (less than a few thousand) begin with the default model, which knows sentiment: --base default.

    \b
    sentiscore train
    sentiscore train --base default --train-file train.csv --eval-file validation.csv -o runs/mine
    sentiscore train --base FOLDER --train-file train.tsv --eval-file validation.tsv -o runs/mine
    sentiscore train --recipe pipelines/configs/reference.toml --learning-rate 5e-5
    """
    from sentiscore.cli.failures import stopped
    from sentiscore.training.finetune import train

    recipe = request.recipe
    names = [rows.name.split(".")[0] for rows in request.train_data or []] or [recipe.data.split("/")[-1]]
    folder = output or Path("runs") / f"{Path(recipe.base).name}-{'-'.join(names)}"
    with reporter() as report:
        try:
            result = train(
                recipe,
                output=folder,
                train_data=request.train_data,
                eval_data=request.eval_data,
                resume=resume,
                device=device,
                on_progress=report,
            )
        except KeyboardInterrupt as error:
            raise stopped(folder) from error
    show_result(result, request.dropped)
    end(result.manifest.weaknesses)


class reporter:  # noqa: N801 - used as a context manager function
    """Shows a bar if stderr is a terminal, and always a line for every validation."""

    def __enter__(self) -> Callable[["Progress"], None]:
        from sentiscore.cli.show import note, progress

        self._bar = progress("training", "steps")
        update = self._bar.__enter__()

        def report(state: "Progress") -> None:
            if state.settings is not None:
                note(chosen(state.settings))
                return
            if update is not None:
                update(state.step, state.steps)
            if state.metrics is not None:
                note(
                    f"step {state.step:,} of {state.steps:,}, epoch {state.epoch:.2f}: "
                    f"validation loss {state.metrics['log_loss']:.4f} ({state.metrics['calibrated_log_loss']:.4f} "
                    f"calibrated), accuracy {state.metrics['accuracy']:.4f}"
                )

        return report

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)


def chosen(settings: "Mapping[str, Any]") -> str:
    """A line about the settings that were chosen, as the options that would set them."""
    options = (f"--{name.replace('_', '-')} {value:g}" for name, value in settings.items())
    return f"chosen by the number of rows: {' '.join(options)}"


def end(weaknesses: "Sequence[str]") -> None:
    """End the command with an exit code of its own if the model has weaknesses, of which there was a warning."""
    if weaknesses:
        click.get_current_context().exit(WEAK)


def show_result(result: "TrainingResult", dropped: int) -> None:
    """Print the result; `dropped` rows had no text or no label."""
    from sentiscore.cli.show import pairs

    manifest = result.manifest
    several = len(manifest.metrics) > 1
    shown = (("accuracy", "accuracy"), ("macro-F1", "macro_f1"), ("log loss", "log_loss"))
    gpu = f", {result.peak_gpu_memory_mb:,.0f} MiB on the GPU" if result.peak_gpu_memory_mb else ""
    pairs(
        [
            *[("trained on", f"{one.rows:,} rows of {one.name}") for one in manifest.training_data],
            *[("validated on", f"{one.rows:,} rows of {one.name}") for one in manifest.selection_data],
            *([("left out", f"{dropped:,} rows without a text or a label")] if dropped else []),
            *[
                (f"{figure}, {name}" if several else figure, f"{figures[key]:.4f}{_beside(manifest, name, key)}")
                for name, figures in manifest.metrics.items()
                for figure, key in shown
            ],
            ("temperature", f"{manifest.temperature:.3f}"),
            ("speed", f"{result.rows_per_second:,.0f} rows/s, {result.seconds:,.0f} s"),
            ("peak memory", f"{result.peak_memory_mb:,.0f} MiB{gpu}"),
            ("checkpoint", str(result.folder)),
        ]
    )
    if sys.stdout.isatty():
        click.echo(f"Next: sentiscore evaluate {result.folder}")


def _beside(manifest: "Manifest", name: str, figure: str) -> str:
    """The same figure of the baseline, if there is one."""
    other = manifest.baselines.get(name, {}).get(figure)
    return "" if other is None else f" (TF-IDF: {other:.4f})"
