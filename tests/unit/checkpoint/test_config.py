import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentiscore.checkpoint.config import MODEL_TYPES, allowed, check_against_weights, read_config
from sentiscore.errors import CheckpointError
from tests.effort import spread

PLAIN: dict[str, Any] = {"model_type": "bert", "hidden_size": 16, "num_attention_heads": 2, "vocab_size": 100}

WELL_KNOWN: dict[str, dict[str, Any]] = {
    "finbert": {
        "_name_or_path": "/home/ubuntu/finbert/models/language_model/finbertTRC2",
        "architectures": ["BertForSequenceClassification"],
        "attention_probs_dropout_prob": 0.1,
        "gradient_checkpointing": False,
        "hidden_act": "gelu",
        "hidden_size": 768,
        "id2label": {"0": "positive", "1": "negative", "2": "neutral"},
        "label2id": {"positive": 0, "negative": 1, "neutral": 2},
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 512,
        "model_type": "bert",
        "num_attention_heads": 12,
        "num_hidden_layers": 12,
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
        "type_vocab_size": 2,
        "vocab_size": 30522,
    },
    "distilbert on SST-2": {
        "activation": "gelu",
        "architectures": ["DistilBertForSequenceClassification"],
        "dim": 768,
        "finetuning_task": "sst-2",
        "hidden_dim": 3072,
        "id2label": {"0": "NEGATIVE", "1": "POSITIVE"},
        "max_position_embeddings": 512,
        "model_type": "distilbert",
        "n_heads": 12,
        "n_layers": 6,
        "output_past": True,
        "pad_token_id": 0,
        "qa_dropout": 0.1,
        "sinusoidal_pos_embds": False,
        "tie_weights_": True,
        "vocab_size": 30522,
    },
    "a multilingual BERT": {
        **PLAIN,
        "_num_labels": 5,
        "directionality": "bidi",
        "pooler_fc_size": 768,
        "pooler_num_attention_heads": 12,
        "pooler_num_fc_layers": 3,
        "pooler_type": "first_token_transform",
        "id2label": {"0": "1 star", "1": "2 stars / poor"},
        "pruned_heads": {},
        "task_specific_params": {"text-generation": {"do_sample": True}},
    },
    "a RoBERTa of tweets": {
        "_name_or_path": "tweeteval_new/roberta-base-rt-sentiment/",
        "architectures": ["RobertaForSequenceClassification"],
        "classifier_dropout": None,
        "eos_token_id": 2,
        "hidden_size": 768,
        "max_position_embeddings": 514,
        "model_type": "roberta",
        "num_attention_heads": 12,
        "pad_token_id": 1,
        "problem_type": "single_label_classification",
        "torch_dtype": "float32",
        "transformers_version": "4.13.0.dev0",
        "vocab_size": 50265,
    },
    "pythia": {
        "architectures": ["GPTNeoXForCausalLM"],
        "bos_token_id": 0,
        "hidden_act": "gelu",
        "hidden_size": 512,
        "max_position_embeddings": 2048,
        "model_type": "gpt_neox",
        "num_attention_heads": 8,
        "rotary_emb_base": 10000,
        "rotary_pct": 0.25,
        "use_parallel_residual": True,
        "vocab_size": 50304,
        "torch_dtype": "float16",
    },
    "DeBERTa": {
        "model_type": "deberta-v2",
        "pos_att_type": "p2c|c2p",
        "pooler_hidden_act": "gelu",
        "norm_rel_ebd": "layer_norm",
        "relative_attention": True,
        "hidden_size": 768,
        "vocab_size": 128100,
    },
    "Llama 3": {
        "model_type": "llama",
        "hidden_size": 4096,
        "eos_token_id": [128001, 128009],
        "rope_scaling": {"factor": 8.0, "rope_type": "llama3", "original_max_position_embeddings": 8192},
        "max_position_embeddings": 131072,
        "vocab_size": 128256,
        "_attn_implementation": "sdpa",
    },
    "SmolLM2, read from a GGUF file": {
        "_model_name_or_path": "Smollm2 135M 8k Lc100K Mix1 Ep2",
        "model_type": "llama",
        "hidden_size": 576,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "rope_parameters": {"rope_theta": 100000.0, "rope_type": "default"},
        "pretraining_tp": 1,
        "vocab_size": 49152,
    },
}


