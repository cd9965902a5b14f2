import pytest

from sentiscore.behaviour.templates import Field, TemplateError, count, fields_of, fill, sample, shares

LISTS = {"thing": ("lamp", "desk", "chair"), "word": ("good",)}


def test_the_fields_of_a_template_are_read() -> None:
    assert fields_of("{Thing:2} of {thing} is {word}.") == [
        Field("thing", 2, capital=True),
        Field("thing", 1, capital=False),
        Field("word", 1, capital=False),
    ]


@pytest.mark.parametrize("template", ["a {thing", "a thing}", "{}", "{thing:0}", "{thing:10}", "{{thing}}", "{a b}"])
def test_braces_that_are_no_field_are_refused(template: str) -> None:
    with pytest.raises(TemplateError, match="that belongs to no"):
        fields_of(template)


def test_every_way_to_fill_in_a_template_gives_other_words() -> None:
    templates = ("The {thing} and the {thing:2} are {word}.",)
    ways = [fill(templates, LISTS, at)[0] for at in range(count(templates, LISTS))]
    assert len(set(ways)) == len(ways) == 6
    assert "The lamp and the desk are good." in ways
    assert not any(f"The {thing} and the {thing} " in way for way in ways for thing in LISTS["thing"])


def test_templates_share_their_words() -> None:
    templates = ("{Thing} is {word}.", "{word} {thing} {thing:2}")
    for at in range(count(templates, LISTS)):
        first, second = fill(templates, LISTS, at)
        assert second.split()[1] == first.split()[0].lower()
        assert first[0].isupper()


def test_a_template_without_fields_is_one_sentence() -> None:
    assert count(("Plain.",), LISTS) == 1
    assert fill(("Plain.",), LISTS, 0) == ("Plain.",)


@pytest.mark.parametrize(
    ("available", "most", "taken"),
    [
        ([10, 10], 6, [3, 3]),
        ([10, 10], 7, [4, 3]),
        ([1, 10, 10], 9, [1, 4, 4]),
        ([2, 1], 9, [2, 1]),
        ([0, 5], 2, [0, 2]),
        ([], 4, []),
        ([5, 5, 5], 2, [1, 1, 0]),
    ],
)
def test_cases_are_divided_evenly(available: list[int], most: int, taken: list[int]) -> None:
    assert shares(available, most) == taken


def test_a_sample_of_any_number_is_drawn_without_counting_to_it() -> None:
    drawn = sample(10**40, 5, "seed")
    assert drawn == sorted(set(drawn)) == sample(10**40, 5, "seed")
    assert drawn != sample(10**40, 5, "another seed")
    assert sample(3, 5, "seed") == [0, 1, 2]
