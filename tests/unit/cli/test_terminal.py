"""Nothing that is printed steers the terminal, and nothing that stderr does stops a command."""

import io
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import IO, Any

import polars as pl
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from sentiscore.cli.main import cli
from sentiscore.cli.terminal import console, in_one_line, visible
from sentiscore.tables import write_frame
from tests.effort import spread

ESCAPE = "\x1b]0;owned\x07\x1b[2J"
HOSTILE = f"a{ESCAPE}\u202eb\u2028c\x9bd\x7f\ne"
HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def steers(text: str) -> set[str]:
    return {sign for sign in text if unicodedata.category(sign) in HIDDEN} - {"\n"}


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_whatever_is_printed_shows_and_lines_stay_lines(text: str) -> None:
    shown = visible(text)
    assert steers(shown) <= {"\u200c", "\u200d"}
    assert shown.count("\n") == text.count("\n")
    assert "\n" not in in_one_line(text)
    assert visible(shown) == shown
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\tb\r", r"a\tb\r"),
        ("\x9b1m", r"\x9b1m"),
        ("\x7f", r"\x7f"),
        ("gnp.\u202efdp", r"gnp.\u202efdp"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("pay\u200bpal", r"pay\u200bpal"),
        ("pay\u200dpal", r"pay\u200dpal"),
        ("\udcff.csv", r"\udcff.csv"),
        ("\U000e0041", r"\U000e0041"),
        ("Zürich 北京 résumé — 5 €", "Zürich 北京 résumé — 5 €"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_what_does_not_show_is_an_escape_and_what_does_stays(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({HOSTILE: ["good"], "t": ["bad"]}).write_csv("a.csv")
    model = Path(f"model{ESCAPE}")
    model.mkdir()
    (model / "config.json").write_text(json.dumps({"model_type": HOSTILE, "architectures": [HOSTILE]}))
    (model / f"x{ESCAPE}.py").write_text("")
    daily = pl.DataFrame({"unique_id": [HOSTILE], "ds": ["2024-02-05"], HOSTILE: [0.5]})
    write_frame(daily, "d.csv")
    write_frame(daily, "m.parquet", metadata={"sentiscore": json.dumps({"format": HOSTILE})})
    Path("o.toml").write_text(
        f'"{ESCAPE.encode("unicode_escape").decode().replace(chr(92) + "x", chr(92) + "u00")}" = 1'
    )
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["score", "a.csv", "--text-col", "none"],
        ["score", "a.csv", "--text-col", f"t{HOSTILE}"],
        ["score", "a.csv", "--text-col", "t", "--columns", f"t{HOSTILE}"],
        ["score", "a.csv", "--text-col", "t", "--time-col", HOSTILE],
        ["score", f"{HOSTILE}.csv", "--text-col", "t"],
        ["score", f"{HOSTILE}*.csv", "--text-col", "t"],
        ["score", "a.csv", "--text-col", "t", "-m", f"model{ESCAPE}"],
        ["score", "a.csv", "--text-col", "t", "-m", f"none{HOSTILE}"],
        ["score", "a.csv", "--text-col", "t", "-o", f"none{HOSTILE}/o.csv"],
        ["score", "a.csv", "--text-col", "t", f"--{HOSTILE}"],
        ["score", "a.csv", "--text-col", "t", "--device", HOSTILE],
        ["score", "a.csv", "--text-col", "t", "--limit", HOSTILE],
        ["score", "a.csv", "--text-col", "t", "--comment", HOSTILE],
        [f"{HOSTILE}"],
        [f"--{HOSTILE}"],
        ["verify", f"model{ESCAPE}"],
        ["verify", f"model{ESCAPE}", "--json"],
        ["inspect", "m.parquet"],
        ["features", "a.csv", "--time-col", HOSTILE],
        ["features", "a.csv", "--time-col", "t", "--config", "o.toml"],
        ["plot", "d.csv", "--entity", "other"],
        ["plot", "d.csv", "--column", HOSTILE],
        ["monitor", "a.csv", "--reference", "m.parquet"],
        ["monitor", "a.csv", "--reference", "a.csv", "--threshold", f"{HOSTILE}=1"],
        ["evaluate", "--eval-file", "a.csv", "--text-col", "t", "--label-col", "none"],
        ["evaluate", "--eval-file", "a.csv", "--text-col", "t", "--label-col", HOSTILE],
        ["train", "--recipe", "o.toml"],
        ["cache", "info", HOSTILE],
    ],
)
def test_no_name_or_value_reaches_the_terminal_as_it_is(words: list[str], here: Path) -> None:
    done = run(*words)
    assert done.exit_code in (1, 2), (done.output, done.exception)
    assert steers(done.output) == set(), done.output
    assert not any(line.startswith("e") and not line.startswith("error:") for line in done.output.splitlines())


def test_a_line_end_in_a_name_begins_no_line_of_its_own(here: Path) -> None:
    done = run("score", "a.csv", "--text-col", "x\nerror: all is lost")
    assert [line for line in done.stderr.splitlines() if line.startswith("error:")] == done.stderr.splitlines()[:1]
    done = run("score", "a.csv", "--text-col", "t", "-o", "none\nerror: all is lost/o.csv")
    assert [line for line in done.stderr.splitlines() if line.startswith("error:")] == done.stderr.splitlines()[:1]


def test_results_and_warnings_show_what_they_name(here: Path, tiny_checkpoint: Path) -> None:
    plain = Path(f"model{ESCAPE}2")
    plain.symlink_to(tiny_checkpoint)
    done = run("score", "a.csv", "--text-col", "t", "-m", plain, "-o", f"o{ESCAPE}.csv")
    assert done.exit_code == 0, done.output
    assert r"\x1b]0;owned\x07" in done.stdout
    assert steers(done.output) == set()


def test_a_table_shows_its_cells_and_keeps_its_colours() -> None:
    file = io.StringIO()
    table = Table(title=f"[red]{HOSTILE}")
    table.add_column(HOSTILE)
    table.add_row(HOSTILE, style="bold red")
    screen = console(width=200, force_terminal=True, color_system="standard")
    screen.file = file
    screen.print(table)
    assert "\x1b[1;31m" in file.getvalue()
    assert r"\x1b]0;owned" in file.getvalue()
    assert "\x1b]" not in file.getvalue()
    assert steers(file.getvalue()) == {"\x1b"}


def test_events_are_lines_of_ascii(here: Path) -> None:
    name = "a\u2028b\u0085c\u2029d\x1b.csv"
    Path("a.csv").rename(name)
    done = run("score", name, "--text-col", "t", "--log-json", "-o", "o\u2028.csv")
    assert done.exit_code == 0, done.output
    lines = done.stderr.splitlines()
    assert len(lines) == done.stderr.count("\n") >= 4
    assert {json.loads(line)["event"] for line in lines} >= {"scoring", "window", "finishing", "done"}
    assert done.stderr.isascii()
    assert json.loads(lines[1])["source"] == name


# --- places to print to ---


def process(
    *words: object, stdout: IO[Any] | int | None = None, stderr: IO[Any] | int | None = None, shell: str = ""
) -> Any:
    command = [sys.executable, "-m", "sentiscore", *map(str, words)]
    if shell:
        command = ["sh", "-c", f'exec "$@" {shell}', "sh", *command]
    return subprocess.run(command, stdout=stdout, stderr=stderr, text=True, check=False, timeout=120)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", [["--help"], ["cache", "info", "answers"]])
def test_a_full_stdout_is_one_message(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentiscore.scoring.answers import AnswerStore

    monkeypatch.chdir(tmp_path)
    AnswerStore.open("answers").close()
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = process(*words, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("error: What was to be printed could not be written to stdout: No sp")
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("pipe", [True, False])
def test_a_closed_stdout_and_a_closed_pipe_are_one_message(pipe: bool) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = process("--help", stdout=writer, stderr=subprocess.PIPE, shell="" if pipe else ">&-")
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr.startswith("error: What was to be printed could not be written to stdout: ")
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("shell", spread(["2>&-", "2>/dev/full"], 1))
def test_a_job_goes_on_when_its_log_cannot_be_written(
    shell: str, tmp_path: Path, make_checkpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = make_checkpoint(tmp_path / "model", temperature=None)  # of which it warns
    Path("a.csv").write_text("t\ngood\n")
    done = process(
        "score", "a.csv", "--text-col", "t", "-m", model, "-o", "o.csv", "--log-json", stdout=-1, shell=shell
    )
    assert done.returncode == 0
    assert "scored rows" in done.stdout
    assert Path("o.csv").read_text().startswith("t,p_negative")


def test_a_line_that_was_cut_is_not_continued_by_the_next() -> None:
    from sentiscore.cli.terminal import _Out

    class Disk(io.BytesIO):
        room = 10

        def write(self, data: Any) -> int:
            n = min(self.room, len(data))
            if not n:
                raise OSError(28, "No space left on device")
            self.room -= n
            return super().write(data[:n])

    disk = Disk()
    stream = _Out(io.TextIOWrapper(disk, encoding="utf-8"), lambda _: None)
    stream.write("123456\n")
    stream.write("abcdef\n")
    disk.room = 100
    stream.write("next\n")
    assert disk.getvalue() == b"123456\nabc\nnext\n"
