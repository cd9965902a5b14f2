"""Sentiment towards a target: the answer to a pair of a text and its mention."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore import AnswerStore, InputError, Scorer
from sentiscore.checkpoint import Manifest, write_manifest
from sentiscore.errors import SentiscoreWarning
from sentiscore.scoring.probabilities import probabilities
from sentiscore.tables.fingerprint import DataFingerprint
from sentiscore.training.base import use_token_types
from tests.effort import examples

TEXT = "profit rises on strong demand and shares fall"
LONG = "Profit rises on strong demand. Shares fall after weak results. " * 8
CLASSES = ("negative", "neutral", "positive")


@pytest.fixture(scope="module")
def bert_targets(tiny_bert: Callable[..., Path]) -> Path:
    """A BERT that reads token types."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = tiny_bert(id2label=dict(enumerate(CLASSES)), initializer_range=0.5)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    use_token_types(tokenizer, AutoModelForSequenceClassification.from_pretrained(folder))
    tokenizer.save_pretrained(folder)
    data = (DataFingerprint("none", 0, ""),)
    manifest = Manifest(
        base="tiny",
        base_revision=None,
        labels=CLASSES,
        max_length=32,
        temperature=1.5,
        training_data=data,
        selection_data=data,
        recipe={},
        metrics={},
        versions={},
        reads_targets=True,
    )
    write_manifest(folder, manifest)
    return folder


@pytest.fixture(scope="module", params=["gpt_neox", "bert"])
def folder(request: pytest.FixtureRequest, tiny_targets: Path, bert_targets: Path) -> Path:
    return tiny_targets if request.param == "gpt_neox" else bert_targets


@pytest.fixture(scope="module")
def scorer(folder: Path) -> Scorer:
    return Scorer.from_pretrained(folder, device="cpu", dtype="fp32")


@pytest.fixture(scope="module")
def in_windows(folder: Path) -> Scorer:
    return Scorer.from_pretrained(folder, device="cpu", dtype="fp32", overflow="windows")


def probs(scored: pl.DataFrame) -> np.ndarray:
    return scored.select([f"p_{name}" for name in CLASSES]).to_numpy()


def test_a_pair_has_the_probabilities_that_transformers_gives_it(folder: Path, scorer: Scorer) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    between = "\n" if model.config.model_type == "gpt_neox" else ""
    targets = ["profit", "strong demand", "shares"]
    with torch.inference_mode():
        logits = [model(**tokenizer(TEXT, between + one, return_tensors="pt")).logits.numpy() for one in targets]
    found = probs(scorer.score([TEXT] * 3, targets))
    np.testing.assert_allclose(found, probabilities(np.concatenate(logits), 1.5), atol=1e-5)
    assert np.ptp(found, axis=0).max() > 1e-3
    assert not np.allclose(found, probs(scorer.score([TEXT])), atol=1e-3)


def test_a_row_without_a_target_or_without_its_mention_is_scored_for_the_whole_text(scorer: Scorer) -> None:
    texts = [TEXT, TEXT, TEXT, TEXT, None, "", LONG, LONG]
    scored = scorer.score(texts, [None, " ", "bonds", "Profit", "profit", "profit", "bonds", "shares"])
    whole = scorer.score(texts)
    for row in (0, 1):
        assert_frame_equal(scored[row], whole[row], abs_tol=1e-6)
    for row in (2, 6):
        assert_frame_equal(scored[row].drop("status"), whole[row].drop("status"), abs_tol=1e-6)
    assert scored["status"].to_list() == ["ok"] * 2 + [
        "not_mentioned", "ok", "null", "empty", "not_mentioned", "truncated"
    ]  # fmt: skip
    assert not np.allclose(probs(scored[3]), probs(whole[3]), atol=1e-3)
    assert scored["n_tokens"][3] > whole["n_tokens"][3]
    assert scored["n_tokens"][7] == whole["n_tokens"][7] == 32


def test_targets_that_are_all_missing_change_no_bit(scorer: Scorer) -> None:
    texts = [TEXT, LONG, None, "profit"]
    assert_frame_equal(scorer.score(texts, [None] * 4), scorer.score(texts), check_exact=True)
    assert_frame_equal(
        scorer.score(texts, ["bonds"] * 4).drop("status"), scorer.score(texts).drop("status"), check_exact=True
    )


