"""Who may import whom, and what starting may load.

The order of the rooms is in pyproject.toml, as contracts of import-linter. Here are the rules that it does not know,
and wrong imports of each kind, planted in a copy of the package, that have to be caught.
"""

import ast
import json
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

import grimp
import pytest

import sentiscore
from sentiscore.cli.main import COMMANDS
from tests import rooms
from tests.rooms import ANY, CIRCLE

PACKAGE: Final = Path(sentiscore.__file__).parent
ROOT: Final = PACKAGE.parent

ORDER: Final = "A room imports from rooms below it"
ROOMS: Final = "No room is part of a circle"
LIGHT: Final = "What is light knows neither torch nor the engine"
FRAMES: Final = "What works on scored rows knows no models"
TERMINAL: Final = "The command line alone talks to a terminal"

BY_NAME: Final = {
    "__init__.py": {ANY, "sentiscore.features"},  # the public names
    "behaviour/baselines.py": {"vaderSentiment.vaderSentiment"},
    "checkpoint/hub.py": {"huggingface_hub", "huggingface_hub.errors"},
    "cli/api_reference.py": {ANY},  # the modules with public names
    "cli/main.py": {ANY},  # the commands
    "engine/adapters.py": {"bitsandbytes", "peft", "transformers.pytorch_utils"},
    "engine/huggingface.py": {"huggingface_hub.constants", "huggingface_hub.errors", "transformers"},
    "engine/made_tokenizer.py": {"transformers.models.auto.tokenization_auto"},
    "errors.py": {ANY},  # import_extra
    "evaluation/baseline.py": {"sklearn.feature_extraction.text", "sklearn.linear_model", "sklearn.pipeline"},
    "evaluation/calibration.py": {"scipy.optimize"},
    "evaluation/evaluate.py": {"sklearn.metrics"},
    "evaluation/files.py": {"matplotlib"},
    "evaluation/html.py": {"sklearn.metrics"},
    "evaluation/metrics.py": {"scipy.stats", "sklearn.metrics"},
    "evaluation/page.py": {"matplotlib.figure"},
    "features/exchanges.py": {"exchange_calendars"},
    "features/panel/autogluon.py": {"autogluon.timeseries"},
    "features/panel/darts.py": {"darts", "pandas"},
    "features/panel/gluonts.py": {"pandas"},
    "features/panel/sktime.py": {"pandas"},
    "features/plot.py": {"plotly.offline"},
    "frames.py": {"narwhals"},
    "scoring/cleaning.py": {"selectolax.lexbor"},
    "tables/excel_reader.py": {"openpyxl"},
    "monitoring/chance.py": {"scipy.stats"},
    "monitoring/volume.py": {"scipy.special", "scipy.stats"},
    "monitoring/words.py": {"scipy.sparse"},
    "nightly/plot_file.py": {"plotly.offline"},
    "schemas.py": {"pandera.polars"},
    "scoring/workers/on_ray.py": {"ray"},
    "sklearn.py": {"sklearn"},
    "storage/hub.py": {"huggingface_hub", "huggingface_hub.errors"},
    "storage/client.py": {"obstore", "obstore.auth.boto3", "obstore.exceptions", "obstore.store"},
    "tables/labelled.py": {"datasets"},
    "training/base.py": {"datasets"},
    "training/recipe_toml.py": {"tomli_w"},
    "training/study.py": {"optuna"},
    "training/trainer.py": {"datasets"},
}
"""What is imported by a name at run time, where no graph of imports shows it."""

INSIDE: Final = "\n\ndef planted() -> None:\n    {}\n"
FOR_TYPES: Final = "\n\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    {}\n"
PLANTS: Final = {
    "tables -> features": ("tables.sink", "\nimport sentiscore.features.bins\n", {ORDER, ROOMS}),
    "checkpoint -> training": ("checkpoint.load", "\nfrom sentiscore.training import recipe\n", {ORDER, ROOMS}),
    "engine -> scoring": ("engine.layers", "\nfrom sentiscore.scoring import texts\n", {ORDER, ROOMS}),
    "evaluation -> training": ("evaluation.html", "\nfrom sentiscore.training import loss\n", {ORDER, ROOMS}),
    "monitoring -> scoring": ("monitoring.words", "\nfrom sentiscore.scoring import texts\n", {ORDER}),
    "scoring -> monitoring": ("scoring.tally", "\nfrom sentiscore.monitoring import words\n", {ORDER}),
    "features -> nightly": ("features.bins", "\nfrom sentiscore.nightly import state\n", {ORDER, ROOMS}),
    "features -> checkpoint": ("features.bins", "\nfrom sentiscore.checkpoint import manifest\n", {FRAMES}),
    "features -> engine": ("features.bins", "\nfrom sentiscore.engine import batching\n", {LIGHT}),
    "checkpoint -> engine": ("checkpoint.load", "\nfrom sentiscore.engine import batching\n", {ORDER, ROOMS, LIGHT}),
    "scoring -> the command line": ("scoring.tally", "\nfrom sentiscore.cli import json_log\n", {ORDER, ROOMS}),
    "errors -> labels": ("errors", "\nfrom sentiscore import labels\n", {ORDER, ROOMS, CIRCLE}),
    "frames -> contracts": ("frames", "\nfrom sentiscore import contracts\n", {ORDER, ROOMS, CIRCLE}),
    "scoring -> polars": ("scoring.kept", "\nfrom sentiscore import polars\n", {ORDER, ROOMS}),
    "labels -> torch": ("labels", "\nimport torch\n", {LIGHT}),
    "checkpoint -> torch": ("checkpoint.manifest", "\nfrom torch import Tensor\n", {LIGHT}),
    "features -> pandas by way of tables": ("tables.exact", "\nimport pandas as pd\n", {LIGHT}),
    "click": ("scoring.tally", "\nimport click\n", {TERMINAL}),
    "rich": ("training.loss", "\nfrom rich.console import Console\n", {TERMINAL}),
    "two modules of a room": ("features.zones", "\nfrom sentiscore.features.epochs import AUTO\n", {ROOMS, CIRCLE}),
    "a module and its room": ("features.zones", "\nfrom sentiscore.features import daily\n", {ROOMS, CIRCLE}),
    "a room that has no place": ("strange", "x = 1\n", {ORDER}),
    "in a function": ("tables.sink", INSIDE.format("from sentiscore.features import bins"), {ORDER, ROOMS}),
    "torch in a function": ("features.bins", INSIDE.format("import torch"), {LIGHT}),
    "under TYPE_CHECKING": ("tables.sink", FOR_TYPES.format("from sentiscore.features import bins"), {ORDER, ROOMS}),
    "a circle under TYPE_CHECKING": (
        "features.zones",
        FOR_TYPES.format("from sentiscore.features.epochs import AUTO"),
        {ROOMS, CIRCLE},
    ),
}
"""Where something is planted, what it is, and rules that catch it; others may catch it too."""


