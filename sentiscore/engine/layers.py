"""Building blocks of our own forward passes: linear layers, norms, attention.

Tokens of a batch are concatenated, shape (tokens, size), wherever the borders of rows do not matter.
"""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from sentiscore.engine.device import machine_faults
from sentiscore.engine.products import FAULTS, packed_product

ACTIVATIONS: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "gelu": functional.gelu,
    "gelu_new": lambda x: functional.gelu(x, approximate="tanh"),
    "gelu_pytorch_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "relu": functional.relu,
}
"""By their names in a Hugging Face config."""

SMALL: Final = 16
"""Weights with fewer inputs or outputs are not worth packing."""

_LONG: Final = 512
"""The number of tokens from which torch's own attention, which never holds all scores, is faster on a CPU."""


def moved(tensor: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Move a tensor to another device and number type.

    Raises:
        InputError: The device cannot hold it.
    """
    with machine_faults(device, dtype, all_of_them=True):
        return tensor.to(device, dtype)


class Linear:
    """A linear layer on a device.

    On a CPU the weights are packed once for oneDNN's matrix multiplication: in bf16 that is a tenth faster than packing
    at each call, and in fp32 more than twice as fast as the library that torch otherwise calls on an AMD processor. If
    the machine does not support that, torch's plain product is used.

    Args:
        weight: Shape (outputs, inputs).
        bias: Shape (outputs,).
        device: The device on which it computes.
        dtype: The number type of its computation.

    Raises:
        InputError: The device cannot hold it.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, *, device: torch.device, dtype: torch.dtype) -> None:
        self._weight = moved(weight, device, dtype).contiguous()
        self._bias = None if bias is None else moved(bias, device, dtype)
        worth_packing = device.type == "cpu" and min(weight.shape) >= SMALL
        self._product = packed_product(dtype) if worth_packing else None
        if self._product is not None:
            try:
                self._weight = self._product.pack(self._weight)
            except FAULTS:
                self._product = None

    def __call__(self, x: Tensor) -> Tensor:
        """Apply the layer; returns shape (tokens, outputs)."""
        if self._product is not None:
            return self._product(x, self._weight, self._bias)
        return functional.linear(x, self._weight, self._bias)


class Norm:
    """Layer normalisation with a weight and a bias.

    Args:
        weight: Shape (size,).
        bias: Same shape.
        eps: Added to the variance.
        device: The device on which it computes.
        dtype: The number type of its computation.
    """

    def __init__(self, weight: Tensor, bias: Tensor, eps: float, *, device: torch.device, dtype: torch.dtype) -> None:
        self._weight, self._bias = moved(weight, device, dtype), moved(bias, device, dtype)
        self._eps = eps

    def __call__(self, x: Tensor) -> Tensor:
        """Normalise; keeps the shape."""
        return functional.layer_norm(x, self._weight.shape, self._weight, self._bias, self._eps)


def attend(query: Tensor, key: Tensor, value: Tensor, *, bias: Tensor | None = None, causal: bool = False) -> Tensor:
    """Scaled dot-product attention; the query is already scaled.

    Vaswani and others, "Attention Is All You Need", arXiv 1706.03762. On a CPU short texts go through batched
    products, which are two to four times as fast there as torch's own attention.

    Args:
        query: Shape (rows, queries, heads, size); one query a row, or one a token.
        key: Shape (rows, tokens, heads, size).
        value: Same shape.
        bias: Added to the scores, shape (rows, 1, tokens).
        causal: Whether each query attends only to itself and to its left; requires a query per token, and no bias.

    Returns:
        Shape (rows * queries, heads * size).
    """
    rows, queries, heads, size = query.shape
    tokens = key.shape[1]
    q, k, v = (x.transpose(1, 2) for x in (query, key, value))
    if query.device.type == "cpu" and tokens <= _LONG:
        q, k, v = (x.reshape(rows * heads, -1, size) for x in (q, k, v))
        if causal:
            hidden = torch.full((tokens, tokens), float("-inf"), dtype=q.dtype).triu_(1)
            scores = torch.baddbmm(hidden, q, k.transpose(1, 2))
        elif bias is not None:
            scores = torch.baddbmm(bias.repeat_interleave(heads, dim=0), q, k.transpose(1, 2))
        else:
            scores = torch.bmm(q, k.transpose(1, 2))
        seen = torch.bmm(torch.softmax(scores, dim=-1, dtype=torch.float32).to(v.dtype), v)
        seen = seen.view(rows, heads, queries, size)
    else:
        mask = None if bias is None else bias.unsqueeze(1)
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, scale=1.0)
    return seen.transpose(1, 2).reshape(rows * queries, heads * size)


def hide_padding(ends: Tensor, width: int, dtype: torch.dtype) -> Tensor:
    """A bias that masks everything after the last token of each row.

    Args:
        ends: Position of the last token of each row, shape (rows,).
        width: Tokens of a padded row.
        dtype: The number type of the scores.

    Returns:
        Shape (rows, 1, width): 0 for tokens, minus infinity for padding.
    """
    hidden = torch.arange(width, device=ends.device) > ends[:, None]
    return torch.zeros(hidden.shape, dtype=dtype, device=ends.device).masked_fill_(hidden, float("-inf")).unsqueeze(1)
