"""Inputs that people have: stdin, single texts, texts with HTML, tables with a column of labels."""

import gzip
import io
import sys
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from sentiscore import Scorer
from sentiscore.cli.main import cli
from sentiscore.errors import InputError, MissingExtraError
from sentiscore.scoring import cleaning
from sentiscore.scoring.cleaning import cleaned

CSV = b"text,label,at\nProfit rises,pos,2024-01-05T10:00Z\nLoss,neg,2024-01-06T10:00Z\n"


def run(*arguments: str, stdin: bytes = b"") -> tuple[int, str]:
    result = CliRunner().invoke(cli, list(arguments), input=stdin)
    return result.exit_code, result.output


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_stdin_is_scored_as_the_file_is(
    tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch, pack: type[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("news.csv").write_bytes(CSV)
    options = ("--text-col", "text", "-m", str(tiny_checkpoint), "-o")
    assert run("score", "news.csv", *options, "file.parquet")[0] == 0
    code, output = run("score", "-", *options, "piped.parquet", stdin=pack(CSV))
    assert code == 0, output
    assert pl.read_parquet("piped.parquet").equals(pl.read_parquet("file.parquet"))
    assert sorted(path.name for path in tmp_path.glob("stdin*")) == []


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "why"),
    [
        (["-", "--text-col", "text"], CSV, 2, "name it with --output"),
        (["-", "-", "--text-col", "text", "-o", "o.csv"], CSV, 2, "is named twice"),
        (["-", "--text-col", "text", "-o", "o.csv"], b"", 1, "stdin is empty"),
        (["--text", "good", "--text-col", "text"], b"", 2, "--text-col is for files"),
        (["news.csv", "--text", "good"], b"", 2, "INPUT is for files"),
        ([], b"", 2, "Missing argument 'INPUT...'"),
        (["news.csv"], b"", 2, "Missing option '--text-col'"),
    ],
)
def test_a_wrong_input_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], stdin: bytes, code: int, why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found, output = run("score", *arguments, stdin=stdin)
    assert (found, why in output) == (code, True), output


def test_single_texts_print_their_numbers(tiny_checkpoint: Path) -> None:
    code, output = run("score", "--text", "good", "--text", "", "-m", str(tiny_checkpoint))
    assert code == 0, output
    lines = [line.split() for line in output.splitlines()]
    assert ["text", "good"] in lines
    assert ["status", "empty"] in lines
    expected = Scorer.from_pretrained(str(tiny_checkpoint)).score(["good"])["sentiment"][0]
    assert ["sentiment", f"{expected:.4f}"] in lines


@pytest.mark.parametrize(
    "arguments",
    [
        ["score", "n.csv", "--text-col", "a", "--entity-col", "b", "--entity-col", "c"],
        ["score", "n.csv", "--text-col", "a", "-o", "x.csv", "--output", "y.csv"],
        ["features", "n.csv", "--time-col", "a", "--time-col", "a"],
        ["cache", "prune", "answers", "--max-size", "1GB", "--max-size", "2GB"],
    ],
)
def test_an_option_of_one_value_that_is_given_twice_is_refused(arguments: list[str]) -> None:
    code, output = run(*arguments)
    assert (code, "is given twice, and takes one value." in output) == (2, True), output


def test_an_option_that_may_be_given_again_is_not_refused() -> None:
    code, output = run("score", "s3://a/b.csv", "--storage-option", "a=1", "--storage-option", "b", "--text-col", "t")
    assert "given twice" not in output
    assert code != 0