@cache
def contracts() -> dict[str, Any]:
    linted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    return {contract["id"]: contract for contract in linted["contracts"]}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package on its own, without what is not Python."""
    folder = tmp_path_factory.mktemp("planted")
    for path in PACKAGE.rglob("*.py"):
        place = folder / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")
    return folder


@pytest.fixture(scope="module")
def found(copy: Path) -> dict[str, set[str]]:
    """What each plant breaks, all of them looked at by one process."""
    plants = {"none": ("version", ""), **{name: (module, code) for name, (module, code, _) in PLANTS.items()}}
    done = subprocess.run(
        [sys.executable, rooms.__file__, str(copy)],
        input=json.dumps([(f"sentiscore.{module}", code) for module, code in plants.values()]),
        cwd=copy,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: set(broken) for name, broken in zip(plants, json.loads(done.stdout), strict=True)}


def test_the_package_breaks_no_rule(found: dict[str, set[str]]) -> None:
    assert found["none"] == set()


@pytest.mark.parametrize("name", PLANTS)
def test_a_wrong_import_is_caught(found: dict[str, set[str]], name: str) -> None:
    assert found[name] >= PLANTS[name][2]


def test_every_contract_catches_something() -> None:
    caught = set().union(*(rules for _, _, rules in PLANTS.values()))
    assert caught == {contract["name"] for contract in contracts().values()} | {CIRCLE}


def test_what_is_below_the_engine_is_light() -> None:
    layers = [layer.split(" | ") for layer in contracts()["rooms"]["layers"]]
    below = list(chain.from_iterable(layers[layers.index(["engine"]) + 1 :]))
    light = contracts()["light"]["source_modules"]
    assert {f"sentiscore.{room}" for room in [*below, "features", "nightly", "monitoring"]} == set(light)


def test_the_documentation_draws_the_order_that_is_checked() -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    drawn = page.split("## The rooms", 1)[1].split("```")[1].strip().splitlines()
    assert [line.split("   ")[0] for line in drawn] == contracts()["rooms"]["layers"]


def test_what_is_imported_by_name_is_on_the_list() -> None:
    assert rooms.dynamic_imports(PACKAGE) == BY_NAME


@pytest.mark.parametrize(
    "code",
    [
        'from importlib import import_module\nimport_module("torch")\n',
        'from importlib import import_module as load\nload("torch")\n',
        'import importlib\nimportlib.import_module("torch")\n',
        "import importlib as hidden\n",
        '__import__("torch")\n',
        'exec("import torch")\n',
        'def planted():\n    from sentiscore.errors import import_extra\n    import_extra("torch", "train")\n',
        'from sentiscore.errors import import_extra as extra\nextra("torch", "train")\n',
    ],
)
def test_a_module_that_is_imported_by_name_is_caught(tmp_path: Path, code: str) -> None:
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "bins.py").write_text(f"\n{code}", encoding="utf-8")
    assert rooms.dynamic_imports(tmp_path).keys() - BY_NAME.keys() == {"features/bins.py"}


def test_the_planner_of_batches_is_pure() -> None:
    graph = grimp.build_graph("sentiscore", include_external_packages=True, cache_dir=None)
    imported = graph.find_modules_directly_imported_by("sentiscore.engine.batching")
    assert imported - sys.stdlib_module_names == {"numpy"}


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_pipelines_use_the_public_names_alone() -> None:
    scripts = sorted((ROOT / "pipelines").rglob("*.py"))
    assert scripts
    public = {f"sentiscore.{name}" for name in sentiscore.__all__} | {"sentiscore"}
    ours = {p: {name for name in imports_of(p) if name.split(".")[0] == "sentiscore"} for p in scripts}
    assert {p: names - public for p, names in ours.items() if names - public} == {}


STARTS: Final = [
    *(
        f"from sentiscore.cli.main import cli; cli.main({[*command, '--help']}, standalone_mode=False)"
        for command in ([], *([name] for name in COMMANDS), ["cache", "info"])
    ),
    "import sentiscore.features",
    "from sentiscore import features",
    "import sentiscore.polars",
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


def test_scoring_with_the_default_model_waits_for_nothing_that_is_an_extra() -> None:
    (loaded,) = loaded_by("from sentiscore import Scorer; Scorer.from_pretrained().score(['good'])")
    assert "torch" in loaded
    assert loaded & {"transformers", "pandas", "pandera", "scipy", "sklearn", "datasets"} == set()
