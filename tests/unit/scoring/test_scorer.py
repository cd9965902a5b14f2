from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore import InputError, Scorer
from sentiscore.errors import SentiscoreWarning
from sentiscore.scoring.probabilities import probabilities
from tests.conftest import TEXTS
from tests.effort import examples


@pytest.fixture(scope="module")
def scorer(tiny_checkpoint: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32")


def test_every_text_has_its_row_and_its_status(scorer: Scorer) -> None:
    scored = scorer.score([TEXTS[0], None, "", " \t\n", "\x00\u200b", TEXTS[1] * 50, TEXTS[0]])
    assert scored["status"].to_list() == ["ok", "null", "empty", "empty", "empty", "truncated", "ok"]
    assert scored["n_tokens"].to_list()[1:6] == [0, 0, 0, 0, 32]
    assert scored["label"].null_count() == 4
    assert scored.row(0) == scored.row(6)


def test_a_model_without_a_temperature_says_so_once(
    scorer: Scorer, make_checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.warns(SentiscoreWarning, match="m is not calibrated.*sentiscore train --base"):
        raw = Scorer.from_pretrained(make_checkpoint(tmp_path / "m", temperature=None))
    raw.score(TEXTS)  # warnings are errors, and here is none
    assert not raw.calibrated
    assert scorer.calibrated


@pytest.mark.filterwarnings("ignore:.* is not calibrated")
def test_temperature_softens_and_changes_no_label(make_checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    hot = Scorer.from_pretrained(make_checkpoint(tmp_path / "hot", temperature=4.0), dtype="fp32").score(TEXTS)
    cold = Scorer.from_pretrained(make_checkpoint(tmp_path / "cold", temperature=None), dtype="fp32").score(TEXTS)
    assert hot["label"].to_list() == cold["label"].to_list()
    assert (hot["sentiment"].abs() < cold["sentiment"].abs()).all()


@pytest.mark.filterwarnings("ignore:.* is not calibrated")
def test_the_order_of_a_models_labels_does_not_matter(make_checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "plain", temperature=None)
    straight = Scorer.from_pretrained(folder, dtype="fp32").score(TEXTS)
    swapped = Scorer.from_pretrained(folder, dtype="fp32", labels=["positive", "negative"]).score(TEXTS)
    assert swapped["p_positive"].to_list() == straight["p_negative"].to_list()
    assert swapped["sentiment"].to_list() == (-straight["sentiment"]).to_list()
    assert swapped["tone"].to_list() == (-straight["tone"]).to_list()
    assert all(a != b for a, b in zip(swapped["label"], straight["label"], strict=True))


def test_three_classes_have_a_neutral_column(make_checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "three", labels=("negative", "neutral", "positive"))
    scored = Scorer.from_pretrained(folder, dtype="fp32").score(TEXTS)
    first = ["p_negative", "p_positive", "p_neutral", "sentiment", "tone", "label", "n_tokens"]
    assert scored.columns == [*first, "unknown_share", "status"]
    total = scored.select(pl.sum_horizontal("p_negative", "p_positive", "p_neutral")).to_series()
    assert ((total - 1).abs() < 1e-6).all()


@pytest.mark.parametrize("labels", [("negative", "positive"), ("positive", "neutral", "negative")])
def test_tone_is_computed_from_the_probabilities_before_they_are_rounded(
    make_checkpoint: Callable[..., Path], tmp_path: Path, labels: tuple[str, ...]
) -> None:
    scorer = Scorer.from_pretrained(make_checkpoint(tmp_path / "model", labels=labels), dtype="fp32")
    prepared = scorer.prepare(pl.Series([TEXTS[0], None, TEXTS[1]]))
    logits = np.linspace(-9, 11, 2 * len(labels), dtype=np.float32).reshape(2, -1)
    scored = scorer.finish(prepared, logits)
    p = probabilities(logits, scorer.checkpoint.temperature or 1.0)
    positive, negative = (p[:, labels.index(name)] for name in ("positive", "negative"))
    expected = (np.log(positive + 1e-3) - np.log(negative + 1e-3)).astype(np.float32)
    assert scored["tone"].to_list() == [expected[0], None, expected[1]]
    assert scored["tone"].dtype == pl.Float32


def test_a_frame_keeps_its_columns_rows_and_order(scorer: Scorer, news: pl.DataFrame) -> None:
    scored = scorer.score_frame(news, text_col="headline")
    assert_frame_equal(scored.select(news.columns), news)
    assert scored.columns == [*news.columns, *scorer.columns]
    assert_frame_equal(scored.select(scorer.columns), scorer.score(news["headline"].to_list()))


def test_a_prefix_is_the_way_out_of_a_clash(scorer: Scorer, news: pl.DataFrame) -> None:
    clashing = news.with_columns(sentiment=pl.lit("mine"))
    with pytest.raises(InputError, match="prefix"):
        scorer.score_frame(clashing, text_col="headline")
    scored = scorer.score_frame(clashing, text_col="headline", prefix="senti_")
    assert scored["sentiment"].to_list() == ["mine"] * news.height
    assert "senti_sentiment" in scored.columns


def test_empty_and_status_only_frames_are_no_error(scorer: Scorer) -> None:
    assert scorer.score([]).height == 0
    assert scorer.score([None, None])["status"].to_list() == ["null", "null"]
    empty = scorer.score_frame(pl.DataFrame({"t": pl.Series([], dtype=pl.String)}), text_col="t")
    assert empty.columns == ["t", *scorer.columns]


def test_a_column_that_is_missing_or_no_text_is_a_clear_error(scorer: Scorer, news: pl.DataFrame) -> None:
    with pytest.raises(InputError, match="its columns are: published_at, ticker, headline"):
        scorer.score_frame(news, text_col="title")
    with pytest.raises(InputError, match="holds Int64, not text"):
        scorer.score_frame(news.with_columns(n=pl.lit(1, pl.Int64)), text_col="n")


def test_things_that_are_no_texts_are_a_clear_error(scorer: Scorer) -> None:
    with pytest.raises(InputError, match="not one text"):
        scorer.score("one text")
    with pytest.raises(InputError, match="Not all of these are texts"):
        scorer.score(["a", 1])
    with pytest.raises(InputError, match="Not all of these are texts"):
        scorer.score(["a \ud800"])


@pytest.mark.parametrize("length", [-3, 0, 1, 65])
def test_a_limit_that_the_model_cannot_read_is_a_clear_error(tiny_checkpoint: Path, length: int) -> None:
    with pytest.raises(InputError, match="can read 3 to 64 tokens"):
        Scorer.from_pretrained(tiny_checkpoint, max_length=length)


def test_a_shorter_limit_reads_less(tiny_checkpoint: Path) -> None:
    scored = Scorer.from_pretrained(tiny_checkpoint, max_length=4).score(TEXTS)
    assert scored["n_tokens"].max() == 4
    assert set(scored["status"]) == {"truncated"}


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.none() | st.text(max_size=40), max_size=30), data=st.data())
def test_a_row_does_not_depend_on_its_neighbours(scorer: Scorer, texts: list[str | None], data: st.DataObject) -> None:
    together = scorer.score(texts)
    assert together.height == len(texts)
    if texts:
        i = data.draw(st.integers(0, len(texts) - 1))
        assert_frame_equal(together[i], scorer.score([texts[i]]), abs_tol=1e-5)


def test_a_long_text_in_windows_is_the_mean_of_its_pieces_weighted_by_tokens(tiny_checkpoint: Path) -> None:
    text = "Profit rises on strong demand. Shares fall after weak results. " * 8
    whole = Scorer.from_pretrained(tiny_checkpoint, dtype="fp32", overflow="windows")
    pieces = whole._classifier.encoder.pieces(text)
    apart = Scorer.from_pretrained(tiny_checkpoint, dtype="fp32").score(pieces)
    scored = whole.score([text, "profit", None])
    mean = np.average(apart["p_positive"], weights=apart["n_tokens"])
    assert scored["p_positive"][0] == pytest.approx(mean, abs=1e-6)
    assert scored["n_tokens"][0] == apart["n_tokens"].sum()
    assert scored["n_windows"].to_list() == [len(pieces), 1, 0]
    assert scored["status"].to_list() == ["ok", "ok", "null"]


def test_an_unknown_overflow_is_a_clear_error(tiny_checkpoint: Path) -> None:
    with pytest.raises(InputError, match="no overflow 'drop'"):
        Scorer.from_pretrained(tiny_checkpoint, overflow="drop")


def test_threads_change_nothing_but_rounding_and_are_left_as_they_were(tiny_checkpoint: Path) -> None:
    import torch

    scorer = Scorer.from_pretrained(tiny_checkpoint, dtype="fp32")
    texts = [f"profit rises {'on demand ' * (i % 9)} {i}" for i in range(300)]
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(scorer.logits(texts))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_allclose(results[1], results[0], atol=1e-5)
    np.testing.assert_allclose(results[2], results[0], atol=1e-5)
    assert np.array_equal(scorer.logits(texts), scorer.logits(texts))


@pytest.mark.parametrize(("activation", "own"), [("gelu", True), ("silu", False)])
@pytest.mark.filterwarnings("ignore:.*not calibrated:sentiscore.errors.SentiscoreWarning")
def test_the_version_of_transformers_counts_where_it_computes(
    tiny_bert: Callable[..., Path], activation: str, own: bool
) -> None:
    folder = tiny_bert(id2label={0: "negative", 1: "positive"}, hidden_act=activation)
    identity = Scorer.from_pretrained(folder, device="cpu").identity()
    assert identity["transformers"] == ("" if own else version("transformers"))
    assert identity["tokenizers"] == version("tokenizers")


STARS = {i: f"{i + 1} star{'s' * (i > 0)}" for i in range(5)}


@pytest.mark.filterwarnings("ignore:.*is not calibrated")
@pytest.mark.parametrize("labels", [None, ["negative", "negative", "neutral", "positive", "positive"]])
def test_a_model_of_stars_gives_the_sum_of_the_probabilities_of_each_class(
    tiny_bert: Callable[..., Path], labels: list[str] | None
) -> None:
    import torch
    from scipy.special import softmax
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = tiny_bert(id2label=STARS if labels is None else {i: f"LABEL_{i}" for i in range(5)}, initializer_range=0.5)
    scorer = Scorer.from_pretrained(folder, device="cpu", dtype="fp32", labels=labels)
    scored = scorer.score(TEXTS)
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        logits = [model.eval()(**tokenizer(text, return_tensors="pt")).logits[0].double().numpy() for text in TEXTS]
    stars = softmax(logits, axis=1)
    expected = np.stack([stars[:, :2].sum(axis=1), stars[:, 2], stars[:, 3:].sum(axis=1)], axis=1)
    found = scored.select("p_negative", "p_neutral", "p_positive").to_numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    names = ["negative", "neutral", "positive"]
    assert scored["label"].to_list() == [names[i] for i in expected.argmax(axis=1)]
    np.testing.assert_allclose(softmax(scorer.logits(TEXTS), axis=1), expected, atol=1e-5)
    assert scorer.checkpoint.labels == ("negative", "neutral", "positive")
    assert scorer.identity()["labels"] == "negative,negative,neutral,positive,positive"


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_acts_before_probabilities_are_summed(temperature: float) -> None:
    from scipy.special import softmax

    from sentiscore.scoring.probabilities import class_logits, class_probabilities, probabilities

    logits = np.random.default_rng(0).normal(size=(20, 5), scale=4)
    outputs = ("negative", "positive", "neutral", "positive", "negative")
    every = probabilities(logits, temperature)
    expected = np.stack([every[:, [0, 4]].sum(axis=1), every[:, [1, 3]].sum(axis=1), every[:, 2]], axis=1)
    np.testing.assert_allclose(class_probabilities(logits, outputs, temperature), expected, atol=1e-12)
    joined = class_logits(logits, outputs, temperature)
    np.testing.assert_allclose(softmax(joined / temperature, axis=1), expected, atol=1e-12)


@pytest.mark.filterwarnings("ignore:.*is not calibrated")
def test_a_model_of_stars_is_evaluated_by_its_classes(tiny_bert: Callable[..., Path]) -> None:
    from sentiscore.evaluation.evaluate import evaluate
    from sentiscore.tables.labelled import LabelledData

    data = LabelledData("rows", TEXTS, ["positive", "negative", "neutral", "negative", "neutral"])
    scorer = Scorer.from_pretrained(tiny_bert(id2label=STARS), device="cpu", dtype="fp32")
    report = evaluate(data, model=scorer, resamples=10)
    assert report.classes == ("negative", "neutral", "positive")
    assert report.probs.shape == (5, 3)
    np.testing.assert_allclose(report.probs.sum(axis=1), 1)
