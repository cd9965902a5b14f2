"""LoRA and QLoRA, start to finish, on tiny bases."""

import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from sentiscore import CheckpointError, MissingExtraError, Recipe, Scorer, TrainingError, train
from sentiscore.checkpoint import Manifest, load_checkpoint
from sentiscore.checkpoint.weights_header import ADAPTERS as WEIGHTS
from sentiscore.cli.main import cli
from sentiscore.cli.train import WEAK
from sentiscore.engine.adapters import block_linears, import_bitsandbytes, other_linears, round_to_4_bits
from sentiscore.engine.networks import load_engine
from sentiscore.tables.labelled import LabelledData
from sentiscore.training import adapters
from sentiscore.training.run import Progress
from tests.benches.merging import look
from tests.effort import combined, spread
from tests.integration.test_training import StoppedError, rows

pytestmark = pytest.mark.filterwarnings("ignore:The fitted temperature")

Data = tuple[LabelledData, LabelledData]


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return rows(tmp_path / "train.tsv", range(8)), rows(tmp_path / "eval.tsv", range(8, 10))


@pytest.fixture
def recipe(tiny_base: Path) -> Recipe:
    return Recipe(
        base=str(tiny_base),
        method="qlora",
        epochs=1.0,
        evals_per_epoch=1,
        batch_size=8,
        learning_rate=3e-3,
        warmup=0.06,
        lora_dropout=0.0,
        max_length=24,
        precision="fp32",
    )


