"""Hands units out to workers, whatever kind of processes these are."""

import warnings
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.scoring.facts import ScorerFacts
from sentiscore.scoring.workers.unit import Scored, Unit
from sentiscore.scoring.workers.worker import Begun

MOST_UNITS: Final = 2
"""Units that a worker holds: while it computes one, it receives and encodes the next."""

MOST_DEATHS: Final = 5
"""How many workers may end with the same unit in hand, or one after the other before they are ready."""

LOOK_S: Final = 0.2
"""How long to wait for reports before the caller can look for signals."""


@dataclass(frozen=True)
class Gone:
    """A worker has ended.

    Attributes:
        reason: Why, as far as is known.
    """

    reason: str


Report = Begun | Scored | Gone | BaseException


class Crew(ABC):
    """Workers that score units in any order; use it as a context manager, which starts and ends them.

    A worker that ends is replaced, and its units are scored by the next free worker. Units wait here until a worker is
    ready for them, so one that does not start, for want of a free machine, holds nothing up.

    Args:
        size: The number of workers.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._facts: ScorerFacts | None = None
        self._waiting: deque[Unit] = deque()
        self._held: dict[int, dict[int, Unit]] = {}
        self._deaths: Counter[int | None] = Counter()
        self._n_started = 0

    def __enter__(self) -> Self:
        try:
            self._open()
            for _ in range(self.size):
                self._start_next()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    @property
    def facts(self) -> ScorerFacts:
        """The facts about the scorer, which all workers share, once one of them has begun."""
        if self._facts is None:
            raise RuntimeError("no worker has begun")
        return self._facts

    def wait(self, between: Callable[[], None]) -> None:
        """Wait until a worker has begun.

        Args:
            between: Called now and then; may raise.

        Raises:
            SentiscoreError: No worker can begin.
        """
        while self._facts is None:
            between()
            self.take()

    @property
    def has_room(self) -> bool:
        """Whether one more unit could be handed to a worker at once."""
        return not self._waiting and any(len(held) < MOST_UNITS for held in self._held.values())

    @property
    def in_hand(self) -> set[int]:
        """The positions of the units that are being computed: the first of each worker."""
        return {next(iter(held)) for held in self._held.values() if held}

    def give(self, unit: Unit) -> None:
        """Have one more unit scored."""
        self._waiting.append(unit)
        self._hand_out()

    def take(self) -> list[Scored]:
        """Wait a moment, and return the results that have arrived.

        Raises:
            SentiscoreError: A worker could not load or compute the model, workers have ended too often, or they differ
                in what their answers depend on.
            RuntimeError: A worker failed unexpectedly.
        """
        done = []
        for worker, report in self._reports(LOOK_S):
            if isinstance(report, Begun):
                self._begin(worker, report)
            elif isinstance(report, Scored):
                del self._held[worker][report.position]
                self._deaths.pop(report.position, None)
                done.append(report)
            elif isinstance(report, Gone):
                self._replace(worker, report.reason)
            else:
                raise report
        self._hand_out()
        return done

    @abstractmethod
    def _open(self) -> None:
        """Prepare for starting workers."""

    @abstractmethod
    def _start(self, worker: int) -> None:
        """Begin to start a worker, with a number that no other has; it reports when it is ready."""

    @abstractmethod
    def _send(self, worker: int, unit: Unit) -> None:
        """Pass a unit to a worker; never waits. If the worker has ended, it is reported as gone later."""

    @abstractmethod
    def _reports(self, wait_s: float) -> list[tuple[int, Report]]:
        """Wait at most this many seconds for reports, and return them; a worker is reported as gone once, at last."""

    @abstractmethod
    def _close(self) -> None:
        """End all workers at once; also after only a part of them was started."""

    def _start_next(self) -> None:
        self._n_started += 1
        self._start(self._n_started)

    def _hand_out(self) -> None:
        while self._waiting and self._held:
            worker = min(self._held, key=lambda each: len(self._held[each]))
            if len(self._held[worker]) >= MOST_UNITS:
                return
            unit = self._waiting.popleft()
            self._held[worker][unit.position] = unit
            self._send(worker, unit)

    def _begin(self, worker: int, begun: Begun) -> None:
        if self._facts is None:
            self._facts = begun.facts
            for message in begun.warnings:
                warnings.warn(message, SentiscoreWarning, stacklevel=4)
        ours, theirs = self._facts.identity, begun.facts.identity
        if differing := [name for name in ours if theirs.get(name) != ours[name]]:
            differences = "; ".join(f"{name} is {ours[name]} and {theirs.get(name)}" for name in differing)
            raise InputError(
                f"The workers would give different answers: {differences}.",
                "Install the same versions for all of them, and name the --device and the --dtype.",
            )
        self._held[worker] = {}
        self._deaths.pop(None, None)

    def _replace(self, worker: int, reason: str) -> None:
        """Start another worker in place of one that has ended, and take its units back."""
        units = list(self._held.pop(worker, {}).values())
        in_hand = units[0].position if units else None
        self._deaths[in_hand] += 1
        if self._deaths[in_hand] >= MOST_DEATHS:
            what = "before they were ready"
            if units:
                what = f"with rows {in_hand:,} to {units[0].position + units[0].texts.len() - 1:,} in hand"
            raise InputError(
                f"{MOST_DEATHS} workers ended {what}; the last one {reason}.",
                "What is finished is kept. Use fewer workers or a --max-memory if the memory was short, and give the "
                "same command again.",
            )
        warnings.warn(f"A worker {reason}; another one takes over its rows.", SentiscoreWarning, stacklevel=4)
        self._waiting.extendleft(reversed(units))
        self._start_next()
