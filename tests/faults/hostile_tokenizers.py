"""Tokenizers that mean harm: a whole `tokenizer.json` with one part that eats the machine, draws lots or breaks."""

import base64
import random
from collections.abc import Callable
from typing import Any, Final

Change = Callable[[dict[str, Any]], None]
TOKENIZERS: Final[dict[str, Change]] = {}
"""What is done to a parsed `tokenizer.json`, by name."""


def replace(pattern: dict[str, str], content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": pattern, "content": content}


def added(content: str, place: int = 3, **more: Any) -> dict[str, Any]:
    plain = {"id": place, "content": content, "single_word": False, "lstrip": False, "rstrip": False}
    return plain | {"normalized": True, "special": False} | more


def steps(part: str, name: str, *found: dict[str, Any]) -> None:
    """Steps in the place of a part."""
    lists = {"normalizer": "normalizers", "pre_tokenizer": "pretokenizers", "post_processor": "processors"}

    def change(tokenizer: dict[str, Any]) -> None:
        tokenizer[part] = found[0] if len(found) == 1 else {"type": "Sequence", lists[part]: list(found)}

    TOKENIZERS[name] = change


def split(name: str, pattern: str) -> None:
    step = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    steps("pre_tokenizer", name, step)


def model(name: str, **changes: Any) -> None:
    TOKENIZERS[name] = lambda tokenizer: tokenizer["model"].update(changes)


def whole_model(name: str, **found: Any) -> None:
    TOKENIZERS[name] = lambda tokenizer: tokenizer.update(model=found)


def template(name: str, pieces: list[Any], ids: list[Any], **more: Any) -> None:
    token = {"id": "[X]", "ids": ids, "tokens": ["[X]"] * len(ids)}
    step = {"type": "TemplateProcessing", "single": pieces, "pair": [], "special_tokens": {"[X]": token}}
    steps("post_processor", name, step | more)


LETTER: Final = {"String": "o"}
A: Final = {"Sequence": {"id": "A", "type_id": 0}}
UNKNOWN: Final = "[UNK]"
X: Final = {"SpecialToken": {"id": "[X]", "type_id": 0}}
steps("normalizer", "three_replacements_that_grow", *[replace(LETTER, "o" * 1_000)] * 3)
steps("normalizer", "one_replacement_that_grows", replace(LETTER, "o" * 1_000))
steps("normalizer", "many_replacements_that_double", *[replace({"String": c}, c * 2) for c in "abcdefgho" * 3])
steps("normalizer", "a_pattern_that_grows", replace({"Regex": "."}, "xy" * 500))
steps("normalizer", "a_pattern_that_matches_nothing_and_puts_in", *[replace({"Regex": "x*"}, "y" * 9)] * 9)
steps("normalizer", "a_text_in_front", {"type": "Prepend", "prepend": "x" * 1_900})
steps("normalizer", "many_texts_in_front", *[{"type": "Prepend", "prepend": "x" * 50}] * 200)
steps("normalizer", "one_character_that_unicode_makes_eighteen_of", *[replace(LETTER, "\ufdfa"), {"type": "NFKD"}] * 4)
steps("normalizer", "bytes_of_bytes", *[{"type": "ByteLevel"}] * 40)
steps("normalizer", "an_empty_search", replace({"String": ""}, "x"))
steps("normalizer", "a_search_for_nothing", {"type": "Replace", "pattern": {}, "content": "x"})
steps("normalizer", "a_normalizer_that_is_not_known", {"type": "Evil"})
steps("normalizer", "a_normalizer_without_a_type", {"content": "x", "pattern": {"String": "o"}})
steps("normalizer", "thousands_of_steps", *[{"type": "NFC"}] * 5_000)
steps("normalizer", "a_pattern_that_is_broken", replace({"Regex": "("}, "x"))
steps("normalizer", "a_pattern_for_the_end_of_words", replace({"Regex": "(a+)+$"}, "x"))
steps("normalizer", "a_pattern_of_lookarounds", replace({"Regex": r"(?<=(o|oo)+)x|(?=(o+)+\\b)y"}, "x"))
for count, text in (
    ("a_table_that_is_cut_off", b"\xff\xff\xff\x00abc"),
    ("a_table_of_no_text", b"\x04\0\0\0abcd\xff\xff"),
):
    steps("normalizer", count, {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(text).decode()})
steps(
    "normalizer",
    "a_table_that_leads_out_of_its_texts",
    {
        "type": "Precompiled",
        "precompiled_charsmap": base64.b64encode(b"\0\x04\0\0" + random.Random(3).randbytes(1_024) + b"ab\0").decode(),  # noqa: S311
    },
)
steps(
    "normalizer",
    "a_table_with_a_long_text",
    {
        "type": "Precompiled",
        "precompiled_charsmap": base64.b64encode(b"\4\0\0\0\0\0\0\0" + b"x" * 500 + b"\0").decode(),
    },
)


def nested(tokenizer: dict[str, Any]) -> None:
    step: dict[str, Any] = {"type": "NFC"}
    for _ in range(200):
        step = {"type": "Sequence", "normalizers": [step]}
    tokenizer["normalizer"] = step


TOKENIZERS["a_sequence_of_sequences"] = nested

for number, backtracking in enumerate(
    [
        *("(a+)+$", "(q|qq)+$", r"(\w+\s?)*$", "(x+x+)+y", "(.*)*x", "^(?=(z+)+b)", r"([a-z]+)*\d$", "(e|e)*!"),
        *(
            r"(\p{L}+)*\p{N}",
            r"(\s|\s\s)+x",
            "((a*)*)*b",
            r"(o+|o+o)*\.$",
            r"^(([a-z])+.)+[A-Z]([a-z])+$",
            "(?:r?e?)*!!",
        ),
        *(r"(?i:(l|L)+)+\d", "(t+t*)+z", r"(\S+)*:$"),
    ]
):
    split(f"a_pattern_that_backtracks_{number}", backtracking)
split("a_pattern_that_is_long", "(" + "|".join(f"w{i}" for i in range(5_000)) + ")")
split("a_pattern_of_nested_repeats", "(((((a{1,900}){1,900}){1,900}){1,900}){1,900})")
split("a_pattern_that_calls_itself", r"(?<n>\((?:[^()]|\g<n>)*\))|(?<m>a\g<m>?b)")
split("a_pattern_with_references", r"(.+)\1\1\1+$")
steps("pre_tokenizer", "pieces_of_no_length", {"type": "FixedLength", "length": 0})
steps(
    "pre_tokenizer",
    "bytes_of_bytes_again",
    *[{"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": False}] * 30,
)
steps("pre_tokenizer", "a_pre_tokenizer_that_is_not_known", {"type": "Evil"})
steps(
    "pre_tokenizer",
    "a_replacement_of_two_characters",
    {"type": "Metaspace", "replacement": "__", "prepend_scheme": "always"},
)

template("a_text_a_hundred_times", [A] * 100, [0])
template("a_text_twice", [A, X, A], [0])
template("no_text", [X], [0])
template("the_other_text", [{"Sequence": {"id": "B", "type_id": 0}}], [0])
template("a_thousand_special_tokens", [A, *[X] * 1_000], [0])
template("one_token_of_a_thousand_ids", [A, X], [0] * 1_000)
template("an_id_of_two_to_the_32", [A, X], [2**32])
template("an_id_of_two_to_the_32_less_one", [A, X], [2**32 - 1])
template("an_id_of_two_to_the_31_less_one", [A, X], [2**31 - 1])
template("an_id_that_no_network_has", [A, X], [5_000])
template("an_id_below_zero", [A, X], [-1])
template("a_token_that_is_not_there", [A, {"SpecialToken": {"id": "[Y]", "type_id": 0}}], [0])
template("tokens_that_are_no_table", [A], [0], special_tokens=[1])
for kind in ("BertProcessing", "RobertaProcessing"):
    for place in (2**31 - 1, 2**32 - 1, 2**32, 5_000):
        more = {"trim_offsets": True, "add_prefix_space": True} if kind.startswith("R") else {}
        steps("post_processor", f"{kind}_{place}", {"type": kind, "sep": ["[SEP]", place], "cls": ["[CLS]", 0]} | more)

for share in (0.5, 0.1, 1.0, 1e-3, True, "0.5", -1):
    model(f"a_dropout_of_{share}", dropout=share)
model("sampling", alpha=0.1, nbest_size=5)
whole_model(
    "dropout_of_merges", type="BPE", dropout=0.5, vocab={c: i for i, c in enumerate("abcdefghijklmnopqrst")}, merges=[]
)
whole_model(
    "dropout_of_merges_without_a_type", dropout=0.5, vocab={c: i for i, c in enumerate("abcdefghij")}, merges=[]
)
whole_model("words_without_an_unknown_one", type="WordLevel", vocab={"a": 0}, unk_token=UNKNOWN)
whole_model(
    "pieces_without_an_unknown_one",
    type="WordPiece",
    vocab={"a": 0},
    unk_token=UNKNOWN,
    continuing_subword_prefix="##",
    max_input_chars_per_word=100,
)
whole_model("merges_without_an_unknown_one", type="BPE", unk_token=UNKNOWN * 2, vocab={"a": 0, "b": 1}, merges=[])
whole_model("unigrams_without_an_unknown_one", type="Unigram", unk_id=None, vocab=[["a", -1.0]])
whole_model("unigrams_with_an_unknown_one_elsewhere", type="Unigram", unk_id=7, vocab=[["a", -1.0]])
whole_model("unigrams_of_nothing", type="Unigram", unk_id=0, vocab=[])
whole_model("unigrams_that_are_empty", type="Unigram", unk_id=0, vocab=[["", -1.0], ["a", -2.0]])
whole_model("unigrams_of_odd_scores", type="Unigram", unk_id=0, vocab=[["a", 1e308], ["b", -1e308], ["ab", 3.0]])
whole_model(
    "long_unigrams", type="Unigram", unk_id=0, vocab=[["u", -1.0], *[["a" * n, -1.0] for n in range(1, 3_000, 7)]]
)
whole_model(
    "words_of_any_length",
    type="WordPiece",
    vocab={"[UNK]": 0, "a": 1},
    unk_token=UNKNOWN,
    continuing_subword_prefix="##",
    max_input_chars_per_word=10**9,
)
whole_model("ids_of_two_to_the_32", type="WordLevel", vocab={"a": 2**32, "[UNK]": 0}, unk_token=UNKNOWN)
whole_model("ids_of_two_to_the_32_less_one", type="WordLevel", vocab={"day": 2**32 - 1, "[UNK]": 0}, unk_token=UNKNOWN)
whole_model("ids_below_zero", type="WordLevel", vocab={"a": -1, "[UNK]": 0}, unk_token=UNKNOWN)
whole_model("ids_that_are_not_whole", type="WordLevel", vocab={"a": 0.5, "[UNK]": 0}, unk_token=UNKNOWN)
whole_model("a_model_that_is_not_known", type="Evil", vocab={})
whole_model("a_model_without_a_vocabulary", type="BPE", merges=[])


def tokens(name: str, *found: Any) -> None:
    TOKENIZERS[name] = lambda tokenizer: tokenizer.update(added_tokens=[*tokenizer.get("added_tokens", []), *found])


tokens("an_added_token_that_is_empty", added(""))
tokens("an_added_token_of_a_high_id", added("rise", 2**32 - 1))
tokens("an_added_token_of_too_high_an_id", added("rise", 2**32))
tokens("an_added_token_that_is_long", added("rise" * 5_000))
tokens("an_added_token_that_is_no_text", added(7))  # type: ignore[arg-type]
tokens("an_added_token_that_is_no_table", "rise")
tokens("too_many_added_tokens", *[added(f"w{i}", 300 + i) for i in range(60_000)])
tokens("an_added_token_that_no_network_knows", added("good", 9_999))


def normalises_to_nothing(tokenizer: dict[str, Any]) -> None:
    tokenizer["normalizer"] = replace({"String": "q"}, "")
    tokenizer.setdefault("added_tokens", []).append(added("q", 299))


def strips_to_nothing(tokenizer: dict[str, Any]) -> None:
    tokenizer["normalizer"] = {"type": "Strip", "strip_left": True, "strip_right": True}
    tokenizer.setdefault("added_tokens", []).append(added("  ", 299))


TOKENIZERS["an_added_token_that_normalises_to_nothing"] = normalises_to_nothing
TOKENIZERS["an_added_token_that_strips_to_nothing"] = strips_to_nothing
TOKENIZERS["no_model"] = lambda tokenizer: tokenizer.update(model=None)
TOKENIZERS["a_list_as_a_normalizer"] = lambda tokenizer: tokenizer.update(normalizer=[])
TOKENIZERS["endless_padding"] = lambda tokenizer: tokenizer.update(
    padding={
        "strategy": {"Fixed": 10**9},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "x",
    }
)
TOKENIZERS["an_endless_stride"] = lambda tokenizer: tokenizer.update(
    truncation={"direction": "Right", "max_length": 0, "strategy": "LongestFirst", "stride": 10**9}
)
TOKENIZERS["a_decoder_that_is_not_known"] = lambda tokenizer: tokenizer.update(decoder={"type": "Evil"})
TOKENIZERS["a_decoder_with_a_pattern"] = lambda tokenizer: tokenizer.update(
    decoder=replace({"Regex": "(((a{1,900}){1,900}){1,900})"}, "x")
)
