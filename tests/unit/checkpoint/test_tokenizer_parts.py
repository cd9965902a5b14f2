"""What a tokenizer may do is bounded before a library makes one."""

import base64
import json
from typing import Any

import pytest

from sentiscore.checkpoint import tokenizer_parts
from sentiscore.checkpoint.reading import PACKAGED
from sentiscore.checkpoint.tokenizer_parts import MOST_GROWTH, parts_of

MODEL = {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1, "b": 2}, "unk_token": "[UNK]"}
LLAMA = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)


def tokenizer(**parts: Any) -> dict[str, Any]:
    return {"version": "1.0", "added_tokens": [], "model": MODEL, **parts}


def steps(*found: dict[str, Any]) -> dict[str, Any]:
    return tokenizer(normalizer={"type": "Sequence", "normalizers": list(found)})


def replace(pattern: str, content: str, way: str = "String") -> dict[str, Any]:
    return {"type": "Replace", "pattern": {way: pattern}, "content": content}


def test_the_default_model_needs_no_trial() -> None:
    parts = parts_of(json.loads((PACKAGED / "tokenizer.json").read_text()))
    assert parts.untried is None
    assert parts.growth == 18


def test_every_step_that_the_library_has_is_known() -> None:
    from tokenizers import decoders, normalizers, pre_tokenizers, processors

    modules = {
        "normalizer": normalizers,
        "pre_tokenizer": pre_tokenizers,
        "post_processor": processors,
        "decoder": decoders,
    }
    no_steps = {"Sequence", "Normalizer", "PreTokenizer", "PostProcessor", "Decoder", "DecodeStream", "NORMALIZERS"}
    for part, module in modules.items():
        has = {name for name in dir(module) if name[0].isupper() and isinstance(getattr(module, name), type)} - no_steps
        assert has <= tokenizer_parts._KINDS[part], part


def test_tables_in_wide_use_make_of_a_character_what_is_written_here() -> None:
    found = json.loads((PACKAGED / "tokenizer.json").read_text())["normalizer"]["normalizers"][0]
    assert tokenizer_parts._longest_in(found["precompiled_charsmap"]) == tokenizer_parts._OF_KNOWN_TABLES
    assert not tokenizer_parts._must_be_tried(found)


