"""`sentiscore check` as it is run: a model in, a table, JSON or a page out, and an exit code."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sentiscore.cli.main import cli

OWN = """
[lists]
firm = ["Aram", "Bokor", "Cirel"]

[[capabilities]]
name = "always"
about = "Any label will do."
tests = [{ texts = ["{firm} \\u001b[31mwins."], expect = ["negative", "neutral", "positive"] }]

[[capabilities]]
name = "never"
group = "Mine"
tests = [{ pairs = [["{firm} wins.", "{firm} wins!"]], moves = "up", by = 2 }]

[[capabilities]]
name = "never and hard"
hard = true
tests = [
    { texts = ["{firm} beats {firm:2}"], edits = ["capitals"], within = 0.0 },
    { texts = ["x of {firm}"], target = "{firm}", expect = ["positive"] },
]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    return path


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, ["check", *(str(arg) for arg in args)])


def test_a_report_is_a_table_json_and_a_page(tiny_checkpoint: Path, own: Path, tmp_path: Path) -> None:
    words = tmp_path / "words.csv"
    words.write_text("word,polarity\nwins,1\n", encoding="utf-8")
    targets = tmp_path / "b.json", tmp_path / "b.html"
    done = run(
        *(tiny_checkpoint, "--suite", own, "--only-suite", "--baseline", words),
        *("--json", targets[0], "--html", targets[1]),
    )
    assert (done.exit_code, done.stderr) == (0, "")
    for shown in ("never", "expected the sentiment rises by at least 2.00; got ", "3 of 3", "100 % [44, 100]"):
        assert shown in done.stdout
    assert "not judged: never and hard: tiny: " in done.stdout
    assert "words.csv" in done.stdout
    assert [f"written: {path}" in done.stdout for path in targets] == [True, True]
    report = json.loads(targets[0].read_text(encoding="utf-8"))
    assert (report["model"], report["readers"], report["suites"]) == ("tiny", ["tiny", "words.csv"], ["own.toml"])
    assert [each["results"][0]["failures"] for each in report["capabilities"]][:2] == [0, 3]
    page = targets[1].read_text(encoding="utf-8")
    assert "<h2>Mine</h2>" in page
    assert "3 of 3" in page


def test_the_shipped_suite_is_tested_by_default(tiny_checkpoint: Path) -> None:
    done = run(tiny_checkpoint)
    assert (done.exit_code, done.stderr) == (0, "")
    for shown in ("bad things go down", "sarcasm (hard)", "Fairness", "all but hard ones", "which it does not know"):
        assert shown in done.stdout


def test_json_on_stdout_is_all_there_is(tiny_checkpoint: Path, own: Path) -> None:
    done = run(tiny_checkpoint, "--suite", own, "--json", "-")
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert report["suites"] == ["shipped", "own.toml"]
    assert len(report["capabilities"]) > 40


def test_what_is_shown_cannot_control_the_terminal(tiny_checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        OWN.replace('"negative", "neutral", "positive"', '"neutral", "positive"').replace("always", "a\\u001b[0m")
    )
    done = run(tiny_checkpoint, "--suite", path, "--only-suite")
    assert done.exit_code == 0
    assert "\x1b[31m" not in done.stdout
    assert "\x1b[0m" not in done.stdout


@pytest.mark.parametrize(("rate", "code"), [("1", 0), ("0.5", 1), ("0", 1)])
def test_a_limit_decides_the_exit_code(tiny_checkpoint: Path, own: Path, rate: str, code: int) -> None:
    done = run(tiny_checkpoint, "--suite", own, "--only-suite", "--max-failures", rate)
    assert done.exit_code == code
    assert ("of 1 of 3 capabilities: never." in done.stderr) == (code == 1)
    assert "all but hard ones" in done.stdout


def test_what_was_mistyped_is_a_usage_error(own: Path) -> None:
    assert run("--only-suite").exit_code == 2
    assert run("--suite", own, "--max-failures", "2").exit_code == 2
    assert run("--capability", "negation").exit_code == 2


def test_a_broken_suite_is_an_error_before_the_model_is_loaded(own: Path, tmp_path: Path) -> None:
    own.write_text(OWN.replace("{firm:2}", "{town}"), encoding="utf-8")
    done = run(tmp_path / "no-such-model", "--suite", own)
    assert done.exit_code == 1
    assert "own.toml: In 'never and hard', test 1" in done.stderr
    assert "The lists are: firm." in done.stderr


def test_a_report_replaces_nothing_that_is_read(own: Path, tmp_path: Path) -> None:
    done = run("--suite", own, "--json", own)
    assert done.exit_code == 1
    assert "is read from, or written to, elsewhere in this command." in done.stderr
    done = run("--json", tmp_path / "same", "--html", tmp_path / "same")
    assert done.exit_code == 1
    assert not (tmp_path / "same").exists()
