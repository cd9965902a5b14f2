"""Fine-tunes the default model on labels of your own, and says whether that was worth it.

python fine_tune.py labels.csv --text-col text --label-col label --time-col published_at -o runs/mine

The oldest rows are trained on, later ones choose the best state and the temperature, and the newest ones measure it.
README.md describes what is written.
"""

import argparse
import json
import logging
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final

import polars as pl

from sentiscore import (
    BehaviourReport,
    InputError,
    LabelledData,
    Recipe,
    Report,
    SentiscoreError,
    check_behaviour,
    evaluate,
    read_labelled,
    train,
    write_reports,
)

FAILED: Final = 1
NO_BETTER: Final = 3
PARTS: Final = {"train": 0.6, "validation": 0.2, "test": 0.2}
"""The parts of the rows, oldest first, and their shares."""
MEASURE: Final = "macro_f1"
SHOWN: Final = ("accuracy", MEASURE, "log_loss", "ece")
HERE: Final = Path(__file__).parent
READERS: Final[dict[str, Callable[..., pl.LazyFrame]]] = {
    ".csv": pl.scan_csv,
    ".parquet": pl.scan_parquet,
    ".ndjson": pl.scan_ndjson,
    ".jsonl": pl.scan_ndjson,
}

log = logging.getLogger("fine_tune")


@dataclass(frozen=True)
class Measured:
    """A model on the newest rows: its report, and how it behaves."""

    name: str
    report: Report
    behaviour: BehaviourReport


def instant_of(value: Any) -> datetime:
    """A time, or a date or text that stands for one; UTC where it has no zone.

    Raises:
        InputError: It is something else.
    """
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(found, date) and not isinstance(found, datetime):
            found = datetime.combine(found, time.min)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found
    except (AttributeError, ValueError) as error:
        raise InputError(
            f"{value!r} in the column of times is not a time.", "Write times like 2024-02-05T21:05:00Z."
        ) from error


def key_of(text: str) -> str:
    """What copies of a text have in common: its words."""
    return " ".join(re.findall(r"\w+", text.lower()))


def split(rows: pl.DataFrame, text_col: str, time_col: str) -> dict[str, pl.DataFrame]:
    """Split rows by time; a text that a part has is left out of later ones.

    Args:
        rows: The labelled rows.
        text_col: The column of texts.
        time_col: The column of times.

    Returns:
        The rows of each part. Rows of the same instant are in the same part.
    """
    times = pl.Series("instant", [instant_of(value) for value in rows[time_col]], dtype=pl.Datetime("us", "UTC"))
    keys = pl.Series("key", [key_of(text) for text in rows[text_col]])
    ordered = pl.DataFrame([times, keys, pl.Series("row", range(rows.height))]).sort("instant", "row")
    begins: list[datetime] = []
    parts: dict[str, pl.DataFrame] = {}
    share = 0.0
    for part_share in PARTS.values():
        begins.append(ordered["instant"][min(round(share * rows.height), rows.height - 1)])
        share += part_share
    seen = ordered.clear().select("key")
    for name, begin, end in zip(PARTS, begins, [*begins[1:], None], strict=True):
        inside = pl.col("instant") >= begin if end is None else pl.col("instant").is_between(begin, end, closed="left")
        part = ordered.filter(inside).join(seen, on="key", how="anti", maintain_order="left")
        seen = pl.concat([seen, part.select("key")]).unique()
        parts[name] = rows[part["row"]]
    log.info("left out: %d copies of texts of an earlier part", rows.height - sum(map(len, parts.values())))
    return parts