@pytest.mark.parametrize(
    ("found", "growth"),
    [
        ((), 1),
        (({"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}), 1),  # Unicode's own, once
        ((replace(" ", "\u2581"), {"type": "Prepend", "prepend": "\u2581"}), 2),
        ((replace("``", '"'), replace("''", '"'), {"type": "NFKD"}, replace(" {2,}", " ", "Regex")), 1),
        ((replace("o", "oooo"), replace("oo", "xyz")), 8),
        ((replace("o", "\ufdfa"), {"type": "NFKD"}), 18),
        (({"type": "ByteLevel"}, {"type": "ByteLevel"}), 4),
        ((replace("o", "x" * MOST_GROWTH),), MOST_GROWTH),
    ],
)
def test_the_growth_of_a_text_is_that_of_all_steps(found: tuple[dict[str, Any], ...], growth: int) -> None:
    parts = parts_of(steps(*found))
    assert parts.growth == growth
    assert parts.untried is None


@pytest.mark.parametrize(
    "found",
    [
        (replace("o", "x" * (MOST_GROWTH + 1)),),
        (replace("o", "o" * 5),) * 3,
        (replace(".", "x" * 100, "Regex"),),
        ({"type": "Prepend", "prepend": "x" * 100},),
        (replace("o", "\ufdfa"), {"type": "NFKC"}) * 2,
        ({"type": "ByteLevel"},) * 7,
        (
            {
                "type": "Precompiled",
                "precompiled_charsmap": base64.b64encode(bytes([4, 0, 0, 0] * 2) + b"x" * 99).decode(),
            },
        ),
    ],
)
def test_steps_that_make_a_text_much_longer_are_refused(found: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(ValueError, match="can make a text more than 64 times as long"):
        parts_of(steps(*found))


def test_a_pattern_in_wide_use_needs_no_trial_and_any_other_one_does() -> None:
    def split(pattern: str) -> dict[str, Any]:
        return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}

    assert parts_of(tokenizer(pre_tokenizer=split(LLAMA))).untried is None
    whole = {"type": "Sequence", "pretokenizers": [split(LLAMA), split(r"\w+"), {"type": "Whitespace"}]}
    assert parts_of(tokenizer(pre_tokenizer=whole)).untried == {"normalizer": None, "pre_tokenizer": whole}


def template(*pieces: dict[str, Any], ids: tuple[int, ...] = (0,)) -> dict[str, Any]:
    token = {"id": "[X]", "ids": list(ids), "tokens": ["[X]"] * len(ids)}
    step = {"type": "TemplateProcessing", "single": list(pieces), "pair": [], "special_tokens": {"[X]": token}}
    return tokenizer(post_processor=step)


A = {"Sequence": {"id": "A", "type_id": 0}}
X = {"SpecialToken": {"id": "[X]", "type_id": 0}}


@pytest.mark.parametrize("pieces", [(A,), (X, A, X), (*[X] * 63, A)])
def test_a_template_may_put_special_tokens_around_a_text(pieces: tuple[dict[str, Any], ...]) -> None:
    parts_of(template(*pieces))


def test_a_template_may_follow_the_offsets_of_bytes() -> None:
    both = [{"type": "ByteLevel"}, template(X, A)["post_processor"]]
    parts_of(tokenizer(post_processor={"type": "Sequence", "processors": both}))


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (template(A, X, A), "has the text 2 times"),
        (template(X), "has the text 0 times"),
        (template(*[A] * 100), "at most 64 pieces"),
        (template(A, X, X, ids=(0,) * 40), "puts 80 special tokens"),
        (template(A, X, ids=(2**32 - 1,)), "not in the vocabulary"),
        (template(A, X, ids=(7,)), "not in the vocabulary"),
        (tokenizer(model=MODEL | {"dropout": 0.5}), "a dropout of 0.5, with which equal texts are read unequally"),
        (tokenizer(model=MODEL | {"alpha": 0.1}), "read unequally"),
        (tokenizer(model=MODEL | {"unk_token": "[NO]"}), "does not have '\\[NO\\]'"),
        (tokenizer(model=MODEL | {"max_input_chars_per_word": 10**6}), "can be 1 to 500"),
        (tokenizer(model=MODEL | {"vocab": {"a": 2**32, "[UNK]": 0}}), "has the id 4294967296"),
        (tokenizer(model=MODEL | {"vocab": {"a": 2**31 - 1, "[UNK]": 0}}), "has the id 2147483647"),
        (tokenizer(model=MODEL | {"vocab": {"a": True, "[UNK]": 0}}), "not a number"),
        (tokenizer(model={"type": "Evil"}), "a kind that is not known"),
        (tokenizer(model={"type": {"a": 1}}), "a kind that is not known"),
        (tokenizer(added_tokens=[{"id": 1, "content": ""}]), "is empty"),
        (tokenizer(added_tokens=[{"id": 1, "content": "w"}] * 60_000), "at most 50,000"),
        (tokenizer(added_tokens=[{"id": 1, "content": "w" * 2_000}] * 1_001), "added tokens have 2,002,000 characters"),
        (
            tokenizer(post_processor={"type": "Sequence", "processors": [template(A)["post_processor"]] * 2}),
            "puts special tokens around a text 2 times",
        ),
        (tokenizer(normalizer={"type": "Evil"}), "a step that is not known"),
        (tokenizer(pre_tokenizer={"type": "FixedLength", "length": 0}), "fixed length 0"),
        (steps(replace("", "x")), "an empty text"),
        (steps(*[{"type": "NFC"}] * 300), "at most 256 steps"),
    ],
)
def test_what_a_tokenizer_need_not_do_is_refused(found: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parts_of(found)


def test_a_dropout_of_nothing_is_none() -> None:
    for share in (None, 0, 0.0):
        parts_of(tokenizer(model=MODEL | {"dropout": share}))
