"""A model and suites of capabilities -> a report of its behaviour."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from sentiscore import forks
from sentiscore.behaviour.baselines import baseline
from sentiscore.behaviour.cases import Case, cases_of
from sentiscore.behaviour.judging import Answer, Judgement, judge
from sentiscore.behaviour.readers import Asked, ModelReader, Reader
from sentiscore.behaviour.report import BehaviourReport, CapabilityResult
from sentiscore.behaviour.suite import Capability, Suite, read_suite, shipped_suite
from sentiscore.checkpoint import DEFAULT
from sentiscore.errors import InputError
from sentiscore.local import local_path
from sentiscore.scoring.options import ScorerOptions
from sentiscore.scoring.scorer import Scorer

SHIPPED: Final = "shipped"


def check_behaviour(
    model: str | Path | ScorerOptions | Scorer = DEFAULT,
    *,
    suites: Sequence[str | Path] = (),
    shipped: bool = True,
    baselines: Sequence[str | Path] = (),
    progress: Callable[[int, int], None] | None = None,
) -> BehaviourReport:
    """Test what a model can do with sentences made from templates: negation, numbers, typos, names and more.

    A sentence has to get one of some labels; or an edit must not move the sentiment; or an edit has to move it in a
    direction. These three kinds of test are those of M. T. Ribeiro, T. Wu, C. Guestrin and S. Singh, "Beyond Accuracy:
    Behavioral Testing of NLP Models with CheckList", ACL 2020 (arXiv 2005.04118).

    Args:
        model: "default", a folder, a hub id, an object with the options of a model, or a loaded scorer.
        suites: TOML files of capabilities of your own.
        shipped: Whether the capabilities inside the package are tested too.
        baselines: What to compare the model with: "vader", or files of word lists.
        progress: Called with how many sentences the model has scored, and how many there are.

    Raises:
        CheckpointError: The model cannot be loaded.
        InputError: A suite or a word list cannot be used.
        MissingExtraError: vaderSentiment is not installed.
    """
    forks.check()
    chosen = _suites(suites, shipped=shipped)
    capabilities = [(one, cases_of(one, suite)) for _, suite in chosen for one in suite.capabilities]
    beside = [baseline(one) for one in baselines]
    scorer = model if isinstance(model, Scorer) else Scorer.from_pretrained(model)
    readers: list[Reader] = [ModelReader(scorer), *beside]
    every_case = [case for _, cases in capabilities for case in cases]
    judged = [
        _judged(reader, capabilities, _answers(reader, every_case, progress if i == 0 else None))
        for i, reader in enumerate(readers)
    ]
    return BehaviourReport(
        readers=tuple(reader.name for reader in readers),
        suites=tuple(name for name, _ in chosen),
        capabilities=tuple(
            CapabilityResult(
                name=one.name,
                group=one.group,
                about=one.about,
                kinds=one.kinds,
                hard=one.hard,
                judgements=tuple(judgements[i] for judgements in judged),
            )
            for i, (one, _) in enumerate(capabilities)
        ),
    )


def _suites(files: Sequence[str | Path], *, shipped: bool) -> list[tuple[str, Suite]]:
    """The suites and their names; a file that is named twice is read once."""
    by_path: dict[Path, str | Path] = {}
    for file in files:
        by_path.setdefault(local_path(file).resolve(), file)
    names = Counter([SHIPPED, *(Path(file).name for file in by_path.values())])
    found = [(SHIPPED, shipped_suite())] if shipped else []
    for file in by_path.values():
        name = Path(file).name
        found.append((name if names[name] == 1 else str(file), read_suite(file)))
    if not found:
        raise InputError("There is no suite to test with.", "Name one, or leave the shipped one in.")
    where: dict[str, str] = {}
    for name, suite in found:
        for capability in suite.capabilities:
            if capability.name in where:
                raise InputError(
                    f"The capability {capability.name!r} is in two suites: {where[capability.name]} and {name}.",
                    "Give it another name.",
                )
            where[capability.name] = name
    return found


def _judged(
    reader: Reader, capabilities: Sequence[tuple[Capability, list[Case]]], answers: dict[Asked, Answer]
) -> list[Judgement]:
    """How a reader did at each capability."""

    def answer(text: str, target: str | None) -> Answer:
        return answers[text, target]

    judgements = []
    for _, cases in capabilities:
        readable = [case for case in cases if _can_read(reader, case)]
        found = judge(readable, reader.labels, answer)
        if left_out := len(cases) - len(readable):
            no_targets = f"{left_out} of {len(cases)} cases ask about a target, which it does not read"
            found = replace(found, skipped="; ".join(filter(None, (no_targets, found.skipped))))
        judgements.append(found)
    return judgements


def _answers(reader: Reader, cases: Sequence[Case], progress: Callable[[int, int], None] | None) -> dict[Asked, Answer]:
    """A reader's answers for every sentence that it can read, each asked once."""
    asked: dict[Asked, None] = {}
    for case in cases:
        if _can_read(reader, case):
            for text in (case.text, case.edited):
                if text is not None:
                    asked[text, case.target] = None
    return dict(zip(asked, reader.read(list(asked), progress), strict=True))


def _can_read(reader: Reader, case: Case) -> bool:
    return case.target is None or reader.reads_targets
