"""Does a model score the same before and after its adapters are merged into it?

python -m tests.benches.merging FOLDER_OF_BASE --train-file train.tsv --eval-file validation.tsv

Trains a few steps in fp32, and compares the probabilities of validation rows by the network as it was trained with
those by the checkpoint as it was saved.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.table import Table

from sentiscore import Recipe, read_labelled, train
from sentiscore.checkpoint import load_checkpoint
from sentiscore.engine.classifier import Classifier
from sentiscore.engine.huggingface import quiet_transformers
from sentiscore.evaluation.metrics import point_metrics
from sentiscore.scoring.probabilities import probabilities
from sentiscore.tables.labelled import LabelledData
from sentiscore.training import adapters
from tests.benches import machine


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("base")
@click.option("--train-file", type=click.Path(path_type=Path), required=True, help="Rows to learn from.")
@click.option("--eval-file", type=click.Path(path_type=Path), required=True, help="Rows to compare on.")
@click.option("--method", multiple=True, default=("lora", "qlora"), help="lora, qlora.")
@click.option("--adapters", "exports", multiple=True, default=("merge", "keep"), help="merge, keep.")
@click.option("--steps", default=10, type=click.IntRange(min=2), help="Steps of a run.")
@click.option("--batch-size", default=8, help="Rows of a step.")
@click.option("--eval-rows", default=64, help="Rows to compare on.")
@click.option("--learning-rate", default=1e-4, help="Peak learning rate.")
def main(
    base: str,
    train_file: Path,
    eval_file: Path,
    method: tuple[str, ...],
    exports: tuple[str, ...],
    steps: int,
    batch_size: int,
    eval_rows: int,
    learning_rate: float,
) -> None:
    """Compare a model before and after it is saved, for LoRA and QLoRA, merged and kept apart."""
    train_data = _first(read_labelled(train_file), steps * batch_size)
    eval_data = _first(read_labelled(eval_file), eval_rows)
    table = Table(title=f"{Path(base).name}, {steps} steps of {batch_size} rows, fp32", title_justify="left")
    for name in ("method", "adapters", "loss untrained", "trained", "largest difference once saved"):
        table.add_column(name)
    for name, export in product(method, exports):
        recipe = Recipe(
            base=base,
            method=name,
            adapters=export,
            epochs=1.0,
            batch_size=batch_size,
            learning_rate=learning_rate,
            precision="fp32",
            evals_per_epoch=2,
        )
        with tempfile.TemporaryDirectory() as folder:
            looked = look(recipe, train_data, eval_data, Path(folder) / "run")
        losses = [f"{loss:.4f}" for loss in looked.losses]
        table.add_row(name, export, *losses, f"{np.abs(looked.before - looked.after).max():.1e}")
    console = Console(highlight=False, width=100)
    console.print(f"{machine.hardware()}, {datetime.now(UTC).date()}")
    console.print(table)


def _first(data: LabelledData, rows: int) -> LabelledData:
    return replace(data, texts=data.texts[:rows], label_names=data.label_names[:rows])


@dataclass(frozen=True)
class Looked:
    """What a network was seen to answer.

    Attributes:
        losses: Log loss of the training rows, untrained and trained.
        before: Probabilities of the validation rows by the network as it was trained, shape (rows, classes).
        after: The same by the checkpoint as it was saved, without its temperature.
    """

    losses: tuple[float, float]
    before: npt.NDArray[np.float64]
    after: npt.NDArray[np.float64]


def look(
    recipe: Recipe, train_data: LabelledData, eval_data: LabelledData, output: Path, device: str = "cpu"
) -> Looked:
    """Train, save, and look at what the network answers meanwhile."""
    untrained, trained, validation = [], [], []
    choose_weights, export = adapters.choose_weights, adapters.export
    base = Path(recipe.base)

    def look_at_first(*rest: Any) -> Any:
        model = choose_weights(*rest)
        untrained.append(logits_one_by_one(model, base, train_data.texts))
        return model

    def look_at_last(model: Any, *rest: Any) -> Any:
        trained.append(logits_one_by_one(model, base, train_data.texts))
        validation.append(logits_one_by_one(model, base, eval_data.texts))
        return export(model, *rest)

    with patch.multiple(adapters, choose_weights=look_at_first, export=look_at_last):
        result = train(recipe, output=output, train_data=[train_data], eval_data=[eval_data], device=device)
    saved = Classifier.load(load_checkpoint(result.folder), device=torch.device("cpu"), dtype=torch.float32)
    labels = train_data.ids(result.manifest.labels)
    first, last = (point_metrics(labels, probabilities(logits[0]))["log_loss"] for logits in (untrained, trained))
    return Looked(
        losses=(first, last),
        before=probabilities(validation[0]),
        after=probabilities(saved.run(saved.encoder.encode(eval_data.texts))),
    )


@torch.no_grad()
def logits_one_by_one(model: Any, base: Path, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """What a network of transformers or peft answers, a text at a time, so that nothing is padding."""
    model.eval()  # the trainer sets it back
    tokenizer = quiet_transformers().AutoTokenizer.from_pretrained(base)
    ids = (torch.tensor([tokenizer(text, split_special_tokens=True)["input_ids"]]) for text in texts)
    return np.concatenate([model(input_ids=row.to(model.device)).logits.float().cpu().numpy() for row in ids])


if __name__ == "__main__":
    main()