def test_the_model_s_label_stands_beside_the_column_of_labels(tmp_path: Path, tiny_checkpoint: Path) -> None:
    source, output = tmp_path / "news.csv", tmp_path / "scored.parquet"
    source.write_bytes(CSV)
    score = ["score", str(source), "--text-col", "text", "-m", str(tiny_checkpoint), "-o", str(output)]
    code, printed = run(*score, "--time-col", "at")
    assert code == 0, printed
    scored = pl.read_parquet(output)
    assert scored["label"].to_list() == ["pos", "neg"]
    assert scored["predicted_label"].is_in(["negative", "neutral", "positive"]).all()
    assert run("features", str(output), "--time-col", "at", "-o", str(tmp_path / "daily.parquet"))[0] == 0
    scorer = Scorer.from_pretrained(str(tiny_checkpoint))
    frame = scored.select("text", "label")
    eager = scorer.score_frame(frame, text_col="text")
    assert eager.columns[2:] == scored.columns[3:]
    assert scorer.score_frame(frame.lazy(), text_col="text").collect().columns == eager.columns
    with pytest.raises(InputError, match="already has the column predicted_label"):
        scorer.score_frame(eager.select("text", "predicted_label"), text_col="text")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("good<br></br>bad", "good bad"),
        ("<p>A &amp; B</p><p>C</p>", "A & B C"),
        ("<b>good</b>ness <!-- no -->", "goodness"),
        ("<script>x()</script>hi", "hi"),
        ("profit < 5 & rev > 3", "profit < 5 & rev > 3"),
        ("<AAPL> is up, x<y and z>w", "<AAPL> is up, x<y and z>w"),
        ("two  spaces", "two  spaces"),
        ("<br>", ""),
        ("<b>x</b> " * 300, " ".join(["x"] * 300)),
        (None, None),
    ],
)
def test_html_is_taken_out_and_other_texts_stay(text: str | None, expected: str | None) -> None:
    pytest.importorskip("selectolax")
    assert cleaned(pl.Series([text, "plain"], dtype=pl.String), "html").to_list() == [expected, "plain"]
    assert cleaned(pl.Series([text], dtype=pl.String), "none").to_list() == [text]


def test_a_clean_job_reads_the_visible_text_and_keeps_the_column(tmp_path: Path, tiny_checkpoint: Path) -> None:
    pytest.importorskip("selectolax")
    source, output = tmp_path / "news.csv", tmp_path / "scored.parquet"
    source.write_text("text\ngood<br></br>film\n<br>\n")
    score = ["score", str(source), "--text-col", "text", "-m", str(tiny_checkpoint), "-o", str(output)]
    code, printed = run(*score, "--clean", "html")
    assert code == 0, printed
    assert "--clean html" not in printed
    scored = pl.read_parquet(output)
    assert scored["text"].to_list() == ["good<br></br>film", "<br>"]
    assert scored["status"].to_list()[1] == "empty"
    scorer = Scorer.from_pretrained(str(tiny_checkpoint), clean="html")
    plain = Scorer.from_pretrained(str(tiny_checkpoint)).score(["good film"])
    assert scorer.score(["good<br></br>film"]).equals(plain)
    assert scored["sentiment"][0] == plain["sentiment"][0]
    assert scorer.identity() != Scorer.from_pretrained(str(tiny_checkpoint)).identity()
    assert run("inspect", str(output))[1].count("clean = html") == 1
    code, printed = run(*score, "--clean", "html", "--bad-rows", "fail")
    assert (code, "row 2 of news.csv (empty)" in printed) == (1, True)


def test_many_texts_with_tags_are_warned_about(tmp_path: Path, tiny_checkpoint: Path) -> None:
    source = tmp_path / "news.csv"
    source.write_text("text\ngood<br></br>film\nbad\n")
    code, printed = run("score", str(source), "--text-col", "text", "-m", str(tiny_checkpoint))
    assert code == 0, printed
    assert "1 of 2 texts in 'text' have tags of HTML" in printed


def test_without_the_library_the_extra_is_named_before_anything_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiscore.errors.is_installed", lambda _: False)
    with pytest.raises(MissingExtraError, match=r"sentiscore\[html\]"):
        cleaning.check_cleaner("html")


def test_most_texts_that_are_too_long_bring_the_option_that_reads_them(tmp_path: Path, tiny_checkpoint: Path) -> None:
    source = tmp_path / "news.csv"
    source.write_text("text\n" + "good film and more of it\n" * 3)
    code, printed = run("score", str(source), "--text-col", "text", "-m", str(tiny_checkpoint), "--max-length", "3")
    assert code == 0, printed
    assert "try --overflow windows" in printed


def test_a_mistyped_model_folder_is_answered_with_the_one_that_is_meant(
    tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "targets").symlink_to(tiny_checkpoint)
    monkeypatch.chdir(tmp_path)
    for typed in ("runs/target", "run/targets", "./runs/tragets"):
        code, printed = run("score", "--text", "good", "-m", typed)
        assert (code, "Did you mean runs/targets?" in printed) == (1, True), printed


def test_an_address_of_the_web_says_how_to_read_it() -> None:
    code, printed = run("score", "https://example.org/a.csv", "--text-col", "a")
    assert (code, "curl -L https://example.org/a.csv | sentiscore score -" in printed) == (1, True)


def test_a_terminal_as_stdin_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from click import UsageError

    from sentiscore.cli.stdin import stdin_as_file

    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    with pytest.raises(UsageError, match="is the terminal"), stdin_as_file(["-"], ["o.csv"]):
        pass
