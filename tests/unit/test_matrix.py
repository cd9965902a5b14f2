"""What `make matrix` installs, which Pythons it finds, and what it says of them."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import matrix
from tests.matrix import Cell, constraints, find_pythons, floors, report

PROJECT = {
    "name": "house",
    "dependencies": ["brick>=1.2", "sand", "glass>=3; platform_system == 'Windows'"],
    "optional-dependencies": {
        "roof": ["house[wood]", "tile>=0.5"],
        "wood": ["oak[dry]>=7", "house[roof]"],
        "garden": ["rose>=2"],
    },
}


def interpreter(folder: Path, name: str, version: str) -> Path:
    """A command that says it is Python of this version, or fails as pyenv's does where that version is not chosen."""
    command = folder / name
    command.write_text(f"#!/bin/sh\necho {version}\n" if version else "#!/bin/sh\nexit 127\n", encoding="utf-8")
    command.chmod(0o755)
    return command


def test_the_floors_are_those_of_the_project_and_of_extras_that_extras_name() -> None:
    core = {"brick": "1.2", "glass": "3"}
    assert floors(PROJECT, []) == core
    assert floors(PROJECT, ["roof"]) == {**core, "tile": "0.5", "oak": "7"}
    assert floors(PROJECT, ["garden"]) == {**core, "rose": "2"}


@pytest.mark.parametrize("line", ["brick<2", "brick>=1,<2", "brick @ file:///brick", "brick>=1.2rc1"])
def test_a_requirement_that_is_not_a_floor_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{line!r} is not NAME>=VERSION")):
        floors({**PROJECT, "dependencies": [line]}, [])


def test_what_pyproject_toml_asks_for_has_floors_and_nothing_else() -> None:
    project = matrix.read_project()
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    named = {re.split(r"[\[>;]", line)[0] for line in lines} - {project["name"]}
    assert set(floors(project, project["optional-dependencies"])) == named


def test_constraints_hold_each_floor_but_the_one_of_torch() -> None:
    assert constraints({"torch": "2.10", "rich": "14.2"}, "2.13.0") == ["rich==14.2", "torch==2.13.0"]
    assert constraints({}, "2.13.0") == ["torch==2.13.0"]


def test_torch_is_the_one_that_every_change_is_tested_with() -> None:
    assert (
        f"torch=={matrix.pinned_torch()}" in (matrix.ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    )


def test_a_python_is_found_under_its_version_or_as_python3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = interpreter(tmp_path, "python3.11", "3.11")
    interpreter(tmp_path, "python3.12", "")
    newer = interpreter(tmp_path, "python3", "3.13")
    monkeypatch.setenv("PATH", str(tmp_path))
    found, missing = find_pythons(["3.11", "3.12", "3.13", "3.14"])
    assert found == {"3.11": str(older), "3.13": str(newer)}
    assert missing == ["3.12", "3.14"]


def test_the_version_of_a_python_is_its_own_word() -> None:
    assert matrix.version_of(sys.executable) == f"{sys.version_info.major}.{sys.version_info.minor}"


def test_the_report_says_which_cells_passed_which_step_failed_and_what_was_not_tried() -> None:
    cells = [
        Cell("3.11", "lowest", None, 251.4),
        Cell("3.11", "newest", "the tests", 12.0),
        Cell("3.12", "lowest", "installing", 3.0),
    ]
    assert report(cells, ["3.13", "3.14"]) == [
        "Python 3.11, lowest versions: passed in 251 s",
        "Python 3.11, newest versions: FAILED in the tests",
        "Python 3.12, lowest versions: FAILED in installing",
        "not found, not tried: Python 3.13, 3.14",
    ]
    assert report(cells[:1], []) == ["Python 3.11, lowest versions: passed in 251 s"]


@pytest.mark.parametrize("failing", ["venv", "pip", "pytest"])
def test_a_cell_ends_at_the_first_step_that_fails(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, returncode=int(failing in command))

    monkeypatch.setattr(matrix, "ENVIRONMENTS", tmp_path / "environments")
    monkeypatch.setattr(subprocess, "run", run)
    cell = matrix.run("python", "3.11", "lowest", "2.13.0", ["tests/unit"])
    steps = {"venv": "making the environment", "pip": "installing", "pytest": "the tests"}
    assert cell.failed == steps[failing]
    assert [next(name for name in steps if name in command) for command in ran] == list(steps)[: len(ran)]
    assert failing in ran[-1]
    held = (tmp_path / "environments" / "3.11-lowest.txt").read_text(encoding="utf-8").splitlines()
    assert "torch==2.13.0" in held
    assert len(held) > 20


def test_what_is_run_is_there_and_leaves_out_what_make_test_does() -> None:
    assert [path for path in matrix.QUICK if not (matrix.ROOT / path).exists()] == []
    options = tomllib.loads((matrix.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"][
        "ini_options"
    ]
    left_out = re.search(r"-m '(.*)'", options["addopts"])
    assert left_out
    assert matrix.LEFT_OUT.startswith(left_out[1])
    marked = {marker.partition(":")[0] for marker in options["markers"]}
    assert set(re.findall(r"not (\w+)", matrix.LEFT_OUT)) <= marked
