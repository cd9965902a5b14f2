from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from sentiscore.errors import TrainingError
from sentiscore.tables.labelled import LabelledData
from sentiscore.training import soft_labels
from sentiscore.training.soft_labels import Input, Teacher, ask_once, mixed, unlabelled

TEACHER: list[Any] = [SimpleNamespace(name="one")]


def alone(*texts: str) -> list[Input]:
    return [(text, None) for text in texts]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that teachers were asked for; longer ones are more positive, and "" has no tokens."""
    texts: list[str] = []
    schema: dict[str, Any] = {"text": pl.String, "mention": pl.String, "p_positive": pl.Float32}

    def ask(teachers: Sequence[Any], more: Sequence[Input], _: object = None) -> pl.DataFrame:
        texts.extend(text for text, _ in more)
        rows = [(text, mention, (len(text) + len(mention or "") / 10) / 100 or None) for text, mention in more]
        return pl.DataFrame(rows, schema, orient="row")

    monkeypatch.setattr(soft_labels, "ask", ask)
    monkeypatch.setattr(Teacher, "of", lambda teacher: Teacher(teacher.name, f"hash of {teacher.name}"))
    return texts


def test_teachers_are_asked_for_what_the_file_does_not_answer_alone(asked: list[str], tmp_path: Path) -> None:
    place = tmp_path / "soft.parquet"
    _, first = ask_once(TEACHER, alone("a", "bb", ""), place)
    assert first["text"].to_list() == ["a", "bb"]
    asked.clear()
    who, second = ask_once(TEACHER, alone("", "ccc", "bb"), place)
    assert asked == ["ccc"]
    assert second.rows() == [("ccc", None, pytest.approx(0.03)), ("bb", None, pytest.approx(0.02))]
    assert who == (Teacher("one", "hash of one"),)
    assert pl.read_parquet(place).height == 4
    with pytest.raises(TrainingError, match="what other teachers said"):
        ask_once([SimpleNamespace(name="two")], alone("a"), place)  # type: ignore[list-item]


def test_a_file_takes_the_place_of_its_teachers_and_holds_no_text(asked: list[str], tmp_path: Path) -> None:
    place = tmp_path / "soft.parquet"
    ask_once(TEACHER, alone("a secret", "bb"), place)
    assert b"secret" not in place.read_bytes()
    who, answers = ask_once([], alone("bb"), place)
    assert (who, answers["text"].to_list()) == ((Teacher("one", "hash of one"),), ["bb"])
    with pytest.raises(TrainingError, match="does not answer for 1 of 2 texts, such as 'new'"):
        ask_once([], alone("bb", "new"), place)
    with pytest.raises(TrainingError, match="no teacher, and no file"):
        ask_once([], alone("bb"), tmp_path / "none.parquet")
    pl.DataFrame({"text": ["bb"], "p_positive": [0.5]}).write_parquet(place)
    with pytest.raises(TrainingError, match="not made by this version"):
        ask_once([], alone("bb"), place)


def test_a_teacher_that_is_stopped_need_not_say_again_what_it_said(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soft_labels, "_ASKED_AT_ONCE", 2)
    answer = soft_labels.ask

    def stopped_at_the_third(teachers: Sequence[Any], more: Sequence[Input], _: object = None) -> pl.DataFrame:
        if ("ccc", None) in more:
            raise KeyboardInterrupt
        return answer(teachers, more)

    monkeypatch.setattr(soft_labels, "ask", stopped_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        ask_once(TEACHER, alone("a", "bb", "ccc", "dddd", "eeeee"), tmp_path / "soft.parquet")
    asked.clear()
    monkeypatch.setattr(soft_labels, "ask", answer)
    _, answers = ask_once(TEACHER, alone("a", "bb", "ccc", "dddd", "eeeee"), tmp_path / "soft.parquet")
    assert asked == ["ccc", "dddd", "eeeee"]
    assert answers["p_positive"].to_list() == pytest.approx([0.01, 0.02, 0.03, 0.04, 0.05])


def test_kept_soft_labels_are_those_of_the_file_that_is_named(asked: list[str], tmp_path: Path) -> None:
    for name, text in [("a2.parquet", "of another"), ("a[2].parquet", "of this")]:
        ask_once(TEACHER, alone(text), tmp_path / name)
    assert ask_once([], alone("of this"), tmp_path / "a[2].parquet")[1]["text"].to_list() == ["of this"]


def test_a_text_has_an_answer_for_each_mention_that_it_is_read_for(asked: list[str], tmp_path: Path) -> None:
    inputs: list[Input] = [("ab", None), ("ab", "b"), ("ab", "ab"), ("abb", "b")]
    _, answers = ask_once(TEACHER, inputs, tmp_path / "soft.parquet")
    assert answers["p_positive"].to_list() == pytest.approx([0.02, 0.021, 0.022, 0.031])
    _, again = ask_once([], inputs[::-1], tmp_path / "soft.parquet")
    assert again.rows() == answers.rows()[::-1]
    assert asked == ["ab", "ab", "ab", "abb"]


def test_labelled_and_other_texts_keep_their_mentions() -> None:
    schema = ["text", "mention", "p_negative", "p_positive"]
    answers = pl.DataFrame([("ab", "a", 0.9, 0.1), ("ab", "b", 0.2, 0.8), ("ab", None, 0.5, 0.5)], schema, orient="row")
    rows = LabelledData("x", ["ab", "ab", "c"], ["negative", "negative", "positive"], mentions=["b", "a", None])
    both = mixed(rows, answers, 0.5)
    assert both.inputs == [("ab", "b"), ("ab", "a")]
    assert both.probs is not None
    assert both.probs[:, 0].tolist() == pytest.approx([0.6, 0.95])
    others = unlabelled("y", [("ab", None), ("ab", "b"), ("z", None)], answers, 1.0)
    assert others.inputs == [("ab", None), ("ab", "b")]
    assert unlabelled("y", [("ab", None)], answers, 1.0).mentions is None
