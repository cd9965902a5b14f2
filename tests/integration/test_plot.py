"""`sentiscore plot` through the real command line, and its page in a real browser where there is one."""

import os
import re
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from sentiscore.cli.main import cli

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HOSTILE = "</script><script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


@pytest.fixture
def daily(tmp_path: Path) -> Path:
    """Ten days of two entities; the first has news on days 0 to 2, 4, and 7 to 9."""
    days = [date(2024, 1, 1) + timedelta(days=i) for i in range(10)]
    docs = [3, 1, 2, 0, 1, 0, 0, 2, 2, 9]
    frame = pl.DataFrame(
        {
            "unique_id": [HOSTILE] * 10 + ["silent"] * 10,
            "ds": days * 2,
            "n_docs": docs + [0] * 10,
            "sent_mean": [0.1 * n if n else None for n in docs] + [None] * 10,
            "sent_std": [0.2 if n > 1 else None for n in docs] + [None] * 10,
        }
    )
    path = tmp_path / "news.daily.parquet"
    frame.write_parquet(path)
    return path


def test_from_headlines_to_a_page(tmp_path: Path) -> None:
    assert run("demo", "-o", tmp_path).exit_code == 0
    result = run("plot", tmp_path / "news.daily.parquet", "--title", "Sample")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "entities drawn  4 of 4" in result.output
    page = (tmp_path / "news.daily.html").read_text(encoding="utf-8")
    assert "<title>Sample</title>" in page
    assert "395 documents" in page


def test_what_is_left_out_is_told(daily: Path) -> None:
    result = run("plot", daily, "--limit", 1)
    assert result.exit_code == 0
    assert "entities drawn  1 of 2" in result.output
    assert "1 entity is not on the page. Choose with --entity NAME, or draw more with --limit N." in result.stderr
    chosen = run("plot", daily, "--entity", "silent", "-o", daily.parent / "one.html")
    assert chosen.stderr == ""  # who names entities knows what is left out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--entity", "Silnet"], "no entity 'Silnet'"),
        (["--column", "mood"], "no column 'mood'"),
        (["-o", "/nowhere/p.html"], "no folder"),
        (["-o", "/proc/p.html"], "could not be written|may not be written"),
    ],
)
def test_wrong_input_gets_one_clear_message(daily: Path, args: list[str], words: str) -> None:
    result = run("plot", daily, *args)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert re.search(words, result.stderr), result.stderr
    assert len(result.stderr.strip().splitlines()) == 2
    assert [path.name for path in daily.parent.iterdir()] == [daily.name]


def test_a_missing_file_is_told_and_a_mistyped_option_is_a_usage_error(daily: Path) -> None:
    missing = run("plot", daily.parent / "gone.parquet")
    assert (missing.exit_code, "There is no file" in missing.stderr) == (1, True)
    for args in (["--entty", "A"], ["--limit", "0"], ["--limit", "many"], []):
        assert run("plot", *([daily] if args else []), *args).exit_code == 2


def test_without_plotly_nothing_is_written_and_the_message_says_what_to_install(
    daily: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    result = run("plot", daily)
    assert result.exit_code == 1
    assert "pip install 'sentiscore[plots]'" in result.stderr
    assert [path.name for path in daily.parent.iterdir()] == [daily.name]


def drawn(page: Path, folder: Path) -> str:
    """The page as a browser has drawn it, without an error, and without a request that the policy had to refuse."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    quiet = ["--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"]
    done = subprocess.run(
        [
            str(BROWSER), *options, *quiet, f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=5000",
            "--dump-dom", f"file://{page}",
        ],
        capture_output=True, text=True, check=True, timeout=120, env=os.environ | {"HOME": str(folder)},
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    return done.stdout


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium or Chrome")
def test_a_browser_draws_the_gaps_runs_no_name_and_asks_for_nothing(daily: Path, tmp_path: Path) -> None:
    assert run("plot", daily, "--title", "page").exit_code == 0
    page = drawn(daily.with_suffix(".html"), tmp_path)
    assert "<title>page</title>" in page
    assert "document.title='run'" in page  # the name is there as text, and did not run
    assert '<p id="facts">20 documents in 10 sessions, 30.0 % of them without news</p>' in page
    means = re.findall(r'<path class="js-line" d="([^"h]+)"[^>]*stroke: rgb\(0, 114, 178\)', page)
    assert [len(re.findall("[ML]", line)) for line in means] == [3, 1, 3]  # a piece for each run of sessions with news


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium or Chrome")
def test_a_browser_draws_a_run_without_news_that_ends_on_a_friday_and_a_target(daily: Path, tmp_path: Path) -> None:
    frame = pl.read_parquet(daily).filter(pl.col("ds").dt.weekday() < 6, pl.col("unique_id") == HOSTILE)
    frame = frame.with_columns(n_docs=pl.when(pl.col("ds").dt.weekday() == 5).then(0).otherwise(1))
    frame.write_parquet(daily)
    prices = tmp_path / "prices.csv"
    frame.select("ds", close=pl.int_range(pl.len())).write_csv(prices)
    assert run("plot", daily, "--target", prices).exit_code == 0
    page = drawn(daily.with_suffix(".html"), tmp_path)
    boxes = re.findall(r'<path class="js-fill" d="([^"]+)"[^>]*fill: rgb\(201, 162, 39\)', page)
    across = [float(x) for x in re.findall(r"[ML]([\d.]+),", boxes[0])]
    assert max(across) - min(across) > 10  # the Friday before the only week-end among the sessions
    assert re.search(r'<path class="js-line" d="[^"]+"[^>]*stroke: rgb\(0, 122, 90\)', page)


def test_the_limit_that_help_names_is_that_of_the_library() -> None:
    from sentiscore.cli.plot import command
    from sentiscore.features.plot import MOST_ENTITIES

    assert {option.name: option.default for option in command.params}["limit"] == MOST_ENTITIES
