"""Texts -> logits: encode, plan batches, compute, restore the order."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sentiscore.checkpoint import Checkpoint
from sentiscore.checkpoint.tokenizer_files import TOKENIZER, has_token_types
from sentiscore.engine.batching import Batch, pack, plan_batches
from sentiscore.engine.cores import cores, on_cores
from sentiscore.engine.device import check_fork, machine_faults
from sentiscore.engine.made_tokenizer import load_encoder
from sentiscore.engine.memory import keep_few_kernels
from sentiscore.engine.networks import Engine, is_own, load_engine
from sentiscore.engine.tokenizer import Encoded, TextEncoder
from sentiscore.errors import CheckpointError, InputError

_TOKEN_BUDGET: Final = {"cpu": 512, "cuda": 65_536, "mps": 8_192}
"""Tokens per batch. On a CPU each core has its own batch, which should fit into its cache."""

_CPU_NUMBERS: Final = 2**18
"""The minimum number of values in the tokens of a CPU's batch: a narrow model has more tokens in a batch, since
otherwise calling its small operations one by one would take longer than computing them."""

_PADDING: Final = {"cpu": 32, "cuda": 2_048, "mps": 512}
"""The padding tokens that cost about as much as one more batch. For a GPU this is an estimate: launching the hundred or
so steps of a batch takes it about half a millisecond, in which it computes some thousand tokens."""

SHORTEST: Final = 3
"""The minimum number of tokens that leaves room for a word between two special ones."""

Progress = Callable[[int], None]


class Classifier:
    """A loaded model that turns texts into logits.

    Args:
        encoder: Its tokenizer.
        engine: Its network.
        n_labels: The number of logits per text.
        device: The device on which it computes.
        dtype: The number type of its computation.
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
        self.encoder = encoder
        self._engine = engine
        self._n_labels = n_labels
        self._token_budget = _TOKEN_BUDGET[device.type]
        if device.type == "cpu":
            self._token_budget = max(self._token_budget, _CPU_NUMBERS // engine.width)
        self._padding = 0 if engine.pad_id is None else _PADDING[device.type]
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
            device: The device on which to compute.
            dtype: The number type of its computation.
            max_length: Tokens of a text that are read; the checkpoint's own limit by default.

        Raises:
            CheckpointError: A part of it cannot be loaded.
            InputError: The machine cannot hold or compute it, or the network cannot read so many tokens.
        """
        keep_few_kernels()
        wanted = checkpoint.max_length if max_length is None else max_length
        with (
            machine_faults(device, dtype),
            cores(1),
        ):  # loading is bound by memory, and further threads would only spin
            encoder = load_encoder(checkpoint, wanted)
            types = encoder.types() if has_token_types(checkpoint.tokenizer_settings) else None
            engine = load_engine(checkpoint, device, dtype, max_length=wanted, types=types)
        if (token := encoder.token_beyond(engine.vocabulary)) is not None:
            raise CheckpointError(
                f"The tokenizer of {checkpoint.name} has the token {token!r}, and its network does not know it: it has "
                f"{engine.vocabulary:,} ids.",
                "Copy or download the whole folder again, or choose another model.",
            )
        encoder.check_reading(engine.vocabulary)
        if engine.longest < wanted:
            if max_length is not None:
                raise InputError(
                    f"{checkpoint.name} can read {SHORTEST} to {engine.longest} tokens, not {max_length}.",
                    "Choose a --max-length (max_length) in that range.",
                )
            if checkpoint.manifest is not None or engine.longest < SHORTEST:
                raise CheckpointError(
                    f"{checkpoint.name} is to read {wanted:,} tokens of a text, and its network can read "
                    f"{engine.longest:,}.",
                    "Copy or download the whole folder again, or choose another model.",
                )
            encoder = encoder.limited_to(engine.longest)
        return cls(encoder, engine, n_labels=len(checkpoint.outputs), device=device, dtype=dtype)

    @property
    def computed_by_transformers(self) -> bool:
        """Whether transformers computes its network or built its tokenizer: another version may give other answers."""
        return not is_own(self._engine) or self.encoder.origin != TOKENIZER

    @property
    def takes_padding(self) -> bool:
        """Whether texts of unequal length may be batched."""
        return self._engine.pad_id is not None

    def run(self, encoded: Encoded, progress: Progress | None = None) -> npt.NDArray[np.float32]:
        """Compute the logits of each text, in order.

        Args:
            encoded: Texts that `encoder` has encoded.
            progress: Called with the number of texts of each finished batch.

        Returns:
            Shape (texts, labels); rows of texts without tokens are NaN.

        Raises:
            InputError: The device lacks memory for a single text, or cannot compute the network.
            ForkError: It computes on a GPU, and this is a fork of the process that loaded it.
            CheckpointError: The tokenizer returns ids that the network does not know, or the network returns values
                that are not numbers.
        """
        logits = np.full((encoded.lengths.size, self._n_labels), np.nan, dtype=np.float32)
        rows = np.flatnonzero(encoded.lengths)
        if rows.size == 0:
            return logits
        check_fork(self.device)
        lengths = encoded.lengths[rows]
        known = np.unique(encoded.ids)
        if not 0 <= known[0] <= known[-1] < self._engine.vocabulary:
            raise CheckpointError(
                f"The tokenizer of the model gives the token id {known[-1]}, and its network knows "
                f"{self._engine.vocabulary:,} ids.",
                "Copy or download the whole folder again, or choose another model.",
            )
        batches = plan_batches(lengths, self._token_budget, self._padding)
        ids = self._to_device(pack(batches, encoded.ids, encoded.starts[rows], lengths, self._engine.pad_id or 0))
        order = np.concatenate([batch.rows for batch in batches])
        ends = self._to_device(lengths[order] - 1)
        distinct = self._to_device(known)
        compute = self._on_cores if self.device.type == "cpu" else self._in_turn
        with machine_faults(self.device, self.dtype):
            found = compute(batches, ids, ends, distinct, progress).float().cpu().numpy()
        if found.shape != (rows.size, self._n_labels):
            raise CheckpointError(
                f"The model gives {found.shape[0]:,} answers to {rows.size:,} texts: config and weights do not fit.",
                "Copy or download the whole folder again, or choose another model.",
            )
        if not np.isfinite(found).all():
            raise CheckpointError(
                "The model answers with what is not a number: its weights are broken, or too large to compute with.",
                "Check it with sentiscore verify, try --dtype fp32, or choose another model.",
            )
        logits[rows[order]] = found
        return logits

    def _to_device(self, values: npt.NDArray[Any]) -> Tensor:
        """Move an array to the device, through pinned memory on a GPU, so that the copy does not block."""
        tensor = torch.from_numpy(values)
        if self.device.type != "cuda":
            return tensor.to(self.device)
        return tensor.pin_memory().to(self.device, non_blocking=True)

    def _on_cores(
        self, batches: Sequence[Batch], ids: Tensor, ends: Tensor, distinct: Tensor, progress: Progress | None
    ) -> Tensor:
        """Compute several batches at a time, each on its own cores, so that none waits for another."""
        window = self._engine.open_window(distinct)
        work = [(batch, *given) for batch, given in zip(batches, _inputs(batches, ids, ends), strict=True)]

        def compute(one: tuple[Batch, Tensor, Tensor | None]) -> Tensor:
            return self._engine.logits(window, *one[1:])

        def report(one: tuple[Batch, Tensor, Tensor | None]) -> None:
            if progress is not None:
                progress(one[0].rows.size)

        return torch.cat(on_cores(compute, work, report))

    def _in_turn(
        self, batches: Sequence[Batch], ids: Tensor, ends: Tensor, distinct: Tensor, progress: Progress | None
    ) -> Tensor:
        """Compute one batch after the other; nothing here waits for the device, whose queue fills up."""
        window = self._engine.open_window(distinct)
        results = []
        for batch, (block, last) in zip(batches, _inputs(batches, ids, ends), strict=True):
            results.append(self._within_memory(window, block, last))
            if progress is not None:
                progress(batch.rows.size)
        return torch.cat(results)

    def _within_memory(self, window: Any, ids: Tensor, ends: Tensor | None) -> Tensor:
        """Compute the logits of a batch, in halves if the device lacks memory for the whole batch."""
        try:
            return self._engine.logits(window, ids, ends)
        except torch.OutOfMemoryError as error:
            if len(ids) == 1:
                raise InputError(
                    f"{self.device} has too little free memory for a text of {ids.shape[1]} tokens.",
                    "Use --device cpu, a smaller --max-length, or a smaller model.",
                ) from error
            half = len(ids) // 2
        self._token_budget = min(self._token_budget, half * ids.shape[1])  # the next window starts with less
        parts = [
            self._within_memory(window, ids[part], None if ends is None else ends[part])
            for part in (slice(0, half), slice(half, None))
        ]
        return torch.cat(parts)


def _inputs(batches: Sequence[Batch], ids: Tensor, ends: Tensor) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Slice the ids and ends of each batch out of those of the window."""
    token = row = 0
    for batch in batches:
        block = ids[token : token + batch.tokens].view(batch.rows.size, batch.width)
        yield block, ends[row : row + batch.rows.size] if batch.padding else None
        token += batch.tokens
        row += batch.rows.size
