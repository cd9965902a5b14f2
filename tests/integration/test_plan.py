"""`sentiscore plan` and `plan_job` on small files, with a tiny model."""

import gzip
import json
import re
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

import sentiscore
from sentiscore.cli.main import cli
from sentiscore.planning import excerpts
from sentiscore.planning.measurement import STAGES
from sentiscore.scoring.scorer import Scorer

FAST = ("--seconds", "0.05")


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


@pytest.fixture(scope="module")
def scorer(tiny_checkpoint: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint)


def write_texts(path: Path, rows: int) -> Path:
    """Texts of which three of four differ, and some missing and blank ones."""
    texts = [f"profit rises on demand {n - n % 4 // 3}" for n in range(rows)]
    texts[:2] = ["", " "]
    frame = pl.DataFrame({"headline": [None, *texts[1:]], "n": range(rows)})
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path)
    return path


def test_a_plan_is_printed_and_written_and_nothing_else_is(tmp_path: Path, tiny_checkpoint: Path) -> None:
    path = write_texts(tmp_path / "news.parquet", 3_000)
    written = tmp_path / "plan.json"
    result = run(
        *("plan", path, "--text-col", "headline", "-m", tiny_checkpoint, *FAST, "--workers", "8,2", "--json", written)
    )
    assert (result.exit_code, result.stderr) == (0, "")
    for words in (
        "3,000 (3,000 of them sampled, from 1 position)",
        "bound by",
        *STAGES,
        "with workers that have 1 core",
    ):
        assert words in result.stdout
    found = json.loads(written.read_text())
    assert [each["workers"] for each in found["workers"]] == [2, 8]
    assert sorted(tmp_path.iterdir()) == [path, written]


def test_json_on_stdout_is_nothing_but_json(tmp_path: Path, tiny_checkpoint: Path) -> None:
    path = write_texts(tmp_path / "news.csv", 400)
    result = run("plan", path, "--text-col", "headline", "-m", tiny_checkpoint, *FAST, "--json", "-")
    found = json.loads(result.stdout)
    assert (found["rows"], found["rows_exact"], found["distinct"]) == (400, True, pytest.approx(0.75, abs=0.01))
    assert found["low"] <= found["seconds"] <= found["high"]
    assert [each["name"] for each in found["stages"]] == list(STAGES)
    assert all(each["seconds"] > 0 for each in found["stages"])


def test_the_rows_of_a_large_csv_are_estimated_from_several_positions(
    tmp_path: Path, scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excerpts, "EXCERPT_BYTES", 20_000)
    path = write_texts(tmp_path / "news.csv", 20_000)
    plan = sentiscore.plan_job(path, text_col="headline", model=scorer, seconds=0.05)
    assert (plan.positions, plan.rows_exact) == (4, False)
    assert plan.rows == pytest.approx(20_000, rel=0.1)
    assert plan.sampled_rows < 4_000
    assert plan.model == scorer.checkpoint.name


def test_rows_and_the_size_of_the_output_are_those_of_the_job(tmp_path: Path, scorer: Scorer) -> None:
    path = write_texts(tmp_path / "news.parquet", 5_000)
    plan = sentiscore.plan_job(path, text_col="headline", model=scorer, seconds=0.05)
    done = sentiscore.score_file(path, text_col="headline", model=scorer)
    assert plan.rows == done.rows
    assert plan.distinct * plan.rows == pytest.approx(done.texts_scored)
    scored = pl.read_parquet(done.outputs[0])
    tokens = scored.filter(pl.col("status") == "ok").unique("headline")["n_tokens"]
    assert plan.tokens_per_text == pytest.approx(tokens.mean())
    assert plan.output_bytes == pytest.approx(Path(done.outputs[0]).stat().st_size, rel=0.25)


def test_long_texts_that_are_cut_into_windows_take_all_of_their_tokens(tmp_path: Path, tiny_checkpoint: Path) -> None:
    path = tmp_path / "long.parquet"
    pl.DataFrame({"headline": [f"profit rises {n} " * 40 for n in range(50)]}).write_parquet(path)
    truncated, windows = (
        sentiscore.plan_job(
            path,
            text_col="headline",
            model=sentiscore.ScorerOptions(model=tiny_checkpoint, overflow=overflow),
            seconds=0.05,
        )
        for overflow in ("truncate", "windows")
    )
    assert truncated.tokens_per_text <= 32
    assert windows.tokens_per_text > 3 * truncated.tokens_per_text


