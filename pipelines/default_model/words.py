"""Give a model folder's tokenizer a normaliser that replaces characters missing from its vocabulary by words in it.

python pipelines/default_model/words.py MODEL

- Compatibility characters become their equivalents, as in NFKC: full-width and styled letters, ligatures.
- Small capitals, and letters in a filled square or circle, become plain letters.
- Emoji that express a mood become a word for it, from words.tsv. Skin tones and gender signs become a space.
- Curly quotation marks and apostrophes become straight ones, and other hyphens the usual one.

All of them are in one table for the tokenizers library's `Precompiled` normaliser, which reads a text once regardless
of the size of the table, and does not change a text without these characters. It runs before the tokenizer's own
normaliser.

The settings then name transformers' plain class for a tokenizer.json: a class such as BertTokenizer would build its own
normaliser and ignore the one in the file. Running this twice is harmless.
"""

import json
import re
import struct
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl
from tokenizers import Tokenizer, normalizers

HERE: Final = Path(__file__).resolve().parent
PLAIN_CLASS: Final = "TokenizersBackend"
OF_BERT: Final = ("do_basic_tokenize", "do_lower_case", "never_split", "strip_accents", "tokenize_chinese_chars")
"""Settings of BertTokenizer that the plain class does not need: tokenizer.json already has them."""

_DRAWN: Final = re.compile(
    r"LATIN LETTER SMALL CAPITAL ([A-Z])|NEGATIVE (?:SQUARED|CIRCLED) LATIN CAPITAL LETTER ([A-Z])"
)
_OTHERS: Final = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u2032\u00b4", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
    **dict.fromkeys("\u2010\u2011\u2212", "-"),
    **dict.fromkeys("\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff", " "),  # skin tones
    **dict.fromkeys("\u2640\u2642\u20e3", " "),  # gender signs, and the frame of a key
    "\u0493": "f",  # often used as a small capital F
}
_SURROGATES: Final = range(0xD800, 0xE000)
_LEAF: Final = 1 << 8
_IS_VALUE: Final = 1 << 31
_BLOCK: Final = 256


def characters(listed: Path = HERE / "words.tsv") -> dict[str, str]:
    """The replacement of each character in the table.

    Args:
        listed: A TSV with words, and the emoji that become each of them.
    """
    every = [chr(code) for code in range(0x80, sys.maxunicode + 1) if code not in _SURROGATES]
    lines = "\n".join(every)
    compatible, canonical = (form.normalize_str(lines).split("\n") for form in (normalizers.NFKC(), normalizers.NFC()))
    table = {one: new for one, new, same in zip(every, compatible, canonical, strict=True) if new != same}
    for one in every:
        if letter := _DRAWN.fullmatch(unicodedata.name(one, "")):
            table[one] = (letter[1] or letter[2]).lower()
    for word, emoji in pl.read_csv(listed, separator="\t").iter_rows():
        table |= dict.fromkeys(emoji, f" {word} ")
    return table | _OTHERS


def charsmap(table: Mapping[str, str]) -> bytes:
    """A table in the format of sentencepiece's `precompiled_charsmap`.

    It consists of the size of a double-array trie in bytes, the trie over the UTF-8 of the keys, and the texts, each
    terminated by NUL; the value of a key is the position of its text. A unit of the trie has the layout of darts-clone:
    from a node at p, the child for byte c is at p ^ offset(p) ^ c and has the label c, and the value is at
    p ^ offset(p). Aoe, "An efficient digital search algorithm by using a double-array structure", 1989.

    Args:
        table: Texts without NUL, by key.
    """
    texts = bytearray()
    positions: dict[str, int] = {}
    trie: dict[int, Any] = {}
    for key, text in sorted(table.items()):
        if text not in positions:
            positions[text] = len(texts)
            texts += text.encode() + b"\0"
        node = trie
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[0] = positions[text]
    blob = _double_array(trie)
    return struct.pack("<I", len(blob)) + blob + bytes(texts)


def _double_array(trie: Mapping[int, Any]) -> bytes:
    units = [0] * _BLOCK
    taken = [True] + [False] * (_BLOCK - 1)
    bases: set[int] = set()
    first_free = 1
    waiting: list[tuple[int, Mapping[int, Any]]] = [(0, trie)]
    while waiting:
        at, node = waiting.pop()
        free = first_free
        while True:
            if free >= len(units):
                units += [0] * _BLOCK
                taken += [False] * _BLOCK
            base = free ^ min(node)
            if not taken[free] and base and base not in bases and not any(taken[base ^ byte] for byte in node):
                break
            free += 1
        bases.add(base)
        units[at] |= (at ^ base) << 10 | (_LEAF if 0 in node else 0)
        for byte, child in node.items():
            taken[base ^ byte] = True
            units[base ^ byte] = byte or _IS_VALUE | child
            if byte:
                waiting.append((base ^ byte, child))
        while first_free < len(units) and taken[first_free]:
            first_free += 1
    return struct.pack(f"<{len(units)}I", *units)


def write_words(model: Path) -> None:
    """Add the normaliser to a model folder, before the tokenizer's own.

    Args:
        model: A folder with tokenizer.json and tokenizer_config.json, but without a manifest so far.
    """
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    own = tokenizer.normalizer
    if isinstance(own, normalizers.Sequence) and isinstance(own[0], normalizers.Precompiled):
        own = own[1]
    tokenizer.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap(characters())), own])
    tokenizer.save(str(model / "tokenizer.json"))
    path = model / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    plain = {name: value for name, value in settings.items() if name not in OF_BERT}
    path.write_text(json.dumps({**plain, "tokenizer_class": PLAIN_CLASS}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_words(Path(sys.argv[1]))
