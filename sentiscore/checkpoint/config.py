"""Reads `config.json` of a model folder, and keeps what is safe to pass to a library: known kinds and plain settings.

A config can run code: it can name Python files, kernels to fetch and compile, files to read, and sizes that no memory
holds. So the kind of network must be known, and only those settings reach a library that are known by name and hold
what they should. An unknown one is dropped if it is a number or a plain word; if it names code or files, or is an
unknown table, the model is refused.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from sentiscore.checkpoint.reading import LONGEST_SHOWN, MIB, Folder, read_object, shown
from sentiscore.errors import CheckpointError

CONFIG: Final = "config.json"
_LARGEST: Final = MIB


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LEARNT_POSITIONS: Final = _names(
    "albert bart bert big_bird biogpt camembert convbert data2vec-text deberta deberta-v2 distilbert electra ernie "
    "fnet gpt2 gpt_bigcode gpt_neo gpt_neox gptj longformer mbart megatron-bert mobilebert mpnet nystromformer "
    "openai-gpt opt rembert roberta roberta-prelayernorm roformer squeezebert xlm-roberta xlm-roberta-xl"
)
"""Kinds of networks with a row of a table for each position, in the weights or computed."""

MODEL_TYPES: Final = _LEARNT_POSITIONS | _names(
    "bloom eurobert falcon funnel gemma gemma2 gemma3_text llama mistral modernbert modernbert-decoder olmo olmo2 "
    "persimmon phi phi3 qwen2 qwen3 smollm3 stablelm starcoder2 xlnet"
)
"""Supported kinds of networks: text classifiers whose code is entirely in transformers, and compiles nothing."""

_DROPPED: Final = _names(
    "_attn_implementation_autoset _commit_hash _flash_attn_2_enabled _model_name_or_path _name_or_path adapters "
    "bad_words_ids begin_suppress_tokens directionality finetuning_task forced_decoder_ids "
    "keys_to_ignore_at_inference language name name_or_path pooler_type prefix reference_compile "
    "sentence_transformers suppress_tokens task_specific_params tokenizer_class transformers.js_config "
    "transformers_version"
)
"""Settings about a model's history or other uses, which do not affect its computation."""

_ATTENTION: Final = _names("_attn_implementation attn_implementation")
_USUAL_ATTENTION: Final = (None, "eager", "sdpa", "flash_attention_2", "flash_attention_3")
"""Attention implementations that need no code from elsewhere; any other value is a repository to fetch code from."""

_WORDS: Final = _names(
    "activation activation_function afn attention_type attn_type classifier_activation classifier_pooling conv_act "
    "dtype ff_activation hidden_act hidden_activation model_type norm_rel_ebd norm_type normalization_type "
    "pooler_hidden_act pooling_type pos_att_type position_embedding_type problem_type summary_activation summary_type "
    "torch_dtype"
)
"""Settings that may be a word."""

_LISTS: Final = _names(
    "architectures attention_layers attention_types attention_window block_repeats block_sizes eos_token_id id2label "
    "label2id layer_types mlp_layer_types no_rope_layers pos_att_type rope_parameters rope_scaling"
)
"""Settings that may be a list or a table of plain values."""

