"""Finds the mention of a target in the text of its row."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

import polars as pl

from sentiscore.checkpoint import Checkpoint
from sentiscore.engine.pairs import SHORTEST_PAIR
from sentiscore.errors import InputError
from sentiscore.scoring.bad_rows import is_blank

LONGEST: Final = 256
"""The maximum number of characters of a mention; nothing longer is looked for."""

LOOKED_AT: Final = 250_000
"""The number of characters of a text in which a mention is looked for."""

_TEXT: Final = "text"
_TARGET: Final = "target"
_MENTION: Final = "mention"
_BEFORE: Final = str.maketrans(
    dict.fromkeys("\u2122\u2120\xae\xb9\xb2\xb3\u2070\U0001f16a\U0001f16b\U0001f16c", " ")
    | dict.fromkeys(map(chr, (*range(0x2074, 0x207A), *range(0x2460, 0x2474), *range(0x24EA, 0x2500))), " ")
    | dict.fromkeys(map(chr, (*range(0x2776, 0x2794), *range(0x3251, 0x3260), *range(0x32B1, 0x32C0))), " ")
    | dict.fromkeys("\u2010\u2011", "-")
    | dict.fromkeys("\xad\u200b\u200c\u200d\u2060\ufeff", "")
)
"""Trademark signs, superscript and circled numbers, which NFKC turns into letters and digits, and hyphens to make one
of; and soft hyphens, joiners and spaces without width, which are not to be seen."""

_APOSTROPHES: Final = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc", "'"))
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Characters of scripts that write no space between words (Thai, Lao, Burmese, Khmer, Chinese, Japanese), or none
between a word and its particle (Korean)."""

_LAST_MARK: Final = 0x1FFFF
_OF_ASCII: Final = re.compile(r"\w+|.", re.ASCII | re.DOTALL)


class Targets(NamedTuple):
    """What the sentiment of the texts of some rows is towards.

    Attributes:
        values: A mention or an entity with names, text or integers; null or blank for the whole text, shape (rows,).
        names: The names of entities, in the order in which they are looked for. Any other target is its own name.
    """

    values: pl.Series
    names: Mapping[str, Sequence[str]]


class Mentions(NamedTuple):
    """What the texts of some rows are read for.

    Attributes:
        mention: The mention of each row's target; null if its text is read alone, shape (rows,).
        absent: Whether a row has a text and a target, and its text does not mention it, shape (rows,).
    """

    mention: pl.Series
    absent: pl.Series


def check_reads_targets(checkpoint: Checkpoint, max_length: int) -> None:
    """Check that a model can read targets.

    Args:
        checkpoint: The model.
        max_length: Tokens that it reads.

    Raises:
        InputError: It cannot.
    """
    if not checkpoint.reads_targets:
        raise InputError(
            f"{checkpoint.name} cannot read targets: it was not trained on pairs of a text and a target.",
            "Train one with target_col, or score whole texts: leave out --target-col (target_col, targets).",
        )
    if max_length < SHORTEST_PAIR:
        raise InputError(
            f"A text and a target take {SHORTEST_PAIR} tokens or more, and {max_length} are read.",
            "Choose a larger --max-length (max_length).",
        )


def mentions_of(texts: pl.Series, targets: Targets) -> Mentions:
    """Find the mention of each row's target.

    Args:
        texts: Texts, nulls allowed, shape (rows,).
        targets: What each text is read for.

    Raises:
        InputError: There are more or fewer targets than texts.
    """
    values, names = targets
    if values.len() != texts.len():
        raise InputError(
            f"There must be as many targets as texts. Number of texts: {texts.len():,}; of targets: {values.len():,}.",
            "Give each text a target, or None for the whole text.",
        )
    rows = pl.DataFrame({_TEXT: texts.cast(pl.String), _TARGET: values.cast(pl.String).str.strip_chars()})
    asked = rows.filter(pl.all_horizontal(pl.all().is_not_null() & ~is_blank(pl.all()))).unique(maintain_order=True)
    found = pl.Series(_MENTION, _found(asked, names), dtype=pl.String)
    joined = rows.join(
        asked.with_columns(found, asked=pl.lit(value=True)), on=[_TEXT, _TARGET], how="left", maintain_order="left"
    )
    return Mentions(joined[_MENTION], joined["asked"].is_not_null() & joined[_MENTION].is_null())


def _found(asked: pl.DataFrame, names: Mapping[str, Sequence[str]]) -> Iterator[str | None]:
    """The first name of each target that its text mentions; None if there is none."""
    text, words = "", ""
    words_of_names: dict[str, list[tuple[str, str]]] = {}
    for row_text, target in asked.iter_rows():
        if row_text != text:  # one text after the other is often asked about several targets
            text, words = row_text, words_of(row_text)
        if target not in words_of_names:
            each = names.get(target, [target])
            words_of_names[target] = [
                (name, words_of(name)) for name in each if len(name) <= LONGEST and plain_form(name)
            ]
        yield next((name for name, of_name in words_of_names[target] if of_name in words), None)


def words_of(text: str) -> str:
    """The words of the beginning of a text and the characters between them, with a line break before and after each.

    A text contains a name, neither end of which is within a word, just if it contains the words of the name in this
    form. Finding that out takes no longer than reading both, whatever they are.
    """
    plain = plain_form(text[:LOOKED_AT])
    if len(text) > LOOKED_AT or len(plain) > LOOKED_AT:
        plain = plain[:LOOKED_AT].rpartition(" ")[0]  # without the word that was cut
    found = (_OF_ASCII if plain.isascii() else _word()).findall(plain)
    return "\n".join(["", *found, ""])


def plain_form(text: str) -> str:
    """The form in which texts and names are compared.

    That is Unicode's NFKC (https://unicode.org/reports/tr15), without case, with straight apostrophes, with one kind of
    hyphen, without characters that are not to be seen, and with one blank for each run of white space, trademark signs,
    and superscript or circled numbers.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_BEFORE)).translate(_APOSTROPHES)
    return " ".join(text.casefold().split())


@cache
def _word() -> re.Pattern[str]:
    """A run of letters, digits and underscores of a script with spaces between words; or any other character.

    Marks, such as vowel signs, are a part of the word, which `re` alone does not know.
    """
    marks = "".join(char for char in map(chr, range(_LAST_MARK)) if unicodedata.category(char)[0] == "M")
    spaced = re.sub(f"[{_UNSPACED}]", "", marks)
    return re.compile(rf"(?:[^\W{_UNSPACED}]+|[{spaced}]+)+|.", re.DOTALL)
