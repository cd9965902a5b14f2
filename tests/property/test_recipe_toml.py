"""A recipe that was written reads back as the same recipe."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sentiscore import Recipe
from sentiscore.training.recipe import SetOfRows
from sentiscore.training.recipe_toml import recipe_toml

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
SETS = st.builds(
    SetOfRows,
    name=TEXTS,
    train=TEXTS,
    validation=TEXTS,
    labels=st.lists(TEXTS, max_size=3).map(tuple),
    soft=st.booleans(),
    never_neutral=st.booleans(),
    weight=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
)
RECIPES = st.builds(
    Recipe,
    base=TEXTS,
    base_revision=TEXTS,
    data=TEXTS,
    epochs=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    max_steps=st.integers(0, 2**60),
    batch_size=st.integers(1, 2**60),
    learning_rate=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    schedule=st.sampled_from(["linear", "cosine", "constant_with_warmup"]),
    warmup=st.floats(0, 1, exclude_max=True),
    weight_decay=st.floats(min_value=0, allow_infinity=False),
    label_smoothing=st.floats(0, 1, exclude_max=True),
    sampling=st.sampled_from(["length", "random"]),
    seed=st.integers(0, 2**32 - 1),
    sets=st.lists(SETS, max_size=3).map(tuple),
)


@given(RECIPES)
def test_a_written_recipe_reads_back_equal(recipe: Recipe) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.toml"
        path.write_text(recipe_toml(recipe, "Found on\ntwo lines."), encoding="utf-8", newline="")
        assert Recipe.read(path) == recipe


def test_sets_are_written_as_tables() -> None:
    recipe = Recipe(sets=(SetOfRows(name="films", train="a.csv"), SetOfRows(name="news", train="b.csv", weight=2.0)))
    lines = recipe_toml(recipe).splitlines()
    assert lines.count("[[sets]]") == 2
    assert 'train = "b.csv"' in lines
    assert "sets" not in recipe_toml(Recipe())
