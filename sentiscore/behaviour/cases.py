"""A suite -> its cases: sentences, what was done to them, and what has to be true."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from sentiscore.behaviour.edits import EDITS
from sentiscore.behaviour.suite import Capability, Demand, Suite
from sentiscore.behaviour.templates import count, fill, sample, shares
from sentiscore.errors import InputError
from sentiscore.fitting import shown
from sentiscore.scoring.mentions import Targets, mentions_of


@dataclass(frozen=True)
class Case:
    """One sentence, or two of which the second is an edit of the first.

    Attributes:
        demand: What has to be true.
        text: The sentence.
        edited: The same after the edit; None if the demand is about one sentence.
        target: Whom the sentiment is about; None if it is about the text as a whole.
    """

    demand: Demand
    text: str
    edited: str | None = None
    target: str | None = None


def cases_of(capability: Capability, suite: Suite) -> list[Case]:
    """The cases of a capability, in the order of its tests: all of them, or a sample of `most`.

    The sample takes equally many from each test, and within a test from each template, as far as they have that many.
    It depends on the suite's seed and the capability's name alone. An edit that changes nothing, or that changes
    the target's name, is not counted as a case.

    Args:
        capability: One of the suite's.
        suite: Its lists and its seed.

    Raises:
        InputError: A test has no case, or a sentence does not mention its target.
    """
    sizes = [[_size(test, templates, suite) for templates in test.templates] for test in capability.tests]
    found: dict[Case, None] = {}
    for i, taken in enumerate(shares([sum(each) for each in sizes], capability.most)):
        test = capability.tests[i]
        made: list[Case] = []
        for j, n in enumerate(shares(sizes[i], taken)):
            chosen = sample(sizes[i][j], n, f"{suite.seed} {capability.name} {i} {j}")
            made += _made(test, test.templates[j], suite, chosen)
        where = f"In {capability.name!r}, test {i + 1}"
        made = _about_targets(made, where)
        if taken and not made:
            drawn = "of" if taken == sum(sizes[i]) else "drawn from"
            raise InputError(f"{where}: {_nothing(test, drawn)}.", "Change the sentences or the edits, or remove it.")
        found |= dict.fromkeys(made)
    return list(found)


def _size(test: Demand, templates: tuple[str, ...], suite: Suite) -> int:
    return count(templates, suite.lists) * max(len(test.edits), 1)


def _made(test: Demand, templates: tuple[str, ...], suite: Suite, chosen: list[int]) -> Iterator[Case]:
    for at in chosen:
        which, edit = divmod(at, max(len(test.edits), 1))
        filled = fill(templates, suite.lists, which)
        texts = filled[:-1] if test.target else filled
        if test.edits:
            texts = (texts[0], EDITS[test.edits[edit]](texts[0]))
        if len(set(texts)) == len(texts):
            edited = texts[1] if len(texts) > 1 else None
            yield Case(test, texts[0], edited, filled[-1] if test.target else None)


def _about_targets(cases: list[Case], where: str) -> list[Case]:
    """The cases whose target is in their sentences; an edit may change its name, but no sentence may be without it."""
    if not cases or cases[0].target is None:
        return cases
    targets = pl.Series([case.target for case in cases], dtype=pl.String)
    is_in = [
        mentions_of(pl.Series(texts, dtype=pl.String), Targets(targets, {})).mention.is_not_null()
        for texts in ([case.text for case in cases], [case.edited or case.text for case in cases])
    ]
    for case, *both in zip(cases, *is_in, strict=True):
        if not all(both) and not (both[0] and case.demand.edits):
            text = case.edited if both[0] and case.edited is not None else case.text
            raise InputError(
                f"{where}: the sentence {shown(text)} does not mention its target {shown(case.target)}.",
                "A target is a name that is in each sentence of its test.",
            )
    return [case for case, here in zip(cases, is_in[1], strict=True) if here]


def _nothing(test: Demand, drawn: str) -> str:
    """Why a test has no case."""
    if test.pairs:
        return f"the two sentences of every pair {drawn} {shown([list(pair) for pair in test.pairs])} are the same"
    also = ", or each changes the target's name" if test.target else ""
    return f"no edit changes any sentence {drawn} {shown(list(test.texts))}{also}"
