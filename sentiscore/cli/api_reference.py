"""The reference page of the Python names, made from signatures and docstrings.

python -m sentiscore.cli.api_reference docs/reference/api.md
"""

import ast
import inspect
import re
import sys
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Final

import sentiscore

_HEAD: Final = """# Python reference

Made from signatures and docstrings with `make reference`; a test compares the two. `import sentiscore` loads none of
these names; each is loaded where it is first used, and one whose library is not installed raises a `MissingExtraError`
that says what to install. Names that begin with `features.`, `polars.` or `sklearn.` are in `sentiscore.features`,
`sentiscore.polars` and `sentiscore.sklearn`.

Every keyword of `score_file`, `daily_file` and `update_daily` that describes a model, rows, daily features or a run is
also a field of `ScorerOptions`, `RowOptions`, `DailyRequest` or `RunOptions`. These are frozen, check their values, and
read from TOML: `RowOptions.from_toml("rows.toml")`.
"""

SECTIONS: Final[dict[str, tuple[str, ...]]] = {
    "Scoring": (
        *("score_file", "ScorerOptions", "RowOptions", "CsvDialect", "RunOptions", "Parallel", "StorageOptions"),
        *(
            "FlatOptions",
            "JobSummary",
            "RowsDone",
            "WindowDone",
            "PhaseBegun",
            "Scorer",
            "expand_patterns",
            "plan_job",
            "JobPlan",
            "demo",
            "sample_news",
        ),
    ),
    "A store of answers": ("AnswerStore", "cache_info", "StoreInfo", "prune_cache", "Pruned"),
    "Daily features": (
        *("features.daily", "DailyRequest", "DailyConfig", "features.DailyKeywords", "features.DailySums"),
        *("features.sessions", "daily_file", "DailyFile", "update_daily", "UpdatedFile", "features.as_published"),
        *("features.explain", "explain_file", "ExplainedValue", "plot_file", "PlotFile", "features.plot"),
    ),
    "Forecasting": (
        *("features.add_lags", "features.add_rolling", "features.add_ewm", "features.add_group_features"),
        "features.join_target",
        *("features.check_future", "features.Panel", "features.to_nixtla", "features.NixtlaPanel"),
        *("features.to_darts", "features.DartsPanel", "features.to_sktime", "features.SktimePanel"),
        *("features.to_gluonts", "features.GluontsPanel", "features.to_autogluon", "features.AutogluonPanel"),
    ),
    "Inside other tools": (
        *("polars.ExprSentiment", "polars.FrameSentiment", "polars.LazySentiment", "polars.release_models"),
        "sklearn.SentimentFeatures",
    ),
    "Outputs and models, looked at": (
        *("inspect", "Inspection", "Provenance", "validate", "verify", "Verification", "monitor", "DriftReport"),
    ),
    "Training and evaluation": (
        *(
            "read_labelled",
            "read_soft_labelled",
            "read_texts",
            "read_pairs",
            "load_hub_data",
            "LabelledData",
            "read_sets",
        ),
        *("read_validation_sets", "Recipe", "build_base", "train", "Progress", "TrainingResult", "tune", "Trial"),
        *("TuningResult", "distill", "Distillation", "evaluate", "Report", "write_reports", "check_behaviour"),
        "BehaviourReport",
    ),
    "Errors": (
        *("SentiscoreError", "InputError", "OutputError", "CheckpointError", "TrainingError", "DivergedError"),
        *("ValidationError", "MissingExtraError", "ForkError", "StoppedError", "SentiscoreWarning"),
    ),
}
"""Every public name, in the section where a reader looks for it."""

_PART: Final = re.compile(r"^(Args|Attributes|Returns|Raises|Yields):$", re.MULTILINE)


def render() -> str:
    """The page as Markdown."""
    parts = [_HEAD]
    for title, names in SECTIONS.items():
        parts.append(f"## {title}\n")
        parts += [_entry(name) for name in names]
    return "\n".join(parts)


def _entry(name: str) -> str:
    """A name with its signature, if it is callable, and its docstring."""
    home, _, plain = name.rpartition(".")
    public = getattr(import_module(f"sentiscore.{home}") if home else sentiscore, plain)
    lines = [f"### {name}\n"]
    if inspect.isfunction(public):
        lines.append(f"```python\n{_signature(public, name)}\n```\n")
    lines.append(_described(public))
    if inspect.isclass(public):
        lines += [_method(name, method) for method in _methods(public)]
    return "\n".join(lines)


def _methods(kind: type) -> list[object]:
    """The public methods that a class defines itself, in order."""
    if not kind.__module__.startswith("sentiscore"):
        return []
    own = [getattr(kind, name) for name in vars(kind) if not name.startswith("_")]
    return [method for method in own if inspect.isfunction(method) or inspect.ismethod(method)]


def _method(of: str, method: object) -> str:
    summary = (inspect.getdoc(method) or "").split("\n\n")[0].replace("\n", " ")
    signature = _signature(method, f"{of.rpartition('.')[2]}.{getattr(method, '__name__', '')}")
    return f"```python\n{signature}\n```\n\n{summary}\n"


def _signature(function: object, name: str) -> str:
    """The signature of a function, as written in its module."""
    source = textwrap.dedent(inspect.getsource(function))  # type: ignore[arg-type] # which are functions and methods
    found = next(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    taken = [*found.args.posonlyargs, *found.args.args]
    if taken and taken[0].arg in ("self", "cls"):
        del taken[0]
        found.args.args = taken
    written = ast.unparse(found.args)
    returns = "" if found.returns is None else f" -> {ast.unparse(found.returns)}"
    short = f"{name}({written}){returns}"
    return short if len(short) <= 100 else f"{name}(\n    {_one_a_line(found.args)}\n){returns}"  # noqa: PLR2004 - a line


def _one_a_line(arguments: ast.arguments) -> str:
    positional = arguments.args
    first = len(positional) - len(arguments.defaults)
    lines = [_argument(each, None if i < first else arguments.defaults[i - first]) for i, each in enumerate(positional)]
    if arguments.kwonlyargs:
        lines.append("*,")
    lines += [_argument(*pair) for pair in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    if arguments.kwarg is not None:
        lines.append(f"**{ast.unparse(arguments.kwarg)},")
    return "\n    ".join(lines)


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    return f"{ast.unparse(argument)}{'' if default is None else f' = {ast.unparse(default)}'},"


def _described(public: object) -> str:
    """Convert a docstring to Markdown: sections get titles, and their items become lists."""
    pieces = _PART.split(inspect.getdoc(public) or "")
    lines = [pieces[0].strip() + "\n"]
    for title, body in zip(pieces[1::2], pieces[2::2], strict=True):
        lines.append(f"**{title}**\n")
        text = textwrap.dedent(body).strip("\n")
        lines.append((text if title in ("Returns", "Yields") else _items(text)).strip() + "\n")
    return "\n".join(lines)


def _items(text: str) -> str:
    """Convert `name: What it is.`, with indented continuation lines, to a list."""
    items: list[str] = []
    rest = ""
    for line in text.splitlines():
        if rest or not line.strip():
            rest += f"\n{line}"
        elif line.startswith(" ") and items:
            items[-1] += f" {line.strip()}"
        elif ": " in line:
            name, _, what = line.partition(": ")
            items.append(f"- `{name}`: {what}")
        else:
            rest = f"\n{line}"
    return "\n".join(items) + rest


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
