"""The size of an environment, package by package.

python -m tests.benches.installation .venv-core
python -m tests.benches.installation .venv-core .venv-all    # what the second has beside the first
"""

import argparse
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

MB: Final = 1e6
SMALL: Final = 1.0
OF_EVERY_ENVIRONMENT: Final = ("pip", "setuptools", "sentiscore")


def sizes(environment: Path) -> dict[str, float]:
    """MB of each distribution of an environment, with its compiled files."""
    folders = [str(path) for path in environment.glob("lib/python*/site-packages")]
    found = {one.metadata["Name"]: _size(one) / MB for one in distributions(path=folders)}
    return {name: size for name, size in found.items() if name not in OF_EVERY_ENVIRONMENT}


def _size(distribution: Distribution) -> int:
    places = {Path(str(distribution.locate_file(file))) for file in distribution.files or ()}
    return sum(path.stat().st_size for path in places if path.is_file())


def show(title: str, found: dict[str, float]) -> None:
    """Print a table, the largest first."""
    print(f"{title}: {len(found)} packages, {sum(found.values()):,.0f} MB")  # noqa: T201
    small = {name: size for name, size in found.items() if size < SMALL}
    for name, size in sorted(found.items(), key=lambda one: -one[1]):
        if name not in small:
            print(f"{size:8,.1f}  {name}")  # noqa: T201
    if small:
        print(f"{sum(small.values()):8,.1f}  {len(small)} smaller ones")  # noqa: T201


def main() -> None:
    """Look, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("environment", type=Path)
    parser.add_argument("larger", type=Path, nargs="?", help="another one, of which what it adds is shown")
    options = parser.parse_args()
    first = sizes(options.environment)
    show(str(options.environment), first)
    if options.larger is not None:
        second = sizes(options.larger)
        show(f"{options.larger} beside it", {name: size for name, size in second.items() if name not in first})
        print(f"{options.larger} in all: {len(second)} packages, {sum(second.values()):,.0f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