def read_rows(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """The rows that have a text, a label and a time.

    Raises:
        InputError: The file or a column cannot be used.
    """
    if path.suffix not in READERS:
        raise InputError(f"{path} is not a table that this recipe reads.", f"Use {', '.join(READERS)}.")
    try:
        rows = READERS[path.suffix](path).select(columns).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read: {error}", "Check the path and the names of the columns.") from error
    whole = rows.drop_nulls().filter(pl.col(columns[0]).cast(pl.String).str.strip_chars() != "")
    log.info("%d rows, %d of them without a text, a label or a time", rows.height, rows.height - whole.height)
    if whole.height < len(PARTS):
        raise InputError(f"{path} has {whole.height} labelled rows.", "A few hundred are needed.")
    return whole


def write_parts(rows: pl.DataFrame, given: argparse.Namespace) -> dict[str, LabelledData]:
    """Write each part to a file of its own, and read it as labelled rows.

    Raises:
        InputError: A part lacks a class.
    """
    folder = given.output / "rows"
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, part in split(rows, given.text_col, given.time_col).items():
        if part.is_empty():
            raise InputError(f"There are no rows for the {name} part.", "Label more rows, from more days.")
        part.write_parquet(folder / f"{name}.parquet")
        found[name] = read_labelled(
            folder / f"{name}.parquet", text_col=given.text_col, label_col=given.label_col, labels=given.labels
        )
        log.info("%s: %d rows, from %s on", name, part.height, part[given.time_col][0])
    classes = set(found["train"].label_names)
    for name, data in found.items():
        if missing := classes ^ set(data.label_names):
            raise InputError(
                f"The {name} part and the training rows differ in the classes {', '.join(sorted(missing))}.",
                "Label more rows of these classes, also among the oldest and the newest.",
            )
    return found


def table_of(measured: Sequence[Measured]) -> list[str]:
    """The figures on the newest rows, as a table in Markdown."""
    lines = [f"| | {' | '.join(SHOWN)} | behaviour: cases that fail |", f"| --- |{' --- |' * (len(SHOWN) + 1)}"]
    for one in measured:
        for figures in one.report.figures:
            is_model = figures.name == "model"
            values = [f"{figures.values[name]:.3f}" for name in SHOWN]
            if is_model:
                low, high = figures.intervals[MEASURE]
                values[SHOWN.index(MEASURE)] += f" ({low:.3f} to {high:.3f})"
            fails = f"{one.behaviour.overall()[0].rate or 0:.1%}" if is_model else ""
            name = figures.name if figures.name.startswith("TF-IDF") else figures.name.replace("model", one.name)
            lines.append(f"| {name} | {' | '.join(values)} | {fails} |")
    return lines


def verdict_of(tuned: Measured, against: Measured) -> tuple[bool, str]:
    """Whether the fine-tuned model is better than the other model and than the baseline, and a sentence on it."""
    value = {figures.name: figures.values[MEASURE] for figures in tuned.report.figures}
    others = {"TF-IDF": value["TF-IDF baseline"], against.name: against.report.figures[0].values[MEASURE]}
    better = [name for name, other in others.items() if value["model"] > other]
    if len(better) == len(others):
        return True, f"The fine-tuned model is better than {' and '.join(others)}."
    worse = " and ".join(name for name in others if name not in better)
    return False, f"The fine-tuned model is no better than {worse}: do not use it. Label more rows."


def run(given: argparse.Namespace) -> bool:
    """Split, train, measure and report; whether the model is better than what there was."""
    parts = write_parts(read_rows(given.labelled, [given.text_col, given.label_col, given.time_col]), given)
    recipe = Recipe.read(given.recipe)
    folder = given.output / "model"
    train(recipe, output=folder, train_data=[parts["train"]], eval_data=[parts["validation"]])
    measured = [
        Measured(name, evaluate(parts["test"], model=model, baseline_data=baseline), check_behaviour(model))
        for name, model, baseline in (
            ("fine-tuned model", folder, parts["train"]),
            (f"{given.against} model", given.against, None),
        )
    ]
    tuned, against = measured
    write_reports([tuned.report], given.output / "evaluation.json", given.output / "evaluation.html")
    (given.output / "behaviour.html").write_text(tuned.behaviour.to_html(), encoding="utf-8")
    is_better, verdict = verdict_of(tuned, against)
    sizes = ", ".join(f"{len(data.texts)} {name}" for name, data in parts.items())
    lines = [f"# {given.labelled.name}", "", f"Rows: {sizes}. {verdict}", "", *table_of(measured)]
    (given.output / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    summary = {"better": is_better, "verdict": verdict, "rows": {name: len(data.texts) for name, data in parts.items()}}
    (given.output / "report.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    log.info("%s See %s.", verdict, given.output / "report.md")
    return is_better


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="fine_tune.py", description=__doc__)
    parser.add_argument("labelled", type=Path, help="the labelled rows: csv, parquet or ndjson")
    parser.add_argument("--text-col", default="text")
    parser.add_argument("--label-col", default="label")
    parser.add_argument("--time-col", default="published_at")
    parser.add_argument("--labels", type=lambda names: names.split(","), help="what the ids 0, 1 and so on mean")
    parser.add_argument("--recipe", type=Path, default=HERE / "few_labels.toml")
    parser.add_argument("--against", default="default", help="the model to compare with")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder to make")
    given = parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    try:
        return 0 if run(given) else NO_BETTER
    except SentiscoreError as error:
        log.error("%s %s", error.message, error.hint)  # noqa: TRY400 - the message says it all
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
