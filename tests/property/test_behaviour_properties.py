"""Templates, samples and judgements, whatever the lists and the answers are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiscore.behaviour.edits import EDITS
from sentiscore.behaviour.judging import Answer, passes, wilson
from sentiscore.behaviour.suite import Demand
from sentiscore.behaviour.templates import count, fill, sample, shares

LISTS = st.fixed_dictionaries(
    {name: st.lists(st.text("abcdef", min_size=1), min_size=3, max_size=6, unique=True) for name in ("one", "two")}
)
FRAMES = st.lists(st.sampled_from(["{one}", "{one:2}", "{one:3}", "{two}", "{two:2}"]), min_size=1, max_size=4)
ANSWERS = st.builds(Answer, st.sampled_from(["negative", "neutral", "positive"]), st.floats(-1, 1))


@given(LISTS, FRAMES, st.integers(1, 50))
def test_a_sentence_takes_different_items_of_the_lists_that_it_names(
    lists: dict[str, list[str]], frame: list[str], wanted: int
) -> None:
    template = (" | ".join(frame),)
    total = count(template, lists)
    chosen = sample(total, wanted, "seed")
    assert len(set(chosen)) == min(wanted, total)
    for at in chosen:
        used = dict(zip(frame, fill(template, lists, at)[0].split(" | "), strict=True))
        assert all(word in lists[name[1:4]] for name, word in used.items())
        for name in lists:
            words = [word for field, word in used.items() if name in field]
            assert len(set(words)) == len(words)


@given(LISTS)
def test_every_number_below_the_count_gives_another_sentence(lists: dict[str, list[str]]) -> None:
    template = ("{one} | {one:2} | {two} | {one:3}",)
    total = count(template, lists)
    assert len({fill(template, lists, at) for at in range(total)}) == total


@given(st.lists(st.integers(0, 60), max_size=8), st.integers(1, 100))
def test_shares_are_as_even_as_they_can_be(available: list[int], most: int) -> None:
    taken = shares(available, most)
    assert sum(taken) == min(most, sum(available))
    assert all(0 <= one <= there for one, there in zip(taken, available, strict=True))
    not_used_up = [one for one, there in zip(taken, available, strict=True) if one < there]
    if not_used_up:
        assert max(taken) - min(not_used_up) <= 1


@given(st.text(max_size=60), st.sampled_from(sorted(EDITS)))
def test_an_edit_takes_any_text(text: str, name: str) -> None:
    assert isinstance(EDITS[name](text), str)


@given(ANSWERS, ANSWERS, st.floats(0, 2))
def test_invariance_does_not_depend_on_which_came_first(one: Answer, other: Answer, within: float) -> None:
    demand = Demand(pairs=(("a", "b"),), within=within)
    assert passes(demand, [one, other]) == passes(demand, [other, one])
    assert passes(demand, [one, one])


@given(ANSWERS, ANSWERS, st.floats(0, 2))
def test_a_move_is_seen_from_both_ends(one: Answer, other: Answer, by: float) -> None:
    up, down = (Demand(pairs=(("a", "b"),), moves=moves, by=by) for moves in ("up", "down"))
    assert passes(up, [one, other]) == passes(down, [other, one])
    assert not (passes(up, [one, other]) and passes(down, [one, other]))


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_contains_its_share(counts: tuple[int, int]) -> None:
    failures, cases = counts
    low, high = wilson(failures, cases)
    assert 0 <= low <= failures / cases <= high <= 1
    assert wilson(cases - failures, cases) == pytest.approx((1 - high, 1 - low), abs=1e-9)
