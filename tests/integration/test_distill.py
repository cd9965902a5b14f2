"""Distillation, from the command line to a checkpoint, on tiny models."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from sentiscore import (
    Distillation,
    InputError,
    Recipe,
    Scorer,
    TrainingError,
    distill,
    evaluate,
    read_labelled,
    read_pairs,
    train,
)
from sentiscore.checkpoint import Manifest, load_checkpoint
from sentiscore.cli.main import cli
from sentiscore.cli.train import WEAK
from sentiscore.tables.labelled import LabelledData
from sentiscore.training.augment import Augmentation
from sentiscore.training.distillation import Mixing
from sentiscore.training.run import Progress
from sentiscore.training.soft_labels import ask, mixed
from sentiscore.training.student import Student

NAMES = ["positive", "negative", "neutral"]
KINDS = ["shares rise", "shares drop", "board meets"]
FILMS = ["a warm film", "a dull film"]


@pytest.fixture(scope="module")
def teacher(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A three-class model that tells rising from falling."""
    recipe = Recipe(base=str(tiny_base), epochs=10, evals_per_epoch=1, batch_size=8, learning_rate=3e-3, max_length=24)
    folder = tmp_path_factory.mktemp("teacher") / "run"
    train(recipe, output=folder, train_data=[news(range(16))], eval_data=[news(range(16, 20))], device="cpu")
    return folder


def news(numbers: range) -> LabelledData:
    return LabelledData("news", [f"{kind} {i}" for i in numbers for kind in KINDS], NAMES * len(numbers))


def films(numbers: range) -> LabelledData:
    return LabelledData("films", [f"{kind} {i}" for i in numbers for kind in FILMS], NAMES[:2] * len(numbers))


@pytest.fixture
def recipe(tiny_base: Path) -> Recipe:
    return Recipe(base=str(tiny_base), epochs=6, evals_per_epoch=1, batch_size=8, learning_rate=3e-3, max_length=24)


@pytest.fixture
def files(tmp_path: Path, tiny_base: Path) -> Path:
    """Tables of labelled rows and of texts, and the student's settings."""
    for name, rows in (("train", news(range(16))), ("validation", news(range(16, 20)))):
        pl.DataFrame({"text": rows.texts, "label": rows.label_names}).write_csv(tmp_path / f"{name}.csv")
    pl.DataFrame({"headline": [*(f"shares {word} again" for word in ("rise", "drop")), " ", None]}).write_parquet(
        tmp_path / "more.parquet"
    )
    (tmp_path / "student.toml").write_text(
        f"""
base = "{tiny_base}"
epochs = 4
evals_per_epoch = 1
batch_size = 8
learning_rate = 3e-3
max_length = 24

[[sets]]
name = "news"
train = "{tmp_path}/train.csv"
validation = "{tmp_path}/validation.csv"
text_col = "text"

[student]
hidden_size = 8
layers = 1
heads = 2
intermediate_size = 16
vocab_size = 300

[distill]
label_share = 0.3

[augment]
joins = 1
drops = 1
"""
    )
    return tmp_path


def test_a_command_makes_a_small_student_out_of_a_teacher(files: Path, teacher: Path) -> None:
    arguments = [
        "distill",
        str(teacher),
        "--student",
        str(files / "student.toml"),
        "--device",
        "cpu",
        "--dtype",
        "fp32",
    ]
    more = ["--texts", str(files / "more.parquet"), "--text-col", "headline"]
    run = CliRunner().invoke(cli, [*arguments, *more, "-o", str(files / "run")])
    assert run.exit_code in (0, WEAK), run.output
    assert "trained on" in run.output
    manifest = Manifest.read(files / "run")
    assert manifest is not None
    assert [one.name for one in manifest.training_data] == ["news", "texts without labels", "augmented texts"]
    assert manifest.training_data[1].rows == 2
    assert manifest.labels == ("negative", "neutral", "positive")
    assert manifest.base == "new-gpt-neox-1x8"
    assert manifest.recipe["distill"]["label_share"] == 0.3
    assert [name for name, _ in manifest.recipe["teachers"]] == ["run"]
    assert load_checkpoint(files / "run").manifest == manifest

    soft = pl.read_parquet(files / "run.soft.parquet")
    assert soft.height == sum(one.rows for one in manifest.training_data)
    assert soft.columns == ["text_hash", "p_negative", "p_neutral", "p_positive"]
    texts = pl.read_csv(files / "train.csv")["text"].head(5).to_list()
    expected = Scorer.from_pretrained(teacher, device="cpu", dtype="fp32").score(texts)
    assert soft["p_neutral"].head(5).to_list() == pytest.approx(expected["p_neutral"].to_list(), abs=1e-5)

    seeded = ["--soft-labels", str(files / "run.soft.parquet"), "--seed", "7", "-o", str(files / "other")]
    again = CliRunner().invoke(cli, [*arguments, *more, *seeded])
    assert again.exit_code in (0, WEAK), again.output
    other = Manifest.read(files / "other")
    assert other is not None
    assert other.recipe["seed"] == 7
    assert other.training_data == manifest.training_data
    assert other.files["model.safetensors"] != manifest.files["model.safetensors"]

    alone = CliRunner().invoke(cli, [arguments[0], *arguments[2:], *more, *seeded[:-1], str(files / "without teacher")])
    assert alone.exit_code in (0, WEAK), alone.output
    same = Manifest.read(files / "without teacher")
    assert same is not None
    assert (same.files, same.recipe) == (other.files, other.recipe)

    strange = CliRunner().invoke(
        cli, [arguments[0], str(files / "run"), *arguments[2:], *seeded[:2], "-o", str(files / "x")]
    )
    assert strange.exit_code == 1
    assert "what other teachers said" in strange.output
    report = evaluate(read_labelled(files / "train.csv", text_col="text"), model=files / "run", resamples=10)
    assert report.trained_on_these_rows
    assert not (files / "x").exists()


