"""What describes the project agrees with itself: versions, workflows, commands."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

import sentiscore

ROOT: Final = Path(__file__).parents[3]
WORKFLOWS: Final = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
YAML: Final = [
    *WORKFLOWS,
    *sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")),
    ROOT / ".pre-commit-config.yaml",
    ROOT / "CITATION.cff",
]
MAKEFILE: Final = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS: Final = set(re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE))


def read(path: Path) -> dict[str, Any]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict), path
    return loaded


def commands_of(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("path", YAML, ids=lambda path: path.name)
def test_a_file_of_yaml_is_read(path: Path) -> None:
    assert read(path)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_write_nothing_by_itself_and_calls_what_is_there(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job.get("timeout-minutes") or not commands_of(job) or name == "announce", name
        for command in commands_of(job):
            for target in re.findall(r"\bmake ([\w-]+)", command):
                assert target in TARGETS, command


def test_tests_run_on_every_version_of_python_that_is_supported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = project["requires-python"].removeprefix(">=")
    named = [name.split(" :: ")[-1] for name in project["classifiers"] if re.search(r":: 3\.\d+$", name)]
    tested = read(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]["linux"]["strategy"]["matrix"]["python"]
    assert tested[0] == oldest
    assert set(named) <= set(tested)


def test_a_release_is_published_without_a_password_and_by_nothing_else() -> None:
    jobs = read(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["needs"] == "build"
    assert [name for name, job in jobs.items() if "id-token" in job.get("permissions", {})] == ["publish"]
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")


def test_the_hooks_run_what_make_check_runs() -> None:
    (local,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    checks = re.search(r"^check:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert checks
    for hook in local["hooks"]:
        tool, *words = hook["entry"].split()
        command = " ".join([Path(tool).name, *(word for word in words if not word.startswith("-"))])
        assert f"$(BIN)/{command}" in checks[1], hook


def test_one_version_is_named_everywhere() -> None:
    assert read(ROOT / "CITATION.cff")["version"] == sentiscore.__version__
    sections = re.findall(
        r"^## (\S+) \((.+)\)$", (ROOT / "docs" / "changelog.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sections[0][0] == sentiscore.__version__


def test_the_first_release_is_compared_with_no_version_that_nobody_has_seen() -> None:
    first, *others = re.split(
        r"^## ", (ROOT / "docs" / "changelog.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    )[1:]
    assert others or not re.findall(r"; before,|\bBefore, |, where before", first)


def test_the_page_for_contributors_has_every_command_of_the_makefile() -> None:
    described = set(re.findall(r"^([\w-]+):.*## ", MAKEFILE, re.MULTILINE))
    page = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([\w-]+)", page))
    assert described - named - {"demo", "clean"} == set()
    assert named - TARGETS == set()
