"""Whether a model is found out that is no better than a simpler one."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sentiscore.checkpoint import Manifest
from sentiscore.errors import SentiscoreWarning
from sentiscore.evaluation.metrics import point_metrics
from sentiscore.tables.labelled import LabelledData
from sentiscore.training.weaknesses import Answered, advice_on, baseline_figures, find_weaknesses, warn_of

TRAIN = LabelledData(
    "train",
    [f"{text} {i}" for i in range(10) for text in ("profit rises", "shares fall")],
    ["positive", "negative"] * 10,
)
TEXTS = ["the profit rises", "the shares fall", "profit again rises", "shares again fall"]


def answered(p_positive: list[float]) -> Answered:
    probs = np.array([[1 - p, p] for p in p_positive])
    return Answered(("negative", "positive"), TEXTS, np.array([1, 0, 1, 0]), probs)


def found(p_positive: list[float], train_data: LabelledData = TRAIN) -> tuple[str, ...]:
    rows = {"rows": answered(p_positive)}
    figures = {name: point_metrics(one.labels, one.probs) for name, one in rows.items()}
    return find_weaknesses(figures, baseline_figures([train_data], rows), rows)


def test_a_constant_answer_is_named_and_compared_with_word_counts() -> None:
    constant, compared = found([0.6, 0.6, 0.7, 0.6])
    assert constant == "It answers positive to each of the 4 validation rows of rows."
    assert "its macro-F1 is 0.333, and TF-IDF" in compared
    assert "has 1.000" in compared


def test_a_model_that_is_worse_than_word_counts_is_weak_though_it_is_no_constant() -> None:
    (compared,) = found([0.9, 0.1, 0.9, 0.9])
    assert "macro-F1 is 0.733" in compared


def test_a_model_that_is_always_right_is_not_weak_even_if_word_counts_are_too() -> None:
    assert found([0.9, 0.1, 0.9, 0.1]) == ()


def test_texts_without_words_leave_nothing_to_compare_with() -> None:
    wordless = LabelledData("train", ["!", "?"] * 4, ["positive", "negative"] * 4)
    assert found([0.9, 0.1, 0.9, 0.9], wordless) == ()


def test_a_class_without_training_rows_counts_against_the_baseline() -> None:
    classes = ("negative", "neutral", "positive")
    rows = Answered(classes, [*TEXTS, "board meets"], np.array([2, 0, 2, 0, 1]), np.full((5, 3), 1 / 3))
    figures = baseline_figures([TRAIN], {"rows": rows})["rows"]
    assert figures["accuracy"] == pytest.approx(0.8)


def test_the_advice_is_the_default_model_unless_it_was_the_base() -> None:
    assert "--base default" in advice_on("all-MiniLM-L6-v2")
    assert "--base" not in advice_on("default")


def test_the_warning_says_what_is_weak_and_what_to_do(tiny_checkpoint: Path) -> None:
    manifest = Manifest.read(tiny_checkpoint)
    assert manifest is not None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of(manifest)
    with pytest.warns(SentiscoreWarning, match=r"no better than a simpler one\. It is bad\. .*--base default"):
        warn_of(replace(manifest, weaknesses=("It is bad.",)))
