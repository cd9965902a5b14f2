"""The fast tests with the lowest and the newest versions that pyproject.toml allows, on each Python that is found.

    python -m tests.matrix            # both, on every Python
    python -m tests.matrix --versions lowest --pythons 3.11

pip installs into environments under `.venv-matrix`. torch is the same in all of them: its usual wheels for Linux hold
CUDA, which is gigabytes.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
ENVIRONMENTS: Final = ROOT / ".venv-matrix"
EXTRA: Final = "dev"
FAST: Final = ("tests/unit", "tests/property/test_contract_properties.py", "tests/integration/test_light.py")
LEFT_OUT: Final = "not shared_data and not gpu"
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


def constraints(versions: str, torch: str) -> list[str]:
    """The lines of a constraints file.

    Args:
        versions: "lowest" or "newest".
        torch: The version of torch in both.
    """
    held = floors(read_project(), [EXTRA]) if versions == "lowest" else {}
    return [f"{name}=={floor}" for name, floor in sorted({**held, "torch": torch}.items())]


def find_pythons(wanted: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The interpreters of these versions that are here, and the versions of which there is none."""
    found: dict[str, str] = {}
    for version in wanted:
        for command in (f"python{version}", "python3"):
            path = shutil.which(command)
            if path is not None and _version_of(path) == version:
                found[version] = path
                break
    return found, [version for version in wanted if version not in found]


def _version_of(python: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


def run(python: str, version: str, versions: str, torch: str, tests: Sequence[str]) -> bool:
    """Make an environment and run the tests in it; did they pass?"""
    place = ENVIRONMENTS / f"{version}-{versions}"
    held = ENVIRONMENTS / f"{version}-{versions}.txt"
    ENVIRONMENTS.mkdir(exist_ok=True)
    held.write_text("\n".join(constraints(versions, torch)) + "\n", encoding="utf-8")
    inside = str(place / "bin" / "python")
    upgrade = ["--upgrade", "--upgrade-strategy", "eager"] if versions == "newest" else []
    steps = [
        [python, "-m", "venv", str(place)],
        [inside, "-m", "pip", "install", "--quiet", *upgrade, "--constraint", str(held), "--editable", f".[{EXTRA}]"],
        [inside, "-m", "pytest", "--quiet", "-n", "1", "-p", "no:cacheprovider", "-m", LEFT_OUT, *tests],
    ]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return all(subprocess.run(step, cwd=ROOT, env=environment, check=False).returncode == 0 for step in steps)


def main() -> None:
    """Run it, and say what passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    both = ["lowest", "newest"]
    parser.add_argument("--versions", nargs="+", choices=both, default=both, help="both by default")
    parser.add_argument("--pythons", nargs="+", default=list(PYTHONS), help="say 3.11 3.12; all four by default")
    parser.add_argument("--torch", default=_pinned_torch(), help="its version; that of constraints.txt by default")
    parser.add_argument("--tests", nargs="+", default=list(FAST), help="what pytest is given")
    options = parser.parse_args()
    found, missing = find_pythons(options.pythons)
    outcomes = {
        f"Python {version}, {versions} versions": run(python, version, versions, options.torch, options.tests)
        for version, python in found.items()
        for versions in options.versions
    }
    for name, passed in outcomes.items():
        print(f"{name}: {'passed' if passed else 'FAILED'}")  # noqa: T201 - what this is run for
    if missing:
        print(f"not found, not tried: Python {', '.join(missing)}")  # noqa: T201
    sys.exit(not outcomes or not all(outcomes.values()))


def _pinned_torch() -> str:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix("torch==") for line in lines if line.startswith("torch=="))


if __name__ == "__main__":
    main()
