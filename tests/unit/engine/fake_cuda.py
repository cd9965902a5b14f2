"""CUDA tensors without a GPU: they have shapes, types and a device, and no contents.

torch's `FakeTensorMode` checks what would happen on a device, and raises where tensors of two devices meet. A build of
torch without CUDA still refuses the few calls that ask the device's driver: indexing, pinned memory, copies into one
piece, and reading a result. These are said here in terms of operations that it fakes.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode

CUDA: Final = torch.device("cuda", 0)


@contextmanager
def fake_cuda() -> Iterator[None]:
    """Inside, tensors can be put on `CUDA`; real ones are taken as tensors of the CPU."""
    with FakeTensorMode(allow_non_fake_inputs=True), _WithoutDriver():
        yield


class _WithoutDriver(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        return _INSTEAD.get(func, func)(*args, **named)


def _get(x: Tensor, index: Any) -> Tensor:
    parts = index if isinstance(index, tuple) else (index,)
    if ... in parts:
        at = parts.index(...)
        used = sum(part is not None for part in parts) - 1
        parts = (*parts[:at], *[slice(None)] * (x.ndim - used), *parts[at + 1 :])
    dim = 0
    tensors: list[Tensor | None] = []
    for part in parts:
        if part is None:
            x = x.unsqueeze(dim)
        elif isinstance(part, int):
            x = torch.select(x, dim, part)
            continue
        elif isinstance(part, slice):
            start, stop, step = part.indices(x.shape[dim])
            assert step == 1
            x = torch.narrow(x, dim, start, max(0, stop - start))
        else:
            tensors += [None] * (dim - len(tensors)) + [part]
        dim += 1
    found: Tensor = torch.ops.aten.index.Tensor(x, tensors) if tensors else x
    return found


def _set(x: Tensor, index: Tensor, value: Tensor) -> None:
    torch.ops.aten.index_put_.default(x, [index], value)


def _fetched(x: Tensor) -> npt.NDArray[Any]:
    assert x.device.type == "cpu", "what is on the device cannot be read"
    return np.zeros(tuple(x.shape), dtype=str(x.dtype).removeprefix("torch."))


_INSTEAD: Final[Mapping[Any, Callable[..., Any]]] = {
    Tensor.__getitem__: _get,
    Tensor.__setitem__: _set,
    Tensor.pin_memory: lambda x: x,
    Tensor.contiguous: torch.clone,
    Tensor.numpy: _fetched,
}
