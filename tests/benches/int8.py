"""What 8-bit matrix products would gain, and what they would cost in accuracy: the experiment behind the docs.

python -m tests.benches.int8 MODEL

Every linear layer gets 8-bit weights with a scale for each output, and 8-bit inputs with a scale for each token; the
inputs that follow a GELU or a ReLU never fall far below zero, and use all 256 steps from there upwards. Speed is
measured in rounds that take turns with bf16. Answers are held against fp32, also with the weights alone or the inputs
alone rounded, and with the two layers of the MLP alone.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from unittest.mock import patch

import click
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sentiscore.checkpoint import load_checkpoint
from sentiscore.checkpoint.config import read_config
from sentiscore.engine import bert, gpt_neox
from sentiscore.engine.classifier import Classifier
from sentiscore.engine.layers import SMALL, Linear
from sentiscore.engine.networks import own_engine
from sentiscore.scoring.probabilities import probabilities
from tests.benches import machine, texts

_STEPS: Final = 127
_LOWEST_GELU: Final = 0.17
"""No GELU is below minus this."""
_CPU: Final = torch.device("cpu")


@dataclass(frozen=True)
class Rounding:
    """What is rounded to 8 bits.

    Attributes:
        weights: Are weights?
        inputs: Are inputs?
        mlp_alone: Only in the MLP's two layers?
        wide: Numbers between these two.
        real: Are products computed with 8-bit numbers, or with rounded ones in the engine's own type?
    """

    weights: bool = True
    inputs: bool = True
    mlp_alone: bool = False
    wide: int = 0
    real: bool = False

    def linear(self, weight: Tensor, bias: Tensor | None, **where: Any) -> Callable[[Tensor], Tensor]:
        """A linear layer so rounded, in the place of the engine's own."""
        if min(weight.shape) < SMALL or (self.mlp_alone and self.wide not in weight.shape):
            return Linear(weight, bias, **where)
        after_activation = weight.shape[1] == self.wide
        if self.real:
            return _Int8(weight, bias, after_activation)
        return _Rounded(weight, bias, self, after_activation, **where)


def _quantised_weight(weight: Tensor) -> tuple[Tensor, Tensor]:
    """8-bit weights, and the scale of each output, shape (outputs,)."""
    scale = weight.abs().amax(dim=1).clamp(min=1e-12) / _STEPS
    return (weight / scale[:, None]).round().clamp(-_STEPS, _STEPS).to(torch.int8), scale


def _quantised_input(x: Tensor, lowest: float | None) -> tuple[Tensor, Tensor]:
    """Numbers from 0 to 255 and the scale of each row; 128 stands for 0, or 0 for the lowest number there may be."""
    x = x.float()
    if lowest is None:
        scale = x.abs().amax(dim=1, keepdim=True).clamp_(min=1e-12) / _STEPS
        return x.div_(scale).round_().clamp_(-_STEPS, _STEPS).add_(128).to(torch.uint8), scale
    x = x.add_(lowest).clamp_(min=0)
    scale = x.amax(dim=1, keepdim=True).clamp_(min=1e-12) / 255
    return x.div_(scale).round_().clamp_(max=255).to(torch.uint8), scale


class _Int8:
    """A product of 8-bit numbers by oneDNN, scaled back after it."""

    def __init__(self, weight: Tensor, bias: Tensor | None, after_activation: bool) -> None:
        quantised, self._scale = _quantised_weight(weight)
        self._lowest = _LOWEST_GELU if after_activation else None
        self._zero = 0 if after_activation else 128
        self._packed = torch.ops.onednn.qlinear_prepack(quantised, [512, weight.shape[1]])
        self._points = torch.zeros(len(weight), dtype=torch.int32)
        bias = torch.zeros(len(weight)) if bias is None else bias
        if after_activation:
            bias = bias - _LOWEST_GELU * (quantised.float() * self._scale[:, None]).sum(dim=1)
        self._bias = bias.to(torch.bfloat16)

    def __call__(self, x: Tensor) -> Tensor:
        numbers, scales = _quantised_input(x, self._lowest)
        weight = self._packed, self._scale, self._points
        product = torch.ops.onednn.qlinear_pointwise(
            numbers, 1.0, self._zero, *weight, None, 1.0, 0, torch.bfloat16, "none", [], ""
        )
        return torch.addcmul(self._bias, product, scales.to(torch.bfloat16))


