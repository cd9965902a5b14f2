"""Scores units in whatever process it was loaded in."""

import threading
import traceback
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sentiscore.engine import torch
from sentiscore.engine.memory import give_back
from sentiscore.errors import SentiscoreError, SentiscoreWarning
from sentiscore.scoring.facts import ScorerFacts, facts_of
from sentiscore.scoring.pickled import Reference
from sentiscore.scoring.prepared import Prepared
from sentiscore.scoring.workers.unit import Scored, Unit

if TYPE_CHECKING:
    from sentiscore.scoring.scorer import Scorer

_THREADS: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS")


def threads_of(cores: int) -> dict[str, str]:
    """The variables of the environment that have the libraries of a worker start as many threads as it has cores."""
    return dict.fromkeys(_THREADS, str(cores))


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What a worker needs before its first unit.

    Attributes:
        scorer: The scorer to load.
        names: The names of entities that texts may mention.
        cores: How many cores it may use.
        warns: Whether it warns about the model; not if the scorer was loaded before, which has warned.
    """

    scorer: Reference
    names: Mapping[str, Sequence[str]]
    cores: int
    warns: bool


@dataclass(frozen=True)
class Begun:
    """A worker has loaded its scorer.

    Attributes:
        facts: The facts about the scorer.
        warnings: What it would have warned about.
    """

    facts: ScorerFacts
    warnings: tuple[str, ...]


class Worker:
    """A scorer that scores units; its methods may run in separate threads, each on another unit.

    Args:
        assignment: What it needs.

    Attributes:
        begun: The report that it is ready.

    Raises:
        CheckpointError: The model cannot be loaded, or is not the same.
        InputError: This machine cannot compute it.
    """

    def __init__(self, assignment: Assignment) -> None:
        torch.set_num_threads(assignment.cores)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", SentiscoreWarning)
            self._scorer: Scorer = assignment.scorer.load()
            if assignment.warns:
                self._scorer.warn(stacklevel=1)
        self._names = assignment.names
        self._one_at_a_time = threading.Lock()
        self.begun = Begun(facts_of(self._scorer), tuple(dict.fromkeys(str(each.message) for each in caught)))

    def prepare(self, unit: Unit) -> Prepared:
        """Encode the texts of a unit."""
        return self._scorer.prepare(unit.texts, unit.towards(self._names))

    def finish(self, unit: Unit, prepared: Prepared) -> Scored:
        """Compute the scores of a unit, on the whole device: one unit at a time.

        Args:
            unit: The unit.
            prepared: The result of `prepare` for it.
        """
        with self._one_at_a_time:
            logits = self._scorer.compute(prepared)
        scores = self._scorer.finish(prepared, logits)
        give_back()
        return Scored(unit.position, scores, prepared.texts_of(unit.starts))


def as_report(error: BaseException) -> BaseException:
    """An error in a form that any process can unpickle: an unexpected one becomes a RuntimeError with its traceback."""
    if isinstance(error, SentiscoreError):
        return error.with_traceback(None)
    return RuntimeError(f"A worker failed:\n{''.join(traceback.format_exception(error))}")
