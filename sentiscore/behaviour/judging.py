"""What a reader answered -> which cases failed, and how often."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sentiscore.behaviour.cases import Case
from sentiscore.behaviour.suite import DOWN, NOT_DOWN, NOT_UP, UP, Demand

_Z: Final = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""
_SLACK: Final = 1e-9
"""What rounding may add to a difference."""


@dataclass(frozen=True)
class Answer:
    """What a reader says of a sentence.

    Attributes:
        label: The most likely label; None if the reader could not read the sentence.
        sentiment: From -1 to 1; None likewise.
    """

    label: str | None
    sentiment: float | None


@dataclass(frozen=True)
class FailedCase:
    """A case that failed.

    Attributes:
        text: The sentence.
        edited: The same after the edit; None where one sentence is judged.
        target: Whom the sentiment is about; None for the text as a whole.
        expected: What should have come out, in words.
        got: What came out, in words.
    """

    text: str
    edited: str | None
    target: str | None
    expected: str
    got: str


@dataclass(frozen=True)
class Judgement:
    """How one reader did at a capability.

    Attributes:
        cases: Cases that were judged.
        failures: How many of them failed.
        examples: Up to two that failed.
        skipped: Why there are no cases, or why some were left out; empty if all were judged.
        by_kind: Cases and failures of each kind of test.
    """

    cases: int
    failures: int
    examples: tuple[FailedCase, ...] = ()
    skipped: str = ""
    by_kind: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def rate(self) -> float | None:
        """The share of cases that failed; None without cases."""
        return self.failures / self.cases if self.cases else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of that share (E. B. Wilson, 1927, JASA 22); None without cases."""
        return wilson(self.failures, self.cases) if self.cases else None


def judge(cases: Sequence[Case], labels: Sequence[str], answers: Callable[[str, str | None], Answer]) -> Judgement:
    """Judge a reader by its answers.

    A case whose only right labels are unknown to the reader is left out: a model of two classes never says neutral.

    Args:
        cases: The cases of a capability.
        labels: The labels that the reader knows.
        answers: Its answer for a sentence and a target.
    """
    possible = [case for case in cases if not case.demand.expect or set(case.demand.expect) & set(labels)]
    every = Counter(case.demand.kind for case in possible)
    failures = [(case, given) for case in possible if not passes(case.demand, given := _given(case, answers))]
    failed = Counter(case.demand.kind for case, _ in failures)
    left_out = len(cases) - len(possible)
    return Judgement(
        cases=len(possible),
        failures=len(failures),
        examples=tuple(_failed(*failures[i]) for i in _spread(len(failures))),
        skipped=f"{left_out} of {len(cases)} cases expect {_unknown(cases, labels)}, which it does not know"
        if left_out
        else "",
        by_kind={kind: (n, failed[kind]) for kind, n in every.items()},
    )


def passes(demand: Demand, given: Sequence[Answer]) -> bool:
    """Whether the answers for a sentence, or for one before and after an edit, are as they have to be.

    A sentence without an answer fails.

    Args:
        demand: What has to be true.
        given: One or two answers.
    """
    if demand.expect:
        return given[0].label in demand.expect
    before, after = given
    if before.sentiment is None or after.sentiment is None:
        return False
    moved = after.sentiment - before.sentiment
    if demand.within is not None:
        return abs(moved) <= demand.within + _SLACK and before.label == after.label
    if demand.moves in (UP, DOWN):
        forward = moved if demand.moves == UP else -moved
        return forward > 0 and forward >= demand.by - _SLACK
    return (moved if demand.moves == NOT_UP else -moved) <= demand.by + _SLACK


def expected(demand: Demand) -> str:
    """What has to come out, in words."""
    if demand.expect:
        return " or ".join(demand.expect)
    if demand.within is not None:
        return f"the same label, and a sentiment within {demand.within:.2f}"
    least = f" by at least {demand.by:.2f}" if demand.by else ""
    most = f" by more than {demand.by:.2f}" if demand.by else ""
    return {
        UP: f"the sentiment rises{least}",
        DOWN: f"the sentiment falls{least}",
        NOT_UP: f"the sentiment does not rise{most}",
        NOT_DOWN: f"the sentiment does not fall{most}",
    }[demand.moves or ""]


def shown(given: Sequence[Answer]) -> str:
    """Answers in words, the one before the edit first."""
    return ", then ".join(
        "no score" if each.sentiment is None else f"{each.label} ({each.sentiment:+.2f})" for each in given
    )


def wilson(failures: int, cases: int) -> tuple[float, float]:
    """The 95 % interval of a share.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22, 1927.

    Args:
        failures: How often it happened.
        cases: How often it could have happened; at least 1.
    """
    share, z2 = failures / cases, _Z**2
    middle = (share + z2 / (2 * cases)) / (1 + z2 / cases)
    half = _Z / (1 + z2 / cases) * math.sqrt(share * (1 - share) / cases + z2 / (4 * cases**2))
    return (0.0 if failures == 0 else max(middle - half, 0.0), 1.0 if failures == cases else min(middle + half, 1.0))


def joined(judgements: Sequence[Judgement], kind: str = "") -> Judgement:
    """Several judgements of one reader as one, without examples.

    Args:
        judgements: One for each capability.
        kind: The kind of test whose cases count; all by default.
    """
    counts = [each.by_kind.get(kind, (0, 0)) if kind else (each.cases, each.failures) for each in judgements]
    return Judgement(sum(cases for cases, _ in counts), sum(failures for _, failures in counts))


def _failed(case: Case, given: Sequence[Answer]) -> FailedCase:
    return FailedCase(case.text, case.edited, case.target, expected(case.demand), shown(given))


def _given(case: Case, answers: Callable[[str, str | None], Answer]) -> list[Answer]:
    texts = [case.text] if case.edited is None else [case.text, case.edited]
    return [answers(text, case.target) for text in texts]


def _spread(n: int) -> list[int]:
    """Which failures are shown: the first, and one from the second half, where other templates are."""
    return [0, (n + 1) // 2] if n > 1 else list(range(n))


def _unknown(cases: Sequence[Case], labels: Sequence[str]) -> str:
    found = {label for case in cases for label in case.demand.expect} - set(labels)
    return " or ".join(sorted(found))
