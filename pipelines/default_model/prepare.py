"""Divide the labelled data of the embedded default model into rows to train on, to choose by, and to report on.

python pipelines/default_model/prepare.py DATA WORK

DATA holds sst2/train.tsv, sst2/validation.tsv, headlines/sentfin.csv, headlines/twitter_fin.csv and the files of
targets/. WORK gets, as CSV with the columns text and label: sst2_train and sst2_validation (as they are), films_train,
films_phrases, films_sentences, films_choose, headlines_train, headlines_choose, headlines_report, tweets_train,
tweets_choose, tweets_report and news_report (both reports together). SST-2's own validation rows are for the report.
With a column target too, where the label is for the entity that the text mentions: targets_headlines (train, choose,
report; SEntFiN), targets_news (the same; NewsMTSC, whose validation rows are the report), targets_firms (train, report;
FinEntity) and targets_reviews (train, choose; MAMS).

- SST-2's training rows are phrases of whole sentences that are rows too. Held-out sentences take all their phrases of
  three words and more with them, or the choice would be made on rows that were trained on.
- films_sentences are the whole sentences among films_train, for models that are slow to train, and for the second part
  of the student's training; films_phrases are films_train with two in five of the phrases that are shorter than four
  words, and three in four of the longer ones.
- Headlines that differ in links, numbers, case or punctuation only go to the same part.
- A tenth of the headlines and tweets is to choose by, and another tenth for the report. Half of the tweets to train on
  lose their links, so that the model reads both.
- The headlines with targets are divided as the headlines are, so that one that is held out is held out of both.
- A mention that its text does not contain is dropped, and a mention of a text that has two labels.
- A text to train on that is also a text to choose by or to report on, of whichever set, is dropped.

Which part a text goes to follows from a hash of it, so the same data is always divided in the same way.
"""

import hashlib
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import polars as pl

from sentiscore import read_labelled

_LINK: Final = re.compile(r"\s*https?://\S+")
_HELD_OUT: Final = 0.1
_WITHOUT_LINK: Final = 0.5
_FEWEST: Final = 8
"""Words of the shortest sentence that is held out."""
_SHORT: Final = 4
"""Words of a phrase that is a text of its own: of two sets that have it in common, only one may train on it."""
_OF_THE_SHORT, _OF_THE_LONG = 0.4, 0.75
"""Shares of the phrases, short and long, that are read beside the whole sentences."""
_OF_REVIEWS: Final = 0.4
"""Share of the pairs from reviews of restaurants that a student reads."""
_COLUMNS: Final = ("text", "target", "label")


def share(text: str, purpose: str) -> float:
    """A number from 0 to 1 that follows from a text alone."""
    return int.from_bytes(hashlib.sha256(f"{purpose}\0{text}".encode()).digest()[:6], "big") / 2**48


def whole_sentences(phrases: Iterable[str]) -> list[str]:
    """The phrases that are no part of another."""
    parts: set[str] = set()
    whole = []
    for phrase in sorted(set(phrases), key=lambda text: (-len(text.split()), text)):
        if phrase not in parts:
            whole.append(phrase)
            parts |= spans(phrase)
    return whole


def spans(sentence: str, fewest: int = 1) -> set[str]:
    """Every run of words in a sentence, itself included."""
    words = sentence.split()
    return {" ".join(words[i:j]) for i in range(len(words)) for j in range(i + fewest, len(words) + 1)}


def same_story(text: str) -> str:
    """What a headline has in common with its copies."""
    return " ".join(re.findall(r"[a-z$]+", _LINK.sub("", text).lower()))


