from pathlib import Path
from typing import Any

import pytest

from sentiscore import Distillation, Recipe, TrainingError
from tests.shipped import RECIPES


def test_the_reference_recipe_is_the_run_to_improve_on() -> None:
    recipe = Recipe.read(next(path for path in RECIPES if path.name == "reference.toml"))
    assert (recipe.base, recipe.data) == ("EleutherAI/pythia-70m", "stanfordnlp/sst2")
    assert (recipe.epochs, recipe.learning_rate, recipe.weight_decay) == (3.0, 2e-5, 0.01)
    assert (recipe.max_length, recipe.sampling) == (100, "random")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_every_shipped_recipe_loads(path: Path) -> None:
    if path.name in ("student.toml", "reader.toml", "last.toml", "fast.toml"):
        assert isinstance(Distillation.read(path), Distillation)
    else:
        assert isinstance(Recipe.read(path), Recipe)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rat": 1.0}, "no setting 'learning_rat'"),
        ({"epochs": "three"}, "not of type float"),
        ({"batch_size": 1.5}, "not of type int"),
        ({"batch_size": 0}, "at least 1"),
        ({"sampling": "sorted"}, "length, random"),
        ({"learning_rate": float("nan")}, "finite"),
        ({"epochs": 0}, "more than 0"),
        ({"label_smoothing": 5.0}, "less than 1"),
        ({"warmup": 7.0}, "less than 1"),
        ({"seed": True}, "not of type int"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        Recipe().with_changes(change)


def test_a_whole_number_will_do_for_a_fraction() -> None:
    assert Recipe().with_changes({"epochs": 2}).epochs == 2.0


@pytest.mark.parametrize("text", ["epochs = ", "\xff\xfe"])
def test_a_broken_recipe_file_is_a_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(TrainingError, match="cannot be read"):
        Recipe.read(tmp_path / "r.toml")
    with pytest.raises(TrainingError, match="cannot be read"):
        Recipe.read(tmp_path / "absent.toml")