@pytest.fixture(scope="module")
def kept(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Adapters that were trained in 4 bits, and kept apart from a base in the same folder."""
    folder = tmp_path_factory.mktemp("kept")
    shutil.copytree(tiny_base, folder / "base")
    recipe = Recipe(base=str(folder / "base"), method="qlora", adapters="keep", max_steps=1, max_length=24)
    train(
        recipe,
        output=folder / "adapters",
        train_data=[rows(folder / "train.tsv", range(2))],
        eval_data=[rows(folder / "eval.tsv", range(2, 4))],
        device="cpu",
    )
    return folder


@pytest.mark.parametrize(("method", "apart"), combined(["lora", "qlora"], ["merge", "keep"]))
def test_adapters_learn_and_the_saved_model_scores_as_the_trained_one(
    recipe: Recipe, data: Data, tmp_path: Path, method: str, apart: str
) -> None:
    recipe = recipe.with_changes({"method": method, "adapters": apart, "epochs": 10})
    looked = look(recipe, *data, tmp_path / "run")
    assert looked.losses[1] < looked.losses[0] / 2
    assert np.ptp(looked.before) > 0.1
    np.testing.assert_allclose(looked.before, looked.after, atol=1e-4)

    weights = {path.name for path in (tmp_path / "run").glob("*.safetensors")}
    assert weights == {WEIGHTS if apart == "keep" else "model.safetensors"}
    manifest = Manifest.read(tmp_path / "run")
    assert manifest is not None
    assert ("bitsandbytes" in manifest.versions, "peft" in manifest.versions) == (method == "qlora", True)
    assert weights <= manifest.files.keys()
    assert {path.name for path in (tmp_path / "run").iterdir()} <= {*manifest.files, "log.jsonl", "sentiscore.json"}


@pytest.mark.gpu
@pytest.mark.parametrize("apart", ["merge", "keep"])
@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_on_a_gpu_too(recipe: Recipe, data: Data, tmp_path: Path, method: str, apart: str) -> None:
    recipe = recipe.with_changes({"method": method, "adapters": apart, "epochs": 10})
    looked = look(recipe, *data, tmp_path / "run", device="cuda")
    assert looked.losses[1] < looked.losses[0] / 2
    np.testing.assert_allclose(looked.before, looked.after, atol=1e-4)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_blocks_are_in_4_bits_and_stay_as_they_are(
    recipe: Recipe, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    from transformers import AutoModelForSequenceClassification

    models: list[Any] = []
    export = adapters.export

    def keep(model: Any, *rest: Any) -> Any:
        models.append(model)
        return export(model, *rest)

    monkeypatch.setattr(adapters, "export", keep)
    train(
        recipe.with_changes({"precision": precision}),
        output=tmp_path / "run",
        train_data=[data[0]],
        eval_data=[data[1]],
        device="cpu",
    )
    trained = {name.removeprefix("base_model.model."): module for name, module in models[0].named_modules()}
    base = AutoModelForSequenceClassification.from_pretrained(recipe.base)
    round_to_4_bits(base)
    assert len(block_linears(base)) == 8
    for name in block_linears(base):
        module: Any = trained[f"{name}.base_layer"]
        assert type(module).__name__ == "Linear4bit"
        assert module.compute_dtype == {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
        state = module.weight.quant_state
        assert (module.weight.dtype, state.quant_type, state.nested) == (torch.uint8, "nf4", True)
        assert torch.equal(
            import_bitsandbytes().functional.dequantize_4bit(module.weight, state), base.get_submodule(name).weight
        )
    moving = {name for name, p in models[0].named_parameters() if p.requires_grad}
    assert {name for name in moving if "lora_" not in name} == {
        f"base_model.model.{name}.modules_to_save.default.weight" for name in other_linears(base)
    }


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(recipe: Recipe, data: Data, tmp_path: Path) -> None:
    recipe = recipe.with_changes({"epochs": 2, "lora_dropout": 0.1})
    settings: dict[str, Any] = {"train_data": [data[0]], "eval_data": [data[1]], "device": "cpu"}
    whole = train(recipe, output=tmp_path / "whole", **settings)

    def stop(state: Progress) -> None:
        if state.step == 13:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(recipe, output=tmp_path / "run", on_progress=stop, **settings)
    resumed = train(recipe, output=tmp_path / "run", resume=True, **settings)
    assert resumed.resumed_from == 10
    assert resumed.manifest.files["model.safetensors"] == whole.manifest.files["model.safetensors"]


@pytest.mark.parametrize(
    ("family", "method"), spread([("bert", "qlora"), ("llama", "qlora"), ("gpt2", "qlora"), ("gpt2", "lora")], 2)
)
def test_other_families_score_the_same_too(
    tiny_base: Path,
    tiny_bert: Callable[..., Path],
    recipe: Recipe,
    data: Data,
    tmp_path: Path,
    family: str,
    method: str,
) -> None:
    base = tiny_bert() if family == "bert" else make_decoder(tmp_path / "base", tiny_base, family)
    changes = {"base": str(base), "method": method, "adapters": "keep"}
    looked = look(recipe.with_changes(changes), *data, tmp_path / "run")
    np.testing.assert_allclose(looked.before, looked.after, atol=1e-4)


def make_decoder(folder: Path, tiny_base: Path, family: str, layers: int = 2) -> Path:
    """A headless decoder that reads with the tokenizer of the tiny base."""
    from transformers import AutoModel, AutoTokenizer, GPT2Config, GPTNeoXConfig, LlamaConfig

    torch.manual_seed(0)
    common = {"vocab_size": 320, "bos_token_id": 0, "eos_token_id": 0}
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": layers, "num_attention_heads": 2}
    config = {
        "llama": lambda: LlamaConfig(**common, **shape, num_key_value_heads=1),
        "gpt_neox": lambda: GPTNeoXConfig(**common, **shape),
        "gpt2": lambda: GPT2Config(**common, n_embd=16, n_layer=layers, n_head=2, n_positions=64),
    }[family]()
    AutoModel.from_config(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_base).save_pretrained(folder)
    return folder


def test_kept_adapters_find_their_base_where_it_was_or_beside_them(kept: Path, tmp_path: Path) -> None:
    text = ["profit rises"]
    expected = Scorer.from_pretrained(kept / "adapters", device="cpu", dtype="fp32").score(text)
    shutil.copytree(kept, tmp_path / "there")
    with hidden(kept / "base"):
        moved = Scorer.from_pretrained(tmp_path / "there" / "adapters", device="cpu", dtype="fp32")
        with pytest.raises(CheckpointError, match=r"base base, which is not at .*\nPut the base, or a link"):
            load_checkpoint(kept / "adapters")
    assert moved.score(text).equals(expected)


class hidden:  # noqa: N801 - used as a context manager function
    def __init__(self, folder: Path) -> None:
        self.folder, self.elsewhere = folder, folder.with_name("hidden")

    def __enter__(self) -> None:
        self.folder.rename(self.elsewhere)

    def __exit__(self, *error: Any) -> None:
        self.elsewhere.rename(self.folder)


def test_another_base_or_a_changed_adapter_is_refused(kept: Path, tmp_path: Path) -> None:
    shutil.copytree(kept, tmp_path / "there")
    folder = tmp_path / "there" / "adapters"
    with hidden(kept / "base"):
        config = tmp_path / "there" / "base" / "config.json"
        config.write_text(config.read_text() + "\n")
        with pytest.raises(CheckpointError, match="is not the base that the adapters"):
            load_checkpoint(folder)
    with (folder / WEIGHTS).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    with pytest.raises(CheckpointError, match="not the file that was saved"):
        load_checkpoint(folder)


def test_adapters_alone_are_neither_a_model_nor_a_base(kept: Path, recipe: Recipe, data: Data, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds adapters, not a whole model"):
        train(
            recipe.with_changes({"base": str(kept / "adapters")}),
            output=tmp_path / "run",
            train_data=[data[0]],
            eval_data=[data[1]],
        )
    shutil.copytree(kept / "adapters", tmp_path / "bare")
    (tmp_path / "bare" / "sentiscore.json").unlink()
    with pytest.raises(CheckpointError, match="holds adapters, not a whole model"):
        load_checkpoint(tmp_path / "bare")


def test_adapters_that_do_not_fit_are_a_clear_error(kept: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    checkpoint = load_checkpoint(kept / "adapters")
    shutil.copytree(kept / "adapters", tmp_path / "a")
    weights = load_file(tmp_path / "a" / WEIGHTS)
    for broken in (
        {name: x for name, x in weights.items() if "score" not in name},
        {name: x for name, x in weights.items() if "layers.1" not in name},
        {name: x[:1].clone() if "lora_A" in name else x for name, x in weights.items()},
    ):
        save_file(broken, tmp_path / "a" / WEIGHTS)
        with pytest.raises(CheckpointError, match="cannot be put on"):
            load_engine(
                dataclasses.replace(checkpoint, folder=tmp_path / "a", files={}), torch.device("cpu"), torch.float32
            )


@pytest.mark.parametrize(
    ("missing", "method"), [("peft", "lora"), ("peft", "qlora"), ("bitsandbytes", "qlora")], ids=str
)
def test_without_the_extra_there_is_a_clear_error(
    kept: Path,
    recipe: Recipe,
    data: Data,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
    method: str,
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=rf"needs {missing}, .*\n.*sentiscore\[lora\]"):
        train(
            recipe.with_changes({"method": method}), output=tmp_path / "run", train_data=[data[0]], eval_data=[data[1]]
        )
    assert not (tmp_path / "run").exists()
    with pytest.raises(MissingExtraError, match=rf"needs {missing}, .*\n.*sentiscore\[lora\]"):
        Scorer.from_pretrained(kept / "adapters")


def test_what_cannot_be_adapted_is_a_clear_error(tiny_base: Path, recipe: Recipe, data: Data, tmp_path: Path) -> None:
    def run(**changes: Any) -> None:
        train(
            recipe.with_changes(changes),
            output=tmp_path / "run",
            train_data=[data[0]],
            eval_data=[data[1]],
            device="cpu",
        )

    for method in ("full", "head"):
        with pytest.raises(TrainingError, match="none to keep"):
            run(method=method, adapters="keep")
    with pytest.raises(TrainingError, match="lora_rank is 0"):
        run(lora_rank=0)
    flat = make_decoder(tmp_path / "flat", tiny_base, "gpt_neox", layers=0)
    with pytest.raises(TrainingError, match="no linear layers in its blocks"):
        run(base=str(flat))
    assert not (tmp_path / "run").exists()


def test_the_command_line_trains_and_scores_kept_adapters(
    tiny_base: Path, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [
        "train", "--base", tiny_base, "--train-file", "train.tsv", "--eval-file", "eval.tsv", "--method", "qlora",
        "--adapters", "keep", "--lora-rank", "4", "--max-steps", "4", "--max-length", "24", "-o", "run",
    ]  # fmt: skip
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    assert result.exit_code in (0, WEAK), result.output
    result = CliRunner().invoke(cli, ["score", "eval.tsv", "--text-col", "sentence", "--prefix", "s_", "-m", "run"])
    assert result.exit_code == 0, result.output
    manifest = Manifest.read(tmp_path / "run")
    assert manifest is not None
    assert (manifest.recipe["method"], manifest.recipe["lora_rank"]) == ("qlora", 4)


@pytest.mark.thorough
def test_nothing_is_fetched_when_the_libraries_are_imported(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text("def get_kernel(*_, **__):\n    print('fetched')\n")
    code = "from sentiscore.engine.adapters import *; import_bitsandbytes(); import_peft(); import kernels"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