class _Rounded:
    """The engine's own product of rounded numbers."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None, rounding: Rounding, after_activation: bool, **where: Any
    ) -> None:
        if rounding.weights:
            quantised, scale = _quantised_weight(weight)
            weight = quantised.float() * scale[:, None]
        self._linear = Linear(weight, bias, **where)
        self._inputs = rounding.inputs
        self._lowest = _LOWEST_GELU if after_activation else None

    def __call__(self, x: Tensor) -> Tensor:
        if self._inputs:
            numbers, scale = _quantised_input(x.clone(), self._lowest)
            shift = 128 * scale if self._lowest is None else self._lowest
            x = (numbers * scale - shift).to(x.dtype)
        return self._linear(x)


@contextmanager
def _layers(rounding: Rounding) -> Iterator[None]:
    with patch.object(bert, "Linear", rounding.linear), patch.object(gpt_neox, "Linear", rounding.linear):
        yield


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("model")
@click.option("--rows", default=872, type=click.IntRange(min=2), help="The most rows of the first set of texts.")
@click.option("--repeats", default=7, type=click.IntRange(min=1), help="Rounds; the best one counts.")
def main(model: str, rows: int, repeats: int) -> None:
    """Compare 8-bit products with bf16: speed, and how far probabilities are from fp32.

    MODEL is default or a folder.
    """
    checkpoint = load_checkpoint(model)
    config = read_config(checkpoint.folder)
    if own_engine(config) is None or "intermediate_size" not in config:
        raise click.UsageError(f"{model} is not of a kind whose layers can be replaced here.")
    chosen = texts.text_sets(rows, texts.shared_data())[0]

    def load(dtype: torch.dtype, rounding: Rounding | None = None) -> Classifier:
        if rounding is None:
            return Classifier.load(checkpoint, device=_CPU, dtype=dtype)
        with _layers(rounding):
            return Classifier.load(checkpoint, device=_CPU, dtype=dtype)

    both = Rounding(wide=int(config["intermediate_size"]))
    classifiers = {
        "fp32": load(torch.float32),
        "bf16": load(torch.bfloat16),
        "int8": load(torch.bfloat16, replace(both, real=True)),
        "int8, MLP alone": load(torch.bfloat16, replace(both, real=True, mlp_alone=True)),
        "weights rounded, computed in fp32": load(torch.float32, replace(both, inputs=False)),
        "inputs rounded, computed in fp32": load(torch.float32, replace(both, weights=False)),
    }
    encoded = classifiers["fp32"].encoder.encode(chosen.texts)
    answers = {name: _probabilities(each.run(encoded), checkpoint.temperature) for name, each in classifiers.items()}
    timed = ["bf16", "int8", "int8, MLP alone"]
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for turn in range(repeats):
        for name in timed[:: -1 if turn % 2 else 1]:
            seconds[name].append(_seconds(lambda each=classifiers[name]: each.run(encoded)))  # type: ignore[misc]
    exact = answers["fp32"]
    click.echo(f"{json.dumps(machine.hardware())}, {checkpoint.name}: {chosen.name}, {len(chosen.texts)} rows")
    for name, found in answers.items():
        far = np.abs(found - exact)
        flips = int((found.argmax(1) != exact.argmax(1)).sum())
        speed = f"{min(seconds['bf16']) / min(seconds[name]):.2f} times bf16" if name in seconds else ""
        click.echo(f"{name:36s} max |dp| {far.max():.4f}  mean {far.mean():.5f}  labels differ {flips:2d}  {speed}")


def _probabilities(logits: npt.NDArray[np.float32], temperature: float | None) -> npt.NDArray[np.float64]:
    return probabilities(logits, temperature or 1.0)


if __name__ == "__main__":
    main()
