"""The forward pass of our own for BERT and its kin equals Hugging Face's, by number."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiscore import Scorer
from sentiscore.engine import layers
from sentiscore.engine.bert import BertEngine
from sentiscore.engine.networks import own_engine
from sentiscore.engine.weights import read_weights
from sentiscore.errors import CheckpointError, SentiscoreWarning
from tests.effort import combined, examples
from tests.unit.engine.reference import (
    ANY_PADDING,
    CPU,
    assert_tells_rows_apart,
    config_of,
    engine_of,
    in_batches,
    model_of,
    one_at_a_time,
    rows_of,
)

FAMILIES = ["Bert", "Roberta", "XLMRoberta", "Camembert", "DistilBert"]


@cache
def own(family: str) -> Any:
    """Our engine of a family's usual shape."""
    return engine_of(model_of(family))


@pytest.mark.parametrize(
    ("changes", "family"),
    combined(
        [
            {},
            {"num_hidden_layers": 1},
            {"num_attention_heads": 1, "num_labels": 2},
            {"hidden_act": "relu", "num_hidden_layers": 2},
            {"hidden_act": "gelu_new", "intermediate_size": 24},
            {"hidden_act": "gelu_pytorch_tanh"},
            {"pad_token_id": 3},  # from which RoBERTa counts its positions
        ],
        list(FAMILIES),
    ),
)
def test_every_shape_of_the_families_equals_hugging_face(family: str, changes: dict[str, Any]) -> None:
    model = model_of(family, **changes)
    rows = rows_of([1, 2, 3, 7, 7, 40, 128, 512])
    expected = one_at_a_time(model, rows)
    assert_tells_rows_apart(expected)
    engine = engine_of(model)
    for padding in (0, ANY_PADDING):
        np.testing.assert_allclose(in_batches(engine, rows, padding=padding), expected, atol=1e-5)


@pytest.mark.parametrize(("pad", "family"), combined([0, 1, 2, 5, 50], list(FAMILIES)))
def test_a_padding_token_within_a_text_has_the_position_that_hugging_face_gives_it(family: str, pad: int) -> None:
    model = model_of(family, pad_token_id=pad)
    rows = rows_of([1, 2, 3, 7, 7, 40, 60])
    rows += [np.concatenate([[pad], row[:3], [pad], row[3:], [pad]]).astype(np.int32) for row in rows]
    expected = one_at_a_time(model, rows)
    for padding in (0, ANY_PADDING):
        np.testing.assert_allclose(in_batches(engine_of(model), rows, padding=padding), expected, atol=1e-5)


@pytest.mark.parametrize("pad", [None, -1])
def test_a_config_without_a_token_to_count_positions_by_is_not_run(pad: int | None) -> None:
    config = config_of(model_of("Roberta")) | {"pad_token_id": pad}
    assert own_engine(config) is None
    assert own_engine(config_of(model_of("Bert")) | {"pad_token_id": pad}) is BertEngine


@pytest.mark.parametrize(
    ("family", "changes"),
    combined(
        ["Bert", "Roberta", "XLMRoberta", "Camembert"],
        [{"layer_norm_eps": 0.1}, {"type_vocab_size": 1}, {"type_vocab_size": 3}],
    ),
)
def test_settings_that_distilbert_has_not_are_followed(family: str, changes: dict[str, Any]) -> None:
    model = model_of(family, **changes)
    rows = rows_of([1, 7, 7, 40])
    expected = one_at_a_time(model, rows)
    for padding in (0, ANY_PADDING):
        np.testing.assert_allclose(in_batches(engine_of(model), rows, padding=padding), expected, atol=1e-5)


@pytest.mark.parametrize("family", ["Bert", "Roberta", "DistilBert"])
def test_texts_that_go_through_torchs_own_attention_equal_hugging_face(family: str) -> None:
    model = model_of(family)
    rows = rows_of([layers._LONG + 1, 3, layers._LONG + 1, 600, layers._LONG])
    expected = one_at_a_time(model, rows)
    for padding in (0, ANY_PADDING):
        np.testing.assert_allclose(in_batches(engine_of(model), rows, padding=padding), expected, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_text_may_take_every_position_that_the_model_has(family: str) -> None:
    model = model_of(family, max_position_embeddings=20)
    longest = 18 if "oberta" in family or family == "Camembert" else 20  # two positions belong to padding there
    rows = rows_of([longest, 1, longest])
    for padding in (0, ANY_PADDING):
        found = in_batches(engine_of(model), rows, padding=padding)
        np.testing.assert_allclose(found, one_at_a_time(model, rows), atol=1e-5)


@settings(max_examples=examples(30))
@given(
    family=st.sampled_from(FAMILIES),
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=12),
    seed=st.integers(0, 99),
    budget=st.sampled_from([1, 100, 4096]),
    padding=st.sampled_from([0, 32, ANY_PADDING]),
)
def test_neighbours_and_order_change_nothing_but_rounding(
    family: str, lengths: list[int], seed: int, budget: int, padding: int
) -> None:
    engine, rows = own(family), rows_of(lengths, seed)
    together = in_batches(engine, rows, budget=budget, padding=padding)
    np.testing.assert_allclose(in_batches(engine, rows[::-1], padding=padding)[::-1], together, atol=2e-6)
    np.testing.assert_allclose(np.concatenate([in_batches(engine, [row]) for row in rows]), together, atol=2e-6)


