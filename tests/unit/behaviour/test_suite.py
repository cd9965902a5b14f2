from pathlib import Path
from typing import Any

import pytest

from sentiscore.behaviour.cases import cases_of
from sentiscore.behaviour.suite import SHIPPED, Suite, read_suite, shipped_suite
from sentiscore.errors import InputError

GOOD = """
[lists]
thing = ["lamp", "desk"]
praise = ["good", "nice"]

[[capabilities]]
name = "praise"
tests = [{ texts = ["The {thing} is {praise}."], expect = ["positive"] }]
"""


def suite(**changes: Any) -> Suite:
    raw: dict[str, Any] = {
        "lists": {"thing": ["lamp", "desk"], "praise": ["good", "nice", "fine"]},
        "capabilities": [{"name": "praise", "tests": [{"texts": ["A {praise} {thing}"], "expect": ["positive"]}]}],
    }
    return Suite.from_dict(raw | changes)


def with_test(**test: Any) -> Suite:
    return suite(capabilities=[{"name": "praise", "tests": [test]}])


def test_the_shipped_suite_has_enough_cases_and_none_twice() -> None:
    shipped = shipped_suite()
    assert len(shipped.capabilities) >= 40
    for capability in shipped.capabilities:
        cases = cases_of(capability, shipped)
        assert 10 <= len(cases) <= 60, capability.name
        asked = [(case.text, case.edited, case.target, case.demand.kind) for case in cases]
        assert len(set(asked)) == len(asked), capability.name


def test_every_place_of_the_shipped_suite_is_filled() -> None:
    shipped = shipped_suite()
    for capability in shipped.capabilities:
        for case in cases_of(capability, shipped):
            assert not {"{", "}"} & set(f"{case.text}{case.edited}{case.target}"), case


def test_every_list_of_the_shipped_suite_is_used() -> None:
    text = SHIPPED.read_text(encoding="utf-8").split("[[capabilities]]", 1)[1]
    unused = [name for name in shipped_suite().lists if not any(f"{{{n}" in text for n in (name, name.capitalize()))]
    assert unused == []


def test_every_capability_of_the_shipped_suite_says_what_it_tests() -> None:
    assert [
        each.name for each in shipped_suite().capabilities if not each.about.endswith(".") or each.group == "own"
    ] == []


def test_the_three_kinds_of_test_are_told_apart() -> None:
    tests: list[dict[str, Any]] = [
        {"texts": ["A {thing}"], "expect": ["neutral"]},
        {"texts": ["A {thing}"], "edits": ["capitals"], "within": 0.1},
        {"pairs": [["A {thing}", "A {praise} {thing}"]], "moves": "up"},
    ]
    (capability,) = suite(capabilities=[{"name": "all", "tests": tests}]).capabilities
    assert capability.kinds == ("direction", "invariance", "minimum functionality")


def test_a_capability_takes_the_same_sample_whatever_stands_beside_it() -> None:
    tests = [{"texts": ["A {praise} {thing} with a {thing:2}"], "expect": ["positive"]}]
    one = {"name": "one", "most": 3, "tests": tests}
    other = {"name": "other", "tests": tests}
    first, second = suite(capabilities=[one]), suite(capabilities=[other, one])
    assert cases_of(first.capabilities[0], first) == cases_of(second.capabilities[1], second)
    assert len(cases_of(first.capabilities[0], first)) == 3


def test_too_many_combinations_are_sampled() -> None:
    words = [f"word{i}" for i in range(500)]
    frame = " ".join(f"{{word:{i}}}" for i in range(1, 10))
    found = suite(
        lists={"word": words},
        capabilities=[{"name": "many", "most": 25, "tests": [{"texts": [frame, f"{frame}!"], "expect": ["neutral"]}]}],
    )
    cases = cases_of(found.capabilities[0], found)
    assert [sum(case.text.endswith("!") == mark for case in cases) for mark in (True, False)] == [12, 13]


def test_an_edit_that_changes_nothing_is_no_case() -> None:
    found = with_test(texts=["It's a {thing}", "A {thing}"], edits=["no apostrophes"], within=0.1)
    assert [case.text for case in cases_of(found.capabilities[0], found)] == ["It's a lamp", "It's a desk"]


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (
            {"texts": ["up up"], "edits": ["typo"], "within": 0.1},
            "In 'praise', test 1: no edit changes any sentence of ['up up'].",
        ),
        (
            {"pairs": [["A {thing}", "A {thing}"]], "within": 0.1},
            "In 'praise', test 1: the two sentences of every pair of [['A {thing}', 'A {thing}']] are the same.",
        ),
        (
            {"texts": ["A {thing}"], "target": "{thing:2}", "expect": ["neutral"]},
            "In 'praise', test 1: the sentence 'A lamp' does not mention its target 'desk'.",
        ),
        (
            {"texts": ["A {thing}"], "target": " ", "expect": ["neutral"]},
            "In 'praise', test 1: the sentence 'A lamp' does not mention its target ' '.",
        ),
        (
            {"pairs": [["A {thing}", "A {thing:2}"]], "target": "{thing}", "within": 0.1},
            "In 'praise', test 1: the sentence 'A desk' does not mention its target 'lamp'.",
        ),
        (
            {"texts": ["Globex up"], "target": "Globex", "edits": ["typo"], "within": 0.1},
            "In 'praise', test 1: no edit changes any sentence of ['Globex up'], or each changes the target's name.",
        ),
    ],
)
def test_a_test_without_a_case_or_its_target_is_refused(test: dict[str, Any], message: str) -> None:
    found = with_test(**test)
    with pytest.raises(InputError) as caught:
        cases_of(found.capabilities[0], found)
    assert caught.value.message == message


