import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sentiscore.cli.main import cli
from sentiscore.scoring.answer_file import NAME
from sentiscore.scoring.answers import AnswerStore
from tests.faults.answers_by_rule import ASKER, OTHER, check, keep_all, texts


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, ["cache", *map(str, args)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with answers of two scorers."""
    with AnswerStore.open(tmp_path, max_bytes=2_000_000) as store:
        keep_all(store, texts(1_200))
        keep_all(store, texts(3), OTHER)
    return tmp_path


def test_info_says_what_is_there(folder: Path) -> None:
    result = run("info", folder)
    assert result.exit_code == 0, result.output
    assert "answers  1,203" in result.output
    assert "of 2 MB allowed" in result.output
    assert "model      0123456789ab" in result.output
    assert "dtype bf16" in result.output


def test_info_as_json_has_the_same(folder: Path) -> None:
    found = json.loads(run("info", folder, "--json").output)
    assert found["answers"] == 1_203
    assert found["max_bytes"] == 2_000_000
    assert found["size"] == (folder / NAME).stat().st_size
    assert {one["identity"]["dtype"]: one["answers"] for one in found["scorers"]} == {"fp32": 1_200, "bf16": 3}


def test_prune_says_what_it_removed(folder: Path) -> None:
    before = (folder / NAME).stat().st_size
    result = run("prune", folder, "--max-size", "60kB")
    assert result.exit_code == 0, result.output
    assert "removed  " in result.output
    assert (folder / NAME).stat().st_size <= 60_000 < before
    assert "removed  0\n" in run("prune", folder, "--older-than", "90d").output
    with AnswerStore.open(folder) as store:
        left = check(store, texts(1_200)) + check(store, texts(3), OTHER)
    assert f"removed  {left:,}\n" in run("prune", folder, "--model", ASKER.identity.split('"model": "')[1][:8]).output
    assert "left     0\n" in run("prune", folder, "--all").output


def test_prune_mends_what_is_damaged(folder: Path) -> None:
    path = folder / NAME
    path.write_bytes(path.read_bytes()[:4096])
    result = run("info", folder)
    assert result.exit_code == 1
    assert "is damaged" in result.output
    command = result.output.split("Empty it with: sentiscore cache ")[1].split(" - ")[0]
    assert "all of a damaged store" in run(*command.split()).output
    AnswerStore.open(folder).close()
    assert run("info", folder).exit_code == 0


def test_mistakes_are_clear_errors(folder: Path, tmp_path: Path) -> None:
    assert run("prune", folder).exit_code == 2
    for arguments in (
        ("info", tmp_path / "nowhere"),
        ("prune", folder, "--max-size", "plenty"),
        ("prune", folder, "--older-than", "long"),
        ("prune", folder, "--model", "ffffffff"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1, result.output
        assert result.output.startswith("error: ")
        assert len(result.output.strip().splitlines()) == 2
