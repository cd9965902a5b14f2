import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from sentiscore.checkpoint import load_checkpoint
from sentiscore.engine.classifier import Classifier
from sentiscore.engine.encoded import Encoded
from sentiscore.engine.huggingface import HuggingFaceEngine
from sentiscore.errors import CheckpointError
from tests.conftest import TEXTS
from tests.effort import combined
from tests.unit.engine.reference import (
    ANY_PADDING,
    assert_tells_rows_apart,
    in_batches,
    model_of,
    probabilities,
    rows_of,
)
from tests.unit.engine.reference import one_at_a_time as reference_one_at_a_time

CPU = torch.device("cpu")


def run(classifier: Classifier, texts: list[str]) -> np.ndarray:
    return classifier.run(classifier.encoder.encode(texts))


def classifier_of(folder: Path, dtype: torch.dtype = torch.float32) -> Classifier:
    return Classifier.load(load_checkpoint(folder), device=CPU, dtype=dtype)


def one_at_a_time(folder: Path, texts: list[str]) -> np.ndarray:
    """Logits from Hugging Face's own model and tokenizer, without padding."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        rows = [model(**tokenizer(text, return_tensors="pt")).logits[0].numpy() for text in texts]
    return np.stack(rows)


def test_a_decoder_in_padded_batches_equals_hugging_face_one_text_at_a_time(tiny_checkpoint: Path) -> None:
    texts = [*TEXTS, "a", " ".join(TEXTS[:2])]
    np.testing.assert_allclose(
        run(classifier_of(tiny_checkpoint), texts), one_at_a_time(tiny_checkpoint, texts), atol=1e-5
    )


def test_an_encoder_in_padded_batches_equals_hugging_face_one_text_at_a_time(tiny_bert: Callable[..., Path]) -> None:
    folder = tiny_bert(id2label={0: "negative", 1: "neutral", 2: "positive"})
    texts = [*TEXTS, "a", " ".join(TEXTS[:2])]
    np.testing.assert_allclose(run(classifier_of(folder), texts), one_at_a_time(folder, texts), atol=1e-5)


def test_a_decoder_without_a_padding_id_still_takes_batches(
    tiny_checkpoint: Path, tmp_path: Path, edit_json: Callable[..., None]
) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))
    (folder / "sentiscore.json").unlink()
    edit_json(folder / "config.json", pad_token_id=None)
    np.testing.assert_allclose(run(classifier_of(folder), TEXTS), run(classifier_of(tiny_checkpoint), TEXTS), atol=1e-5)


def test_a_text_without_tokens_has_no_logits_and_disturbs_no_other(tiny_checkpoint: Path) -> None:
    classifier = classifier_of(tiny_checkpoint)
    logits = run(classifier, ["", TEXTS[0], ""])
    assert np.isnan(logits[[0, 2]]).all()
    np.testing.assert_allclose(logits[1], run(classifier, [TEXTS[0]])[0], atol=1e-6)
    assert np.isnan(run(classifier, ["", ""])).all()
    assert run(classifier, []).shape == (0, 2)


def test_bf16_is_close_to_fp32(tiny_checkpoint: Path) -> None:
    exact = run(classifier_of(tiny_checkpoint), TEXTS)
    rounded = run(classifier_of(tiny_checkpoint, torch.bfloat16), TEXTS)
    np.testing.assert_allclose(rounded, exact, atol=0.1)
    assert not np.array_equal(rounded, exact)


def test_a_base_without_a_head_is_not_a_classifier(tiny_base: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(tiny_base, tmp_path / "copy"))
    weights = load_file(folder / "model.safetensors")
    save_file(
        {k: v for k, v in weights.items() if not k.startswith("score")}, folder / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(CheckpointError, match="is a base, not a classifier") as refused:
        HuggingFaceEngine.load(folder, n_labels=2, device=CPU, dtype=torch.float32)
    assert "sentiscore train --base" in refused.value.hint


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda _: b"", lambda _: b"\x80\x02junk"])
def test_broken_weights_are_a_clear_error(tiny_base: Path, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    folder = Path(shutil.copytree(tiny_base, tmp_path / "copy"))
    path = folder / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match="cannot be loaded as a classifier"):
        HuggingFaceEngine.load(folder, n_labels=2, device=CPU, dtype=torch.float32)


def test_a_network_that_is_far_larger_than_its_weights_is_not_made(
    tmp_path: Path, edit_json: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import PreTrainedModel

    model = model_of("Llama", pad_token_id=1)
    model.save_pretrained(tmp_path)
    HuggingFaceEngine.load(tmp_path, n_labels=3, device=CPU, dtype=torch.float32)
    edit_json(tmp_path / "config.json", num_hidden_layers=256, intermediate_size=20_000)
    monkeypatch.setattr(PreTrainedModel, "from_pretrained", lambda *_, **__: pytest.fail("it was made"))
    with pytest.raises(CheckpointError, match="its network would hold"):
        HuggingFaceEngine.load(tmp_path, n_labels=3, device=CPU, dtype=torch.float32)


def test_shapes_that_are_not_those_of_the_config_are_a_clear_error(
    tmp_path: Path, edit_json: Callable[..., None]
) -> None:
    model_of("Llama", pad_token_id=1).save_pretrained(tmp_path)
    edit_json(tmp_path / "config.json", intermediate_size=8)
    with pytest.raises(CheckpointError, match=r"its weights are not of the shapes that config\.json says"):
        HuggingFaceEngine.load(tmp_path, n_labels=3, device=CPU, dtype=torch.float32)


def test_loading_leaves_the_users_way_to_the_hub_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    model_of("Llama", pad_token_id=1).save_pretrained(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    HuggingFaceEngine.load(tmp_path, n_labels=3, device=CPU, dtype=torch.float32)
    assert constants.HF_HUB_OFFLINE is False


@pytest.mark.gpu
def test_a_gpu_agrees_with_the_cpu(tiny_checkpoint: Path) -> None:
    on_gpu = Classifier.load(load_checkpoint(tiny_checkpoint), device=torch.device("cuda"), dtype=torch.float32)
    np.testing.assert_allclose(run(on_gpu, TEXTS), run(classifier_of(tiny_checkpoint), TEXTS), atol=1e-3)


OTHERS: dict[str, dict[str, object]] = {
    "Llama": {"pad_token_id": 1},
    "Mistral": {"pad_token_id": 1, "num_key_value_heads": 2},
    "Qwen2": {"pad_token_id": 1, "num_key_value_heads": 2},
    "GPT2": {"pad_token_id": 1},
    "OPT": {"pad_token_id": 1, "word_embed_proj_dim": 32, "ffn_dim": 64},
    "Albert": {"embedding_size": 16},
    "Electra": {},
    "DebertaV2": {},
    "ModernBert": {"pad_token_id": 1, "global_attn_every_n_layers": 2},
}


@pytest.mark.parametrize(("padding", "family"), combined([0, ANY_PADDING], list(OTHERS)))
def test_other_families_in_padded_batches_equal_hugging_face_one_text_at_a_time(family: str, padding: int) -> None:
    model = model_of(family, spread=0.1, **OTHERS[family])
    rows = rows_of([1, 2, 3, 7, 7, 40, 128, 200])
    expected = reference_one_at_a_time(model, rows)
    assert_tells_rows_apart(expected)
    np.testing.assert_allclose(in_batches(HuggingFaceEngine(model, CPU), rows, padding=padding), expected, atol=1e-5)


@pytest.mark.parametrize(("pad", "family"), combined([None, -1, 10**6], ["Llama", "GPT2"]))
def test_a_decoder_without_a_padding_id_pools_at_the_last_token_whatever_it_is(family: str, pad: int | None) -> None:
    model = model_of(family, spread=0.1, **(OTHERS[family] | {"pad_token_id": 1, "eos_token_id": 2}))
    rows = [np.append(row, end).astype(np.int32) for row in rows_of([1, 7, 7, 40]) for end in (2, 0, 5)]
    model.config.pad_token_id = None
    expected = reference_one_at_a_time(model, rows)
    model.config.pad_token_id = pad
    found = in_batches(HuggingFaceEngine(model, CPU), rows, padding=ANY_PADDING)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_classifier_pads_nothing_where_there_is_no_padding_id() -> None:
    model = model_of("Llama", spread=0.1, pad_token_id=None)
    engine = HuggingFaceEngine(model, CPU)
    classifier = Classifier(None, engine, n_labels=3, device=CPU, dtype=torch.float32)  # type: ignore[arg-type]
    rows = rows_of([3, 4, 5, 5, 9])
    lengths = np.array([row.size for row in rows])
    found = classifier.run(Encoded(np.concatenate(rows), lengths, np.zeros(len(rows), dtype=np.bool_)))
    np.testing.assert_allclose(probabilities(torch.from_numpy(found)), reference_one_at_a_time(model, rows), atol=1e-5)
