"""Write labelled sentences from lists of words and frames, which lie in the TOML files beside this script.

python pipelines/default_model/templates.py WORK

WORK gets, as CSV: news_train (news.toml: good and bad things that rise and fall, what was expected, numbers),
boilerplate_train (boilerplate.toml: sentences without judgement, and people of every kind), opinions_train
(opinions.toml: praise and blame, and what a "not" or a "but" does to them), all with the columns text and label; and
targets_made_train (targets.toml: two in one sentence, of which one fares well), with text, target and label. The same
words always make the same sentences. The label of each follows from its kind alone: the head of each TOML file states
the rule.

How a frame is written:
- `{name}` is one of the list `name`, the same one wherever the frame repeats it; `{name2}` is another of it.
- `{one|two}` is one or the other; `{|very}` may be nothing.
- `{low:unit}` and `{high:unit}` are a smaller and a larger number of a unit, `{num:unit}` any number of it.
- `rises^rise` is the first after a singular noun and the second after a plural one; `counted` names the lists of nouns.
"""

import random
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

_SEED: Final = 1
FILES: Final = {"news": 9_000, "boilerplate": 6_000, "opinions": 3_000, "targets": 5_000}
"""The files of words, and how many rows each is for."""
_NAMES: Final = {"targets": "targets_made"}
_TITLE, _PLAIN, _BARE = 0.06, 0.02, 0.15
"""How often a sentence has every word in capitals, none, and no full stop."""

_SLOT: Final = re.compile(r"\{([^{}]+)\}|([\w']+)\^([\w']+)")
_AFTER_THE_NOUN: Final = re.compile(" (?:of|for|at|on|to|with|in|among|without|about|before|from|by|per) ")
_SINGULAR: Final = ("ss", "us", "is", "news", "series")
_AN: Final = re.compile(r"\b([Aa]) (?=[aeioAEIO8]|u(?!ni|se)|U(?!n?i|s|K|S))(?!one\b|eu|Eu)")
_SPACES: Final = re.compile(r"\s+(?=[\s,.;:!?)%])|(?<=\()\s+")

_NUMBERS: Final[Mapping[str, Sequence[tuple[str, float, float]]]] = {
    "pct": [
        *((pattern, 0.3, 18) for pattern in ("{:.1f} percent", "{:.1f}%", "{:.1f} pct")),
        *((pattern, 2, 40) for pattern in ("{:.0f}%", "{:.0f} percent")),
    ],
    "money": [
        *((pattern, 0.6, 30) for pattern in ("${:.1f} billion", "${:.2f} bn", "${:.1f}B")),
        *((pattern, 9, 700) for pattern in ("${:.0f} million", "€{:.0f} million", "£{:.0f}m", "Rs {:.0f} crore")),
        *((pattern, 1, 90) for pattern in ("EUR{:.1f} mn", "{:.1f} mln dlrs", "CHF {:.1f} million", "{:.1f} bn yen")),
    ],
    "share": [
        *((pattern, 0.2, 5) for pattern in ("${:.2f} a share", "${:.2f} per share")),
        *((pattern, 8, 90) for pattern in ("{:.0f} cents a share", "{:.0f} cents per share")),
    ],
    "count": [("{:,.0f}", 1_100, 90_000), ("{:.0f},000", 11, 400), ("{:.1f} million", 1.1, 9)],
    "rate": [(pattern, 1.2, 12) for pattern in ("{:.1f} percent", "{:.1f}%", "{:.2f}%", "{:.1f} per cent")],
    "index": [("{:.1f}", 41, 56), ("{:.0f}", 71, 110)],
    "days": [("{:.0f} days", 11, 60), ("{:.0f} weeks", 3, 20)],
    "points": [("{:.0f} basis points", 15, 200), ("{:.0f} bps", 15, 200)],
}
"""Patterns of each unit, with the least and the most."""
_FURTHER: Final = {"index": 1.2, "rate": 1.6}
"""The larger of two numbers is at most so many times the smaller, where that is not 1.9."""


@dataclass
class Sentence:
    """What the slots that have been filled have left behind."""

    memory: dict[str, str] = field(default_factory=dict)
    plural: bool = False


