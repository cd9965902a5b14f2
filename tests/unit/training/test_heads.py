"""A head keeps what the base knows of its classes, or is fitted before the rest is trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from sentiscore import LabelledData, TrainingError
from sentiscore.engine.huggingface import quiet_transformers
from sentiscore.training.base import encode, load_base
from sentiscore.training.heads import classes_of_base, fit_head, output_layer
from sentiscore.training.loss import masked_cross_entropy

BOTH = ("negative", "positive")
ALL = ("negative", "neutral", "positive")
ROWS = LabelledData(
    "rows",
    [f"{text} {i}" for i in range(12) for text in ("profit rises", "weak results")],
    ["positive", "negative"] * 12,
)


def load(folder: Path, classes: tuple[str, ...]) -> tuple[Any, Any, dict[str, Any]]:
    return load_base(quiet_transformers(), folder, classes, 16, dict)


@pytest.mark.parametrize("classes", [BOTH, ALL])
def test_each_class_keeps_its_weights_wherever_it_was_in_the_base(
    make_checkpoint: Callable[..., Path], tmp_path: Path, classes: tuple[str, ...]
) -> None:
    known = ("positive", "negative", "neutral")
    folder = make_checkpoint(tmp_path / "base", labels=known)
    own = load_file(folder / "model.safetensors")["score.weight"]
    _, model, info = load(folder, classes)
    assert torch.equal(model.score.weight, own[[known.index(one) for one in classes]])
    assert not info["mismatched_keys"]


def test_a_head_that_lacks_a_class_is_replaced(make_checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "base", labels=BOTH)
    _, model, info = load(folder, ALL)
    assert model.score.weight.shape[0] == 3
    assert info["mismatched_keys"]


@pytest.mark.parametrize(
    ("id2label", "classes"),
    [
        ({"0": "POSITIVE", "1": "negative"}, ("positive", "negative")),
        ({"0": "LABEL_0", "1": "LABEL_1"}, BOTH),
        ({"0": "entailment", "1": "neutral", "2": "contradiction"}, ()),
        ({"0": "negative", "1": "negative"}, ()),
        ({"5": "negative"}, ()),
        (None, ()),
    ],
)
def test_the_classes_of_a_base_are_those_that_its_config_names(id2label: Any, classes: tuple[str, ...]) -> None:
    assert classes_of_base({"id2label": id2label}) == classes


def loss_of(model: Any, rows: Any, collate: Any) -> float:
    batch = collate([rows[i] for i in range(len(rows))])
    targets, weights = batch.pop("labels"), batch.pop("weight")
    model.eval()
    with torch.no_grad():
        return float(masked_cross_entropy(model(**batch).logits, targets, weights))


@pytest.mark.parametrize("kind", ["gpt_neox", "bert"])
def test_fitting_the_head_lowers_the_loss_and_changes_nothing_else(
    kind: str, tiny_base: Path, tiny_bert: Callable[..., Path]
) -> None:
    folder = tiny_base if kind == "gpt_neox" else tiny_bert(id2label={0: "LABEL_0", 1: "LABEL_1"})
    tokenizer, model, _ = load(folder, BOTH)
    rows, collate = encode(tokenizer, ROWS, BOTH, 16), quiet_transformers().DataCollatorWithPadding(tokenizer)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    loss = loss_of(model, rows, collate)
    model.train()
    fit_head(model, rows, collate, torch.device("cpu"))
    assert model.training
    assert loss_of(model, rows, collate) < 0.9 * min(loss, 0.69)
    name = (output_layer(model) or ("",))[0]
    changed = {key for key, tensor in model.state_dict().items() if not torch.equal(tensor, before[key])}
    assert {key.rpartition(".")[0] for key in changed} == {name}


def test_a_network_without_a_last_layer_of_its_own_is_an_error_that_names_the_setting(tiny_base: Path) -> None:
    tokenizer, model, _ = load(tiny_base, BOTH)
    rows, collate = encode(tokenizer, ROWS, BOTH, 16), quiet_transformers().DataCollatorWithPadding(tokenizer)
    model.score = torch.nn.Sequential(model.score)  # what it is called in does not matter
    fit_head(model, rows, collate, torch.device("cpu"))
    model.score = torch.nn.Sequential(model.score, torch.nn.Tanh())
    with pytest.raises(TrainingError, match="cannot be fitted on its own") as error:
        fit_head(model, rows, collate, torch.device("cpu"))
    assert "--no-head-first" in error.value.hint
