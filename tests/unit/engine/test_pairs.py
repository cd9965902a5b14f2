"""One rule for how a text and a mention become one input, in training and in scoring."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.processors import RobertaProcessing
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from sentiscore.engine.pairs import second_segments
from sentiscore.engine.tokenizer import TextEncoder
from sentiscore.tables.labelled import LabelledData
from sentiscore.training.base import encode

TEXTS = ["shares fall after weak results", "profit rises on strong demand " * 9, "board meets on Tuesday", "profit"]
MENTIONS = ["shares", "strong demand", None, " profit rises on strong demand after weak results on Tuesday "]


@pytest.fixture(params=["bert", "roberta", "gpt_neox"])
def folder(request: pytest.FixtureRequest, tiny_checkpoint: Path, tiny_bert: Callable[..., Path]) -> Path:
    """A model folder; RoBERTa's tokenizer, like MPNet's, puts two special tokens between segments."""
    if request.param == "gpt_neox":
        return tiny_checkpoint
    bert: Path = tiny_bert()
    if request.param == "roberta":
        tokenizer = Tokenizer.from_file(str(bert / "tokenizer.json"))
        ids = tokenizer.get_vocab()
        tokenizer.post_processor = RobertaProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]").save_pretrained(bert)  # noqa: S106
    return bert


def trained_on(folder: Path, mentions: list[str | None] | None, limit: int) -> list[list[int]]:
    """The ids that training reads."""
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    data = LabelledData("rows", TEXTS, ["positive", "negative"] * 2, mentions=mentions)
    rows: list[list[int]] = encode(tokenizer, data, ("negative", "positive"), limit)["input_ids"]
    return rows


@pytest.mark.parametrize("mentions", [MENTIONS, [None] * 4, None], ids=["mixed", "no mention", "no column"])
def test_scoring_reads_pairs_as_training_does(folder: Path, mentions: list[str | None] | None) -> None:
    encoded = TextEncoder.load(folder, 24).encode(TEXTS, mentions)
    assert [encoded.of(i).tolist() for i in range(len(TEXTS))] == trained_on(folder, mentions, 24)
    assert encoded.truncated.tolist() == [False, True, False, False]


def test_a_text_that_is_too_long_is_cut_and_its_mention_is_not(folder: Path) -> None:
    encoder = TextEncoder.load(folder, 24)
    whole, other = (encoder.encode([TEXTS[1]], [mention]) for mention in ("strong demand", "weak results"))
    assert whole.lengths[0] == 24
    assert whole.of(0).tolist() != other.of(0).tolist()
    assert whole.of(0).tolist()[:8] == other.of(0).tolist()[:8]


def test_a_long_mention_leaves_half_of_the_input_to_the_text(folder: Path) -> None:
    limit = 24
    endless = "strong demand after weak results " * 50
    encoded = TextEncoder.load(folder, limit).encode([TEXTS[1], TEXTS[1]], [endless, None])
    shared = sum(a == b for a, b in zip(encoded.of(0), encoded.of(1), strict=True))
    assert shared >= limit // 2


def test_a_row_without_a_mention_is_read_as_a_text_alone(folder: Path) -> None:
    encoder = TextEncoder.load(folder, 24)
    assert encoder.encode(TEXTS, [None] * 4).ids.tolist() == encoder.encode(TEXTS).ids.tolist()


def test_a_decoder_reads_the_mention_after_a_line_break(tiny_checkpoint: Path) -> None:
    tokenizer = Tokenizer.from_file(str(tiny_checkpoint / "tokenizer.json"))
    assert second_segments(tokenizer, [" shares ", None], 24) == ["\nshares", None]
