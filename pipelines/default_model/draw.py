"""Draw a label for each sentence that the teacher has scored, to fit the temperature on texts that nobody has labelled.

python pipelines/default_model/draw.py SCORED OUTPUT

SCORED is what `sentiscore score` made of pool_aside.parquet with the teacher. OUTPUT gets the columns text and label. A
sentence gets each class with the probability that the teacher gives it, so the log loss of a model on these labels is,
on average, its cross-entropy with the teacher's answers. The draw follows from a hash of the text.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

import polars as pl

from prepare import share

P: Final = ("p_negative", "p_neutral", "p_positive")


def drawn(scored: pl.DataFrame) -> pl.DataFrame:
    """Each sentence that has scores, with its label."""
    rows = scored.drop_nulls(P).sort("text")
    at = pl.Series([share(text, "label") for text in rows["text"]], dtype=pl.Float64)
    negative, neutral, _ = (rows[name].cast(pl.Float64) for name in P)
    label = pl.when(at < negative).then(pl.lit("negative")).when(at < negative + neutral).then(pl.lit("neutral"))
    return rows.select("text", label=label.otherwise(pl.lit("positive")))


def main() -> None:
    """Write the labels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("scored", type=Path, help="the sentences that the teacher scored, a parquet file")
    parser.add_argument("output", type=Path, help="the CSV to write")
    given = parser.parse_args()
    labelled = drawn(pl.read_parquet(given.scored))
    labelled.write_csv(given.output)
    sys.stdout.write(f"{given.output.name}: {labelled.height:,} rows\n")


if __name__ == "__main__":
    main()
