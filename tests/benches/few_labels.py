"""How good is a model that is trained on few labels? Beside TF-IDF, and beside fine-tuning by hand.

python -m tests.benches.few_labels train.csv --test-file test.csv --base FOLDER --size 200 --size 400

For each size, so many rows are drawn from the first file: four in five are trained on, the others choose the best state
and the temperature. Every contestant is measured on all rows of the test file:

- tfidf: TF-IDF and logistic regression, fitted on all rows that were drawn;
- hand: full fine-tuning of the base as a plain loop with transformers and torch: AdamW, 5e-5, warm-up of a tenth, 10
  epochs of 16 rows, its last state;
- before: `sentiscore.train` with what used to be its settings for any number of rows: 2 epochs of 32 rows at 5e-5;
- base: `sentiscore.train` on the base, with the settings that it chooses by the number of rows;
- default: the same on the default model.
"""

import tempfile
import time
import warnings
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import polars as pl
import torch

from sentiscore import LabelledData, Recipe, evaluate, read_labelled, train
from sentiscore.engine.huggingface import quiet_transformers
from sentiscore.evaluation.baseline import fit_baseline
from sentiscore.evaluation.metrics import point_metrics
from sentiscore.scoring.probabilities import probabilities
from tests.benches import machine

if TYPE_CHECKING:
    from collections.abc import Callable

SHARE_TO_VALIDATE: Final = 0.2
SHOWN: Final = ("accuracy", "macro_f1", "log_loss")
Metrics = dict[str, float]


def tfidf(train_data: LabelledData, eval_data: LabelledData, test_data: LabelledData) -> Metrics:
    """Word counts and a linear classifier."""
    both = LabelledData("all", [*train_data.texts, *eval_data.texts], [*train_data.label_names, *eval_data.label_names])
    classes = test_data.classes
    return point_metrics(test_data.ids(classes), fit_baseline(both, classes)(test_data.texts))


def hand(
    train_data: LabelledData, eval_data: LabelledData, test_data: LabelledData, *, base: str, max_length: int
) -> Metrics:
    """Full fine-tuning, written out."""
    transformers = quiet_transformers()
    transformers.set_seed(0)
    classes = train_data.classes
    tokenizer = transformers.AutoTokenizer.from_pretrained(base, local_files_only=True)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(classes))
    labels, epochs, size = torch.tensor(train_data.ids(classes)), 10, 16
    steps = epochs * -(-len(labels) // size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.01)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, steps // 10, steps)

    def logits(texts: list[str]) -> Any:
        return model(
            **tokenizer(texts, truncation=True, max_length=max_length, padding=True, return_tensors="pt")
        ).logits

    model.train()
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(labels)), size):
            loss = torch.nn.functional.cross_entropy(logits([train_data.texts[i] for i in rows]), labels[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    model.eval()
    order = sorted(range(len(test_data.texts)), key=lambda i: len(test_data.texts[i]))
    with torch.inference_mode():
        found = [logits([test_data.texts[i] for i in order[at : at + 64]]) for at in range(0, len(order), 64)]
    return point_metrics(test_data.ids(classes)[order], probabilities(torch.cat(found).numpy()))


def trained(train_data: LabelledData, eval_data: LabelledData, test_data: LabelledData, *, recipe: Recipe) -> Metrics:
    """`sentiscore.train`."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "run"
        train(recipe, output=output, train_data=[train_data], eval_data=[eval_data], device="cpu")
        return evaluate(test_data, model=output, resamples=10).figures[0].values


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("rows", type=click.Path(path_type=Path))
@click.option("--test-file", type=click.Path(path_type=Path), required=True, help="Rows to measure on.")
@click.option("--base", required=True, help="Folder of a pre-trained model.")
@click.option("--text-col", default="text", help="The column of texts.")
@click.option("--label-col", default="label", help="The column of labels.")
@click.option("--size", "sizes", multiple=True, type=int, default=(200, 400, 1_000, 4_000), help="Labels.")
@click.option("--only", multiple=True, help="Contestants.  [default: all]")
@click.option("--max-length", default=64, help="Tokens of a text that are read.")
@click.option("--seed", default=0, help="Seed of the draw.")
def main(
    rows: Path,
    test_file: Path,
    base: str,
    text_col: str,
    label_col: str,
    sizes: tuple[int, ...],
    only: tuple[str, ...],
    max_length: int,
    seed: int,
) -> None:
    """Train on few labels in several ways, and measure each on held-out rows."""
    warnings.filterwarnings("ignore", message="The model is no better")
    every = read_labelled(rows, text_col=text_col, label_col=label_col)
    test_data = read_labelled(test_file, text_col=text_col, label_col=label_col)
    by_rows = Recipe(base=base, max_length=max_length)
    before = by_rows.with_changes(
        {
            "epochs": 2,
            "batch_size": 32,
            "learning_rate": 5e-5,
            "warmup": 0.06,
            "evals_per_epoch": 4,
            "head_first": False,
        }
    )
    contestants: dict[str, Callable[..., Metrics]] = {
        "tfidf": tfidf,
        "hand": partial(hand, base=base, max_length=max_length),
        "before": partial(trained, recipe=before),
        "base": partial(trained, recipe=by_rows),
        "default": partial(trained, recipe=by_rows.with_changes({"base": "default"})),
    }
    click.echo(f"{datetime.now(UTC):%Y-%m-%d} {machine.hardware()} {machine.versions()} load {machine.load()}")
    click.echo(f"{rows.name}: {len(every.texts):,} rows, {test_file.name}: {len(test_data.texts):,} rows")
    for size in sizes:
        picked = pl.Series(range(len(every.texts))).sample(size, shuffle=True, seed=seed).to_list()
        n_train = round(size * (1 - SHARE_TO_VALIDATE))
        parts = [
            LabelledData(name, [every.texts[i] for i in part], [every.label_names[i] for i in part])
            for name, part in (("train", picked[:n_train]), ("validation", picked[n_train:]))
        ]
        for name, contestant in contestants.items():
            if only and name not in only:
                continue
            start = time.perf_counter()
            figures = contestant(*parts, test_data)
            shown = "  ".join(f"{figure} {figures[figure]:.4f}" for figure in SHOWN)
            click.echo(f"{size:>6,} labels  {name:<8} {shown}  {time.perf_counter() - start:,.0f} s")


if __name__ == "__main__":
    main()