def test_a_student_of_a_teachers_layers_and_of_labels_alone_it_never_saw(
    recipe: Recipe, teacher: Path, tmp_path: Path
) -> None:
    plan = Distillation(recipe=recipe, student=Student(take_layers=(1,)), mixing=Mixing(label_share=0.8))
    result = distill(
        [teacher],
        plan,
        output=tmp_path / "run",
        train_data=[news(range(16)), films(range(16))],
        eval_data=[news(range(16, 20)), films(range(16, 20))],
        device="cpu",
        dtype="fp32",
    )
    scorer = Scorer.from_pretrained(result.folder, device="cpu", dtype="fp32")
    scored = scorer.score(["shares rise 99", "a warm film 99", "a dull film 99"])
    assert scored["label"][0] == "positive"
    assert (scored["sentiment"][1] or 0) > (scored["sentiment"][2] or 0)
    assert '"num_hidden_layers": 1' in (result.folder / "config.json").read_text()


def test_a_distillation_is_taken_up_where_it_was_stopped(recipe: Recipe, teacher: Path, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(state: Progress) -> None:
        if state.step == 8 and state.metrics is None:
            raise StoppedError

    def run(name: str, resume: bool, on_progress: Callable[[Progress], None] | None = None) -> str:
        result = distill(
            [teacher, teacher],
            Distillation(recipe=recipe, student=Student(take_layers=(0,)), augmentation=Augmentation(spans=1)),
            output=tmp_path / name,
            train_data=[news(range(16))],
            eval_data=[news(range(16, 20))],
            resume=resume,
            device="cpu",
            on_progress=on_progress,
        )
        return result.manifest.files["model.safetensors"]

    whole = run("whole", False)
    with pytest.raises(StoppedError):
        run("run", False, stop)
    assert run("run", True) == whole


def test_teachers_and_sets_that_do_not_fit_are_a_clear_error(
    recipe: Recipe, teacher: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    rows = {"train_data": [news(range(8))], "eval_data": [news(range(8, 10))]}
    with pytest.raises(TrainingError, match="differ in their classes"):
        distill([teacher, tiny_checkpoint], Distillation(recipe=recipe), output=tmp_path / "a", **rows)  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match="neutral, which the teachers do not know"):
        distill([tiny_checkpoint], Distillation(recipe=recipe), output=tmp_path / "b", **rows)  # type: ignore[arg-type]
    plan = Distillation(recipe=recipe, student=Student(take_layers=(2,)))
    with pytest.raises(TrainingError, match="the layers 0 to 1"):
        distill([teacher], plan, output=tmp_path / "c", **rows)  # type: ignore[arg-type]
    fresh = Distillation(recipe=recipe.with_changes({"method": "head"}), student=Student(hidden_size=16))
    with pytest.raises(TrainingError, match="its head alone has nothing to read"):
        distill([teacher], fresh, output=tmp_path / "d", **rows)  # type: ignore[arg-type]
    kept = Distillation(recipe=recipe.with_changes({"method": "lora", "adapters": "keep"}), student=plan.student)
    with pytest.raises(TrainingError, match="cannot be kept apart"):
        distill([teacher], kept, output=tmp_path / "e", **rows)  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match="no teacher"):
        distill([], plan, output=tmp_path / "d", **rows)  # type: ignore[arg-type]


