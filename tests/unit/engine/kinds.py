"""A tiny random classifier of every kind that is loaded, made from one set of sizes under all the names for them."""

import json
from pathlib import Path
from typing import Any, Final

import torch

from sentiscore.checkpoint.config import MODEL_TYPES

LABELS: Final = ("negative", "neutral", "positive")
POSITIONS: Final = 64
WORDS: Final = [f"w{i}" for i in range(80)]
PAD, END = 1, 2

_WIDTH: Final = ("hidden_size", "dim", "n_embd", "d_model", "embedding_size", "word_embed_proj_dim")
_WIDE: Final = (
    *("intermediate_size", "hidden_dim", "n_inner", "d_inner", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim"),
    "ffn_hidden_size",
)
_LAYERS: Final = ("num_hidden_layers", "n_layers", "n_layer", "encoder_layers", "decoder_layers", "num_layers")
_HEADS: Final = (
    *("num_attention_heads", "n_heads", "n_head", "encoder_attention_heads", "decoder_attention_heads", "num_heads"),
    "num_key_value_heads",
)
_PLACES: Final = ("max_position_embeddings", "n_positions", "n_ctx")
_SIZES: Final = {
    **dict.fromkeys(_WIDTH, 32),
    **dict.fromkeys(_WIDE, 48),
    **dict.fromkeys(_LAYERS, 2),
    **dict.fromkeys(_HEADS, 4),
    **dict.fromkeys(_PLACES, POSITIONS),
    "d_head": 8,
    "head_dim": 8,
    "vocab_size": len(WORDS) + 5,
    "pad_token_id": PAD,
    "bos_token_id": 0,
    "eos_token_id": END,
}
_ONLY: Final[dict[str, dict[str, Any]]] = {
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "gptj": {"rotary_dim": 4},
}
"""What a kind cannot do without."""


def every_kind() -> list[str]:
    """The kinds of networks that transformers has a classifier of, and that are loaded."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

    return sorted(MODEL_TYPES & MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES.keys())


def network_of(kind: str, **changes: Any) -> Any:
    """A random classifier of a kind.

    Args:
        kind: Its `model_type`.
        changes: More settings of its config.
    """
    import transformers

    usual = transformers.AutoConfig.for_model(kind)
    known = usual.to_dict().keys() - usual.attribute_map.keys()
    sizes = {name: size for name, size in _SIZES.items() if name in known}
    settings = {**sizes, **_ONLY.get(kind, {}), "id2label": dict(enumerate(LABELS)), **changes}
    config = transformers.AutoConfig.for_model(kind, **settings)
    torch.manual_seed(0)
    model = transformers.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)](config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            start = 1.0 if parameter.ndim == 1 and bool((parameter == 1).all()) else 0.0
            parameter.normal_(start, 0.1)
    return model


def save(model: Any, folder: Path, *, single: str = "<s>:0 $A:0 </s>:0", pair: str | None = None) -> Path:
    """A folder with the classifier and a tokenizer of words.

    Args:
        model: What `network_of` gave.
        folder: Where to.
        single: How a text stands between special tokens.
        pair: How a text and a second segment stand between them.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    vocabulary = {name: i for i, name in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))  # noqa: S106 - it is no password
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[("<s>", 0), ("</s>", END)]
    )
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "TokenizersBackend"}))
    return folder


def ids_of(text: str) -> torch.Tensor:
    """The token ids of a text, as that tokenizer gives them, shape (1, tokens)."""
    return torch.tensor([[0, *(5 + WORDS.index(word) for word in text.split()), END]])