def test_every_window_of_a_long_text_is_read_with_the_mention(in_windows: Scorer, scorer: Scorer) -> None:
    pieces = in_windows._classifier.encoder.pieces(LONG, "shares")
    assert "".join(pieces) == LONG
    scored = in_windows.score([LONG, TEXT, LONG, LONG], ["shares", "profit", None, "bonds"])
    logits = scorer.logits(pieces, ["shares"] * len(pieces))
    weights = scorer._classifier.encoder.encode(pieces, ["shares"] * len(pieces)).lengths
    assert weights.max() <= 32
    expected = np.average(probabilities(logits, 1.5), weights=weights, axis=0)
    np.testing.assert_allclose(probs(scored)[0], expected, atol=1e-5)
    assert scored["n_windows"][0] == len(pieces) >= scored["n_windows"][2]
    assert scored["n_tokens"][0] == weights.sum()
    assert scored["status"].to_list() == ["ok", "ok", "ok", "not_mentioned"]
    np.testing.assert_allclose(probs(scored)[2:], probs(in_windows.score([LONG, LONG])), atol=1e-6)


WORDS = st.lists(st.sampled_from(["profit", "rises", "shares", "fall", "demand"]), min_size=1, max_size=40)
TEXTS = WORDS.map(" ".join)
TARGETS = st.sampled_from(["profit", "shares", "demand", "bonds", "", None])
ROWS = st.lists(st.tuples(st.sampled_from([None, "", "?"]) | TEXTS, TARGETS), max_size=12)


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, windows=st.booleans(), repeats=st.integers(1, 3))
def test_pairs_scored_once_each_are_pairs_scored_one_by_one(
    scorer: Scorer, in_windows: Scorer, rows: list[tuple[str | None, str | None]], windows: bool, repeats: int
) -> None:
    chosen = in_windows if windows else scorer
    texts, targets = [text for text, _ in rows] * repeats, [target for _, target in rows] * repeats
    together = chosen.score(texts, targets)
    alone = [chosen.score([text], [target]) for text, target in rows]
    assert_frame_equal(together, pl.concat(alone * repeats) if alone else together, abs_tol=1e-5)
    prepared = chosen.prepare(pl.Series(texts, dtype=pl.String), None)
    assert prepared.n_encoded == len({text for text in texts if text and text.strip()})


def test_equal_pairs_go_through_the_model_once(scorer: Scorer) -> None:
    from sentiscore.scoring.mentions import Targets

    texts = pl.Series([TEXT, TEXT, TEXT, TEXT, TEXT])
    targets = pl.Series(["profit", " profit ", "bonds", None, "shares"])
    assert scorer.prepare(texts, Targets(targets, {})).n_encoded == 3


def test_answers_to_pairs_are_kept_and_are_not_those_of_their_texts(scorer: Scorer, tmp_path: Path) -> None:
    texts, targets = [TEXT, TEXT, LONG, TEXT, TEXT], ["profit", "shares", "shares", None, "bonds"]
    expected = scorer.score(texts, targets)
    with AnswerStore.open(tmp_path / "store") as store:
        keeping = scorer.with_answers(store)
        keeping.score(texts)
        for known in (1, 4):
            from sentiscore.scoring.mentions import Targets

            prepared = keeping.prepare(pl.Series(texts), Targets(pl.Series(targets), {}))
            assert (prepared.n_known, prepared.n_encoded) == (known, 4 - known)
            assert_frame_equal(keeping.score(texts, targets), expected, abs_tol=1e-6)


def test_no_two_pairs_share_a_key() -> None:
    from sentiscore.scoring.answers import _key

    pairs = [("ab", "c"), ("b", "ca"), ("a", "cb"), ("abc", ""), ("cab", ""), ("abc", None), ("cab", None), ("b", None)]
    assert len({_key(*pair) for pair in pairs}) == len(pairs)
    assert _key("abc") == _key("abc", None)