def test_a_distillation_is_not_taken_up_with_other_settings(recipe: Recipe, teacher: Path, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(state: Progress) -> None:
        if state.step == 8 and state.metrics is None:
            raise StoppedError

    def run(resume: bool, weight: float = 1.0, layer: int = 0, **mixing: float) -> None:
        distill(
            [teacher],
            Distillation(recipe=recipe, student=Student(take_layers=(layer,)), mixing=Mixing(**mixing)),
            output=tmp_path / "run",
            train_data=[replace(news(range(16)), weight=weight), films(range(4))],
            eval_data=[news(range(16, 20))],
            resume=resume,
            device="cpu",
            on_progress=stop,
        )

    with pytest.raises(StoppedError):
        run(False)
    with pytest.raises(TrainingError, match="other settings: targets of training rows"):
        run(True, weight=3.0)
    with pytest.raises(TrainingError, match=r"other settings: base, student"):
        run(True, layer=1)
    with pytest.raises(TrainingError, match=r"other settings: .*distill"):
        run(True, label_share=0.9)


def test_rows_that_are_never_neutral_teach_the_student_so(recipe: Recipe, teacher: Path) -> None:
    rows = replace(films(range(4)), never_neutral=True)
    answers = ask([Scorer.from_pretrained(teacher, device="cpu", dtype="fp32")], rows.inputs)
    soft = mixed(rows, answers, 0.5)
    assert soft.probs is not None
    assert (soft.probs[:, 1] == 0).all()
    assert (soft.probs[::2, 2] > 0.5).all()
    unknown = mixed(films(range(4)), answers, 0.5)
    assert unknown.probs is not None
    assert unknown.probs[:, 1] == pytest.approx(answers["p_neutral"].to_numpy(), abs=1e-6)


def test_a_student_learns_of_targets_from_labels_and_from_texts_without_one(tiny_base: Path, tmp_path: Path) -> None:
    about = {"shares": "positive", "board": "negative"}

    def rows(numbers: range) -> LabelledData:
        both = [(f"shares rise and the board meets {i}", who) for i in numbers for who in about]
        return LabelledData(
            "news", [text for text, _ in both], [about[who] for _, who in both], mentions=[w for _, w in both]
        )

    recipe = Recipe(base=str(tiny_base), epochs=4, evals_per_epoch=1, batch_size=8, learning_rate=3e-3, max_length=24)
    folder = tmp_path / "teacher"
    train(recipe, output=folder, train_data=[rows(range(20))], eval_data=[rows(range(20, 24))], device="cpu")
    pl.DataFrame({"text": ["board and shares again", "shares"], "who": ["board", None]}).write_csv(
        tmp_path / "more.csv"
    )
    pairs, _ = read_pairs(tmp_path / "more.csv", "text", "who")
    result = distill(
        [folder],
        Distillation(recipe=recipe, mixing=Mixing(label_share=0.5)),
        output=tmp_path / "student",
        train_data=[rows(range(20))],
        eval_data=[rows(range(20, 24))],
        texts=[*pairs, "the board meets"],
        device="cpu",
    )
    assert result.manifest.reads_targets
    assert [one.rows for one in result.manifest.training_data] == [40, 3]
    assert result.manifest.metrics["news"]["accuracy"] == 1.0


def test_broken_soft_labels_are_a_clear_error(recipe: Recipe, teacher: Path, tmp_path: Path) -> None:
    rows = {"train_data": [news(range(8))], "eval_data": [news(range(8, 10))]}
    plan = Distillation(recipe=recipe.with_changes({"max_steps": 1}))
    distill([teacher], plan, output=tmp_path / "a", **rows)  # type: ignore[arg-type]
    soft = tmp_path / "a.soft.parquet"
    soft.write_bytes(soft.read_bytes()[:8] + bytes(40) + soft.read_bytes()[48:])
    with pytest.raises(InputError, match="cannot be read"):
        distill([teacher], plan, output=tmp_path / "b", soft_labels=soft, **rows)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('[student]\ntake_layers = ["a"]', "list of int"),
        ("[student]\ntake_layers = [0, 0]", "taken once"),
        ('[student]\nmodel = "other"', "without take_layers"),
        ("[student]\nlayers = 2", "no new network that layers"),
        ("[student]\nhidden_size = 10", "shared by 4 heads"),
        ("[distill]\nlabel_share = 1.5", "more than all"),
        ("[augment]\nspan = 1", r"A \[augment\] table has no setting 'span'"),
        ("label_smoothing = 0.1", "changes nothing"),
        ("epochs = inf", "a finite number"),
        ("student = 3", "no table"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "s.toml").write_text(table)
    with pytest.raises(TrainingError, match=message):
        Distillation.read(tmp_path / "s.toml")


@pytest.mark.parametrize("option", ["--target-col", "--text-col"])
def test_columns_of_files_that_are_not_given_are_refused(files: Path, option: str) -> None:
    command = ["distill", "--student", str(files / "student.toml"), "-o", str(files / "out"), option, "text"]
    run = CliRunner().invoke(cli, command)
    assert run.exit_code == 2
    assert f"{option} names a column of the files of --texts: give --texts" in " ".join(run.output.split())


def test_options_that_sets_do_not_listen_to_are_refused(files: Path) -> None:
    recipe = files / "sets.toml"
    recipe.write_text((files / "student.toml").read_text().split("[student]")[0])
    for command in (["train", "--recipe"], ["evaluate", "default", "--sets"]):
        run = CliRunner().invoke(cli, [*command, str(recipe), "--text-col", "other"])
        assert run.exit_code == 2
        assert "--text-col is not for rows that [[sets]] name" in " ".join(run.output.split())
