import pytest
import torch

from sentiscore.engine import device
from sentiscore.engine.device import choose_device, choose_dtype, dtype_name, has_fast_bf16
from sentiscore.errors import InputError


def test_the_cpu_is_always_there() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in {"cpu", "cuda"}


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "xpu", ""])
def test_a_device_that_is_not_there_is_a_clear_error(name: str) -> None:
    with pytest.raises(InputError, match="device"):
        choose_device(name)


def test_auto_is_bf16_just_where_it_is_fast() -> None:
    cpu = torch.device("cpu")
    assert (choose_dtype("auto", cpu) == torch.bfloat16) == has_fast_bf16(cpu)
    assert choose_dtype("fp32", cpu) == torch.float32
    assert dtype_name(torch.bfloat16) == "bf16"


@pytest.mark.parametrize(
    ("able", "fast"),
    [
        ({"cpu_name": "Intel Xeon", "avx512_bf16": True, "amx_bf16": False}, False),
        ({"cpu_name": "Intel Xeon", "avx512_bf16": True, "amx_bf16": True}, True),
        ({"cpu_name": "AMD EPYC", "avx512_bf16": True}, True),
        ({"avx512_f": True, "avx2": True}, False),
        ({"bf16": True}, True),
    ],
)
def test_a_cpu_that_knows_bf16_is_not_always_faster_for_it(
    able: dict[str, object], fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    monkeypatch.setattr(device, "packed_product", lambda _: "of the processor that says so, not of this one")
    assert has_fast_bf16(torch.device("cpu")) == fast


def test_an_unknown_dtype_is_a_clear_error() -> None:
    with pytest.raises(InputError, match="fp32 or bf16"):
        choose_dtype("fp8", torch.device("cpu"))
