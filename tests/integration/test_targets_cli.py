"""Sentiment towards targets, from the command line to the daily features."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from sentiscore.cli.main import cli

TEXT = "profit rises on strong demand and shares fall"


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


@pytest.fixture(params=["csv", "parquet"])
def news_file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = {
        "at": [f"2024-02-0{day}T12:00:00Z" for day in range(1, 6)],
        "headline": [TEXT, TEXT, TEXT, TEXT, TEXT],
        "ticker": ["PFT", "SHR", "BND", None, "demand"],
    }
    path = Path(f"news.{request.param}")
    getattr(pl.DataFrame(rows), f"write_{request.param}")(path)
    Path("names.csv").write_text("entity,name\nPFT,profit\nSHR,stock\nSHR,shares\nBND,bonds\n")
    return path


@pytest.mark.filterwarnings("ignore::sentiscore.errors.SentiscoreWarning")
def test_a_file_is_scored_towards_its_targets_once_a_pair_and_known_the_next_night(
    news_file: Path, tiny_targets: Path
) -> None:
    towards = ("--target-col", "ticker", "--targets", "names.csv", "-m", tiny_targets, "--cache", "cache")
    job = ("score", news_file, "--text-col", "headline", *towards, "--time-col", "at", "--entity-col", "ticker")
    first = run(*job)
    assert first.exit_code == 0, first.output
    assert "5 (4 ok, 1 not_mentioned)" in first.output
    assert "texts scored    4" in first.output
    scored = pl.read_parquet("news.scored.parquet")
    assert scored["status"].to_list() == ["ok", "ok", "not_mentioned", "ok", "ok"]
    sentiment = scored["sentiment"].to_list()
    assert sentiment[2] == sentiment[3]
    assert len(set(sentiment)) == 4
    daily = pl.read_parquet("news.daily.parquet")
    assert daily.filter(pl.col("n_docs") > 0)["unique_id"].to_list() == ["BND", "PFT", "SHR", "demand"]
    again = run(*job)
    assert "texts known     4" in again.output
    assert pl.read_parquet("news.scored.parquet").equals(scored)
    inspected = json.loads(run("inspect", "news.scored.parquet", "--json").stdout)
    assert "ticker" in json.dumps(inspected)


def test_a_model_that_cannot_read_targets_is_one_message_with_the_next_step(
    news_file: Path, tiny_checkpoint: Path
) -> None:
    result = run("score", news_file, "--text-col", "headline", "--target-col", "ticker", "-m", tiny_checkpoint)
    assert result.exit_code == 1
    assert "cannot read targets" in result.output
    assert "target_col" in result.output
    assert not Path("news.scored.parquet").exists()


def test_a_table_of_targets_without_a_column_of_them_is_one_message(news_file: Path) -> None:
    result = run("score", news_file, "--text-col", "headline", "--targets", "names.csv")
    assert result.exit_code == 1
    assert "--target-col (target_col)" in result.output


def test_a_model_is_evaluated_towards_targets(tiny_targets: Path, tiny_checkpoint: Path, tmp_path: Path) -> None:
    rows = {"sentence": [TEXT] * 6, "who": ["profit", "shares"] * 3, "label": ["positive", "negative"] * 3}
    pl.DataFrame(rows).with_columns(pl.col("sentence") + " today").write_csv(tmp_path / "rows.csv")
    options = ("--eval-file", tmp_path / "rows.csv", "--target-col", "who", "--resamples", 10)
    result = run("evaluate", tiny_targets, *options, "--json", tmp_path / "report.json")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "report.json").read_text())[0]["not_mentioned"] == 0
    refused = run("evaluate", tiny_checkpoint, *options)
    assert refused.exit_code == 1
    assert "cannot read targets" in refused.output
