"""Split the labelled data of the embedded default model into rows to train on, to choose by, and to report on.

python pipelines/default_model/prepare.py DATA WORK

DATA contains sst2/train.tsv, sst2/validation.tsv, headlines/sentfin.csv and headlines/twitter_fin.csv. WORK gets, as
CSV with the columns text and label: sst2_train and sst2_validation (as they are), films_train, films_sentences,
films_choose, headlines_train, headlines_choose, headlines_report, tweets_train, tweets_choose, tweets_report and
news_report (both reports together). SST-2's own validation rows are for the report.

- SST-2's training rows are phrases from complete sentences, which are rows too. Held-out sentences take all their
  phrases of three or more words with them; otherwise the model would be chosen on rows that were trained on.
- films_sentences are the complete sentences in films_train, for models that are slow to train, and for the head.
- Headlines that differ only in links, numbers, case or punctuation go to the same part.
- A tenth of the headlines and tweets is to choose by, and another tenth is for the report. Half of the tweets to train
  on lose their links, so that the model sees both kinds.

The part of a text depends only on its hash, so the same data is always split in the same way.
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
"""The number of words in the shortest sentence that is held out."""


def share(text: str, purpose: str) -> float:
    """A pseudorandom number from 0 to 1 that depends only on the text and the purpose."""
    return int.from_bytes(hashlib.sha256(f"{purpose}\0{text}".encode()).digest()[:6], "big") / 2**48


def whole_sentences(phrases: Iterable[str]) -> list[str]:
    """The phrases that are not part of another one."""
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
    """A key that a headline shares with its near copies."""
    return " ".join(re.findall(r"[a-z$]+", _LINK.sub("", text).lower()))


def divide_films(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """SST-2's training rows without the phrases of held-out sentences, and those sentences."""
    rows = rows.with_columns(pl.col("text").str.strip_chars())
    whole = whole_sentences(rows["text"])
    chosen = [s for s in whole if len(s.split()) >= _FEWEST and share(s, "films") < _HELD_OUT]
    gone = set().union(*(spans(sentence, 3) for sentence in chosen))
    kept = pl.Series([text not in gone for text in rows["text"]], dtype=pl.Boolean)
    train = rows.filter(kept)
    return {
        "train": train,
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


def main(data: Path, work: Path) -> None:
    """Split the files."""
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
    parts["news_report"] = pl.concat([parts["headlines_report"], parts["tweets_report"]])
    work.mkdir(parents=True, exist_ok=True)
    for name, frame in parts.items():
        frame.write_csv(work / f"{name}.csv")
        sys.stdout.write(f"{name}.csv: {frame.height:,} rows\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
