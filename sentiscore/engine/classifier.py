"""Texts -> logits: encode, plan, compute, put back in order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Self

import numpy as np
import numpy.typing as npt
import torch

from sentiscore.checkpoint import Checkpoint
from sentiscore.checkpoint.load import read_config
from sentiscore.engine import gpt_neox
from sentiscore.engine.batching import plan_batches
from sentiscore.engine.huggingface import HuggingFaceEngine
from sentiscore.engine.tokenizer import TextEncoder

_TOKEN_BUDGET: Final = {"cpu": 2_048, "cuda": 65_536, "mps": 8_192}


@dataclass(frozen=True)
class Outputs:
    """What a classifier says of some texts.

    Attributes:
        logits: Shape (texts, labels); rows of texts without tokens are NaN.
        n_tokens: Tokens read of each text, shape (texts,).
        truncated: Whether a text was longer than what is read, shape (texts,).
    """

    logits: npt.NDArray[np.float32]
    n_tokens: npt.NDArray[np.int64]
    truncated: npt.NDArray[np.bool_]


class Engine(Protocol):
    """A network on a device."""

    def open_window(self, ids: Sequence[npt.NDArray[np.int64]]) -> None:
        """Get ready for batches of these texts, which are given as token ids."""

    def logits(self, ids: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.float32]:
        """Logits of one batch of the open window, shape (rows, labels)."""


class Classifier:
    """A loaded model that turns texts into logits.

    Args:
        encoder: Its tokenizer.
        engine: Its network.
        n_labels: How many logits a text has.
        device: Where it computes.
        dtype: With which numbers.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        engine: Engine,
        *,
        n_labels: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._encoder = encoder
        self._engine = engine
        self._n_labels = n_labels
        self.device = device
        self.dtype = dtype

    @classmethod
    def load(
        cls,
        checkpoint: Checkpoint,
        *,
        device: torch.device,
        dtype: torch.dtype,
        max_length: int | None = None,
    ) -> Self:
        """Load the network and tokenizer of a checkpoint.

        Args:
            checkpoint: What to load.
            device: Where to compute.
            dtype: With which numbers.
            max_length: Tokens of a text that are read; the checkpoint's own limit by default.

        Raises:
            CheckpointError: A part of it cannot be loaded.
        """
        n_labels = len(checkpoint.labels)
        encoder = TextEncoder.load(checkpoint.folder, checkpoint.max_length if max_length is None else max_length)
        config = read_config(checkpoint.folder)
        engine: Engine
        if gpt_neox.can_run(config):
            engine = gpt_neox.GptNeoxEngine.load(
                checkpoint.folder, config, n_labels=n_labels, device=device, dtype=dtype
            )
        else:
            engine = HuggingFaceEngine.load(checkpoint.folder, n_labels=n_labels, device=device, dtype=dtype)
        return cls(encoder, engine, n_labels=n_labels, device=device, dtype=dtype)

    def run(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Outputs:
        """Logits of each text, in order.

        Args:
            texts: Any texts; one without tokens gets no logits.
            progress: Called with the number of texts of each finished batch.
        """
        encoded = self._encoder.encode(texts)
        lengths = encoded.lengths
        logits = np.full((len(texts), self._n_labels), np.nan, dtype=np.float32)
        rows = np.flatnonzero(lengths)
        self._engine.open_window(encoded.ids)
        for batch in plan_batches(lengths[rows], _TOKEN_BUDGET[self.device.type]):
            chosen = rows[batch]
            logits[chosen] = self._engine.logits([encoded.ids[i] for i in chosen])
            if progress is not None:
                progress(chosen.size)
        return Outputs(logits=logits, n_tokens=lengths, truncated=encoded.truncated)
