"""How much of a text a model knows, for each kind of tokenizer."""

from collections.abc import Callable

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from sentiscore.engine.tokenizer import TextEncoder

PICTURE = "\U0001f4c9"


def wordpiece() -> Tokenizer:
    words = ["[UNK]", "[CLS]", "[SEP]", "profit", "falls", "##s", "!", ".", "5", "\u2605"]
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token=words[0]))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return tokenizer


def unigram() -> Tokenizer:
    pieces = ["<s>", "</s>", "<unk>", "\u2581", "\u2581profit", "\u2581falls", "s", "!", ".", "\u25815", "5", "\u2605"]
    tokenizer = Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces], unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return tokenizer


def word_level() -> Tokenizer:
    words = ["<unk>", "profit", "falls", "!", "!!!", ".", "5", "\u2605"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=words[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def pairs() -> Tokenizer:
    chars = ["<u>", *"profitals!.5\u2605"]
    tokenizer = Tokenizer(models.BPE({c: i for i, c in enumerate(dict.fromkeys(chars))}, [], unk_token=chars[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def reading(tokenizer: Tokenizer, text: str) -> tuple[bool, float]:
    """Whether the model knows anything of a text, and the share that it does not know."""
    encoder = TextEncoder(tokenizer, 16)
    read = encoder.reading(encoder.encode(["profit", text]))
    assert read.known[0]
    assert read.unknown[0] == 0
    return bool(read.known[1]), float(read.unknown[1] / max(1, read.content[1]))


KINDS = pytest.mark.parametrize("kind", [wordpiece, unigram, word_level, pairs])


@KINDS
@pytest.mark.parametrize(
    "text", [PICTURE, f"{PICTURE} {PICTURE}", f"{PICTURE} !", f"{PICTURE} !!!", f". {PICTURE} .", "\u0ba4\u0bae"]
)
def test_nothing_is_known_of_a_text_of_unknown_tokens_and_punctuation(kind: Callable[[], Tokenizer], text: str) -> None:
    known, share = reading(kind(), text)
    assert not known
    assert share > 0


@KINDS
@pytest.mark.parametrize("text", [f"profit {PICTURE}", f"5 {PICTURE}", f"\u2605 {PICTURE}"])
def test_a_word_a_number_or_a_symbol_is_something(kind: Callable[[], Tokenizer], text: str) -> None:
    known, share = reading(kind(), text)
    assert known
    assert 0 < share < 1


@KINDS
@pytest.mark.parametrize("text", ["!!!", ".", "profit falls !"])
def test_a_text_without_an_unknown_token_is_known(kind: Callable[[], Tokenizer], text: str) -> None:
    assert reading(kind(), text) == (True, 0.0)


def test_where_only_special_tokens_are_left_nothing_is_known() -> None:
    encoder = TextEncoder(wordpiece(), 16)
    read = encoder.reading(encoder.encode(["\u0301", "profit"]))  # an accent, which the normaliser takes away
    assert read.known.tolist() == [False, True]
    assert read.content.tolist() == [0, 1]


def test_where_bytes_stand_in_for_what_is_unknown_everything_is_known() -> None:
    byte_level = Tokenizer(models.BPE({c: i for i, c in enumerate(pre_tokenizers.ByteLevel.alphabet())}, []))
    byte_level.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    byte_level.decoder = decoders.ByteLevel()
    assert reading(byte_level, PICTURE) == (True, 0.0)
    names = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), *"profit"]
    fallback = models.BPE(
        {c: i for i, c in enumerate(dict.fromkeys(names))}, [], unk_token=names[0], byte_fallback=True
    )
    assert reading(Tokenizer(fallback), PICTURE) == (True, 0.0)


def test_texts_without_tokens_lie_between_others() -> None:
    encoder = TextEncoder(word_level(), 4)
    read = encoder.reading(encoder.encode(["", "profit", "", PICTURE, f"{PICTURE} " * 9, ""]))
    assert read.content.tolist() == [0, 1, 0, 1, 4, 0]
    assert read.unknown.tolist() == [0, 0, 0, 1, 4, 0]
    assert read.known.tolist() == [False, True, False, False, False, False]
    assert not np.any(encoder.reading(encoder.encode([])).known)
