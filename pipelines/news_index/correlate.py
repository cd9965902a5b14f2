"""Does a model's monthly sentiment or tone follow the San Francisco Fed's news index better than a word list?

python pipelines/news_index/correlate.py --data FOLDER [--model MODEL ...] [--from 1995] [--to 2005] [--json]
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import polars as pl

from index import (
    Correlation,
    IndexCorrelation,
    beside_fed,
    fed_index,
    index_correlation,
    index_correlations,
    read_articles,
)
from lexicon import word_list
from sentiscore import Scorer


def word_list_by_article(data: Path, first: int, last: int) -> IndexCorrelation:
    """The baseline: the word list on complete articles, where it does best."""
    articles = read_articles(data, first, last)
    month = pl.col("date").dt.truncate("1mo").alias("month")
    rows = articles.select(month, word_list(data)(articles["texts"]).alias("score"))
    return beside_fed(rows, fed_index(data))


def compare(data: Path, models: list[str], first: int, last: int) -> Iterator[tuple[str, IndexCorrelation]]:
    """The word list, followed by each model, by sentiment and by tone."""
    yield "word list, by article", word_list_by_article(data, first, last)
    yield "word list, by sentence", index_correlation(word_list(data), data, first=first, last=last)
    for model in models:
        found = index_correlations(Scorer.from_pretrained(model), data, first=first, last=last)
        yield from ((f"{model}, {column}", one) for column, one in found.items())


def as_line(name: str, found: IndexCorrelation) -> str:
    """One line of the table."""
    return f"{name:<40}{found.texts:>8,}{found.months:>8}   {_cell(found.raw)}   {_cell(found.smoothed)}"


def _cell(one: Correlation) -> str:
    return f"{one.r:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"


def main() -> None:
    """Parse, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that contains news_index")
    parser.add_argument(
        "--model", action="append", default=[], help="a checkpoint in addition to the default; may be repeated"
    )
    parser.add_argument("--from", dest="first", type=int, default=1995, metavar="YEAR", help="the first year")
    parser.add_argument("--to", dest="last", type=int, default=2005, metavar="YEAR", help="the last year (inclusive)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    models = ["default", *(model for model in arguments.model if model != "default")]
    found = compare(arguments.data / "news_index", models, arguments.first, arguments.last)
    if arguments.json:
        sys.stdout.write(json.dumps({name: asdict(one) for name, one in found}, indent=2) + "\n")
        return
    sys.stdout.write(
        f"{'r with the Fed index, ' + f'{arguments.first} to {arguments.last}':<40}{'texts':>8}{'months':>8}"
        f"   {'raw':<24}   half-life of two months\n"
    )
    for name, one in found:
        sys.stdout.write(as_line(name, one) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
