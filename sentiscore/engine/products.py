"""Finds which matrix products a machine supports, and how fast they are, by running them once for each number type."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from sentiscore.engine.cores import cores

FAULTS: Final = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, OSError),
    *(RuntimeError, TypeError, ValueError),
)
"""The errors of torch for an operation that a machine or a build lacks."""

_PACKED_FOR: Final = 512
"""The number of rows for which oneDNN packs the weights."""
_TOLERANCE: Final = {torch.float32: 1e-4, torch.bfloat16: 0.02}
"""The maximum difference from a product in fp32, as a share of its largest value."""
_NO_MEMORY: Final = "DefaultCPUAllocator"
_NO_OPERATION: Final = re.compile(r"not implemented for '(BFloat16|Half|Float)'|not currently implemented for the")
_ROWS: Final = 64
_SIZE: Final = 384
_RUNS: Final = 5


@dataclass(frozen=True)
class PackedProduct:
    """oneDNN's matrix product with packed weights.

    Attributes:
        operations: torch's two operations: packing weights, and the product.
    """

    operations: tuple[Callable[..., Tensor], Callable[..., Tensor]]

    def pack(self, weight: Tensor) -> Tensor:
        """Pack a weight of shape (outputs, inputs)."""
        return self.operations[0](weight, _PACKED_FOR)

    def __call__(self, x: Tensor, packed: Tensor, bias: Tensor | None) -> Tensor:
        """`functional.linear` with a packed weight."""
        return self.operations[1](x, packed, bias, "none", [], "")


def packed_product(dtype: torch.dtype) -> PackedProduct | None:
    """The product with packed weights, if this machine and this build of torch compute it correctly on the CPU.

    A processor without AVX-512 packs no bf16, another kind of processor may pack nothing, and torch can be built
    without oneDNN or configured not to use it.

    Args:
        dtype: The number type of weights and inputs.

    Returns:
        None if only the plain product works.
    """
    try:
        usable = torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled  # type: ignore[no-untyped-call]
        operations = torch.ops.mkldnn._reorder_linear_weight, torch.ops.mkldnn._linear_pointwise
    except FAULTS:
        return None
    product = PackedProduct(operations)
    return product if usable and dtype in _TOLERANCE and _is_right(product, dtype) else None


@cache
def _is_right(product: PackedProduct, dtype: torch.dtype) -> bool:
    """Whether it gives the same result as the plain product."""
    x, weight, bias = _example(16, 32, 48, dtype)
    wanted = functional.linear(x.float(), weight.float(), bias.float())
    try:
        found = product(x, product.pack(weight), bias).float()
        return bool((found - wanted).abs().max() <= _TOLERANCE[dtype] * wanted.abs().max())
    except FAULTS:
        return False


@cache
def refusal(dtype: torch.dtype, device: torch.device) -> str | None:
    """The reason why a device cannot compute with a number type.

    Returns:
        The first line of torch's error; None if it can.
    """
    try:
        x, weight, bias = _example(2, 4, 4, dtype, device)
        y = functional.gelu(functional.layer_norm(functional.linear(x, weight, bias), (4,)))
        torch.softmax(y @ y.T, dim=-1, dtype=torch.float32).cpu()
    except FAULTS as error:
        return first_line(error)
    return None


@cache
def slowness(dtype: torch.dtype, device: torch.device) -> float:
    """Measure how many times as long as in fp32 a matrix product takes, as scoring computes it.

    Args:
        dtype: The number type.
        device: The device.
    """
    with cores(1):  # threads that wait for each other would measure other load
        return _best_seconds(dtype, device) / _best_seconds(torch.float32, device)


@torch.inference_mode()
def _best_seconds(dtype: torch.dtype, device: torch.device) -> float:
    x, weight, _ = _example(_ROWS, _SIZE, _SIZE, dtype, device)
    product = packed_product(dtype) if device.type == "cpu" else None
    packed = weight if product is None else product.pack(weight)
    best = float("inf")
    for _ in range(_RUNS):
        start = time.perf_counter()
        result = functional.linear(x, packed) if product is None else product(x, packed, None)
        result[0, 0].item()  # waits for the device
        best = min(best, time.perf_counter() - start)
    return best


def _example(
    rows: int, inputs: int, outputs: int, dtype: torch.dtype, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor, Tensor]:
    """Random inputs, a weight and a bias."""

    def numbers(*shape: int) -> Tensor:
        count = torch.arange(torch.Size(shape).numel(), dtype=torch.float32, device="cpu")
        return torch.sin(count).reshape(shape).to(device, dtype)

    return numbers(rows, inputs), numbers(outputs, inputs), numbers(outputs)


def first_line(error: BaseException) -> str:
    """The message of an error, in one line without a full stop."""
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__


def is_machines(error: BaseException) -> bool:
    """Whether the machine caused this error: it lacks memory, or an operation."""
    return (
        isinstance(error, MemoryError | torch.OutOfMemoryError | getattr(torch, "AcceleratorError", MemoryError))
        or _NO_MEMORY in str(error)
        or _NO_OPERATION.search(str(error)) is not None
    )
