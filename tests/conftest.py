"""Tiny models and tables, built once for a test run. Nothing is downloaded."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import settings

from tests.effort import examples

settings.register_profile("here", deadline=None, max_examples=examples(100))  # machines are noisy
settings.register_profile(
    "ci", parent=settings.get_profile("here"), derandomize=True
)  # the same examples for every change
settings.load_profile("ci" if os.environ.get("CI") else "here")

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

SHARED = Path(os.environ.get("SENTISCORE_SHARED_DATA", Path(__file__).parents[2] / "shared")) / "data"

TEXTS = [
    "profit rises on strong demand",
    "shares fall after weak results",
    "a warm and funny film",
    "a dull , lifeless mess",
    "board meets on Tuesday",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("shared_data") and not SHARED.is_dir():
            item.add_marker(pytest.mark.skip(reason=f"the research data is not at {SHARED}"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch  # where a test needs it, and not in every process that collects tests

        if not torch.cuda.is_available():
            pytest.skip("there is no CUDA device")


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-NeoX base of a few thousand random weights."""
    from sentiscore import build_base

    return build_base(
        tmp_path_factory.mktemp("base") / "tiny",
        TEXTS * 4,
        vocab_size=320,
        hidden_size=16,
        layers=2,
        heads=2,
        intermediate_size=32,
        max_positions=64,
    )


@pytest.fixture(scope="session")
def make_checkpoint(tiny_base: Path) -> Callable[..., Path]:
    """Turn the base into a checkpoint with a manifest, untrained."""

    def make(
        folder: Path,
        *,
        labels: tuple[str, ...] = ("negative", "positive"),
        temperature: float | None = 1.5,
        base: Path = tiny_base,
        reads_targets: bool = False,
    ) -> Path:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        from sentiscore.checkpoint import Manifest, write_manifest
        from sentiscore.tables.fingerprint import DataFingerprint

        torch.manual_seed(len(labels))
        model = AutoModelForSequenceClassification.from_pretrained(
            base, num_labels=len(labels), id2label=dict(enumerate(labels)), ignore_mismatched_sizes=True
        )
        with torch.no_grad():
            model.score.weight.normal_(std=0.5)
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(base).save_pretrained(folder)
        data = DataFingerprint("none", 0, "")
        write_manifest(
            folder,
            Manifest(
                base="tiny",
                base_revision=None,
                labels=labels,
                max_length=32,
                temperature=temperature,
                training_data=(data,),
                selection_data=(data,),
                recipe={},
                metrics={},
                versions={},
                reads_targets=reads_targets,
            ),
        )
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_targets(make_checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of three classes that reads pairs of a text and a target."""
    labels = ("negative", "neutral", "positive")
    return make_checkpoint(tmp_path_factory.mktemp("targets") / "tiny", labels=labels, reads_targets=True)


@pytest.fixture(scope="session")
def tiny_checkpoint(make_checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A calibrated two-class checkpoint."""
    return make_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a plain Hugging Face BERT classifier, without a manifest."""

    def make(folder: Path | None = None, **config: Any) -> Path:
        import torch
        from tokenizers import BertWordPieceTokenizer
        from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

        folder = folder or tmp_path_factory.mktemp("bert")
        torch.manual_seed(0)
        wordpiece = BertWordPieceTokenizer()
        wordpiece.train_from_iterator(TEXTS * 4, vocab_size=200, show_progress=False)
        BertTokenizerFast(tokenizer_object=wordpiece._tokenizer).save_pretrained(folder)
        shape = BertConfig(
            vocab_size=wordpiece.get_vocab_size(),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=48,
            **config,
        )
        BertForSequenceClassification(shape).save_pretrained(folder)
        return folder

    return make


@pytest.fixture
def news() -> pl.DataFrame:
    """Headlines with a repeat, a null and an empty one."""
    return pl.DataFrame(
        {
            "published_at": [
                "2024-02-05T16:05:30-05:00",
                "2024-02-05T17:00:00-05:00",
                "2024-02-06T09:00:00-05:00",
                "2024-02-08T09:00:00-05:00",
                "2024-02-08T09:30:00-05:00",
                "2024-02-08T10:30:00-05:00",
            ],
            "ticker": ["AAA", "AAA", "BBB", "AAA", "BBB", "AAA"],
            "headline": [TEXTS[0], TEXTS[1], TEXTS[0], None, "", TEXTS[4]],
        }
    )


@pytest.fixture
def edit_json() -> Callable[..., None]:
    """Change some keys of a JSON file."""

    def edit(path: Path, **changes: Any) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return edit
