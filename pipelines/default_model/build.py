"""Make the embedded default model: divide the data, train the teacher, distil in two rounds, measure, install.

python pipelines/default_model/build.py --data DATA --bases BASES --work WORK [--install]

DATA holds sst2/ and headlines/; BASES holds smollm2-135m/ and minilm-l6/. Every step is a command of sentiscore, shown
as it is run, and leaves its result in WORK. A step whose result is there is passed over, and training that was stopped
is taken up, so the same command may be given again after a stop. The first round trains three students, which differ in
their seed; the second goes on from the mean of their weights, with three seeds again; the last takes the mean of those
and fits its temperature. Which of them all does best on the rows to choose by is the default; `--install` puts it into
the package.
"""

import argparse
import json
import shlex
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
DEFAULT: Final = HERE.parents[1] / "sentiscore" / "default_model"
SEEDS: Final = (0, 1, 2)
KEPT: Final = (
    "config.json",
    "log.jsonl",
    "model.safetensors",
    "sentiscore.json",
    "tokenizer.json",
    "tokenizer_config.json",
)


def main() -> None:
    """Take every step that has not been taken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name in ("data", "bases", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--install", action="store_true", help="put the best student into the package")
    arguments = parser.parse_args()
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "bases").exists():
        (work / "bases").symlink_to(arguments.bases.resolve(), target_is_directory=True)
    if not (work / "data" / "news_report.csv").exists():
        run(work, sys.executable, str(HERE / "prepare.py"), str(arguments.data.resolve()), "data")
    for name in ("decoder", "teacher"):
        train(work, name, "sentiscore", "train", "--recipe", str(HERE / f"{name}.toml"))
    for seed in SEEDS:
        train(work, f"student-{seed}", "sentiscore", "distill", "teacher", *settings("student", seed))
    first = [f"student-{seed}" for seed in SEEDS]
    if not (work / "mean" / "tokenizer_config.json").exists():  # which is written last
        run(work, sys.executable, str(HERE / "average.py"), *first, "mean")
    for seed in SEEDS:
        train(work, f"second-{seed}", "sentiscore", "distill", "teacher", *settings("second", seed))
    second = [f"second-{seed}" for seed in SEEDS]
    if not (work / "second-mean" / "tokenizer_config.json").exists():
        run(work, sys.executable, str(HERE / "average.py"), *second, "second-mean")
    train(work, "last", "sentiscore", "distill", "teacher", *settings("last", 0))
    best = best_of(work, [*first, *second, "last"])
    shutil.copytree(work / best_of(work, first), work / "first-best", dirs_exist_ok=True)
    train(work, "fast", "sentiscore", "distill", "teacher", *settings("fast", 0))
    for model in ("teacher", *first, *second, "last", "fast"):
        if not (work / f"{model}.json").exists():
            run(work, "sentiscore", "evaluate", model, "--sets", str(HERE / "report.toml"), "--json", f"{model}.json")
    sys.stdout.write(f"best on the rows to choose by: {best}\n")
    if arguments.install:
        for name in KEPT:
            shutil.copyfile(work / best / name, DEFAULT / name)
        sys.stdout.write(f"installed in {DEFAULT}\n")


def settings(name: str, seed: int) -> list[str]:
    """Options of `sentiscore distill`; all students share what the teacher says."""
    return ["--student", str(HERE / f"{name}.toml"), "--soft-labels", "soft.parquet", "--seed", str(seed)]


def best_of(work: Path, models: Sequence[str]) -> str:
    """The model with the least loss on the rows to choose by."""
    return min(models, key=lambda model: loss_on_rows_to_choose_by(work / model))


def train(work: Path, output: str, *command: str) -> None:
    """Run a training command, take it up where it was stopped, or pass it over if its model is there."""
    if not (work / output / "sentiscore.json").exists():
        resume = ["--resume"] if (work / output / "training").is_dir() else []
        run(work, *command, "-o", output, *resume)


def run(work: Path, *command: str) -> None:
    """Show a command and run it in the work folder."""
    sys.stdout.write(f"$ {shlex.join(command)}\n")
    sys.stdout.flush()
    if command[0] == "sentiscore":
        command = (sys.executable, "-m", "sentiscore", *command[1:])
    subprocess.run(command, cwd=work, check=True)  # noqa: S603 - our own commands


def loss_on_rows_to_choose_by(model: Path) -> float:
    """The mean of a model's calibrated log losses on its validation sets."""
    figures = json.loads((model / "sentiscore.json").read_text(encoding="utf-8"))["metrics"]
    return statistics.fmean(one["log_loss"] for one in figures.values())


if __name__ == "__main__":
    main()