def written(frame: str, lists: Mapping[str, Sequence[str]], chance: random.Random, sentence: Sentence) -> str:
    """A frame with all its slots filled."""

    def filled(match: re.Match[str]) -> str:
        slot, one, many = match.groups()
        if slot is None:
            return str(many if sentence.plural else one)
        if "|" in slot:
            return str(chance.choice(slot.split("|")))
        if ":" in slot:
            which, unit = slot.split(":")
            return number(which, unit, sentence.memory, chance)
        name = slot.rstrip("0123456789")
        if slot not in sentence.memory:
            taken = [value for key, value in sentence.memory.items() if key.rstrip("0123456789") == name]
            things = draws(lists[name], lists, chance, sentence.plural)
            sentence.memory[slot] = next(one for one in things if not any(alike(one, other) for other in taken))
        if name in lists["counted"]:
            sentence.plural = is_plural(sentence.memory[slot])
        return sentence.memory[slot]

    return _SLOT.sub(filled, frame)


def draws(
    things: Sequence[str], lists: Mapping[str, Sequence[str]], chance: random.Random, plural: bool
) -> Iterator[str]:
    """Things of a list without end, each with its own slots filled."""
    while True:
        yield written(chance.choice(things), lists, chance, Sentence(plural=plural))


def alike(one: str, other: str) -> bool:
    """Whether two things are the same, or have a name in common."""
    return one == other or bool(names_in(one) & names_in(other))


def names_in(text: str) -> set[str]:
    """The words of a text that begin with a capital."""
    return {word for word in text.split() if word[0].isupper()}


def number(which: str, unit: str, memory: dict[str, str], chance: random.Random) -> str:
    """A number of a unit: `low` is less than `high`, and both are written alike."""
    key = f"{which}:{unit}"
    while key not in memory:
        pattern, least, most = chance.choice(_NUMBERS[unit])
        low = chance.uniform(least, most)
        high = low * chance.uniform(1.03, _FURTHER.get(unit, 1.9))
        pair = pattern.format(low), pattern.format(high)
        if pair[0] != pair[1]:
            if which.startswith("num"):
                memory[key] = pair[0]
            else:
                memory[f"low:{unit}"], memory[f"high:{unit}"] = pair
    return memory[key]


def is_plural(noun: str) -> bool:
    """Whether a noun takes a verb in the plural."""
    head = _AFTER_THE_NOUN.split(noun)[0]
    return head.endswith("s") and not head.endswith(_SINGULAR)


def tidy(text: str) -> str:
    """A sentence with the right articles, single spaces and a capital at its head."""
    text = _SPACES.sub("", " ".join(text.split()))
    text = _AN.sub(r"\1n ", text).replace("s's ", "s' ")
    return text[:1].upper() + text[1:]


def dressed(text: str, chance: random.Random) -> str:
    """A sentence as one of several styles writes it."""
    style = chance.random()
    if style < _TITLE:
        return re.sub(r"(?<![\w'])([a-z])(?=\w{2})", lambda match: match[1].upper(), text).removesuffix(".")
    if style < _TITLE + _PLAIN:
        return text.lower()
    return text.removesuffix(".") if style < _TITLE + _PLAIN + _BARE else text


def rows_of(words: Mapping[str, Any], seed: str) -> Iterator[dict[str, str]]:
    """Rows without end: text and label, and target where a kind has one label for each of its slots."""
    chance = random.Random(f"{_SEED} {seed}")  # noqa: S311 - not for secrets
    kinds, lists = words["kinds"], words["lists"]
    frames = {kind["name"]: list(kind["frames"]) for kind in kinds}
    while True:
        kind = chance.choices(kinds, weights=[kind["share"] for kind in kinds])[0]
        sentence = Sentence()
        text = tidy(written(chance.choice(frames[kind["name"]]), lists, chance, sentence))
        if "label" in kind:
            yield {"kind": kind["name"], "text": dressed(text, chance), "label": kind["label"]}
        else:
            for slot, label in kind["labels"].items():
                mention = sentence.memory.get(slot, "")
                mention = mention if mention in text else mention[:1].upper() + mention[1:]
                if mention and mention in text:
                    yield {"kind": kind["name"], "text": text, "target": mention, "label": label}


def made(words: Mapping[str, Any], count: int, seed: str = "") -> pl.DataFrame:
    """So many different rows."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows_of(words, seed):
        rows.setdefault((row["text"].lower(), row.get("target", "")), row)
        if len(rows) == count:
            break
    return pl.DataFrame(list(rows.values()))


def main(work: Path) -> None:
    """Make the files."""
    for name, count in FILES.items():
        words = tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))
        table = made(words, count, name)
        path = work / f"{_NAMES.get(name, name)}_train.csv"
        table.drop("kind").write_csv(path)
        sys.stdout.write(f"{path.name}: {table.height:,} rows\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