def divide_films(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """SST-2's training rows, without the phrases of held-out sentences, and those sentences."""
    rows = rows.with_columns(pl.col("text").str.strip_chars())
    whole = whole_sentences(rows["text"])
    chosen = [s for s in whole if len(s.split()) >= _FEWEST and share(s, "films") < _HELD_OUT]
    gone = set().union(*(spans(sentence, 3) for sentence in chosen))
    kept = pl.Series([text not in gone for text in rows["text"]], dtype=pl.Boolean)
    train = rows.filter(kept)
    of_length = [_OF_THE_SHORT if len(text.split()) < _SHORT else _OF_THE_LONG for text in train["text"]]
    drawn = [share(text, "phrases") < part for text, part in zip(train["text"], of_length, strict=True)]
    return {
        "train": train,
        "phrases": train.filter(pl.Series(drawn, dtype=pl.Boolean) | pl.col("text").is_in(whole)),
        "sentences": train.filter(pl.col("text").is_in(whole)),
        "choose": rows.filter(pl.col("text").is_in(chosen)).unique("text", keep="first", maintain_order=True),
    }


def divide_headlines(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Headlines to train on, to choose by and to report on; copies stay together."""
    part = pl.Series([share(same_story(text), "headlines") for text in rows["text"]])
    choose, report = part < _HELD_OUT, (part >= _HELD_OUT) & (part < 2 * _HELD_OUT)
    train = rows.filter(part >= 2 * _HELD_OUT)
    shorter = [_LINK.sub("", text) if share(text, "links") < _WITHOUT_LINK else text for text in train["text"]]
    return {
        "train": train.with_columns(pl.Series("text", shorter, dtype=pl.String)).filter(
            pl.col("text").str.strip_chars() != ""
        ),
        "choose": rows.filter(choose),
        "report": rows.filter(report),
    }


def mentions(path: Path) -> pl.DataFrame:
    """Texts, mentions as the texts write them, and labels; each pair once."""
    rows = pl.read_csv(path).with_columns(pl.col("text").str.strip_chars(), pl.col("target").str.strip_chars())
    found = [written(text, target) for text, target in rows.select("text", "target").iter_rows()]
    rows = rows.with_columns(pl.Series("target", found, dtype=pl.String)).filter(pl.col("target") != "")
    rows = rows.filter(pl.col("label").n_unique().over("text", "target") == 1)
    columns = [*_COLUMNS, *(["conflicting"] if "conflicting" in rows.columns else [])]
    return rows.unique(["text", "target"], keep="first", maintain_order=True).select(columns)


def written(text: str, mention: str) -> str:
    """A mention as the text writes it, or nothing if the text does not contain it."""
    found = re.search(re.escape(mention), text) or re.search(re.escape(mention), text, re.IGNORECASE)
    return found.group() if found else ""


def divide_targets(folder: Path) -> dict[str, pl.DataFrame]:
    """The labelled mentions of four data sets."""
    headlines, news, firms = (
        mentions(folder / f"{name}.csv") for name in ("sentfin_targets", "newsmtsc_train", "finentity")
    )
    of_news = pl.Series([share(same_story(text), "news") for text in news["text"]])
    of_firms = pl.Series([share(same_story(text), "firms") for text in firms["text"]])
    of_headlines = pl.Series([share(same_story(text), "headlines") for text in headlines["text"]])
    return {
        "targets_headlines_train": headlines.filter(of_headlines >= 2 * _HELD_OUT),
        "targets_headlines_choose": headlines.filter(of_headlines < _HELD_OUT),
        "targets_headlines_report": headlines.filter((of_headlines >= _HELD_OUT) & (of_headlines < 2 * _HELD_OUT)),
        "targets_news_train": news.filter(of_news >= _HELD_OUT),
        "targets_news_choose": news.filter(of_news < _HELD_OUT),
        "targets_news_report": mentions(folder / "newsmtsc_validation.csv"),
        "targets_firms_train": firms.filter(of_firms >= 2 * _HELD_OUT),
        "targets_firms_report": firms.filter(of_firms < 2 * _HELD_OUT),
        "targets_reviews_train": mentions(folder / "mams_train.csv"),
        "targets_reviews_choose": mentions(folder / "mams_validation.csv"),
    }


def without_leaks(parts: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The same parts, those to train on without the texts that another part holds out."""
    held = {
        same_story(text)
        for name, frame in parts.items()
        if name.endswith(("_choose", "_report", "_validation"))
        for text in frame["text"]
    }
    held = {story for story in held if len(story.split()) >= _SHORT}
    return {
        name: frame.filter(pl.Series([same_story(text) not in held for text in frame["text"]], dtype=pl.Boolean))
        if name.endswith(("_train", "_phrases", "_sentences")) and name != "sst2_train"
        else frame
        for name, frame in parts.items()
    }


def main(data: Path, work: Path) -> None:
    """Divide the files."""
    films = read_labelled(data / "sst2" / "train.tsv")
    validation = read_labelled(data / "sst2" / "validation.tsv")
    headlines = read_labelled(data / "headlines" / "sentfin.csv", text_col="text")
    tweets = read_labelled(
        data / "headlines" / "twitter_fin.csv", text_col="text", labels=["negative", "positive", "neutral"]
    )
    parts = {
        f"{name}_{part}": frame
        for name, rows, divide in (
            ("sst2", films, lambda rows: {"train": rows}),
            ("sst2", validation, lambda rows: {"validation": rows}),
            ("films", films, divide_films),
            ("headlines", headlines, divide_headlines),
            ("tweets", tweets, divide_headlines),
        )
        for part, frame in divide(pl.DataFrame({"text": rows.texts, "label": rows.label_names})).items()
    }
    parts = without_leaks(parts | divide_targets(data / "targets"))
    reviews = parts["targets_reviews_train"]
    some = pl.Series([share(same_story(text), "some") for text in reviews["text"]]) < _OF_REVIEWS
    parts["targets_reviews_some"] = reviews.filter(some)
    differ = pl.col("label").n_unique().over("text") > 1
    for part in ("train", "report"):
        parts[f"targets_differ_{part}"] = parts[f"targets_headlines_{part}"].filter(differ)
    parts["news_report"] = pl.concat([parts["headlines_report"], parts["tweets_report"]])
    work.mkdir(parents=True, exist_ok=True)
    for name, frame in parts.items():
        frame.write_csv(work / f"{name}.csv")
        sys.stdout.write(f"{name}.csv: {frame.height:,} rows\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
