"""An exact forward pass for GPT-NeoX classifiers (Pythia and its kin), made for classifying alone.

It computes what Hugging Face's `GPTNeoXForSequenceClassification` computes for one text at a time, and leaves
out what a classifier does not need:

1. A causal model never looks to the right, so texts that are padded on the right need no mask.
2. Only the last token of a text is classified, so the last layer computes keys and values for every token, and
   everything else for that token alone.
3. The first layer sees nothing but the token, and rotary embeddings touch only queries and keys. So its queries,
   keys, values and (with a parallel residual) its MLP are computed once for each distinct token of a window, and
   looked up after that. Graef, "Transformer tricks: Precomputing the first layer", arXiv 2402.13388.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from sentiscore.engine import head
from sentiscore.errors import CheckpointError

MODEL_TYPE: Final = "gpt_neox"
_GELU: Final[Mapping[str, str]] = {"gelu": "none", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh"}
_TOKENS_AT_ONCE: Final = 4096


def can_run(config: Mapping[str, Any]) -> bool:
    """Is this a config that the forward pass below computes exactly?"""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    return (
        config.get("model_type") == MODEL_TYPE
        and config.get("hidden_act", "gelu") in _GELU
        and rope.get("rope_type", rope.get("type", "default")) == "default"
    )


@dataclass(frozen=True)
class _Linear:
    weight: Tensor
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)


@dataclass(frozen=True)
class _Norm:
    weight: Tensor
    bias: Tensor
    eps: float

    def __call__(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


@dataclass(frozen=True)
class _Layer:
    before_attention: _Norm
    before_mlp: _Norm
    qkv: _Linear
    dense: _Linear
    up: _Linear
    down: _Linear
    gelu: str

    def mlp(self, x: Tensor) -> Tensor:
        return self.down(functional.gelu(self.up(self.before_mlp(x)), approximate=self.gelu))


@dataclass(frozen=True)
class _Window:
    """The first layer's work for each distinct token of a window; `slots` says where a token's is."""

    slots: npt.NDArray[np.int64]
    embedded: Tensor
    qkv: Tensor
    mlp: Tensor | None


class GptNeoxEngine:
    """A GPT-NeoX classifier on one device.

    Args:
        config: The model's `config.json`, one that `can_run` accepts.
        weights: Its tensors by name, as Hugging Face names them.
        n_labels: How many logits a text has.
        device: Where it computes.
        dtype: With which numbers.

    Raises:
        CheckpointError: A tensor is missing or has another shape than the config says.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        weights: Mapping[str, Tensor],
        *,
        n_labels: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._device = device
        self._dtype = dtype
        self._hidden = int(config["hidden_size"])
        self._heads = int(config["num_attention_heads"])
        self._head_size = self._hidden // self._heads
        self._parallel = bool(config.get("use_parallel_residual", True))
        rope = config.get("rope_parameters") or {}
        share = rope.get("partial_rotary_factor", config.get("rotary_pct", 0.25))
        base = rope.get("rope_theta", config.get("rotary_emb_base", 10_000))
        cos, sin = _rotary_table(int(self._head_size * share), float(base), int(config["max_position_embeddings"]))
        self._cos, self._sin = cos.to(device, dtype), sin.to(device, dtype)

        def tensor(name: str, *shape: int) -> Tensor:
            found = weights.get(name)
            if found is None or found.shape != shape:
                raise CheckpointError(
                    f"The weights lack {name}, or it is not of the shape {shape}.",
                    "Copy or download the whole folder again.",
                )
            return found.to(device, dtype)

        def norm(name: str) -> _Norm:
            eps = float(config.get("layer_norm_eps", 1e-5))
            return _Norm(tensor(f"{name}.weight", self._hidden), tensor(f"{name}.bias", self._hidden), eps)

        def linear(name: str, outputs: int, inputs: int, *, bias: bool = True) -> _Linear:
            return _Linear(tensor(f"{name}.weight", outputs, inputs), tensor(f"{name}.bias", outputs) if bias else None)

        wide = int(config["intermediate_size"])
        biased = bool(config.get("attention_bias", True))
        self._embedding = tensor("gpt_neox.embed_in.weight", int(config["vocab_size"]), self._hidden)
        self._layers = []
        for i in range(int(config["num_hidden_layers"])):
            name = f"gpt_neox.layers.{i}"
            self._layers.append(
                _Layer(
                    before_attention=norm(f"{name}.input_layernorm"),
                    before_mlp=norm(f"{name}.post_attention_layernorm"),
                    qkv=self._ungrouped(
                        linear(f"{name}.attention.query_key_value", 3 * self._hidden, self._hidden, bias=biased)
                    ),
                    dense=linear(f"{name}.attention.dense", self._hidden, self._hidden, bias=biased),
                    up=linear(f"{name}.mlp.dense_h_to_4h", wide, self._hidden),
                    down=linear(f"{name}.mlp.dense_4h_to_h", self._hidden, wide),
                    gelu=_GELU[config.get("hidden_act", "gelu")],
                )
            )
        self._final_norm = norm("gpt_neox.final_layer_norm")
        self._score = linear("score", n_labels, self._hidden, bias=False)
        self._window: _Window | None = None

    @classmethod
    def load(
        cls, folder: Path, config: Mapping[str, Any], *, n_labels: int, device: torch.device, dtype: torch.dtype
    ) -> Self:
        """Read the weights of a folder, from safetensors alone.

        Raises:
            CheckpointError: They are broken, not those of the config, or those of a base without a trained head.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        weights: dict[str, Tensor] = {}
        for path in sorted(folder.glob("*.safetensors")):
            try:
                weights |= load_file(path)
            except (SafetensorError, OSError, ValueError) as error:
                raise CheckpointError(
                    f"{path} cannot be loaded as a classifier: {error}.", "Copy or download the whole folder again."
                ) from error
        if "score.weight" not in weights:
            raise head.untrained(folder, "score.weight")
        if len(weights["score.weight"]) != n_labels:
            raise head.miscounted(folder, len(weights["score.weight"]), n_labels)
        return cls(config, weights, n_labels=n_labels, device=device, dtype=dtype)

    @torch.inference_mode()
    def open_window(self, ids: Sequence[npt.NDArray[np.int64]]) -> None:
        """Do the first layer's work for the texts that the next batches will be of.

        Args:
            ids: Token ids of every text of the window.
        """
        distinct = np.unique(np.concatenate([np.empty(0, np.int64), *ids]))
        slots = np.zeros(self._embedding.shape[0], dtype=np.int64)
        slots[distinct] = np.arange(distinct.size)
        first = self._layers[0]
        positions = torch.from_numpy(distinct).to(self._device)
        parts = [self._embedding[part] for part in torch.split(positions, _TOKENS_AT_ONCE)]
        self._window = _Window(
            slots=slots,
            embedded=torch.cat(parts),
            qkv=torch.cat([first.qkv(first.before_attention(part)) for part in parts]),
            mlp=torch.cat([first.mlp(part) for part in parts]) if self._parallel else None,
        )

    @torch.inference_mode()
    def logits(self, ids: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.float32]:
        """Logits of one batch of the open window.

        Args:
            ids: Token ids of each row, none empty.

        Returns:
            Shape (rows, labels), in the order of the model's ids.
        """
        if self._window is None:
            raise RuntimeError("no window is open")
        width = max(row.size for row in ids)
        padded = np.zeros((len(ids), width), dtype=np.int64)  # slot 0 is some token: nobody looks at it
        for i, row in enumerate(ids):
            padded[i, : row.size] = self._window.slots[row]
        slots = torch.from_numpy(padded).to(self._device)
        ends = torch.tensor([row.size - 1 for row in ids], device=self._device)
        rows = torch.arange(len(ids), device=self._device)
        x = self._window.embedded[slots]
        for i, layer in enumerate(self._layers):
            qkv = self._window.qkv[slots] if i == 0 else layer.qkv(layer.before_attention(x))
            mlp = self._window.mlp[slots] if i == 0 and self._window.mlp is not None else None
            query, key, value = self._heads_of(qkv)
            if i == len(self._layers) - 1:
                attended = self._attend_from(query[rows, :, ends].unsqueeze(2), key, value, ends)
                x, mlp = x[rows, ends].unsqueeze(1), None if mlp is None else mlp[rows, ends].unsqueeze(1)
            else:
                attended = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            attended = layer.dense(attended.transpose(1, 2).flatten(2))
            if self._parallel:
                x = (layer.mlp(x) if mlp is None else mlp) + attended + x
            else:
                x = attended + x
                x = layer.mlp(x) + x
        scores = self._score(self._final_norm(x.squeeze(1)))
        result: npt.NDArray[np.float32] = scores.float().cpu().numpy()
        return result

    def _heads_of(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of each head, the first two rotated; shape (rows, heads, tokens, size) each."""
        rows, tokens, _ = qkv.shape
        split = qkv.view(rows, tokens, 3, self._heads, self._head_size).permute(2, 0, 3, 1, 4)
        turned, value = split[:2], split[2]
        size = self._cos.shape[1]
        part, rest = turned[..., :size], turned[..., size:]
        half = torch.cat((-part[..., size // 2 :], part[..., : size // 2]), dim=-1)
        turned = torch.cat((part * self._cos[:tokens] + half * self._sin[:tokens], rest), dim=-1)
        return turned[0], turned[1], value

    def _attend_from(self, query: Tensor, key: Tensor, value: Tensor, ends: Tensor) -> Tensor:
        """What the last token of each row sees: itself and all before it."""
        seen = torch.arange(key.shape[2], device=self._device) <= ends[:, None]
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=seen[:, None, None, :])

    def _ungrouped(self, qkv: _Linear) -> _Linear:
        """Outputs in the order query, key, value instead of head by head, as they are stored."""

        def turn(rows: Tensor) -> Tensor:
            grouped = rows.reshape(self._heads, 3, self._head_size, *rows.shape[1:])
            return grouped.transpose(0, 1).reshape(rows.shape).contiguous()

        return _Linear(turn(qkv.weight), None if qkv.bias is None else turn(qkv.bias))


def _rotary_table(size: int, base: float, positions: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines by position, shape (positions, size) each.

    Su and others, "RoFormer: Enhanced Transformer with Rotary Position Embedding", arXiv 2104.09864.
    """
    frequencies = 1.0 / base ** (torch.arange(0, size, 2, dtype=torch.float32) / size)
    angles = torch.outer(torch.arange(positions, dtype=torch.float32), frequencies).repeat(1, 2)
    return angles.cos(), angles.sin()