_NUMBERS: Final = _names(
    "_num_labels _remove_final_layer_norm _sliding_window_pattern activation_dropout add_cross_attention alibi "
    "apply_residual_connection_post_layernorm attention_bias attention_dropout attention_head_size "
    "attention_probs_dropout_prob attention_softmax_in_fp32 attn_logit_softcapping attn_pdrop bi_data bias block_size "
    "bos_token_id chunk_size_feed_forward clamp_len classifier_bias classifier_dropout classifier_dropout_prob "
    "clip_qkv cls_dropout cls_token_id conv_groups conv_kernel_size d_head d_inner d_model decoder_attention_heads "
    "decoder_bias decoder_ffn_dim decoder_layerdrop decoder_layers decoder_start_token_id deterministic_flash_attn "
    "dim do_layer_norm_before dropout embd_pdrop embed_dropout embedding_dropout embedding_size enable_bias "
    "encoder_attention_heads encoder_ffn_dim encoder_layerdrop encoder_layers end_n_top ffn_dim ffn_hidden_size "
    "final_logit_softcapping forced_eos_token_id global_attn_every_n_layers global_rope_theta gradient_checkpointing "
    "head_dim head_ratio hidden_dim hidden_dropout hidden_dropout_prob hidden_size init_std initializer_cutoff_factor "
    "initializer_range initializer_std inner_group_num input_embedding_size intermediate_groups intermediate_size "
    "intra_bottleneck_size inv_coeff_init_option is_decoder is_encoder_decoder k_groups key_query_shared_bottleneck "
    "layer_norm_elementwise_affine layer_norm_eps layer_norm_epsilon layerdrop legacy local_attention "
    "local_rope_theta mask_token_id max_position_embeddings max_relative_positions max_seq_len max_window_layers "
    "mem_len mlp_bias mlp_dropout multi_query n_ctx n_embd n_embed n_head n_heads n_inner n_layer n_layers "
    "n_positions n_token new_decoder_architecture no_rope_layer_interval norm_bias norm_eps norm_epsilon "
    "num_attention_heads num_blocks num_decoder_layers num_feedforward_networks num_groups num_heads "
    "num_hidden_groups num_hidden_layers num_key_value_heads num_kv_heads num_labels num_landmarks num_layers "
    "num_ln_in_parallel_attn num_random_blocks onnx_export original_max_position_embeddings output_attentions "
    "output_embedding_size output_groups output_hidden_states pad_token_id parallel_attn partial_rotary_factor "
    "pool_q_only pooler_dropout pooler_hidden_size position_biased_input position_buckets post_attention_groups "
    "pretraining_tp q_groups qa_dropout qk_layernorm query_pre_attn_scalar relative_attention "
    "relative_attention_num_buckets reorder_and_upcast_attn rescale_embeddings resid_dropout resid_pdrop "
    "residual_dropout return_dict reuse_len rms_norm_eps rope_local_base_freq rope_theta rotary_dim rotary_emb_base "
    "rotary_pct rotary_value same_length scale_attention_softmax_in_fp32 scale_attn_by_inverse_layer_idx "
    "scale_attn_weights scale_embedding segment_means_seq_len sep_token_id separate_cls seq_classif_dropout "
    "share_att_key sinusoidal_pos_embds sliding_window sliding_window_pattern slow_but_exact sparse_pred_ignore_index "
    "sparse_prediction start_n_top summary_first_dropout summary_last_dropout summary_proj_to_labels summary_use_proj "
    "talking_head task_type_vocab_size tie_word_embeddings tpu_short_seq_length trigram_input true_hidden_size "
    "truncate_seq type_vocab_size use_bias use_bidirectional_attention use_bottleneck use_bottleneck_attention "
    "use_cache use_mems_eval use_mems_train use_parallel_residual use_qkv_bias use_sliding_window use_task_id "
    "use_tpu_fourier_optimizations use_weighted_layer_sum v_groups vocab_size window_size word_embed_proj_dim"
)
"""Settings that are numbers or booleans, for all supported kinds: those that transformers has and reads."""

_KNOWN: Final = _NUMBERS | _WORDS | _LISTS
"""Settings that are passed to a library; any other harmless one is dropped."""

_DTYPES: Final = ("float32", "float16", "bfloat16", "float64", "auto")
_WORD: Final = re.compile(r"[A-Za-z0-9_.|+-]{0,100}")
_IN_A_MODULE: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
"""The name of a Python file, or of a class in one."""

_RISKY: Final = re.compile(
    r"_(?!num_labels$|sliding_window_pattern$|remove_final_layer_norm$)\w*|\w+_internal|transformers_weights"
    r"|(\w+_)?(auto|remote|code|kernels?|quant\w*|custom|pipelines?|paths?|files?|folder|dir|url|repo|hub|modules?"
    r"|script|fusion)(_\w+)?"
)
"""Names of settings that lead to code, to files, or into the library's internals."""

_A_SIZE: Final = "conv_kernel_size"

_COUNTS: Final = re.compile(
    r"(num|n)_(\w+_)?(layers?|blocks?|groups?)|(encoder|decoder)_layers|num_feedforward_networks"
)
_WIDTHS: Final = ("hidden_size", "dim", "n_embd", "d_model", "embedding_size", "word_embed_proj_dim")
_SIZES: Final = (*_WIDTHS, "vocab_size", "intermediate_size", "hidden_dim", "n_inner", "d_inner", "ffn_dim")
POSITIONS: Final = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")
_HEADS: Final = ("num_attention_heads", "n_heads", "n_head", "num_key_value_heads")
_LABELS: Final = ("num_labels", "_num_labels")
_TABLES: Final = ("id2label", "label2id", "rope_parameters", "rope_scaling")
_SHARES: Final = _names("partial_rotary_factor rotary_pct")
_TOGETHER: Final = (("hidden_size", "num_attention_heads"), ("dim", "n_heads"))
_EVEN: Final = _names("bert camembert distilbert gpt_neox roberta xlm-roberta")
"""Kinds whose heads share the width of a token equally; in others a head may have its own size."""

