"""The search space of a tuning run: the size of the base and the recipe -> a range for each searched setting."""

from dataclasses import dataclass
from typing import Any, Final

from sentiscore.training.recipe import Recipe


@dataclass(frozen=True)
class Span:
    """All numbers from `low` to `high`, drawn uniformly, or uniformly in their logarithm if `log` is set."""

    low: float
    high: float
    log: bool = False

    def with_value(self, value: float) -> "Span":
        """The same span, widened to include the value."""
        return Span(min(self.low, value), max(self.high, value), self.log)


@dataclass(frozen=True)
class Choice:
    """A list of numbers, in order."""

    values: tuple[float, ...]

    def with_value(self, value: float) -> "Choice":
        """The same numbers and this one."""
        return Choice(tuple(sorted({*self.values, value})))


@dataclass(frozen=True)
class _Size:
    """The ranges that suit bases of fewer than `weights` weights."""

    weights: float
    rates: Span
    batches: Choice
    epochs: Choice


# The smaller a model, the larger the rates that suit it. BERT's authors try 2e-5 to 5e-5 at 110 and 340 million weights
# (arXiv 1810.04805), those of the small BERTs 3e-5 to 3e-4 from 4 million up (arXiv 1908.08962), those of DeBERTa 5e-6
# to 1e-5 at 400 million (arXiv 2006.03654). The ranges extend beyond these on both sides.
_SIZES: Final = (
    _Size(1e7, Span(1e-4, 3e-3, log=True), Choice((16, 32, 64, 128)), Choice((1.0, 2.0, 4.0, 8.0))),
    _Size(2e8, Span(2e-5, 3e-4, log=True), Choice((16, 32, 64)), Choice((1.0, 2.0, 3.0, 4.0))),
    _Size(1e9, Span(4e-6, 1e-4, log=True), Choice((8, 16, 32)), Choice((1.0, 2.0, 3.0))),
    _Size(float("inf"), Span(1e-6, 5e-5, log=True), Choice((8, 16, 32)), Choice((1.0, 2.0, 3.0))),
)
_RATES_OF_FEW_WEIGHTS: Final = Span(5e-5, 2e-3, log=True)
"""Adapters, and a new head, are small and start from scratch, so they need larger rates than full training."""


def search_space(weights: int, recipe: Recipe) -> dict[str, Span | Choice]:
    """The range of each setting that is searched; all other settings stay as in the recipe.

    Each range includes the recipe's own value, if it has one, so that a search can start with the recipe itself.

    Args:
        weights: The number of weights of the base.
        recipe: The recipe to improve. If it limits the steps (`max_steps`), the epochs are not searched.

    Returns:
        The range of each setting, by name.
    """
    size = next(size for size in _SIZES if weights < size.weights)
    space: dict[str, Span | Choice] = {
        "learning_rate": size.rates if recipe.method == "full" else _RATES_OF_FEW_WEIGHTS,
        "batch_size": size.batches,
        "epochs": size.epochs,
        "warmup": Span(0.0, 0.2),
        "weight_decay": Span(0.0, 0.1),
        "label_smoothing": Span(0.0, 0.1),
    }
    if recipe.max_steps:
        del space["epochs"]
    own = own_values(space, recipe)
    return {name: known if own[name] is None else known.with_value(own[name]) for name, known in space.items()}


def own_values(space: dict[str, Span | Choice], recipe: Recipe) -> dict[str, Any]:
    """The recipe's own values of the settings that are searched; None for one that it leaves out."""
    return {name: getattr(recipe, name) for name in space}
