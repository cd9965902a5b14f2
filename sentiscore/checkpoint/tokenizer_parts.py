"""Bounds what a tokenizer may do before a library builds it: analyses the parsed `tokenizer.json`, or refuses it.

A tokenizer is a small program. Its steps can make a text a million times longer, search it with patterns that take
forever, or be random. Here every step must be known, and its effect on the length of a text is computed.
"""

import base64
import hashlib
import math
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sentiscore.checkpoint.reading import shown


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_KINDS: Final = {
    "normalizer": _names(
        "BertNormalizer ByteLevel Lowercase NFC NFD NFKC NFKD Nmt Precompiled Prepend Replace Strip StripAccents"
    ),
    "pre_tokenizer": _names(
        "BertPreTokenizer ByteLevel CharDelimiterSplit Digits FixedLength Metaspace Punctuation Split UnicodeScripts "
        "Whitespace WhitespaceSplit"
    ),
    "post_processor": _names("BertProcessing ByteLevel RobertaProcessing TemplateProcessing"),
    "decoder": _names("BPEDecoder ByteFallback ByteLevel CTC Fuse Metaspace Replace Strip WordPiece"),
}
"""The steps that each part of a tokenizer may have."""
_MODELS: Final = frozenset([None, "BPE", "Unigram", "WordLevel", "WordPiece"])
"""The first tokenizers did not state the kind of their model."""

_SEQUENCES: Final = {
    "normalizer": "normalizers",
    "pre_tokenizer": "pretokenizers",
    "post_processor": "processors",
    "decoder": "decoders",
}
"""The key of the list of steps in a sequence, for each part of a tokenizer."""
MOST_GROWTH: Final = 64
"""The maximum number of characters that one character may become. Unicode's own forms make 18 from one."""
_BYTE_LEVEL: Final = 2
"""A byte of a character becomes a character; written in bytes, a text at most doubles."""
_MOST_STEPS: Final = 256
_DEEPEST: Final = 8
_MOST_PIECES: Final = 64
"""The maximum number of special tokens that a template puts around a text."""
_MOST_ADDED: Final = 50_000
_MOST_ADDED_CHARS: Final = 2_000_000
"""The maximum length of all added tokens together, since the search table grows with it."""
_LONGEST_TOKEN: Final = 2_000
_LONGEST_PATTERN: Final = 2_000
_LONGEST_WORD: Final = 500
_HIGHEST_ID: Final = 2**24
"""Larger vocabularies are not in use, and the library allocates up to the highest id."""
_A_PAIR: Final = 2
_RANDOM: Final = ("dropout", "alpha", "nbest_size")
"""Settings with which a model splits a text differently each time."""

_KNOWN_PATTERNS: Final = frozenset(
    [
        *(" {2,}", r"\s+", r"[\n\r\t]", r"\n", r"\s{2,}|[\n\r\t]", "^\u2581+$", " +\u2581", "[0-9][0-9][0-9]"),
        r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+""",
        r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+""",
        *(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
            + digits
            + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            for digits in (r"\p{N}", r"\p{N}{1,3}")
        ),
    ]
)
"""Regular expressions of widely used tokenizers; any other is tested before use."""

_KNOWN_TABLES: Final = frozenset(
    [
        "079c3e75a2cafe7ca95670ca0b49c81710d110c88556644b1e70511bcd0d99c5",
        "1e2c7b43d3ee9755ceaa2ac335e253d8703604e0249ee1e81156c92b46423844",
        "5fd3e583ad802edbc2528397a9f9aa13d41d2c61a233699f07c4dec9d9d79f43",
        "7e46d9e08af4b6a37991b04fb8388644c1595a0abcd0f26d6a5d575e2a3663ea",
        "2c03512e62f9ed965ec90d85314211b63b5b8aa0395311ea2147eec9ff738907",
        "d8dfef3d6db0eef0742f8b55a73aee7fce6c1e21d26a09b8d3d4b52c42a791cb",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ]
)
"""sha256 of widely used character tables: those of the default model, today's and earlier, and of sentencepiece."""
_OF_KNOWN_TABLES: Final = 18
"""The most characters that one of them makes from one character: an Arabic phrase in a single ligature."""


