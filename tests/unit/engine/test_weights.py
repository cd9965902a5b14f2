"""Weights that were saved from a compiled or wrapped network are read by their own names."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from polars.testing import assert_frame_equal
from safetensors.torch import load_file, save_file

from sentiscore import Scorer
from sentiscore.engine.huggingface import unwrapped_weights
from sentiscore.engine.weights import unwrapped
from sentiscore.errors import CheckpointError
from tests.conftest import TEXTS
from tests.unit.engine.kinds import network_of, save

PREFIXES = ["_orig_mod.", "module.", "module._orig_mod.", "_orig_mod.module.", "model.", "net.model."]
pytestmark = pytest.mark.filterwarnings("ignore:.*is not calibrated")


def renamed(folder: Path, copy: Path, new_name: Callable[[str], str], **more: torch.Tensor) -> Path:
    shutil.copytree(folder, copy)
    weights = load_file(folder / "model.safetensors")
    save_file({new_name(name): tensor for name, tensor in weights.items()} | more, copy / "model.safetensors")
    return copy


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_name_before_all_others_is_left_out_in_our_own_networks_and_in_those_of_transformers(
    prefix: str, tiny_bert: Callable[..., Path], tmp_path: Path
) -> None:
    bert = tiny_bert(id2label={0: "negative", 1: "positive"})
    for kind, folder, text in (
        ("bert", bert, TEXTS[0]),
        ("electra", save(network_of("electra"), tmp_path / "electra"), "w1 w2"),
        ("gpt2", save(network_of("gpt2"), tmp_path / "gpt2"), "w1 w2"),
    ):
        other = renamed(folder, tmp_path / f"wrapped-{kind}", lambda name: prefix + name)
        found, expected = (
            Scorer.from_pretrained(one, device="cpu", dtype="fp32").score([text]) for one in (other, folder)
        )
        assert_frame_equal(found, expected, rel_tol=0, abs_tol=1e-6)


def test_names_in_between_and_tensors_of_the_wrapper_itself_are_left_out(
    tiny_bert: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tiny_bert(id2label={0: "negative", 1: "positive"})
    compiled = renamed(
        folder, tmp_path / "compiled", lambda name: name.replace("encoder.layer.0.", "encoder.layer.0._orig_mod.")
    )
    lightning = renamed(
        folder, tmp_path / "lightning", lambda name: f"model.{name}", **{"metric.count": torch.zeros(1)}
    )
    expected = Scorer.from_pretrained(folder, device="cpu", dtype="fp32").score(TEXTS)
    for other in (compiled, lightning):
        found = Scorer.from_pretrained(other, device="cpu", dtype="fp32").score(TEXTS)
        assert_frame_equal(found, expected, rel_tol=0, abs_tol=1e-6)


def test_a_base_stays_a_base() -> None:
    weights = {"bert.encoder.weight": torch.ones(1), "bert.pooler.weight": torch.ones(1)}
    assert unwrapped(weights, ["classifier.weight"]).keys() == weights.keys()
    assert unwrapped(weights, [*weights, "classifier.weight"]).keys() == weights.keys()


def test_two_tensors_never_become_one() -> None:
    weights = {"a.weight": torch.ones(1), "_orig_mod.a.weight": torch.zeros(1)}
    assert unwrapped(weights, ["a.weight"]).keys() == weights.keys()


def test_training_begins_from_the_weights_of_a_wrapped_base(tiny_base: Path, tmp_path: Path) -> None:
    from sentiscore.engine.huggingface import quiet_transformers
    from sentiscore.training.base import load_base

    assert unwrapped_weights(tiny_base) is None
    wrapped = renamed(tiny_base, tmp_path / "wrapped", lambda name: f"_orig_mod.{name}")
    plain, other = (
        load_base(quiet_transformers(), folder, ("negative", "positive"), 16, dict)[1].state_dict()
        for folder in (tiny_base, wrapped)
    )
    below = [name for name in plain if name.startswith("gpt_neox.")]
    assert below
    assert all(torch.equal(plain[name], other[name]) for name in below)


def test_a_base_is_trained_on_no_more_tokens_than_its_table_of_positions_takes(tmp_path: Path) -> None:
    from sentiscore.engine.huggingface import quiet_transformers
    from sentiscore.errors import TrainingError
    from sentiscore.training.base import load_base

    folder = save(network_of("mpnet"), tmp_path)
    load_base(quiet_transformers(), folder, ("negative", "positive"), 62, dict)
    with pytest.raises(TrainingError, match="reads at most 62 tokens, and the recipe's max_length is 63"):
        load_base(quiet_transformers(), folder, ("negative", "positive"), 63, dict)


def test_weights_under_names_of_another_network_are_still_refused(
    tiny_bert: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tiny_bert(id2label={0: "negative", 1: "positive"})
    other = renamed(folder, tmp_path / "other", lambda name: name.replace("classifier", "head"))
    with pytest.raises(CheckpointError, match="is a base, not a classifier"):
        Scorer.from_pretrained(other, device="cpu", dtype="fp32")
