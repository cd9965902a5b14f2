"""Keeps the work on a window before the window is finished: the logits of the batches that are done.

A window may take hours, if its texts are long and the machine is slow. So every half a minute its logits go to the
journal, and a job that is asked to stop does so between two batches. A run that continues computes the remaining
batches of the same plan, so that it ends with the same bits as one that was never stopped.
"""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from sentiscore.errors import SentiscoreError

EVERY_S: Final = 30.0
"""How often unfinished work is kept: a kill loses this much, and the batch in hand."""

_LOOK_S: Final = 1.0
"""How often a window looks whether the job should stop."""


class StoppedHalfwayError(SentiscoreError):
    """The job was asked to stop, and what was done of the window is kept."""


@dataclass(frozen=True)
class Half:
    """What is done of a window.

    Attributes:
        plan: The hash of what is computed together.
        logits: Shape (texts or pieces, labels), NaN where they are not computed yet.
        known: Which distinct texts had answers in the store when the window was begun; None without a store.
    """

    plan: str
    logits: npt.NDArray[np.float32]
    known: npt.NDArray[np.bool_] | None = None

    @property
    def n_done(self) -> int:
        """How many texts or pieces are computed."""
        return int(np.isfinite(self.logits).all(axis=1).sum())

    def to_bytes(self) -> bytes:
        """The content of a file."""
        buffer = io.BytesIO()
        known = np.zeros(0, dtype=np.bool_) if self.known is None else self.known
        stored = np.array(self.known is not None)
        np.savez(buffer, plan=np.array(self.plan), logits=self.logits, known=known, stored=stored)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read what `to_bytes` made; the caller has checked that it is intact."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return cls(str(arrays["plan"]), arrays["logits"], arrays["known"] if arrays["stored"] else None)


class HalfKeeper:
    """Keeps what is done of one window now and then, and stops it between two batches.

    Args:
        half: What an earlier run kept of the window; None if nothing.
        known: As for `Half`.
        save: Called with what is done.
        should_stop: Whether the job should stop.
    """

    def __init__(
        self,
        half: Half | None,
        known: npt.NDArray[np.bool_] | None,
        save: Callable[[Half], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._half = half
        self._known = known
        self._save = save
        self._should_stop = should_stop
        self._looked = self._saved = time.monotonic()

    def found(self, plan: str, n: int, n_labels: int) -> npt.NDArray[np.float32] | None:
        """The logits of the earlier run, if it computed the same batches; see `sentiscore.engine.keeping`."""
        if self._half is None or self._half.plan != plan or self._half.logits.shape != (n, n_labels):
            return None
        return self._half.logits.copy()

    def after_batch(self, plan: str, so_far: Callable[[], npt.NDArray[np.float32]]) -> None:
        """Keep what is done if it is time to, and stop if the job should.

        Raises:
            StoppedHalfwayError: It should, and what is done is kept.
        """
        now = time.monotonic()
        if now - self._looked < _LOOK_S:
            return
        self._looked = now
        stops = self._should_stop()
        if stops or now - self._saved >= EVERY_S:
            self._save(Half(plan, so_far(), self._known))
            self._saved = time.monotonic()
        if stops:
            raise StoppedHalfwayError("The job was asked to stop.")
