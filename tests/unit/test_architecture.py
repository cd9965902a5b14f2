"""Who may import whom, and what starting may load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sentiscore

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


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    "statement",
    [
        "import sentiscore.features",
        "from sentiscore import features",
        "from sentiscore.cli.main import cli; cli.main(['--help'], standalone_mode=False)",
        "from sentiscore.cli.main import cli; cli.main(['score', '--help'], standalone_mode=False)",
        "from sentiscore.cli.main import cli; cli.main(['train', '--help'], standalone_mode=False)",
        "from sentiscore.cli.main import cli; cli.main(['tune', '--help'], standalone_mode=False)",
        "from sentiscore.cli.main import cli; cli.main(['plot', '--help'], standalone_mode=False)",
        "from sentiscore.cli.main import cli; cli.main(['verify', '--help'], standalone_mode=False)",
        "from sentiscore.cli.main import cli; cli.main(['monitor', '--help'], standalone_mode=False)",
        "import sentiscore.monitoring.monitor",
        "from sentiscore.cli.main import cli; cli.main(['cache', 'info', '--help'], standalone_mode=False)",
        "import sentiscore.scoring.upkeep",
    ],
)
def test_starting_is_light(statement: str) -> None:
    assert (
        loaded_by(statement) & {"torch", "transformers", "pandas", "pandera", "sklearn", "datasets", "plotly"} == set()
    )


def test_help_does_not_wait_for_polars() -> None:
    statement = "from sentiscore.cli.main import cli; cli.main(['--help'], standalone_mode=False)"
    assert loaded_by(statement) & {"polars", "numpy", "pyarrow"} == set()


def test_scoring_with_the_default_model_does_not_wait_for_transformers() -> None:
    assert "transformers" not in loaded_by("from sentiscore import Scorer; Scorer.from_pretrained().score(['good'])")


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
        "validate",
    }


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'scorer_of_texts'"):
        _ = sentiscore.scorer_of_texts
