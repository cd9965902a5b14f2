"""A quick part of the tests with the lowest and the newest versions that pyproject.toml allows, on each Python found.

    python -m tests.matrix            # both, on every Python
    python -m tests.matrix --versions lowest --pythons 3.11

pip installs into new environments under `.venv-matrix`. torch is the same in all of them: its usual wheels for Linux
hold CUDA, which is gigabytes. A Python is found on the PATH. Of pyenv's, name those that count in PYENV_VERSION:

    PYENV_VERSION=3.11.7:3.12.1 python -m tests.matrix
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
ENVIRONMENTS: Final = ROOT / ".venv-matrix"
EXTRA: Final = "dev"
QUICK: Final = (
    "tests/unit/test_public_names.py",
    "tests/unit/test_schemas.py",
    "tests/unit/checkpoint",
    "tests/unit/cli",
    "tests/unit/engine",
    "tests/unit/evaluation",
    "tests/unit/features",
    "tests/unit/monitoring",
    "tests/unit/nightly",
    "tests/unit/scoring",
    "tests/unit/tables",
    "tests/unit/training",
    "tests/property/test_contract_properties.py",
    "tests/integration/test_adapters.py",
    "tests/integration/test_light.py",
)
LEFT_OUT: Final = "not thorough and not shared_data and not gpu"
OUTDATED: Final = {"lowest": ["ignore:`torch.jit.script` is deprecated:DeprecationWarning"], "newest": []}
"""What pytest's -W is given: transformers before 5.23 uses what torch has deprecated since, in DeBERTa alone."""

_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9_.-]+)(?:\[([^]]*)\])?(?:>=([0-9.]+))?(?:\s*;.*)?")


def read_project() -> dict[str, Any]:
    """The table [project] of pyproject.toml."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def floors(project: dict[str, Any], extras: Iterable[str]) -> dict[str, str]:
    """The lowest version of each distribution that the project and these extras name."""
    return {name: floor for name, _, floor in _requirements(project, extras) if floor}


def _requirements(project: dict[str, Any], extras: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Name, extras of its own and floor of what the project and these extras need, one by one."""
    waiting, seen = list(extras), set[str]()
    lines = list(project["dependencies"])
    while waiting:
        extra = waiting.pop()
        if extra not in seen:
            seen.add(extra)
            for line in project["optional-dependencies"][extra]:
                name, inner, _ = _parts(line)
                if name == project["name"]:
                    waiting += inner.split(",")
                else:
                    lines.append(line)
    for line in lines:
        yield _parts(line)


def _parts(line: str) -> tuple[str, str, str]:
    match = _REQUIREMENT.fullmatch(line)
    if match is None:
        raise ValueError(f"{line!r} is not NAME>=VERSION")
    return match[1], match[2] or "", match[3] or ""


def constraints(held: Mapping[str, str], torch: str) -> list[str]:
    """The lines of a constraints file: these versions, and this torch whatever they say of it."""
    return [f"{name}=={version}" for name, version in sorted({**held, "torch": torch}.items())]


def find_pythons(wanted: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The interpreters of these versions that are here, and the versions of which there is none."""
    found: dict[str, str] = {}
    for version in wanted:
        for command in (f"python{version}", "python3"):
            path = shutil.which(command)
            if path is not None and version_of(path) == version:
                found[version] = path
                break
    return found, [version for version in wanted if version not in found]


def version_of(python: str) -> str:
    """Its version, as in 3.11; nothing where it does not start: pyenv has a command for each version, chosen or not."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


@dataclass(frozen=True)
class Cell:
    """What became of one Python with one set of versions.

    Attributes:
        python: Its version, as in 3.11.
        versions: "lowest" or "newest".
        failed: The step that failed, if one did.
        seconds: How long the last step took, which is the tests unless one before it failed.
    """

    python: str
    versions: str
    failed: str | None
    seconds: float


def run(python: str, version: str, versions: str, torch: str, tests: Sequence[str]) -> Cell:
    """Make an environment and run the tests in it, up to the first step that fails."""
    place = ENVIRONMENTS / f"{version}-{versions}"
    file = ENVIRONMENTS / f"{version}-{versions}.txt"
    held = floors(read_project(), [EXTRA]) if versions == "lowest" else {}
    ENVIRONMENTS.mkdir(exist_ok=True)
    file.write_text("\n".join(constraints(held, torch)) + "\n", encoding="utf-8")
    inside = [str(place / "bin" / "python"), "-m"]
    steps = {
        "making the environment": [python, "-m", "venv", "--clear", str(place)],
        "installing": [*inside, "pip", "install", "--quiet", "--constraint", str(file), "--editable", f".[{EXTRA}]"],
        "the tests": [
            *(*inside, "pytest", "--quiet", "--numprocesses", "auto", "--dist", "worksteal"),
            *("-p", "no:cacheprovider", "-m", LEFT_OUT, *(f"-W{line}" for line in OUTDATED[versions]), *tests),
        ],
    }
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    failed = None
    for step, command in steps.items():
        start = time.monotonic()
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
            failed = step
            break
    return Cell(version, versions, failed, time.monotonic() - start)


def report(cells: Iterable[Cell], missing: Sequence[str]) -> list[str]:
    """What is said at the end, a line for each cell and one for the Pythons that were not there."""
    lines = [
        f"Python {cell.python}, {cell.versions} versions: "
        + (f"FAILED in {cell.failed}" if cell.failed else f"passed in {cell.seconds:.0f} s")
        for cell in cells
    ]
    return [*lines, f"not found, not tried: Python {', '.join(missing)}"] if missing else lines


def main() -> None:
    """Run it, and say what passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    both = ["lowest", "newest"]
    parser.add_argument("--versions", nargs="+", choices=both, default=both, help="both by default")
    parser.add_argument("--pythons", nargs="+", default=list(PYTHONS), help="say 3.11 3.12; all four by default")
    parser.add_argument("--torch", default=pinned_torch(), help="its version; that of constraints.txt by default")
    parser.add_argument("--tests", nargs="+", default=list(QUICK), help="what pytest is given")
    options = parser.parse_args()
    found, missing = find_pythons(options.pythons)
    cells = [
        run(python, version, versions, options.torch, options.tests)
        for version, python in found.items()
        for versions in options.versions
    ]
    print("\n".join(report(cells, missing)))  # noqa: T201 - what this is run for
    sys.exit(not cells or any(cell.failed for cell in cells))


def pinned_torch() -> str:
    """The version of torch in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix("torch==") for line in lines if line.startswith("torch=="))


if __name__ == "__main__":
    main()