@dataclass(frozen=True)
class Parts:
    """The analysis of an allowed tokenizer.

    Attributes:
        growth: The maximum number of characters that one character of a text becomes.
        untried: The steps of which only a trial can show whether they terminate: a normalizer and a pre-tokenizer as in
            `tokenizer.json`; None if there are none.
    """

    growth: int
    untried: dict[str, Any] | None


def parts_of(tokenizer: Mapping[str, Any]) -> Parts:
    """Analyse all parts of a tokenizer.

    Args:
        tokenizer: The parsed `tokenizer.json`.

    Raises:
        ValueError: It has a part that is unknown, or could do more than a tokenizer needs to.
    """
    steps = {part: list(_steps(part, tokenizer.get(part))) for part in _KINDS}
    growth = 1
    unknown = False
    for part in ("normalizer", "pre_tokenizer"):
        for step in steps[part]:
            growth *= _growth(step)
            if growth > MOST_GROWTH:
                raise ValueError(f"its {part} can make a text more than {MOST_GROWTH} times as long")
            unknown = unknown or _must_be_tried(step)
    for step in steps["decoder"]:  # it is built but never used
        _growth(step)
        if "Regex" in _pattern(step) and _must_be_tried(step):
            raise ValueError("its decoder has a pattern of its own")
    known = _check_model(tokenizer.get("model"))
    known |= _check_added(tokenizer.get("added_tokens"))
    around = [step for step in steps["post_processor"] if step["type"] != "ByteLevel"]
    if len(around) > 1:
        raise ValueError(f"its post_processor puts special tokens around a text {len(around)} times")
    for step in around:
        _check_post_processor(step, known)
    untried = {part: tokenizer.get(part) for part in ("normalizer", "pre_tokenizer")} if unknown else None
    return Parts(growth, untried)


