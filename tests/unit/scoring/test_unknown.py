"""Texts of which a model knows nothing: they have a status, no scores, and no part in any figure."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from sentiscore import InputError, Scorer, evaluate, features, score_file
from sentiscore.cli.main import cli
from sentiscore.schemas import ScoredRows, validate
from sentiscore.scoring.answers import AnswerStore
from sentiscore.tables.labelled import LabelledData
from tests.conftest import TEXTS

STRANGE = "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd"
FIGURES = ["p_negative", "p_positive", "sentiment", "label"]

pytestmark = pytest.mark.filterwarnings("ignore:.*not calibrated:sentiscore.errors.SentiscoreWarning")


@pytest.fixture(scope="module")
def folder(tiny_bert: Callable[..., Path]) -> Path:
    return tiny_bert(id2label={0: "negative", 1: "positive"})


@pytest.fixture(scope="module")
def scorer(folder: Path) -> Scorer:
    return Scorer.from_pretrained(folder, device="cpu", dtype="fp32")


@pytest.fixture
def news_file(tmp_path: Path) -> Path:
    times = [f"2024-01-05T1{i}:00:00Z" for i in range(5)]
    frame = pl.DataFrame({"text": [TEXTS[0], STRANGE, TEXTS[1], f"{STRANGE} !", f"{TEXTS[0]} {STRANGE}"], "at": times})
    path = tmp_path / "news.csv"
    frame.write_csv(path)
    return path


def test_a_text_of_unknown_words_has_a_status_and_no_scores(scorer: Scorer) -> None:
    scored = scorer.score([TEXTS[0], STRANGE, f"{STRANGE} ,", "\u0301\u0302", None, "", f"{TEXTS[0]} {STRANGE}"])
    assert scored["status"].to_list() == ["ok", "unknown", "unknown", "unknown", "null", "empty", "ok"]
    assert scored.select(FIGURES).null_count().row(0) == (5, 5, 5, 5)
    assert scored["n_tokens"].to_list()[1:6] == [3, 4, 2, 0, 0]
    shares = scored["unknown_share"].to_list()
    assert shares[:6] == [0.0, 1.0, 0.5, 1.0, None, None]
    assert 0 < shares[6] < 0.5
    validate(scored, ScoredRows)


def test_windows_of_which_nothing_is_known_do_not_count(folder: Path) -> None:
    windows = Scorer.from_pretrained(folder, device="cpu", dtype="fp32", max_length=8, overflow="windows")
    known = "profit, rises, on,"
    scored = windows.score([known, f"{known} {f'{STRANGE}, ' * 3}", f"{STRANGE}, " * 9])
    assert scored["status"].to_list() == ["ok", "ok", "unknown"]
    assert scored["sentiment"][1] == pytest.approx(scored["sentiment"][0], abs=1e-6)
    assert scored["n_windows"].to_list() == [1, 2, 3]
    assert scored["unknown_share"].to_list() == [0.0, 0.25, 0.5]


def test_unknown_texts_are_counted_kept_set_aside_or_refused(news_file: Path, scorer: Scorer, tmp_path: Path) -> None:
    kept = score_file(news_file, text_col="text", model=scorer, output=tmp_path / "kept.parquet")
    assert (kept.statuses["ok"], kept.statuses["unknown"], kept.texts_scored) == (3, 2, 3)
    dropped = score_file(news_file, text_col="text", model=scorer, output=tmp_path / "d.parquet", bad_rows="drop")
    assert dropped.n_rejected == 2
    assert pl.read_parquet(dropped.rejects[0])["rejected_reason"].to_list() == ["unknown", "unknown"]
    with pytest.raises(InputError, match=r"1 unknown; the first is row 2|2 unknown; the first is row 2"):
        score_file(news_file, text_col="text", model=scorer, output=tmp_path / "f.parquet", bad_rows="fail")


def test_the_command_line_counts_unknown_texts(news_file: Path, folder: Path) -> None:
    result = CliRunner().invoke(cli, ["score", str(news_file), "--text-col", "text", "-m", str(folder), "--log-json"])
    assert result.exit_code == 0, result.output
    assert "3 ok, 2 unknown" in result.stdout
    done = [json.loads(line) for line in result.stderr.splitlines() if '"done"' in line]
    assert done[0]["statuses"]["unknown"] == 2


def test_unknown_texts_are_in_no_daily_figure(news_file: Path, scorer: Scorer, tmp_path: Path) -> None:
    summary = score_file(news_file, text_col="text", model=scorer, output=tmp_path / "o.parquet", time_col="at")
    scored = pl.read_parquet(tmp_path / "o.parquet")
    daily = pl.read_parquet(summary.daily[0])
    known = scored.filter(pl.col("status") == "ok")
    assert daily["n_docs"].to_list() == [3]
    assert daily["sent_mean"][0] == pytest.approx(known["sentiment"].mean(), abs=1e-7)
    assert daily.equals(features.daily(scored, time_col="at", text_col="text"))
    assert daily.drop("session_idx").equals(features.daily(known, time_col="at", text_col="text").drop("session_idx"))


def test_a_store_of_answers_gives_unknown_texts_and_shares_again(scorer: Scorer, tmp_path: Path) -> None:
    texts = [TEXTS[0], STRANGE, f"{TEXTS[1]} {STRANGE}"]
    with AnswerStore.open(tmp_path / "answers") as store:
        asking = scorer.with_answers(store)
        first = asking.score(texts)
        assert asking.prepare(pl.Series(texts)).n_known == 2
        assert asking.score(texts).equals(first)
    assert first.equals(scorer.score(texts))


def test_evaluation_leaves_unknown_texts_out_and_says_so(scorer: Scorer) -> None:
    assert np.isnan(scorer.logits([TEXTS[0], STRANGE])[:, 0]).tolist() == [False, True]
    data = LabelledData("rows", [TEXTS[0], TEXTS[1], STRANGE], ["positive", "negative", "negative"])
    report = evaluate(data, model=scorer, resamples=2)
    assert (report.rows, report.left_out) == (2, 1)
