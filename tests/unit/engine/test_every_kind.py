"""Every kind of network that is loaded: its scores are those of transformers, run one text at a time."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax

from sentiscore import Scorer
from sentiscore.checkpoint import load_checkpoint
from sentiscore.engine.classifier import Classifier
from sentiscore.errors import CheckpointError, InputError
from tests.effort import spread
from tests.unit.engine.kinds import LABELS, POSITIONS, WORDS, every_kind, ids_of, network_of, save

CPU = torch.device("cpu")
ORDER = np.random.default_rng(0)
TEXTS = [" ".join(ORDER.choice(WORDS, size)) for size in (3, 5, 9, 9, 4, 3, 20, 40, 3, 13, 12, 4)]
NO_PADDING = {"convbert", "fnet", "funnel", "mobilebert", "nystromformer", "xlnet"}
"""Kinds that look past the mask, or take the last place of a row; found by asking them, and held here."""

pytestmark = pytest.mark.filterwarnings("ignore:.*is not calibrated")


def one_at_a_time(model: object, texts: list[str]) -> np.ndarray:
    with torch.inference_mode():
        rows = [model(input_ids=ids_of(text)).logits for text in texts]  # type: ignore[operator]
    return torch.cat(rows).numpy()


def probabilities(scorer: Scorer, texts: list[str]) -> np.ndarray:
    return scorer.score(texts).select([f"p_{name}" for name in LABELS]).to_numpy()


@pytest.mark.parametrize("kind", spread(every_kind(), 4, always=[*NO_PADDING, "bert", "gpt_neox"]))
def test_a_text_has_the_score_that_it_has_alone_in_transformers(kind: str, tmp_path: Path) -> None:
    model = network_of(kind)
    scorer = Scorer.from_pretrained(save(model, tmp_path), device="cpu", dtype="fp32")
    expected = softmax(one_at_a_time(copy.deepcopy(model), TEXTS).astype(np.float64), axis=1)
    assert np.ptp(expected, axis=0).max() > 0.01
    np.testing.assert_allclose(probabilities(scorer, TEXTS), expected, atol=1e-5)
    backwards = probabilities(scorer, TEXTS[::-1])[::-1]
    np.testing.assert_allclose(backwards, expected, atol=1e-5)
    np.testing.assert_allclose(probabilities(scorer, TEXTS[:1]), expected[:1], atol=1e-5)
    assert scorer.takes_padding == (kind not in NO_PADDING)


@pytest.mark.parametrize("kind", ["bert", "electra", "funnel", "xlnet", "gpt2"])
def test_a_text_of_one_word_has_a_score_whatever_is_beside_it(kind: str, tmp_path: Path) -> None:
    scorer = Scorer.from_pretrained(save(network_of(kind), tmp_path), device="cpu", dtype="fp32")
    alone = probabilities(scorer, ["w3"])
    assert np.isfinite(alone).all()
    np.testing.assert_allclose(probabilities(scorer, ["w3", *TEXTS, "w4"])[:1], alone, atol=1e-6)


def test_token_types_reach_the_network_if_the_tokenizer_is_said_to_give_them(
    tmp_path: Path, edit_json: Callable[..., None]
) -> None:
    model = network_of("xlnet")
    folder = save(model, tmp_path, single="<s>:0 $A:0 </s>:2")
    alone = Scorer.from_pretrained(folder, device="cpu", dtype="fp32")
    np.testing.assert_allclose(probabilities(alone, TEXTS), softmax(one_at_a_time(model, TEXTS), axis=1), atol=1e-6)
    edit_json(folder / "tokenizer_config.json", model_input_names=["input_ids", "token_type_ids", "attention_mask"])
    found = probabilities(Scorer.from_pretrained(folder, device="cpu", dtype="fp32"), TEXTS)
    with torch.inference_mode():
        for text, probs in zip(TEXTS, found, strict=True):
            ids = ids_of(text)
            types = torch.zeros_like(ids)
            types[0, -1] = 2
            logits = model(input_ids=ids, token_type_ids=types).logits.double().numpy()
            np.testing.assert_allclose(probs, softmax(logits, axis=1)[0], atol=1e-6)
    assert not np.allclose(found, softmax(one_at_a_time(model, TEXTS), axis=1), atol=1e-4)


KEEPS_TWO_BACK = ("camembert", "data2vec-text", "longformer", "mpnet", "roberta", "xlm-roberta", "xlm-roberta-xl")


@pytest.mark.parametrize(
    "kind",
    spread([*KEEPS_TWO_BACK, "albert", "bart", "gpt2", "opt", "bert", "gpt_neox"], 3, always=["roberta", "bert"]),
)
def test_the_longest_text_is_what_the_table_of_positions_takes(kind: str, tmp_path: Path) -> None:
    folder = save(network_of(kind), tmp_path)
    longest = POSITIONS - 2 if kind in KEEPS_TWO_BACK else POSITIONS
    scorer = Scorer.from_pretrained(folder, device="cpu", dtype="fp32")
    assert scorer.max_length == longest
    long = " ".join(WORDS[:70])
    assert scorer.score([long, "w1"])["status"].to_list() == ["truncated", "ok"]
    for too_many in (longest + 1, longest + 2):
        with pytest.raises(InputError, match=f"can read 3 to {longest} tokens, not {too_many}"):
            Scorer.from_pretrained(folder, device="cpu", dtype="fp32", max_length=too_many)
    windows = Scorer.from_pretrained(folder, device="cpu", dtype="fp32", max_length=longest, overflow="windows")
    assert windows.score([long]).select("n_windows", "status").row(0) == (2, "ok")


def test_a_network_of_relative_positions_reads_longer_texts_than_usual(tmp_path: Path) -> None:
    model = network_of("xlnet")
    scorer = Scorer.from_pretrained(save(model, tmp_path), device="cpu", dtype="fp32", max_length=600)
    text = " ".join(WORDS[:50] * 11)
    assert scorer.score([text])["n_tokens"].to_list() == [552]
    np.testing.assert_allclose(
        probabilities(scorer, [text]), softmax(one_at_a_time(model, [text]).astype(np.float64), axis=1), atol=1e-5
    )


def test_a_checkpoint_that_was_trained_on_more_tokens_than_its_network_reads_is_refused(tmp_path: Path) -> None:
    folder = save(network_of("mpnet"), tmp_path)
    checkpoint = load_checkpoint(folder)
    with pytest.raises(InputError, match="can read 3 to 62 tokens, not 64"):
        Classifier.load(checkpoint, device=CPU, dtype=torch.float32, max_length=64)
    assert Classifier.load(checkpoint, device=CPU, dtype=torch.float32).encoder.max_length == 62


LONG = " ".join(WORDS[:60])


def test_a_big_bird_gives_a_long_text_one_answer_before_and_after_short_ones(tmp_path: Path) -> None:
    model = network_of("big_bird", attention_type="block_sparse", block_size=4, num_random_blocks=1)
    folder = save(model, tmp_path)
    expected = network_of("big_bird", attention_type="original_full")
    expected.load_state_dict(model.state_dict())
    for texts in ([LONG, "w1 w2"], ["w1 w2", LONG], [LONG]):
        scorer = Scorer.from_pretrained(folder, device="cpu", dtype="fp32")
        for _ in range(2):
            np.testing.assert_allclose(
                probabilities(scorer, texts), softmax(one_at_a_time(expected, texts), axis=1), atol=1e-5
            )


LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 100.0,
    "partial_rotary_factor": 1.0,
    "short_factor": [1.0] * 4,
    "long_factor": [3.0] * 4,
}


@pytest.mark.parametrize(
    ("kind", "steady", "settings"),
    [
        ("llama", 16, {"rope_parameters": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 100.0}}),
        ("phi3", 24, {"rope_parameters": LONGROPE, "original_max_position_embeddings": 24}),
    ],
)
def test_rotary_embeddings_that_change_with_the_longest_text_are_read_up_to_where_they_do(
    kind: str, steady: int, settings: dict[str, Any], tmp_path: Path
) -> None:
    model = network_of(kind, max_position_embeddings=16 if kind == "llama" else 64, **settings)
    scorer = Scorer.from_pretrained(save(model, tmp_path), device="cpu", dtype="fp32")
    assert scorer.max_length == steady
    beside = probabilities(scorer, ["w1", LONG, "w1 w2"])[::2]
    np.testing.assert_allclose(beside, probabilities(scorer, ["w1", "w1 w2"]), atol=1e-6)


def test_a_network_that_cannot_compute_in_bf16_is_scored_in_fp32_unless_bf16_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save(network_of("fnet"), tmp_path)
    monkeypatch.setattr("sentiscore.engine.device.has_fast_bf16", lambda _: True)
    assert Scorer.from_pretrained(folder, device="cpu").dtype == "fp32"
    with pytest.raises(CheckpointError, match="takes no text") as refused:
        Scorer.from_pretrained(folder, device="cpu", dtype="bf16")
    assert "--dtype fp32" in refused.value.hint


@pytest.mark.parametrize("kind", ["xlnet", "llama", "convbert"])
def test_a_network_in_bf16_is_close_to_itself_in_fp32_and_takes_padding_in_the_same_case(
    kind: str, tmp_path: Path
) -> None:
    folder = save(network_of(kind), tmp_path)
    exact, coarse = (Scorer.from_pretrained(folder, device="cpu", dtype=dtype) for dtype in ("fp32", "bf16"))
    np.testing.assert_allclose(probabilities(coarse, TEXTS), probabilities(exact, TEXTS), atol=0.03)
    assert exact.takes_padding == coarse.takes_padding == (kind not in NO_PADDING)


def test_a_network_whose_answers_depend_on_what_it_read_before_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import ElectraForSequenceClassification

    folder = save(network_of("electra"), tmp_path)
    forward, asked = ElectraForSequenceClassification.forward, []

    def remembers(self: object, *args: object, **named: object) -> object:
        asked.append(1)
        answer = forward(self, *args, **named)
        answer.logits += 0.01 * len(asked)
        return answer

    monkeypatch.setattr(ElectraForSequenceClassification, "forward", remembers)
    with pytest.raises(CheckpointError, match="depends on the texts that it read before"):
        Scorer.from_pretrained(folder, device="cpu", dtype="fp32")


def test_a_network_that_fails_on_a_text_is_a_clear_error(tmp_path: Path) -> None:
    folder = save(network_of("bart"), tmp_path, single="<s>:0 $A:0")  # it wants an end in each text
    with pytest.raises(CheckpointError, match="cannot read a text of 4 tokens"):
        Scorer.from_pretrained(folder, device="cpu", dtype="fp32").score(["w1 w2 w3"])
