"""What the outputs of a model are: classes of which a text has one, or it is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentiscore.checkpoint import load_checkpoint
from sentiscore.engine.verification import verify
from sentiscore.errors import CheckpointError

TWO = {0: "negative", 1: "positive"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"problem_type": "multi_label_classification"}, "a probability of its own"),
        ({"problem_type": "regression"}, "is a regression"),
        ({"id2label": {"0": "LABEL_0"}}, "is a regression"),
        ({"id2label": None, "num_labels": 1}, "is a regression"),
        ({"problem_type": "ranking"}, "which is unknown"),
        ({"function_to_apply": "sigmoid"}, "function_to_apply is 'sigmoid'"),
        ({"function_to_apply": "none"}, "function_to_apply is 'none'"),
        ({"num_labels": 3}, r"2 names of labels .* there are 3"),
    ],
    ids=str,
)
def test_a_head_that_is_not_of_classes_is_refused_with_the_reason(
    tiny_bert: Callable[..., Path], edit_json: Callable[..., None], change: dict[str, Any], why: str
) -> None:
    folder = tiny_bert(id2label=TWO)
    edit_json(folder / "config.json", **change)
    for labels in (None, ["negative", "positive"]):
        with pytest.raises(CheckpointError, match=why):
            load_checkpoint(folder, labels=labels)
    found = verify(folder)
    assert [check.name for check in found.checks if not check.passed] == ["labels"]


@pytest.mark.parametrize(
    "change",
    [
        {"problem_type": "single_label_classification"},
        {"num_labels": 2},
        {"function_to_apply": "softmax"},
        {"_num_labels": 5},
    ],
    ids=str,
)
def test_a_head_of_classes_is_read_whatever_else_is_said_of_it(
    tiny_bert: Callable[..., Path], edit_json: Callable[..., None], change: dict[str, Any]
) -> None:
    folder = tiny_bert(id2label=TWO)
    edit_json(folder / "config.json", **change)
    assert load_checkpoint(folder).labels == ("negative", "positive")


def test_ids_of_labels_with_a_gap_are_a_clear_error(
    tiny_bert: Callable[..., Path], edit_json: Callable[..., None]
) -> None:
    folder = tiny_bert(id2label=TWO)
    edit_json(folder / "config.json", id2label={"0": "negative", "2": "positive"})
    with pytest.raises(CheckpointError, match="its ids are 0, 2"):
        load_checkpoint(folder)


def test_training_takes_a_base_of_another_task_and_makes_a_classifier_of_it(
    tiny_bert: Callable[..., Path], edit_json: Callable[..., None]
) -> None:
    from sentiscore.engine.huggingface import quiet_transformers
    from sentiscore.training.base import load_base

    folder = tiny_bert(id2label=TWO)
    edit_json(folder / "config.json", problem_type="multi_label_classification")
    model = load_base(quiet_transformers(), folder, ("negative", "positive"), 16, dict)[1]
    assert model.config.problem_type == "single_label_classification"
