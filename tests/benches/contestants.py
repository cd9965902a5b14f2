"""Who takes part: each way to score texts as a small class that a process of its own loads and runs.

Nothing heavy is imported at the top, so that a process loads what its contestant needs and no more.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tests.benches.batches import by_length, of_equal_length

Probabilities: TypeAlias = npt.NDArray[np.float64]

BATCH: Final = 32


class SkipError(Exception):
    """A contestant cannot take part here; the message says why."""


@dataclass(frozen=True)
class Task:
    """What a contestant is given.

    Attributes:
        folder: The model as a plain Hugging Face classifier.
        scorer_model: The model as `Scorer.from_pretrained` takes it.
        work: A folder for what is made from the model once.
        labels: Label names in the order of the model's ids.
        device: "cpu", "cuda" or "cuda:N".
        threads: Threads to compute with, for those that do not read OMP_NUM_THREADS.
    """

    folder: Path
    scorer_model: str
    work: Path
    labels: tuple[str, ...]
    device: str
    threads: int


class Contestant(ABC):
    """Texts in, probabilities out.

    Args:
        task: Model, device and threads.

    Attributes:
        tokens: Tokens computed so far, padding included; None where that cannot be seen from outside.
    """

    tokens: int | None = 0

    def __init__(self, task: Task) -> None:
        self.task = task

    def prepare(self) -> None:  # noqa: B027 - most have nothing to do
        """Do what has to be done once for a model, such as an export; it is not timed with the rest."""

    @abstractmethod
    def load(self) -> None:
        """Load the model."""

    @abstractmethod
    def score(self, texts: Sequence[str]) -> Any:
        """Score texts; what comes back is whatever the library gives its user."""

    @abstractmethod
    def probabilities(self, result: Any) -> Probabilities:
        """What `score` gave as an array of shape (texts, labels); not timed."""

    def _count(self, tokens: int) -> None:
        self.tokens = (self.tokens or 0) + tokens

    def _count_inputs(self, network: Any) -> None:
        """Count the tokens that go into a torch network from now on."""

        def hook(module: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
            inputs = args[0] if args else named
            self._count(inputs["input_ids"].numel())

        network.register_forward_pre_hook(hook, with_kwargs=True)


class Pipeline(Contestant):
    """Hugging Face's `pipeline`, as it is written in a notebook.

    Args:
        task: Model, device and threads.
        dtype: "float32" or "bfloat16".
        batch_size: Rows of a batch.
    """

    def __init__(self, task: Task, *, dtype: str, batch_size: int) -> None:
        super().__init__(task)
        self._dtype = dtype
        self._batch_size = batch_size

    def load(self) -> None:
        from transformers import pipeline

        self._pipeline = pipeline(
            "text-classification", model=str(self.task.folder), dtype=self._dtype, device=self.task.device
        )
        self._count_inputs(self._pipeline.model)

    def score(self, texts: Sequence[str]) -> Any:
        return self._pipeline(list(texts), batch_size=self._batch_size, truncation=True, top_k=None)

    def probabilities(self, result: Any) -> Probabilities:
        rows = [{score["label"]: score["score"] for score in row} for row in result]
        return np.array([[row[label] for label in self.task.labels] for row in rows], dtype=np.float64)


class CrossEncoderPeer(Contestant):
    """sentence-transformers' `CrossEncoder.predict` with its own batches of 32, sorted by length.

    It is made for pairs and takes a list of texts for one pair. Its method that tells one from the other is
    replaced here; everything after that treats single texts as it should.
    """

    def load(self) -> None:
        import torch
        from sentence_transformers import CrossEncoder

        self._encoder = CrossEncoder(
            str(self.task.folder),
            device=self.task.device,
            model_kwargs={"dtype": torch.float32},
            local_files_only=True,
        )
        self._encoder.is_singular_input = lambda inputs: isinstance(inputs, str)
        self._count_inputs(self._encoder[0])

    def score(self, texts: Sequence[str]) -> Any:
        return self._encoder.predict(list(texts), apply_softmax=True)

    def probabilities(self, result: Any) -> Probabilities:
        return np.asarray(result, dtype=np.float64)


class _OwnBatches(Contestant):
    """A runtime for exported networks: tokenising and batches are written by hand around it."""

    def _open_tokenizer(self) -> None:
        from tokenizers import Tokenizer
        from transformers import AutoTokenizer

        self._tokenizer = Tokenizer.from_file(str(self.task.folder / "tokenizer.json"))
        longest = AutoTokenizer.from_pretrained(self.task.folder, local_files_only=True).model_max_length
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(longest)

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]

    def _run(
        self,
        ids: Sequence[Sequence[int]],
        batches: Sequence[Sequence[int]],
        compute: Callable[[list[Sequence[int]]], npt.NDArray[np.float32]],
    ) -> Probabilities:
        logits = np.empty((len(ids), len(self.task.labels)), dtype=np.float64)
        for batch in batches:
            logits[batch] = compute([ids[row] for row in batch])
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        result: Probabilities = exponents / exponents.sum(axis=1, keepdims=True)
        return result

    def probabilities(self, result: Any) -> Probabilities:
        return np.asarray(result, dtype=np.float64)


class OnnxRuntime(_OwnBatches):
    """ONNX Runtime in fp32 on a graph from `torch.onnx`, batches of 32 sorted by length and padded."""

    def prepare(self) -> None:
        import torch
        from torch.export import Dim

        from tests.benches.export import masked_network

        network, pad = masked_network(self.task.folder)
        ids = torch.full((2, 9), 5, dtype=torch.int64)
        mask = torch.ones_like(ids)
        ids[1, 6:], mask[1, 6:] = pad, 0
        dims = {0: Dim("rows", min=1, max=4096), 1: Dim("tokens", min=2, max=512)}
        torch.onnx.export(
            network,
            (ids, mask),
            self._path,
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamo=True,
            dynamic_shapes={"input_ids": dims, "attention_mask": dims},
            verbose=False,
        )

    def load(self) -> None:
        import json

        import onnxruntime

        provider = "CUDAExecutionProvider" if self.task.device.startswith("cuda") else "CPUExecutionProvider"
        if provider not in onnxruntime.get_available_providers():
            raise SkipError(f"this onnxruntime has no {provider}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.task.threads
        self._session = onnxruntime.InferenceSession(self._path, options, providers=[provider])
        config = json.loads((self.task.folder / "config.json").read_text(encoding="utf-8"))
        self._pad = int(config["pad_token_id"])
        self._open_tokenizer()

    def score(self, texts: Sequence[str]) -> Any:
        ids = self._encode(texts)
        return self._run(ids, by_length([len(row) for row in ids], BATCH), self._logits)

    def _logits(self, rows: list[Sequence[int]]) -> npt.NDArray[np.float32]:
        width = max(map(len, rows))
        ids = np.full((len(rows), width), self._pad, dtype=np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)], mask[i, : len(row)] = row, 1
        self._count(ids.size)
        result: npt.NDArray[np.float32] = self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return result

    @property
    def _path(self) -> str:
        return str(self.task.work / "model.onnx")


class OpenVino(_OwnBatches):
    """OpenVINO with bf16 arithmetic, batches of equal length: no padding and no mask."""

    def prepare(self) -> None:
        import openvino
        import torch

        from tests.benches.export import maskless_network

        if self.task.device != "cpu":
            raise SkipError("OpenVINO does not run on this device")
        converted = openvino.convert_model(
            maskless_network(self.task.folder),
            example_input=(torch.full((2, 9), 5, dtype=torch.int64),),
            input=[openvino.PartialShape([-1, -1])],
        )
        openvino.save_model(converted, self._path, compress_to_fp16=False)

    def load(self) -> None:
        import openvino

        compiled = openvino.Core().compile_model(
            self._path, "CPU", {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": self.task.threads}
        )
        precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        if precision != "bf16":
            raise SkipError(f"OpenVINO computes in {precision} on this processor")
        self._request = compiled.create_infer_request()
        self._open_tokenizer()

    def score(self, texts: Sequence[str]) -> Any:
        ids = self._encode(texts)
        return self._run(ids, of_equal_length([len(row) for row in ids], BATCH), self._logits)

    def _logits(self, rows: list[Sequence[int]]) -> npt.NDArray[np.float32]:
        ids = np.array(rows, dtype=np.int64)
        self._count(ids.size)
        result: npt.NDArray[np.float32] = self._request.infer({0: ids})[0]
        return result

    @property
    def _path(self) -> str:
        return str(self.task.work / "openvino.xml")


class Sentiscore(Contestant):
    """sentiscore's own `Scorer.score`, from a list of texts to a validated frame.

    Args:
        task: Model, device and threads.
        dtype: As `Scorer.from_pretrained` takes it.
    """

    def __init__(self, task: Task, *, dtype: str) -> None:
        super().__init__(task)
        self._dtype = dtype

    def load(self) -> None:
        from sentiscore import Scorer

        self._scorer = Scorer.from_pretrained(self.task.scorer_model, device=self.task.device, dtype=self._dtype)
        engine: Any = self._scorer._classifier._engine
        compute, lock = engine.logits, Lock()

        def counted(window: Any, ids: Any, ends: Any) -> Any:
            with lock:  # batches are computed by several threads
                self._count(ids.numel())
            return compute(window, ids, ends)

        engine.logits = counted

    def score(self, texts: Sequence[str]) -> Any:
        return self._scorer.score(texts)

    def probabilities(self, result: Any) -> Probabilities:
        columns = result.select([f"p_{label}" for label in self.task.labels])
        return np.asarray(columns.to_numpy(), dtype=np.float64)


@dataclass(frozen=True)
class Entry:
    """A contestant in the list.

    Attributes:
        title: What the report calls it.
        number: The number type of its matrix products.
        make: Makes it.
        ours: Is it sentiscore?
    """

    title: str
    number: str
    make: Callable[[Task], Contestant]
    ours: bool = False


ENTRIES: Final[dict[str, Entry]] = {
    "hf-fp32-b1": Entry("HF pipeline fp32, batch 1", "fp32", partial(Pipeline, dtype="float32", batch_size=1)),
    "hf-fp32-b32": Entry("HF pipeline fp32, batch 32", "fp32", partial(Pipeline, dtype="float32", batch_size=BATCH)),
    "hf-bf16-b32": Entry("HF pipeline bf16, batch 32", "bf16", partial(Pipeline, dtype="bfloat16", batch_size=BATCH)),
    "cross-encoder": Entry("CrossEncoder fp32", "fp32", CrossEncoderPeer),
    "onnxruntime": Entry("ONNX Runtime fp32, sorted", "fp32", OnnxRuntime),
    "openvino": Entry("OpenVINO bf16, equal lengths", "bf16", OpenVino),
    "sentiscore-fp32": Entry("sentiscore fp32", "fp32", partial(Sentiscore, dtype="fp32"), ours=True),
    "sentiscore-bf16": Entry("sentiscore bf16", "bf16", partial(Sentiscore, dtype="bf16"), ours=True),
}
EXACT: Final = "hf-fp32-b1"
"""Everyone's answers are held against this one's, which never sees padding."""
REFERENCE: Final = "hf-fp32-b32"
"""Everyone's speed is held against this one's."""
