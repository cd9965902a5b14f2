"""`sentiscore explain` through the real command line, on files that the other commands made."""

import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest
from click.testing import CliRunner, Result

from sentiscore import explain_file
from sentiscore.cli.main import cli
from sentiscore.errors import InputError
from sentiscore.features import DailyConfig, daily, explain

START = datetime(2024, 1, 1, tzinfo=UTC)


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def rows(n: int, seed: int = 0, first_day: int = 0) -> pl.DataFrame:
    random = Random(seed)  # noqa: S311 - test data
    positive = [random.randint(0, 64) / 64 for _ in range(n)]
    return pl.DataFrame(
        {
            "id": [f"{seed}-{i}" for i in range(n)],
            "at": [START + timedelta(days=first_day, minutes=random.randint(0, 5 * 1440 - 1)) for _ in range(n)],
            "ticker": [random.choice(["AAPL", "MSFT", "MSFT;AAPL"]) for _ in range(n)],
            "headline": [f"headline [bold]{random.randint(0, 9)}" for _ in range(n)],
            "w": [random.random() for _ in range(n)],
            "p_positive": pl.Series(positive, dtype=pl.Float32),
            "p_negative": pl.Series([1 - p for p in positive], dtype=pl.Float32),
            "sentiment": pl.Series([2 * p - 1 for p in positive], dtype=pl.Float32),
            "label": ["positive" if p > 0.5 else "negative" for p in positive],
            "status": ["ok"] * n,
        }
    )


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    path = tmp_path / "news.scored.parquet"
    rows(200).write_parquet(path)
    return path


OPTIONS = ("--time-col", "at", "--entity-col", "ticker", "--entity-separator", ";", "--text-col", "headline")


def test_the_options_of_the_file_are_used_and_the_texts_are_shown(scored: Path) -> None:
    made = run("features", scored, *OPTIONS, "--id-col", "id", "--weight-col", "w", "--repeats", "discount")
    assert made.exit_code == 0, made.output
    file = scored.with_name("news.daily.parquet")
    out = scored.with_name("texts.csv")
    result = run("explain", file, scored, "--entity", "AAPL", "--ds", "2024-01-03", "--limit", 3, "-o", out)
    assert result.exit_code == 0, result.output
    value = pl.read_parquet(file).filter(unique_id="AAPL", ds=date(2024, 1, 3))["sent_mean"][0]
    assert f"AAPL on 2024-01-03: sent_mean is {value:.6g}, from " in result.output
    assert "headline [bold]" in result.output
    texts = pl.read_csv(out)
    assert texts.height > 3
    assert f"{texts.height - 3} more texts" in result.output
    assert abs(math.fsum(texts["contribution"]) - value) < 1e-9
    assert set(texts["file"]) == {"news.scored.parquet"}
    assert texts["id"].to_list() == [f"0-{row}" for row in texts["row"]]


@pytest.mark.parametrize(
    "calendar", [("--calendar", "W-FRI", "--day-tz", "Asia/Tokyo"), ("--day-tz", "Asia/Tokyo"), ()]
)
def test_a_value_of_any_kind_of_session_is_explained(scored: Path, calendar: tuple[str, ...]) -> None:
    assert run("features", scored, *OPTIONS, *calendar).exit_code == 0
    file = scored.with_name("news.daily.parquet")
    ds = pl.read_parquet(file).filter(unique_id="MSFT")["ds"][0]
    result = run("explain", file, scored, "--entity", "MSFT", "--ds", ds)
    assert result.exit_code == 0, result.output
    assert f"MSFT on {ds}: sent_mean is " in result.output


def test_a_file_of_nights_needs_the_rows_of_all_of_them(scored: Path) -> None:
    file = scored.with_name("daily.parquet")
    second = scored.with_name("second.scored.parquet")
    rows(80, seed=1, first_day=5).write_parquet(second)
    for night, as_of in ((scored, "2024-01-06T00:00:00Z"), (second, "2024-01-11T00:00:00Z")):
        assert run("features", night, *OPTIONS, "--update", file, "--as-of", as_of).exit_code == 0
    whole = explain_file(file, [scored, second], entity="MSFT", ds=date(2024, 1, 7), column="sent_decay_5")
    assert set(whole.texts["file"]) == {scored.name, second.name}
    one = explain_file(file, [second], entity="MSFT", ds="2024-01-07")
    assert one.texts["row"].max() < 80  # type: ignore[operator]
    with pytest.raises(InputError, match="the daily features were not made of them"):
        explain_file(file, [second], entity="MSFT", ds="2024-01-07", column="sent_decay_5")


