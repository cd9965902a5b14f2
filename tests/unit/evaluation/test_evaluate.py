"""A report of each set of rows, and what is shown of several."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sentiscore import InputError, Scorer, evaluate
from sentiscore.evaluation.evaluate import Report
from sentiscore.evaluation.html import to_html
from sentiscore.evaluation.mistakes import worst_mistakes
from sentiscore.evaluation.overview import notes_of, side_by_side
from sentiscore.labels import CLASSES
from sentiscore.scoring.probabilities import probabilities
from sentiscore.tables.labelled import LabelledData
from tests.conftest import TEXTS

FILMS = LabelledData("films & more", TEXTS[:4], ["positive", "negative", "positive", "negative"])
NEWS = LabelledData("news", [*TEXTS, *TEXTS[:3]], [*CLASSES, "positive", "negative", *CLASSES])


@pytest.fixture(scope="module")
def three_class(make_checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    """A model whose ids are in an order of their own."""
    folder = make_checkpoint(tmp_path_factory.mktemp("three") / "m", labels=("positive", "negative", "neutral"))
    return Scorer.from_pretrained(folder, device="cpu", dtype="fp32")


@pytest.fixture(scope="module")
def reports(three_class: Scorer) -> list[Report]:
    return [evaluate(data, model=three_class, resamples=10) for data in (FILMS, NEWS)]


def test_on_rows_without_neutral_the_model_is_asked_for_the_other_two(
    three_class: Scorer, reports: list[Report]
) -> None:
    films, news = reports
    assert (films.classes, films.neutral_left_out) == (("negative", "positive"), True)
    assert (news.classes, news.neutral_left_out) == (CLASSES, False)
    logits = three_class.logits(FILMS.texts)[:, [1, 0]]
    assert films.probs == pytest.approx(probabilities(logits, 1.5))
    assert any("asked for negative or positive alone" in note for note in notes_of(films))
    assert not any("alone" in note for note in notes_of(news))


def test_the_temperature_changes_the_log_loss_and_no_answer(reports: list[Report]) -> None:
    for report in reports:
        after, before = report.figures
        assert (report.probs.argmax(axis=1) == report.raw_probs.argmax(axis=1)).all()
        assert after.values["accuracy"] == before.values["accuracy"]
        assert after.values["log_loss"] != before.values["log_loss"]
    assert reports[0].figures[0].values["roc_auc"] == reports[0].figures[1].values["roc_auc"]


def test_a_model_of_two_classes_refuses_neutral_rows(tiny_checkpoint: Path) -> None:
    with pytest.raises(InputError, match="rows that are neutral"):
        evaluate(NEWS, model=tiny_checkpoint)


def test_side_by_side_has_a_cell_for_each_set(reports: list[Report]) -> None:
    lines = side_by_side(reports)
    assert {len(cells) for _, cells in lines} == {2}
    assert lines[0] == ("Rows", ["4", "8"])
    titles = [title for title, _ in lines]
    assert titles.count("  before temperature") == 3
    figures = reports[1].figures[1]
    low, high = figures.intervals["log_loss"]
    assert lines[titles.index("Log loss") + 1][1][1] == f"{figures.values['log_loss']:.4f} [{low:.4f}, {high:.4f}]"


def test_the_page_has_a_reliability_diagram_for_each_set(reports: list[Report]) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plots")
    page = to_html(reports)
    assert page.count("<svg") == 6
    assert "<h2>Side by side</h2>" in page
    assert "<h2>films &amp; more</h2>" in page
    assert "films & more" not in page
    assert "Side by side" not in to_html(reports[:1])


def test_a_report_for_json_has_the_bins_and_no_rows(reports: list[Report]) -> None:
    kept = reports[1].to_dict()
    assert sum(one["rows"] for one in kept["reliability"]) == 8
    assert not {"labels", "probs", "raw_probs"} & set(kept)
    assert kept["neutral_left_out"] is False


@pytest.mark.filterwarnings("ignore:.* is not calibrated")
def test_a_model_without_a_temperature_has_nothing_to_compare(
    make_checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    report = evaluate(FILMS, model=make_checkpoint(tmp_path / "m", temperature=None), resamples=10)
    assert [figures.name for figures in report.figures] == ["model"]
    assert np.array_equal(report.probs, report.raw_probs)
    assert "  before temperature" not in [title for title, _ in side_by_side([report])]
    assert any("never calibrated" in note for note in notes_of(report))


def test_rows_with_mentions_are_measured_as_they_are_scored(tiny_targets: Path) -> None:
    texts = ["profit rises and shares fall", "profit rises and shares fall", "shares fall", "shares fall today"]
    mentions = ["profit", "Shares", "bonds", None]
    data = LabelledData("rows", texts, ["positive", "negative", "neutral", "negative"], mentions=mentions)
    scorer = Scorer.from_pretrained(tiny_targets, device="cpu", dtype="fp32")
    report = evaluate(data, model=scorer, resamples=10)
    scored = scorer.score(texts, mentions)
    assert scored["status"].to_list() == ["ok", "ok", "not_mentioned", "ok"]
    assert report.probs == pytest.approx(scored.select([f"p_{name}" for name in CLASSES]).to_numpy(), abs=1e-6)
    assert report.not_mentioned == report.to_dict()["not_mentioned"] == 1
    assert any("1 rows do not mention their target" in note for note in notes_of(report))


def test_rows_with_mentions_need_a_model_that_reads_targets(tiny_checkpoint: Path) -> None:
    data = LabelledData("rows", TEXTS[:2], ["positive", "negative"], mentions=["profit", None])
    with pytest.raises(InputError, match="cannot read targets"):
        evaluate(data, model=tiny_checkpoint)


def test_the_worst_mistakes_are_those_whose_label_got_least_and_only_the_page_has_their_texts(
    three_class: Scorer,
) -> None:
    rows = LabelledData(
        "news", ["<b>profit</b> rises", *TEXTS], [*CLASSES, *CLASSES[: len(TEXTS) - 2]][: len(TEXTS) + 1]
    )
    rows = replace(rows, dropped=3)
    report = evaluate(rows, model=three_class, resamples=10)
    wrong = report.probs.argmax(axis=1) != report.labels
    of_label = sorted(report.probs[np.arange(report.rows), report.labels][wrong])
    assert [one.p_label for one in report.mistakes] == pytest.approx(of_label[:20])
    assert all(one.label != one.predicted for one in report.mistakes)
    for one in report.mistakes:
        assert rows.label_names[rows.texts.index(one.text)] == one.label

    shown = report.to_dict()
    assert "mistakes" not in shown
    assert shown["model_sha256"] == three_class.checkpoint.sha256
    assert shown["class_balance"] == {name: rows.label_names.count(name) for name in CLASSES}
    page = to_html([report])
    assert three_class.checkpoint.sha256 in page
    assert f"{report.evaluated_at:%Y-%m-%d}" in page
    assert "3 more rows of the table have no text or no label." in page
    assert page.count("probability of the label") == 1
    assert "<b>profit" not in page


def test_equal_mistakes_are_in_the_order_of_the_rows_and_right_answers_are_none() -> None:
    probs = np.array([[0.9, 0.1], [0.2, 0.8], [0.2, 0.8], [0.9, 0.1]])
    rows = [("a", None), ("b", "B"), ("c", None), ("d", None)]
    found = worst_mistakes(rows, ("negative", "positive"), np.array([0, 0, 0, 1]), probs)
    assert [(one.text, one.mention, one.label, one.predicted) for one in found] == [
        ("d", None, "positive", "negative"),
        ("b", "B", "negative", "positive"),
        ("c", None, "negative", "positive"),
    ]
    assert worst_mistakes(rows, ("negative", "positive"), probs.argmax(axis=1), probs) == ()
