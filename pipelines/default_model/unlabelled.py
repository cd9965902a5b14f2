"""Gather sentences without labels, of the kind that users score, for the students of the default model to learn from.

python pipelines/default_model/unlabelled.py DATA WORK [--rows 250000] [--varied 0.1] [--targets 0.25]
    [--shares beige_book=0.4 reuters=0.35 wikinews=0.25]

DATA holds unlabelled/beige_book.parquet, unlabelled/reuters21578.parquet and unlabelled/wikinews.parquet. WORK has what
prepare.py left there, and gets pool_aside.parquet, one sentence in 250 of each source, to fit the temperature on (see
draw.py), and pool.parquet with the columns text, target (null for the whole text) and source:

- distinct sentences and titles of 4 to 60 words, as many as `--rows` says, from each source as `--shares` says; those
  that differ in numbers, case or punctuation only are one, and none is a text that is held out of the labelled sets;
- for a share of them (`--varied`), a copy in other styles, through varied.py;
- for a share of them (`--targets`), a row with a mention: a name in them, or something that the Beige Book speaks of.

What is drawn follows from a hash of each text, so a larger pool contains a smaller one of the same shares.
"""

import argparse
import random
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import polars as pl

from prepare import same_story, share
from varied import varied

HERE: Final = Path(__file__).parent
WORDS: Final[dict[str, list[str]]] = tomllib.loads((HERE / "unlabelled.toml").read_text(encoding="utf-8"))
HEADS, NO_NAMES = frozenset(WORDS["heads"]), frozenset(WORDS["no_names"])
FEWEST, MOST = 4, 60
"""Words of a sentence."""
ROWS: Final = 250_000
SHARES: Final = {"beige_book": 0.4, "reuters": 0.35, "wikinews": 0.25}
VARIED, TARGETS = 0.1, 0.25
ASIDE: Final = 1 / 250
"""Share of the sentences that no student learns from."""
BY_NOUN: Final = ("beige_book",)
"""Sources whose mentions are known nouns too; what news are about are names."""

_END: Final = re.compile(r"""[.!?]+["'\u201d\u2019)]*(?=\s+["'\u201c\u2018(]?[A-Z0-9])""")
_ABBREVIATED: Final = re.compile(
    rf"(?:^|[\s(\"\u201c'])(?:{'|'.join(map(re.escape, WORDS['abbreviations']))}|[A-Z]|(?:[A-Za-z]\.)+[A-Za-z])$"
)
_SPACE_BEFORE: Final = re.compile(r"\s+([,;:!?)%]|\.(?![\w-])|[\u2019']s\b)")
_SPACE_AFTER: Final = re.compile(r"([(])\s+")
_MARKUP: Final = re.compile(r"\[\[|\]\]|\{\{|\||https?:|\* \* \*|<[a-z/]+>|&#?\w+;")
_OPENING: Final = "\"'\u201c\u2018( "
_STARTING: Final = f"{_OPENING}<$#@"
_SIGNED: Final = re.compile(r"\s*\b(?:Reuter|REUTER)\s*$")
_PART: Final = r"(?:(?:[A-Z]\.){2,}|[A-Z][\w&\u2019'-]*)"
_NAME: Final = re.compile(rf"{_PART}(?:\s+(?:(?:of|of the|de|&)\s+)?{_PART})*")
_NOUNS: Final = re.compile(
    rf"\b(?:{'|'.join(sorted(map(re.escape, WORDS['nouns']), key=len, reverse=True))})\b", re.IGNORECASE
)


def sentences(text: str) -> list[str]:
    """A text's sentences: cut behind a stop that a capital or a number follows, but not behind an abbreviation."""
    found, start = [], 0
    for match in _END.finditer(text):
        before = text[start : match.start()]
        if match.group().startswith(".") and _ABBREVIATED.search(before):
            continue
        found.append(text[start : match.end()].strip())
        start = match.end()
    return [one for one in (*found, text[start:].strip()) if one]


def tidied(text: str) -> str:
    """A text with the spaces that print has, and without the name of the agency at its end."""
    text = _SIGNED.sub("", " ".join(text.split()))
    return _SPACE_AFTER.sub(r"\1", _SPACE_BEFORE.sub(r"\1", text))


def is_fit(sentence: str) -> bool:
    """Whether a sentence is of the length wanted, has no markup, and consists of words rather than of numbers."""
    words = sentence.split()
    if not words or not (sentence[0].isalnum() or sentence[0] in _STARTING):
        return False
    with_letters = sum(any(map(str.isalpha, word)) for word in words)
    return FEWEST <= len(words) <= MOST and 2 * with_letters >= len(words) and not _MARKUP.search(sentence)


def distinct(texts: Iterable[str], known: set[str]) -> Iterator[str]:
    """Texts whose story is not known yet; each becomes known."""
    for text in texts:
        story = same_story(text)
        if story and story not in known:
            known.add(story)
            yield text


def names(sentence: str) -> list[str]:
    """The names in a sentence: runs of words with a capital, without days, months and what else is no name.

    The first word has a capital whatever it is, so it is a name only together with the next. A sentence in capitals, or
    with one at the head of most of its words, says nothing of what a name is.
    """
    words = sentence.split()
    if sum(word[0].isupper() for word in words) * 2 > len(words):
        return []
    start = len(sentence) - len(sentence.lstrip(_OPENING))
    found: dict[str, None] = {}
    for match in _NAME.finditer(sentence):
        parts = match.group().split()
        while parts and parts[0] in HEADS:
            parts.pop(0)
        name = re.sub(r"['\u2019](?:s\b.*)?$", "", " ".join(parts))
        whole = match.start() > start or len(parts) > 1
        if whole and len(name) > 1 and name[0].isupper() and name not in NO_NAMES:
            found[name] = None
    return list(found)


