"""The texts of the benchmark: seeded, distinct where they should be, repeated where they should be."""

import random

import pytest

from tests.benches.texts import distinct, sample, text_sets, with_repeats

TEXTS = [f"text {i}" for i in range(500)]


@pytest.mark.parametrize("rows", [10, 100, 333])
def test_three_rows_of_ten_repeat_another(rows: int) -> None:
    texts = with_repeats(TEXTS, rows)
    assert len(texts) == rows
    assert len(texts) - len(set(texts)) == round(0.3 * rows)


def test_there_are_fewer_rows_where_there_are_not_enough_texts() -> None:
    texts = with_repeats(TEXTS[:7], 1000)
    assert len(texts) == 10
    assert set(texts) == set(TEXTS[:7])


def test_the_same_texts_are_chosen_each_time_whatever_else_chance_does() -> None:
    first = sample(TEXTS, 20), with_repeats(TEXTS, 20)
    random.random()  # noqa: S311
    assert (sample(TEXTS, 20), with_repeats(TEXTS, 20)) == first


def test_a_sample_keeps_the_order_and_repeats_nothing() -> None:
    chosen = sample(TEXTS, 50)
    assert chosen == sorted(set(chosen), key=TEXTS.index)
    assert sample(TEXTS, 5000) == TEXTS


def test_blank_and_repeated_texts_are_not_distinct_ones() -> None:
    assert distinct(["b", None, "", " ", "a", "b"]) == ["b", "a"]


def test_the_sample_news_stand_in_where_there_is_no_research_data() -> None:
    plain, repeated = text_sets(100, None)
    assert (len(plain.texts), plain.distinct) == (100, 100)
    assert (len(repeated.texts), repeated.distinct) == (100, 70)
