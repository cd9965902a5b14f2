"""What the forward passes of our own are made of: linear layers, norms, attention.

Tokens of a batch stand one after the other, shape (tokens, size), wherever a row's borders do not matter.
"""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

ACTIVATIONS: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "gelu": functional.gelu,
    "gelu_new": lambda x: functional.gelu(x, approximate="tanh"),
    "gelu_pytorch_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "relu": functional.relu,
}
"""By the names they have in a Hugging Face config."""

_PACKED_FOR: Final = 512
SMALL: Final = 16
"""Weights with fewer inputs or outputs are not worth packing."""

_LONG: Final = 512
"""Tokens from which on torch's own attention, which never holds all scores, is the better one on a CPU."""


class Linear:
    """A linear layer on a device.

    On a CPU the weights are laid out once as oneDNN's matrix multiplication wants them: in bf16 that is a tenth faster
    than having it done at each call, and in fp32 more than twice as fast as the library that torch calls otherwise on
    an AMD processor.

    Args:
        weight: Shape (outputs, inputs).
        bias: Shape (outputs,).
        device: Where it computes.
        dtype: With which numbers.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, *, device: torch.device, dtype: torch.dtype) -> None:
        moved = weight.to(device, dtype).contiguous()
        self._packed = _can_pack(moved)
        self._weight = torch.ops.mkldnn._reorder_linear_weight(moved, _PACKED_FOR) if self._packed else moved
        self._bias = None if bias is None else bias.to(device, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        """Shape (tokens, outputs)."""
        if self._packed:
            result: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], "")
            return result
        return functional.linear(x, self._weight, self._bias)


def _can_pack(weight: Tensor) -> bool:
    return (
        weight.device.type == "cpu"
        and weight.dtype in (torch.bfloat16, torch.float32)
        and min(weight.shape) >= SMALL
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
    )


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
        self._weight = weight.to(device, dtype)
        self._bias = bias.to(device, dtype)
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
