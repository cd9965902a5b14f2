"""The model inside the package, as it is shipped."""

from pathlib import Path

import pytest

import sentiscore
from sentiscore import Scorer
from sentiscore.checkpoint import load_checkpoint

FOLDER = Path(sentiscore.__file__).parent / "default_model"
CARD = Path(__file__).parents[2] / "docs" / "explanation" / "default-model.md"
MEGABYTES = 48


def test_the_default_model_is_small_enough_to_be_shipped() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= MEGABYTES * 10**6


def test_the_default_model_has_three_calibrated_classes_and_says_what_made_it() -> None:
    checkpoint = load_checkpoint()
    assert set(checkpoint.labels) == {"negative", "neutral", "positive"}
    assert checkpoint.manifest is not None
    assert checkpoint.temperature is not None
    assert {"films", "headlines", "tweets"} <= {one.name for one in checkpoint.manifest.training_data}
    assert checkpoint.manifest.recipe["teachers"]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Profit rises on strong demand", "positive"),
        ("Shares plunge after profit warning", "negative"),
        ("Board to meet on Tuesday", "neutral"),
        ("A warm, funny and engaging film", "positive"),
        ("The hotel was dirty and the staff were rude", "negative"),
    ],
)
def test_the_default_model_reads_what_anybody_can_read(text: str, label: str) -> None:
    assert Scorer.from_pretrained().score([text])["label"].to_list() == [label]
