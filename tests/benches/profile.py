"""Where the time of the forward pass goes, operation by operation, on one core.

python -m tests.benches.profile MODEL
"""

from typing import Final

import click
import torch
from torch.profiler import ProfilerActivity, profile

from sentiscore.checkpoint import load_checkpoint
from sentiscore.engine.classifier import Classifier
from sentiscore.engine.device import DTYPES
from tests.benches import texts

_CPU: Final = torch.device("cpu")
_SHOWN: Final = 12


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("model")
@click.option("--dtype", type=click.Choice(list(DTYPES)), default="bf16", help="Numbers to compute with.")
@click.option("--rows", default=400, type=click.IntRange(min=2), help="The most rows of the first set of texts.")
def main(model: str, dtype: str, rows: int) -> None:
    """Print the share of each of torch's operations. MODEL is default or a folder."""
    torch.set_num_threads(1)
    classifier = Classifier.load(load_checkpoint(model), device=_CPU, dtype=DTYPES[dtype])
    chosen = texts.text_sets(rows, texts.shared_data())[0]
    encoded = classifier.encoder.encode(chosen.texts)
    classifier._on_cores = classifier._in_turn  # type: ignore[method-assign]  # in this thread, which is watched

    classifier.run(encoded)
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        classifier.run(encoded)
    found = sorted(watched.key_averages(), key=lambda each: -each.self_cpu_time_total)
    total = sum(each.self_cpu_time_total for each in found)
    click.echo(f"{model}, {dtype}, {chosen.name}, {len(chosen.texts)} rows: {total / 1e3:.0f} ms")
    for each in found[:_SHOWN]:
        click.echo(f"{each.self_cpu_time_total / total:6.1%}  {each.key}")


if __name__ == "__main__":
    main()
