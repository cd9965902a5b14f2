"""The monthly index of sentiment, on articles whose truth is known."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import correlate
import index
from lexicon import word_list
from sentiscore import Scorer
from tests.conftest import SHARED


def test_a_sentence_ends_at_a_stop_with_space_behind_it() -> None:
    text = 'Rates rose to 5.4 percent.  Why? "Nobody knows." Mr. Rubin left!\n \n'
    articles = pl.DataFrame({"date": [date(1995, 3, 17), date(1995, 3, 18)], "texts": [text, "  "]})
    found = index.sentences_of(articles)
    assert found["text"].to_list() == ["Rates rose to 5.4 percent.", "Why?", '"Nobody knows." Mr.', "Rubin left!"]
    assert found["month"].unique().to_list() == [date(1995, 3, 1)]


def test_a_month_is_the_mean_of_its_texts_and_texts_without_a_score_do_not_count() -> None:
    months = [date(2000, 2, 1), date(2000, 1, 1), date(2000, 1, 1), date(2000, 1, 1)]
    rows = pl.DataFrame({"month": months, "score": [0.5, 1.0, 0.0, None]})
    assert index.monthly(rows).rows() == [(date(2000, 1, 1), 0.5), (date(2000, 2, 1), 0.5)]


def test_the_smoothed_index_looks_back_alone_and_a_gap_passes() -> None:
    months = [date(2000, 1, 1), date(2000, 2, 1), date(2000, 4, 1)]
    series = pl.DataFrame({"month": months, "score": [1.0, 0.0, 3.0]})
    found = index.smoothed(series)
    half = 0.5**0.5  # the weight of a month ago, where two months ago counts half
    assert found["month"].to_list() == months
    assert found["score"].to_list() == pytest.approx([1, half / (1 + half), (3 + half**3) / (1 + half**2 + half**3)])
    assert index.smoothed(series.head(2)).equals(found.head(2))


def test_the_interval_of_a_correlation_covers_it_and_is_wider_for_blocks_that_hang_together() -> None:
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(2, 240))
    one = index.correlation(x, x + noise)
    assert one.r == pytest.approx(np.corrcoef(x, x + noise)[0, 1])
    assert one.low < one.r < one.high
    slow, slow_noise = (np.repeat(series[:20], 12) for series in (x, noise))
    other = index.correlation(slow, slow + slow_noise)
    assert other.high - other.low > 1.5 * (one.high - one.low)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three years of months whose articles are as good as the index says, and one of the year before."""
    folder = tmp_path / "news_index"
    folder.mkdir()
    months = pl.date_range(date(1995, 1, 1), date(1997, 12, 1), interval="1mo", eager=True)
    fed = np.random.default_rng(0).integers(0, 5, len(months)).astype(float)
    texts = [" ".join(["Profits GAIN."] * int(n) + ["They fail."] * int(4 - n)) for n in fed]
    pl.DataFrame({"date": [date(1994, 5, 5), *months], "texts": ["Fail. Fail.", *texts]}).write_parquet(
        folder / index.ARTICLES
    )
    pl.DataFrame({"date": months.to_list() * 2, "dnsi": [*(fed - 1), *(fed + 1)]}).write_csv(folder / index.INDEX)
    (folder / "LM_lexicon.csv").write_text('"Word";"Polarity"\n"GAIN";1\n"FAIL";-1\n"DON\'T";-1\n')
    return folder


def test_the_word_list_counts_words_of_any_case(data: Path) -> None:
    tones = word_list(data)(pl.Series(["Gain and gain, fail once.", "12 %", "Again, don't failing", ""]))
    assert tones.to_list() == pytest.approx([1 / 5, 0, -1 / 3, 0])


def test_an_index_that_is_the_feds_own_correlates_fully(data: Path) -> None:
    found = index.index_correlation(word_list(data), data)
    assert (found.texts, found.months) == (36 * 4, 36)
    assert found.raw.r == pytest.approx(1)
    assert found.smoothed.r < 0.999
    assert index.index_correlation(lambda texts: -word_list(data)(texts), data).raw.r == pytest.approx(-1)
    assert index.index_correlation(word_list(data), data, first=1994, last=1996).months == 24


def test_an_index_of_tones_is_the_mean_of_log_odds(data: Path, tiny_checkpoint: Path) -> None:
    scorer = Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32")
    found = index.index_correlations(scorer, data)
    assert found["sentiment"] == index.index_correlation(scorer, data)
    tones = index.index_correlation(lambda texts: scorer.score(texts)["tone"], data)
    assert found["tone"] == tones != found["sentiment"]


def test_the_table_has_a_line_for_the_word_list_and_each_model(
    data: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["correlate.py", "--data", str(data.parent), "--model", str(tiny_checkpoint), "--to", "1996"]
    monkeypatch.setattr("sys.argv", arguments)
    correlate.main()
    head, *lines = capsys.readouterr().out.splitlines()
    assert "1995 to 1996" in head
    assert [line.split("  ")[0] for line in lines[:4]] == [
        *("word list, by article", "word list, by sentence", "default, sentiment", "default, tone")
    ]
    assert [line.split("  ")[0].split(" ")[0] for line in lines[4:]] == [f"{tiny_checkpoint},"] * 2
    assert "96      24   +1.000 [+1.000, +1.000]" in lines[1]


@pytest.mark.shared_data
@pytest.mark.thorough
def test_the_word_list_follows_the_fed_as_it_did_for_others() -> None:
    found = correlate.word_list_by_article(SHARED / "news_index", 1995, 2005)
    assert (found.texts, found.months) == (2174, 132)
    assert [found.raw.r, found.smoothed.r] == pytest.approx([0.405, 0.665], abs=5e-4)


@pytest.mark.shared_data
@pytest.mark.thorough
def test_the_default_model_makes_an_index_of_real_articles() -> None:
    found = index.index_correlation(Scorer.from_pretrained(device="cpu"), SHARED / "news_index", last=1995)
    assert found.months == 12
    assert found.texts > 2000
    assert -1 <= found.raw.low <= found.raw.r <= found.raw.high <= 1
