import pytest

from sentiscore import Recipe
from sentiscore.training.search_space import Choice, Span, own_values, search_space

SIZES = {"small": 1_400_000, "pythia-70m": 70_426_624, "large": 400_000_000, "billions": 2_800_000_000}


def test_smaller_models_try_larger_rates() -> None:
    rates = [search_space(weights, Recipe())["learning_rate"] for weights in SIZES.values()]
    assert all(isinstance(rate, Span) and rate.log for rate in rates)
    highs = [rate.high for rate in rates if isinstance(rate, Span)]
    assert highs == sorted(highs, reverse=True)
    assert len(set(highs)) == len(highs)


def test_a_model_like_pythia_70m_tries_the_rates_of_the_design() -> None:
    assert search_space(SIZES["pythia-70m"], Recipe())["learning_rate"] == Span(2e-5, 3e-4, log=True)


@pytest.mark.parametrize("weights", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(learning_rate=5e-5, batch_size=32, epochs=2, warmup=0.06),
        Recipe(learning_rate=0.5, batch_size=7, epochs=2.5, warmup=0.9, weight_decay=0.7, label_smoothing=0.4),
        Recipe(learning_rate=1e-9, batch_size=1024, epochs=0.1, warmup=0.0, weight_decay=0.0),
    ],
)
def test_every_range_holds_the_recipes_own_value(weights: int, recipe: Recipe) -> None:
    space = search_space(weights, recipe)
    own = own_values(space, recipe)
    assert own == {name: getattr(recipe, name) for name in space}
    for name, known in space.items():
        if isinstance(known, Choice):
            assert own[name] in known.values
            assert list(known.values) == sorted(set(known.values))
        else:
            assert known.low <= own[name] <= known.high


@pytest.mark.parametrize("weights", SIZES.values(), ids=SIZES)
def test_both_ends_of_every_range_make_a_recipe(weights: int) -> None:
    for name, known in search_space(weights, Recipe()).items():
        for value in known.values if isinstance(known, Choice) else (known.low, known.high):
            assert getattr(Recipe().with_changes({name: value}), name) == value


def test_epochs_are_not_searched_where_the_steps_are_limited() -> None:
    assert "epochs" in search_space(SIZES["small"], Recipe())
    assert "epochs" not in search_space(SIZES["small"], Recipe(max_steps=100))


def test_adapters_try_larger_rates_than_weights() -> None:
    full, lora = (
        search_space(SIZES["large"], Recipe(method=name, learning_rate=1e-4))["learning_rate"]
        for name in ("full", "lora")
    )
    assert isinstance(full, Span)
    assert isinstance(lora, Span)
    assert lora.low > full.low
    assert lora.high > full.high
