"""Checks of labelled rows with mentions, before a model is trained on them."""

from pathlib import Path

import pytest

from sentiscore.errors import SentiscoreWarning, TrainingError
from sentiscore.tables.labelled import LabelledData
from sentiscore.training.finetune import train
from sentiscore.training.recipe import Recipe
from sentiscore.training.targets import check_targets, reads_targets

TEXTS = ["Gold up", "Gold down"]


def rows(*mentions: str | None, name: str = "rows") -> LabelledData:
    return LabelledData(name, TEXTS, ["positive", "negative"], mentions=list(mentions) or None)


def test_a_model_learns_to_read_targets_only_from_a_mention() -> None:
    assert [reads_targets([rows(), one]) for one in (rows(), rows(None, None), rows(None, "Gold"))] == [
        False, False, True
    ]  # fmt: skip


def test_targets_that_texts_do_not_mention_are_counted() -> None:
    with pytest.warns(SentiscoreWarning) as seen:
        check_targets([rows("XAU", "gold"), rows("XAU", None)], [rows(), rows("XAU", "XAU")], 32)
    assert ["2 of 3 training rows" in str(seen[0].message), "2 of 2 validation rows" in str(seen[1].message)] == [
        True, True
    ]  # fmt: skip


def test_targets_that_texts_mention_give_no_warning() -> None:
    check_targets([rows("gold", None)], [rows("Gold", "Gold")], 16)


def test_a_length_that_leaves_no_room_for_a_pair_is_refused_before_training(tiny_base: Path, tmp_path: Path) -> None:
    recipe, output = Recipe(base=str(tiny_base), max_length=15), tmp_path / "run"
    held_out = LabelledData("held out", ["Gold falls", "Gold rises"], ["negative", "positive"])
    with pytest.raises(TrainingError, match="take 16 tokens or more, and the model would read 15"):
        train(recipe, output=output, train_data=[rows("Gold", None)], eval_data=[held_out])
    assert not output.exists()
    check_targets([rows(None, None)], [held_out], 15)
