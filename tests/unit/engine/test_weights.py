"""Weights that were saved from a compiled or wrapped network are read by their own names."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from polars.testing import assert_frame_equal
from safetensors.torch import load_file, save_file

from sentiscore import Scorer
from sentiscore.engine.weights import unwrapped
from sentiscore.errors import CheckpointError
from tests.conftest import TEXTS
from tests.effort import combined, spread
from tests.unit.engine.kinds import LABELS, every_kind, network_of, save

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


def without(folder: Path, copy: Path, gone: Callable[[str], bool]) -> Path:
    shutil.copytree(folder, copy)
    weights = {name: tensor for name, tensor in load_file(folder / "model.safetensors").items() if not gone(name)}
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    return copy


def loaded_base(folder: Path) -> dict[str, torch.Tensor]:
    from sentiscore.engine.huggingface import quiet_transformers
    from sentiscore.training.base import load_base

    state: dict[str, torch.Tensor] = load_base(quiet_transformers(), folder, LABELS, 8, dict)[1].state_dict()
    return state


@pytest.mark.parametrize(
    ("kind", "wrapped", "inner"),
    combined(["bert", "distilbert", "electra"], ["body", "encoder"], ["module.", "_orig_mod.", "module._orig_mod."]),
)
def test_a_part_that_was_wrapped_alone_is_scored_and_trained_by_its_own_names(
    kind: str, wrapped: str, inner: str, tmp_path: Path
) -> None:
    folder = save(network_of(kind), tmp_path / kind)
    stack = {"distilbert": "transformer"}.get(kind, "encoder")
    before = f"{kind}." if wrapped == "body" else f"{kind}.{stack}."
    other = renamed(folder, tmp_path / "wrapped", lambda name: name.replace(before, before + inner, 1))
    found, expected = (
        Scorer.from_pretrained(one, device="cpu", dtype="fp32").score(["w1 w2"]) for one in (other, folder)
    )
    assert_frame_equal(found, expected, rel_tol=0, abs_tol=1e-6)
    plain, trained = loaded_base(folder), loaded_base(other)
    assert all(torch.equal(plain[name], trained[name]) for name in plain)


@pytest.mark.parametrize("kind", ["bert", "electra", "gpt2"])
def test_weights_that_are_missing_below_the_head_are_counted_and_named_wherever_they_are_read(
    kind: str, tmp_path: Path
) -> None:
    from sentiscore.engine.huggingface import check_body
    from sentiscore.training.student import Student, build_student

    folder = save(network_of(kind), tmp_path / kind)
    layer = ".h.1." if kind == "gpt2" else ".layer.1."
    n_gone = sum(layer in name for name in load_file(folder / "model.safetensors"))
    for also in (layer, "classifier"):
        part = without(folder, tmp_path / f"part-{also}", lambda name, also=also: layer in name or also in name)  # type: ignore[misc]
        for use in (
            lambda folder: Scorer.from_pretrained(folder, device="cpu", dtype="fp32"),
            loaded_base,
            lambda folder: build_student(
                Student(take_layers=(0,)), folder, [], max_length=8, seed=0, output=tmp_path / "student"
            ),
        ):
            with pytest.raises(CheckpointError, match=rf"its weights lack {n_gone} tensors, such as \S*1\.") as refused:
                use(part)
            assert "the whole folder again" in refused.value.hint
            assert not (tmp_path / "student").exists()
    with pytest.raises(CheckpointError, match=r"lack 1 tensor, such as bert\.x"):
        check_body(folder, network_of("bert"), {"missing_keys": ["bert.x"], "mismatched_keys": []})


@pytest.mark.parametrize("kind", spread(every_kind(), 4, always=["bert", "gpt_neox", "xlnet"]))
def test_every_kind_can_be_a_base_that_was_saved_without_its_head_or_under_the_names_of_its_body(
    kind: str, tmp_path: Path
) -> None:
    model = network_of(kind)
    folder = save(model, tmp_path / "whole")
    settings = {"tokenizer_class": "TokenizersBackend", "pad_token": "<pad>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    body = f"{model.base_model_prefix}."
    headless = without(folder, tmp_path / "headless", lambda name: not name.startswith(body) or "pooler" in name)
    alone = renamed(headless, tmp_path / "body", lambda name: name.removeprefix(body))
    expected, found = loaded_base(headless), loaded_base(alone)
    below = load_file(headless / "model.safetensors").keys() & expected.keys()
    assert below
    assert all(torch.equal(found[name], expected[name]) for name in below)


def test_a_base_whose_positions_have_no_limit_can_be_trained(tmp_path: Path) -> None:
    from sentiscore.engine.huggingface import quiet_transformers
    from sentiscore.training.base import load_base

    folder = save(network_of("xlnet"), tmp_path)
    assert load_base(quiet_transformers(), folder, LABELS, 40, dict)[1].config.model_type == "xlnet"


def test_a_base_with_the_first_names_of_layer_norms_is_whole(tmp_path: Path) -> None:
    folder = save(network_of("bert"), tmp_path / "bert")
    old = renamed(
        folder,
        tmp_path / "old",
        lambda name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"),
    )
    expected, found = loaded_base(folder), loaded_base(old)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
