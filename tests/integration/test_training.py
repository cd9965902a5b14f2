"""Training, start to finish, on a tiny base."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

from sentiscore import CheckpointError, OutputError, Recipe, Scorer, TrainingError, evaluate, read_labelled, train
from sentiscore.checkpoint import Manifest, load_checkpoint
from sentiscore.errors import SentiscoreWarning
from sentiscore.scoring.probabilities import probabilities
from sentiscore.tables.labelled import LabelledData, read_soft_labelled
from sentiscore.training.adapters import choose_weights
from sentiscore.training.run import Progress
from tests.disk_calls import Call, lasts, recorded, synced

GOOD = ["profit rises", "strong demand", "warm and funny", "a record high", "a fine film"]
BAD = ["profit falls", "weak results", "dull and lifeless", "a record low", "a poor film"]
ABOUT = {"profit": "positive", "demand": "negative"}


def rows(path: Path, numbers: range) -> LabelledData:
    texts = [f"{text} {i}" for i in numbers for pair in zip(GOOD, BAD, strict=True) for text in pair]
    pl.DataFrame({"sentence": texts, "label": [1, 0] * (len(texts) // 2)}).write_csv(path, separator="\t")
    return read_labelled(path)


@pytest.fixture
def data(tmp_path: Path) -> tuple[LabelledData, LabelledData]:
    return rows(tmp_path / "train.tsv", range(8)), rows(tmp_path / "eval.tsv", range(8, 10))


@pytest.fixture
def recipe(tiny_base: Path) -> Recipe:
    return Recipe(
        base=str(tiny_base),
        epochs=2.0,
        evals_per_epoch=1,
        batch_size=8,
        learning_rate=3e-3,
        max_length=24,
        precision="fp32",
    )


def test_training_learns_calibrates_and_says_how(
    recipe: Recipe, data: tuple[LabelledData, LabelledData], tmp_path: Path
) -> None:
    seen: list[Progress] = []
    recipe = recipe.with_changes({"epochs": 5})
    result = train(
        recipe,
        output=tmp_path / "run",
        train_data=[data[0]],
        eval_data=[data[1]],
        device="cpu",
        on_progress=seen.append,
    )
    assert (result.manifest.metrics["eval.tsv"]["accuracy"] or 0) > 0.9
    assert seen[0].settings == {"warmup": 0.1}
    assert [state.step for state in seen[1:] if state.metrics is None] == list(range(1, 51))
    assert [state.epoch for state in seen if state.metrics] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert not (tmp_path / "run" / "training").exists()
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [10, 20, 30, 40, 50]
    least = min(line["calibrated_log_loss"] for line in log)
    assert result.manifest.metrics["eval.tsv"]["log_loss"] == pytest.approx(least, abs=1e-4)
    assert result.peak_memory_mb > 0

    manifest = Manifest.read(tmp_path / "run")
    assert manifest == result.manifest
    assert manifest is not None
    assert manifest.base == "tiny"
    assert [one.rows for one in manifest.training_data] == [80]
    assert manifest.recipe["learning_rate"] == 3e-3
    assert manifest.temperature is not None
    assert not manifest.reads_targets

    scorer = Scorer.from_pretrained(tmp_path / "run", device="cpu", dtype="fp32")
    assert scorer.score(["profit rises 1", "profit falls 1"])["label"].to_list() == ["positive", "negative"]
    report = evaluate(data[1], model=scorer, resamples=10)
    assert report.selected_on_these_rows
    assert not report.trained_on_these_rows
    assert report.figures[0].values["log_loss"] == pytest.approx(manifest.metrics["eval.tsv"]["log_loss"], abs=1e-6)


def test_the_state_of_a_run_goes_once_the_model_is_on_the_disk(
    recipe: Recipe, data: tuple[LabelledData, LabelledData], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "runs" / "one"
    calls = recorded(monkeypatch)
    train(recipe, output=output, train_data=[data[0]], eval_data=[data[1]], device="cpu")
    before = calls[: calls.index(Call("remove", output / "training"))]
    assert lasts(before, output / "sentiscore.json")
    assert [
        path.name for path in (*output.iterdir(), output, output.parent, tmp_path) if synced(path) not in before
    ] == []
    assert Call("rename", output / "training" / "run.json") in before, "the note of the run is whole or not there"


def test_the_same_recipe_gives_the_same_weights(
    recipe: Recipe, data: tuple[LabelledData, LabelledData], tmp_path: Path
) -> None:
    first, second = (
        train(recipe, output=tmp_path / name, train_data=[data[0]], eval_data=[data[1]], device="cpu").manifest
        for name in "ab"
    )
    assert first.files["model.safetensors"] == second.files["model.safetensors"]
    assert first.temperature == second.temperature


class StoppedError(Exception):
    pass


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(
    recipe: Recipe, data: tuple[LabelledData, LabelledData], tmp_path: Path
) -> None:
    recipe = recipe.with_changes({"evals_per_epoch": 2})
    whole = train(recipe, output=tmp_path / "whole", train_data=[data[0]], eval_data=[data[1]], device="cpu")

    def stop(state: Progress) -> None:
        if state.step == 13 and state.metrics is None:
            raise StoppedError

    settings = {"output": tmp_path / "run", "train_data": [data[0]], "eval_data": [data[1]], "device": "cpu"}
    with pytest.raises(StoppedError):
        train(recipe, on_progress=stop, **settings)  # type: ignore[arg-type]
    with pytest.raises(OutputError, match="--resume"):
        train(recipe, **settings)  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match="other settings: learning_rate"):
        train(recipe.with_changes({"learning_rate": 1e-3}), resume=True, **settings)  # type: ignore[arg-type]
    resumed = train(recipe, resume=True, **settings)  # type: ignore[arg-type]
    assert resumed.resumed_from == 10
    assert resumed.manifest.files["model.safetensors"] == whole.manifest.files["model.safetensors"]
    with pytest.raises(OutputError, match="already holds a trained model"):
        train(recipe, resume=True, **settings)  # type: ignore[arg-type]


def test_a_run_that_was_stopped_before_its_first_state_begins_anew(
    recipe: Recipe, data: tuple[LabelledData, LabelledData], tmp_path: Path
) -> None:
    def stop(state: Progress) -> None:
        raise StoppedError

    settings = {"output": tmp_path / "run", "train_data": [data[0]], "eval_data": [data[1]], "device": "cpu"}
    with pytest.raises(StoppedError):
        train(recipe, on_progress=stop, **settings)  # type: ignore[arg-type]
    assert train(recipe, resume=True, **settings).resumed_from == 0  # type: ignore[arg-type]


def test_a_state_that_a_stop_cut_short_is_passed_over(
    recipe: Recipe, data: tuple[LabelledData, LabelledData], tmp_path: Path
) -> None:
    whole = train(recipe, output=tmp_path / "whole", train_data=[data[0]], eval_data=[data[1]], device="cpu")

    def stop(state: Progress) -> None:
        if state.step == 13:
            raise StoppedError

    settings = {"output": tmp_path / "run", "train_data": [data[0]], "eval_data": [data[1]], "device": "cpu"}
    with pytest.raises(StoppedError):
        train(recipe, on_progress=stop, **settings)  # type: ignore[arg-type]
    partial = tmp_path / "run" / "training" / "checkpoint-13"
    shutil.copytree(partial.with_name("checkpoint-10"), partial)
    (partial / "trainer_state.json").write_text('{"epoch": ')
    resumed = train(recipe, resume=True, **settings)  # type: ignore[arg-type]
    assert resumed.resumed_from == 10
    assert resumed.manifest.files["model.safetensors"] == whole.manifest.files["model.safetensors"]


@pytest.mark.filterwarnings("ignore:The fitted temperature")
def test_validation_rows_are_not_training_rows(
    recipe: Recipe, data: tuple[LabelledData, LabelledData], tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="hold the same rows"):
        train(recipe, output=tmp_path / "a", train_data=[data[0]], eval_data=[data[0]])
    mixed = LabelledData("mixed", [*data[1].texts, data[0].texts[0]], [*data[1].label_names, data[0].label_names[0]])
    with pytest.warns(SentiscoreWarning, match="1 of the 21 validation texts"):
        train(recipe.with_changes({"max_steps": 1}), output=tmp_path / "b", train_data=[data[0]], eval_data=[mixed])


def test_three_labels_make_a_three_class_model(recipe: Recipe, tmp_path: Path) -> None:
    texts = ["profit rises", "profit falls", "board meets"] * 8
    pl.DataFrame({"t": texts, "l": ["Positive", "negative", "NEUTRAL"] * 8}).write_parquet(tmp_path / "d.parquet")
    data = read_labelled(tmp_path / "d.parquet", text_col="t", label_col="l")
    held_out = LabelledData("held out", ["a profit", "a loss", "a meeting"], ["positive", "negative", "neutral"])
    result = train(recipe, output=tmp_path / "run", train_data=[data], eval_data=[held_out], device="cpu")
    assert result.manifest.labels == ("negative", "neutral", "positive")
    assert "p_neutral" in Scorer.from_pretrained(tmp_path / "run").columns


@pytest.mark.filterwarnings("ignore:The fitted temperature")
def test_a_bert_base_trains_and_half_precision_weights_load(
    tiny_bert: object, data: tuple[LabelledData, LabelledData], tmp_path: Path
) -> None:
    base = tiny_bert(id2label={0: "joy", 1: "anger", 2: "fear"})  # type: ignore[operator]
    recipe = Recipe(base=str(base), epochs=1, max_length=24, save_dtype="float16", label_smoothing=0.1)
    result = train(recipe, output=tmp_path / "run", train_data=[data[0]], eval_data=[data[1]], device="cpu")
    checkpoint = load_checkpoint(result.folder)
    assert checkpoint.labels == ("negative", "positive")
    assert Scorer.from_pretrained(result.folder).score(["profit rises"])["status"][0] == "ok"


@pytest.mark.filterwarnings("ignore:The fitted temperature")
def test_the_head_alone_is_trained_and_another_run_goes_on_from_it(
    tiny_bert: object, data: tuple[LabelledData, LabelledData], tmp_path: Path
) -> None:
    base = tiny_bert(id2label={0: "joy", 1: "anger", 2: "fear"})  # type: ignore[operator]
    recipe = Recipe(base=str(base), method="head", batch_size=8, learning_rate=3e-2, max_length=24, precision="fp32")
    train(recipe, output=tmp_path / "head", train_data=[data[0]], eval_data=[data[1]], device="cpu")
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "head" / "model.safetensors")
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed == {
        f"{layer}.{part}" for layer in ("bert.pooler.dense", "classifier") for part in ("weight", "bias")
    }

    recipe = recipe.with_changes({"base": str(tmp_path / "head"), "method": "full", "learning_rate": 1e-9})
    train(recipe, output=tmp_path / "run", train_data=[data[0]], eval_data=[data[1]], device="cpu")
    for name, weight in load_file(tmp_path / "run" / "model.safetensors").items():
        torch.testing.assert_close(weight, after[name], atol=1e-6, rtol=0)


def test_a_head_needs_all_that_is_below_it(
    tiny_bert: object, recipe: Recipe, data: tuple[LabelledData, LabelledData], tmp_path: Path
) -> None:
    base = tiny_bert()  # type: ignore[operator]
    weights = load_file(base / "model.safetensors")
    del weights["bert.embeddings.word_embeddings.weight"]
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    recipe = recipe.with_changes({"base": str(base), "method": "head"})
    with pytest.raises(CheckpointError, match=r"its weights lack 1 tensor, such as bert\.embeddings\.word_embeddings"):
        train(recipe, output=tmp_path / "run", train_data=[data[0]], eval_data=[data[1]], device="cpu")


def test_what_lies_below_the_layers_is_no_head() -> None:
    from transformers import AlbertConfig, AlbertForSequenceClassification

    shape = AlbertConfig(
        vocab_size=9, embedding_size=4, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    model = AlbertForSequenceClassification(shape)
    loaded = {"missing_keys": ["classifier.weight", "classifier.bias"], "mismatched_keys": []}
    choose_weights(model, Recipe(base="albert", method="head"), loaded)
    free = {name.rpartition(".")[0] for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert free == {"albert.pooler", "classifier"}


def test_what_cannot_be_trained_is_a_clear_error(
    recipe: Recipe, data: tuple[LabelledData, LabelledData], tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="reads at most 64 tokens"):
        train(recipe.with_changes({"max_length": 65}), output=tmp_path / "a", train_data=[data[0]], eval_data=[data[1]])
    with pytest.raises(CheckpointError, match="not a model folder"):
        train(
            recipe.with_changes({"base": "./nowhere"}), output=tmp_path / "b", train_data=[data[0]], eval_data=[data[1]]
        )
    with pytest.raises(TrainingError, match="go together"):
        train(recipe, output=tmp_path / "c", train_data=[data[0]])
    with pytest.raises(TrainingError, match="no run to take up"):
        train(recipe, output=tmp_path / "d", train_data=[data[0]], eval_data=[data[1]], resume=True)
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "mine.txt").touch()
    with pytest.raises(OutputError, match="not empty"):
        train(recipe, output=tmp_path / "e", train_data=[data[0]], eval_data=[data[1]])


def test_classes_that_cannot_be_learnt_are_a_clear_error(recipe: Recipe, tmp_path: Path) -> None:
    def labelled(*names: str) -> LabelledData:
        return LabelledData("rows", [f"a text {names} {i}" for i in range(len(names))], list(names))

    with pytest.raises(TrainingError, match="All rows of rows are positive"):
        train(
            recipe,
            output=tmp_path / "a",
            train_data=[labelled("positive", "positive")],
            eval_data=[labelled("positive")],
        )
    with pytest.raises(TrainingError, match="rows that are neutral"):
        train(
            recipe,
            output=tmp_path / "b",
            train_data=[labelled("positive", "negative")],
            eval_data=[labelled("neutral")],
        )
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_diverges_says_so(recipe: Recipe, data: tuple[LabelledData, LabelledData], tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="lower --learning-rate"):
        train(
            recipe.with_changes({"learning_rate": 1e30}),
            output=tmp_path / "run",
            train_data=[data[0]],
            eval_data=[data[1]],
            device="cpu",
        )


def test_several_sets_train_one_model_with_three_classes(recipe: Recipe, tmp_path: Path) -> None:
    reviews = rows(tmp_path / "reviews.tsv", range(8))
    held_out = rows(tmp_path / "more.tsv", range(8, 10))
    texts = ["shares rise", "shares drop", "board meets"]
    names = ["positive", "negative", "neutral"]
    news = LabelledData("news", [f"{text} {i}" for i in range(16) for text in texts], names * 16, weight=2.0)
    later = LabelledData("later", [f"{text} {i}" for i in range(16, 20) for text in texts], names * 4)
    seen: list[Progress] = []
    result = train(
        recipe.with_changes({"epochs": 8}),
        output=tmp_path / "run",
        train_data=[reviews, news],
        eval_data=[held_out, later],
        device="cpu",
        on_progress=seen.append,
    )
    manifest = result.manifest
    assert manifest.labels == ("negative", "neutral", "positive")
    assert [one.name for one in manifest.training_data] == ["reviews.tsv", "news"]
    assert set(manifest.metrics) == {"more.tsv", "later"}
    assert (manifest.metrics["more.tsv"]["accuracy"] or 0) > 0.9
    assert (manifest.metrics["later"]["accuracy"] or 0) > 0.9
    last = next(state.metrics for state in reversed(seen) if state.metrics)
    assert last["log_loss"] == pytest.approx((last["more.tsv.log_loss"] + last["later.log_loss"]) / 2)
    with pytest.raises(TrainingError, match="one name"):
        train(recipe, output=tmp_path / "b", train_data=[news], eval_data=[later, later])


def test_soft_labels_teach_their_probabilities(recipe: Recipe, tmp_path: Path) -> None:
    table = pl.DataFrame({"text": [f"{t} {i}" for i in range(20) for t in ("up", "down")]}).with_columns(
        p_negative=pl.Series([0.2, 0.7] * 20), p_positive=pl.Series([0.8, 0.3] * 20)
    )
    table.write_parquet(tmp_path / "soft.parquet")
    soft = read_soft_labelled(tmp_path / "soft.parquet", text_col="text")
    held_out = LabelledData("held out", ["up 90", "down 90"] * 5, ["positive", "negative"] * 5)
    result = train(
        recipe.with_changes({"epochs": 20}),
        output=tmp_path / "run",
        train_data=[soft],
        eval_data=[held_out],
        device="cpu",
    )
    scorer = Scorer.from_pretrained(result.folder, device="cpu", dtype="fp32")
    probs = probabilities(scorer.logits(["up 3", "down 3"]))[:, 1]
    assert probs == pytest.approx([0.8, 0.3], abs=0.12)


def about(path: Path, numbers: range) -> LabelledData:
    """Texts that are good for one and bad for another."""
    both = [(f"profit rises and demand falls {i}", who, how) for i in numbers for who, how in ABOUT.items()]
    pl.DataFrame(both, ["sentence", "who", "label"], orient="row").write_csv(path)
    return read_labelled(path, target_col="who")


def test_a_model_that_learns_from_mentions_reads_targets(recipe: Recipe, tmp_path: Path) -> None:
    train_data, eval_data = about(tmp_path / "train.csv", range(30)), about(tmp_path / "eval.csv", range(30, 35))
    output = tmp_path / "run"
    result = train(recipe, output=output, train_data=[train_data], eval_data=[eval_data], device="cpu")
    assert result.manifest.reads_targets
    assert result.manifest.metrics["eval.csv"]["accuracy"] == 1.0


@pytest.mark.filterwarnings("ignore:The fitted temperature")
def test_an_encoder_learns_mentions_with_token_types_and_says_so_to_transformers(
    recipe: Recipe, tiny_bert: Callable[..., Path], tmp_path: Path
) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    recipe = recipe.with_changes({"base": str(tiny_bert()), "epochs": 1.0})
    rows = about(tmp_path / "train.csv", range(20))
    held_out = about(tmp_path / "eval.csv", range(20, 22))
    output = tmp_path / "run"
    manifest = train(recipe, output=output, train_data=[rows], eval_data=[held_out], device="cpu").manifest
    model = AutoModelForSequenceClassification.from_pretrained(output).eval()
    inputs = AutoTokenizer.from_pretrained(output)(held_out.texts, held_out.mentions, padding=True, return_tensors="pt")
    assert int(inputs["token_type_ids"].max()) == 1
    with torch.inference_mode():
        probs = probabilities(model(**inputs).logits.numpy(), manifest.temperature or 1.0)
    loss = -np.log(probs[np.arange(4), held_out.ids(manifest.labels)]).mean()
    assert manifest.metrics["eval.csv"]["log_loss"] == pytest.approx(loss, abs=1e-5)
