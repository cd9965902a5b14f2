"""Write copies of labelled texts in other styles: what is said stays the same, and so does the label.

python pipelines/default_model/varied.py WORK

WORK has what prepare.py left; it gets, as CSV with the columns text and label, varied_films_train (whole sentences of
SST-2, in which quotation marks, contractions and capitals are as people write them), varied_headlines_train and
varied_tweets_train. Texts to train on are the only ones that are read. A model that knows reviews without links and
tweets with them takes a link for a tweet, and so for neutral; these copies say that it is not.

Each style is a function of a text and of a source of chance: KINDS names them all, in the order in which they are laid
on, and how often each is. An emoji goes with the label, and is written as itself or as the word for it in words.tsv.
"""

import random
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import polars as pl

HERE: Final = Path(__file__).parent
WORDS: Final[dict[str, Any]] = tomllib.loads((HERE / "varied.toml").read_text(encoding="utf-8"))
ROWS: Final = {"films": 12_000, "headlines": 6_000, "tweets": 4_000}
"""Copies of each set."""
SOURCES: Final = {"films": "films_sentences", "headlines": "headlines_train", "tweets": "tweets_train"}
HOW_MANY: Final = {1: 0.55, 2: 0.33, 3: 0.12}
"""Styles of one copy, and how often."""

Style = Callable[[str, random.Random], str]

_BEFORE: Final = re.compile(r"\s+(n't\b|'(?:s|re|ve|ll|d|m)\b|'(?=\s|$)|[,.;:!?%)\]]|\.\.\.)")
_AFTER: Final = re.compile(r"([(\[$#])\s+")
_QUOTES: Final = ((re.compile(r"``\s*(.*?)\s*''"), r'"\1"'), (re.compile(r"`\s*(.*?)\s*'(?=\s|$)"), r"'\1'"))
_FIRST_PERSON: Final = re.compile(r"\bi(?='|\b)(?!\.)")
_LETTERS: Final = re.compile(r"[A-Za-z]{4,}")
_KEEP: Final = {"none", "never", "cannot", "without", "less", "more", "hardly"}
"""Words of which a letter decides what a text says."""
_ROWS_OF_KEYS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def natural(text: str) -> str:
    """A sentence of SST-2, whose tokens stand apart and are in lower case, as people write it."""
    text = text.replace("-lrb-", "(").replace("-rrb-", ")")
    for pattern, new in _QUOTES:
        text = pattern.sub(new, text)
    text = _AFTER.sub(r"\1", _BEFORE.sub(r"\1", text))
    text = _FIRST_PERSON.sub("I", text)
    start = re.search(r"[A-Za-z]", text)
    return text if start is None else text[: start.start()] + text[start.start() :][:1].upper() + text[start.end() :]


def once_in(share: float, chance: random.Random) -> bool:
    """Whether something happens that happens so often."""
    return chance.random() < share


def ended(text: str) -> str:
    """A text with a full stop, unless it ends in some such sign."""
    return text if re.search(r"""[.!?…]["')”]?$""", text) else f"{text}."


def contracted(text: str, chance: random.Random) -> str:
    """The contractions of a text written out, or what can be contracted contracted."""
    split = once_in(0.5, chance)
    for long, short in WORDS["contractions"].items():
        old, new = (short, long) if split else (long, short)
        text = re.sub(rf"\b{old}\b", new, text)
        text = re.sub(rf"\b{old[0].upper()}{old[1:]}\b", new[0].upper() + new[1:], text)
    return text


def mistyped(text: str, chance: random.Random) -> str:
    """One or two letters swapped, dropped, doubled or hit beside."""
    for _ in range(chance.choice((1, 1, 2))):
        words = [match for match in _LETTERS.finditer(text) if match.group().lower() not in _KEEP]
        if not words:
            return text
        word = chance.choice(words)
        at = chance.randrange(word.start() + 1, word.end() - 1)
        one, following = text[at], text[at + 1]
        new = chance.choice((following + one, following, one + one + following, beside(one, chance) + following))
        text = text[:at] + new + text[at + 2 :]
    return text


def beside(letter: str, chance: random.Random) -> str:
    """A letter next to another on the keyboard."""
    row = next(row for row in _ROWS_OF_KEYS if letter.lower() in row)
    at = row.index(letter.lower())
    return chance.choice(row[max(0, at - 1) : at] + row[at + 1 : at + 2])


