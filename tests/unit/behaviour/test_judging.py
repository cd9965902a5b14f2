from typing import Any

import pytest

from sentiscore.behaviour.cases import Case
from sentiscore.behaviour.judging import Answer, expected, joined, judge, passes, shown, wilson
from sentiscore.behaviour.suite import Demand

GLAD, SAD, PLAIN, NONE = Answer("positive", 0.8), Answer("negative", -0.6), Answer("neutral", 0.1), Answer(None, None)
ALL = ("negative", "neutral", "positive")


def expects(*labels: str) -> Demand:
    return Demand(texts=("A",), expect=labels)


def compares(**rule: Any) -> Demand:
    return Demand(pairs=(("A", "B"),), **rule)


@pytest.mark.parametrize(
    ("demand", "given", "passed"),
    [
        (expects("positive"), [GLAD], True),
        (expects("positive"), [PLAIN], False),
        (expects("positive", "neutral"), [PLAIN], True),
        (expects("neutral"), [NONE], False),
        (compares(within=0.2), [GLAD, Answer("positive", 0.6)], True),
        (compares(within=0.2), [GLAD, Answer("positive", 0.59)], False),
        (compares(within=0.2), [PLAIN, Answer("positive", 0.11)], False),
        (compares(within=2), [GLAD, NONE], False),
        (compares(moves="up"), [SAD, GLAD], True),
        (compares(moves="up"), [GLAD, SAD], False),
        (compares(moves="up"), [GLAD, GLAD], False),
        (compares(moves="up", by=1.5), [SAD, GLAD], False),
        (compares(moves="up", by=1.4), [SAD, GLAD], True),
        (compares(moves="down"), [GLAD, PLAIN], True),
        (compares(moves="down"), [PLAIN, GLAD], False),
        (compares(moves="not up"), [GLAD, GLAD], True),
        (compares(moves="not up"), [PLAIN, GLAD], False),
        (compares(moves="not up", by=0.7), [PLAIN, GLAD], True),
        (compares(moves="not down"), [GLAD, PLAIN], False),
        (compares(moves="not down"), [PLAIN, GLAD], True),
        (compares(moves="not down"), [NONE, GLAD], False),
    ],
)
def test_a_case_passes_or_fails(demand: Demand, given: list[Answer], passed: bool) -> None:
    assert passes(demand, given) is passed


def test_failures_are_counted_and_two_are_shown() -> None:
    answers = {"a": GLAD, "b": SAD, "c": SAD, "d": PLAIN}
    found = judge([Case(expects("positive"), text) for text in answers], ALL, lambda text, _: answers[text])
    assert (found.cases, found.failures, found.rate, found.skipped) == (4, 3, 0.75, "")
    assert [example.text for example in found.examples] == ["b", "d"]
    assert (found.examples[0].expected, found.examples[0].got) == ("positive", "negative (-0.60)")


def test_one_failure_is_shown_once() -> None:
    found = judge([Case(expects("positive"), "a")], ALL, lambda *_: SAD)
    assert len(found.examples) == 1


def test_a_case_that_expects_an_unknown_label_is_left_out() -> None:
    cases = [Case(expects("neutral"), "a"), Case(expects("neutral", "positive"), "b")]
    found = judge(cases, ("negative", "positive"), lambda *_: GLAD)
    assert (found.cases, found.failures) == (1, 0)
    assert found.skipped == "1 of 2 cases expect neutral, which it does not know"


def test_no_cases_have_no_rate() -> None:
    found = judge([], ALL, lambda *_: GLAD)
    assert (found.rate, found.interval) == (None, None)


def test_targets_are_asked_about() -> None:
    found = judge(
        [Case(expects("positive"), "a", target="x"), Case(expects("positive"), "a", target="y")],
        ALL,
        lambda _, target: GLAD if target == "x" else SAD,
    )
    assert [example.target for example in found.examples] == ["y"]


@pytest.mark.parametrize(
    ("demand", "words"),
    [
        (expects("negative", "neutral"), "negative or neutral"),
        (compares(within=0.2), "the same label, and a sentiment within 0.20"),
        (compares(moves="up"), "the sentiment rises"),
        (compares(moves="down", by=0.5), "the sentiment falls by at least 0.50"),
        (compares(moves="not up", by=0.05), "the sentiment does not rise by more than 0.05"),
        (compares(moves="not down"), "the sentiment does not fall"),
    ],
)
def test_what_is_expected_is_said(demand: Demand, words: str) -> None:
    assert expected(demand) == words


def test_what_came_out_is_said() -> None:
    assert shown([GLAD, NONE]) == "positive (+0.80), then no score"


def test_the_interval_is_that_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    for failures, cases in ((0, 1), (1, 1), (0, 40), (3, 40), (17, 40), (40, 40), (761, 2049)):
        interval = stats.binomtest(failures, cases).proportion_ci(method="wilson")
        assert wilson(failures, cases) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_judgements_are_joined_all_or_those_of_a_kind() -> None:
    cases = [Case(expects("positive"), "a"), Case(compares(within=0.1), "a", "b"), Case(compares(within=0.1), "c", "d")]
    one = judge(cases, ALL, lambda *_: SAD)
    assert one.by_kind == {"minimum functionality": (1, 1), "invariance": (2, 0)}
    both = [joined([one, one], kind) for kind in ("", "minimum functionality", "invariance", "direction")]
    assert [(each.cases, each.failures) for each in both] == [(6, 2), (2, 2), (4, 0), (0, 0)]
