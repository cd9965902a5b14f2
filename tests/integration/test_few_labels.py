"""A beginner with few labels: what is chosen, and what is said of a model that learned nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from sentiscore import Recipe, train
from sentiscore.checkpoint import Manifest
from sentiscore.cli.main import cli
from sentiscore.cli.train import WEAK
from sentiscore.errors import SentiscoreWarning
from sentiscore.tables.labelled import LabelledData
from sentiscore.training.run import Progress, TrainingResult

TEXTS = {"positive": ("profit rises", "strong demand"), "negative": ("shares fall", "weak results")}


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def labelled(name: str, numbers: range) -> LabelledData:
    pairs = [(f"{text} {i}", label) for i in numbers for label, texts in TEXTS.items() for text in texts]
    return LabelledData(name, [text for text, _ in pairs], [label for _, label in pairs])


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, numbers in (("train", range(12)), ("eval", range(12, 15))):
        rows = labelled(name, numbers)
        pl.DataFrame({"sentence": rows.texts, "label": rows.label_names}).write_csv(f"{name}.csv")
    return tmp_path


def test_a_model_that_learned_nothing_says_so_with_its_exit_code_and_wherever_it_is_looked_at(
    desk: Path, tiny_base: Path
) -> None:
    result = run(
        "train", "--base", tiny_base, "--train-file", "train.csv", "--eval-file", "eval.csv",
        "--max-steps", 1, "--learning-rate", 1e-9, "--max-length", 16, "--device", "cpu", "-o", "idle",
    )  # fmt: skip
    assert result.exit_code == WEAK == 4, result.output
    assert "chosen by the number of rows: --epochs 12 --batch-size 16 --warmup 0.1 --evals-per-epoch 1" in result.stderr
    assert "warning: The model is no better than a simpler one." in result.stderr
    assert "has 1.000. Train from the default model, which knows sentiment already: --base default." in result.stderr
    assert "(TF-IDF: 1.0000)" in result.stdout

    manifest = Manifest.read(desk / "idle")
    assert manifest is not None
    assert manifest.baselines["eval.csv"]["macro_f1"] == 1
    assert "TF-IDF" in manifest.weaknesses[-1]
    assert (manifest.recipe["epochs"], manifest.recipe["batch_size"]) == (12, 16)
    assert manifest.recipe["chosen_by_rows"] == ["epochs", "batch_size", "warmup", "evals_per_epoch"]

    verified = run("verify", "idle")
    assert verified.exit_code == WEAK
    shown = [line.removeprefix("weakness").strip() for line in verified.stdout.splitlines() if line[:8] == "weakness"]
    assert shown == list(manifest.weaknesses)
    assert "warning: When it was trained, the model was no better than a simpler one." in verified.stderr
    as_json = run("verify", "idle", "--json")
    assert as_json.exit_code == WEAK
    assert json.loads(as_json.stdout)["weaknesses"] == list(manifest.weaknesses)
    assert json.loads(as_json.stdout)["passed"]

    evaluated = run("evaluate", "idle", "--eval-file", "eval.csv", "--resamples", 10, "--json", "r.json")
    assert evaluated.exit_code == 0, evaluated.output
    assert "note: When it was trained, the model was no better than a simpler one." in evaluated.stdout
    assert json.loads(Path("r.json").read_text())[0]["weaknesses"] == list(manifest.weaknesses)
    assert run("score", "eval.csv", "--text-col", "sentence", "--prefix", "s_", "-m", "idle").exit_code == 0


def test_a_model_that_learned_ends_with_0_and_is_called_nothing(desk: Path, tiny_base: Path) -> None:
    result = run(
        "train", "--base", tiny_base, "--train-file", "train.csv", "--eval-file", "eval.csv",
        "--learning-rate", 3e-3, "--max-length", 16, "--device", "cpu", "-o", "good",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "warning" not in result.stderr
    verified = run("verify", "good")
    assert verified.exit_code == 0
    assert "weakness" not in verified.stdout


def test_a_student_that_learned_nothing_says_so_too(desk: Path, tiny_base: Path, tiny_checkpoint: Path) -> None:
    Path("student.toml").write_text(
        f'base = "{tiny_base}"\nmax_steps = 1\nlearning_rate = 1e-9\nmax_length = 16\n'
        '[[sets]]\nname = "own"\ntrain = "train.csv"\nvalidation = "eval.csv"\n'
    )
    result = run("distill", tiny_checkpoint, "--student", "student.toml", "-o", "small", "--device", "cpu")
    assert result.exit_code == WEAK, result.output
    assert "chosen by the number of rows: --epochs 12" in result.stderr
    assert "warning: The model is no better than a simpler one." in result.stderr


def test_a_search_says_so_of_its_best_model_alone(desk: Path, tiny_base: Path) -> None:
    Path("idle.toml").write_text(f'base = "{tiny_base}"\nmax_steps = 1\nlearning_rate = 1e-9\nmax_length = 16\n')
    files = ("--train-file", "train.csv", "--eval-file", "eval.csv", "--device", "cpu", "-o", "found")
    result = run("tune", "--recipe", "idle.toml", "--trials", 1, *files)
    assert result.exit_code == WEAK, result.output
    assert result.stderr.count("no better than a simpler one") == 1
    assert result.stderr.count("chosen by the number of rows") == 1
    assert Recipe.read("found/recipe.toml").epochs == 12


ABOUT_NEUTRAL = "The base knows neutral, and no row is neutral"


@pytest.mark.parametrize("neutral", [None, "drop", "keep"])
def test_neutral_is_dropped_with_a_warning_or_as_it_is_said(
    neutral: str | None, make_checkpoint: Callable[..., Path], tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    base = make_checkpoint(tmp_path / "base", labels=("negative", "neutral", "positive"))
    recipe = Recipe(base=str(base), neutral=neutral, max_steps=1, max_length=16, precision="fp32")
    result = train(
        recipe,
        output=tmp_path / "run",
        train_data=[labelled("train", range(6))],
        eval_data=[labelled("eval", range(6, 8))],
        device="cpu",
    )
    assert ("neutral" in result.manifest.labels) == (neutral == "keep")
    warned = [str(one.message) for one in recwarn if issubclass(one.category, SentiscoreWarning)]
    assert any(text.startswith(ABOUT_NEUTRAL) for text in warned) == (neutral is None)


def go(recipe: Recipe, output: Path, **more: Any) -> TrainingResult:
    rows: dict[str, Any] = {
        "train_data": [labelled("train", range(12))],
        "eval_data": [labelled("eval", range(12, 14))],
    }
    return train(recipe, output=output, device="cpu", **rows, **more)


def test_a_run_that_is_resumed_chooses_the_same(tmp_path: Path, tiny_base: Path) -> None:
    class StoppedError(Exception):
        """What ends the first part."""

    def stop(state: Progress) -> None:
        if state.epoch > 2:
            raise StoppedError

    recipe = Recipe(base=str(tiny_base), max_length=16, precision="fp32")
    with pytest.raises(StoppedError):
        go(recipe, tmp_path / "run", on_progress=stop)
    resumed, whole = go(recipe, tmp_path / "run", resume=True), go(recipe, tmp_path / "whole")
    assert resumed.resumed_from > 0
    assert resumed.manifest.files["model.safetensors"] == whole.manifest.files["model.safetensors"]


def test_the_head_can_be_fitted_first(tmp_path: Path, tiny_base: Path) -> None:
    recipe = Recipe(base=str(tiny_base), max_length=16, precision="fp32", learning_rate=1e-9, max_steps=1)
    random, fitted = (
        go(recipe.with_changes({"head_first": first}), tmp_path / str(first)).manifest.metrics["eval"]["log_loss"] or 0
        for first in (False, True)
    )
    assert fitted < 0.9 * random
