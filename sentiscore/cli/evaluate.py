"""`sentiscore evaluate`: a model and labelled rows -> a report of each set."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentiscore.cli import options

if TYPE_CHECKING:
    from sentiscore.tables.dialect import CsvDialect
    from sentiscore.tables.labelled import LabelledData


@click.command("evaluate", short_help="Measure a model on labelled rows.")
@click.argument("model", default="default")
@click.option(
    "--eval-file",
    "eval_files",
    type=options.PATH,
    multiple=True,
    help="Labelled rows: tsv, csv, parquet or jsonl. May be given several times.  [default: SST-2's validation rows "
    "from the hub]",
)
@click.option(
    "--sets",
    "sets_file",
    type=options.PATH,
    help="Labelled rows whose files differ in their columns: the validation rows of each [[sets]] table of a recipe.",
)
@click.option("--train-file", type=options.PATH, help="Rows to fit the TF-IDF baseline on.")
@click.option("--text-col", default="sentence", show_default=True, help="The column of texts in those files.")
@click.option("--label-col", default="label", show_default=True, help="The column of labels in those files.")
@click.option(
    "--target-col",
    metavar="NAME",
    help="The column of what the labels are about, as the texts mention it, for a model that reads targets.",
)
@click.option(
    "--data-labels",
    metavar="NAME,NAME[,NAME]",
    callback=lambda _ctx, _param, value: options.split(value),
    help="What ids in the label column mean, in order.",
)
@options.csv
@options.LABELS
@options.REVISION
@options.DEVICE
@options.DTYPE
@click.option("--resamples", type=click.IntRange(min=10), default=500, show_default=True, help="Bootstrap draws.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the draws.")
@click.option("--json", "json_file", type=options.PATH, help="Write the figures there as JSON.")
@click.option("--html", "html_file", type=options.PATH, help="Write a report with plots there.")
def command(
    model: str,
    eval_files: tuple[Path, ...],
    sets_file: Path | None,
    train_file: Path | None,
    text_col: str,
    label_col: str,
    target_col: str | None,
    data_labels: list[str] | None,
    labels: list[str] | None,
    revision: str | None,
    device: str,
    dtype: str,
    resamples: int,
    seed: int,
    json_file: Path | None,
    html_file: Path | None,
    dialect: "CsvDialect",
) -> None:
    """Measure a model on labelled rows.

    MODEL is default (inside the package), a folder or a hub id. Shows accuracy, precision, recall, F1,
    macro-F1, ROC AUC, log loss, Brier score and calibration error, with bootstrap intervals, with the model's
    temperature and without, and beside a baseline where --train-file is given. Several sets of rows stand
    side by side. On a set without neutral rows a model that knows neutral is asked for negative or positive
    alone.

    \b
    sentiscore evaluate runs/pythia-70m-sst2
    sentiscore evaluate default --eval-file reviews.csv --text-col text --html report.html
    sentiscore evaluate runs/mine --sets recipe.toml --html report.html
    """
    if sets_file and (eval_files or train_file):
        raise click.UsageError(f"{sets_file} names the rows: leave --eval-file and --train-file out.")
    if sets_file:
        options.refuse_beside_sets(("text_col", "label_col", "target_col", "data_labels", *options.CSV_NAMES))
    from sentiscore.cli.show import line, report_tables
    from sentiscore.evaluation.evaluate import check_known, evaluate
    from sentiscore.evaluation.files import check_reports, write_reports
    from sentiscore.scoring.scorer import Scorer
    from sentiscore.tables.labelled import load_hub_data, read_labelled
    from sentiscore.training.distillation import Distillation
    from sentiscore.training.recipe import Recipe
    from sentiscore.training.sets import read_validation_sets

    recipe = Distillation.read(sets_file).recipe if sets_file else Recipe()  # a recipe is read likewise
    named = [Path(one.validation) for one in recipe.sets if one.validation]
    check_reports(json_file, html_file, [path for path in (*eval_files, train_file, sets_file, *named) if path])

    csv = dialect.as_dict()

    def read(path: Path) -> "LabelledData":
        return read_labelled(
            path, text_col=text_col, label_col=label_col, target_col=target_col, labels=data_labels, **csv
        )

    if sets_file:
        sets = read_validation_sets(recipe)
    elif eval_files:
        sets = [read(path) for path in eval_files]
        sets = [replace(data, name=name) for data, name in zip(sets, _names(eval_files), strict=True)]
    else:
        sets = [load_hub_data("stanfordnlp/sst2")[1]]
    baseline_data = read(train_file) if train_file else None
    scorer = Scorer.from_pretrained(model, device=device, dtype=dtype, revision=revision, labels=labels)
    for data in sets:
        check_known(data, scorer)
    reports = [
        evaluate(data, model=scorer, baseline_data=baseline_data, resamples=resamples, seed=seed) for data in sets
    ]
    report_tables(reports)
    for path in write_reports(reports, json_file, html_file):
        line(f"written: {path}")


def _names(paths: tuple[Path, ...]) -> list[str]:
    """The names of files without their folders; different files with the same name are numbered."""
    real_paths = [path.resolve() for path in paths]
    of: dict[str, list[Path]] = {}
    for path, real_path in zip(paths, real_paths, strict=True):
        if real_path not in of.setdefault(path.name, []):
            of[path.name].append(real_path)
    return [
        path.name if len(of[path.name]) == 1 else f"{path.name} ({of[path.name].index(real_path) + 1})"
        for path, real_path in zip(paths, real_paths, strict=True)
    ]
