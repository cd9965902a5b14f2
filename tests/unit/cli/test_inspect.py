import dataclasses
import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from sentiscore.cli.main import cli
from sentiscore.tables import write_frame
from sentiscore.tables.provenance import SourceFacts
from tests.unit.tables.test_provenance import DAILY, ROWS, TOLD, write


def inspect(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["inspect", *map(str, words)])


@pytest.mark.parametrize("name", ["out.parquet", "out.csv", "out.ndjson", "out"])
def test_an_output_is_told_readably_and_checked(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, folder="." not in name)
    result = inspect(path)
    assert result.exit_code == 0, result.output
    for told in (
        "scored rows, 2 rows",
        "2026-11-28 16:00:00 UTC by sentiscore",
        f"org/model, revision {'0' * 40}, bf16 on cpu, temperature 1.500",
        "ef" * 32,
        "news.csv, 2 rows",
        "text_col = headline",
        "config.z = [20]",
        "cd" * 32,
        "as it was when it was made",
    ):
        assert told in result.stdout
    assert "limit" not in result.stdout


def test_a_changed_output_is_told_and_fails(tmp_path: Path) -> None:
    path = write(tmp_path / "out.csv")
    path.write_text(path.read_text() + "c\n")
    for flags in ([], ["--json"]):
        result = inspect(path, *flags)
        assert result.exit_code == 1
        assert "out.csv has another sha256 than out.csv.provenance.json says" in result.stderr
        assert "org/model" in result.stdout


def test_json_has_everything(tmp_path: Path) -> None:
    result = inspect(write(tmp_path / "out.parquet", DAILY), "--json")
    found = json.loads(result.stdout)
    assert (found["file"], found["where"], found["intact"]) == ("out.parquet", "metadata", True)
    assert found["provenance"] == dataclasses.replace(DAILY, sha256=found["provenance"]["sha256"]).to_dict()


def test_daily_features_tell_the_models_of_their_rows(tmp_path: Path) -> None:
    many = tuple(SourceFacts(file=f"{night}.parquet", sha256="", rows=night) for night in range(9))
    path = write(tmp_path / "out.parquet", dataclasses.replace(DAILY, sources=many, n_sources=20))
    result = inspect(path)
    assert result.exit_code == 0
    for told in ("org/model", "8.parquet", "and 15 earlier ones", "1 of 20 sources do not say how they were scored"):
        assert told in result.stdout
    assert "3.parquet" not in result.stdout


def test_a_file_that_says_nothing_is_a_message(tmp_path: Path) -> None:
    for path in (write_frame(ROWS, tmp_path / "a.csv"), write_frame(ROWS, tmp_path / "a.parquet"), tmp_path / "gone"):
        result = inspect(path)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert len(result.stderr.splitlines()) == 2


def test_what_a_stranger_s_file_says_does_not_steer_the_terminal(tmp_path: Path) -> None:
    path = write(tmp_path / "out.csv", dataclasses.replace(TOLD, options={"a": "\x1b]0;x\x07[red]", "b\x1b": "\r"}))
    result = inspect(path)
    assert result.exit_code == 0
    assert not {"\x1b", "\x07", "\r"} & set(result.stdout)
    assert "[red]" in result.stdout


def test_daily_features_in_a_csv_are_inert_unless_told_otherwise(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {"at": ["2024-02-05T16:05:30Z"], "ticker": ["@ES"], "sentiment": [0.5], "label": ["positive"], "status": ["ok"]}
    )
    source = write_frame(rows, tmp_path / "news.parquet")
    words = ["features", str(source), "--time-col", "at", "--entity-col", "ticker", "-o", str(tmp_path / "d.csv")]
    for flags, entity in (([], "'@ES"), (["--csv-as-is"], "@ES")):
        result = CliRunner().invoke(cli, [*words, *flags])
        assert result.exit_code == 0, result.output
        assert pl.read_csv(tmp_path / "d.csv")["unique_id"].to_list() == [entity]


def test_a_file_beside_a_daily_file_is_not_called_an_output_that_says_how_it_was_made(tmp_path: Path) -> None:
    path = write_frame(pl.DataFrame({"revised_at": [1]}), tmp_path / "daily.revisions.parquet")
    result = inspect(path)
    assert result.exit_code == 1
    assert "does not say how it was made" in result.output
    assert "Outputs of this version" not in result.output
    assert "daily features of this version of sentiscore do" in " ".join(result.output.split())
