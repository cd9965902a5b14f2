"""Tokenizers that transformers makes: of older files, and of settings that contradict `tokenizer.json`."""

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from sentiscore import Scorer
from sentiscore.checkpoint import load_checkpoint
from sentiscore.checkpoint.tokenizer_files import VOCABULARIES
from sentiscore.engine.verification import verify
from sentiscore.errors import CheckpointError, MissingExtraError, SentiscoreWarning
from tests.conftest import TEXTS
from tests.unit.engine.kinds import every_kind, network_of

LABELS = {0: "negative", 1: "positive"}
WRITTEN = ["Profit RISES on strong demand", "Crème brûlée falls", "weak results , a dull mess", "株価 rises"]


def score(folder: Path, texts: list[str] = WRITTEN) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SentiscoreWarning)
        scorer = Scorer.from_pretrained(folder, device="cpu", dtype="fp32")
    probs: np.ndarray = scorer.score(texts).select("p_negative", "p_positive").to_numpy()
    return probs


def pipeline(folder: Path, texts: list[str] = WRITTEN) -> np.ndarray:
    """What transformers says of each text by itself."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = [model(**tokenizer(text, return_tensors="pt")).logits[0].double().numpy() for text in texts]
    probs: np.ndarray = softmax(np.stack(logits), axis=1)
    return probs


@pytest.fixture
def bert(tiny_bert: Callable[..., Path]) -> Path:
    """A classifier whose every weight matters, so that other tokens are other answers."""
    import torch
    from safetensors.torch import load_file, save_file

    folder = tiny_bert(id2label=LABELS)
    weights = load_file(folder / "model.safetensors")
    torch.manual_seed(0)
    save_file(
        {n: w + 0.3 * torch.randn_like(w) for n, w in weights.items()}, folder / "model.safetensors", {"format": "pt"}
    )
    return folder


def vocabulary_of(folder: Path) -> dict[str, int]:
    vocabulary: dict[str, int] = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    return vocabulary


def with_vocabulary_alone(folder: Path, copy: Path, **settings: Any) -> Path:
    """The folder as the first BERTs were published: a list of words, and hardly a setting."""
    shutil.copytree(folder, copy)
    words = sorted(vocabulary_of(folder), key=vocabulary_of(folder).__getitem__)
    (copy / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    (copy / "tokenizer.json").unlink()
    (copy / "tokenizer_config.json").unlink()
    if settings:
        (copy / "tokenizer_config.json").write_text(json.dumps(settings))
    return copy


def test_a_folder_with_a_list_of_words_is_scored_as_transformers_scores_it(bert: Path, tmp_path: Path) -> None:
    folder = with_vocabulary_alone(bert, tmp_path / "old")
    np.testing.assert_allclose(score(folder), pipeline(folder), atol=1e-6)
    np.testing.assert_allclose(score(folder), score(bert), atol=1e-6)
    assert "vocab.txt" in load_checkpoint(folder).files
    found = verify(folder)
    assert found.passed
    assert found.trial is not None
    assert found.trial.tokenizer.startswith("made from vocab.txt by transformers")
    assert len(found.trial.tokenizer_sha256 or "") == 64


def test_settings_of_a_list_of_words_are_followed(bert: Path, tmp_path: Path) -> None:
    cased = with_vocabulary_alone(bert, tmp_path / "cased", do_lower_case=False, model_max_length=16)
    np.testing.assert_allclose(score(cased), pipeline(cased), atol=1e-6)
    assert not np.allclose(score(cased), score(bert), atol=1e-4)
    assert load_checkpoint(cased).sha256 != load_checkpoint(with_vocabulary_alone(bert, tmp_path / "other")).sha256
    assert load_checkpoint(cased).max_length == 16


def test_a_vocabulary_with_merges_is_scored_as_transformers_scores_it(tmp_path: Path) -> None:
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaForSequenceClassification

    pieces = ByteLevelBPETokenizer()
    pieces.train_from_iterator(
        TEXTS * 4, 320, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False
    )
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = RobertaConfig(vocab_size=400, max_position_embeddings=50, id2label=LABELS, **sizes)
    RobertaForSequenceClassification(config).save_pretrained(tmp_path)
    pieces.save_model(str(tmp_path))
    assert {"vocab.json", "merges.txt"} <= set(load_checkpoint(tmp_path).files)
    np.testing.assert_allclose(score(tmp_path), pipeline(tmp_path), atol=1e-6)
    without = Path(shutil.copytree(tmp_path, tmp_path / "without"))
    (without / "merges.txt").unlink()
    with pytest.raises(CheckpointError, match=r"No tokenizer can be made from vocab\.json"):
        score(without)
    (without / "vocab.json").rename(without / "vocab.txt")  # transformers would make do with five words of its own
    with pytest.raises(CheckpointError, match=r"RobertaTokenizer is made from merges\.txt and vocab\.json"):
        score(without)


def test_files_that_changed_since_they_were_checked_are_not_read(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sentiscore.engine.made_tokenizer import load_encoder

    folder = with_vocabulary_alone(bert, tmp_path / "old")

    def late(*args: Any) -> Any:
        with (folder / "vocab.txt").open("a") as file:
            file.write("more\n")
        return load_encoder(*args)

    monkeypatch.setattr("sentiscore.engine.classifier.load_encoder", late)
    with pytest.raises(CheckpointError, match="has changed since it was checked"):
        score(folder)


CONTRADICTIONS: dict[str, tuple[str, dict[str, Any], str]] = {
    "case": (
        "tokenizer_config.json",
        {"tokenizer_class": "BertTokenizer", "do_lower_case": False},
        "lowercase is true",
    ),
    "accents": ("tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "strip_accents": False}, "strip_accents"),
    "Chinese": (
        *("tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "tokenize_chinese_chars": False}),
        "handle_chinese_chars is true",
    ),
    "added tokens": ("added_tokens.json", {"w": 7}, "the token 'w' is added"),
}


@pytest.mark.filterwarnings("ignore:.*is not calibrated")
@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_settings_that_contradict_the_tokenizer_are_followed_as_transformers_does_and_told(
    bert: Path, name: str
) -> None:
    file, settings, told = CONTRADICTIONS[name]
    before = score(bert)
    (bert / "tokenizer_config.json").unlink()
    (bert / file).write_text(json.dumps(settings))
    with pytest.warns(SentiscoreWarning, match="contradicts itself on how texts are read") as warned:
        Scorer.from_pretrained(bert, device="cpu", dtype="fp32")
    assert any(told in str(one.message) for one in warned)
    found = score(bert)
    np.testing.assert_allclose(found, pipeline(bert), atol=1e-6)
    assert not np.allclose(found, before, atol=1e-5)
    trial = verify(bert).trial
    assert trial is not None
    assert any(told in one for one in trial.contradictions)


def test_settings_that_agree_change_nothing_and_say_nothing(bert: Path) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", SentiscoreWarning)
        scorer = Scorer.from_pretrained(bert, device="cpu", dtype="fp32")
    assert [str(one.message) for one in warned if "contradicts" in str(one.message)] == []
    assert scorer.identity()["transformers"] == ""
    np.testing.assert_allclose(score(bert), pipeline(bert), atol=1e-6)


def test_a_model_that_keeps_the_end_of_a_long_text_reads_its_end(bert: Path, edit_json: Callable[..., None]) -> None:
    long = " ".join([*["profit rises"] * 2_000, "a warm and funny film"])
    edit_json(bert / "tokenizer_config.json", truncation_side="left")
    np.testing.assert_allclose(score(bert, [long]), score(bert, [long[2_000:]]), atol=1e-6)
    edit_json(bert / "tokenizer_config.json", truncation_side="right")
    assert not np.allclose(score(bert, [long]), score(bert, ["film " + long[::-1]]), atol=1e-4)
    np.testing.assert_allclose(score(bert, [long]), score(bert, [long[:2_000]]), atol=1e-6)


def test_a_prefix_space_that_only_the_settings_have_is_followed(tmp_path: Path) -> None:
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaForSequenceClassification, RobertaTokenizer

    pieces = ByteLevelBPETokenizer()
    pieces.train_from_iterator(
        TEXTS * 4, 320, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False
    )
    pieces.save_model(str(tmp_path))
    RobertaTokenizer.from_pretrained(tmp_path).save_pretrained(tmp_path)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = RobertaConfig(vocab_size=400, max_position_embeddings=50, id2label=LABELS, initializer_range=0.5, **sizes)
    RobertaForSequenceClassification(config).save_pretrained(tmp_path)
    before = score(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"add_prefix_space": True}))
    found = score(tmp_path)
    np.testing.assert_allclose(found, pipeline(tmp_path), atol=1e-6)
    assert not np.allclose(found, before, atol=1e-5)


def test_a_checkpoint_with_a_manifest_is_read_as_it_was_trained(tiny_checkpoint: Path) -> None:
    assert load_checkpoint(tiny_checkpoint).tokenizer_settings == {}


@pytest.mark.parametrize(
    "settings",
    [
        {"do_lower_case": [1]},
        {"pad_token": 5},
        {"added_tokens_decoder": [1]},
        {"added_tokens_decoder": {"x": {"content": "a"}}},
        {"added_tokens_decoder": {"1": {"content": "a", "path": "/etc/passwd"}}},
        {"extra_special_tokens": [[["a"]]]},
    ],
    ids=str,
)
def test_settings_that_are_not_plain_are_refused(
    bert: Path, edit_json: Callable[..., None], settings: dict[str, Any]
) -> None:
    edit_json(bert / "tokenizer_config.json", **settings)
    with pytest.raises(CheckpointError, match=r"tokenizer_config\.json is not allowed"):
        load_checkpoint(bert)


def test_a_sentencepiece_model_without_its_library_says_what_to_install(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = with_vocabulary_alone(bert, tmp_path / "old")
    (folder / "vocab.txt").rename(folder / "spiece.model")
    monkeypatch.setattr("sentiscore.errors.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="needs sentencepiece") as refused:
        score(folder)
    assert "pip install 'sentiscore[sentencepiece]'" in refused.value.hint
    assert not verify(folder).passed


def test_all_files_that_tokenizers_of_the_loaded_kinds_are_made_from_are_known() -> None:
    from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES, tokenizer_class_from_name

    names = {TOKENIZER_MAPPING_NAMES.get(kind) or "TokenizersBackend" for kind in every_kind()}
    classes = [found for name in sorted(names) if (found := tokenizer_class_from_name(name)) is not None]
    files = {file for found in classes for file in found.vocab_files_names.values()}
    assert files <= {*VOCABULARIES, "tokenizer.json"}


def test_all_settings_of_how_those_tokenizers_read_are_known() -> None:
    import inspect

    from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES, tokenizer_class_from_name

    from sentiscore.checkpoint.tokenizer_files import _PLAIN_SETTINGS

    names = {TOKENIZER_MAPPING_NAMES.get(kind) or "LlamaTokenizer" for kind in every_kind()}
    classes = [found for name in sorted(names) if (found := tokenizer_class_from_name(name)) is not None]
    settings = {setting for found in classes for setting in inspect.signature(found.__init__).parameters}
    data = {"self", "args", "kwargs", "vocab", "vocab_file", "merges", "merges_file", "_spm_precompiled_charsmap"}
    assert {name for name in settings - data if not name.endswith(("_token", "_tokens"))} <= _PLAIN_SETTINGS


@pytest.mark.parametrize(
    ("kind", "file", "model_type"),
    [
        ("xlm-roberta", "sentencepiece.bpe.model", "unigram"),
        ("deberta-v2", "spm.model", "unigram"),
        ("llama", "tokenizer.model", "bpe"),
    ],
)
def test_a_sentencepiece_model_is_scored_as_transformers_scores_it(
    kind: str, file: str, model_type: str, tmp_path: Path
) -> None:
    sentencepiece = pytest.importorskip("sentencepiece", reason="the extra sentencepiece is not installed")
    network_of(kind, vocab_size=140, id2label=LABELS).save_pretrained(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "LlamaTokenizer"} if kind == "llama" else {})
    )
    (tmp_path / "texts").write_text("\n".join((TEXTS + WRITTEN) * 20), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "texts"),
        model_prefix=str(tmp_path / "made"),
        vocab_size=80,
        model_type=model_type,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (tmp_path / "made.model").rename(tmp_path / file)
    np.testing.assert_allclose(score(tmp_path), pipeline(tmp_path), atol=1e-5)
    assert file in load_checkpoint(tmp_path).files


def test_a_tokenizer_class_that_only_the_config_of_the_network_names_is_followed(
    bert: Path, tmp_path: Path, edit_json: Callable[..., None]
) -> None:
    folder = with_vocabulary_alone(bert, tmp_path / "old")
    edit_json(folder / "config.json", tokenizer_class="ElectraTokenizer")
    np.testing.assert_allclose(score(folder), pipeline(folder), atol=1e-6)
    edit_json(bert / "config.json", tokenizer_class="TokenizersBackend")
    (bert / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))
    np.testing.assert_allclose(score(bert), pipeline(bert), atol=1e-6)
    edit_json(folder / "config.json", tokenizer_class="NoSuchTokenizer")  # not passed on
    np.testing.assert_allclose(score(folder), score(bert), atol=1e-6)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("name", ["BertJapaneseTokenizer", "BertweetTokenizer", "BioGptTokenizer"])
def test_a_class_without_a_fast_tokenizer_is_refused_by_its_name(
    bert: Path, tmp_path: Path, edit_json: Callable[..., None], name: str, file: str
) -> None:
    folder = with_vocabulary_alone(bert, tmp_path / "old", do_lower_case=True)
    edit_json(folder / file, tokenizer_class=name)
    with pytest.raises(CheckpointError, match=f"is a {name}, and transformers has no fast tokenizer of this class"):
        score(folder)


def test_a_contradiction_is_shown_in_a_few_words_and_without_what_concerns_pairs_of_texts() -> None:
    from tokenizers import Tokenizer, models, processors

    from sentiscore.engine.made_tokenizer import _differences

    def made(end: str, unknown: str) -> Tokenizer:
        tokenizer = Tokenizer(models.WordLevel({"a": 0, "[CLS]": 1, "[SEP]": 2, "<u>": 3}, unk_token=unknown))
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"[CLS] $A {end}", pair=f"[CLS] $A {end} $B:1 {end}:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
        )
        return tokenizer

    assert _differences(made("[SEP]", "<u>"), made("[CLS]", "a")) == [
        "single is [CLS] A [SEP] in tokenizer.json and [CLS] A [CLS] by tokenizer_config.json",
        'unk_token is "<u>" in tokenizer.json and "a" by tokenizer_config.json',
    ]
    assert _differences(made("[SEP]", "<u>"), made("[SEP]", "<u>")) == ["the vocabulary is another one"]


def test_a_tokenizer_without_settings_is_read_as_it_is(bert: Path, edit_json: Callable[..., None]) -> None:
    tokenizer = json.loads((bert / "tokenizer.json").read_text())
    edit_json(bert / "tokenizer.json", normalizer=tokenizer["normalizer"] | {"lowercase": False})
    (bert / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
    expected = score(bert)
    (bert / "tokenizer_config.json").unlink()
    np.testing.assert_allclose(score(bert), expected, atol=1e-6)
    assert not np.allclose(score(bert), pipeline(bert), atol=1e-5)  # which takes the defaults of its class
