"""The mean of the weights of models that were trained alike from one base, as a base for another round.

python pipelines/default_model/average.py MODEL... OUTPUT

Wortsman and others, "Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing
inference time", ICML 2022 (arXiv 2203.05482).
"""

import shutil
import sys
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save_file

WEIGHTS: Final = "model.safetensors"


def average(models: list[Path], output: Path) -> None:
    """Write a folder with the mean weights, and the first model's config and tokenizer.

    Args:
        models: Folders of models of one shape.
        output: The folder to make.
    """
    every = [load_file(model / WEIGHTS) for model in models]
    means = {
        name: torch.stack([weights[name].float() for weights in every]).mean(dim=0).to(every[0][name].dtype)
        for name in every[0]
    }
    output.mkdir(parents=True, exist_ok=True)
    save_file(means, output / WEIGHTS, metadata={"format": "pt"})
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(models[0] / name, output / name)


if __name__ == "__main__":
    *models, output = map(Path, sys.argv[1:])
    average(models, output)
