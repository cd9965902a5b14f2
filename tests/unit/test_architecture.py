"""Who may import whom, and what starting may load."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import sentiscore
from sentiscore.cli.main import COMMANDS

PACKAGE = Path(sentiscore.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imports_any(path: Path, *names: str) -> set[str]:
    return {found for found in imports_of(path) if any(found == name or found.startswith(f"{name}.") for name in names)}


def test_only_the_command_line_imports_click() -> None:
    assert [p for p in MODULES if imports_any(p, "click", "rich") and PACKAGE / "cli" not in p.parents] == []


def test_nobody_imports_the_command_line() -> None:
    importers = [p for p in MODULES if imports_any(p, "sentiscore.cli") and PACKAGE / "cli" not in p.parents]
    assert importers == [PACKAGE / "__main__.py"]  # which is the command line


def test_features_monitoring_and_tables_import_neither_torch_nor_the_engine() -> None:
    heavy = ("torch", "transformers", "pandas", "sentiscore.engine", "sentiscore.scoring", "sentiscore.training")
    for package in ("features", "monitoring", "tables"):
        assert [p for p in (PACKAGE / package).rglob("*.py") if imports_any(p, *heavy)] == []


def test_the_planner_of_batches_is_pure() -> None:
    assert imports_any(PACKAGE / "engine" / "batching.py", "torch", "transformers", "sentiscore") == set()


def test_pipelines_use_the_public_names_alone() -> None:
    scripts = sorted((PACKAGE.parent / "pipelines").rglob("*.py"))
    assert scripts
    public = {f"sentiscore.{name}" for name in sentiscore.__all__} | {"sentiscore"}
    assert [p for p in scripts if imports_any(p, "sentiscore") - public] == []


STARTS: Final = [
    *(
        f"from sentiscore.cli.main import cli; cli.main({[*command, '--help']}, standalone_mode=False)"
        for command in ([], *([name] for name in COMMANDS), ["cache", "info"])
    ),
    "import sentiscore.features",
    "from sentiscore import features",
    "import sentiscore.monitoring.monitor",
    "import sentiscore.scoring.upkeep",
]
"""What has to start quickly, the lightest first."""
HEAVY: Final = {"torch", "transformers", "pandas", "pandera", "sklearn", "datasets", "plotly"}
TELL: Final = "print('loaded', *{name.partition('.')[0] for name in sys.modules})"


@cache
def loaded_by(*statements: str) -> list[set[str]]:
    """What is loaded after each of these statements, in one process, which starts once for all of them."""
    code = "\n".join(["import sys", *(f"{statement}; {TELL}" for statement in statements)])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("loaded ")]
    return [set(names) for names in lines]


def test_starting_is_light() -> None:
    found = loaded_by(*STARTS)
    assert len(found) == len(STARTS)
    assert [
        (start, sorted(loaded & HEAVY)) for start, loaded in zip(STARTS, found, strict=True) if loaded & HEAVY
    ] == []


def test_help_does_not_wait_for_polars() -> None:
    assert loaded_by(*STARTS)[0] & {"polars", "numpy", "pyarrow"} == set()


def test_what_a_start_loads_is_seen() -> None:
    first, second = loaded_by("import json", "import colorsys")
    assert ("json" in first, "colorsys" in first, "colorsys" in second) == (True, False, True)


def test_scoring_with_the_default_model_does_not_wait_for_transformers() -> None:
    (loaded,) = loaded_by("from sentiscore import Scorer; Scorer.from_pretrained().score(['good'])")
    assert "torch" in loaded
    assert "transformers" not in loaded


def test_the_public_names_are_these() -> None:
    assert sentiscore.__all__ == sorted(sentiscore.__all__)
    assert {name: getattr(sentiscore, name) for name in sentiscore.__all__}.keys() == {
        "CheckpointError",
        "Distillation",
        "InputError",
        "MissingExtraError",
        "OutputError",
        "Recipe",
        "Scorer",
        "SentiscoreError",
        "TrainingError",
        "ValidationError",
        "__version__",
        "build_base",
        "distill",
        "evaluate",
        "features",
        "load_hub_data",
        "monitor",
        "read_labelled",
        "sample_news",
        "score_file",
        "train",
        "tune",
    }


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'scorer_of_texts'"):
        _ = sentiscore.scorer_of_texts