def curly(text: str, _: random.Random) -> str:
    """Apostrophes and quotation marks as word processors set them."""
    text = re.sub(r'"([^"]*)"', "“\\1”", text)
    return re.sub(r"(?<=\w)'", "\u2019", text)


def without_apostrophes(text: str, chance: random.Random) -> str:
    """Contractions without apostrophes, or with a space before them, as in SST-2."""
    if once_in(0.7, chance):
        return re.sub(r"(?<=\w)'(?=(?:s|t|re|ve|ll|d|m)\b)", "", text)
    return re.sub(r"(?<=\w)(n't|'(?:s|re|ve|ll|d|m))\b", r" \1", text)


def escaped(text: str, chance: random.Random) -> str:
    """Entities of HTML for quotation marks and ampersands."""
    new = text.replace("&", "&amp;").replace("'", chance.choice(("&#39;", "&apos;", "&#x27;"))).replace('"', "&quot;")
    return new if new != text else chance.choice((f"&quot;{text}&quot;", f"{text}&nbsp;", f"&gt; {text}"))


def shouted(text: str, _: random.Random) -> str:
    """All in capitals."""
    return re.sub(r"(?<!\S)(?!https?:)\S+", lambda match: match[0].upper(), text)


def titled(text: str, _: random.Random) -> str:
    """Capitals at the head of the words."""
    return re.sub(r"(?<![\w'\u2019/.&])([a-z])(?=\w{2})", lambda match: match[1].upper(), text)


def lowered(text: str, _: random.Random) -> str:
    """No capitals."""
    return re.sub(r"(?<!\S)(?!https?:)\S+", lambda match: match[0].lower(), text)


def with_boilerplate(text: str, chance: random.Random) -> str:
    """A sentence after it that every article has."""
    return f"{ended(text)} {chance.choice(WORDS['boilerplate'])}"


def quoted(text: str, chance: random.Random) -> str:
    """In quotation marks, with who says it."""
    said = chance.choice(WORDS["speakers"])
    text = text.replace('"', "'")
    if re.search(r"[!?]$", text):
        return f'"{text}" {said}.'
    return chance.choice((f'"{text.removesuffix(".")}," {said}.', f'{said[0].upper()}{said[1:]}: "{text}"'))


def reported(text: str, chance: random.Random) -> str:
    """With where it was read."""
    where = chance.choice(WORDS["reports"])
    if once_in(0.5, chance) and text.endswith(".") and not text.endswith(".."):
        return f"{text.removesuffix('.')}, {where}."
    return f"{where[0].upper()}{where[1:]}: {text}"


def with_tags(text: str, chance: random.Random) -> str:
    """One to three hashtags after it."""
    return " ".join([text, *chance.sample(WORDS["tags"], chance.choice((1, 1, 2, 3)))])


def with_ticker(text: str, chance: random.Random) -> str:
    """A ticker before or after it."""
    ticker = chance.choice(WORDS["tickers"])
    before = (f"{ticker} - {text}", f"{ticker}: {text}", f"{ticker} {text}")
    return chance.choice((*before, f"{text} {ticker}", f"{text} {ticker} {chance.choice(WORDS['tickers'])}"))


def with_dateline(text: str, chance: random.Random) -> str:
    """The city, day and agency of a wire before it."""
    city, agency = chance.choice(WORDS["cities"]), chance.choice(WORDS["agencies"])
    day = f"{chance.choice(WORDS['months'])} {chance.randint(1, 28)}"
    heads = (
        f"{city}, {day} ({agency}) - ",
        f"{city} ({agency}) - ",
        f"{city} -- ",
        f"{city}, {day} - ",
        f"{city} ({agency}) \u2014 ",
        f"({agency}) {city}: ",
        f"{city.title()}, {day}: ",
    )
    return chance.choice(heads) + text


def alerted(text: str, chance: random.Random) -> str:
    """A word of the wire before it."""
    return f"{chance.choice(WORDS['alerts'])}{text}"


def with_handle(text: str, chance: random.Random) -> str:
    """Users that are spoken to."""
    users = [f"@{user}" for user in chance.sample(WORDS["users"], chance.choice((1, 1, 2)))]
    return " ".join([*users, text] if once_in(0.6, chance) else [text, chance.choice(("via", "cc", "h/t")), *users])


