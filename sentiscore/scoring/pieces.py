"""Combines the logits of pieces of texts to answers for whole texts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiscore.scoring.prepared import Answers, Prepared
from sentiscore.scoring.probabilities import class_probabilities


def answers_of(
    prepared: Prepared, logits: npt.NDArray[np.float32], outputs: Sequence[str], temperature: float
) -> Answers:
    """Compute the answers to texts from the logits of the pieces into which they were cut.

    The probabilities of a text are the mean of those of its pieces, weighted by their tokens. Pieces of which the model
    knows nothing do not count.

    Args:
        prepared: The texts.
        logits: The logits of each piece, shape (pieces, outputs).
        outputs: The class of each output of the network; probabilities of the same class are summed.
        temperature: The divisor of the logits.
    """
    encoded, reading, n = prepared.encoded, prepared.reading, prepared.n_encoded

    def per_text(
        values: npt.NDArray[Any], pieces: npt.NDArray[np.bool_] | slice = slice(None)
    ) -> npt.NDArray[np.float64]:
        return np.bincount(prepared.owners[pieces], values[pieces], minlength=n).astype(np.float64)

    probs = np.zeros((len(logits), len(set(outputs))))
    probs[reading.known] = class_probabilities(logits[reading.known], outputs, temperature)
    weights = per_text(encoded.lengths, reading.known)
    means = np.full((n, probs.shape[1]), np.nan)
    for i, column in enumerate(probs.T):
        np.divide(per_text(encoded.lengths * column, reading.known), weights, out=means[:, i], where=weights > 0)
    content = per_text(reading.content)
    share = np.ones(n)  # 1 for a text of which no token is left
    np.divide(per_text(reading.unknown), content, out=share, where=content > 0)
    return Answers(
        probs=means,
        n_tokens=per_text(encoded.lengths).astype(np.int64),
        n_windows=per_text(encoded.lengths > 0).astype(np.int64),
        truncated=per_text(encoded.truncated) > 0,
        unknown_share=share.astype(np.float32),
    )
