"""The forward pass of our own equals Hugging Face's, by number."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from sentiscore.engine.gpt_neox import GptNeoxEngine, can_run
from sentiscore.errors import CheckpointError

CPU = torch.device("cpu")
VOCABULARY = 97


def model_of(**changes: Any) -> Any:
    from transformers import GPTNeoXConfig, GPTNeoXForSequenceClassification

    torch.manual_seed(0)
    shape = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 512,
        "initializer_range": 0.3,
        "pad_token_id": 1,
        "num_labels": 3,
    }
    return GPTNeoXForSequenceClassification(GPTNeoXConfig(**(shape | changes))).eval()


def engine_of(model: Any, dtype: torch.dtype = torch.float32) -> GptNeoxEngine:
    config = json.loads(model.config.to_json_string())
    assert can_run(config)
    return GptNeoxEngine(config, model.state_dict(), n_labels=model.config.num_labels, device=CPU, dtype=dtype)


def probs(logits: np.ndarray) -> np.ndarray:
    result: np.ndarray = softmax(logits.astype(np.float64), axis=1)
    return result


def reference(model: Any, ids: list[np.ndarray]) -> np.ndarray:
    """Hugging Face's own model, one text at a time."""
    with torch.inference_mode():
        rows = [model(input_ids=torch.from_numpy(row)[None]).logits[0].numpy() for row in ids]
    return probs(np.stack(rows))


def run(engine: GptNeoxEngine, ids: list[np.ndarray]) -> np.ndarray:
    engine.open_window(ids)
    return probs(engine.logits(ids))


def texts(lengths: list[int], seed: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.integers(2, VOCABULARY, length) for length in lengths]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"use_parallel_residual": False},
        {"attention_bias": False},
        {"num_hidden_layers": 1},
        {"num_hidden_layers": 1, "use_parallel_residual": False},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0}},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.5}},
        {"hidden_act": "gelu_new"},
        {"num_labels": 2, "layer_norm_eps": 1e-3},
    ],
    ids=str,
)
def test_every_shape_of_the_family_equals_hugging_face(changes: dict[str, Any]) -> None:
    model = model_of(**changes)
    ids = texts([1, 2, 3, 7, 7, 40, 128, 511, 512])
    np.testing.assert_allclose(run(engine_of(model), ids), reference(model, ids), atol=1e-5)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=12), seed=st.integers(0, 99))
def test_neighbours_order_and_window_change_nothing_but_rounding(lengths: list[int], seed: int) -> None:
    engine = engine_of(model_of())
    ids = texts(lengths, seed)
    together = run(engine, ids)
    np.testing.assert_allclose(run(engine, ids[::-1])[::-1], together, atol=1e-6)
    np.testing.assert_allclose(np.concatenate([run(engine, [row]) for row in ids]), together, atol=1e-6)


def test_the_same_job_twice_gives_the_same_bits() -> None:
    ids = texts([5, 9, 30])
    assert np.array_equal(run(engine_of(model_of()), ids), run(engine_of(model_of()), ids))


def test_bf16_is_close() -> None:
    model = model_of(initializer_range=0.05)
    ids = texts([3, 20, 60])
    np.testing.assert_allclose(run(engine_of(model, torch.bfloat16), ids), reference(model, ids), atol=0.03)


def test_configs_of_older_and_newer_spelling_mean_the_same() -> None:
    model = model_of()
    config = json.loads(model.config.to_json_string())
    old = {k: v for k, v in config.items() if k != "rope_parameters"} | {"rotary_pct": 0.25, "rotary_emb_base": 10000}
    ids = texts([4, 11])
    engine = GptNeoxEngine(old, model.state_dict(), n_labels=3, device=CPU, dtype=torch.float32)
    assert np.array_equal(run(engine, ids), run(engine_of(model), ids))


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "bert"},
        {"hidden_act": "relu"},
        {"rope_parameters": {"rope_type": "linear", "factor": 2.0}},
        {"rope_scaling": {"type": "dynamic", "factor": 2.0}, "rope_parameters": None},
    ],
    ids=str,
)
def test_what_it_does_not_compute_exactly_it_leaves_to_hugging_face(change: dict[str, Any]) -> None:
    assert not can_run(json.loads(model_of().config.to_json_string()) | change)


def test_weights_of_another_shape_are_a_clear_error() -> None:
    model = model_of()
    weights = model.state_dict() | {"gpt_neox.final_layer_norm.weight": torch.ones(5)}
    config = json.loads(model.config.to_json_string())
    with pytest.raises(CheckpointError, match=r"gpt_neox\.final_layer_norm\.weight"):
        GptNeoxEngine(config, weights, n_labels=3, device=CPU, dtype=torch.float32)


def test_a_batch_needs_an_open_window() -> None:
    with pytest.raises(RuntimeError, match="no window"):
        engine_of(model_of()).logits(texts([3]))


def test_a_checkpoint_of_the_family_is_run_by_it(tiny_checkpoint: Path, tiny_bert: Callable[..., Path]) -> None:
    from sentiscore.checkpoint import load_checkpoint
    from sentiscore.engine.classifier import Classifier
    from sentiscore.engine.huggingface import HuggingFaceEngine

    plain = tiny_bert(id2label={0: "negative", 1: "positive"})
    found = [
        type(Classifier.load(load_checkpoint(folder), device=CPU, dtype=torch.float32)._engine)
        for folder in (tiny_checkpoint, plain)
    ]
    assert found == [GptNeoxEngine, HuggingFaceEngine]


def load(folder: Path, n_labels: int = 2) -> GptNeoxEngine:
    config = json.loads((folder / "config.json").read_text())
    return GptNeoxEngine.load(folder, config, n_labels=n_labels, device=CPU, dtype=torch.float32)


def test_a_folder_that_is_no_whole_classifier_is_a_clear_error(tiny_checkpoint: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))
    path = folder / "model.safetensors"
    with pytest.raises(CheckpointError, match="has 2 classes, but 3 label names"):
        load(folder, n_labels=3)
    weights = load_file(path)
    save_file({name: tensor for name, tensor in weights.items() if name != "score.weight"}, path)
    with pytest.raises(CheckpointError, match="is a base, not a classifier"):
        load(folder)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cannot be loaded as a classifier"):
        load(folder)
