"""The actor of a Ray cluster that scores units. This module is light, so that an actor can limit threads first."""

import os
import pickle
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiscore.scoring.workers.unit import Scored, Unit
    from sentiscore.scoring.workers.worker import Begun


class RayWorker:
    """A worker as a Ray actor; errors are returned, since Ray would wrap those that are raised.

    Args:
        assignment: What it needs, pickled: unpickling it imports libraries that start threads.
        environment: Variables of the environment that limit them.
    """

    def __init__(self, assignment: bytes, environment: dict[str, str]) -> None:
        os.environ.update(environment)
        self._assignment = assignment

    def begin(self) -> "Begun | BaseException":
        """Load the scorer."""
        from sentiscore.scoring.workers.worker import Worker, as_report

        try:
            self._worker = Worker(pickle.loads(self._assignment))  # noqa: S301 - from the driver
        except Exception as error:  # noqa: BLE001 - raised by the driver
            return as_report(error)
        return self._worker.begun

    def score(self, unit: "Unit") -> "Scored | BaseException":
        """Score a unit; two may be here at a time, of which one is encoded while the other is computed."""
        from sentiscore.scoring.workers.worker import as_report

        try:
            return self._worker.finish(unit, self._worker.prepare(unit))
        except Exception as error:  # noqa: BLE001 - raised by the driver
            return as_report(error)