def _steps(part: str, found: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """The single steps of a part, in order; those of a sequence one by one."""
    if found is None and depth == 0:
        return
    kind = found.get("type") if isinstance(found, dict) else None
    if kind == "Sequence" and isinstance(found, dict):
        inner = found.get(_SEQUENCES[part])
        if not isinstance(inner, list) or len(inner) > _MOST_STEPS or depth >= _DEEPEST:
            raise ValueError(f"its {part} has a sequence that is not a list of at most {_MOST_STEPS} steps")
        count = 0
        for each in inner:
            for step in _steps(part, each, depth + 1):
                count += 1
                if count > _MOST_STEPS:
                    raise ValueError(f"its {part} has more than {_MOST_STEPS} steps")
                yield step
    elif isinstance(found, dict) and isinstance(kind, str) and kind in _KINDS[part]:
        yield found
    else:
        raise ValueError(
            f"its {part} has a step that is not known: {shown(kind if isinstance(found, dict) else found)}"
        )


def _growth(step: Mapping[str, Any]) -> int:
    """How many characters one becomes in a step, including what a later step makes of inserted text."""
    kind = step["type"]
    if kind == "ByteLevel":
        return _BYTE_LEVEL
    if kind == "Prepend":
        return 1 + _length(step.get("prepend"))
    if kind == "FixedLength":
        length = step.get("length")
        if not (isinstance(length, int) and 1 <= length <= _HIGHEST_ID):
            raise ValueError(f"it has a step of the fixed length {shown(length)}")
    if kind == "Precompiled":
        return _OF_KNOWN_TABLES if not _must_be_tried(step) else _longest_in(step.get("precompiled_charsmap"))
    if kind in ("Replace", "Split"):
        pattern = _pattern(step)
        (way, what), *_ = pattern.items()
        if way == "String" and not what:
            raise ValueError("it searches for an empty text")
        if kind == "Replace":
            content = _length(step.get("content"))
            return max(1, math.ceil(content / len(what)) if way == "String" else content)
    return 1


def _pattern(step: Mapping[str, Any]) -> dict[str, str]:
    """The pattern of a step, `{"String": text}` or `{"Regex": pattern}`; empty if it has none."""
    if step["type"] not in ("Replace", "Split"):
        return {}
    found = step.get("pattern")
    way, what = next(iter(found.items()), ("", None)) if isinstance(found, dict) and len(found) == 1 else ("", None)
    if way not in ("String", "Regex") or not isinstance(what, str):
        raise ValueError(f"it searches for {shown(found)}")
    if len(what) > _LONGEST_PATTERN:
        raise ValueError(f"it searches for a pattern of {len(what):,} characters")
    return {way: what}


def _length(text: Any) -> int:
    """The number of characters of inserted text after a later step has decomposed it as far as Unicode allows."""
    if not isinstance(text, str):
        raise ValueError(f"it puts in {shown(text)}, which is not text")  # noqa: TRY004 - one error for all
    if len(text) > _LONGEST_TOKEN:
        raise ValueError(f"it puts in a text of {len(text):,} characters")
    return len(unicodedata.normalize("NFKD", text.lower()))


def _longest_in(table: Any) -> int:
    """The length of the longest text in a character table: a trie and its texts, each zero-terminated."""
    data = _table(table)
    size = int.from_bytes(data[:4], "little")
    if data and (size % 4 or 4 + size > len(data)):
        raise ValueError("its table of characters is not whole")
    try:
        texts = data[4 + size :].decode("utf-8").split("\0")
    except UnicodeDecodeError as error:
        raise ValueError("its table of characters is not text") from error
    return max(1, *(_length(text) for text in texts))


def _table(table: Any) -> bytes:
    if table is None:
        return b""
    try:
        return base64.b64decode(table, validate=True)
    except (TypeError, ValueError) as error:
        raise ValueError("its table of characters is not whole") from error


def _must_be_tried(step: Mapping[str, Any]) -> bool:
    if step["type"] == "Precompiled":
        return hashlib.sha256(_table(step.get("precompiled_charsmap"))).hexdigest() not in _KNOWN_TABLES
    return _pattern(step).get("Regex", "") not in _KNOWN_PATTERNS | {""}


def _check_model(model: Any) -> set[int]:
    """Check that the model splits a text deterministically, in time bounded by its length; returns its ids."""
    kind = model.get("type") if isinstance(model, dict) else model
    if not (isinstance(model, dict) and isinstance(kind, str | None) and kind in _MODELS):
        raise ValueError(f"its model is of a kind that is not known: {shown(kind)}")
    for name in _RANDOM:
        if model.get(name):
            raise ValueError(
                f"its model has a {name} of {shown(model[name])}, with which equal texts are read unequally"
            )
    longest = model.get("max_input_chars_per_word", 1)
    if not (isinstance(longest, int) and 1 <= longest <= _LONGEST_WORD):
        raise ValueError(f"max_input_chars_per_word is {shown(longest)}, and can be 1 to {_LONGEST_WORD}")
    vocabulary = model.get("vocab")
    if isinstance(vocabulary, dict):
        tokens, ids = list(vocabulary), list(vocabulary.values())
        _check_unknown(model, vocabulary)
    elif isinstance(vocabulary, list):
        for entry in vocabulary:
            if not (isinstance(entry, list) and len(entry) == _A_PAIR and isinstance(entry[0], str)):
                raise ValueError(f"its vocabulary has the entry {shown(entry)}")
        tokens, ids = [entry[0] for entry in vocabulary], list(range(len(vocabulary)))
    else:
        raise ValueError("its model has no vocabulary")  # noqa: TRY004 - one error for all
    if not set(map(type, ids)) <= {int}:
        raise ValueError("its vocabulary has an id that is not a number")
    _check_token(max(tokens, key=len, default=""), max(ids, default=0))
    _check_token("", min(ids, default=0))
    return set(ids)


def _check_unknown(model: Mapping[str, Any], vocabulary: Mapping[str, Any]) -> None:
    """Check that the unknown token is in the vocabulary, so that no text is an error."""
    name = model.get("unk_token")
    if name and isinstance(name, str) and vocabulary and name not in vocabulary and "merges" not in model:
        raise ValueError(f"its vocabulary does not have {shown(name)}, its token for what is unknown")


def _check_token(token: Any, token_id: Any) -> None:
    if not isinstance(token, str) or len(token) > _LONGEST_TOKEN:
        raise ValueError(f"it has a token that is not a text of at most {_LONGEST_TOKEN:,} characters: {shown(token)}")
    if not isinstance(token_id, int) or isinstance(token_id, bool) or not 0 <= token_id <= _HIGHEST_ID:
        raise ValueError(f"its token {shown(token)} has the id {shown(token_id)}")


def _check_added(added: Any) -> set[int]:
    """Check that the added tokens are few enough and not empty; returns their ids."""
    if added is None:
        return set()
    if not isinstance(added, list) or len(added) > _MOST_ADDED:
        raise ValueError(f"its added tokens are not a list of at most {_MOST_ADDED:,}")
    for token in added:
        if not isinstance(token, dict):
            raise ValueError(f"its added token {shown(token)} is not one")  # noqa: TRY004 - one error for all
        _check_token(token.get("content"), token.get("id"))
        if not token["content"]:
            raise ValueError("it has an added token that is empty")
    if (chars := sum(len(token["content"]) for token in added)) > _MOST_ADDED_CHARS:
        raise ValueError(f"its added tokens have {chars:,} characters, and can have {_MOST_ADDED_CHARS:,}")
    return {token["id"] for token in added}


def _check_post_processor(step: Mapping[str, Any], known: set[int]) -> None:
    """Check that a step puts a text once among a few special tokens with known ids."""
    if step["type"] in ("BertProcessing", "RobertaProcessing"):
        for name in ("sep", "cls"):
            match step.get(name):
                case [str(), int(token_id)] if token_id in known:
                    pass
                case other:
                    raise ValueError(
                        f"its {step['type']} has the {name} {shown(other)}, which is not in the vocabulary"
                    )
    if step["type"] != "TemplateProcessing":
        return
    tokens = step.get("special_tokens")
    if not isinstance(tokens, dict):
        raise ValueError("the special tokens of its template are not a table")  # noqa: TRY004 - one error for all
    _check_template(step, known)


def _check_template(step: Mapping[str, Any], known: set[int]) -> None:
    """See `_check_post_processor`; the template for two texts is never used."""
    texts = special = 0
    pieces, tokens = step.get("single"), step["special_tokens"]
    if not isinstance(pieces, list) or len(pieces) > _MOST_PIECES:
        raise ValueError(f"its template is not a list of at most {_MOST_PIECES} pieces")
    for piece in pieces:
        match piece:
            case {"Sequence": {"id": "A"}}:
                texts += 1
            case {"SpecialToken": {"id": str(name)}}:
                token = tokens.get(name)
                ids = token.get("ids") if isinstance(token, dict) else None
                if not isinstance(ids, list) or not all(
                    type(token_id) is int and token_id in known for token_id in ids
                ):
                    raise ValueError(f"its template has the token {shown(name)}, whose ids are not in the vocabulary")
                special += len(ids)
            case _:
                raise ValueError(f"its template has the piece {shown(piece)}")
    if texts != 1:
        raise ValueError(f"its template has the text {texts} times")
    if special > _MOST_PIECES:
        raise ValueError(f"its template puts {special:,} special tokens around a text")
