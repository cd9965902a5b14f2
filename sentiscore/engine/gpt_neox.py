"""An exact forward pass for GPT-NeoX classifiers (Pythia and relatives), specialised for classification.

It computes what Hugging Face's `GPTNeoXForSequenceClassification` computes for a single text, and omits what a
classifier does not need:

1. A causal model never attends to the right, so texts that are padded on the right need no mask.
2. Only the last token of a text is classified, so the last layer computes keys and values for every token, and
   everything else for that token alone.
3. The input of the first layer depends only on the token, and rotary embeddings affect only queries and keys. So its
   queries, keys, values and (with a parallel residual) its MLP are computed once for each distinct token of a window,
   and looked up after that. Graef, "Transformer tricks: Precomputing the first layer", arXiv 2402.13388.
4. The weight and bias of a layer norm are folded into the linear layer that follows, and the scale of attention
   into the queries. With a parallel residual, attention and MLP then share one normalised input.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from sentiscore.engine.layers import ACTIVATIONS, Linear, Norm, attend, hide_padding, moved
from sentiscore.engine.weights import take

_MODEL_TYPE: Final = "gpt_neox"
_HEAD: Final = "score.weight"
_TOKENS_AT_ONCE: Final = 4096


@dataclass(frozen=True)
class _GptNeoxLayer:
    query: Linear | None
    """Only in the last layer, where queries are needed for one token of a text."""
    qkv: Linear
    """Queries, keys and values, in this order; in the last layer only keys and values."""
    dense: Linear
    up: Linear
    down: Linear


@dataclass(frozen=True)
class FirstLayer:
    """The first layer's results for each distinct token of a window; `slots` maps a token id to its row."""

    slots: Tensor
    embedded: Tensor
    qkv: Tensor
    mlp: Tensor | None