_MOST_LAYERS: Final = 256
_MOST_LABELS: Final = 100
_MOST_HEADS: Final = 1_024
MOST_POSITIONS: Final = 2**25
_MOST_ROWS: Final = 2**15
_MOST_NUMBER: Final = 2**31
_MOST_VALUES: Final = 2_000
_DEEPEST: Final = 4
_LONGEST_LABEL: Final = 300


class _UnknownKindError(ValueError):
    """The config has an unsupported kind of network."""


def read_config(folder: Folder, sha256: str | None = None) -> dict[str, Any]:
    """Read the settings in the `config.json` of a model folder that are safe to pass to a library.

    Args:
        folder: The model folder.
        sha256: The hash of the file when it was checked; None if it was not.

    Raises:
        CheckpointError: It cannot be read, or holds what is not allowed.
    """
    path = folder / CONFIG
    try:
        return allowed(read_object(folder, CONFIG, _LARGEST, sha256))
    except _UnknownKindError as error:
        raise CheckpointError(
            f"{path} is not allowed: {error}.", "Choose a model of another kind, such as BERT, RoBERTa or DeBERTa."
        ) from error
    except ValueError as error:
        raise CheckpointError(
            f"{path} is not allowed: {error}.",
            "Do not use this model unless you know its maker; a setting that does not matter can be removed there.",
        ) from error


_ONE_OF_SEVERAL: Final = "single_label_classification"


def check_task(folder: Folder, sha256: str | None = None) -> None:
    """Check that this is a single-label classifier, so that softmax gives the probabilities of its classes.

    Args:
        folder: The model folder.
        sha256: See `read_config`.

    Raises:
        CheckpointError: Its outputs mean something else, or its config contradicts itself on how many there are.
    """
    raw = read_object(folder, CONFIG, _LARGEST, sha256)
    id2label, n_labels = raw.get("id2label"), raw.get("num_labels")
    named = len(id2label) if isinstance(id2label, dict) and id2label else None
    problem, function = raw.get("problem_type"), raw.get("function_to_apply")
    choose = "Choose a model that tells classes apart, such as negative, neutral and positive."
    if named is not None and isinstance(n_labels, int) and n_labels != named:
        raise CheckpointError(
            f"{folder / CONFIG} has {named} names of labels (id2label), and says that there are {n_labels} "
            "(num_labels).",
            "Correct the one that is wrong, or download it again.",
        )
    if problem == "regression" or 1 in (named, n_labels):
        raise CheckpointError(
            f"{folder} is a regression: it gives one number for a text, and no probabilities of classes.", choose
        )
    if problem == "multi_label_classification" or function not in (None, "softmax"):
        why = f"problem_type is {problem!r}" if function in (None, "softmax") else f"function_to_apply is {function!r}"
        raise CheckpointError(
            f"{folder} gives each label a probability of its own ({why}): a text may have several labels or none, so "
            "they are not the probabilities of negative and positive.",
            choose,
        )
    if problem not in (None, _ONE_OF_SEVERAL):
        raise CheckpointError(f"{folder / CONFIG} has the problem_type {shown(problem)}, which is unknown.", choose)