def with_link(text: str, chance: random.Random) -> str:
    """A link after it."""
    end = "".join(
        chance.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=chance.randint(6, 10))
    )
    return f"{text} {chance.choice(('https', 'https', 'http'))}://{chance.choice(WORDS['hosts'])}/{end}"


def retweeted(text: str, chance: random.Random) -> str:
    """As another user's tweet, often with a link."""
    kind, colon = chance.choice(("RT", "RT", "MT", "QT")), chance.choice((":", ":", ""))
    text = f"{kind} @{chance.choice(WORDS['users'])}{colon} {text}"
    return with_link(text, chance) if once_in(0.6, chance) else text


KINDS: Final[dict[Style, float]] = {
    contracted: 1.0,
    mistyped: 1.5,
    curly: 1.0,
    without_apostrophes: 0.8,
    escaped: 0.6,
    shouted: 0.5,
    titled: 0.5,
    lowered: 0.3,
    with_boilerplate: 1.2,
    quoted: 0.6,
    reported: 0.6,
    with_tags: 0.8,
    with_ticker: 0.7,
    with_dateline: 1.2,
    alerted: 0.8,
    with_handle: 0.8,
    with_link: 1.0,
    retweeted: 1.5,
}
"""Every style that goes with any label, in the order in which they are laid on, and how often beside the others."""
EMOJI: Final = 0.09
"""Share of the copies that have emoji."""
FEWEST: Final = 3
"""Words of the shortest text that is copied."""


def words_of_emoji(path: Path = HERE / "words.tsv") -> dict[str, str]:
    """The word for each emoji that has one."""
    rows = pl.read_csv(path, separator="\t").select("word", "characters").iter_rows()
    return {character: word for word, characters in rows for character in characters}


def with_emoji(text: str, label: str, kind: str, written: dict[str, str], chance: random.Random) -> str:
    """Emoji that agree with a label, as they are or as the words for them."""
    choices = WORDS["emoji"].get(label if kind == "films" else f"{label}_news")
    drawn = chance.sample(choices, chance.choice((1, 1, 2)))
    if once_in(0.25, chance):
        drawn = drawn[:1] * 3
    if once_in(0.5, chance):
        drawn = list(dict.fromkeys(written.get(one, one) for one in drawn))
    joined = ("" if not any(map(str.isascii, drawn)) and once_in(0.5, chance) else " ").join(drawn)
    return f"{text} {joined}" if once_in(0.8, chance) else f"{joined} {text}"


def varied(text: str, chance: random.Random) -> str:
    """A copy in one to three styles."""
    count = chance.choices(list(HOW_MANY), weights=list(HOW_MANY.values()))[0]
    chosen: set[Style] = set()
    while len(chosen) < count:
        chosen.add(chance.choices(list(KINDS), weights=list(KINDS.values()))[0])
    for style in KINDS:
        if style in chosen:
            text = style(text, chance)
    return text


def copies(rows: pl.DataFrame, kind: str, count: int) -> pl.DataFrame:
    """So many copies of labelled rows, each of a row as often as any other."""
    chance = random.Random(f"varied {kind}")  # noqa: S311 - not for secrets
    written = words_of_emoji()
    texts, labels = rows["text"].to_list(), rows["label"].to_list()
    order: list[int] = []
    while len(order) < count:
        order += chance.sample(range(len(texts)), len(texts))
    made: dict[str, str] = {}
    for at in order[:count]:
        text = natural(texts[at]) if kind == "films" else texts[at]
        if once_in(EMOJI, chance):
            text = with_emoji(text, labels[at], kind, written, chance)
            text = varied(text, chance) if once_in(0.3, chance) else text
        elif kind != "films" or once_in(0.9, chance):
            text = varied(text, chance)
        made.setdefault(text, labels[at])
    return pl.DataFrame({"text": list(made), "label": list(made.values())})


def main(work: Path) -> None:
    """Make the three files."""
    for kind, count in ROWS.items():
        rows = pl.read_csv(work / f"{SOURCES[kind]}.csv").filter(pl.col("text").str.count_matches(r"\w+") >= FEWEST)
        table = copies(rows, kind, count)
        table.write_csv(work / f"varied_{kind}_train.csv")
        sys.stdout.write(f"varied_{kind}_train.csv: {table.height:,} rows\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
