"""The whole engine on a CUDA device: on fake tensors everywhere, and on a real one where there is one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sentiscore.engine.classifier import Classifier
from sentiscore.engine.encoded import Encoded, Segments
from sentiscore.engine.huggingface import HuggingFaceEngine
from sentiscore.engine.networks import Engine
from tests.effort import combined
from tests.unit.engine.fake_cuda import CUDA, fake_cuda
from tests.unit.engine.reference import Rows, engine_of, model_of, one_at_a_time, probabilities, rows_of

LENGTHS = [1, 2, 3, 7, 7, 40, 128, 512, 600, 5, 5, 9]
OWN = ["GPTNeoX", "Bert", "Roberta", "DistilBert"]


def encoded(rows: Rows, *, mentions: bool = False) -> Encoded:
    """The rows; with mentions, the last token of each is one."""
    lengths = np.array([row.size for row in rows], dtype=np.int64)
    last = np.isin(np.arange(lengths.sum()), np.cumsum(lengths) - 1)
    segments = Segments(types=last.astype(np.int32), of_mention=last) if mentions else None
    return Encoded(np.concatenate(rows), lengths, np.zeros(len(rows), dtype=np.bool_), segments)


def classifier_of(engine: Engine, device: torch.device, dtype: torch.dtype = torch.float32) -> Classifier:
    return Classifier(None, engine, n_labels=3, device=device, dtype=dtype)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("family", "dtype", "budget"), combined(list(OWN), [torch.float32, torch.bfloat16], [1, 100, 65_536])
)
def test_nothing_of_our_own_engines_is_left_on_the_cpu(family: str, dtype: torch.dtype, budget: int) -> None:
    model = model_of(family)
    with fake_cuda():
        classifier = classifier_of(engine_of(model, device=CUDA, dtype=dtype), CUDA, dtype)
        classifier._token_budget = budget
        assert classifier.run(encoded(rows_of(LENGTHS))).shape == (len(LENGTHS), 3)


@pytest.mark.parametrize(("family", "changes"), [("Llama", {"pad_token_id": 1}), ("Electra", {})])
def test_nothing_of_hugging_faces_engines_is_left_on_the_cpu(family: str, changes: dict[str, Any]) -> None:
    model = model_of(family, **changes)
    with fake_cuda():
        classifier = classifier_of(HuggingFaceEngine(model, CUDA), CUDA)
        assert classifier.run(encoded(rows_of(LENGTHS))).shape == (len(LENGTHS), 3)


@pytest.mark.parametrize("family", ["Bert", "Electra", "GPTNeoX"])
def test_no_token_type_is_left_on_the_cpu(family: str) -> None:
    model = model_of(family)
    with fake_cuda():
        engine = HuggingFaceEngine(model, CUDA, types={}) if family == "Electra" else engine_of(model, device=CUDA)
        classifier = Classifier(None, engine, n_labels=3, device=CUDA, dtype=torch.float32, typed=True)  # type: ignore[arg-type]
        assert classifier.run(encoded(rows_of(LENGTHS), mentions=True)).shape == (len(LENGTHS), 3)


@pytest.mark.parametrize("left", ["_cos", "_embedding"])
def test_what_is_left_on_the_cpu_is_found(left: str) -> None:
    model = model_of("GPTNeoX")
    with fake_cuda():
        engine = engine_of(model, device=CUDA)
        setattr(engine, left, getattr(engine, left).to("cpu"))
        with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
            classifier_of(engine, CUDA).run(encoded(rows_of(LENGTHS)))


def test_results_are_fetched_once_a_window() -> None:
    fetched = []

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            named = kwargs or {}
            if func is torch.ops.aten._to_copy.default and str(named.get("device")) == "cpu":
                fetched.append(args[0].device.type)
            assert func is not torch.ops.aten._local_scalar_dense.default, "a number was read from the device"
            return func(*args, **named)

    model = model_of("GPTNeoX")
    with fake_cuda():
        classifier = classifier_of(engine_of(model, device=CUDA), CUDA)
        classifier._token_budget = 64
        with Watch():  # type: ignore[no-untyped-call]
            classifier.run(encoded(rows_of(LENGTHS)))
    assert fetched == ["cuda"]


class Cramped:
    """An engine on a device with room for a few tokens."""

    pad_id = 0
    width = 32
    vocabulary = 10**6
    token_types = 2

    def __init__(self, engine: Engine, room: int) -> None:
        self._engine, self._room = engine, room
        self.sizes: list[int] = []

    def open_window(self, distinct: torch.Tensor) -> Any:
        return self._engine.open_window(distinct)

    def logits(
        self, window: Any, ids: torch.Tensor, ends: torch.Tensor | None, types: torch.Tensor | None = None
    ) -> torch.Tensor:
        self.sizes.append(ids.numel())
        if ids.numel() > self._room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self._engine.logits(window, ids, ends, types)


def cramped(family: str, room: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Classifier, Cramped]:
    engine = Cramped(engine_of(model_of(family)), room)
    classifier = classifier_of(engine, torch.device("cpu"))
    monkeypatch.setattr(classifier, "_on_cores", classifier._in_turn)  # as on a GPU
    classifier._token_budget = classifier._padding = 4096
    return classifier, engine


@pytest.mark.parametrize("family", ["GPTNeoX", "Bert"])
def test_a_batch_that_is_too_large_is_halved_until_it_fits(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of([9, 3, 9, 8, 30, 1, 9, 7])
    classifier, engine = cramped(family, 40, monkeypatch)
    done: list[int] = []
    found = probabilities(torch.from_numpy(classifier.run(encoded(rows), done.append)))
    np.testing.assert_allclose(found, one_at_a_time(model_of(family), rows), atol=1e-5)
    assert sum(done) == len(rows)
    assert max(engine.sizes) > 40
    engine.sizes.clear()
    classifier.run(encoded(rows))
    assert max(engine.sizes) <= 40, "the next window begins with what fitted"


def test_a_text_that_never_fits_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from sentiscore.errors import InputError

    classifier, _ = cramped("GPTNeoX", 40, monkeypatch)
    with pytest.raises(InputError, match="too little free memory for a text of 50 tokens"):
        classifier.run(encoded(rows_of([50, 3])))


@pytest.mark.gpu
@pytest.mark.parametrize("family", OWN)
def test_a_real_gpu_equals_hugging_face_one_text_at_a_time(family: str) -> None:
    device = torch.device("cuda")
    rows, model = rows_of(LENGTHS), model_of(family, spread=0.15)
    expected = one_at_a_time(model, rows)
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.bfloat16, 0.03)):
        classifier = classifier_of(engine_of(model, device=device, dtype=dtype), device, dtype)
        found = probabilities(torch.from_numpy(classifier.run(encoded(rows))))
        np.testing.assert_allclose(found, expected, atol=tolerance)


@pytest.mark.gpu
def test_the_bench_runs_on_a_real_gpu(tiny_checkpoint: Path, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from tests.benches.scoring import main

    chosen = ["--only", "hf-fp32-b1", "--only", "hf-fp32-b32", "--only", "sentiscore-fp32", "--only", "sentiscore-bf16"]
    options = ["--model", str(tiny_checkpoint), "--device", "cuda", "--rows", "50", "--repeats", "1", *chosen]
    done = CliRunner().invoke(main, options)
    assert done.exit_code == 0, done.output
    assert "sentiscore bf16" in done.output