def allowed(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Select the settings of a config that are safe to pass to a library.

    Args:
        raw: The whole config.

    Returns:
        The known settings of the network.

    Raises:
        ValueError: Its kind is not supported, or it has a setting that is not allowed.
    """
    kind = raw.get("model_type")
    if not isinstance(kind, str) or kind not in MODEL_TYPES:
        raise _UnknownKindError(f"its model_type is {shown(kind)}, which is not among the kinds that are loaded")
    plain = {}
    for name, value in raw.items():
        if name in _DROPPED:
            continue
        if name in _ATTENTION:
            if not (value is None or (isinstance(value, str) and value in _USUAL_ATTENTION)):
                raise ValueError(f"{name} is {shown(value)}, which would be fetched and run")
            continue
        if _RISKY.fullmatch(re.sub(r"\W", "_", name)) and name != _A_SIZE:
            raise ValueError(f"it has the setting {name[:LONGEST_SHOWN]}, which can lead to code or files")
        _check_value(name, value)
        if not (isinstance(value, dict | list) and not value and name not in _LISTS):  # such as "pruned_heads": {}
            plain[name] = value
    _check_tables(plain)
    _check_sizes(kind, plain)
    return {name: value for name, value in plain.items() if name in _KNOWN}


def _check_value(name: str, value: Any) -> None:
    if isinstance(value, dict | list):
        if value and name not in _LISTS:
            raise ValueError(f"the setting {name[:LONGEST_SHOWN]} is not known to be a list or a table")
        _check_plain(name, value)
    elif isinstance(value, str):
        may_be_word = name in _WORDS or (name not in _KNOWN and not _IN_A_MODULE.fullmatch(value))
        if not (may_be_word and _WORD.fullmatch(value)):
            raise ValueError(f"the setting {name[:LONGEST_SHOWN]} is {shown(value)}")
        if name in ("dtype", "torch_dtype") and value not in _DTYPES:
            raise ValueError(f"{name} is {shown(value)}, not {', '.join(_DTYPES)}")
    elif isinstance(value, int) and abs(value) > _MOST_NUMBER:
        raise ValueError(f"{name[:LONGEST_SHOWN]} is {shown(value)}, which is absurd")
    elif name.endswith("_token_id") and isinstance(value, float | bool):
        raise ValueError(f"{name} is {shown(value)}")


def _check_plain(name: str, value: Any, depth: int = 0, counted: list[int] | None = None) -> None:
    """Whether a value consists of numbers and words in lists and tables, neither too many nor too deep."""
    counted = [0] if counted is None else counted
    counted[0] += 1
    if depth > _DEEPEST or counted[0] > _MOST_VALUES:
        raise ValueError(f"{name} is larger than such a setting can be")
    if isinstance(value, list):
        for item in value:
            _check_plain(name, item, depth + 1, counted)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_plain(name, key, depth + 1, counted)
            _check_plain(name, item, depth + 1, counted)
    elif isinstance(value, str):
        is_label = name in ("id2label", "label2id")
        if not (len(value) <= _LONGEST_LABEL if is_label else _WORD.fullmatch(value)):
            raise ValueError(f"{name} has {shown(value)} in it")
    elif isinstance(value, int) and abs(value) > (_MOST_LAYERS if name == "attention_types" else _MOST_NUMBER):
        raise ValueError(f"{name} has {shown(value)} in it, which is absurd")


def _check_sizes(kind: str, settings: Mapping[str, Any]) -> None:
    """Check that no number is so large that building the network would take excessive memory or time."""
    limits = dict.fromkeys(POSITIONS, _MOST_ROWS if kind in _LEARNT_POSITIONS else MOST_POSITIONS)
    limits |= dict.fromkeys(_HEADS, _MOST_HEADS) | dict.fromkeys(_LABELS, _MOST_LABELS)
    limits |= dict.fromkeys(_SIZES, _MOST_NUMBER)
    for name, value in settings.items():
        limit = limits.get(name, _MOST_LAYERS if _COUNTS.fullmatch(name) else None)
        if limit is None or value is None:
            continue
        least = 1 if name in (*_SIZES, *_HEADS, *POSITIONS) else 0
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= limit:
            raise ValueError(f"{name} is {shown(value)}, and can be {least} to {limit:,}")
    for width, heads in _TOGETHER:
        if kind in _EVEN and settings.get(width) and settings.get(heads) and settings[width] % settings[heads]:
            raise ValueError(f"its {heads}, {settings[heads]}, do not divide its {width}, {settings[width]}")
    if (settings.get("pad_token_id") or 0) < -1:
        raise ValueError(f"pad_token_id is {settings['pad_token_id']}")


def _check_tables(settings: Mapping[str, Any]) -> None:
    for name in _TABLES:
        found = settings.get(name)
        if not (found is None or isinstance(found, dict)) or len(found or {}) > _MOST_LABELS:
            raise ValueError(f"its {name} is no table, or a very large one")
    for section in (settings, settings.get("rope_parameters") or {}, settings.get("rope_scaling") or {}):
        for name in _SHARES & section.keys():
            if not (section[name] is None or (isinstance(section[name], int | float) and 0 <= section[name] <= 1)):
                raise ValueError(f"{name} is {shown(section[name])}")


def check_against_weights(settings: Mapping[str, Any], numbers: int) -> None:
    """Check that weights with this many numbers could be those of this network.

    Args:
        settings: The result of `allowed`.
        numbers: The total number of weights.

    Raises:
        ValueError: The network would be larger than its weights.
    """
    sizes = {name: settings[name] for name in _SIZES if isinstance(settings.get(name), int)}
    widths = [sizes[name] for name in _WIDTHS if name in sizes]
    vocabulary = sizes.get("vocab_size", 1) * min(widths, default=1)
    name, largest = max(sizes.items(), key=lambda item: item[1], default=("", 0))
    if largest > numbers:
        raise ValueError(f"{name} is {largest:,}, and its weights are {numbers:,} numbers")
    if (width := sizes.get("hidden_size", sizes.get("dim", 1))) ** 2 > numbers:
        raise ValueError(f"a layer of width {width:,} has more numbers than its weights, which are {numbers:,}")
    if vocabulary > numbers:
        raise ValueError(f"its vocabulary alone would take {vocabulary:,} numbers, and its weights are {numbers:,}")
