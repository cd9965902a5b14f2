"""What `sentiscore` and `sentiscore.features` offer: one list of names, in the code, its types and the reference."""

import ast
import inspect
import json
import re
import subprocess
import sys
import tomllib
import typing
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import sentiscore
from sentiscore import features
from sentiscore.cli import api_reference

ROOT = Path(sentiscore.__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "api.md"
FUNCTIONS = sorted(
    {
        name: public
        for where in (sentiscore, features)
        for name in where.__all__
        if inspect.isfunction(public := getattr(where, name))
    }.items()
)


def test_the_names_the_types_and_the_table_of_modules_agree() -> None:
    typed: dict[str, str] = {}
    for node in ast.walk(ast.parse(Path(sentiscore.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for one in node.body:
                assert isinstance(one, ast.ImportFrom)
                typed |= {alias.name: str(one.module) for alias in one.names}
    assert typed.pop("features") == "sentiscore"
    assert typed == sentiscore._HOME
    assert sentiscore.__all__ == sorted({*typed, "features", "__version__"})
    assert features.__all__ == sorted(features.__all__)
    assert [name for name in features.__all__ if not hasattr(features, name)] == []


def test_each_public_name_is_what_it_is_called_where_it_lives() -> None:
    for name, home in sentiscore._HOME.items():
        public = getattr(sentiscore, name)
        assert (public.__name__, public.__module__) == (name, home)


def test_the_reference_has_every_public_name_once_and_no_other() -> None:
    listed = [name for names in api_reference.SECTIONS.values() for name in names]
    assert len(listed) == len(set(listed))
    top = set(sentiscore.__all__) - {"features", "__version__"}
    inside = {f"features.{name}" for name in features.__all__ if name not in top}
    tools = {f"{tool}.{name}" for tool in ("polars", "sklearn") for name in import_module(f"sentiscore.{tool}").__all__}
    assert set(listed) == top | inside | tools
    assert re.findall(r"^### (\S+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE) == listed


def test_the_reference_says_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == api_reference.render(), "run: make reference"


def test_every_public_name_is_described() -> None:
    bare = [name for name in sentiscore.__all__ if not inspect.getdoc(getattr(sentiscore, name))]
    assert [name for name in bare if name != "__version__"] == []


def kinds_in(hint: object) -> Iterator[type]:
    """The classes of sentiscore that a type is made of."""
    for inner in typing.get_args(hint):
        for one in inner if isinstance(inner, list) else [inner]:
            yield from kinds_in(one)
    if inspect.isclass(hint) and hint.__module__.startswith("sentiscore"):
        yield hint


@pytest.mark.parametrize("name", [name for name, _ in FUNCTIONS])
def test_what_a_public_function_takes_and_returns_is_public(name: str) -> None:
    public = {id(getattr(where, each)) for where in (sentiscore, features) for each in where.__all__}
    hints = typing.get_type_hints(dict(FUNCTIONS)[name])
    hidden = {kind.__name__ for hint in hints.values() for kind in kinds_in(hint) if id(kind) not in public}
    assert hidden == set()


IN_A_BARE_PROCESS = """
import json, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

blocked = set(json.loads(sys.argv[1]))
sys.meta_path.insert(0, Absent())
import sentiscore
found = {}
for name in sentiscore.__all__:
    try:
        getattr(sentiscore, name)
        found[name] = ""
    except sentiscore.MissingExtraError as error:
        found[name] = error.hint
print(json.dumps(found))
"""


def test_each_public_name_works_with_the_core_alone_or_names_its_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def distributions(requirements: list[str]) -> set[str]:
        return {re.split(r"[\s\[<>=;!~]", one)[0].lower().replace("_", "-") for one in requirements} - {"sentiscore"}

    extras = project["optional-dependencies"]
    optional = {one for requirements in extras.values() for one in distributions(requirements)}
    optional -= distributions(project["dependencies"])
    imported = {
        name
        for name, owners in packages_distributions().items()
        if {owner.lower().replace("_", "-") for owner in owners} & optional
    }
    assert "plotly" in imported
    done = subprocess.run(
        [sys.executable, "-c", IN_A_BARE_PROCESS, json.dumps(sorted(imported))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    hints = json.loads(done.stdout)
    assert hints.keys() == set(sentiscore.__all__)
    named = {name: re.findall(r"sentiscore\[(\w+)\]", hint) for name, hint in hints.items() if hint}
    assert [name for name, found in named.items() if not found or not set(found) <= set(extras)] == []
    needed = {"Scorer", "score_file", "features", "DailyRequest", "daily_file", "update_daily", "inspect", "verify"}
    assert needed & named.keys() == set()  # which the core is for


def test_the_names_of_the_first_version_are_there() -> None:
    first = {
        *("CheckpointError", "Distillation", "InputError", "MissingExtraError", "OutputError", "Recipe", "Scorer"),
        *("SentiscoreError", "TrainingError", "ValidationError", "__version__", "build_base", "distill", "evaluate"),
        *("features", "load_hub_data", "monitor", "read_labelled", "sample_news", "score_file", "train", "tune"),
    }
    assert first <= set(sentiscore.__all__)


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'scorer_of_texts'"):
        _ = sentiscore.scorer_of_texts