@pytest.mark.parametrize(("filled_with", "family"), combined([0, 1, 96], list(FAMILIES)))
def test_what_padding_is_filled_with_does_not_matter(family: str, filled_with: int) -> None:
    engine = own(family)
    row = torch.from_numpy(rows_of([9])[0])[None]
    padded = torch.cat([row, torch.full((1, 20), filled_with, dtype=torch.int32)], dim=1)
    found = engine.logits(None, padded, torch.tensor([8]))
    torch.testing.assert_close(found, engine.logits(None, row, None), atol=1e-5, rtol=0)


@pytest.mark.parametrize("padding", [0, ANY_PADDING])
@pytest.mark.parametrize("family", ["Bert", "DistilBert"])
def test_the_same_job_twice_gives_the_same_bits(family: str, padding: int) -> None:
    rows = rows_of([5, 9, 30, 30])
    found = [in_batches(engine_of(model_of(family)), rows, padding=padding) for _ in range(2)]
    assert np.array_equal(found[0], found[1])


@pytest.mark.parametrize(("padding", "family"), combined([0, ANY_PADDING], ["Bert", "Roberta", "DistilBert"]))
def test_bf16_is_close(family: str, padding: int) -> None:
    model = model_of(family, spread=0.15)
    rows = rows_of([3, 3, 20, 60, 600])
    expected = one_at_a_time(model, rows)
    found = in_batches(engine_of(model, dtype=torch.bfloat16), rows, padding=padding)
    np.testing.assert_allclose(found, expected, atol=0.03)
    assert not np.array_equal(found, expected)


@pytest.mark.parametrize(
    "change",
    [
        {"position_embedding_type": "relative_key"},
        {"position_embedding_type": "relative_key_query"},
        {"is_decoder": True},
        {"hidden_act": "silu"},
        {"model_type": "albert"},
        {"model_type": "electra"},
        {"model_type": "roberta-prelayernorm"},
        {"model_type": None},
    ],
    ids=str,
)
def test_what_it_does_not_compute_exactly_it_leaves_to_hugging_face(change: dict[str, Any]) -> None:
    config = config_of(model_of("Bert"))
    assert own_engine(config) is BertEngine
    assert own_engine(config | change) is None


def test_the_activation_of_a_distilbert_has_a_name_of_its_own() -> None:
    config = config_of(model_of("DistilBert"))
    assert own_engine(config) is BertEngine
    assert own_engine(config | {"activation": "silu"}) is None


def test_a_folder_of_the_old_names_of_norms_is_the_same_model(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    model = model_of("Bert")
    names = {
        name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        for name in model.state_dict()
    }
    assert sum(name != old for name, old in names.items()) == 2 + 4 * 3
    save_file({names[name]: tensor for name, tensor in model.state_dict().items()}, tmp_path / "model.safetensors")
    engine = BertEngine(config_of(model), read_weights(tmp_path), n_labels=3, device=CPU, dtype=torch.float32)
    rows = rows_of([4, 11])
    assert np.array_equal(in_batches(engine, rows), in_batches(own("Bert"), rows))


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("Bert", "bert.pooler.dense.weight"),
        ("Bert", "bert.encoder.layer.1.attention.output.LayerNorm.bias"),
        ("Roberta", "classifier.dense.bias"),
        ("DistilBert", "distilbert.embeddings.position_embeddings.weight"),
    ],
)
def test_weights_that_are_missing_or_of_another_shape_are_a_clear_error(family: str, name: str) -> None:
    model = model_of(family)
    whole = model.state_dict()
    for weights in (whole | {name: torch.ones(5)}, {k: v for k, v in whole.items() if k != name}):
        with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
            BertEngine(config_of(model), weights, n_labels=3, device=CPU, dtype=torch.float32)


def test_a_network_without_layers_is_a_clear_error(
    tiny_bert: Callable[..., Path], edit_json: Callable[..., None]
) -> None:
    folder = tiny_bert(id2label={0: "negative", 1: "positive"})
    edit_json(folder / "config.json", num_hidden_layers=0)
    with pytest.warns(SentiscoreWarning, match="is not calibrated"):
        scorer = Scorer.from_pretrained(folder, device="cpu", dtype="fp32")
    with pytest.raises(CheckpointError, match="answers to 2 texts: config and weights do not fit"):
        scorer.score(["a warm and funny film", "a dull , lifeless mess"])
