"""The real command line, in processes of its own where that matters, otherwise through click."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner, Result

from sentiscore.cli.main import COMMANDS, cli
from sentiscore.cli.train import WEAK
from sentiscore.tables import read_table, write_frame


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


@pytest.fixture
def news_file(news: pl.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "news.csv"
    news.write_csv(path)
    return path


def test_the_whole_path_in_a_process_of_its_own(news_file: Path, tiny_checkpoint: Path) -> None:
    command = [sys.executable, "-m", "sentiscore", "score", str(news_file), "--text-col", "headline"]
    settings = ["--time-col", "published_at", "--entity-col", "ticker", "--day-tz", "America/New_York"]
    done = subprocess.run(
        [*command, "-m", str(tiny_checkpoint), *settings],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 (4 ok, 1 empty, 1 null)" in done.stdout
    scored = pl.read_parquet(news_file.parent / "news.scored.parquet")
    daily = pl.read_parquet(news_file.parent / "news.daily.parquet")
    assert scored.height == 6
    assert daily.select("unique_id", "n_docs").rows() == [
        ("AAA", 2), ("AAA", 0), ("AAA", 0), ("AAA", 1), ("BBB", 1), ("BBB", 0), ("BBB", 0)
    ]  # fmt: skip


def test_features_of_a_scored_file_are_those_of_the_same_pass(news_file: Path, tiny_checkpoint: Path) -> None:
    settings = ("--time-col", "published_at", "--entity-col", "ticker")
    scored = news_file.parent / "out.csv"
    assert (
        run("score", news_file, "--text-col", "headline", "-m", tiny_checkpoint, "-o", scored, *settings).exit_code == 0
    )
    again = news_file.parent / "again.parquet"
    result = run("features", scored, *settings, "--text-col", "headline", "-o", again)
    assert result.exit_code == 0, result.output
    assert "entity-days     7 (3 with texts)" in result.output
    assert pl.read_parquet(again).equals(pl.read_parquet(news_file.parent / "out.daily.parquet"))


def test_patterns_in_quotes_are_expanded_and_must_match(news_file: Path, tiny_checkpoint: Path) -> None:
    (news_file.parent / "more.csv").write_bytes(news_file.read_bytes())
    result = run("score", news_file.parent / "*.csv", "--text-col", "headline", "-m", tiny_checkpoint)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in news_file.parent.glob("*.parquet")) == [
        "more.scored.parquet",
        "news.scored.parquet",
    ]
    assert run("score", news_file.parent / "*.xyz", "--text-col", "headline").exit_code == 1


def test_train_then_evaluate_then_score(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    labelled = pl.DataFrame({"text": ["profit rises", "profit falls"] * 20, "gold": ["positive", "negative"] * 20})
    labelled.write_ndjson("train.jsonl")
    labelled.head(8).with_columns(pl.col("text") + " again").write_csv("eval.csv")
    columns = ("--text-col", "text", "--label-col", "gold")
    result = run(
        "train", "--base", tiny_base, "--train-file", "train.jsonl", "--eval-file", "eval.csv", *columns,
        "--epochs", 1, "--max-length", 16, "--device", "cpu",
    )  # fmt: skip
    assert result.exit_code in (0, WEAK), result.output  # three steps teach a tiny model next to nothing
    assert "checkpoint    runs/tiny-train" in result.output
    assert "peak memory" in result.output
    result = run(
        "evaluate", "runs/tiny-train", "--eval-file", "eval.csv", "--train-file", "train.jsonl", *columns,
        "--resamples", 20, "--json", "r.json", "--html", "r.html",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "TF-IDF baseline" in result.output
    assert "note: These rows also chose" in result.output
    (report,) = json.loads(Path("r.json").read_text())
    assert [figures["name"] for figures in report["figures"]] == [
        "model",
        "model before temperature",
        "TF-IDF baseline",
    ]
    page = Path("r.html").read_text()
    assert page.count("<svg") == 3
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    assert run("score", "eval.csv", "--text-col", "text", "-m", "runs/tiny-train").exit_code == 0


def test_several_domains_stand_side_by_side(
    make_checkpoint: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_checkpoint(Path("m"), labels=("negative", "neutral", "positive"))
    Path("films.tsv").write_text("sentence\tlabel\na warm film\t1\na dull mess\t0\n")
    Path("news.csv").write_text("text,stance\nshares fall,0\nprofit rises,1\nboard meets,2\n")
    Path("sets.toml").write_text(
        '[[sets]]\nname = "films"\nvalidation = "films.tsv"\n[[sets]]\nname = "news"\nvalidation = "news.csv"\n'
        'text_col = "text"\nlabel_col = "stance"\nlabels = ["negative", "positive", "neutral"]\n'
    )
    result = run("evaluate", "m", "--sets", "sets.toml", "--resamples", 10, "--json", "r.json", "--html", "r.html")
    assert result.exit_code == 0, result.output
    assert "note: None of these rows is neutral" in result.stdout
    assert "before temperature" in result.stdout
    films, news = json.loads(Path("r.json").read_text())
    assert (films["data"], films["rows"], films["neutral_left_out"]) == ("films", 2, True)
    assert (news["data"], news["rows"], news["neutral_left_out"]) == ("news", 3, False)
    assert Path("r.html").read_text().count("<svg") == 6
    both = run("evaluate", "m", "--eval-file", "films.tsv", "--eval-file", "films.tsv", "--resamples", 10)
    assert both.exit_code == 0, both.output
    assert both.stdout.count("m on films.tsv: 2 rows") == 2
    Path("secret").mkdir()
    Path("secret/films.tsv").write_text(Path("films.tsv").read_text())
    both = run("evaluate", "m", "--eval-file", "films.tsv", "--eval-file", "secret/films.tsv", "--resamples", 10)
    assert "m on films.tsv (1): 2 rows" in both.stdout
    assert "m on films.tsv (2): 2 rows" in both.stdout
    assert "secret" not in both.stdout
    assert run("evaluate", "m", "--sets", "sets.toml", "--eval-file", "films.tsv").exit_code == 2
    assert "another place" in run("evaluate", "m", "--sets", "sets.toml", "--json", "news.csv").stderr


def test_a_report_never_replaces_what_is_read(tmp_path: Path, tiny_checkpoint: Path) -> None:
    path = write(tmp_path / "labels.csv", b"text,gold\nup,positive\ndown,negative\n")
    columns = ("--eval-file", path, "--text-col", "text", "--label-col", "gold")
    for places in (("--json", path), ("--json", tmp_path / "r", "--html", tmp_path / "r"), ("--json", tmp_path)):
        result = run("evaluate", tiny_checkpoint, *columns, *places)
        assert result.exit_code == 1
        assert "another place" in result.stderr or "Name a file in it" in result.stderr
    assert path.read_bytes().startswith(b"text,gold")
    assert [p.name for p in tmp_path.iterdir()] == ["labels.csv"]


def test_the_demo_shows_both_tables_and_says_where_the_files_are(tmp_path: Path) -> None:
    result = run("demo", "-o", tmp_path / "demo")
    assert result.exit_code == 0, result.output
    for words in ("The first scored rows", "The first daily features", "news.scored.parquet", "news.daily.parquet"):
        assert words in result.output
    assert pl.read_parquet(tmp_path / "demo" / "news.scored.parquet").height == 397


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_every_option_described(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    inner = command.commands if isinstance(command, click.Group) else {}
    for path, each in [((name,), command), *(((name, of), each) for of, each in inner.items())]:
        result = run(*path, "--help")
        assert result.exit_code == 0, result.output
        assert each.help
        undescribed = [p.name for p in each.params if p.param_type_name == "option" and not getattr(p, "help", "")]
        assert undescribed == [], path


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


GOOD = b"headline,n\nprofit rises,1\n"


@pytest.mark.parametrize(
    ("name", "data", "args", "words"),
    [
        ("a.csv", GOOD, ["--text-col", "title"], "its columns are: headline, n"),
        ("a.csv", b"", [], "empty"),
        ("a.csv", b"headline,n\nprofit \xff\xfe,1\n", ["--bad-rows", "fail"], "1 undecodable; the first is row 1"),
        ("a.csv", b"headline,n\xff\nprofit,1\n", [], "UTF-8"),
        ("a.csv", b"headline,n\nprofit\n", [], "ragged"),
        ("a.csv", b"headline,n\nprofit,1,2\n", [], "ragged"),
        ("a.csv", b'headline,n\n"profit,1\n', [], "quote|ragged"),
        ("a.parquet", b"PAR1 and no more", [], "cannot be read"),
        ("a.ndjson", b'{"headline": "profit"}\n{"headline": \n', [], "cannot be read"),
        ("a.txt", b"profit", [], "Readable are"),
        ("a.csv", GOOD, ["-o", "/proc/nowhere/out.parquet"], "no folder"),
        ("a.csv", GOOD, ["-o", "/proc/out.parquet"], "could not be written|may not be written"),
        ("a.csv", GOOD, ["-m", "/nowhere"], "not a model folder"),
        ("a.csv", GOOD, ["--device", "gpu"], "no device 'gpu'"),
        ("a.csv", GOOD, ["--labels", "joy,anger"], "--labels"),
        ("a.csv", GOOD + b"x,2024-01-01T10:00:00\n", ["--time-col", "n"], "cannot be read|no time zone"),
        ("a.csv", b"headline,status\nx,1\n", [], "--prefix"),
        ("a.csv", b"status,headline,n\nA,x,1\n", ["--columns=n", "--entity-col=status", "--time-col=n"], "--prefix"),
        ("a.csv", GOOD, ["--columns", ""], "No column is left"),
        ("a.csv", GOOD, ["--max-length", "100000"], "can read 3 to"),
        ("a.csv", GOOD, ["-o", "a.csv/out.parquet"], "no folder|is a file"),
    ],
)  # fmt: skip
def test_wrong_input_gets_one_clear_message(
    tmp_path: Path, name: str, data: bytes, args: list[str], words: str
) -> None:
    import re

    result = run(
        "score", write(tmp_path / name, data), *(["--text-col", "headline"] if "--text-col" not in args else []), *args
    )
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    message = result.stderr
    assert message.startswith("error: ")
    assert re.search(words, message), message
    assert len(message.strip().splitlines()) == 2, "what is wrong, then the next step"
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "args",
    [
        ["score"],
        ["score", "a.csv"],
        ["score", "a.csv", "--text-col", "t", "--txt-col", "u"],
        ["score", "a.csv", "--text-col", "t", "--dtype", "fp8"],
        ["scor"],
        ["train", "--train-file", "a.tsv"],
        ["train", "--learning-rate", "fast"],
    ],
)
def test_a_typo_is_a_usage_error(args: list[str]) -> None:
    assert run(*args).exit_code == 2


def test_a_typo_in_an_option_suggests_the_right_one() -> None:
    assert "--text-col" in run("score", "a.csv", "--text-cl", "t").stderr


def test_a_warning_is_one_line_on_stderr(news_file: Path, tiny_bert: Callable[..., Path]) -> None:
    result = run("score", news_file, "--text-col", "headline", "-m", tiny_bert())
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: ")
    assert "LABEL_0" in result.stderr
    assert result.stderr.count("is not calibrated") == 1
    assert "none: probabilities are as they come" in result.stdout


def test_the_hub_out_of_reach_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    result = run("train")
    assert result.exit_code == 1
    assert "--base FOLDER" in result.stderr or "Name a folder" in result.stderr
    result = run("evaluate")
    assert result.exit_code == 1
    assert "--eval-file" in result.stderr
    assert list(tmp_path.glob("runs")) == []


def test_an_exchange_cutoff_and_config_reach_the_features(
    news_file: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    config = write(tmp_path / "features.toml", b'sets = ["level", "surprise"]\nz = [5]\nfill = "zero"\n')
    settings = ("--time-col", "published_at", "--entity-col", "ticker", "--text-col", "headline", "--calendar", "XNYS")
    more = ("--cutoff", "open-30m", "--latency", "5m", "--config", config, "--fill", "latest", "--repeats", "drop")
    result = run("score", news_file, "-m", tiny_checkpoint, *settings, *more, "--weight-col", "n_tokens")
    assert result.exit_code == 0, result.output
    daily = pl.read_parquet(news_file.parent / "news.daily.parquet")
    session, features = daily.columns[9:11], daily.columns[11:]
    assert session == ["session_close", "calendar"]
    assert features == ["sent_mean", "sent_shrunk", "sent_std", "sent_z_5", "abnormal_volume_20"]
    assert daily.filter(pl.col("unique_id") == "AAA")["ds"].to_list()[0].isoformat() == "2024-02-06"
    assert daily["available_at"].dt.hour().unique().to_list() == [14]
    assert daily["sent_mean"].null_count() == 0  # the option counts for more than the file
    scored = news_file.parent / "news.scored.parquet"
    again = run("features", scored, *settings, *more, "--weight-col", "n_tokens", "-o", tmp_path / "again.parquet")
    assert again.exit_code == 0, again.output
    assert pl.read_parquet(tmp_path / "again.parquet").equals(daily)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_rows_that_were_scored_without_a_tone_give_the_same_features(
    news_file: Path, tiny_checkpoint: Path, tmp_path: Path, suffix: str
) -> None:
    settings = ("--time-col", "published_at", "--entity-col", "ticker", "--text-col", "headline")
    result = run("score", news_file, "-m", tiny_checkpoint, *settings, "-o", tmp_path / f"new.{suffix}")
    assert result.exit_code == 0, result.output
    daily = pl.read_parquet(tmp_path / "new.daily.parquet")
    assert daily["tone_mean"].null_count() == (daily["n_docs"] == 0).sum()
    rows = read_table(tmp_path / f"new.{suffix}")
    assert rows.columns[rows.columns.index("sentiment") + 1] == "tone"
    write_frame(rows.drop("tone"), tmp_path / f"old.{suffix}")
    again = run("features", tmp_path / f"old.{suffix}", *settings, "-o", tmp_path / "old.daily.parquet")
    assert again.exit_code == 0, again.output
    assert pl.read_parquet(tmp_path / "old.daily.parquet").equals(daily)


def test_a_daily_file_is_updated_and_revised(news: pl.DataFrame, tmp_path: Path) -> None:
    rows = news.with_columns(sentiment=pl.lit(0.5), label=pl.lit("positive"), status=pl.lit("ok")).with_columns(
        pl.col("published_at").str.to_datetime(time_zone="UTC")
    )
    rows.head(3).write_parquet(tmp_path / "one.parquet")
    rows.tail(3).write_parquet(tmp_path / "two.parquet")
    target = tmp_path / "daily.parquet"
    settings = ("--time-col", "published_at", "--entity-col", "ticker", "--update", target)
    early = run("features", tmp_path / "one.parquet", *settings[:-2], "--as-of", "2024-02-05T23:00Z")
    assert early.output.startswith("warning: 1 rows have times after 2024-02-05 23:00:00 UTC")
    assert "No session of these rows is closed yet" in early.output
    assert pl.read_parquet(tmp_path / "one.daily.parquet").is_empty()
    first = run("features", tmp_path / "one.parquet", *settings, "--as-of", "2024-02-06T19:00:00-05:00")
    assert "as of           2024-02-07 00:00:00 UTC" in first.output
    assert "new             3 entity-days" in first.output
    result = run("features", tmp_path / "two.parquet", *settings)
    assert result.exit_code == 0, result.output
    assert pl.read_parquet(target)["n_docs"].sum() == 6
    again = run("features", tmp_path / "one.parquet", *settings, "--revise")
    assert again.exit_code == 1
    assert "The rows of this file are in" in again.stderr
    rows.head(1).write_parquet(tmp_path / "late.parquet")
    refused = run("features", tmp_path / "late.parquet", *settings)
    assert refused.exit_code == 1
    assert "published already, the first one row 1 of late.parquet (" in refused.stderr
    revised = run("features", tmp_path / "late.parquet", *settings, "--revise")
    assert "as they were:" in revised.output
    assert pl.read_parquet(tmp_path / "daily.revisions.parquet")["n_docs"].sum() > 0
    for wrong in (("-o", tmp_path / "x.parquet", "--update", target), ("--revise",)):
        assert run("features", tmp_path / "one.parquet", "--time-col", "published_at", *wrong).exit_code == 2


def test_settings_of_daily_features_without_a_time_column_are_refused(news_file: Path) -> None:
    result = run("score", news_file, "--text-col", "headline", "--calendar", "XNYS")
    assert result.exit_code == 1
    assert "Daily features need a time column." in result.stderr


def test_a_pattern_leaves_out_what_a_run_before_has_made_of_its_files(tmp_path: Path, tiny_checkpoint: Path) -> None:
    for name in ("a", "b"):
        pl.DataFrame({"headline": ["good"], "at": ["2024-02-05T10:00Z"]}).write_parquet(tmp_path / f"{name}.parquet")
    arguments = ["score", f"{tmp_path}/*.parquet", "--text-col", "headline", "--time-col", "at", "-m", tiny_checkpoint]
    for _ in range(2):
        result = run(*arguments, "--bad-rows", "drop")
        assert result.exit_code == 0, result.output
        assert "2 (2 ok)" in result.output


def test_a_pattern_that_matches_nothing_is_an_error_and_an_event(tmp_path: Path) -> None:
    result = run("score", f"{tmp_path}/*.parquet", "--text-col", "headline", "--log-json")
    assert result.exit_code == 1
    assert json.loads(result.stderr)["event"] == "failed"
    assert "No file matches the pattern" in result.stderr


@pytest.mark.parametrize(("options", "n_docs"), [(["--midnight", "instant"], [2]), (["--midnight", "date"], [1, 1])])
def test_the_command_line_says_how_times_are_read(
    tmp_path: Path, tiny_checkpoint: Path, options: list[str], n_docs: list[int]
) -> None:
    path = tmp_path / "news.csv"
    path.write_text("headline,at\ngood,05/01/2024 00:00\ngood,05/01/2024 10:00\n")
    more = ["--time-col", "at", "--tz", "America/New_York", "--time-format", "%d/%m/%Y %H:%M", "--calendar", "XNYS"]
    done = run("score", path, "--text-col", "headline", "-m", tiny_checkpoint, *more, *options)
    assert done.exit_code == 0, done.output
    assert pl.read_parquet(tmp_path / "news.daily.parquet")["n_docs"].to_list() == n_docs
    done = run("features", tmp_path / "news.scored.parquet", *more, *options, "-o", tmp_path / "again.parquet")
    assert done.exit_code == 0, done.output
    assert pl.read_parquet(tmp_path / "again.parquet")["n_docs"].to_list() == n_docs


def test_both_a_time_format_and_a_time_unit_are_one_too_many(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text("headline,at\ngood,1704488340\n")
    more = ["--time-col", "at", "--time-format", "%Y%m%d", "--time-unit", "s"]
    done = run("score", path, "--text-col", "headline", *more)
    assert done.exit_code == 1
    assert "not both" in done.output
