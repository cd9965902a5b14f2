"""Tuning, start to finish, on a tiny base."""

import dataclasses
import json
import math
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from sentiscore import MissingExtraError, OutputError, Recipe, Scorer, TrainingError, train, tune
from sentiscore.checkpoint import Manifest
from sentiscore.cli.main import cli
from sentiscore.cli.train import WEAK
from sentiscore.errors import DivergedError, SentiscoreWarning
from sentiscore.tables.labelled import LabelledData
from sentiscore.training import study, tuning, tuning_folder
from sentiscore.training.recipe import SetOfRows
from sentiscore.training.recipe_toml import recipe_toml
from sentiscore.training.run import Progress
from sentiscore.training.trainer import CALIBRATED_LOSS
from sentiscore.training.tuning import TuningResult
from tests.effort import larger, share

pytestmark = pytest.mark.filterwarnings("ignore:The fitted temperature")

SEARCHED = ["learning_rate", "batch_size", "epochs", "warmup", "weight_decay", "label_smoothing"]


def labelled(name: str, numbers: range) -> LabelledData:
    texts = [f"{text} {i}" for i in numbers for text in ("profit rises", "profit falls")]
    return LabelledData(name, texts, ["positive", "negative"] * len(numbers))


def write(path: Path, data: LabelledData) -> Path:
    pl.DataFrame({"sentence": data.texts, "label": data.label_names}).write_csv(path, separator="\t")
    return path


TRAIN, EVAL = labelled("train.tsv", range(16)), labelled("eval.tsv", range(16, 22))


@pytest.fixture
def recipe(tiny_base: Path) -> Recipe:
    return Recipe(
        base=str(tiny_base),
        epochs=1,
        max_steps=8,  # which keeps trials short
        evals_per_epoch=2,
        batch_size=8,
        learning_rate=2e-3,
        warmup=0.06,
        max_length=24,
        precision="fp32",
    )


