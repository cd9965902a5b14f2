"""Average the weights of models that were trained in the same way from one start, and interpolate back towards it.

python pipelines/default_model/average.py MODEL... OUTPUT [--back-to START --share SHARE]

The result is a base to train further. Mean: Wortsman and others, "Model soups: averaging weights of multiple fine-tuned
models improves accuracy without increasing inference time", ICML 2022 (arXiv 2203.05482). Interpolation: Wortsman and
others, "Robust fine-tuning of zero-shot models", CVPR 2022 (arXiv 2109.01903).
"""

import argparse
import shutil
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save_file

WEIGHTS: Final = "model.safetensors"
BESIDE: Final = ("config.json", "tokenizer.json", "tokenizer_config.json")


def average(models: list[Path], output: Path, *, start: Path | None = None, share: float = 0.0) -> None:
    """Write a folder with the mean weights, and the first model's config and tokenizer.

    Args:
        models: Folders of models of the same shape.
        output: The folder to create.
        start: The folder of the model that all of them started from, if its weights get a share too.
        share: Its share, from 0 to 1.
    """
    every = [load_file(model / WEIGHTS) for model in models]
    first = load_file(start / WEIGHTS) if start else every[0]
    shapes = [{name: weight.shape for name, weight in weights.items()} for weights in (*every, first)]
    if any(one != shapes[0] for one in shapes):
        raise SystemExit("average.py: the models differ in their weights' names or shapes")
    means = {}
    for name, weight in every[0].items():
        mean = torch.stack([weights[name].float() for weights in every]).mean(dim=0)
        means[name] = mean.lerp(first[name].float(), share).to(weight.dtype)
    output.mkdir(parents=True, exist_ok=True)
    save_file(means, output / WEIGHTS, metadata={"format": "pt"})
    (output / WEIGHTS).chmod((models[0] / WEIGHTS).stat().st_mode)  # only the owner could read it otherwise
    for name in BESIDE:
        shutil.copyfile(models[0] / name, output / name)


def main() -> None:
    """Parse and check the arguments, and write the mean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("output", type=Path)
    parser.add_argument("--back-to", type=Path, metavar="START", help="the model that all models started from")
    parser.add_argument("--share", type=float, default=0.0, help="its share of the weights, 0 to 1")
    arguments = parser.parse_args()
    if bool(arguments.back_to) != bool(arguments.share):
        parser.error("--back-to and a --share above 0 go together")
    if not 0 <= arguments.share <= 1:
        parser.error("--share has to be from 0 to 1")
    if arguments.output.exists():
        parser.error(f"{arguments.output} is there already")
    for model in filter(None, (*arguments.models, arguments.back_to)):
        if missing := [name for name in (WEIGHTS, *BESIDE) if not (model / name).exists()]:
            parser.error(f"{model} has no {missing[0]}")
    average(arguments.models, arguments.output, start=arguments.back_to, share=arguments.share)


if __name__ == "__main__":
    main()
