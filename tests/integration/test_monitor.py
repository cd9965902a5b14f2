"""`sentiscore monitor` as a scheduler runs it: files in, a table or JSON out, and an exit code."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from sentiscore.cli.main import cli
from sentiscore.monitoring.thresholds import THRESHOLDS
from sentiscore.tables import open_sink
from sentiscore.tables.provenance import SCORED_ROWS, ModelFacts, Provenance
from tests.scored_rows import START, scored_rows

DAYS = 28
LAST = START + timedelta(days=DAYS)
COLUMNS = ("--text-col", "text", "--time-col", "published_at")


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, ["monitor", *(str(arg) for arg in args)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history, a night like those before it, and a night of which much is empty."""
    path = tmp_path_factory.mktemp("monitor")
    scored_rows(6_600, days=DAYS).write_parquet(path / "history.scored.parquet")
    scored_rows(300, seed=3, start=LAST).write_parquet(path / "night.scored.parquet")
    scored_rows(300, seed=3, start=LAST, empty=0.1).write_parquet(path / "broken.scored.parquet")
    return path


@pytest.mark.parametrize(("name", "code"), [("night", 0), ("broken", 3)])
def test_the_exit_code_says_whether_something_has_changed(folder: Path, name: str, code: int) -> None:
    command = [sys.executable, "-m", "sentiscore", "monitor", str(folder / f"{name}.scored.parquet")]
    done = subprocess.run(
        [*command, "--reference", str(folder / "history.scored.parquet"), *COLUMNS],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    assert (done.returncode, done.stderr) == (code, "")
    assert ("ALARM" in done.stdout) == (code == 3)
    assert ("past its limit: empty" in done.stdout) == (code == 3)
    assert all(name in done.stdout for name in THRESHOLDS)


def test_json_goes_to_a_file_beside_the_table(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "drift.json"
    history = folder / "history.scored.parquet"
    result = run(folder / "broken.scored.parquet", "--reference", history, *COLUMNS, "--json", target)
    assert result.exit_code == 3
    assert f"written: {target}" in result.output
    report = json.loads(target.read_text(encoding="utf-8"))
    assert [check["name"] for check in report["checks"] if not check["passed"]] == ["empty"]
    assert (report["passed"], report["rows"], report["reference_rows"]) == (False, 300, 6_600)


def test_json_on_stdout_is_all_there_is(folder: Path) -> None:
    result = run(
        folder / "night.scored.parquet", "--reference", folder / "history.scored.parquet", *COLUMNS, "--json", "-"
    )
    assert result.exit_code == 0
    assert json.loads(result.stdout)["passed"] is True


def test_a_threshold_can_be_moved(folder: Path) -> None:
    files = (folder / "broken.scored.parquet", "--reference", folder / "history.scored.parquet")
    assert run(*files).exit_code == 3
    assert run(*files, "--threshold", "empty=0.5", "--threshold", "labels=1").exit_code == 0


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("emtpy=0.1", "There is no check called 'emtpy'. The checks are: sentiment, labels,"),
        ("emtpy=much", "There is no check called 'emtpy'."),
        ("empty", "'empty' is not NAME=VALUE"),
        ("empty=", "'empty=' is not NAME=VALUE"),
        ("empty=much", "'empty=much' is not NAME=VALUE"),
        ("=0.1", "There is no check called ''."),
        ("empty=nan", "The threshold of empty is nan"),
        ("empty=-1", "The threshold of empty is -1"),
    ],
)
def test_a_mistyped_threshold_is_a_usage_error(folder: Path, typed: str, message: str) -> None:
    night = folder / "night.scored.parquet"
    result = run(night, "--reference", night, "--threshold", typed)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_reference_is_needed(folder: Path) -> None:
    assert run(folder / "night.scored.parquet").exit_code == 2


def test_csv_and_several_references_give_the_same_report(folder: Path, tmp_path: Path) -> None:
    history = pl.read_parquet(folder / "history.scored.parquet")
    parts = []
    for i, part in enumerate((history.head(2_000), history.slice(2_000))):
        parts += ["--reference", tmp_path / f"part{i}.csv"]
        part.write_csv(tmp_path / f"part{i}.csv", datetime_format="%Y-%m-%dT%H:%M:%S%.fZ")
    night = folder / "broken.scored.parquet"
    one = run(night, "--reference", folder / "history.scored.parquet", *COLUMNS, "--json", "-")
    other = run(night, *parts, *COLUMNS, "--json", "-")
    assert json.loads(one.stdout)["checks"] == json.loads(other.stdout)["checks"]
    assert (one.exit_code, other.exit_code) == (3, 3)


