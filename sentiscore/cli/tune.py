"""`sentiscore tune`: labelled rows -> the recipe that does best on them."""

from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import click

from sentiscore.cli import options, recipes
from sentiscore.cli.train import EPILOG

if TYPE_CHECKING:
    from sentiscore.training.run import Progress
    from sentiscore.training.study import Trial
    from sentiscore.training.tuning import TuningResult


@click.command("tune", epilog=EPILOG, short_help="Search for the recipe that does best on labelled rows.")
@click.option("-o", "--output", type=options.PATH, help="The folder to make.  [default: runs/tune-BASE]")
@recipes.files
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Trials in all, those of earlier runs with this --output too.",
)
@click.option(
    "--max-minutes",
    type=click.FloatRange(min=0, min_open=True),
    metavar="M",
    help="Begin no more trials after so many minutes; the same command goes on.",
)
@options.DEVICE
@recipes.settings
def command(
    output: Path | None,
    trials: int,
    max_minutes: float | None,
    device: str,
    request: recipes.Request,
) -> None:
    """Search for the recipe with the least validation loss: many trainings, each with other settings.

    Searched are --learning-rate, --batch-size, --epochs (not with --max-steps), --warmup, --weight-decay and
    --label-smoothing, in ranges that suit the size of the base. The first trial has them as the recipe does; the other
    settings stay as they are. A trial that does worse than most is ended early. The folder gets the best recipe
    (recipe.toml), its model (best), every trial (trials.csv) and a page on what mattered (tuning.html).

    Stopped at any time, the same command goes on with what is left. It needs the extra sentiscore[tune].

    \b
    sentiscore tune --base FOLDER --train-file train.tsv --eval-file validation.tsv -o runs/tune
    sentiscore tune --recipe several-sets.toml --trials 40 --max-minutes 480
    sentiscore train --recipe runs/tune/recipe.toml --train-file train.tsv --eval-file validation.tsv
    """
    from sentiscore.cli.failures import Interrupted
    from sentiscore.cli.train import end
    from sentiscore.training.tuning import tune
    from sentiscore.training.tuning_folder import STUDY

    folder = output or Path("runs") / f"tune-{Path(request.recipe.base).name}"
    with _TrialReporter(trials) as report:
        try:
            result = tune(
                request.recipe,
                output=folder,
                train_data=request.train_data,
                eval_data=request.eval_data,
                trials=trials,
                max_minutes=max_minutes,
                device=device,
                on_trial=report.trial,
                on_progress=report.step,
            )
        except KeyboardInterrupt as error:
            if not (folder / STUDY).exists():
                raise
            raise Interrupted(
                f"Stopped before the end. {folder} keeps the trials that were finished.",
                "Go on with the same command.",
            ) from error
    _show(result, trials, request.dropped)
    end(result.weaknesses)


class _TrialReporter:
    """Shows a bar over the trials if stderr is a terminal, and always a line for every trial."""

    def __init__(self, trials: int) -> None:
        self._trials = trials

    def __enter__(self) -> "_TrialReporter":
        from sentiscore.cli.show import progress

        self._bar = progress("tuning", "% of a trial")
        self._update = self._bar.__enter__()
        return self

    def step(self, state: "Progress") -> None:
        if state.settings is not None:
            from sentiscore.cli.show import note
            from sentiscore.cli.train import chosen

            note(chosen(state.settings))
        elif self._update is not None and state.metrics is None:
            self._update(100 * state.step // state.steps, 100)

    def trial(self, trial: "Trial", best: "Trial | None", finished: int) -> None:
        from sentiscore.cli.show import note

        loss = "no validation" if trial.log_loss is None else f"log loss {trial.log_loss:.4f}"
        how = "" if trial.outcome == "complete" else f" ({trial.outcome})"
        best_so_far = "none" if best is None else f"{best.log_loss:.4f} in trial {best.number}"
        note(
            f"trial {trial.number}: {loss}{how}, {trial.seconds:,.0f} s; best so far {best_so_far}; "
            f"{finished:,} of {self._trials:,} done"
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)


def _show(result: "TuningResult", wanted: int, dropped: int) -> None:
    from sentiscore.cli.show import note, pairs
    from sentiscore.training.tuning_folder import PAGE, RECIPE, TABLE
    from sentiscore.training.tuning_html import NOTE, too_few

    outcomes = Counter(trial.outcome for trial in result.trials)
    best, first = result.best, result.first
    mattered = ", ".join(f"{name} {share:.0%}" for name, share in result.importances.items())
    began = "" if first.log_loss is None else f" (the recipe that it began with: {first.log_loss:.4f})"
    pairs(
        [
            ("trials", ", ".join(f"{n:,} {outcome}" for outcome, n in outcomes.items())),
            *([("left out", f"{dropped:,} rows without a text or a label")] if dropped else []),
            (
                "best",
                f"trial {best.number}, log loss {best.log_loss:.4f} after temperature{began}",
            ),
            ("accuracy", f"{best.accuracy:.4f}"),
            ("settings", ", ".join(f"{name} {value:.4g}" for name, value in best.settings.items())),
            ("what mattered", mattered or too_few(result.trials)),
            ("recipe", str(result.folder / RECIPE)),
            ("checkpoint", str(result.checkpoint)),
            ("all trials", str(result.folder / TABLE)),
            ("page", str(result.folder / PAGE)),
        ]
    )
    if result.finished < wanted:
        note(f"The time is up after {result.finished:,} of {wanted:,} trials. Go on with the same command.")
    note(NOTE)
