"""How long a module and a function may be, and how much a function may take."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

import sentiscore

PACKAGE = Path(sentiscore.__file__).parent
MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
MOST_LINES: Final = 350
MOST_LINES_OF_A_FUNCTION: Final = 60
"""Its docstring does not count."""
MOST_PARAMETERS: Final = 8

KEYWORDS: Final = "a public function, whose keywords are what can be said of its work"
OPTIONS: Final = "the options of a command, each a keyword"
LAYERS: Final = "one line for each weight of the network, in the order of the forward pass"

LONG_MODULES: Final[dict[str, str]] = {}
LONG_FUNCTIONS: Final = {
    "engine/bert.py::BertEngine.__init__": LAYERS,
    "engine/gpt_neox.py::GptNeoxEngine.__init__": LAYERS,
}
MANY_PARAMETERS: Final = {
    "cli/recipes.py::_read": OPTIONS,
    "features/daily.py::daily": KEYWORDS,
    "features/panel/nixtla.py::to_nixtla": KEYWORDS,
    "features/panel/sktime.py::to_sktime": KEYWORDS,
    "monitoring/monitor.py::monitor": KEYWORDS,
    "scoring/job.py::score_file": "a public function, whose last parameter stands for the fields of its objects",
    "settings.py::setting": "the rules that a value may have, each a keyword with a default",
    "tables/labelled.py::read_labelled": KEYWORDS,
    "training/distill.py::distill": KEYWORDS,
    "training/scratch.py::build_base": KEYWORDS,
    "training/tuning.py::tune": KEYWORDS,
}


def functions_of(path: Path) -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function of a module, also within others, with the classes and functions around it."""
    found: list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]] = []

    def look(node: ast.AST, around: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                found.append((f"{around}{child.name}", child))
            named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            look(child, f"{around}{child.name}." if named else around)  # type: ignore[attr-defined] # which have names

    look(ast.parse(path.read_text(encoding="utf-8")), "")
    return found


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines from `def` to the end, without the docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        said = function.body[0]
        lines -= (said.end_lineno or 0) - said.lineno + 1
    return lines


def parameters_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """What is passed when it is called."""
    taken = function.args
    named = [one.arg for one in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
    return len([name for name in named if name not in ("self", "cls")]) + sum(
        one is not None for one in (taken.vararg, taken.kwarg)
    )


def is_command(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether click calls it, with a parameter for each option or group of options."""
    return any(".command(" in ast.unparse(one) for one in function.decorator_list)


def too_long_modules() -> set[str]:
    return {name for name, path in MODULES.items() if len(path.read_text().splitlines()) > MOST_LINES}


def too_long_functions() -> set[str]:
    return {
        f"{name}::{called}"
        for name, path in MODULES.items()
        for called, function in functions_of(path)
        if lines_of(function) > MOST_LINES_OF_A_FUNCTION
    }


def too_many_parameters() -> set[str]:
    return {
        f"{name}::{called}"
        for name, path in MODULES.items()
        for called, function in functions_of(path)
        if parameters_of(function) > MOST_PARAMETERS and not is_command(function)
    }


@pytest.mark.parametrize(
    ("found", "allowed"),
    [
        (too_long_modules, LONG_MODULES),
        (too_long_functions, LONG_FUNCTIONS),
        (too_many_parameters, MANY_PARAMETERS),
    ],
)
def test_nothing_is_larger_than_it_may_be_without_a_written_reason(
    found: Callable[[], set[str]], allowed: dict[str, str]
) -> None:
    assert found() == set(allowed), "split what is new here; take out of the list what is small now"
    assert all(allowed.values())


def test_what_is_too_large_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "large.py"
    body = "\n".join("        x = 1" for _ in range(60))
    small = (
        f'    def small(self, {", ".join("abcdefgh")}):\n        """One.\n\n        Two.\n        """\n{body[:-14]}\n'
    )
    large = f"    def large(self, {', '.join('abcdefgh')}, *args):\n        def inner(): pass\n{body}\n"
    path.write_text(f"class A:\n{small}{large}")
    sizes = {name: (lines_of(each), parameters_of(each)) for name, each in functions_of(path)}
    assert sizes == {"A.small": (60, 8), "A.large": (62, 9), "A.large.inner": (1, 0)}