def test_other_rows_than_those_of_the_day_are_refused(scored: Path) -> None:
    assert run("features", scored, *OPTIONS).exit_code == 0
    rows(200, seed=7).write_parquet(scored)
    result = run("explain", scored.with_name("news.daily.parquet"), scored, "--entity", "AAPL", "--ds", "2024-01-03")
    assert result.exit_code == 1
    assert "the texts of these rows give" in result.output


def test_a_daily_file_without_its_options_is_refused(scored: Path, tmp_path: Path) -> None:
    assert run("features", scored, *OPTIONS).exit_code == 0
    bare = tmp_path / "bare.parquet"
    pl.read_parquet(tmp_path / "news.daily.parquet").write_parquet(bare)
    result = run("explain", bare, scored, "--entity", "AAPL", "--ds", "2024-01-03")
    assert result.exit_code == 1
    assert "does not say with which options it was made" in result.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--entity", "APL", "--ds", "2024-01-03"), "Did you mean 'AAPL'?"),
        (("--ds", "2024-01-03"), "has 2 entities"),
        (("--entity", "AAPL", "--ds", "2025-01-03"), "they go from 2024-01-01 to 2024-01-05"),
        (("--entity", "AAPL", "--ds", "yesterday"), "is not a date"),
        (("--entity", "AAPL", "--ds", "2024-01-03", "--column", "sent_std"), "is no mean over texts"),
        (("--entity", "AAPL", "--ds", "2024-01-03", "--column", "sent"), "is not in the daily features"),
    ],
)
def test_what_is_not_there_is_named(scored: Path, options: tuple[str, ...], words: str) -> None:
    assert run("features", scored, *OPTIONS).exit_code == 0
    result = run("explain", scored.with_name("news.daily.parquet"), scored, *options)
    assert result.exit_code == 1
    assert words.replace("has 2", "have 2") in " ".join(result.output.split())


def test_a_calendar_of_ones_own_is_given_again(scored: Path, tmp_path: Path) -> None:
    days = [START + timedelta(days=i) for i in range(-1, 9)]
    frame = pl.DataFrame({"ds": days, "open": days, "close": [day + timedelta(hours=20) for day in days]})
    calendar = tmp_path / "sessions.parquet"
    frame.with_columns(pl.col("ds").dt.date()).write_parquet(calendar)
    assert run("features", scored, *OPTIONS, "--calendar", calendar).exit_code == 0
    asked = ("explain", tmp_path / "news.daily.parquet", scored, "--entity", "AAPL", "--ds", "2024-01-03")
    assert "Give it again with --calendar" in run(*asked).output
    assert run(*asked, "--calendar", calendar).exit_code == 0
    frame.with_columns(pl.col("ds").dt.date()).tail(-1).write_parquet(calendar)
    assert "is not 2024-01-03 in the calendar frame" in " ".join(run(*asked, "--calendar", calendar).output.split())


def test_a_filled_gap_is_explained_by_the_day_that_fills_it() -> None:
    scored = rows(2).with_columns(at=pl.Series([START, START + timedelta(days=9)]), ticker=pl.lit("AAPL"))
    config = DailyConfig(fill="decay", fill_half_life=2)
    made = daily(scored, time_col="at", entity_col="ticker", midnight="instant", config=config)
    found = explain(
        made, scored, "AAPL", "2024-01-05", time_col="at", entity_col="ticker", midnight="instant", config=config
    )
    assert found["row"].to_list() == [0]
    assert found["ds"].to_list() == [date(2024, 1, 1)]
    assert found["share"].to_list() == [0.25]
    assert found["contribution"].sum() == made.filter(ds=date(2024, 1, 5))["sent_mean"][0]