@pytest.fixture
def command(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `sentiscore tune` on two files in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    files = ["--train-file", write(Path("train.tsv"), TRAIN), "--eval-file", write(Path("eval.tsv"), EVAL)]
    Path("start.toml").write_text(recipe_toml(recipe))

    def run(*args: object, output: str = "out") -> Result:
        given = ["tune", "--recipe", "start.toml", "-o", output, "--device", "cpu", *files, *args]
        return CliRunner().invoke(cli, [str(arg) for arg in given])

    return run


def go(recipe: Recipe, output: Path, **more: Any) -> TuningResult:
    return tune(recipe, output=output, train_data=[TRAIN], eval_data=[EVAL], device="cpu", **more)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of training: eight steps, four validations, and a loss that the settings decide."""

    def pretended(recipe: Recipe, *, output: Path, on_progress: Callable[[Progress], None], **_: Any) -> None:
        output.mkdir(parents=True)
        (output / "training").mkdir()
        (output / "training" / "model.safetensors").touch()
        least = abs(math.log10((recipe.learning_rate or 0) / 1e-3)) + (recipe.warmup or 0)
        for step in range(1, 9):
            on_progress(Progress(step, 8, step / 4))
            if step % 2 == 0:
                loss = least + (8 - step) / 8
                with (output / "log.jsonl").open("a") as file:
                    file.write(json.dumps({"step": step, CALIBRATED_LOSS: loss}) + "\n")
                on_progress(Progress(step, 8, step / 4, {CALIBRATED_LOSS: loss, "accuracy": 0.5}))
        shutil.rmtree(output / "training")
        (output / "model.safetensors").touch()
        (output / "sentiscore.json").write_text(json.dumps({"learning_rate": recipe.learning_rate}))

    monkeypatch.setattr(tuning, "train", pretended)
    monkeypatch.setattr(tuning, "_weaknesses", lambda _: ())


def stop_in_trial(monkeypatch: pytest.MonkeyPatch, number: int, error: type[BaseException]) -> None:
    """Let the training of a trial end in its second step, as by a signal."""
    whole: Callable[..., Any] = vars(tuning)["train"]

    def stopped(*args: Any, **settings: Any) -> Any:
        def watch(state: Progress) -> None:
            settings_progress(state)
            if settings["output"].name == f"{number:03}" and state.step == 2:
                raise error

        settings_progress = settings.pop("on_progress")
        return whole(*args, on_progress=watch, **settings)

    monkeypatch.setattr(tuning, "train", stopped)


def test_a_search_gives_a_recipe_a_model_a_table_and_a_page(command: Callable[..., Result], recipe: Recipe) -> None:
    result = command("--trials", 3)
    assert result.exit_code in (0, WEAK), result.output
    assert [line.split(":")[0] for line in result.stderr.splitlines()[:3]] == ["trial 0", "trial 1", "trial 2"]
    assert "3 of 3 done" in result.stderr
    assert "Report figures on rows that neither trained nor chose a model." in result.stderr
    assert "it takes 10 complete trials to tell, and there are 3" in result.stdout

    table = pl.read_csv("out/trials.csv")
    assert table.columns == ["trial", "outcome", "log_loss", "accuracy", "seconds", *searched(table)]
    assert table["outcome"].to_list() == ["complete"] * 3
    best = table.sort("log_loss").row(0, named=True)
    found = Recipe.read("out/recipe.toml")
    changed = {name: best[name] for name in searched(table)}
    assert found == recipe.with_changes(changed)
    assert f"{best['log_loss']:.4f}" in result.stdout

    manifest = Manifest.read(Path("out/best"))
    assert manifest is not None
    assert {name: manifest.recipe[name] for name in changed} == changed
    again = train(found, output="again", train_data=[TRAIN], eval_data=[EVAL], device="cpu")
    assert again.manifest.files["model.safetensors"] == manifest.files["model.safetensors"]
    assert Scorer.from_pretrained("out/best").score(["profit rises"])["status"][0] == "ok"
    assert sorted(path.name for path in Path("out/trials").rglob("*.*")) == ["log.jsonl"] * 3 + ["recipe.toml"] * 3
    for number in range(3):
        row = table.row(number, named=True)
        assert Recipe.read(f"out/trials/00{number}/recipe.toml").learning_rate == row["learning_rate"]

    page = Path("out/tuning.html").read_text()
    assert page.count("<svg") == len(changed) + 1
    assert "it takes 10 complete trials" in page
    assert 'src="' not in page


def searched(table: pl.DataFrame) -> list[str]:
    return [name for name in SEARCHED if name in table.columns]


@pytest.mark.usefixtures("quick")
def test_a_search_that_is_stopped_goes_on_as_if_it_had_not_been(
    command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("--trials", 4, output="whole").exit_code in (0, WEAK)
    with monkeypatch.context() as patch:
        stop_in_trial(patch, 2, KeyboardInterrupt)
        result = command("--trials", 4)
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-2:] == [
        "error: Stopped before the end. out keeps the trials that were finished.",
        "Go on with the same command.",
    ]
    result = command("--trials", 4)
    assert result.exit_code in (0, WEAK), result.output
    assert result.stderr.startswith("trial 3: ")
    assert "4 complete, 1 stopped" in result.stdout
    same = ["log_loss", "accuracy", "learning_rate", "batch_size", "warmup", "weight_decay", "label_smoothing"]
    whole, resumed = (pl.read_csv(f"{name}/trials.csv") for name in ("whole", "out"))
    assert resumed["outcome"].to_list() == ["complete", "complete", "stopped", "complete", "complete"]
    assert resumed.filter(pl.col("outcome") == "complete").select(same).equals(whole.select(same))
    assert (
        Path("out/recipe.toml").read_text().splitlines()[1:] == Path("whole/recipe.toml").read_text().splitlines()[1:]
    )
    assert not list(Path("out/trials").rglob("*.safetensors"))


@pytest.mark.usefixtures("quick")
def test_more_trials_may_be_asked_for_later_and_none_are_done_twice(recipe: Recipe, tmp_path: Path) -> None:
    seen: list[int] = []

    def watch(trial: study.Trial, best: study.Trial | None, finished: int) -> None:
        seen.append(finished)

    assert go(recipe, tmp_path / "out", trials=1, on_trial=watch).finished == 1
    assert go(recipe, tmp_path / "out", trials=1, on_trial=watch).finished == 1
    assert go(recipe, tmp_path / "out", trials=2, on_trial=watch).finished == 2
    assert seen == [1, 2]


@pytest.mark.thorough
@pytest.mark.usefixtures("quick")
def test_when_the_time_is_up_no_trial_is_begun_and_the_next_call_goes_on(command: Callable[..., Result]) -> None:
    for done in (1, 2):
        result = command("--trials", 3, "--max-minutes", 1e-6)
        assert result.exit_code in (0, WEAK), result.output
        assert f"The time is up after {done} of 3 trials. Go on with the same command." in result.stderr
        assert pl.read_csv("out/trials.csv").height == done


@pytest.mark.usefixtures("quick")
@pytest.mark.thorough
def test_with_enough_trials_it_is_said_and_drawn_what_mattered(
    command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "STARTUP", 100)
    result = command("--trials", study.ENOUGH)
    assert result.exit_code in (0, WEAK), result.output
    mattered = next(line for line in result.stdout.splitlines() if line.startswith("what mattered"))
    assert mattered.split()[2] == "learning_rate"
    page = Path("out/tuning.html").read_text()
    assert page.count("<svg") == 5 + 2  # a chart of each setting, of what mattered, and of the trials
    assert "What mattered is the share" in page


@pytest.mark.thorough
def test_a_trial_that_is_worse_than_most_is_ended_early(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "STARTUP", 1)
    result = go(recipe, tmp_path / "out", trials=4)
    pruned = [trial for trial in result.trials if trial.outcome == "pruned"]
    assert pruned
    for trial in pruned:
        log = (tmp_path / "out" / "trials" / f"{trial.number:03}" / "log.jsonl").read_text().splitlines()
        assert json.loads(log[-1])["step"] < 8
        assert trial.log_loss == min(json.loads(line)[CALIBRATED_LOSS] for line in log)
        assert result.best.log_loss is not None
        assert trial.log_loss is not None
        assert trial.log_loss > result.best.log_loss
    assert not list((tmp_path / "out" / "trials").rglob("*.safetensors"))
    assert "pruned" in (tmp_path / "out" / "trials.csv").read_text()


@pytest.mark.thorough
def test_a_trial_that_diverges_does_not_end_the_search(
    command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverges(recipe: Recipe, **settings: Any) -> Any:
        if settings["output"].name == "001":
            settings["output"].mkdir(parents=True)
            raise DivergedError("The loss is not a number any more.")
        return train(recipe, **settings)

    monkeypatch.setattr(tuning, "train", diverges)
    result = command("--trials", 3)
    assert result.exit_code in (0, WEAK), result.output
    assert "trial 1: no validation (diverged)" in result.stderr
    assert "2 complete, 1 diverged" in result.stdout
    assert Path("out/tuning.html").exists()


def test_a_search_in_which_every_trial_diverges_says_so(command: Callable[..., Result]) -> None:
    result = command("--trials", 1, "--learning-rate", 1e30)
    assert result.exit_code == 1
    message = result.stderr.splitlines()[-2:]
    assert message[0].startswith("error: None of 1 trials came to its end (diverged); see out/trials.csv.")
    assert "lower learning_rate" in message[1]
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("quick")
def test_other_settings_and_rows_are_refused_and_named(
    recipe: Recipe, tmp_path: Path, tiny_bert: Callable[..., Path]
) -> None:
    output = tmp_path / "out"
    go(recipe, output, trials=1)
    before = (output / "trials.csv").read_bytes()
    with pytest.raises(TrainingError, match="other settings: max_length"):
        go(recipe.with_changes({"max_length": 20}), output, trials=2)
    with pytest.raises(TrainingError, match="other settings: base"):
        go(recipe.with_changes({"base": str(tiny_bert())}), output, trials=2)
    weighed = dataclasses.replace(TRAIN, weight=2.0)
    with pytest.raises(TrainingError, match="other settings: targets of training rows"):
        tune(recipe, output=output, train_data=[weighed], eval_data=[EVAL], trials=2)
    with pytest.raises(TrainingError, match="other settings: validation rows"):
        tune(recipe, output=output, train_data=[TRAIN], eval_data=[labelled("eval.tsv", range(30, 36))], trials=2)
    assert (output / "trials.csv").read_bytes() == before
    assert go(recipe, output, trials=1).finished == 1


def test_a_mistake_that_the_first_trial_finds_can_be_mended(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="reads at most 64 tokens"):
        go(recipe.with_changes({"max_length": 65}), tmp_path / "out", trials=1)
    assert go(recipe, tmp_path / "out", trials=1).best.number == 0


class StoppedError(Exception):
    pass


@larger
@pytest.mark.usefixtures("quick")
def test_a_stop_between_a_trial_and_the_move_of_its_model_is_made_good(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise StoppedError

    output = tmp_path / "out"
    bests = {go(recipe, output, trials=1).best.number}
    for trials in range(2, share(6, 9)):
        with monkeypatch.context() as patch:
            patch.setattr(tuning_folder, "_strip", stop)
            patch.setattr(Path, "rename", stop)
            with pytest.raises(StoppedError):
                go(recipe, output, trials=trials)
        result = go(recipe, output, trials=trials)
        bests.add(result.best.number)
        kept = json.loads((result.checkpoint / "sentiscore.json").read_text())
        assert kept["learning_rate"] == result.best.settings["learning_rate"]
        assert [path.parent.name for path in output.rglob("*.safetensors")] == ["best"]
        assert len(list((output / "trials").rglob("log.jsonl"))) == len(result.trials) == trials
    assert len(bests) > 1


@pytest.mark.thorough
def test_several_sets_are_searched_together(recipe: Recipe, tmp_path: Path) -> None:
    write(tmp_path / "a.tsv", TRAIN)
    write(tmp_path / "b.tsv", EVAL)
    news = LabelledData(
        "news", [f"{t} {i}" for i in range(9) for t in ("up", "down", "meets")], ["positive", "negative", "neutral"] * 9
    )
    later = LabelledData(
        "later",
        [f"{t} {i}" for i in range(9, 12) for t in ("up", "down", "meets")],
        ["positive", "negative", "neutral"] * 3,
    )
    sets = (
        SetOfRows(train=str(tmp_path / "a.tsv"), validation=str(tmp_path / "b.tsv")),
        SetOfRows(
            name="news",
            train=str(write(tmp_path / "c.tsv", news)),
            validation=str(write(tmp_path / "d.tsv", later)),
            weight=2.0,
        ),
    )
    (tmp_path / "sets.toml").write_text(recipe_toml(recipe.with_changes({"sets": sets})))
    output = tmp_path / "out"
    result = CliRunner().invoke(
        cli, ["tune", "--recipe", str(tmp_path / "sets.toml"), "--trials", "1", "-o", str(output), "--device", "cpu"]
    )
    assert result.exit_code in (0, WEAK), result.output
    assert Recipe.read(output / "recipe.toml").sets == sets
    manifest = Manifest.read(output / "best")
    assert manifest is not None
    assert set(manifest.metrics) == {"a.tsv", "news"}


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated")  # of whoever imports it first
def test_a_warning_is_given_once_and_not_for_each_trial(recipe: Recipe, tmp_path: Path) -> None:
    mixed = LabelledData("mixed", [*EVAL.texts, TRAIN.texts[0]], [*EVAL.label_names, TRAIN.label_names[0]])
    with pytest.warns(SentiscoreWarning, match="1 of the 13 validation texts") as caught:
        tune(recipe, output=tmp_path / "out", train_data=[TRAIN], eval_data=[mixed], trials=2, device="cpu")
    assert sum("validation texts" in str(warning.message) for warning in caught) == 1


def test_wrong_input_gets_one_clear_message(command: Callable[..., Result]) -> None:
    Path("mine").mkdir()
    Path("mine/notes.txt").touch()
    Path("damaged").mkdir()
    Path("damaged/study.db").write_bytes(b"no database " * 500)
    for output, words in (
        ("mine", "not empty, and holds no study"),
        ("damaged", "cannot be read or written"),
        ("train.tsv/out", "cannot be written to"),
        ("/proc/out", "cannot be written to"),
    ):
        result = command("--trials", 1, output=output)
        assert result.exit_code == 1, result.output
        assert words in result.stderr
        assert result.stderr.startswith("error: ")
        assert len(result.stderr.strip().splitlines()) == 2, result.stderr
    assert Path("damaged/study.db").read_bytes().startswith(b"no database")
    for wrong in (["--trials", 0], ["--max-minutes", 0], ["--trials", "many"]):
        assert command(*wrong).exit_code == 2
    assert CliRunner().invoke(cli, ["tune", "--train-file", "train.tsv"]).exit_code == 2
    assert not Path("out").exists()


@pytest.mark.usefixtures("quick")
def test_two_processes_do_not_tune_in_one_folder(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    other = sqlite3.connect(tmp_path / "out" / ".study.lock", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(OutputError, match="Another process is tuning"):
        go(recipe, tmp_path / "out", trials=1)
    other.close()
    assert go(recipe, tmp_path / "out", trials=1).finished == 1


def test_zero_trials_and_half_of_the_rows_are_refused(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="0 trials"):
        go(recipe, tmp_path / "out", trials=0)
    with pytest.raises(TrainingError, match="go together"):
        tune(recipe, output=tmp_path / "out", train_data=[TRAIN])
    assert not (tmp_path / "out").exists()


def test_without_the_extra_the_message_says_what_to_install(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"sentiscore\[tune\]"):
        go(recipe, tmp_path / "out", trials=1)
    assert not (tmp_path / "out").exists()
