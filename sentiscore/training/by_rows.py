"""Chooses the settings that a recipe leaves out, by the number of training rows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sentiscore.tables.labelled import LabelledData
from sentiscore.training.recipe import Recipe


@dataclass(frozen=True)
class ChosenByRows:
    """The settings of a training run that depend on the number of its rows; see `Recipe` for what they mean."""

    epochs: float
    batch_size: int
    learning_rate: float
    warmup: float
    evals_per_epoch: int

    def left_out_of(self, recipe: Recipe) -> dict[str, Any]:
        """Those of them that a recipe leaves out."""
        return {name: value for name, value in asdict(self).items() if getattr(recipe, name) is None}


# The number of rows below which each line applies. Few rows need many passes, small batches and a higher rate: 2 epochs
# of 320 rows in batches of 32 are 20 steps, after which a new head still answers the most frequent class (Mosbach and
# others, arXiv 2006.04884; Zhang and others, arXiv 2006.05987). The state with the least loss is kept, so that too many
# epochs cost only time. tests/benches/few_labels.py compares the lines with others.
_BY_ROWS: Final = (
    (500, ChosenByRows(12.0, 16, 1e-4, 0.1, 1)),
    (2_000, ChosenByRows(8.0, 16, 1e-4, 0.1, 1)),
    (10_000, ChosenByRows(4.0, 32, 1e-4, 0.1, 2)),
    (float("inf"), ChosenByRows(2.0, 32, 5e-5, 0.06, 4)),
)
_LARGE: Final = ((2e8, 1.0), (1e9, 0.4), (float("inf"), 0.2))
"""The share of that rate for bases of fewer weights than this: 2e-5 and 1e-5 are usual where 5e-5 is for small ones."""
_RATE_OF_HEAD: Final = 1e-3
_RATE_OF_ADAPTERS: Final = 2e-4


def count_rows(train_data: Sequence[LabelledData]) -> int:
    """The number of training rows of all sets."""
    return sum(len(rows.texts) for rows in train_data)


def choose_by_rows(recipe: Recipe, *, rows: int, weights: int) -> ChosenByRows:
    """Fill in what a recipe leaves out; a value that it gives always wins.

    Args:
        recipe: The recipe.
        rows: The number of training rows of all sets.
        weights: The number of weights of the base.
    """
    chosen = next(chosen for limit, chosen in _BY_ROWS if rows < limit)
    rate = chosen.learning_rate * next(share for limit, share in _LARGE if weights < limit)
    if recipe.method == "head":
        rate = _RATE_OF_HEAD
    elif recipe.method in ("lora", "qlora"):
        rate = _RATE_OF_ADAPTERS
    usual = asdict(chosen) | {"learning_rate": rate}
    return ChosenByRows(
        **{name: value if (given := getattr(recipe, name)) is None else given for name, value in usual.items()}
    )
