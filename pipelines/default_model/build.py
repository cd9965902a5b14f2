"""Build the embedded default model: split the data, train a head, distil three students, average and evaluate them.

python pipelines/default_model/build.py --data DATA --bases BASES --work WORK [--teacher] [--install]

DATA contains sst2/ and headlines/; BASES contains minilm-l6/, and smollm2-135m/ for a teacher. Every step is a command
of sentiscore or a script from this folder; it is printed when it runs, and leaves its result in WORK. A step whose
result exists is skipped, and training that was stopped is resumed, so the same command can be run again after a stop.
The teacher's soft labels are in this folder (soft.parquet), so no teacher is needed; `--teacher` trains one and makes
new ones, which takes hours longer and needs its own WORK. The three students differ only in their seed; the default
model is the mean of their weights, interpolated slightly towards their common start, with its temperature fitted.
`--install` puts it into the package.
"""

import argparse
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
DEFAULT: Final = HERE.parents[1] / "sentiscore" / "default_model"
STUDENTS: Final = ("student-0", "student-1", "student-2")
"""The number of each is its seed."""
BACK: Final = 0.1
"""Share of the common start in the final model's weights."""
GIVEN: Final = "soft.parquet"
"""The teacher's soft labels in this folder."""
ASKED: Final = "soft-anew.parquet"
"""The soft labels of a newly trained teacher."""
KEPT: Final = (
    "config.json",
    "log.jsonl",
    "model.safetensors",
    "sentiscore.json",
    "tokenizer.json",
    "tokenizer_config.json",
)


def main() -> None:
    """Run every step whose result does not exist yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="the folder with sst2/ and headlines/")
    parser.add_argument("--bases", type=Path, required=True, help="the folder with minilm-l6/, and smollm2-135m/")
    parser.add_argument("--work", type=Path, required=True, help="the folder for the results of all steps")
    parser.add_argument("--teacher", action="store_true", help="train the teacher too, and make new soft labels")
    parser.add_argument("--install", action="store_true", help="put the final model into the package")
    arguments = parser.parse_args()
    work: Path = arguments.work
    if (work / (GIVEN if arguments.teacher else ASKED)).exists():
        parser.error(f"{work} was used {'without' if arguments.teacher else 'with'} --teacher: name another folder")
    needed = [arguments.data / "sst2", arguments.data / "headlines", arguments.bases / "minilm-l6"]
    for folder in [*needed, *([arguments.bases / "smollm2-135m"] if arguments.teacher else [])]:
        if not folder.is_dir():
            parser.error(f"there is no folder {folder}")
    if (work / "bases").exists() and not (work / "bases").samefile(arguments.bases):
        parser.error(f"{work} was started with other bases")
    work.mkdir(parents=True, exist_ok=True)
    divide_data(work, arguments.data, arguments.bases)
    teachers = make_teacher(work) if arguments.teacher else []
    if not teachers:
        shutil.copyfile(HERE / GIVEN, work / GIVEN)
    make_students(work, teachers)
    for model in (*teachers, *STUDENTS, "last", "fast"):
        if not (work / f"{model}.json").exists():
            run(work, "sentiscore", "evaluate", model, "--sets", str(HERE / "report.toml"), "--json", f"{model}.json")
    if arguments.install:
        for name in KEPT:
            shutil.copyfile(work / "last" / name, DEFAULT / name)
        sys.stdout.write(f"installed in {DEFAULT}\n")


def divide_data(work: Path, data: Path, bases: Path) -> None:
    """Write the split data, and a link to the bases, into the work folder."""
    if not (work / "bases").exists():
        (work / "bases").symlink_to(bases.resolve(), target_is_directory=True)
    if not (work / "data" / "news_report.csv").exists():
        run(work, sys.executable, str(HERE / "prepare.py"), str(data.resolve()), "data")


def make_teacher(work: Path) -> list[str]:
    """Train the decoder, and the teacher from it."""
    if not (work / "data" / "economy_report.csv").exists():
        run(work, sys.executable, str(HERE / "economy.py"), "data")
    for name in ("decoder", "teacher"):
        train(work, name, "sentiscore", "train", "--recipe", str(HERE / f"{name}.toml"))
    return ["teacher"]


def make_students(work: Path, teachers: Sequence[str]) -> None:
    """Train the head, the students that start from it, the final model from their mean, and a faster student.

    The mean gets the normaliser before its temperature is fitted; the students, and so the soft labels, do without it.
    """
    soft = ASKED if teachers else GIVEN

    def distil(output: str, recipe: str, seed: int = 0) -> None:
        options = ["--student", str(HERE / f"{recipe}.toml"), "--soft-labels", soft, "--seed", str(seed)]
        train(work, output, "sentiscore", "distill", *teachers, *options)

    distil("head", "head")
    for seed, student in enumerate(STUDENTS):
        distil(student, "student", seed)
    if not (work / "mean" / "tokenizer_config.json").exists():  # the file that is written last
        shutil.rmtree(work / "mean", ignore_errors=True)
        back = ["--back-to", "head", "--share", str(BACK)]
        run(work, sys.executable, str(HERE / "average.py"), *STUDENTS, "mean", *back)
    if not (work / "last" / "sentiscore.json").exists():
        run(work, sys.executable, str(HERE / "words.py"), "mean")  # harmless if repeated
    distil("last", "last")
    distil("fast", "fast")


def train(work: Path, output: str, *command: str) -> None:
    """Run or resume a training command, or skip it if its model exists."""
    if not (work / output / "sentiscore.json").exists():
        resume = ["--resume"] if (work / output / "training").is_dir() else []
        run(work, *command, "-o", output, *resume)


def run(work: Path, *command: str) -> None:
    """Print a command and run it in the work folder."""
    sys.stdout.write(f"$ {shlex.join(command)}\n")
    sys.stdout.flush()
    if command[0] == "sentiscore":
        command = (sys.executable, "-m", "sentiscore", *command[1:])
    subprocess.run(command, cwd=work, check=True)  # noqa: S603 - our own commands


if __name__ == "__main__":
    main()