def test_a_frame_is_scored_towards_a_column(scorer: Scorer, tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("entity,name\nPFT,profit\nDMD,demand\nDMD,strong demand\n")
    df = pl.DataFrame({"text": [TEXT] * 4, "ticker": ["PFT", "DMD", "shares", "XYZ"]})
    scored = scorer.score_frame(df, text_col="text", target_col="ticker", targets=tmp_path / "names.csv")
    expected = scorer.score([TEXT] * 4, ["profit", "strong demand", "shares", None])
    assert_frame_equal(scored.select(expected.columns).drop("status"), expected.drop("status"), abs_tol=1e-6)
    assert scored["status"].to_list() == ["ok", "ok", "ok", "not_mentioned"]
    categories = df.with_columns(pl.col("ticker").cast(pl.Categorical))
    again = scorer.score_frame(categories, text_col="text", target_col="ticker", targets=tmp_path / "names.csv")
    assert_frame_equal(again.drop("ticker"), scored.drop("ticker"), check_exact=True)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"target_col": "who"}, "the frame has no column 'who'"),
        ({"target_col": "n"}, "The column 'n' of the frame holds Float64, not text"),
        ({"target_col": "text"}, "'text' cannot be both the text and the target"),
        ({"targets": "names.csv"}, "but no column of targets"),
    ],
)
def test_a_column_that_cannot_hold_targets_is_a_clear_error(
    scorer: Scorer, asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        scorer.score_frame(pl.DataFrame({"text": ["a"], "n": [1.5]}), text_col="text", **asked)


def test_targets_that_are_not_texts_or_too_few_are_a_clear_error(scorer: Scorer) -> None:
    with pytest.raises(InputError, match="Not all of these targets are texts: number 1, counted from 0, is 3"):
        scorer.score([TEXT] * 2, ["profit", 3])
    with pytest.raises(InputError, match="score takes a list of targets, not one target"):
        scorer.score([TEXT], "profit")
    with pytest.raises(InputError, match="number 0, counted from 0, is 3") as refused:
        scorer.score([TEXT], [3])
    assert "A target is a str." in refused.value.hint
    assert "the text is scored as a whole" in refused.value.hint
    with pytest.raises(InputError, match="Number of texts: 2; of targets: 1"):
        scorer.score([TEXT] * 2, ["profit"])


def test_targets_may_be_integers(scorer: Scorer, tmp_path: Path) -> None:
    pl.DataFrame({"entity": [700], "name": ["profit"]}).write_parquet(tmp_path / "names.parquet")
    df = pl.DataFrame({"text": ["profit rises", "700 shares fall", "shares fall"], "code": [700, 700, None]})
    scored = scorer.score_frame(df, text_col="text", target_col="code")
    assert scored["status"].to_list() == ["not_mentioned", "ok", "ok"]
    named = scorer.score_frame(df, text_col="text", target_col="code", targets=tmp_path / "names.parquet")
    assert named["status"].to_list() == ["ok", "not_mentioned", "ok"]


def test_a_table_without_any_target_of_a_frame_is_warned_about(scorer: Scorer, tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("entity,name\nPFT,profit\n")
    df = pl.DataFrame({"text": [TEXT, TEXT], "ticker": [None, "pft"]})
    with pytest.warns(SentiscoreWarning, match=r"No value of 'ticker', such as 'pft', .* 'PFT'.*case") as seen:
        scorer.score_frame(df, text_col="text", target_col="ticker", targets=tmp_path / "names.csv")
    assert [Path(one.filename).name for one in seen] == ["test_targets.py"]


def test_a_model_that_cannot_read_targets_is_a_clear_error(tiny_checkpoint: Path) -> None:
    scorer = Scorer.from_pretrained(tiny_checkpoint, device="cpu")
    with pytest.raises(InputError, match="cannot read targets: it was not trained on pairs") as refused:
        scorer.score([TEXT], ["profit"])
    assert "Train one with target_col" in refused.value.hint
    assert "leave out --target-col" in refused.value.hint


def test_a_limit_that_leaves_no_room_for_a_pair_is_a_clear_error(folder: Path) -> None:
    shortest = Scorer.from_pretrained(folder, device="cpu", max_length=16)
    assert shortest.score([LONG], ["profit rises on strong demand. Shares"])["status"].to_list() == ["truncated"]
    short = Scorer.from_pretrained(folder, device="cpu", max_length=15)
    assert short.score([TEXT])["status"].to_list() != ["null"]
    with pytest.raises(InputError, match="take 16 tokens or more, and 15 are read"):
        short.score([TEXT], ["profit"])


def test_copies_and_pickles_read_targets(scorer: Scorer) -> None:
    expected = scorer.score([TEXT], ["profit"])
    for other in (copy.copy(scorer), pickle.loads(pickle.dumps(scorer))):  # noqa: S301
        assert_frame_equal(other.score([TEXT], ["profit"]), expected, check_exact=True)
