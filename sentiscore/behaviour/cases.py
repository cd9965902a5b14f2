"""A suite -> its cases: sentences, what was done to them, and what has to be true."""

from collections.abc import Iterator
from dataclasses import dataclass

from sentiscore.behaviour.edits import EDITS
from sentiscore.behaviour.suite import Capability, Demand, Suite
from sentiscore.behaviour.templates import count, fill, sample, shares


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
    It depends on the suite's seed and the capability's name alone. An edit that changes nothing is no case.

    Args:
        capability: One of the suite's.
        suite: Its lists and its seed.
    """
    sizes = [[_size(test, templates, suite) for templates in test.templates] for test in capability.tests]
    found: dict[Case, None] = {}
    for i, taken in enumerate(shares([sum(each) for each in sizes], capability.most)):
        test = capability.tests[i]
        for j, n in enumerate(shares(sizes[i], taken)):
            chosen = sample(sizes[i][j], n, f"{suite.seed} {capability.name} {i} {j}")
            found |= dict.fromkeys(_made(test, test.templates[j], suite, chosen))
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
