"""What a check of a model's behaviour found."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sentiscore.behaviour.judging import Judgement, joined
from sentiscore.behaviour.suite import KINDS
from sentiscore.pages import fill


@dataclass(frozen=True)
class CapabilityResult:
    """How the model, and the baselines beside it, did at one capability.

    Attributes:
        name: The capability.
        group: The heading under which it is listed.
        about: What is tested, in a sentence.
        kinds: "minimum functionality", "invariance" or "direction"; several if its tests differ.
        hard: Whether models are expected to fail at it.
        judgements: Of each reader of the report, in their order.
    """

    name: str
    group: str
    about: str
    kinds: tuple[str, ...]
    hard: bool
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True)
class BehaviourReport:
    """How often a model fails at what it should be able to do, capability by capability.

    Attributes:
        readers: The model, as the user called it, and the baselines beside it.
        suites: What the capabilities were read from: "shipped", or the name of a file.
        capabilities: The results, in the order of the suites. Each has a name, group, about, kinds, and whether it is
            hard; and judgements, one for each reader, with cases, failures, rate, interval, up to two examples, and why
            cases were skipped.
    """

    readers: tuple[str, ...]
    suites: tuple[str, ...]
    capabilities: tuple[CapabilityResult, ...]

    @property
    def model(self) -> str:
        """The model that was checked."""
        return self.readers[0]

    def overall(self, *, kind: str = "", hard: bool = False) -> tuple[Judgement, ...]:
        """All cases together, for each reader.

        Args:
            kind: Those of one kind of test, such as "invariance", in place of all.
            hard: Those of the capabilities that are marked as hard, in place of all others.
        """
        chosen = [each.judgements for each in self.capabilities if each.hard == hard]
        return tuple(joined([judgements[i] for judgements in chosen], kind) for i in range(len(self.readers)))

    def over(self, rate: float) -> tuple[CapabilityResult, ...]:
        """The capabilities at which the model fails in more than a share of the cases; hard ones do not count.

        Args:
            rate: The share, from 0 to 1.
        """
        return tuple(each for each in self.capabilities if not each.hard and (each.judgements[0].rate or 0) > rate)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON has it."""
        return {
            "model": self.model,
            "readers": list(self.readers),
            "suites": list(self.suites),
            "overall": self._by_reader(self.overall()),
            "overall_by_kind": {kind: self._by_reader(self.overall(kind=kind)) for kind in KINDS},
            "hard": self._by_reader(self.overall(hard=True)),
            "capabilities": [
                {
                    "name": each.name,
                    "group": each.group,
                    "about": each.about,
                    "kinds": list(each.kinds),
                    "hard": each.hard,
                    "results": self._by_reader(each.judgements),
                }
                for each in self.capabilities
            ],
        }

    def to_html(self) -> str:
        """The report as a page that needs nothing else."""
        title = f"How {self.model} behaves"
        return fill("behaviour/report.html.j2", title=title, report=self, groups=self.groups(), kinds=KINDS)

    def groups(self) -> dict[str, list[CapabilityResult]]:
        """The results by heading, in the order in which headings first appear."""
        found: dict[str, list[CapabilityResult]] = {}
        for each in self.capabilities:
            found.setdefault(each.group, []).append(each)
        return found

    def _by_reader(self, judgements: Sequence[Judgement]) -> list[dict[str, Any]]:
        return [
            {
                "reader": reader,
                "cases": each.cases,
                "failures": each.failures,
                "rate": each.rate,
                "interval": None if each.interval is None else list(each.interval),
                "examples": [asdict(example) for example in each.examples],
                "skipped": each.skipped,
            }
            for reader, each in zip(self.readers, judgements, strict=True)
        ]
