"""Chooses the device and number type to compute with."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import torch

from sentiscore.engine.products import FAULTS, first_line, is_machines, packed_product, refusal, slowness
from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.forks import forked_with

DTYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16}
_SLOW: Final = 1.25
"""A number type that takes this many times as long as fp32 is called slow."""


def has_fast_bf16(device: torch.device) -> bool:
    """Whether this device multiplies bf16 matrices faster than fp32 ones.

    A CPU may support bf16 and be slower with it: Intel's are unless they have AMX, which a virtual machine may hide,
    and AMD's are about twice as fast (`python -m tests.benches.gemm cpu` prints it). None is fast if oneDNN, which does
    the fast product, does not work there. If the measurement fails, it counts as slow; this never raises.
    """
    try:
        if device.type == "cuda":
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
        if device.type == "cpu":
            return _says_fast_bf16(torch.cpu.get_capabilities()) and packed_product(torch.bfloat16) is not None
    except FAULTS:
        return False
    return False


def _says_fast_bf16(able: Mapping[str, Any]) -> bool:
    if "Intel" in str(able.get("cpu_name")):
        return bool(able.get("amx_bf16"))
    return any(bool(able.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def choose_device(name: str = "auto") -> torch.device:
    """Choose a device by name.

    Args:
        name: "auto" (a CUDA GPU where there is one, otherwise the CPU), or what torch calls a device:
            "cpu", "cuda", "cuda:1", "mps".

    Raises:
        InputError: This machine has no such device.
        ForkError: It is a GPU that this process, a fork of one that used it, cannot use.
    """
    if name == "auto":
        return check_fork(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"There is no device {name!r}.", "Use auto, cpu, cuda, cuda:0 or mps.") from error
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not available.get(device.type, False):
        raise InputError(f"The device {name!r} is not there on this machine.", "Use --device auto or cpu.")
    return check_fork(device)


def check_fork(device: torch.device) -> torch.device:
    """Check that the device can be used in this process, and return it.

    Raises:
        ForkError: It is a GPU that was used before this process was forked.
    """
    forked = getattr(getattr(torch, device.type, None), "_is_in_bad_fork", None)
    if forked is not None and forked():
        raise forked_with(f"used the GPU {device}")
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """Choose a number type by name. Warns once per process about one that is slow on the device.

    Args:
        name: "auto" (bf16 where the device is faster for it, otherwise fp32), "fp32" or "bf16".
        device: The device that will use it.

    Raises:
        InputError: There is no such type, or the device cannot compute with it.
    """
    if name == "auto":
        return torch.bfloat16 if has_fast_bf16(device) else torch.float32
    if name not in DTYPES:
        raise InputError(f"There is no dtype {name!r}.", f"Use auto, {' or '.join(DTYPES)}.")
    dtype = DTYPES[name]
    if dtype is not torch.float32 and not has_fast_bf16(device):
        if (reason := refusal(dtype, device)) is not None:
            raise InputError(f"The device {device} cannot compute with {name} numbers: {reason}.", "Use --dtype fp32.")
        _warn_if_slow(name, device)
    return dtype


@cache
def _warn_if_slow(name: str, device: torch.device) -> None:
    times = slowness(DTYPES[name], device)
    if times >= _SLOW:
        warnings.warn(
            f"{name} is slow on this machine: a matrix product on {device} takes {times:.1f} times as long as in fp32. "
            "Use --dtype auto or fp32 (dtype), or --precision auto or fp32 for training.",
            SentiscoreWarning,
            stacklevel=4,
        )


@contextmanager
def machine_faults(device: torch.device, dtype: torch.dtype, *, all_of_them: bool = False) -> Iterator[None]:
    """Translate errors that the machine causes, rather than a model or a text.

    Args:
        device: The device of the computation.
        dtype: With which numbers.
        all_of_them: Whether nothing in the block depends on a model's settings, so that the machine causes every error.

    Raises:
        InputError: The machine cannot execute the block.
    """
    try:
        yield
    except FAULTS as error:
        if not (all_of_them or is_machines(error)):
            raise
        raise InputError(
            f"The device {device} cannot hold or compute this model in {dtype_name(dtype)}: {first_line(error)}.",
            "Use another --dtype or --device, or a smaller model.",
        ) from error


def dtype_name(dtype: torch.dtype) -> str:
    """The short name that the command line uses for a number type."""
    return next(name for name, known in DTYPES.items() if known == dtype)
