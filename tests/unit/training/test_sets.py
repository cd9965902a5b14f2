from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from sentiscore import InputError, Recipe, TrainingError
from sentiscore.tables.labelled import read_soft_labelled
from sentiscore.training.recipe import SetOfRows
from sentiscore.training.sets import read_sets, read_validation_sets

TOML = """
epochs = 1

[[sets]]
name = "films"
train = "{0}/films.tsv"
validation = "{0}/films.tsv"
weight = 2

[[sets]]
train = "{0}/news.csv"
text_col = "text"
labels = ["negative", "positive", "neutral"]

[[sets]]
train = "{0}/soft.parquet"
text_col = "text"
soft = true
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / "films.tsv").write_text("sentence\tlabel\na fine film\t1\na dull film\t0\n")
    (tmp_path / "news.csv").write_text("text,label\nup,1\ndown,0\nflat,2\n")
    pl.DataFrame(
        {"text": ["a", "b", None], "p_negative": [0.7, 0.1, None], "p_positive": [0.3, 0.9, None], "status": "ok"}
    ).write_parquet(tmp_path / "soft.parquet")
    (tmp_path / "r.toml").write_text(TOML.format(tmp_path))
    return Recipe.read(tmp_path / "r.toml")


def test_the_sets_of_a_recipe_are_read_as_they_say(recipe: Recipe) -> None:
    training, validation = read_sets(recipe)
    assert [(rows.name, rows.weight, rows.classes) for rows in training] == [
        ("films", 2.0, ("negative", "positive")),
        ("news.csv", 1.0, ("negative", "neutral", "positive")),
        ("soft.parquet", 1.0, ("negative", "positive")),
    ]
    assert training[1].label_names == ["positive", "negative", "neutral"]
    assert training[2].dropped == 1
    assert [rows.name for rows in validation] == ["films"]


def test_validation_rows_are_read_without_the_files_to_learn_from(recipe: Recipe) -> None:
    only = [one.with_changes({"train": "", "name": ""}) for one in recipe.sets]
    assert [rows.name for rows in read_validation_sets(recipe.with_changes({"sets": tuple(only[:1])}))] == ["films.tsv"]
    Path(recipe.sets[1].train).unlink()
    assert [rows.name for rows in read_validation_sets(recipe)] == ["films"]


def test_a_set_without_rows_to_learn_from_is_only_validated_on(recipe: Recipe) -> None:
    films = recipe.sets[0]
    only = films.with_changes({"train": "", "name": "only"})
    training, validation = read_sets(recipe.with_changes({"sets": (films, only)}))
    assert [rows.name for rows in training] == ["films"]
    assert [rows.name for rows in validation] == ["films", "only"]
    with pytest.raises(TrainingError, match="No set of the recipe has rows to train on"):
        read_sets(recipe.with_changes({"sets": (only,)}))


def test_targets_leave_out_the_classes_that_a_set_does_not_know(recipe: Recipe) -> None:
    films, news, soft = read_sets(recipe)[0]
    classes = ("negative", "neutral", "positive")
    assert replace(films, never_neutral=True).targets(classes).tolist() == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    assert str(films.targets(classes).tolist()) == "[[0.0, nan, 1.0], [1.0, nan, 0.0]]"
    assert news.targets(classes, smoothing=0.3)[0] == pytest.approx([0.1, 0.1, 0.8])
    assert soft.targets(classes, smoothing=0.3)[0][[0, 2]] == pytest.approx([0.7, 0.3])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([{"name": "a", "train": "x"}, {"name": "a", "train": "y"}], "Two sets"),
        ([{"name": "a"}], "has no rows"),
        ([{"weights": 2}], "no setting 'weights'"),
        ([{"weight": 0}], "more than 0"),
        ([{"soft": 1}], "not of type bool"),
    ],
)
def test_sets_that_cannot_be_used_are_named(changes: list[dict[str, object]], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        read_sets(Recipe(sets=tuple(SetOfRows().with_changes(one) for one in changes)))


def test_a_recipe_without_validation_rows_is_refused(recipe: Recipe) -> None:
    with pytest.raises(TrainingError, match="No set of the recipe has validation rows"):
        read_sets(recipe.with_changes({"sets": recipe.sets[1:]}))


def test_sets_that_are_no_tables_are_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text("sets = 3")
    with pytest.raises(TrainingError, match="no tables"):
        Recipe.read(tmp_path / "r.toml")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"text": ["a"], "p_negative": [0.5]}, "no column 'p_positive'"),
        ({"text": ["a"], "p_negative": [0.5], "p_positive": [0.6]}, "do not sum to 1"),
        ({"text": [" "], "p_negative": [0.5], "p_positive": [0.5]}, "no row with probabilities"),
    ],
)
def test_soft_labels_that_are_none_are_a_clear_error(
    tmp_path: Path, table: dict[str, list[object]], message: str
) -> None:
    pl.DataFrame(table).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=message):
        read_soft_labelled(tmp_path / "t.parquet", text_col="text")


def test_a_set_with_neutral_rows_is_not_never_neutral(recipe: Recipe) -> None:
    films, news, soft = recipe.sets
    with pytest.raises(TrainingError, match=r"'news.csv' says that it is never neutral"):
        read_sets(recipe.with_changes({"sets": (films, replace(news, never_neutral=True), soft)}))


def test_what_is_learnt_has_another_hash_when_soft_labels_or_weights_change(recipe: Recipe) -> None:
    _, _, soft = read_sets(recipe)[0]
    assert soft.probs is not None
    moved = replace(soft, probs=soft.probs * 0.9 + 0.05)
    assert moved.fingerprint == soft.fingerprint
    hashes = {one.hash_of_targets for one in (soft, moved, replace(soft, weight=2.0))}
    assert len(hashes) == 3
    assert replace(soft, name="other").hash_of_targets in hashes
