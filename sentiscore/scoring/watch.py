"""What a job consults and reports to while it runs."""

from collections.abc import Callable
from dataclasses import dataclass

from sentiscore.errors import StoppedError
from sentiscore.scoring.events import OnEvent
from sentiscore.scoring.job_windows import Bounds
from sentiscore.scoring.memory_limit import MemoryLimit


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What a job consults and reports to while it runs.

    Attributes:
        bounds: How much to hold at once.
        memory: The limit on its memory.
        on_event: Called with each event.
        should_stop: Called between windows, and within them.
        hurry: Called when the job ends early, to stop waiting for a store.
    """

    bounds: Bounds
    memory: MemoryLimit
    on_event: OnEvent
    should_stop: Callable[[], bool]
    hurry: Callable[[], None]

    def between(self) -> None:
        """Raise a StoppedError if the job should stop before it scores."""
        if self.should_stop():
            raise StoppedError("Stopped before the first row was scored.", "Give the same command again.")
