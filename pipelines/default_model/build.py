"""Make the embedded default model: its data, a teacher, students that learn from it, and the mean of them.

python pipelines/default_model/build.py --data DATA --bases BASES --work WORK [--teacher] [--install]

DATA holds sst2/, headlines/, targets/ and unlabelled/; BASES holds mpnet-base/. Every
step is a command of sentiscore or a script of this folder, shown as it is run, and leaves its result in WORK. A step
whose result is there is passed over, and training that was stopped is taken up, so the same command may be given again
after a stop. The steps:

1. data: prepare.py divides the labelled sets, economy.py, templates.py and varied.py make more labelled rows, and
   unlabelled.py gathers the pool, sentences without labels.
2. start: the previous default model, from this repository's history, with today's words for emoji (words.py).
3. teacher: mpnet-base with adapters, which are stored apart from it in the folder teacher/. `--teacher` trains them
   again (teacher.toml), in a WORK of its own.
4. soft labels: the teacher scores the texts of the sets and of the pool, which takes hours. Scores that are stored here
   (soft.parquet) are used.
5. student: the start learns from the labelled sets (student.toml), then reader: from the pool too (reader.toml).
6. last: a few steps at a rate near nothing, which fit the temperature (last.toml), also on sentences of the pool's
   sources, for which draw.py draws labels from the teacher's scores. The result is the default; `fast` is made of two
   of its layers (fast.toml).

Then each model is measured (report.toml). `--install` puts the default into the package.
"""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
DEFAULT: Final = HERE.parents[1] / "sentiscore" / "default_model"
HISTORY: Final = "704ba0c"
"""The commit of the previous default model."""
STARTED: Final = ("model.safetensors", "tokenizer.json", "tokenizer_config.json", "config.json")
DROPOUTS: Final = ("hidden_dropout_prob", "attention_probs_dropout_prob")
POOL_ROWS: Final = "11100"
"""As many sentences as the teacher has answered for; more of them take longer, and are likely to be better."""
STUDENTS: Final = ("student", "reader")
TEACHER: Final = "teacher"
SOFT: Final = "soft.parquet"
NEW_SOFT: Final = "soft-of-new-teacher.parquet"
POOL: Final = ("--texts", "data/pool.parquet", "--target-col", "target")
"""The sentences without labels, some of them with a mention."""
DRAWN: Final = "pool_drawn.csv"
SCRIPTS: Final = {
    "economy.py": "economy_report.csv",
    "templates.py": "targets_made_train.csv",
    "varied.py": "varied_tweets_train.csv",
}
"""What makes more labelled rows, and the file that each writes last."""
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
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder of sst2/, headlines/, targets/, unlabelled/"
    )
    parser.add_argument("--bases", type=Path, required=True, help="the folder of mpnet-base/")
    parser.add_argument("--work", type=Path, required=True, help="where each step leaves its result")
    parser.add_argument(
        "--teacher", action="store_true", help="train the teacher again, instead of using the stored one"
    )
    parser.add_argument("--install", action="store_true", help="put the last model into the package")
    arguments = parser.parse_args()
    work: Path = arguments.work
    soft = NEW_SOFT if arguments.teacher else SOFT
    if (work / (SOFT if arguments.teacher else NEW_SOFT)).exists():
        parser.error(f"{work} was used {'without' if arguments.teacher else 'with'} --teacher: name another folder")
    data, bases = arguments.data, arguments.bases
    parts = [data / name for name in ("sst2", "headlines", "targets", "unlabelled")]
    for folder in [*parts, bases / "mpnet-base"]:
        if not folder.is_dir():
            parser.error(f"there is no folder {folder}")
    if (work / "bases").exists() and not (work / "bases").samefile(bases):
        parser.error(f"{work} was begun with other bases")
    work.mkdir(parents=True, exist_ok=True)
    make_data(work, data, bases)
    make_start(work)
    if arguments.teacher:
        train(work, TEACHER, "sentiscore", "train", "--recipe", str(HERE / "teacher.toml"))
    elif not (work / TEACHER).exists():
        shutil.copytree(HERE / TEACHER, work / TEACHER)
        if (HERE / SOFT).exists():
            shutil.copyfile(HERE / SOFT, work / SOFT)
    make_students(work, soft)
    for model in (TEACHER, *STUDENTS, "last", "fast"):
        if not (work / f"{model}.json").exists():
            run(work, "sentiscore", "evaluate", model, "--sets", str(HERE / "report.toml"), "--json", f"{model}.json")
    if arguments.install:
        for name in KEPT:
            shutil.copyfile(work / "last" / name, DEFAULT / name)
        sys.stdout.write(f"installed in {DEFAULT}\n")


def make_data(work: Path, data: Path, bases: Path) -> None:
    """Put the rows, and the way to the bases, into the work folder."""
    if not (work / "bases").exists():
        (work / "bases").symlink_to(bases.resolve(), target_is_directory=True)
    if not (work / "data" / "news_report.csv").exists():
        run(work, sys.executable, str(HERE / "prepare.py"), str(data.resolve()), "data")
    for script, made in SCRIPTS.items():
        if not (work / "data" / made).exists():
            run(work, sys.executable, str(HERE / script), "data")
    if not (work / "data" / "pool.parquet").exists():
        run(work, sys.executable, str(HERE / "unlabelled.py"), str(data.resolve()), "data", "--rows", POOL_ROWS)


def make_start(work: Path) -> None:
    """Take the previous default model out of the repository's history, without dropout and with today's words."""
    folder = DEFAULT.relative_to(HERE.parents[1]).as_posix()
    (work / "start").mkdir(exist_ok=True)
    for name in STARTED:
        if not (work / "start" / name).exists():
            command = ["git", "-C", str(HERE), "show", f"{HISTORY}:{folder}/{name}"]
            content = subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603 - our own command
            if name == "config.json":
                content = json.dumps(json.loads(content) | dict.fromkeys(DROPOUTS, 0.0), indent=2).encode()
            (work / "start" / name).write_bytes(content)
    run(work, sys.executable, str(HERE / "words.py"), "start")


def make_students(work: Path, soft: str) -> None:
    """Train the student on the labelled sets and on the pool, fit its temperature, and train a faster one."""

    def distil(output: str, recipe: str, *more: str) -> None:
        options = ["--student", str(HERE / f"{recipe}.toml"), "--soft-labels", soft, *more]
        train(work, output, "sentiscore", "distill", TEACHER, *options)

    distil("student", "student")
    distil("reader", "reader", *POOL)
    if not (work / "data" / DRAWN).exists():
        scored = "data/pool_scored.parquet"
        aside = ["data/pool_aside.parquet", "--text-col", "text", "--model", TEACHER, "-o", scored]
        run(work, "sentiscore", "score", *aside)
        run(work, sys.executable, str(HERE / "draw.py"), scored, f"data/{DRAWN}")
    distil("last", "last")
    distil("fast", "fast", *POOL)


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


if __name__ == "__main__":
    main()
