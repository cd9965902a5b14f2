"""One rule for how a text and a mention become one input, in training and in scoring."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.processors import RobertaProcessing
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from sentiscore.checkpoint import load_checkpoint
from sentiscore.engine.classifier import Classifier
from sentiscore.engine.networks import is_own
from sentiscore.engine.pairs import second_segments
from sentiscore.engine.tokenizer import PROBES, TextEncoder
from sentiscore.errors import CheckpointError
from sentiscore.tables.labelled import LabelledData
from sentiscore.training.base import encode, use_token_types
from tests.unit.engine.kinds import WORDS, network_of, save
from tests.unit.engine.reference import assert_tells_rows_apart, probabilities

CPU = torch.device("cpu")
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


ODD = [*PROBES, "[SEP] [CLS]", "<|endoftext|><|padding|>", "\u0301", "a" * 300, "\U0001f600" * 40]


@pytest.mark.parametrize("limit", [16, 24, 64])
def test_odd_texts_and_mentions_are_read_as_in_training_too(folder: Path, limit: int) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    texts = [text for text in ODD for _ in ODD]
    mentions: list[str | None] = [mention for _ in ODD for mention in ODD]
    data = LabelledData("rows", texts, ["positive"] * len(texts), mentions=mentions)
    encoded = TextEncoder.load(folder, limit).encode(texts, mentions)
    rows = encode(tokenizer, data, ("negative", "positive"), limit)["input_ids"]
    assert np.split(encoded.ids, np.cumsum(encoded.lengths)[:-1])[-1].tolist() == rows[-1]
    assert encoded.ids.tolist() == [one for row in rows for one in row]
    assert encoded.lengths.max() <= limit


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


@pytest.mark.parametrize("fixture", ["own class", "plain class"])
def test_the_types_of_tokens_are_those_of_training(
    fixture: str, tiny_bert: Callable[..., Path], tmp_path: Path
) -> None:
    bert = tiny_bert()
    tokenizer: Any = AutoTokenizer.from_pretrained(bert)
    if fixture == "plain class":
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, pad_token="[PAD]")  # noqa: S106
    use_token_types(tokenizer, network_of("bert"))
    tokenizer.save_pretrained(tmp_path)
    data = LabelledData("rows", TEXTS, ["positive", "negative"] * 2, mentions=MENTIONS)
    rows = encode(tokenizer, data, ("negative", "positive"), 24)
    encoded = TextEncoder.load(tmp_path, 24).encode(TEXTS, MENTIONS)
    assert encoded.segments is not None
    assert encoded.segments.types.tolist() == [one for row in rows["token_type_ids"] for one in row]
    assert max(encoded.segments.types) == 1
    of_mention = np.split(encoded.segments.of_mention, np.cumsum(encoded.lengths)[:-1])
    lengths = [len(tokenizer(mention or "", add_special_tokens=False)["input_ids"]) for mention in MENTIONS]
    assert [int(one.sum()) for one in of_mention] == [*lengths[:3], 6]
    assert "token_type_ids" in AutoTokenizer.from_pretrained(tmp_path).model_input_names


ENCODER = "<s>:0 $A:0 </s>:0 $B:1 </s>:1"
PAIRS = {
    "bert": ENCODER,
    "distilbert": ENCODER,
    "roberta": "<s>:0 $A:0 </s>:0 </s>:0 $B:0 </s>:0",
    "mpnet": "<s>:0 $A:0 </s>:0 </s>:0 $B:0 </s>:0",
    "electra": ENCODER,
    "albert": ENCODER,
    "xlnet": "$A:0 </s>:0 $B:1 </s>:1 <s>:2",
    "gpt_neox": "$A:0 $B:1",
    "gpt2": "$A:0 $B:1",
}
SINGLE = {"gpt_neox": "$A:0", "gpt2": "$A:0", "xlnet": "$A:0 </s>:0 <s>:2"}


@pytest.mark.parametrize("kind", PAIRS)
def test_a_pair_has_the_logits_that_it_has_alone_in_transformers(kind: str, tmp_path: Path) -> None:
    model = network_of(kind, **({"type_vocab_size": 1} if kind == "roberta" else {}))  # as published ones
    folder = save(model, tmp_path, single=SINGLE.get(kind, "<s>:0 $A:0 </s>:0"), pair=PAIRS[kind])
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    use_token_types(tokenizer, model)
    tokenizer.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert ("token_type_ids" in tokenizer.model_input_names) == (kind in ("bert", "electra", "albert"))
    order = np.random.default_rng(0)
    texts = [" ".join(order.choice(WORDS, size)) for size in (3, 5, 9, 9, 4, 3, 20, 60, 3, 60, 12, 4)]
    mentions = [None if i % 4 == 3 else " ".join(order.choice(WORDS, 1 + i % 3)) for i in range(12)]
    limit = 32
    classifier = Classifier.load(load_checkpoint(folder), device=CPU, dtype=torch.float32, max_length=limit)
    assert is_own(classifier._engine) == (kind in ("bert", "distilbert", "roberta", "gpt_neox"))
    encoded = classifier.encoder.encode(texts, mentions)
    found = classifier.run(encoded)
    with torch.inference_mode():
        for i, (text, second) in enumerate(
            zip(texts, second_segments(tokenizer.backend_tokenizer, mentions, limit), strict=True)
        ):
            pair = (text,) if second is None else (text, second)
            cut = True if second is None else "only_first"
            inputs = tokenizer(*pair, truncation=cut, max_length=limit, return_tensors="pt")
            assert inputs["input_ids"][0].tolist() == encoded.of(i).tolist()
            np.testing.assert_allclose(found[i], model(**inputs).logits[0].numpy(), atol=1e-4)
    assert_tells_rows_apart(probabilities(torch.from_numpy(found)))
    alone = classifier.run(classifier.encoder.encode(texts))
    assert not np.isclose(alone, found, atol=1e-3).all()
    without = [i for i, mention in enumerate(mentions) if mention is None]
    np.testing.assert_allclose(alone[without], found[without], atol=1e-5)


def test_a_network_that_lacks_the_types_of_its_tokenizer_is_a_clear_error(tmp_path: Path) -> None:
    model = network_of("bert", type_vocab_size=1)
    folder = save(model, tmp_path, pair=ENCODER)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    use_token_types(tokenizer, network_of("bert"))
    tokenizer.save_pretrained(folder)
    classifier = Classifier.load(load_checkpoint(folder), device=CPU, dtype=torch.float32)
    with pytest.raises(CheckpointError, match="gives the token type 1, and its network knows 1"):
        classifier.run(classifier.encoder.encode(["w1 w2"], ["w1"]))


def test_a_tokenizer_that_joins_segments_without_a_token_gets_a_line_break(tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(save(network_of("bert"), tmp_path) / "tokenizer.json"))
    assert second_segments(tokenizer, ["w1"], 24) == ["\nw1"]  # its template says nothing of pairs


def test_a_character_of_several_tokens_is_kept_or_cut_as_a_whole(tiny_checkpoint: Path) -> None:
    tokenizer = Tokenizer.from_file(str(tiny_checkpoint / "tokenizer.json"))
    picture = "a\U0001f600"
    size, before = len(tokenizer.encode(picture)), len(tokenizer.encode("a"))
    assert size - before == 4
    assert second_segments(tokenizer, [picture], 4 * size) == [f"\n{picture}"]
    for room in range(before, size):
        assert second_segments(tokenizer, [picture, picture * 50], 4 * room) == ["\na"] * 2
