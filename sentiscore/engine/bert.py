"""An exact forward pass for BERT classifiers and close relatives, specialised for classification.

It computes what Hugging Face's sequence classifiers of these families compute for a single text. Texts of equal length
are batched, so that there is neither padding nor a mask; only the first token of a text is classified, so the last
layer computes keys and values for every token, and everything else for that token alone.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor

from sentiscore.engine.layers import ACTIVATIONS, Linear, Norm, attend, hide_padding, moved
from sentiscore.engine.weights import take


@dataclass(frozen=True)
class _Family:
    """The names of a family's settings and tensors.

    Attributes:
        prefix: The prefix of every tensor name, except in the head.
        layer: The name of a layer, with its number.
        query: The name of a part of a layer, which has a weight and a bias.
        key: See query.
        value: See query.
        dense: See query.
        attention_norm: See query.
        up: See query.
        down: See query.
        output_norm: See query.
        head_dense: Full name of the head's first linear layer.
        head_activation: The activation that follows it.
        head_output: Full name of the head's second linear layer.
        settings: Its names of common settings, where they differ from BERT's.
        has_types: Whether there are embeddings of token types; a text that is read alone is of type 0.
        positions_after_padding: Whether positions start after the id of the padding token.
    """

    prefix: str
    layer: str = "encoder.layer.{}"
    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    dense: str = "attention.output.dense"
    attention_norm: str = "attention.output.LayerNorm"
    up: str = "intermediate.dense"
    down: str = "output.dense"
    output_norm: str = "output.LayerNorm"
    head_dense: str = "bert.pooler.dense"
    head_activation: str = "tanh"
    head_output: str = "classifier"
    settings: Mapping[str, str] | None = None
    has_types: bool = True
    positions_after_padding: bool = False


_BERT: Final = _Family(prefix="bert.")
_ROBERTA: Final = _Family(
    prefix="roberta.", head_dense="classifier.dense", head_output="classifier.out_proj", positions_after_padding=True
)
_DISTILBERT: Final = _Family(
    prefix="distilbert.",
    layer="transformer.layer.{}",
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    dense="attention.out_lin",
    attention_norm="sa_layer_norm",
    up="ffn.lin1",
    down="ffn.lin2",
    output_norm="output_layer_norm",
    head_dense="pre_classifier",
    head_activation="relu",
    settings={
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "hidden_act": "activation",
    },
    has_types=False,
)
_FAMILIES: Final[Mapping[str, _Family]] = {
    "bert": _BERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "distilbert": _DISTILBERT,
}
_EPS: Final = 1e-12
_ROBERTA_PAD: Final = 1
_HEAD_ACTIVATIONS: Final = {"tanh": torch.tanh, "relu": torch.relu}


def _is_position(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


def _setting(config: Mapping[str, Any], family: _Family, name: str, default: Any = None) -> Any:
    return config.get((family.settings or {}).get(name, name), default)


@dataclass(frozen=True)
class _BertLayer:
    query: Linear | None
    """Only in the last layer, where queries are needed for one token of a text."""
    qkv: Linear
    """Queries, keys and values, in this order; in the last layer only keys and values."""
    dense: Linear
    attention_norm: Norm
    up: Linear
    down: Linear
    output_norm: Norm


class BertEngine:
    """A classifier of the BERT family on one device.

    Args:
        config: The model's `config.json`, one that `can_run` accepts.
        weights: Its tensors by name, as Hugging Face names them.
        n_labels: The number of logits per text.
        device: The device on which it computes.
        dtype: The number type of its computation.

    Raises:
        CheckpointError: A tensor is missing or has another shape than the config says.
    """

    pad_id: Final = 0  # any token will do: padding is never read

    def __init__(
        self,
        config: Mapping[str, Any],
        weights: Mapping[str, Tensor],
        *,
        n_labels: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        family = _FAMILIES[config["model_type"]]
        hidden = self.width = int(_setting(config, family, "hidden_size"))
        wide = int(_setting(config, family, "intermediate_size"))
        n_layers = int(_setting(config, family, "num_hidden_layers"))
        eps = float(config.get("layer_norm_eps", _EPS)) if family is not _DISTILBERT else _EPS
        self._heads = int(_setting(config, family, "num_attention_heads"))
        self._activation = ACTIVATIONS[_setting(config, family, "hidden_act", "gelu")]

        linear = partial(Linear, device=device, dtype=dtype)

        def part(name: str, outputs: int, inputs: int) -> tuple[Tensor, Tensor]:
            return take(weights, f"{name}.weight", outputs, inputs), take(weights, f"{name}.bias", outputs)

        def norm(name: str) -> Norm:
            weight, bias = take(weights, f"{name}.weight", hidden), take(weights, f"{name}.bias", hidden)
            return Norm(weight, bias, eps, device=device, dtype=dtype)

        def layer(i: int) -> _BertLayer:
            name = f"{family.prefix}{family.layer.format(i)}"
            query, key, value = (
                part(f"{name}.{which}", hidden, hidden) for which in (family.query, family.key, family.value)
            )
            scale = (hidden // self._heads) ** 0.5
            query = query[0] / scale, query[1] / scale
            last = i == n_layers - 1
            together = (key, value) if last else (query, key, value)
            weights_of, biases_of = zip(*together, strict=True)
            return _BertLayer(
                query=linear(*query) if last else None,
                qkv=linear(torch.cat(weights_of), torch.cat(biases_of)),
                dense=linear(*part(f"{name}.{family.dense}", hidden, hidden)),
                attention_norm=norm(f"{name}.{family.attention_norm}"),
                up=linear(*part(f"{name}.{family.up}", wide, hidden)),
                down=linear(*part(f"{name}.{family.down}", hidden, wide)),
                output_norm=norm(f"{name}.{family.output_norm}"),
            )

        embeddings = f"{family.prefix}embeddings"
        self.vocabulary, positions = int(config["vocab_size"]), int(config["max_position_embeddings"])
        first = int(config.get("pad_token_id", _ROBERTA_PAD)) + 1 if family.positions_after_padding else 0
        # RoBERTa's relatives start positions after the id of their padding token, which always keeps its own
        self._padding = first - 1 if family.positions_after_padding else None
        position_table = take(weights, f"{embeddings}.position_embeddings.weight", positions, hidden)[
            max(first - 1, 0) :
        ]
        self._type_shifts: Tensor | None = None
        self.token_types = int(config["type_vocab_size"]) if family.has_types else sys.maxsize
        if family.has_types:
            types = take(weights, f"{embeddings}.token_type_embeddings.weight", self.token_types, hidden)
            position_table = position_table + types[0]
            self._type_shifts = moved(types - types[0], device, dtype)
        self.longest = positions - first
        words = take(weights, f"{embeddings}.word_embeddings.weight", self.vocabulary, hidden)
        self._words, self._position_table = moved(words, device, dtype), moved(position_table, device, dtype)
        self._embedding_norm = norm(f"{embeddings}.LayerNorm")
        self._layers = [layer(i) for i in range(n_layers)]
        self._head_dense = linear(*part(family.head_dense, hidden, hidden))
        self._head_activation = _HEAD_ACTIVATIONS[family.head_activation]
        self._head_output = linear(*part(family.head_output, n_labels, hidden))

    @staticmethod
    def can_run(config: Mapping[str, Any]) -> bool:
        """Whether the forward pass computes this config exactly."""
        family = _FAMILIES.get(config.get("model_type", ""))
        return (
            family is not None
            and _setting(config, family, "hidden_act", "gelu") in ACTIVATIONS
            and config.get("position_embedding_type", "absolute") == "absolute"
            and not config.get("is_decoder", False)
            and (not family.positions_after_padding or _is_position(config.get("pad_token_id", _ROBERTA_PAD)))
        )

    @staticmethod
    def head_of(config: Mapping[str, Any]) -> str:
        """The name of the head's last tensor, which has a row for each label."""
        return f"{_FAMILIES[config['model_type']].head_output}.weight"

    def open_window(self, distinct: Tensor) -> bool:
        """Whether a text of the window may contain the padding token, which affects how positions are counted.

        On a GPU this is always assumed, since checking would wait for the device.

        Args:
            distinct: Token ids, each once, shape (distinct tokens,).
        """
        if self._padding is None:
            return False
        return distinct.device.type != "cpu" or bool((distinct == self._padding).any())

    def _position_embeddings(self, ids: Tensor, *, counted: bool) -> Tensor:
        """The embeddings of the positions of a batch.

        Args:
            ids: Token ids, shape (rows, tokens).
            counted: Whether the ids may include padding tokens, which keep their own position and are not counted.

        Returns:
            Shape (tokens, size), or (rows, tokens, size).
        """
        if self._padding is None:
            return self._position_table[: ids.shape[1]]
        if not counted:
            return self._position_table[1 : ids.shape[1] + 1]
        others = ids != self._padding
        return self._position_table[others.cumsum(dim=1) * others]

    @torch.inference_mode()
    def logits(self, window: bool, ids: Tensor, ends: Tensor | None, types: Tensor | None = None) -> Tensor:
        """Logits of one batch.

        Args:
            window: The result of `open_window` for its window.
            ids: Token ids, padded on the right, shape (rows, tokens).
            ends: Position of the last token of each row, shape (rows,); None if no row is padded.
            types: The type of each token, same shape as the ids; None if all are of type 0.

        Returns:
            Shape (rows, labels), in the order of the model's ids.
        """
        rows, width = ids.shape
        bias = None if ends is None else hide_padding(ends, width, self._words.dtype)
        x = self._words[ids] + self._position_embeddings(ids, counted=window)
        if types is not None and self._type_shifts is not None:
            x += self._type_shifts[types]
        x = self._embedding_norm(x.flatten(0, 1))
        for layer in self._layers:
            mixed = layer.qkv(x).view(rows, width, -1, x.shape[1] // self._heads)
            if layer.query is None:
                query, key, value = mixed.chunk(3, dim=2)
            else:
                x = x.view(rows, width, -1)[:, 0]
                query = layer.query(x).view(rows, 1, self._heads, -1)
                key, value = mixed.chunk(2, dim=2)
            attended = attend(query, key, value, bias=bias)
            x = layer.attention_norm(layer.dense(attended).add_(x))
            wide = self._activation(layer.up(x))
            x = layer.output_norm(layer.down(wide).add_(x))
        return self._head_output(self._head_activation(self._head_dense(x)))