@pytest.mark.parametrize("name", WELL_KNOWN)
def test_configs_as_well_known_models_have_them_are_allowed(name: str) -> None:
    kept = allowed(WELL_KNOWN[name])
    assert kept["model_type"] == WELL_KNOWN[name]["model_type"]
    past = {"_model_name_or_path", "_name_or_path", "finetuning_task", "task_specific_params", "pruned_heads"}
    assert not past & kept.keys()


@pytest.mark.parametrize("kind", spread(sorted(MODEL_TYPES), 12, always=["bert", "gpt_neox"]))
def test_all_that_transformers_writes_for_a_kind_is_allowed_and_means_the_same(kind: str) -> None:
    import transformers

    assert kind in transformers.models.auto.modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
    transformers.utils.logging.set_verbosity_error()
    config = transformers.AutoConfig.for_model(kind)
    written = json.loads(config.to_json_string(use_diff=False))
    kept = allowed(written)
    assert written.keys() - kept.keys() <= {"_name_or_path", "reference_compile", "transformers_version"} | {
        name for name in written if written[name] in ({}, [])
    }, "a setting that is new is to be listed, or its value would be lost"
    again = transformers.AutoConfig.for_model(kept.pop("model_type"), **kept)
    assert again.to_dict() == config.to_dict()


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": None},
        {"model_type": ["bert"]},
        {"auto_map": {}},
        {"auto_map": None},
        {"_attn_implementation_internal": "sdpa"},
        {"attn_implementation": {"": "evil/kernels"}},
        {"code_revision": 1},
        {"use_kernels": False},
        {"_private": 1},
        {"hidden_size": True},
        {"hidden_size": 16.0},
        {"hidden_size": -1},
        {"torch_dtype": "load"},
        {"rope_scaling": []},
        {"rope_parameters": {"partial_rotary_factor": 10**9}},
        {"rope_parameters": {"a": {"b": {"c": {"d": {"e": 1}}}}}},
        {"id2label": {str(i): "x" for i in range(101)}},
        {"id2label": {"0": "x" * 400}},
        {"architectures": ["os.system('x')"]},
        {"eos_token_id": [2**40]},
        {"pad_token_id": -5},
        {"auto.map": {}},
        {"some code": 1},
        {"a_list": [1]},
        {"a_table": {"a": 1}},
        {"a_number": 2**40},
        {"num_new_layers": 10**6},
        {"a_word": "stranger_modeling.X"},
        {"a_word": "stranger_modeling.py"},
        {"a_word": "../x"},
        {"a_word": "evil/repo"},
        {"a_word": "https://stranger"},
        {"a_word": "C:\\x"},
        {"hidden_size": "large"},
    ],
    ids=str,
)
def test_a_setting_that_is_not_plain_is_refused(change: dict[str, Any]) -> None:
    assert allowed(PLAIN) == PLAIN
    with pytest.raises(ValueError, match=r"is |has "):
        allowed(PLAIN | change)


@pytest.mark.parametrize(
    "change",
    [
        {"transformers.js_config": {"use_external_data_format": {"model.onnx": 1}, "dtype": "q8"}},
        {"keys_to_ignore_at_inference": ["past_key_values"]},
        {"adapters": {"adapters": {"sst": "pfeiffer"}, "config_map": {}, "fusion_config_map": {}}},
        {"sentence_transformers": {"version": "4.1.0"}},
        {"some name": 1},
        {"a_number": 2.5},
        {"a_truth": True},
        {"a_word": "x"},
        {"license": "apache-2.0"},
        {"made_with": "4.13.0.dev0"},
        {"nothing": None},
    ],
    ids=str,
)
def test_a_setting_that_is_harmless_and_not_known_reaches_no_library(change: dict[str, Any]) -> None:
    assert allowed(PLAIN | change) == PLAIN


def test_a_network_cannot_be_larger_than_its_weights() -> None:
    check_against_weights(PLAIN, 100 * 16)
    with pytest.raises(ValueError, match="its vocabulary alone"):
        check_against_weights(PLAIN, 100 * 16 - 1)
    with pytest.raises(ValueError, match="hidden_size is"):
        check_against_weights(PLAIN | {"hidden_size": 2**30}, 1600)


def test_a_config_that_changed_since_it_was_checked_is_refused(tiny_bert: Callable[..., Path]) -> None:
    folder = tiny_bert()
    assert read_config(folder)["hidden_size"] == 16
    with pytest.raises(CheckpointError, match="has changed since it was checked"):
        read_config(folder, "0" * 64)
