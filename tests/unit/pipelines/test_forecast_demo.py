"""The demonstration from end to end, on generated data with something to find and something not to."""

import json
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

pytest.importorskip("mlforecast", reason="needs the extra forecast")
pytest.importorskip("exchange_calendars", reason="needs the extra forecast")

import news
import run
import stocks

GOOD, BAD = "a warm and funny film", "a dull , lifeless mess"
TICKERS = ("AAA", "BBB", "CCC")


def write_stocks(folder: Path, rng: np.random.Generator) -> None:
    """Returns that follow the tone of the session before, and volume and range that follow nothing."""
    folder.mkdir()
    sessions = stocks.exchange_sessions(date(2013, 6, 3), date(2015, 12, 31)).rows()
    tweets, prices = [], []
    for ticker in TICKERS:
        tone, close = 0.0, 100.0
        for day, closed in sessions:
            close *= np.exp(0.01 * tone + 0.02 * rng.normal())
            high = close * np.exp(abs(0.01 * rng.normal()) + 1e-4)
            prices.append((ticker, day, close, high, close, close, close, 1e6 * np.exp(rng.normal())))
            tone = 0.0
            if day >= date(2014, 1, 2) and rng.random() < 0.7:
                tone = float(rng.choice([-1.0, 1.0]))
                tweets.append((ticker, closed - timedelta(hours=2), GOOD if tone > 0 else BAD))
    pl.DataFrame(tweets, schema=["ticker", "created_at", "text"], orient="row").with_columns(
        pl.col("created_at").cast(pl.Datetime("us", "UTC"))
    ).write_parquet(folder / "tweets.parquet")
    names = ["ticker", "date", "open", "high", "low", "close", "adj_close", "volume"]
    pl.DataFrame(prices, schema=names, orient="row").write_parquet(folder / "prices.parquet")


def write_news(folder: Path, rng: np.random.Generator) -> None:
    """An uncertainty index that follows the tone of the month before, and a sentiment index that does not."""
    folder.mkdir()
    months = pl.date_range(date(1994, 1, 1), date(2005, 12, 1), "1mo", eager=True).to_list()
    articles, epu, dnsi, tone = [], [], [], 0.0
    for month in months:
        epu.append((month.isoformat(), float(np.exp(4.5 - 0.1 * tone + 0.05 * rng.normal()))))
        dnsi += [((month + timedelta(days=k)).isoformat(), float(rng.normal())) for k in range(28)]
        tone = float(rng.choice([-1.0, 1.0]))
        if month >= date(1995, 1, 1):
            articles += [(month + timedelta(days=k), GOOD if tone > 0 else BAD) for k in (4, 11, 18)]
    pl.DataFrame(articles, schema=["date", "texts"], orient="row").write_parquet(folder / "us_news.parquet")
    pl.DataFrame(epu, schema=["date", "index"], orient="row").write_csv(folder / "epu_monthly.csv")
    pl.DataFrame(dnsi, schema=["date", "dnsi"], orient="row").write_csv(folder / "sf_fed_daily_news_sentiment.csv")
    (folder / "LM_lexicon.csv").write_text('"Word";"Polarity"\n"WARM";1\n"DULL";-1\n')


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    write_stocks(folder / "stocknet", rng)
    write_news(folder / "news_index", rng)
    return folder


def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
    run.main()
    return capsys.readouterr().out


def test_the_demonstration_finds_what_was_put_there_and_nothing_else(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result: dict[str, Any] = json.loads(printed(capsys, monkeypatch, "--data", str(data), "--json"))
    gains = {(one["target"], one["base"]): one["gain"] for one in result["comparisons"]}
    assert gains == {
        ("stocks: return", "past"): True,
        ("stocks: return", "past + attention"): True,
        ("stocks: range", "past"): False,
        ("stocks: range", "past + attention"): False,
        ("stocks: volume", "past"): False,
        ("stocks: volume", "past + attention"): False,
        ("news: epu", "past"): True,
        ("news: dnsi", "past"): False,
    }
    assert {one["periods"] for one in result["comparisons"]} == {252, 72}


def test_it_prints_lines_to_read(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = printed(capsys, monkeypatch, "--data", str(data))
    assert text.count("Clark-West") == 8
    assert "no evidence of a gain" in text


def test_features_at_the_close_itself_are_refused() -> None:
    close = datetime.fromisoformat("2015-01-02T21:00:00+00:00")
    closes = pl.DataFrame({"period": [1], "close": [close]})
    stocks.check_known(pl.DataFrame({"period": [2], "available_at": [close - timedelta(minutes=15)]}), closes)
    with pytest.raises(SystemExit, match="1 rows of features were not known"):
        stocks.check_known(pl.DataFrame({"period": [2], "available_at": [close]}), closes)


def test_tickers_are_chosen_by_sessions_before_the_evaluation_alone(tmp_path: Path) -> None:
    days = [date(2014, 12, 30), date(2014, 12, 31), date(2015, 1, 2)]
    rows = pl.DataFrame(
        {"ticker": ["WHOLE"] * 3 + ["LATE"] * 2 + ["IDLE"] * 3 + ["STOPS"] * 3, "date": days + days[1:] + days + days}
    ).with_columns(low=1.0, high=2.0, adj_close=1.0, volume=pl.lit(10.0))
    idle = (pl.col("ticker") == "IDLE") & (pl.col("date") == days[0])
    stops = (pl.col("ticker") == "STOPS") & (pl.col("date") == days[2])
    rows.with_columns(volume=pl.when(idle | stops).then(0.0).otherwise("volume")).write_parquet(tmp_path / "p.parquet")
    prices = stocks.read_prices(tmp_path / "p.parquet")
    assert set(prices["ticker"]) == {"WHOLE", "STOPS"}
    assert stocks.targets(prices).filter(pl.col("unique_id") == "STOPS")["volume"].is_null().to_list() == [
        False,
        False,
        True,
    ]


def test_an_article_of_a_months_last_day_counts_for_the_next_month() -> None:
    scored = pl.DataFrame(
        {
            "date": [date(2000, 1, 30), date(2000, 1, 31), date(2000, 2, 1), date(2000, 2, 15)],
            "sentiment": [1.0, -1.0, 0.5, 0.5],
            "label": ["positive", "negative", "positive", "positive"],
            "status": ["ok"] * 4,
        }
    )
    months = news.monthly_tone(news.daily_features(scored))
    assert months.select("ds", "tone", "n_docs").rows() == [(date(2000, 1, 1), 1.0, 1), (date(2000, 2, 1), 0.0, 3)]


def test_the_index_is_known_to_its_last_day_before_the_month(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("date,dnsi\n2000-01-01,1\n2000-01-31,3\n2000-02-01,7\n")
    assert news.dnsi(tmp_path / "d.csv").rows() == [(date(2000, 1, 1), 2.0, None), (date(2000, 2, 1), 7.0, 3.0)]
