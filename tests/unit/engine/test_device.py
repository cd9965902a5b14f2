import pytest
import torch

from sentiscore.engine.device import choose_device, choose_dtype, dtype_name, has_fast_bf16
from sentiscore.errors import InputError


def test_the_cpu_is_always_there() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in {"cpu", "cuda"}


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "xpu", ""])
def test_a_device_that_is_not_there_is_a_clear_error(name: str) -> None:
    with pytest.raises(InputError, match="device"):
        choose_device(name)


def test_auto_is_bf16_just_where_the_hardware_has_it() -> None:
    cpu = torch.device("cpu")
    assert (choose_dtype("auto", cpu) == torch.bfloat16) == has_fast_bf16(cpu)
    assert choose_dtype("fp32", cpu) == torch.float32
    assert dtype_name(torch.bfloat16) == "bf16"


def test_an_unknown_dtype_is_a_clear_error() -> None:
    with pytest.raises(InputError, match="fp32 or bf16"):
        choose_dtype("fp8", torch.device("cpu"))
