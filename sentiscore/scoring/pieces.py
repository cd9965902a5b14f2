"""Logits of the pieces of texts -> the answers to the texts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiscore.scoring.prepared import Answers, Prepared
from sentiscore.scoring.probabilities import class_probabilities


def answers_of(
    prepared: Prepared, logits: npt.NDArray[np.float32], outputs: Sequence[str], temperature: float
) -> Answers:
    """The answers to texts, from the logits of the pieces that they were cut into.

    The probabilities of a text are the mean of its pieces', each weighted by its tokens. Pieces of which the model
    knows nothing do not count.

    Args:
        prepared: The texts.
        logits: Those of each piece, shape (pieces, outputs).
        outputs: The class that each output of the network means; probabilities of the same class are summed.
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
    share = np.ones(n)  # of a text of which not even a token is left
    np.divide(per_text(reading.unknown), content, out=share, where=content > 0)
    return Answers(
        probs=means,
        n_tokens=per_text(encoded.lengths).astype(np.int64),
        n_windows=per_text(encoded.lengths > 0).astype(np.int64),
        truncated=per_text(encoded.truncated) > 0,
        unknown_share=share.astype(np.float32),
    )
