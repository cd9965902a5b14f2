"""Keeps the logits of a window's finished batches while the others are computed."""

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sentiscore.engine.batching import Batch
from sentiscore.engine.encoded import Encoded
from sentiscore.errors import CheckpointError

Logits = npt.NDArray[np.float32]


class Keeper(Protocol):
    """Keeps unfinished work, so that it can be continued with the same batches, and so to the same bits."""

    def found(self, plan: str, n: int, n_labels: int) -> Logits | None:
        """The logits that an earlier run kept under this plan.

        Args:
            plan: The hash of everything that decides which texts go together; see `plan_of`.
            n: The number of texts.
            n_labels: The number of logits of each.

        Returns:
            Shape (n, n_labels), NaN where there are none yet; None if nothing was kept.
        """

    def after_batch(self, plan: str, so_far: Callable[[], Logits]) -> None:
        """Called after each batch; may raise, to stop.

        Args:
            plan: As for `found`.
            so_far: Returns the logits of all finished batches, as `found` does.
        """


def plan_of(encoded: Encoded, batches: Sequence[Batch]) -> str:
    """The hash, in hex, of texts and of the batches in which they are computed."""
    digest = hashlib.sha256(np.ascontiguousarray(encoded.ids).data)
    digest.update(np.ascontiguousarray(encoded.lengths, dtype=np.int64).data)
    if encoded.segments is not None:
        digest.update(np.ascontiguousarray(encoded.segments.types).data)
    shapes = np.array([(batch.rows.size, batch.width, batch.padding) for batch in batches], dtype=np.int64)
    digest.update(shapes.data)
    return digest.hexdigest()


class Results:
    """The logits of a window, to which threads add those of finished batches.

    Args:
        logits: What is known before, NaN where there is nothing, shape (texts, labels); it is changed.
        rows: Which of the texts have tokens, shape (rows,).
    """

    def __init__(self, logits: Logits, rows: npt.NDArray[np.intp]) -> None:
        self._logits = logits
        self._rows = rows
        self._new: deque[tuple[npt.NDArray[np.intp], Tensor]] = deque()

    def lack(self, batch: npt.NDArray[np.intp]) -> bool:
        """Whether a batch was not computed before.

        Args:
            batch: The positions of its texts among those with tokens.
        """
        return not np.isfinite(self._logits[self._rows[batch]]).all()

    def add(self, batch: npt.NDArray[np.intp], logits: Tensor) -> None:
        """Add a batch; nothing waits for the device.

        Args:
            batch: The positions of its texts among those with tokens.
            logits: Their logits, shape (texts of the batch, labels).
        """
        self._new.append((batch, logits))

    def so_far(self) -> Logits:
        """The logits of all texts, shape (texts, labels); NaN where they are not computed yet.

        Raises:
            CheckpointError: There are more or fewer than there should be.
        """
        new = [self._new.popleft() for _ in range(len(self._new))]
        if new:
            found = torch.cat([logits for _, logits in new]).float().cpu().numpy()
            batch = np.concatenate([rows for rows, _ in new])
            if found.shape != (batch.size, self._logits.shape[1]):
                raise CheckpointError(
                    f"The model gives {found.shape[0]:,} answers to {batch.size:,} texts: config and weights do not "
                    "fit.",
                    "Copy or download the whole folder again, or choose another model.",
                )
            self._logits[self._rows[batch]] = found
        return self._logits
