"""Texts -> logits: encode, plan batches, compute, restore the order."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sentiscore.checkpoint import Checkpoint
from sentiscore.checkpoint.tokenizer_files import TOKENIZER
from sentiscore.engine.batching import Batch, pack, plan_batches
from sentiscore.engine.cores import cores, on_cores
from sentiscore.engine.device import check_fork, machine_faults
from sentiscore.engine.encoded import Encoded
from sentiscore.engine.keeping import Keeper, Results, plan_of
from sentiscore.engine.made_tokenizer import load_encoder
from sentiscore.engine.memory import keep_few_kernels
from sentiscore.engine.networks import Engine, is_own, load_engine
from sentiscore.engine.tokenizer import TextEncoder
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
        typed: Whether the network gets the types of a pair's tokens.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        engine: Engine,
        *,
        n_labels: int,
        device: torch.device,
        dtype: torch.dtype,
        typed: bool = False,
    ) -> None:
        self.encoder = encoder
        self._engine = engine
        self._typed = typed
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
            types = encoder.types() if checkpoint.token_types else None
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
        return cls(
            encoder, engine, n_labels=len(checkpoint.outputs), device=device, dtype=dtype, typed=types is not None
        )

    @property
    def computed_by_transformers(self) -> bool:
        """Whether transformers computes its network or built its tokenizer: another version may give other answers."""
        return not is_own(self._engine) or self.encoder.origin != TOKENIZER

    @property
    def takes_padding(self) -> bool:
        """Whether texts of unequal length may be batched."""
        return self._engine.pad_id is not None

    def run(
        self, encoded: Encoded, progress: Progress | None = None, keeper: Keeper | None = None
    ) -> npt.NDArray[np.float32]:
        """Compute the logits of each text, in order.

        Args:
            encoded: Texts that `encoder` has encoded.
            progress: Called with the number of texts of each finished batch.
            keeper: Keeps the logits of finished batches, and has those of an earlier run, which are not computed again.

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
        types = encoded.segments.types if self._typed and encoded.segments is not None else None
        if types is not None and types.max() >= self._engine.token_types:
            raise CheckpointError(
                f"The tokenizer of the model gives the token type {types.max()}, and its network knows "
                f"{self._engine.token_types:,}.",
                "Copy or download the whole folder again, or choose another model.",
            )
        batches = plan_batches(lengths, self._token_budget, self._padding)
        order = np.concatenate([batch.rows for batch in batches])
        plan = "" if keeper is None else plan_of(encoded, batches)
        if keeper is not None and (kept := keeper.found(plan, *logits.shape)) is not None:
            logits = kept

        def packed(values: npt.NDArray[np.int32], padding: int) -> Tensor:
            return self._to_device(pack(batches, values, encoded.starts[rows], lengths, padding))

        inputs = _Inputs(
            batches=batches,
            ids=packed(encoded.ids, self._engine.pad_id or 0),
            ends=self._to_device(lengths[order] - 1),
            types=None if types is None else packed(types, 0),
        )
        distinct = self._to_device(known)
        compute = self._on_cores if self.device.type == "cpu" else self._in_turn
        results = Results(logits, rows)

        def finished(one: _Input) -> None:
            if progress is not None:
                progress(len(one.ids))
            if keeper is not None:
                keeper.after_batch(plan, results.so_far)

        left = [one for one in inputs if results.lack(one.rows)]
        if progress is not None and len(left) < len(batches):
            progress(rows.size - sum(len(one.ids) for one in left))
        with machine_faults(self.device, self.dtype):
            compute(left, distinct, results, finished)
            logits = results.so_far()
        if not np.isfinite(logits[rows]).all():
            raise CheckpointError(
                "The model answers with what is not a number: its weights are broken, or too large to compute with.",
                "Check it with sentiscore verify, try --dtype fp32, or choose another model.",
            )
        return logits

    def _to_device(self, values: npt.NDArray[Any]) -> Tensor:
        """Move an array to the device, through pinned memory on a GPU, so that the copy does not block."""
        tensor = torch.from_numpy(values)
        if self.device.type != "cuda":
            return tensor.to(self.device)
        return tensor.pin_memory().to(self.device, non_blocking=True)

    def _on_cores(
        self, inputs: list["_Input"], distinct: Tensor, results: Results, finished: Callable[["_Input"], None]
    ) -> None:
        """Compute several batches at a time, each on its own cores, so that none waits for another."""
        window = self._engine.open_window(distinct)

        def compute(one: _Input) -> None:
            results.add(one.rows, self._engine.logits(window, one.ids, one.ends, one.types))

        on_cores(compute, inputs, finished)

    def _in_turn(
        self, inputs: list["_Input"], distinct: Tensor, results: Results, finished: Callable[["_Input"], None]
    ) -> None:
        """Compute one batch after the other; nothing here waits for the device, whose queue fills up."""
        window = self._engine.open_window(distinct)
        for one in inputs:
            results.add(one.rows, self._within_memory(window, one))
            finished(one)

    def _within_memory(self, window: Any, one: "_Input") -> Tensor:
        """Compute the logits of a batch, in halves if the device lacks memory for the whole batch."""
        rows, tokens = one.ids.shape
        try:
            return self._engine.logits(window, one.ids, one.ends, one.types)
        except torch.OutOfMemoryError as error:
            if rows == 1:
                raise InputError(
                    f"{self.device} has too little free memory for a text of {tokens} tokens.",
                    "Use --device cpu, a smaller --max-length, or a smaller model.",
                ) from error
            half = rows // 2
        self._token_budget = min(self._token_budget, half * tokens)  # the next window starts with less
        return torch.cat([self._within_memory(window, one.of(part)) for part in (slice(0, half), slice(half, None))])


class _Input(NamedTuple):
    """One batch as the network takes it.

    Attributes:
        ids: Token ids, padded on the right, shape (rows, tokens).
        ends: Position of the last token of each row, shape (rows,); None if no row is padded.
        types: The type of each token, same shape as the ids; None if the network gets none.
        rows: The positions of its rows among those with tokens, shape (rows,).
    """

    ids: Tensor
    ends: Tensor | None
    types: Tensor | None
    rows: npt.NDArray[np.intp]

    def of(self, rows: slice) -> "_Input":
        """Some of its rows."""
        return _Input(*(None if part is None else part[rows] for part in self))  # type: ignore[arg-type] # ids are there


@dataclass(frozen=True)
class _Inputs:
    """The batches of a window, whose tokens lie one after the other.

    Attributes:
        batches: The batches, in order.
        ids: Token ids of all batches, shape (tokens,).
        ends: Position of the last token of each row, shape (rows,).
        types: The type of each token, shape (tokens,); None if the network gets none.
    """

    batches: Sequence[Batch]
    ids: Tensor
    ends: Tensor
    types: Tensor | None

    def __iter__(self) -> Iterator[_Input]:
        token = row = 0
        for batch in self.batches:
            tokens, shape = slice(token, token + batch.tokens), (batch.rows.size, batch.width)
            yield _Input(
                ids=self.ids[tokens].view(shape),
                ends=self.ends[row : row + batch.rows.size] if batch.padding else None,
                types=None if self.types is None else self.types[tokens].view(shape),
                rows=batch.rows,
            )
            token += batch.tokens
            row += batch.rows.size
