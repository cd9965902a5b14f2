"""What the forward passes of our own are made of: linear layers, norms, attention.

Tokens of a batch stand one after the other, shape (tokens, size), wherever a row's borders do not matter.
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
"""By the names they have in a Hugging Face config."""

SMALL: Final = 16
"""Weights with fewer inputs or outputs are not worth packing."""

_LONG: Final = 512
"""Tokens from which on torch's own attention, which never holds all scores, is the better one on a CPU."""


def moved(tensor: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """A tensor on another device, as another number type.

    Raises:
        InputError: The device cannot hold it.
    """
    with machine_faults(device, dtype, all_of_them=True):
        return tensor.to(device, dtype)


class Linear:
    """A linear layer on a device.

    On a CPU the weights are laid out once as oneDNN's matrix multiplication wants them: in bf16 that is a tenth faster
    than having it done at each call, and in fp32 more than twice as fast as the library that torch calls otherwise on
    an AMD processor. Where the machine cannot do that, torch's plain product is used.

    Args:
        weight: Shape (outputs, inputs).
        bias: Shape (outputs,).
        device: Where it computes.
        dtype: With which numbers.

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
        """Shape (tokens, outputs)."""
        if self._product is not None:
            return self._product(x, self._weight, self._bias)
        return functional.linear(x, self._weight, self._bias)


class Norm:
    """Layer normalisation with a weight and a bias of its own.

    Args:
        weight: Shape (size,).
        bias: Same shape.
        eps: Added to the variance.
        device: Where it computes.
        dtype: With which numbers.
    """

    def __init__(self, weight: Tensor, bias: Tensor, eps: float, *, device: torch.device, dtype: torch.dtype) -> None:
        self._weight, self._bias = moved(weight, device, dtype), moved(bias, device, dtype)
        self._eps = eps

    def __call__(self, x: Tensor) -> Tensor:
        """Same shape."""
        return functional.layer_norm(x, self._weight.shape, self._weight, self._bias, self._eps)


def attend(query: Tensor, key: Tensor, value: Tensor, *, bias: Tensor | None = None, causal: bool = False) -> Tensor:
    """Scaled dot-product attention whose scale is in the query already.

    Vaswani and others, "Attention Is All You Need", arXiv 1706.03762. On a CPU short texts go through batched
    products, which are two to four times as fast there as torch's own attention.

    Args:
        query: Shape (rows, queries, heads, size); one query a row, or one a token.
        key: Shape (rows, tokens, heads, size).
        value: Same shape.
        bias: Added to the scores, shape (rows, 1, tokens).
        causal: Each query sees itself and what is to its left alone; there is one for each token, and no bias.

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
    """A bias that hides what stands after the last token of each row.

    Args:
        ends: Position of the last token of each row, shape (rows,).
        width: Tokens of a padded row.
        dtype: Of the scores.

    Returns:
        Shape (rows, 1, width): 0 where there is a token, minus infinity where there is none.
    """
    hidden = torch.arange(width, device=ends.device) > ends[:, None]
    return torch.zeros(hidden.shape, dtype=dtype, device=ends.device).masked_fill_(hidden, float("-inf")).unsqueeze(1)
