"""How fast this machine multiplies matrices at best, and what it is: the ceiling that shares are taken of.

python -m tests.benches.gemm DEVICE prints JSON. It runs in a process of its own, with the number of threads that
everything else gets.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import torch
from torch.nn import functional

from sentiscore.engine.layers import Linear

ROWS: Final = 2048
INNER: Final = 512
COLUMNS: Final = 2048
_ROUNDS: Final = 50
_OPERATIONS: Final = 2 * ROWS * INNER * COLUMNS


def gflops(device: str) -> dict[str, float | None]:
    """Billions of operations in a second by number type; None where the type cannot be multiplied here."""
    repeats = 200 if device.startswith("cuda") else 1
    return {
        "fp32": _best_linear(device, torch.float32, repeats),
        "bf16": _best_linear(device, torch.bfloat16, repeats),
        "int8": _best_int8(device, repeats),
    }


def _best_linear(device: str, dtype: torch.dtype, repeats: int) -> float:
    """The better of torch's own product, and of the one with weights laid out beforehand."""
    x = torch.randn(ROWS, INNER).to(device, dtype)
    weight = torch.randn(COLUMNS, INNER).to(device, dtype)
    prepared = Linear(weight, None, device=torch.device(device), dtype=dtype)
    return max(
        _best(product, device, repeats) for product in (partial(functional.linear, x, weight), partial(prepared, x))
    )


def _best_int8(device: str, repeats: int) -> float | None:
    x = torch.randint(-127, 128, (ROWS, INNER), dtype=torch.int8).to(device)
    weight = torch.randint(-127, 128, (COLUMNS, INNER), dtype=torch.int8).to(device)
    found = []
    for other in (weight.t(), weight.t().contiguous()):
        try:
            found.append(_best(partial(torch._int_mm, x, other), device, repeats))
        except RuntimeError:
            continue
    return max(found, default=None)


@torch.inference_mode()
def _best(multiply: Callable[[], object], device: str, repeats: int) -> float:
    def once() -> float:
        start = time.perf_counter()
        for _ in range(repeats):
            multiply()
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        return (time.perf_counter() - start) / repeats

    once()
    return _OPERATIONS / min(once() for _ in range(_ROUNDS)) / 1e9


def describe(device: str) -> dict[str, Any]:
    """The threads that torch takes, the instructions it finds, and the peaks."""
    torch.manual_seed(0)
    return {
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name(device) if device.startswith("cuda") else None,
        "gflops": gflops(device),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(describe(sys.argv[1])) + "\n")