def test_a_table_with_columns_of_scores_can_be_planned_for(tmp_path: Path, scorer: Scorer) -> None:
    path = tmp_path / "labelled.csv"
    path.write_text("text,label\nprofit rises,positive\n")
    assert sentiscore.plan_job(path, text_col="text", model=scorer, seconds=0.01).rows == 1


@pytest.mark.parametrize("data", ["text\n,\n".replace(",", ""), 'text\n""\n'])
def test_a_table_without_texts_takes_no_time_in_the_model(tmp_path: Path, scorer: Scorer, data: str) -> None:
    path = tmp_path / "none.csv"
    path.write_text(data)
    plan = sentiscore.plan_job(path, text_col="text", model=scorer, seconds=0.01)
    assert {each.name: each.seconds for each in plan.stages}["compute"] == 0
    assert plan.distinct == plan.tokens_per_text == 0


@pytest.mark.parametrize("name", ["header.csv", "empty.parquet", "header.csv.gz"])
def test_an_input_without_rows_is_one_clear_message_and_no_numbers(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".parquet":
        pl.DataFrame(schema={"headline": pl.String}).write_parquet(path)
    else:
        path.write_bytes(b"headline\n" if path.suffix == ".csv" else gzip.compress(b"headline\n"))
    result = run("plan", path, "--text-col", "headline", "-m", "/nowhere", *FAST)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{name} has no rows" in "".join(result.stderr.split("\n"))
    assert "Name an input" in result.stderr
    assert "has no column 'title'" in run("plan", path, "--text-col", "title").stderr


GOOD = b"headline,n\nprofit rises,1\n"


@pytest.mark.parametrize(
    ("name", "data", "args", "words"),
    [
        ("a.csv", GOOD, ["--text-col", "title"], r"a\.csv has no column 'title'; its columns are: headline, n"),
        ("a.csv", b"", [], r"a\.csv is empty"),
        ("a.csv", b"headline,n\nprofit\n", [], r"a\.csv: .*ragged|a\.csv.* line 2"),
        ("a.csv", b'headline,n\n"profit,1\n', [], "quote|ragged"),
        ("a.csv", b"headline,n\xff\nprofit,1\n", [], "UTF-8"),
        ("a.csv.gz", b"\x1f\x8b and no more", [], "cannot be read"),
        ("a.parquet", b"PAR1 and no more", [], "cannot be read"),
        ("a.ndjson", b'{"headline": "profit"}\n{"headline": \n', [], "cannot be read"),
        ("a.txt", b"profit", [], "Readable are"),
        ("a.csv", GOOD, ["--text-col", "n", "-m", "/nowhere"], "not a model folder"),
        ("a.csv", GOOD, ["--json", "a.csv"], "is a file that is read"),
    ],
)  # fmt: skip
def test_wrong_input_gets_one_clear_message_as_in_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes, args: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(data)
    result = run("plan", name, *(["--text-col", "headline"] if "--text-col" not in args else []), *args)
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("error: ")
    assert re.search(words, result.stderr), result.stderr
    assert "sentiscore-plan-" not in result.stderr, "the path of the input, not that of a copy"
    assert len(result.stderr.strip().splitlines()) == 2, "what is wrong, then the next step"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_plan_for_no_workers_is_refused_in_the_library_too(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(GOOD)
    with pytest.raises(sentiscore.InputError, match="cannot be 0 workers"):
        sentiscore.plan_job(tmp_path / "a.csv", text_col="headline", workers=(1, 0))


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--text-col", "t", "--workers", "two"],
        ["--text-col", "t", "--workers", "0"],
        ["--text-col", "t", "--workers", "4,-1"],
        ["--text-col", "t", "--seconds", "0"],
    ],
)
def test_a_typo_is_a_usage_error(args: list[str]) -> None:
    assert run("plan", "a.csv", *args).exit_code == 2
