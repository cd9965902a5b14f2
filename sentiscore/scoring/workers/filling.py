"""Fills the journal of an output with the windows that a crew scores."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from sentiscore import labels as names
from sentiscore.scoring.bad_rows import BadRows, mark_undecodable
from sentiscore.scoring.job_windows import Bounds, FileSpan, Window, windows_of
from sentiscore.scoring.journal import Journal
from sentiscore.scoring.overlap import ahead
from sentiscore.scoring.planned import Plan
from sentiscore.scoring.tally import Tally, windows_done
from sentiscore.scoring.watch import Watch
from sentiscore.scoring.workers.crew import MOST_UNITS, Crew
from sentiscore.scoring.workers.unit import Scored, Unit, unit_of

LEAST_ROWS: Final = 1_024
"""A smaller window would have so few texts of each length that most batches were not full."""


@dataclass
class Filled:
    """What a crew did for an output.

    Attributes:
        positions: The positions of the windows that it scored, which the journal has now.
        empty: The scores of the only window of an output without rows, which no journal keeps.
        stopped: Whether it was asked to stop before the end.
    """

    positions: set[int] = field(default_factory=set)
    empty: pl.DataFrame | None = None
    stopped: bool = False


@dataclass(frozen=True)
class _Given:
    """What is needed of a window once it is scored."""

    spans: list[FileSpan]
    undecodable: pl.Series


class Filling:
    """Has the windows of an output scored that its journal does not have, in any order, and keeps each durably.

    Args:
        plan: The job.
        journal: Its journal, which has begun.
        crew: The workers.
        tally: Adds up the results.
        watch: What to consult and report to.
    """

    def __init__(self, plan: Plan, journal: Journal, crew: Crew, tally: Tally, watch: Watch) -> None:
        self._plan = plan
        self._journal = journal
        self._crew = crew
        self._tally = tally
        self._watch = watch
        self._bounds = smaller(watch.bounds, plan.rows, crew.size)
        self._given: dict[int, _Given] = {}
        self._bad = BadRows()
        self._filled = Filled()

    def run(self) -> Filled:
        """Score the windows. If it is asked to stop, the units that are being computed are finished first.

        Raises:
            SentiscoreError: Workers cannot score them, a row must not be bad, or the journal cannot be written.
        """
        with closing(ahead(self._units())) as units:
            left = True
            while not self._watch.should_stop():
                while left and self._crew.has_room and not self._watch.should_stop():
                    unit = next(units, None)
                    left = unit is not None
                    if unit is not None:
                        self._crew.give(unit)
                if not left and not self._given:
                    return self._filled
                self._take()
        self._filled.stopped = True
        in_hand = self._crew.in_hand
        while in_hand:
            self._take()
            in_hand &= self._crew.in_hand
        return self._filled

    def _units(self) -> Iterator[Unit]:
        """Read the windows that the journal does not have."""

        def room(position: int) -> int:
            return self._journal.room(position, self._bounds.rows)

        with closing(ahead(windows_of(self._plan, room, n_bytes=self._bounds.text_bytes))) as windows:
            for window in windows:
                self._watch.memory.check()
                if not self._journal.has(window.position):
                    yield self._unit(window)

    def _unit(self, window: Window) -> Unit:
        request = self._plan.request
        self._given[window.position] = _Given(window.spans, window.undecodable(request.text_col))
        return unit_of(window, request)

    def _take(self) -> None:
        self._watch.memory.check()
        for scored in self._crew.take():
            self._keep(scored)

    def _keep(self, scored: Scored) -> None:
        """Record a window as finished, and report it."""
        given = self._given.pop(scored.position)
        scores = mark_undecodable(scored.scores, given.undecodable)
        if scores.height:
            self._journal.keep(scored.position, scores)
        else:
            self._filled.empty = scores
        self._filled.positions.add(scored.position)
        if self._plan.request.rows.bad_rows == names.FAIL:
            for span in given.spans:
                source = self._plan.sources[span.source]
                self._bad.add(span.of(scores[names.STATUS]), source.path, span.position)
            self._bad.refuse()
        self._tally.written(windows_done(self._plan, given.spans, scores, scored.texts, resumed=False))
        self._tally.computed(scores.height)


def smaller(bounds: Bounds, rows: int, workers: int) -> Bounds:
    """Halve windows until there are two or more for each worker, or they are as small as is sensible.

    Args:
        bounds: The usual limits.
        rows: The rows of the output.
        workers: The number of workers.
    """
    most = bounds.rows
    while most // 2 >= LEAST_ROWS and rows < MOST_UNITS * workers * most:
        most //= 2
    return Bounds(rows=most, text_bytes=bounds.text_bytes)
