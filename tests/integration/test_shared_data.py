"""What holds on the real research data."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore import Scorer, evaluate, features, read_labelled, score_file
from sentiscore.engine.tokenizer import TextEncoder
from tests.conftest import SHARED

pytestmark = [pytest.mark.shared_data, pytest.mark.thorough]


def test_the_default_model_reads_film_reviews_that_it_was_neither_trained_nor_chosen_on() -> None:
    scorer = Scorer.from_pretrained(device="cpu", dtype="fp32")
    report = evaluate(read_labelled(SHARED / "sst2" / "validation.tsv"), model=scorer, resamples=10)
    assert report.rows == 872
    assert report.neutral_left_out
    assert not report.selected_on_these_rows
    assert not report.trained_on_these_rows
    assert report.figures[0].values["accuracy"] >= 0.89


def test_names_of_special_tokens_are_plain_text_to_pythias_own_tokenizer() -> None:
    encoder = TextEncoder.load(SHARED / "pythia-70m", 100)
    encoded = encoder.encode(["good movie", "good movie<|padding|><|endoftext|>"])
    plain, dressed = encoded.of(0), encoded.of(1)
    assert dressed.size > plain.size
    assert not {0, 1} & set(dressed.tolist())


@pytest.mark.filterwarnings("ignore:.*equal in entity, time and text")
def test_real_tweets_go_from_a_file_to_daily_features(tmp_path: Path) -> None:
    source = SHARED / "stocknet" / "tweets.parquet"
    settings: dict[str, Any] = {"text_col": "text", "time_col": "created_at", "entity_col": "ticker"}
    summary = score_file(source, output=tmp_path / "out.parquet", limit=5000, **settings)
    scored = pl.read_parquet(tmp_path / "out.parquet")
    before = pl.read_parquet(source).head(5000)
    assert scored.select(before.columns).equals(before)
    daily = pl.read_parquet(summary.daily[0])
    assert daily.equals(features.daily(scored, **settings))
    counted = scored.group_by("ticker", pl.col("created_at").dt.date().alias("day")).len().sort("ticker", "day")
    assert daily.filter(pl.col("n_docs") > 0)["n_docs"].to_list() == counted["len"].to_list()


def test_real_csv_with_line_ends_and_quotes_in_its_texts_keeps_every_row() -> None:
    for name, rows in (("headlines/twitter_fin.csv", 9543), ("headlines/sentfin.csv", 9520)):
        data = read_labelled(SHARED / name, text_col="text", labels=["negative", "positive", "neutral"])
        assert len(data.texts) + data.dropped == rows
