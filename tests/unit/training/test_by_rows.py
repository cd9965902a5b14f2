"""Which settings are chosen for how many rows."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiscore import Recipe
from sentiscore.training.by_rows import ChosenByRows, choose_by_rows
from tests.shipped import RECIPES

SMALL = 20_000_000
GIVEN: dict[str, st.SearchStrategy[Any]] = {
    "epochs": st.floats(0.5, 50),
    "batch_size": st.integers(1, 512),
    "learning_rate": st.floats(1e-6, 1e-2),
    "warmup": st.floats(0, 0.5),
    "evals_per_epoch": st.integers(1, 9),
}


def choose(rows: int, recipe: Recipe | None = None, *, weights: int = SMALL) -> ChosenByRows:
    return choose_by_rows(recipe or Recipe(), rows=rows, weights=weights)


@given(
    changes=st.fixed_dictionaries({}, optional=GIVEN),
    rows=st.integers(1, 10**7),
    weights=st.integers(1, 10**11),
    method=st.sampled_from(["full", "head", "lora", "qlora"]),
)
def test_what_a_recipe_gives_always_wins_and_the_rest_is_filled_in(
    changes: dict[str, Any], rows: int, weights: int, method: str
) -> None:
    recipe = Recipe(method=method).with_changes(changes)
    chosen = choose(rows, recipe, weights=weights)
    assert changes.items() <= dataclasses.asdict(chosen).items()
    assert chosen.left_out_of(recipe).keys() == GIVEN.keys() - changes.keys()
    assert Recipe(**dataclasses.asdict(chosen)) == Recipe().with_changes(dataclasses.asdict(chosen))  # all are valid


def test_many_rows_get_the_tuned_recipe() -> None:
    tuned = Recipe.read(next(path for path in RECIPES if path.name == "tuned.toml"))
    assert Recipe().with_changes(dataclasses.asdict(choose(10_000))) == tuned


@given(rows=st.integers(20, 10_000))
def test_few_rows_never_get_fewer_passes_than_many_and_enough_steps_to_leave_a_constant(rows: int) -> None:
    chosen = choose(rows)
    assert chosen.epochs >= choose(rows + 1).epochs
    assert chosen.epochs * rows / chosen.batch_size >= min(200, 0.7 * rows)


@pytest.mark.parametrize(("method", "rate"), [("head", 1e-3), ("lora", 2e-4), ("qlora", 2e-4)])
def test_few_weights_get_a_higher_rate(method: str, rate: float) -> None:
    assert choose(100_000, Recipe(method=method)).learning_rate == rate


def test_large_bases_get_a_lower_rate() -> None:
    rates = [choose(300, weights=weights).learning_rate for weights in (2 * 10**7, 4 * 10**8, 7 * 10**9)]
    assert rates == pytest.approx([1e-4, 4e-5, 2e-5])
