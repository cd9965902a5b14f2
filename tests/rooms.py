"""Which rules of imports a copy of the package breaks, once for each import that is planted in it.

python tests/rooms.py FOLDER < plants.json

FOLDER holds pyproject.toml and sentiscore/. A process of its own looks at that package, since grimp finds packages by
name. A plant is the name of a module and code to put at its end. What is printed is a list for each plant: the names of
the broken contracts, and `CIRCLE` where modules import each other.
"""

import ast
import contextlib
import graphlib
import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Final

import grimp
from importlinter import cli

CIRCLE: Final = "modules in a circle"
ANY: Final = "any"
"""What is imported by a name that the code does not spell out."""
_BY_NAME: Final = frozenset({"__import__", "eval", "exec", "find_spec", "import_extra", "import_module", "run_module"})
_VERDICT: Final = re.compile(r"(KEPT|BROKEN)\s*$")


def dynamic_imports(package: Path) -> dict[str, set[str]]:
    """What each file of the package imports by name while it runs, which no graph of imports shows."""
    found = {path.relative_to(package).as_posix(): _dynamic(path) for path in sorted(package.rglob("*.py"))}
    return {file: names for file, names in found.items() if names}


def _dynamic(path: Path) -> set[str]:
    found: set[str] = set()
    names = set(_BY_NAME)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("importlib", "importlib.util", "runpy"):
            names |= {alias.asname or alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module == "sentiscore.errors":
            names |= {alias.asname for alias in node.names if alias.asname and alias.name == "import_extra"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {ANY for alias in node.names if alias.name in ("importlib", "importlib.util", "runpy")}
        if isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else None
            if isinstance(node.func, ast.Attribute) and node.func.attr not in ("eval", "exec"):
                called = node.func.attr
            if called in names:
                first = node.args[0] if node.args else None
                is_plain = isinstance(first, ast.Constant) and isinstance(first.value, str)
                found.add(str(first.value) if is_plain and isinstance(first, ast.Constant) else ANY)
    return found


def circle(graph: grimp.ImportGraph) -> list[str]:
    """Modules that import each other, also by way of the package that they are in; empty if there are none."""
    try:
        graphlib.TopologicalSorter({m: graph.find_modules_directly_imported_by(m) for m in graph.modules}).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def broken(config: Path) -> list[str]:
    """The names of the contracts that the package on the path breaks, and CIRCLE."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        cli.lint_imports(config_filename=str(config), no_cache=True, no_logo=True, is_debug_mode=True)
    verdicts = [line.strip() for line in printed.getvalue().splitlines() if _VERDICT.search(line)]
    if not verdicts:
        raise RuntimeError(f"no contract was checked: {printed.getvalue()}")
    names = [_VERDICT.sub("", line).strip() for line in verdicts if line.endswith("BROKEN")]
    return names + [CIRCLE] * bool(circle(grimp.build_graph("sentiscore", cache_dir=None)))


def with_plants(folder: Path, plants: list[tuple[str, str]]) -> list[list[str]]:
    """What each plant breaks, one at a time."""
    found = []
    for module, code in plants:
        base = folder.joinpath(*module.split("."))
        path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        before = path.read_bytes() if path.exists() else None
        path.write_bytes((before or b"") + code.encode())
        try:
            found.append(broken(folder / "pyproject.toml"))
        finally:
            path.unlink() if before is None else path.write_bytes(before)
    return found


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    sys.path.insert(0, sys.argv[1])
    sys.stdout.write(json.dumps(with_plants(Path(sys.argv[1]), json.load(sys.stdin))))