def mentions(sentence: str, source: str) -> list[str]:
    """What a sentence of a source may be about."""
    found = [] if source not in BY_NOUN else list(dict.fromkeys(match.group() for match in _NOUNS.finditer(sentence)))
    return found or names(sentence)


def texts_of(folder: Path) -> dict[str, list[str]]:
    """Every sentence and title of each source."""
    beige = pl.read_parquet(folder / "beige_book.parquet", columns=["text"])["text"].unique(maintain_order=True)
    wires = pl.read_parquet(folder / "reuters21578.parquet", columns=["title", "body"])
    news = pl.read_parquet(folder / "wikinews.parquet", columns=["title", "text"])
    return {
        "beige_book": [one for text in beige for one in sentences(tidied(text))],
        "reuters": parts(wires["title"], wires["body"]),
        "wikinews": parts(news["title"], news["text"]),
    }


def parts(titles: Iterable[str], bodies: Iterable[str]) -> list[str]:
    """Titles, and the sentences of what stands below them."""
    return [*map(tidied, titles), *(one for body in bodies for one in sentences(tidied(body)))]


def set_aside(
    texts: Mapping[str, Iterable[str]], held: Iterable[str], part: float = ASIDE
) -> tuple[dict[str, list[str]], pl.DataFrame]:
    """The distinct sentences of each source that are fit for the pool, and those to fit the temperature on.

    Args:
        texts: The sentences of each source.
        held: Texts that may be in neither.
        part: The share of the second.
    """
    known = {same_story(text) for text in held}
    fit = {source: list(distinct(filter(is_fit, some), known)) for source, some in texts.items()}
    aside = [(text, source) for source, some in fit.items() for text in some if share(text, "aside") < part]
    table = pl.DataFrame(aside, schema={"text": pl.String, "source": pl.String}, orient="row")
    return {source: [text for text in some if share(text, "aside") >= part] for source, some in fit.items()}, table


def pool(
    texts: Mapping[str, Iterable[str]],
    rows: int = ROWS,
    shares: Mapping[str, float] = SHARES,
    copies: float = VARIED,
    targets: float = TARGETS,
) -> pl.DataFrame:
    """The pool.

    Args:
        texts: The distinct sentences of each source.
        rows: Distinct sentences in it.
        shares: How many of them are from which source.
        copies: For how many of them there is a copy in other styles.
        targets: For how many of them there is a row with a mention.
    """
    made: list[tuple[str, str | None, str]] = []
    for source, part in shares.items():
        drawn = sorted(texts[source], key=lambda text: share(text, "pool"))[: round(rows * part)]
        made += [(text, None, source) for text in drawn]
        made += [
            (varied(text, random.Random(text)), None, f"{source}_varied")  # noqa: S311 - not for secrets
            for text in drawn
            if share(text, "varied") < copies
        ]
        made += [
            (text, found[int(share(text, "which") * len(found))], source)
            for text in drawn
            if share(text, "targets") < targets and (found := mentions(text, source))
        ]
    return pl.DataFrame(made, schema={"text": pl.String, "target": pl.String, "source": pl.String}, orient="row")


def held_out(work: Path) -> list[str]:
    """The texts of every file to choose by or to report on."""
    files = [path for end in ("choose", "report", "validation") for path in sorted(work.glob(f"*_{end}.csv"))]
    return [text for path in files for text in pl.read_csv(path)["text"]]


def main() -> None:
    """Make the pool."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path, help="the folder of unlabelled/")
    parser.add_argument("work", type=Path, help="the folder that prepare.py wrote into")
    parser.add_argument("--rows", type=int, default=ROWS, help="distinct sentences")
    parser.add_argument("--shares", nargs="+", default=[f"{name}={part}" for name, part in SHARES.items()])
    parser.add_argument("--varied", type=float, default=VARIED, help="share of them that has a copy in other styles")
    parser.add_argument("--targets", type=float, default=TARGETS, help="share of them that has a row with a mention")
    given = parser.parse_args()
    shares = {name: float(part) for name, _, part in (one.partition("=") for one in given.shares)}
    if unknown := sorted(set(shares) - set(SHARES)):
        parser.error(f"there is no source {', '.join(unknown)}; there are {', '.join(SHARES)}")
    held = held_out(given.work)
    if not held:
        parser.error(f"{given.work} has no rows to choose by: run prepare.py first")
    texts, aside = set_aside(texts_of(given.data / "unlabelled"), held)
    aside.write_parquet(given.work / "pool_aside.parquet")
    table = pool(texts, given.rows, shares, given.varied, given.targets)
    table.write_parquet(given.work / "pool.parquet")
    for source, rows, pairs in (
        table.group_by("source").agg(pl.len(), pl.col("target").count().alias("pairs")).sort("source").iter_rows()
    ):
        sys.stdout.write(f"pool.parquet, {source}: {rows:,} rows, {pairs:,} of them with a mention\n")


if __name__ == "__main__":
    main()
