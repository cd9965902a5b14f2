"""Readers that know words and nothing else: what a model has to beat."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from sentiscore.behaviour.judging import Answer
from sentiscore.behaviour.readers import Asked, Progress, Reader
from sentiscore.errors import InputError, import_extra
from sentiscore.fitting import shown
from sentiscore.labels import CLASSES, NEGATIVE, NEUTRAL, POSITIVE, meanings_of
from sentiscore.scoring.mentions import plain_form
from sentiscore.tables.limits import LABELLED_ROWS
from sentiscore.tables.opening import open_source, read_table

VADER: Final = "vader"
_VADER_NEUTRAL: Final = 0.05
"""Below this size VADER's authors call a compound score neutral."""
_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_FORMS: Final = "It needs the columns word and label, word and polarity, or word, negative and positive, in any case."
_SIGN: Final = {POSITIVE: 1, NEGATIVE: -1, NEUTRAL: 0}


class WordReader:
    """A reader that gives each text a number.

    Args:
        name: What the report calls it.
        sentiment: From -1 to 1, for a text.
        least: Below this size a sentiment is neutral.
    """

    labels = CLASSES
    reads_targets = False

    def __init__(self, name: str, sentiment: Callable[[str], float], least: float = 0.0) -> None:
        self.name = name
        self._sentiment = sentiment
        self._least = least

    def read(self, asked: Sequence[Asked], progress: Progress | None = None) -> list[Answer]:
        """Its answers; a sentiment of 0 is neutral."""
        answers = []
        for done, (text, _) in enumerate(asked, start=1):
            value = self._sentiment(text)
            is_neutral = value == 0 or abs(value) < self._least
            answers.append(Answer(NEUTRAL if is_neutral else POSITIVE if value > 0 else NEGATIVE, value))
            if progress is not None:
                progress(done, len(asked))
        return answers


def baseline(which: str | Path) -> Reader:
    """A reader to compare a model with.

    Args:
        which: "vader", or the file of a word list.

    Raises:
        InputError: The file cannot be read, or is not a list of words.
        MissingExtraError: vaderSentiment is not installed.
    """
    return vader() if which == VADER else word_list(which)


def vader() -> Reader:
    """VADER's rules and word list, with its authors' threshold for neutral.

    C. Hutto and E. Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text",
    ICWSM 2014.

    Raises:
        MissingExtraError: vaderSentiment is not installed.
    """
    analyzer = import_extra("vaderSentiment.vaderSentiment", "evaluate").SentimentIntensityAnalyzer()
    return WordReader(VADER, lambda text: float(analyzer.polarity_scores(text)["compound"]), _VADER_NEUTRAL)


def word_list(path: str | Path) -> Reader:
    """The tone of a text by a list of words.

    It is (positive - negative) / (positive + negative) words, or 0 without such words, as in E. Henry, "Are Investors
    Influenced By How Earnings Press Releases Are Written?", Journal of Business Communication 45, 2008. A word is a run
    of letters, in any case and of any alphabet, with apostrophes only between letters.

    Args:
        path: A table with the columns word and label (names), word and polarity (numbers, of which the sign counts), or
            word, negative and positive (a word belongs where the number is above 0, as in Loughran and McDonald's
            master dictionary).

    Raises:
        InputError: It cannot be read, or is not such a table.
    """
    signs = _signs(Path(path))

    def tone(text: str) -> float:
        found = [sign for word in _WORD.findall(plain_form(text)) if (sign := signs.get(word))]
        return sum(found) / len(found) if found else 0.0

    return WordReader(Path(path).name, tone)


def _signs(path: Path) -> Mapping[str, int]:
    """1 or -1 for each word that is positive or negative."""
    named = {name.strip().lower(): name for name in open_source(path).schema}
    if "word" not in named:
        raise InputError(f"{path} has no column of words.", _FORMS)
    marks = next(
        (form for form in (["label"], ["polarity"], ["positive", "negative"]) if set(form) <= named.keys()), []
    )
    if not marks:
        raise InputError(f"{path} does not say which words are positive.", _FORMS)
    table = read_table(path, [named[name] for name in ("word", *marks)], most_rows=LABELLED_ROWS)
    words, *columns = table.get_columns()
    if empty := [row for row, word in enumerate(words, start=1) if word is None or not str(word).strip()]:
        raise InputError(f"Row {empty[0]:,} of {path} has no word.", "Remove the row, or add its word.")
    words = words.cast(pl.String)
    if marks == ["label"]:
        signs = [_sign_of_label(label, word, path) for word, label in zip(words, columns[0], strict=True)]
    else:  # how positive a word is and how negative, or a polarity, which says both
        positive, *rest = [_numbers(column, words, path) for column in columns]
        negative = rest[0] if rest else [-number for number in positive]
        signs = [(good > 0) - (bad > 0) for good, bad in zip(positive, negative, strict=True)]
    return _by_word(zip(words, signs, strict=True), path)


def _by_word(pairs: Iterable[tuple[str, int]], path: Path) -> Mapping[str, int]:
    """The signs of words in the form in which texts are searched, without those that are neither."""
    found: dict[str, int] = {}
    for word, sign in pairs:
        plain = plain_form(word)
        if sign and not _WORD.fullmatch(plain):
            raise InputError(
                f"{path} has the entry {shown(word)}, which is never found in a text.",
                "An entry is one word: letters, with apostrophes only between letters. Remove it.",
            )
        if found.setdefault(plain, sign) != sign:
            raise InputError(
                f"{path} has the word {shown(word)} twice, and its rows contradict each other.",
                "Remove one of them; upper and lower case are the same word.",
            )
    kept = {word: sign for word, sign in found.items() if sign}
    if not kept:
        raise InputError(f"{path} has no word that is positive or negative.", _FORMS)
    return kept


def _sign_of_label(label: object, word: str, path: Path) -> int:
    wanted = "Labels are negative, neutral and positive."
    if label is None:
        raise InputError(f"The word {shown(word)} of {path} has no label.", wanted)
    (meaning,) = meanings_of([str(label)])
    if meaning is None:
        raise InputError(f"The word {shown(word)} of {path} has the label {shown(label)}.", wanted)
    return _SIGN[meaning]


def _numbers(column: pl.Series, words: pl.Series, path: Path) -> list[float]:
    numbers = column.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)
    wrong = numbers.is_null() | numbers.is_nan().fill_null(value=True)
    if wrong.any():
        value = column.filter(wrong)[0]
        raise InputError(
            f"The word {shown(words.filter(wrong)[0])} of {path} has "
            + (f"no {column.name}." if value is None else f"the {column.name} {shown(value)}, which is not a number."),
            _FORMS,
        )
    return numbers.to_list()