class GptNeoxEngine:
    """A GPT-NeoX classifier on one device.

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
    token_types: Final = sys.maxsize  # it ignores them

    def __init__(
        self,
        config: Mapping[str, Any],
        weights: Mapping[str, Tensor],
        *,
        n_labels: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        hidden = self.width = int(config["hidden_size"])
        self._padding = config.get("pad_token_id")
        self._heads = int(config["num_attention_heads"])
        self._head_size = hidden // self._heads
        self._eps = float(config.get("layer_norm_eps", 1e-5))
        self._parallel = bool(config.get("use_parallel_residual", True))
        self._activation = ACTIVATIONS[config.get("hidden_act", "gelu")]
        rope = config.get("rope_parameters") or {}
        share = rope.get("partial_rotary_factor", config.get("rotary_pct", 0.25))
        base = rope.get("rope_theta", config.get("rotary_emb_base", 10_000))
        cos, sin = _rotary_table(int(self._head_size * share), float(base), int(config["max_position_embeddings"]))
        self._cos, self._sin = (moved(x.repeat(1, self._heads), device, dtype) for x in (cos, sin))
        self.longest = len(cos)
        wide = int(config["intermediate_size"])
        biased = bool(config.get("attention_bias", True))
        vocabulary = self.vocabulary = int(config["vocab_size"])
        n_layers = int(config["num_hidden_layers"])

        linear = partial(Linear, device=device, dtype=dtype)

        def norm(name: str) -> tuple[Tensor, Tensor]:
            return take(weights, f"{name}.weight", hidden), take(weights, f"{name}.bias", hidden)

        def layer(i: int) -> _GptNeoxLayer:
            name = f"gpt_neox.layers.{i}"
            before_attention, before_mlp = norm(f"{name}.input_layernorm"), norm(f"{name}.post_attention_layernorm")
            attention = f"{name}.attention.query_key_value"
            weight = take(weights, f"{attention}.weight", 3 * hidden, hidden)
            bias = take(weights, f"{attention}.bias", 3 * hidden) if biased else torch.zeros(3 * hidden)
            weight, bias = _folded(self._by_part(weight), self._by_part(bias), before_attention)
            up = _folded(
                take(weights, f"{name}.mlp.dense_h_to_4h.weight", wide, hidden),
                take(weights, f"{name}.mlp.dense_h_to_4h.bias", wide),
                before_mlp,
            )
            first, last = i == 0, i == n_layers - 1
            kept = hidden if last and not first else 0
            return _GptNeoxLayer(
                query=linear(weight[:kept], bias[:kept]) if kept else None,
                qkv=linear(weight[kept:], bias[kept:]),
                dense=linear(
                    take(weights, f"{name}.attention.dense.weight", hidden, hidden),
                    take(weights, f"{name}.attention.dense.bias", hidden) if biased else None,
                ),
                up=linear(*up),
                down=linear(
                    take(weights, f"{name}.mlp.dense_4h_to_h.weight", hidden, wide),
                    take(weights, f"{name}.mlp.dense_4h_to_h.bias", hidden),
                ),
            )

        self._layers = [layer(i) for i in range(n_layers)]
        self._embedding = moved(take(weights, "gpt_neox.embed_in.weight", vocabulary, hidden), device, dtype)
        self._final_norm = Norm(*norm("gpt_neox.final_layer_norm"), self._eps, device=device, dtype=dtype)
        self._score = linear(take(weights, _HEAD, n_labels, hidden), None)

    @staticmethod
    def can_run(config: Mapping[str, Any]) -> bool:
        """Whether the forward pass computes this config exactly."""
        rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
        return (
            config.get("model_type") == _MODEL_TYPE
            and config.get("hidden_act", "gelu") in ACTIVATIONS
            and rope.get("rope_type", rope.get("type", "default")) == "default"
        )

    @staticmethod
    def head_of(config: Mapping[str, Any]) -> str:
        """The name of the head's last tensor, which has a row for each label."""
        return _HEAD

    @torch.inference_mode()
    def open_window(self, distinct: Tensor) -> FirstLayer:
        """Compute the first layer for the tokens that the next batches consist of.

        Args:
            distinct: Token ids, each once, shape (distinct tokens,).
        """
        slots = torch.zeros(len(self._embedding), dtype=torch.int32, device=distinct.device)
        slots[distinct] = torch.arange(len(distinct), dtype=torch.int32, device=distinct.device)
        embedded = self._embedding[distinct]
        first = self._layers[0]
        inputs = [self._normalised(part) for part in torch.split(embedded, _TOKENS_AT_ONCE)]
        return FirstLayer(
            slots=slots,
            embedded=embedded,
            qkv=torch.cat([first.qkv(part) for part in inputs]),
            mlp=torch.cat([self._mlp(first, part) for part in inputs]) if self._parallel else None,
        )

    @torch.inference_mode()
    def logits(self, window: FirstLayer, ids: Tensor, ends: Tensor | None, types: Tensor | None = None) -> Tensor:
        """Logits of one batch of the open window.

        Args:
            window: The result of `open_window` for its window.
            ids: Token ids, padded on the right, shape (rows, tokens).
            ends: Position of the last token of each row, shape (rows,); None if no row is padded.
            types: Ignored: the network has no token types.

        Returns:
            Shape (rows, labels), in the order of the model's ids.
        """
        rows, width = ids.shape
        ends = self._pooled(ids, ends)
        pooled = torch.arange(rows, device=ids.device) * width + ends
        slots = window.slots[ids.flatten()]
        x, qkv = window.embedded[slots], window.qkv[slots]
        mlp = None if window.mlp is None else window.mlp[slots]
        for i, layer in enumerate(self._layers[:-1]):
            if i > 0:
                z = self._normalised(x)
                qkv, mlp = layer.qkv(z), self._mlp(layer, z) if self._parallel else None
            x = self._joined(layer, x, self._attend(qkv, rows), mlp)
        layer = self._layers[-1]
        if layer.query is None:
            query, kv = qkv[pooled, : self.width], qkv[:, self.width :]
            mlp = None if mlp is None else mlp[pooled]
        else:
            z = self._normalised(x)
            query, kv = layer.query(z[pooled]), layer.qkv(z)
            mlp = self._mlp(layer, z[pooled]) if self._parallel else None
        attended = self._attend_from(query, kv, ends)
        return self._score(self._final_norm(self._joined(layer, x[pooled], attended, mlp)))

    def _pooled(self, ids: Tensor, ends: Tensor | None) -> Tensor:
        """The position whose output is classified: the last token that is not the config's padding token.

        A text may contain that token itself, for example if the end-of-text token is also used for padding. If it
        contains no other, the first position is used, as in Hugging Face's model.
        """
        rows, width = ids.shape
        if self._padding is None:
            return torch.full((rows,), width - 1, device=ids.device) if ends is None else ends
        positions = torch.arange(width, device=ids.device)
        counted = ids != self._padding
        if ends is not None:
            counted &= positions <= ends[:, None]
        last: Tensor = (positions * counted).amax(dim=1)
        return last

    def _normalised(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, (self.width,), eps=self._eps)

    def _mlp(self, layer: _GptNeoxLayer, z: Tensor) -> Tensor:
        return layer.down(self._activation(layer.up(z)))

    def _joined(self, layer: _GptNeoxLayer, x: Tensor, attended: Tensor, mlp: Tensor | None) -> Tensor:
        """The layer's output; `mlp` is that of a parallel residual."""
        joined = layer.dense(attended).add_(x)
        return joined.add_(self._mlp(layer, self._normalised(joined)) if mlp is None else mlp)

    def _attend(self, qkv: Tensor, rows: int) -> Tensor:
        """Each token attends to itself and to those on its left."""
        query, key, value = qkv.view(rows, len(qkv) // rows, -1).chunk(3, dim=-1)
        width = query.shape[1]
        cos, sin = self._cos[:width], self._sin[:width]
        heads = self._turned(query, cos, sin), self._turned(key, cos, sin), self._split(value)
        return attend(*heads, causal=True)

    def _attend_from(self, query: Tensor, kv: Tensor, ends: Tensor) -> Tensor:
        """The last token of each row attends to the whole row."""
        key, value = kv.view(len(query), len(kv) // len(query), -1).chunk(2, dim=-1)
        width = key.shape[1]
        heads = (
            self._turned(query.unsqueeze(1), self._cos[ends].unsqueeze(1), self._sin[ends].unsqueeze(1)),
            self._turned(key, self._cos[:width], self._sin[:width]),
            self._split(value),
        )
        return attend(*heads, bias=hide_padding(ends, width, key.dtype))

    def _split(self, x: Tensor) -> Tensor:
        """Reshape to (rows, tokens, heads, size)."""
        return x.reshape(*x.shape[:-1], self._heads, -1)

    def _turned(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Rotate the first dimensions of each head of queries or keys by the position.

        Su and others, "RoFormer: Enhanced Transformer with Rotary Position Embedding", arXiv 2104.09864.

        Args:
            x: Queries or keys in the order of `_by_part`, shape (rows, tokens, heads * size).
            cos: For each position, shape (tokens, heads * frequencies) or (rows, 1, heads * frequencies).
            sin: Same.

        Returns:
            Shape (rows, tokens, heads, size).
        """
        turned = cos.shape[-1]
        a, b, rest = torch.split(x, [turned, turned, x.shape[-1] - 2 * turned], dim=-1)
        parts = torch.addcmul(a * cos, b, sin, value=-1), torch.addcmul(b * cos, a, sin), rest
        # contiguous per head, as attention needs them
        return torch.cat([self._split(part).transpose(1, 2) for part in parts], dim=-1).transpose(1, 2)

    def _by_part(self, x: Tensor) -> Tensor:
        """Reorder outputs that are stored head by head to queries, keys and values of all heads; scales the queries.

        Dimensions that are rotated together are adjacent: for queries and keys first the first halves of the rotated
        dimensions of all heads, then the second halves, then the rest.
        """
        n = self._cos.shape[1] // self._heads
        stored = x.reshape(self._heads, 3, self._head_size, *x.shape[1:])
        query, key, value = stored[:, 0] / self._head_size**0.5, stored[:, 1], stored[:, 2]
        sizes = [n, n, self._head_size - 2 * n]
        parts = [part.flatten(0, 1) for heads in (query, key) for part in torch.split(heads, sizes, dim=1)]
        return torch.cat([*parts, value.flatten(0, 1)])


def _folded(weight: Tensor, bias: Tensor, norm: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """A linear layer that includes the preceding norm's weights: its input is only normalised."""
    scale, shift = norm
    return weight * scale, bias + weight @ shift


def _rotary_table(size: int, base: float, positions: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines by position and frequency, shape (positions, size / 2) each."""
    frequencies = 1.0 / base ** (torch.arange(0, size, 2, dtype=torch.float32) / size)
    angles = torch.outer(torch.arange(positions, dtype=torch.float32), frequencies)
    return angles.cos(), angles.sin()
