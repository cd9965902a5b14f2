"""The forward pass of our own for GPT-NeoX equals Hugging Face's, by number."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiscore.engine import layers
from sentiscore.engine.gpt_neox import GptNeoxEngine
from sentiscore.engine.networks import own_engine
from sentiscore.errors import CheckpointError
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

FAMILY = "GPTNeoX"


def rope(theta: float, share: float) -> dict[str, Any]:
    return {"rope_parameters": {"rope_type": "default", "rope_theta": theta, "partial_rotary_factor": share}}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"use_parallel_residual": False},
        {"attention_bias": False},
        {"num_hidden_layers": 1},
        {"num_hidden_layers": 1, "use_parallel_residual": False},
        {"num_hidden_layers": 2, "use_parallel_residual": False, "attention_bias": False},
        rope(10_000.0, 1.0),
        rope(500.0, 0.5),
        rope(10_000.0, 0.4),  # 3 of 8 dimensions, which become 4
        {"num_attention_heads": 1},
        {"hidden_act": "gelu_new"},
        {"hidden_act": "relu"},
        {"num_labels": 2, "layer_norm_eps": 1e-3},
    ],
    ids=str,
)
def test_every_shape_of_the_family_equals_hugging_face(changes: dict[str, Any]) -> None:
    model = model_of(FAMILY, **changes)
    rows = rows_of([1, 2, 3, 7, 7, 40, 128, 512])
    expected = one_at_a_time(model, rows)
    assert_tells_rows_apart(expected)
    engine = engine_of(model)
    for padding in (0, ANY_PADDING):
        np.testing.assert_allclose(in_batches(engine, rows, padding=padding), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("pad", "changes"), combined([0, 1, 50, None, -1], [{}, {"num_hidden_layers": 1, "use_parallel_residual": False}])
)
def test_a_text_that_ends_in_the_padding_token_is_pooled_before_it(pad: int | None, changes: dict[str, Any]) -> None:
    model = model_of(FAMILY, pad_token_id=pad, **changes)
    rows = rows_of([1, 2, 3, 7, 7, 40, 60])
    token = 50 if pad is None or pad < 0 else pad
    rows += [np.append(row, [token] * i).astype(np.int32) for i, row in enumerate(rows)]
    rows += [np.full(n, token, dtype=np.int32) for n in (1, 3)]
    expected = one_at_a_time(model, rows)
    assert_tells_rows_apart(expected)
    for padding in (0, ANY_PADDING):
        np.testing.assert_allclose(in_batches(engine_of(model), rows, padding=padding), expected, atol=1e-5)


@pytest.mark.parametrize("changes", [{}, {"num_hidden_layers": 1, "use_parallel_residual": False}], ids=str)
def test_texts_that_go_through_torchs_own_attention_equal_hugging_face(changes: dict[str, Any]) -> None:
    model = model_of(FAMILY, **changes)
    rows = rows_of([layers._LONG + 1, 3, layers._LONG + 1, 600, layers._LONG])
    expected = one_at_a_time(model, rows)
    for padding in (0, ANY_PADDING):
        np.testing.assert_allclose(in_batches(engine_of(model), rows, padding=padding), expected, atol=1e-5)


@settings(max_examples=examples(20))
@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=12),
    seed=st.integers(0, 99),
    budget=st.sampled_from([1, 100, 4096]),
    padding=st.sampled_from([0, 32, ANY_PADDING]),
)
def test_neighbours_order_and_window_change_nothing_but_rounding(
    lengths: list[int], seed: int, budget: int, padding: int
) -> None:
    rows = rows_of(lengths, seed)
    together = in_batches(ENGINE, rows, budget=budget, padding=padding)
    np.testing.assert_allclose(in_batches(ENGINE, rows[::-1], padding=padding)[::-1], together, atol=1e-6)
    np.testing.assert_allclose(np.concatenate([in_batches(ENGINE, [row]) for row in rows]), together, atol=1e-6)


ENGINE: Any = engine_of(model_of(FAMILY))


def test_a_window_may_know_more_tokens_than_its_batches_have() -> None:
    ids = torch.from_numpy(rows_of([30])[0])[None]
    own, all_tokens = torch.unique(ids), torch.arange(97)
    results = [ENGINE.logits(ENGINE.open_window(tokens), ids, None) for tokens in (own, own.flip(0), all_tokens)]
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("filled_with", [0, 3, 96])
def test_what_padding_is_filled_with_does_not_matter(filled_with: int) -> None:
    row = torch.from_numpy(rows_of([9])[0])[None]
    window = ENGINE.open_window(torch.arange(97))
    padded = torch.cat([row, torch.full((1, 20), filled_with, dtype=torch.int32)], dim=1)
    found = ENGINE.logits(window, padded, torch.tensor([8]))
    torch.testing.assert_close(found, ENGINE.logits(window, row, None), atol=1e-5, rtol=0)


@pytest.mark.parametrize("padding", [0, ANY_PADDING])
def test_the_same_job_twice_gives_the_same_bits(padding: int) -> None:
    rows = rows_of([5, 9, 30, 30])
    found = [in_batches(engine_of(model_of(FAMILY)), rows, padding=padding) for _ in range(2)]
    assert np.array_equal(found[0], found[1])


@pytest.mark.parametrize(
    ("padding", "changes"), combined([0, ANY_PADDING], [{}, {"num_hidden_layers": 1}, {"use_parallel_residual": False}])
)
def test_bf16_is_close(changes: dict[str, Any], padding: int) -> None:
    model = model_of(FAMILY, spread=0.15, **changes)
    rows = rows_of([3, 3, 20, 60, 600])
    expected = one_at_a_time(model, rows)
    found = in_batches(engine_of(model, dtype=torch.bfloat16), rows, padding=padding)
    np.testing.assert_allclose(found, expected, atol=0.03)
    assert not np.array_equal(found, expected)


def test_configs_of_older_and_newer_spelling_mean_the_same() -> None:
    model = model_of(FAMILY, **rope(700.0, 0.5))
    config = config_of(model)
    old = {k: v for k, v in config.items() if k != "rope_parameters"} | {"rotary_pct": 0.5, "rotary_emb_base": 700}
    rows = rows_of([4, 11])
    engine = GptNeoxEngine(old, model.state_dict(), n_labels=3, device=CPU, dtype=torch.float32)
    assert np.array_equal(in_batches(engine, rows), in_batches(engine_of(model), rows))


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "gpt_neo"},
        {"model_type": None},
        {"hidden_act": "silu"},
        {"hidden_act": "gelu_fast"},
        {"rope_parameters": {"rope_type": "linear", "factor": 2.0}},
        {"rope_scaling": {"type": "dynamic", "factor": 2.0}, "rope_parameters": None},
    ],
    ids=str,
)
def test_what_it_does_not_compute_exactly_it_leaves_to_hugging_face(change: dict[str, Any]) -> None:
    assert own_engine(config_of(model_of(FAMILY))) is GptNeoxEngine
    assert own_engine(config_of(model_of(FAMILY)) | change) is None


@pytest.mark.parametrize(
    "name", ["gpt_neox.final_layer_norm.weight", "gpt_neox.layers.1.mlp.dense_h_to_4h.bias", "gpt_neox.embed_in.weight"]
)
def test_weights_that_are_missing_or_of_another_shape_are_a_clear_error(name: str) -> None:
    model = model_of(FAMILY)
    whole = model.state_dict()
    for weights in (whole | {name: torch.ones(5)}, {k: v for k, v in whole.items() if k != name}):
        with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
            GptNeoxEngine(config_of(model), weights, n_labels=3, device=CPU, dtype=torch.float32)
