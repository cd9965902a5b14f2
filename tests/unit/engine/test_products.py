"""What a machine can compute, on any machine: the operations are made to fail."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from sentiscore import Scorer
from sentiscore.engine import device, products
from sentiscore.engine.device import choose_dtype, has_fast_bf16, machine_faults
from sentiscore.engine.layers import Linear
from sentiscore.engine.products import packed_product
from sentiscore.errors import CheckpointError, InputError, SentiscoreError, SentiscoreWarning
from tests.effort import combined

CPU = torch.device("cpu")
FAST = {"cpu_name": "AMD EPYC", "avx512_bf16": True}
Fault = Callable[[pytest.MonkeyPatch], None]


def plain_pack(weight: torch.Tensor, rows: int) -> torch.Tensor:
    return weight


def plain_product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, *_: object) -> torch.Tensor:
    return torch.nn.functional.linear(x, weight, bias)


def refuse(error: type[Exception] = RuntimeError, but: torch.dtype | None = None) -> Callable[..., torch.Tensor]:
    """An operation that this processor does not have."""

    def refused(x: torch.Tensor, *rest: Any) -> torch.Tensor:
        if x.dtype is but:
            return plain_pack(x, *rest) if len(rest) == 1 else plain_product(x, *rest)
        raise error("the bf16 path needs a cpu with avx512")

    return refused


def with_operations(pack: Any, product: Any) -> Fault:
    def change(monkeypatch: pytest.MonkeyPatch) -> None:
        made = SimpleNamespace(_reorder_linear_weight=pack, _linear_pointwise=product)
        monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace(**{k: v for k, v in vars(made).items() if v}))

    return change


TURNED_OFF = SimpleNamespace(is_available=lambda: True, enabled=False)
FAULTS: dict[str, Fault] = {
    "packing raises": with_operations(refuse(), plain_product),
    "the product raises": with_operations(plain_pack, refuse()),
    "the product is not there": with_operations(plain_pack, None),
    "packing is not there": with_operations(None, plain_product),
    "packing takes other arguments": with_operations(lambda weight: weight, plain_product),
    "the product is wrong": with_operations(plain_pack, lambda x, w, b, *_: plain_product(x, w, b) * 1.5),
    "the product has another shape": with_operations(plain_pack, lambda x, w, b, *_: plain_product(x, w, b).T),
    "the product is not a number": with_operations(plain_pack, lambda x, w, b, *_: plain_product(x, w, b) / 0),
    "built without oneDNN": lambda patch: patch.setattr(torch.backends.mkldnn, "is_available", lambda: False),
    "oneDNN is turned off": lambda patch: patch.setattr(torch.backends, "mkldnn", TURNED_OFF),
}


@pytest.fixture(autouse=True)
def asked_again() -> Iterator[None]:
    """A machine is asked once in a process, and here it changes with each test."""
    caches = products.refusal, products.slowness, device._warn_if_slow
    for asked in caches:
        asked.cache_clear()
    yield
    for asked in caches:
        asked.cache_clear()


@pytest.mark.parametrize(("fault", "dtype"), combined(list(FAULTS), [torch.float32, torch.bfloat16]))
def test_a_layer_gives_the_plain_product_where_there_is_no_packed_one(
    fault: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, weight, bias = torch.randn(5, 32), torch.randn(48, 32), torch.randn(48)
    FAULTS[fault](monkeypatch)
    assert packed_product(dtype) is None
    layer = Linear(weight, bias, device=CPU, dtype=dtype)
    wanted = torch.nn.functional.linear(x.to(dtype), weight.to(dtype), bias.to(dtype))
    assert torch.equal(layer(x.to(dtype)), wanted)


def test_each_number_type_is_asked_for_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with_operations(refuse(but=torch.float32), plain_product)(monkeypatch)
    assert packed_product(torch.float32) is not None
    assert packed_product(torch.bfloat16) is None


def test_a_machine_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[torch.dtype] = []

    def pack(weight: torch.Tensor, rows: int) -> torch.Tensor:
        asked.append(weight.dtype)
        return weight

    with_operations(pack, plain_product)(monkeypatch)
    for _ in range(3):
        packed_product(torch.float32)
    assert asked == [torch.float32]


def test_a_weight_that_cannot_be_packed_after_all_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def pack(weight: torch.Tensor, rows: int) -> torch.Tensor:
        if len(weight) > 100:
            raise RuntimeError("could not create a primitive")
        return weight

    with_operations(pack, plain_product)(monkeypatch)
    assert packed_product(torch.float32) is not None
    x, weight = torch.randn(5, 32), torch.randn(128, 32)
    found = Linear(weight, None, device=CPU, dtype=torch.float32)(x)
    assert torch.equal(found, torch.nn.functional.linear(x, weight))


@pytest.mark.parametrize("fault", FAULTS)
def test_auto_is_fp32_where_bf16_cannot_be_packed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: FAST)
    FAULTS[fault](monkeypatch)
    assert choose_dtype("auto", CPU) is torch.float32


@pytest.mark.parametrize("error", [RuntimeError("cpuinfo"), AttributeError("no such name"), NotImplementedError()])
@pytest.mark.parametrize("kind", ["cpu", "cuda", "mps"])
def test_the_rule_behind_auto_never_raises(error: Exception, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(torch.cpu, "get_capabilities", fails)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", fails)
    assert choose_dtype("auto", torch.device(kind)) is torch.float32


def test_the_rule_behind_auto_needs_no_list_of_capabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not has_fast_bf16(CPU)


@pytest.mark.parametrize("kind", ["gpt_neox", "bert"])
def test_bf16_scores_as_fp32_does_where_it_cannot_be_packed(
    kind: str, tiny_checkpoint: Path, tiny_bert: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_checkpoint if kind == "gpt_neox" else tiny_bert()
    texts = ["profit rises on strong demand", "a dull , lifeless mess"]
    with_operations(refuse(but=torch.float32), plain_product)(monkeypatch)
    monkeypatch.setattr(device, "slowness", lambda *_: 1.0)
    scored = {}
    for dtype in ("fp32", "bf16"):
        with pytest.warns(SentiscoreWarning) if kind == "bert" else machine_faults(CPU, torch.float32):
            scored[dtype] = Scorer.from_pretrained(folder, device="cpu", dtype=dtype).score(texts)
    np.testing.assert_allclose(scored["bf16"]["sentiment"], scored["fp32"]["sentiment"], atol=0.02)


def slow(monkeypatch: pytest.MonkeyPatch, times: float) -> None:
    monkeypatch.setattr(device, "has_fast_bf16", lambda _: False)
    monkeypatch.setattr(device, "slowness", lambda *_: times)


def test_a_slow_number_type_works_and_is_warned_about_once(
    tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(monkeypatch, 5.52)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="bf16").score(["profit rises"])
    assert "bf16 is slow on this machine: a matrix product on cpu takes 5.5 times as long" in str(caught[0].message)
    assert caught[0].category is SentiscoreWarning
    assert len(caught) == 1
    assert "--dtype auto or fp32" in str(caught[0].message)
    assert caught[0].filename == __file__


def test_a_number_type_that_is_not_slow_is_not_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    slow(monkeypatch, 1.1)
    assert choose_dtype("bf16", CPU) is torch.bfloat16


def test_speed_is_measured_only_where_it_is_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "has_fast_bf16", lambda _: True)
    monkeypatch.setattr(device, "slowness", lambda *_: pytest.fail("measured"))
    choose_dtype("bf16", CPU)
    choose_dtype("fp32", CPU)
    choose_dtype("auto", CPU)


def test_measuring_gives_a_ratio_and_leaves_the_threads_as_they_are() -> None:
    before = torch.get_num_threads()
    assert products.slowness(torch.bfloat16, CPU) > 0
    assert torch.get_num_threads() == before


def test_a_number_type_that_a_device_does_not_have_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(x: torch.Tensor, *_: object) -> torch.Tensor:
        raise RuntimeError("\"addmm_impl_cpu_\" not implemented for 'BFloat16'.\nstack")

    monkeypatch.setattr(device, "has_fast_bf16", lambda _: False)
    monkeypatch.setattr(torch.nn.functional, "linear", fails)
    with pytest.raises(InputError, match=r"cpu cannot compute with bf16 .*'BFloat16'\.\nUse --dtype fp32"):
        choose_dtype("bf16", CPU)


MACHINE_FAULTS = {
    "no memory": MemoryError(),
    "no memory on the GPU": torch.OutOfMemoryError("CUDA out of memory."),
    "no memory on the CPU": RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory: 12 bytes"),
    "no such operation": NotImplementedError("\"gelu\" not implemented for 'BFloat16'"),
}


@pytest.mark.parametrize(
    ("fault", "kind", "when"),
    combined(list(MACHINE_FAULTS), ["gpt_neox", "bert", "another"], ["reading", "building", "moving"]),
)
def test_a_fault_of_the_machine_is_not_blamed_on_the_folder(
    fault: str,
    kind: str,
    when: str,
    tiny_checkpoint: Path,
    tiny_bert: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sentiscore.engine import bert, gpt_neox, huggingface, networks

    def fails(*_: object, **__: object) -> Any:
        raise MACHINE_FAULTS[fault]

    folder = tiny_checkpoint if kind == "gpt_neox" else tiny_bert(hidden_act="silu" if kind == "another" else "gelu")
    places: dict[str, list[tuple[Any, str]]] = {
        "reading": [(networks, "read_weights"), (huggingface, "read_weights")],
        "building": [(bert, "take"), (gpt_neox, "take"), (huggingface, "quiet_transformers")],
        "moving": [(torch.Tensor, "to")],
    }
    for owner, name in places[when]:
        monkeypatch.setattr(owner, name, fails)
    with pytest.raises(SentiscoreError) as caught:
        Scorer.from_pretrained(folder, device="cpu", dtype="fp32", labels=["negative", "positive"])
    assert isinstance(caught.value, InputError)
    assert "fp32" in str(caught.value)
    assert "folder" not in str(caught.value)


@pytest.mark.parametrize("fault", MACHINE_FAULTS)
def test_a_fault_of_the_machine_while_scoring_is_one_message(
    fault: str, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Any:
        raise MACHINE_FAULTS[fault]

    scorer = Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32")
    monkeypatch.setattr(type(scorer._classifier._engine), "logits", fails)
    with pytest.raises(InputError, match="fp32"):
        scorer.score(["profit rises"])


def test_what_the_folder_causes_is_still_blamed_on_it(
    tiny_bert: Callable[..., Path], edit_json: Callable[..., None]
) -> None:
    folder = tiny_bert()
    edit_json(folder / "config.json", type_vocab_size=3)
    with pytest.raises(CheckpointError, match="folder"):
        Scorer.from_pretrained(folder, device="cpu", labels=["negative", "positive"])


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_a_gpu_that_was_used_before_a_fork_is_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentiscore.engine.device import check_fork
    from sentiscore.errors import ForkError

    check_fork(CPU)
    monkeypatch.setattr(getattr(torch, kind), "_is_in_bad_fork", lambda: True)
    with pytest.raises(ForkError, match="spawn"):
        check_fork(torch.device(kind))
