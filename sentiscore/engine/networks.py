"""Chooses the forward pass for a checkpoint: our own if there is one, otherwise Hugging Face's."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import torch
from torch import Tensor

from sentiscore.checkpoint import Checkpoint
from sentiscore.checkpoint.config import CONFIG, read_config
from sentiscore.checkpoint.reading import Folder
from sentiscore.engine import head
from sentiscore.engine.bert import BertEngine
from sentiscore.engine.gpt_neox import GptNeoxEngine
from sentiscore.engine.products import is_machines
from sentiscore.engine.weights import read_weights, unwrapped
from sentiscore.errors import CheckpointError, is_installed


class Engine(Protocol):
    """A network on a device. Batches of one window may be computed by several threads at once."""

    @property
    def pad_id(self) -> int | None:
        """The id of padding in a batch; None if padding is not possible, and only equal lengths may be batched."""

    @property
    def vocabulary(self) -> int:
        """The number of token ids it knows, from 0."""

    @property
    def token_types(self) -> int:
        """The number of token types it knows, from 0."""

    @property
    def width(self) -> int:
        """The number of values per token between layers."""

    def open_window(self, distinct: Tensor) -> Any:
        """Compute what the batches of a window share, given their distinct token ids."""

    def logits(self, window: Any, ids: Tensor, ends: Tensor | None, types: Tensor | None = None) -> Tensor:
        """Logits of one batch, shape (rows, labels).

        Args:
            window: The result of `open_window`.
            ids: Token ids, padded on the right, shape (rows, tokens).
            ends: Position of the last token of each row, shape (rows,); None if no row is padded.
            types: The type of each token, same shape as the ids, for texts with mentions; None if all are read alone.
                Networks without token types ignore them.
        """


class LoadedEngine(Engine, Protocol):
    """A network that knows the maximum length of a text."""

    @property
    def longest(self) -> int:
        """The maximum number of tokens of a text that it reads, as far as this was probed."""


_OWN: Final = (GptNeoxEngine, BertEngine)


def load_engine(
    checkpoint: Checkpoint,
    device: torch.device,
    dtype: torch.dtype,
    *,
    max_length: int | None = None,
    types: Mapping[int, int] | None = None,
) -> LoadedEngine:
    """Load the network of a checkpoint.

    Args:
        checkpoint: What to load.
        device: The device on which to compute.
        dtype: The number type to compute with.
        max_length: The maximum number of tokens of a text that will be read; the checkpoint's own limit by default.
        types: Token types by token id, where they are not 0; None if the network gets no types.

    Raises:
        CheckpointError: It cannot be loaded.
    """
    folder, n_labels, hashes = checkpoint.source, len(checkpoint.outputs), checkpoint.files
    config = read_config(folder, hashes.get(CONFIG))
    own = None if types else own_engine(config)
    length = checkpoint.max_length if max_length is None else max_length
    if checkpoint.base is not None:
        from sentiscore.engine.adapters import merge
        from sentiscore.engine.huggingface import HuggingFaceEngine, hold_in, unusable

        merged = merge(folder, checkpoint.base.source, in_4_bits=checkpoint.base.in_4_bits, hashes=hashes)
        if own is None:
            try:
                return HuggingFaceEngine.probed(hold_in(merged, dtype), device, max_length=length, types=types)
            except ValueError as error:
                raise unusable(folder, error, dtype) from error
        weights = merged.state_dict()
    elif own is None:
        from sentiscore.engine.huggingface import HuggingFaceEngine

        return HuggingFaceEngine.load(
            folder, n_labels=n_labels, device=device, dtype=dtype, max_length=length, types=types, hashes=hashes
        )
    else:
        weights = read_weights(folder, hashes)
    last = own.head_of(config)
    weights = unwrapped(weights, [last])
    if last not in weights:
        raise _untrained(folder, config, weights) or head.untrained(folder, [last], "")
    if len(weights[last]) != n_labels:
        raise head.miscounted(folder, len(weights[last]), n_labels)
    try:
        return own(config, weights, n_labels=n_labels, device=device, dtype=dtype)
    except CheckpointError as error:
        raise _untrained(folder, config, weights) or error from error
    except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as error:
        if is_machines(error):
            raise
        raise CheckpointError(
            f"{folder} cannot be loaded as a classifier: its config.json does not fit its weights ({error}).",
            "Copy or download the whole folder again.",
        ) from error


def _untrained(folder: Folder, config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> CheckpointError | None:
    """The error for weights that one of our networks found incomplete; None if none are missing.

    transformers knows all names, so it is used if installed, and only here, since importing it takes long.
    """
    if not is_installed("transformers"):
        return None
    from sentiscore.engine.huggingface import build_classifier
    from sentiscore.engine.probe import REFUSALS

    try:
        model, info = build_classifier(config, weights, torch.float32, ignore_mismatched_sizes=True)
    except REFUSALS as error:
        if is_machines(error):
            raise
        return None
    missing = info["missing_keys"]
    return head.untrained(folder, missing, model.base_model_prefix) if missing else None


def own_engine(config: Mapping[str, Any]) -> type[GptNeoxEngine] | type[BertEngine] | None:
    """Our own forward pass that computes a config exactly, if there is one."""
    return next((own for own in _OWN if own.can_run(config)), None)


def is_own(engine: Engine) -> bool:
    """Whether this is one of our own forward passes, and not one of transformers."""
    return isinstance(engine, _OWN)
