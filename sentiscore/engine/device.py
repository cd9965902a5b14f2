"""Which device and number type to compute with."""

from typing import Final

import torch

from sentiscore.errors import InputError

DTYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16}


def has_fast_bf16(device: torch.device) -> bool:
    """Does this device multiply bf16 matrices faster than fp32 ones?

    A CPU may know bf16 and be slower for it: Intel's are unless they have AMX, which a virtual machine may hide, and
    AMD's are about twice as fast (`python -m tests.benches.gemm cpu` prints it).
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        able = torch.cpu.get_capabilities()
        if "Intel" in str(able.get("cpu_name")):
            return bool(able.get("amx_bf16"))
        return any(bool(able.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return False


def choose_device(name: str = "auto") -> torch.device:
    """A device by name.

    Args:
        name: "auto" (a CUDA GPU where there is one, otherwise the CPU), or what torch calls a device:
            "cpu", "cuda", "cuda:1", "mps".

    Raises:
        InputError: There is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
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
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """A number type by name.

    Args:
        name: "auto" (bf16 where the device is faster for it, otherwise fp32), "fp32" or "bf16".
        device: Where it will be used.

    Raises:
        InputError: There is no such type.
    """
    if name == "auto":
        return torch.bfloat16 if has_fast_bf16(device) else torch.float32
    if name not in DTYPES:
        raise InputError(f"There is no dtype {name!r}.", f"Use auto, {' or '.join(DTYPES)}.")
    return DTYPES[name]


def dtype_name(dtype: torch.dtype) -> str:
    """The short name that the command line uses for a number type."""
    return next(name for name, known in DTYPES.items() if known == dtype)
