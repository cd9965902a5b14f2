"""What things are called: a name that a reader meets has one meaning in the package."""

import ast
from collections import defaultdict
from pathlib import Path

import sentiscore

PACKAGE = Path(sentiscore.__file__).parent


def classes_by_name() -> dict[str, list[str]]:
    """The modules that define a class of each name, also within functions and other classes."""
    found = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(path.relative_to(PACKAGE).as_posix())
    return found


def test_no_two_classes_share_a_name() -> None:
    shared = {name: modules for name, modules in classes_by_name().items() if len(modules) > 1}
    assert not shared


def test_the_classes_of_the_package_are_found() -> None:
    found = classes_by_name()
    public = {name for name in sentiscore.__all__ if isinstance(getattr(sentiscore, name), type)}
    assert public <= found.keys()
