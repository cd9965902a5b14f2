"""A tuning run as one small HTML page: the best recipe, which settings mattered, and the loss by each setting."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sentiscore.evaluation.page import draw_svg
from sentiscore.pages import fill
from sentiscore.training.recipe import Recipe
from sentiscore.training.study import COMPLETE, ENOUGH, Trial

NOTE: Final = (
    "The validation rows chose among all of these trials, so the figures here are better than on new text. "
    "Report figures on rows that neither trained nor chose a model."
)
_LOG_FROM: Final = 8
"""A setting whose largest value is at least this many times its smallest is drawn on a logarithmic axis."""


def too_few(trials: Sequence[Trial]) -> str:
    """Why there are no importances."""
    complete = sum(trial.outcome == COMPLETE for trial in trials)
    if complete < ENOUGH:
        return f"unknown: it takes {ENOUGH} complete trials to tell, and there are {complete}"
    return "unknown: all complete trials have the same loss"


def tuning_page(recipe: Recipe, trials: Sequence[Trial], best: Trial, importances: dict[str, float]) -> str:
    """The page, which needs no other files.

    Args:
        recipe: The recipe that the search started with.
        trials: All trials, at least one of them complete.
        best: The one with the lowest loss.
        importances: The share of the differences in loss that each setting explains; may be empty.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    names = list(importances) or list(best.settings)
    return fill(
        "training/tuning.html.j2",
        title=f"Tuning {Path(recipe.base).name}",
        found=f"{len(trials):,} trials. The best is trial {best.number} with a validation log loss of "
        f"{best.log_loss:.4f} after temperature.",
        note=NOTE,
        rows=[
            (name, f"{getattr(recipe, name):.4g}", f"{best.settings[name]:.4g}", _share(importances, name))
            for name in names
        ],
        importances=draw_svg(_draw_importances, importances, size=(7, 4)) if importances else "",
        unknown=too_few(trials),
        by_setting=[draw_svg(_draw_setting, _BySetting(name, trials, best)) for name in names],
        history=draw_svg(_draw_history, trials, size=(9, 4)),
    )


def _share(importances: dict[str, float], name: str) -> str:
    return f"{importances[name]:.0%}" if name in importances else "-"


@dataclass(frozen=True)
class _BySetting:
    """The data of one setting's chart."""

    name: str
    trials: Sequence[Trial]
    best: Trial


def _draw_importances(figure: Any, importances: dict[str, float]) -> None:
    axes = figure.add_subplot()
    names = list(importances)[::-1]
    axes.barh(names, [importances[name] for name in names])
    axes.set(xlabel="Share of the differences in loss", title="What mattered", xlim=(0, 1))


def _draw_setting(figure: Any, drawn: _BySetting) -> None:
    axes = figure.add_subplot()
    for marker, shown in _by_marker(drawn.trials):
        axes.scatter(
            [trial.settings[drawn.name] for trial in shown], [trial.log_loss for trial in shown], marker=marker
        )
    axes.scatter([drawn.best.settings[drawn.name]], [drawn.best.log_loss], s=160, facecolors="none", edgecolors="black")
    values = [trial.settings[drawn.name] for trial in drawn.trials]
    if min(values) > 0 and max(values) / min(values) >= _LOG_FROM:
        axes.set_xscale("log")
    axes.set(xlabel=drawn.name, ylabel="Least validation log loss, after temperature")


def _draw_history(figure: Any, trials: Sequence[Trial]) -> None:
    axes = figure.add_subplot()
    for marker, shown in _by_marker(trials):
        axes.scatter([trial.number for trial in shown], [trial.log_loss for trial in shown], marker=marker)
    losses = (
        trial.log_loss if trial.outcome == COMPLETE and trial.log_loss is not None else math.inf for trial in trials
    )
    best = list(itertools.accumulate(losses, min))
    axes.step([trial.number for trial in trials], best, where="post", label="best so far")
    axes.set(xlabel="Trial", ylabel="Least validation log loss, after temperature")
    axes.legend()


def _by_marker(trials: Sequence[Trial]) -> list[tuple[str, list[Trial]]]:
    """Complete trials, and other ones with a validation, each with their marker."""
    seen = [trial for trial in trials if trial.log_loss is not None]
    return [
        ("o", [trial for trial in seen if trial.outcome == COMPLETE]),
        ("x", [trial for trial in seen if trial.outcome != COMPLETE]),
    ]