def test_an_edit_that_changes_the_name_of_the_target_is_no_case() -> None:
    found = with_test(texts=["Globex up", "Globex prospers"], target="Globex", edits=["typo"], within=0.1)
    assert [case.text for case in cases_of(found.capabilities[0], found)] == ["Globex prospers"]


def test_a_suite_needs_no_lists() -> None:
    found = Suite.from_dict({"capabilities": [{"name": "a", "tests": [{"texts": ["A"], "expect": ["neutral"]}]}]})
    assert found.lists == {}


def test_a_target_shares_the_words_of_its_sentence() -> None:
    found = with_test(texts=["The {thing} beats the {thing:2}"], target="{thing:2}", expect=["negative"])
    pairs = {(case.text, case.target) for case in cases_of(found.capabilities[0], found)}
    assert pairs == {("The lamp beats the desk", "desk"), ("The desk beats the lamp", "lamp")}


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ({"texts": ["A {colour}"], "expect": ["neutral"]}, "names the list 'colour', which does not exist"),
        (
            {"texts": ["{thing} {thing:2} {thing:3}"], "expect": ["neutral"]},
            "needs 3 different items of the list 'thing'",
        ),
        ({"texts": ["A {thing"], "expect": ["neutral"]}, "has a { that belongs to no"),
        ({"texts": ["A"], "expect": ["good"]}, "has to be one of negative, neutral, positive"),
        ({"texts": ["A"]}, "has to have one of expect, within and moves"),
        ({"texts": ["A"], "expect": ["neutral"], "within": 0.1}, "has to have one of expect, within and moves"),
        ({"expect": ["neutral"]}, "has expect, which needs texts"),
        ({"pairs": [["A", "B"]], "expect": ["neutral"]}, "has expect, which needs texts"),
        ({"texts": ["A"], "within": 0.1}, "needs pairs, or texts and edits"),
        ({"texts": ["A"], "edits": ["shout"], "within": 0.1}, "has to be one of capitals"),
        ({"pairs": [["A", "B"]], "texts": ["A"], "within": 0.1}, "has pairs, which take neither"),
        ({"pairs": [["A", "B", "C"]], "within": 0.1}, "a list of lists of two templates"),
        ({"pairs": [["A", "B"]], "within": -1}, "has to be at least 0 and at most 2"),
        ({"pairs": [["A", "B"]], "within": 0.1, "by": 0.1}, "has by, which needs moves"),
        ({"pairs": [["A", "B"]], "moves": "sideways"}, "has to be one of up, down, not up, not down"),
        ({"texts": ["A"], "expect": ["neutral"], "expects": []}, "has no setting 'expects'"),
    ],
)
def test_a_test_that_makes_no_sense_is_refused(test: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        with_test(**test)
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lists": {"Thing": ["a"]}}, "The list 'Thing' cannot be named by a template."),
        ({"lists": {"thing:2": ["a"]}}, "The list 'thing:2' cannot be named by a template."),
        ({"lists": {"thing": []}}, "The list 'thing' is empty."),
        ({"lists": {"thing": ["a", "a"]}}, "a list without repeats"),
        ({"lists": {"thing": "lamp"}}, "has to be a list"),
        ({"capabilities": []}, "at least one [[capabilities]] table"),
        ({"capabilities": [{"name": "a", "tests": []}]}, "at least one [[capabilities.tests]] table"),
        (
            {"capabilities": [{"name": " ", "tests": [{"texts": ["A"], "expect": ["neutral"]}]}]},
            "a text that is not empty",
        ),
        ({"capabilities": [{"name": "a", "most": 0, "tests": []}]}, "at least 1 and at most 1000"),
        ({"capabilities": [{"tests": []}]}, "lacks 'name'"),
        ({"word": {}}, "A suite has no setting 'word'."),
    ],
)
def test_a_suite_that_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        suite(**changes)
    assert message in caught.value.message


def test_two_capabilities_of_one_name_are_refused() -> None:
    one = {"name": "praise", "tests": [{"texts": ["A"], "expect": ["neutral"]}]}
    with pytest.raises(InputError, match="Two capabilities are called 'praise'"):
        suite(capabilities=[one, one])


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(GOOD, encoding="utf-8")
    found = read_suite(path)
    assert next(case.text for case in cases_of(found.capabilities[0], found)) == "The lamp is good."


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("[lists]", "[lists", "line 2"),
        ('name = "praise"', 'nam = "praise"', "own.toml, [[capabilities]] 1: A capability has no setting 'nam'."),
        ("expect =", "expekt =", "own.toml, [[capabilities]] 1 ('praise'), test 1: A test has no setting 'expekt'."),
        ("{praise}", "{prais}", "own.toml: In 'praise', test 1: the template 'The {thing} is {prais}.' names the list"),
        ('["good", "nice"]', "[]", "own.toml: The list 'praise' is empty."),
        ('["good", "nice"]', "3", "own.toml: the list 'praise' is, or contains, 3; it has to be a list."),
        ('["good", "nice"]', '["good", 3]', "own.toml: the list 'praise' is, or contains, 3; it has to be text."),
        ('["good", "nice"]', '["good", "good"]', "['good', 'good']; it has to be a list without repeats."),
        (
            "tests = [{",
            "tests = [3, {",
            "own.toml, [[capabilities]] 1 ('praise'), test 1: A test is a table of settings",
        ),
        ("tests = [", "most = 3.5\ntests = [", "own.toml, [[capabilities]] 1 ('praise'): The capability's most is 3.5"),
    ],
)
def test_what_is_wrong_with_a_file_names_its_line_or_table(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    path = tmp_path / "own.toml"
    assert before in GOOD
    path.write_text(GOOD.replace(before, after), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_suite(path)
    assert message in caught.value.message


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_suite(tmp_path / "none.toml")
