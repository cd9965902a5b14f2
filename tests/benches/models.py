"""The models that are scored with, made ready so that every contestant computes the same function."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sentiscore import build_base, sample_news
from sentiscore.checkpoint import DEFAULT, load_checkpoint
from sentiscore.engine.huggingface import quiet_transformers
from sentiscore.errors import CheckpointError

PYTHIA_SHAPE: Final = "pythia-70m's shape, random weights"
_END: Final = "<|endoftext|>"
_PAD: Final = "<|padding|>"
_SEED: Final = 0
_HEAD_SCALE: Final = 2.0
"""Roughly the standard deviation of the logits that a random head gives: with the usual tiny ones every
probability is near one half, and any two programs agree."""


@dataclass(frozen=True)
class BenchModel:
    """One model in the two forms it is loaded from.

    Attributes:
        name: What the report calls it.
        folder: A plain Hugging Face classifier for the peers.
        scorer_model: What `Scorer.from_pretrained` is given: the original where it is sentiscore's own
            checkpoint, otherwise the same folder.
        labels: Label names in the order of the model's ids.
        temperature: What sentiscore divides logits by; the peers' answers are held against it after the same.
        config: The `config.json` of the folder.
    """

    name: str
    folder: Path
    scorer_model: str
    labels: tuple[str, ...]
    temperature: float
    config: dict[str, Any]

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text from the Hugging Face tokenizer, without padding."""
        tokenizer = quiet_transformers().AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
        ids: list[list[int]] = tokenizer(list(texts), truncation=True)["input_ids"]
        return ids


def make_ready(model: str, work: Path) -> BenchModel:
    """Make the peers' copy of a model.

    It has fp32 weights, a padding token, sentiscore's label names, the number of tokens that sentiscore reads of
    a text, and a head: a base without one gets a random one, seeded.

    Args:
        model: "default" or a folder.
        work: An empty folder to make.

    Raises:
        CheckpointError: It is no model that sentiscore can score with.
    """
    import torch

    transformers = quiet_transformers()
    source = load_checkpoint(model).folder if model == DEFAULT else Path(model).resolve()
    if not (source / "config.json").is_file():
        raise CheckpointError(f"{model} is no model folder.", "Name the folder that holds config.json.")
    torch.manual_seed(_SEED)
    network, loading = transformers.AutoModelForSequenceClassification.from_pretrained(
        source, dtype=torch.float32, local_files_only=True, use_safetensors=True, output_loading_info=True
    )
    headless = bool(loading["missing_keys"])
    if headless:
        _randomise_head(network)
        _name_labels(network.config, ("negative", "positive"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(source, local_files_only=True)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    network.config.pad_token_id = tokenizer.pad_token_id
    network.save_pretrained(work)
    tokenizer.save_pretrained(work)

    known = load_checkpoint(work if headless else source, labels=_guessed(network.config))
    _name_labels(network.config, known.labels)
    tokenizer.model_max_length = known.max_length
    network.save_pretrained(work)
    tokenizer.save_pretrained(work)
    return BenchModel(
        name=model if model == DEFAULT else source.name,
        folder=work,
        scorer_model=(model if model == DEFAULT else str(source)) if known.manifest else str(work),
        labels=known.labels,
        temperature=known.temperature or 1.0,
        config=json.loads((work / "config.json").read_text(encoding="utf-8")),
    )


def build_pythia_shape(output: Path, data: Path | None) -> Path:
    """A classifier of pythia-70m's exact shape with random weights: for speed and agreement, it knows nothing.

    Args:
        output: The folder to make.
        data: The folder of the research data, which has the Pythia models' tokenizer; without it a tokenizer is
            learnt from the sample news, and texts have more tokens.
    """
    import polars as pl
    import torch

    transformers = quiet_transformers()
    build_base(
        output,
        pl.read_parquet(sample_news())["headline"].drop_nulls().to_list(),
        vocab_size=50_304,
        hidden_size=512,
        layers=6,
        heads=8,
        intermediate_size=2048,
        max_positions=2048,
        seed=_SEED,
    )
    torch.manual_seed(_SEED)
    network = transformers.AutoModelForSequenceClassification.from_pretrained(output, dtype=torch.float32)
    _randomise_head(network)
    _name_labels(network.config, ("negative", "positive"))
    network.save_pretrained(output)
    if data is not None and (file := data / "pythia-70m" / "tokenizer.json").is_file():
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(file), bos_token=_END, eos_token=_END, unk_token=_END, pad_token=_PAD
        )
        tokenizer.save_pretrained(output)
    return output


def _randomise_head(network: Any) -> None:
    """Give the last linear layer weights that make probabilities differ from text to text."""
    import torch

    head = [module for module in network.modules() if isinstance(module, torch.nn.Linear)][-1]
    with torch.no_grad():
        head.weight.normal_(std=_HEAD_SCALE * head.in_features**-0.5)


def _name_labels(config: Any, labels: tuple[str, ...]) -> None:
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: i for i, label in enumerate(labels)}


def _guessed(config: Any) -> tuple[str, ...] | None:
    """Names for a classifier of two classes that calls them LABEL_0 and LABEL_1: here it does not matter which."""
    return ("negative", "positive") if sorted(config.id2label.values()) == ["LABEL_0", "LABEL_1"] else None
