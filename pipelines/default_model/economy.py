"""Generate labelled sentences about the economy, where a fall can be good news and a rise can be bad news.

python pipelines/default_model/economy.py WORK

WORK gets economy_train.csv and economy_report.csv with the columns text and label. The headlines and tweets that the
default model learns from are about shares, where a fall is bad; a model that knows nothing else calls falling
unemployment bad news. These sentences teach otherwise. They are composed at random from economy.toml, always with the
same result, and about a sixth of the things that rise and fall only occurs in the report's sentences.
"""

import hashlib
import random
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

_SEED: Final = 0
_ROWS: Final = {"train": 6_000, "report": 600}
_HELD_OUT: Final = 6
_OPPOSITE: Final = {"positive": "negative", "negative": "positive", "neutral": "neutral"}
_LABEL_OF: Final = {
    "more_is_good": "positive",
    "more_is_bad": "negative",
    "firm_more_is_good": "positive",
    "firm_more_is_bad": "negative",
    "either": "neutral",
}
"""The label of a rise, by the kind of thing that rises."""

_KINDS: Final = {"more_is_good": 4, "more_is_bad": 4, "firm_more_is_good": 2, "firm_more_is_bad": 2, "either": 2}
_MOVES: Final = {"past": 46, "present": 20, "noun": 10, "same": 8, "stops_rising": 8, "stops_falling": 8}
"""Relative frequencies of the kinds of things, and of their moves."""

_DETAILS: Final = {"manner": 0.2, "by": 0.3, "to": 0.25, "from": 0.25, "when": 0.5}
_SAYING: Final = 0.25
_TWO_MOVES: Final = 0.15
_CAPITALS: Final = 0.15
"""The probability that a sentence has each of these."""

_AFTER_THE_NOUN: Final = re.compile(" (?:of|for|at|on|to|with|in|among|without|about|before|from) ")
_PLURAL: Final = {"is": "are", "was": "were", "goes": "go"}


def sentences(words: dict[str, Any], part: str) -> Iterator[tuple[str, str]]:
    """An endless series of sentences and their labels; `part` is train or report."""
    chance = random.Random(f"{_SEED} {part}")  # noqa: S311 - not used for security
    while True:
        if chance.random() < _SAYING:
            label = chance.choice(list(words["sayings"]))
            kind, clause = "more_is_good", chance.choice(mine(words["sayings"][label], part))
        else:
            kind = one_of(_KINDS, chance)
            clause, label = move(words, kind, part, chance)
            second, same = move(words, kind, part, chance)
            if same == label and chance.random() < _TWO_MOVES:
                clause = f"{clause} and {second}"
        frame = chance.choice(words["frames"]["firm" if kind.startswith("firm") else "economy"])
        text = frame.format(x=clause, y=clause.removeprefix("the "))
        yield (text.title() if chance.random() < _CAPITALS else text[0].upper() + text[1:]), label


def move(words: dict[str, Any], kind: str, part: str, chance: random.Random) -> tuple[str, str]:
    """A clause that says how something moved, and its label."""
    name = chance.choice(mine(words["names"][kind], part))
    label, how = _LABEL_OF[kind], one_of(_MOVES, chance)
    if how in words["turns"]:
        labels = {"same": "neutral", "stops_rising": _OPPOSITE[label], "stops_falling": label}
        return f"{name} {agreeing(name, chance.choice(words['turns'][how]))}", labels[how]
    way = chance.choice(("up", "down"))
    label = label if way == "up" else _OPPOSITE[label]
    word = chance.choice(words[way][how])
    if how == "noun":
        return f"officials pointed to {word} {name if word.endswith('in') else name.removeprefix('the ')}", label
    details = [chance.choice(words["amounts"][one]) for one, share in _DETAILS.items() if chance.random() < share]
    return " ".join([name, agreeing(name, word), *details]), label


def one_of(shares: dict[str, int], chance: random.Random) -> str:
    """Choose one of several things, with these relative frequencies."""
    return chance.choices(list(shares), weights=list(shares.values()))[0]


def agreeing(name: str, verb: str) -> str:
    """The verb in the singular or plural, to agree with its subject."""
    if not _AFTER_THE_NOUN.split(name)[0].endswith("s"):
        return verb
    first, space, rest = verb.partition(" ")
    return _PLURAL.get(first, first.removesuffix("s") if first.endswith("s") else first) + space + rest


def mine(things: list[str], part: str) -> list[str]:
    """The entries of a list that a part uses: the report has those that the training rows do not have."""
    held_out = [hashlib.sha256(thing.encode()).digest()[0] % _HELD_OUT == 0 for thing in things]
    return [thing for thing, held in zip(things, held_out, strict=True) if held == (part == "report")]


def main(work: Path) -> None:
    """Write both files."""
    words = tomllib.loads(Path(__file__).with_name("economy.toml").read_text(encoding="utf-8"))
    for part, rows in _ROWS.items():
        made: dict[str, str] = {}
        for text, label in sentences(words, part):
            made.setdefault(text, label)
            if len(made) == rows:
                break
        table = pl.DataFrame({"text": list(made), "label": list(made.values())})
        table.write_csv(work / f"economy_{part}.csv")
        sys.stdout.write(f"economy_{part}.csv: {table.height:,} rows\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
