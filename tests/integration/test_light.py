"""What works where no extra is installed, and what the rest says of the extra that it needs."""

import ast
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import polars as pl
import pytest

import sentiscore
from sentiscore.samples import sample_news
from tests.core_only import ROOT, CoreOnly, named_in, normal

PACKAGE = Path(sentiscore.__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


@pytest.fixture(scope="module")
def core() -> Iterator[CoreOnly]:
    with CoreOnly() as process:
        yield process


@pytest.fixture(scope="module")
def scored(core: CoreOnly, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("core") / "news.scored.parquet"
    store = path.with_name("answers")
    found = core.run(
        *("score", sample_news(), "--text-col", "headline", "-o", path, "--cache", store),
        *("--time-col", "published_at", "--entity-col", "ticker", "--daily", path.with_name("daily.parquet")),
        *("--day-tz", "America/New_York"),
    )
    assert found["code"] == 0, found["stderr"]
    return path


SUITE = """
[lists]
word = ["good", "bad"]
[[capabilities]]
name = "words"
tests = [{ texts = ["{word}"], expect = ["neutral"] }]
"""


def labelled(folder: Path) -> Path:
    path = folder / "labelled.csv"
    pl.DataFrame({"sentence": ["good", "bad"] * 4, "label": ["positive", "negative"] * 4}).write_csv(path)
    return path


def student(folder: Path) -> Path:
    path = folder / "student.toml"
    table = {"name": "films", "train": labelled(folder), "validation": labelled(folder)}
    path.write_text("[[sets]]\n" + "".join(f'{name} = "{value}"\n' for name, value in table.items()), encoding="utf-8")
    return path


def test_the_core_scores_a_file_and_makes_its_daily_features(scored: Path) -> None:
    rows, daily = pl.read_parquet(scored), pl.read_parquet(scored.with_name("daily.parquet"))
    assert rows["sentiment"].null_count() < rows.height
    assert daily["n_docs"].sum() > 0


def test_the_core_scores_texts(core: CoreOnly) -> None:
    assert core.call("s.Scorer.from_pretrained().score(['a good day', None])['status'].to_list()") == {
        "value": "['ok', 'null']"
    }


@pytest.mark.parametrize(
    "args",
    [
        ["features", "SCORED", "--time-col", "published_at", "--day-tz", "America/New_York", "-o", "plain.parquet"],
        ["features", "SCORED", "--time-col", "published_at", "--day-tz", "America/New_York", "--update", "up.parquet"],
        ["verify"],
        ["check", "--suite", "SUITE", "--only-suite"],
        ["inspect", "SCORED"],
        ["cache", "info", "answers"],
        ["cache", "prune", "answers", "--older-than", "1d"],
        ["demo", "-o", "demo"],
    ],
    ids=" ".join,
)
def test_the_core_does_this(core: CoreOnly, scored: Path, args: list[str]) -> None:
    places = {name: scored.with_name(name) for name in args if name in ("demo", "answers") or name.endswith(".parquet")}
    places["SUITE"] = scored.with_name("suite.toml")
    places["SUITE"].write_text(SUITE, encoding="utf-8")
    command = [args[0], *({"SCORED": scored, **places}.get(arg, arg) for arg in args[1:])]
    found = core.run(*command)
    assert found["code"] == 0, found["stderr"]


@pytest.mark.parametrize(
    ("args", "extra"),
    [
        (["train", "--base", "DEFAULT", "--train-file", "FILE", "--eval-file", "FILE", "-o", "OUT"], "train"),
        (["train", "-o", "OUT"], "train"),
        (["distill", "default", "--student", "STUDENT", "-o", "OUT"], "train"),
        (["tune", "--train-file", "FILE", "--eval-file", "FILE", "-o", "OUT"], "tune"),
        (["evaluate", "--eval-file", "FILE"], "evaluate"),
        (["evaluate"], "train"),
        (["evaluate", "--eval-file", "FILE", "--html", "OUT"], "plots"),
        (["monitor", "SCORED", "--reference", "SCORED"], "monitor"),
        (["check", "--baseline", "vader"], "evaluate"),
        (["plot", "DAILY", "-o", "OUT.html"], "plots"),
        (["inspect", "s3://news/x.parquet"], "storage"),
        (["inspect", "hf://datasets/me/news/x.parquet"], "hub"),
        (
            ["score", "TEXTS", "--text-col", "text", "--model", "some/model", "--revision", "0" * 40, "-o", "OUT.csv"],
            "hub",
        ),
        (["features", "SCORED", "--time-col", "published_at", "--calendar", "XNYS", "-o", "OUT.csv"], "calendars"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else value,
)
def test_a_command_names_the_extra_that_it_needs(
    core: CoreOnly, scored: Path, tmp_path: Path, args: list[str], extra: str
) -> None:
    paths = {
        "DEFAULT": PACKAGE / "default_model",
        "FILE": labelled(tmp_path),
        "SCORED": scored,
        "DAILY": scored.with_name("daily.parquet"),
        "STUDENT": student(tmp_path),
        "TEXTS": tmp_path / "texts.csv",
    }
    paths["TEXTS"].write_text("text\ngood\n", encoding="utf-8")
    outputs = {arg: tmp_path / arg.lower() for arg in args if arg.startswith("OUT")}
    found = core.run(*({**paths, **outputs}.get(arg, arg) for arg in args))
    assert found["code"] == 1
    assert f"pip install 'sentiscore[{extra}]'" in " ".join(found["stderr"].split())
    assert "Traceback" not in found["stderr"]


@pytest.mark.parametrize("name", sentiscore.__all__)
def test_every_public_name_is_there_with_the_core_alone(core: CoreOnly, name: str) -> None:
    assert "error" not in core.call(f"s.{name}")


@pytest.mark.parametrize(
    ("call", "extra"),
    [
        ("s.train(s.Recipe(), output='nowhere')", "train"),
        ("s.distill([], s.Distillation(), output='nowhere', train_data=[], eval_data=[])", "train"),
        ("s.tune(s.Recipe(), output='nowhere')", "tune"),
        ("s.build_base('nowhere', ['a text'])", "hub"),
        ("s.load_hub_data('stanfordnlp/sst2')", "train"),
        ("s.Scorer.from_pretrained('some/model', revision='0' * 40)", "hub"),
        ("s.validate(__import__('polars').DataFrame(), 'daily', full=True)", "validate"),
        ("__import__('sentiscore.sklearn')", "sklearn"),
        ("s.validate(__import__('pyarrow').table({'a': [1]}), 'daily')", "frames"),
        ("s.features.sessions('XNYS', start='2024-01-01', end='2024-02-01')", "calendars"),
    ],
)
def test_a_function_names_the_extra_that_it_needs(core: CoreOnly, call: str, extra: str) -> None:
    found = core.call(call)
    assert found.get("error") == "MissingExtraError", found
    assert found["hint"] == f"Install it with: pip install 'sentiscore[{extra}]'"


def distributions_of(extra: str) -> set[str]:
    """What an extra brings, with the extras that it brings."""
    inner = [line for line in EXTRAS[extra] if line.startswith("sentiscore[")]
    brought = {
        one for line in inner for name in line[len("sentiscore[") : -1].split(",") for one in distributions_of(name)
    }
    return brought | named_in([line for line in EXTRAS[extra] if line not in inner])


def calls_of(function: str) -> list[tuple[Path, list[str]]]:
    """The texts that a function of `errors` is called with, wherever they stand as such."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
                texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                found.append((path, [str(text) for text in texts]))
    return found


def test_the_extra_that_is_named_brings_the_package() -> None:
    owners = metadata.packages_distributions()
    asked = [(path, texts[0], texts[1]) for path, texts in calls_of("import_extra") if len(texts) == 2]
    asked += [(path, module, texts[0]) for path, texts in calls_of("require_extra") for module in texts[1:]]
    assert len(asked) > 20
    wrong = [
        (path.name, module, extra)
        for path, module, extra in asked
        if extra != "forecast"
        and not {normal(one) for top in [module.split(".")[0]] for one in owners.get(top, [top])}
        & distributions_of(extra)
    ]
    assert wrong == []


def test_only_import_extra_imports_what_an_extra_brings() -> None:
    optional = {name for extra in EXTRAS for name in distributions_of(extra)} - named_in(PROJECT["dependencies"])
    owners = {top: {normal(one) for one in found} for top, found in metadata.packages_distributions().items()}
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            if any(owners.get(module.split(".")[0], set()) & optional for module in modules):
                found.append((path.name, modules))
    classes = [("schemas.py", ["pandera.polars"])]  # whose models are classes; they ask import_extra first
    classes += [("sklearn.py", [name]) for name in ("sklearn.base", "sklearn.utils.validation")]
    assert found == classes


def test_the_core_is_what_it_imports() -> None:
    """Each dependency of the core is imported at some place, so that none is asked for in vain."""
    imported = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    assert named_in(PROJECT["dependencies"]) <= imported