def test_folders_of_parts_give_the_same_report(folder: Path, tmp_path: Path) -> None:
    names = ("broken", "history")
    for name in names:
        rows = pl.read_parquet(folder / f"{name}.scored.parquet")
        (tmp_path / name).mkdir()
        for i, part in enumerate(rows.iter_slices(-(-rows.height // 3))):
            part.write_parquet(tmp_path / name / f"part-{i:05}.parquet")
    one = run(
        folder / "broken.scored.parquet", "--reference", folder / "history.scored.parquet", *COLUMNS, "--json", "-"
    )
    other = run(tmp_path / "broken", "--reference", tmp_path / "history", *COLUMNS, "--json", "-")
    assert (one.exit_code, other.exit_code) == (3, 3)
    assert json.loads(one.stdout) | {"scored": "", "reference": []} == json.loads(other.stdout) | {
        "scored": "",
        "reference": [],
    }


@pytest.mark.parametrize("sha256", ["ab" * 32, "cd" * 32])
def test_scores_of_different_models_are_told_and_no_error(folder: Path, tmp_path: Path, sha256: str) -> None:
    for name, one in (("night", "ab" * 32), ("history", sha256)):
        model = ModelFacts(
            name="mine",
            revision=None,
            sha256=one,
            labels=("negative", "neutral", "positive"),
            temperature=None,
            dtype="fp32",
            device="cpu",
        )
        told = Provenance(kind=SCORED_ROWS, rows=1, sources=(), n_sources=0, options={}, job_key="ab", model=model)
        with open_sink(tmp_path / f"{name}.parquet", metadata=told.to_metadata()) as sink:
            sink.write(pl.read_parquet(folder / f"{name}.scored.parquet"))
    files = (tmp_path / "night.parquet", "--reference", tmp_path / "history.parquet", *COLUMNS)
    result = run(*files, "--json", tmp_path / "drift.json")
    assert result.exit_code == 0
    differ = sha256 != "ab" * 32
    assert (
        "note: These rows were scored by different models: SCORED by mine (sha256 abababab" in result.output
    ) == differ
    report = json.loads((tmp_path / "drift.json").read_text(encoding="utf-8"))
    assert (report["same_model"], len(report["notes"])) == (not differ, int(differ))


def test_a_stray_row_is_told_in_the_table(folder: Path, tmp_path: Path) -> None:
    rows = pl.read_parquet(folder / "night.scored.parquet")
    row = rows.tail(1).with_columns(published_at=pl.col("published_at") - pl.duration(days=30))
    pl.concat([rows, row]).write_parquet(tmp_path / "night.parquet")
    result = run(tmp_path / "night.parquet", "--reference", folder / "history.scored.parquet", *COLUMNS)
    assert result.exit_code == 0
    assert "note: 1 row of SCORED lies far before or after the others: left out as stray" in result.output


def test_files_that_cannot_be_compared_are_errors_with_a_next_step(folder: Path, tmp_path: Path) -> None:
    night, history = folder / "night.scored.parquet", folder / "history.scored.parquet"
    rows = pl.read_parquet(night)
    cases = {
        "plain": (rows.select("text"), "is not scored"),
        "none": (rows.head(0), "has no rows"),
        "unscored": (rows.filter(pl.col("status") == "empty"), "has scores"),
        "other": (scored_rows(300, neutral=False), "different models"),
        "headline": (rows.rename({"text": "headline"}), "no column 'text'"),
    }
    for name, (frame, message) in cases.items():
        path = tmp_path / f"{name}.parquet"
        frame.write_parquet(path)
        for files in ((path, "--reference", history), (night, "--reference", path)):
            result = run(*files, *COLUMNS)
            assert (result.exit_code, result.stdout) == (1, ""), name
            assert message in result.stderr
            assert len(result.stderr.strip().splitlines()) == 2


def test_the_report_does_not_replace_what_it_reads(folder: Path) -> None:
    night = folder / "night.scored.parquet"
    before = night.read_bytes()
    result = run(night, "--reference", folder / "history.scored.parquet", "--json", night)
    assert result.exit_code == 1
    assert "is a file that is read" in result.stderr
    assert night.read_bytes() == before


def test_help_names_the_exit_codes_and_every_threshold() -> None:
    text = " ".join(run("--help").output.split())
    assert "3 where a check alarms" in text
    assert all(f"{name}={value:g}" in text for name, value in THRESHOLDS.items())


@pytest.mark.parametrize(
    ("write", "options"),
    [
        (pl.col("published_at").dt.epoch("s"), ("--time-unit", "s")),
        (pl.col("published_at").dt.epoch("ms").cast(pl.String), ("--time-unit", "ms")),
        (pl.col("published_at").dt.strftime("%d/%m/%Y %H:%M:%S"), ("--time-format", "%d/%m/%Y %H:%M:%S")),
        (pl.col("published_at").dt.strftime("%b %d, %Y %I:%M:%S %p GMT"), ("--tz", "Europe/London")),
    ],
)
def test_times_are_read_as_the_options_say(
    folder: Path, tmp_path: Path, write: pl.Expr, options: tuple[str, str]
) -> None:
    names = ("night", "history")
    for name in names:
        rows = pl.read_parquet(folder / f"{name}.scored.parquet")
        rows.with_columns(published_at=write).write_parquet(tmp_path / f"{name}.scored.parquet")
    args = [folder / "night.scored.parquet", "--reference", folder / "history.scored.parquet", *COLUMNS, "--json", "-"]
    written = [tmp_path / one.name if isinstance(one, Path) else one for one in args]
    found, expected = (json.loads(run(*one).output) for one in ([*written, *options], args))
    assert found["checks"] == expected["checks"]


def test_times_in_numbers_without_a_unit_are_refused_with_the_option(folder: Path, tmp_path: Path) -> None:
    rows = pl.read_parquet(folder / "night.scored.parquet")
    path = tmp_path / "night.parquet"
    rows.with_columns(pl.col("published_at").dt.epoch("s")).write_parquet(path)
    result = run(path, "--reference", path, *COLUMNS)
    assert result.exit_code == 1
    assert "--time-unit s" in result.output
