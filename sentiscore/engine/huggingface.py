"""Any Hugging Face classifier as an engine: batches of ids, padded where the network allows it -> logits."""

import copy
import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Self

import torch
from torch import Tensor
from torch.nn import functional

from sentiscore.checkpoint.config import CONFIG, read_config
from sentiscore.checkpoint.reading import Folder
from sentiscore.engine import head
from sentiscore.engine.device import machine_faults
from sentiscore.engine.probe import REFUSALS, can_be_padded, longest_text, shortest_text
from sentiscore.engine.products import first_line, is_machines
from sentiscore.engine.weights import read_weights, unwrapped
from sentiscore.errors import CheckpointError, import_extra

_USUAL_WIDTH: Final = 512
_USUAL_LENGTH: Final = 512

_NO_TOKEN: Final = -1
"""A padding id that no token has: a decoder then uses the last token of each row, as it does for a single row."""

_SPARSE: Final = "block_sparse"
_FULL: Final = "original_full"
_ROPE_BY_LENGTH: Final = {"dynamic": "max_position_embeddings", "longrope": "original_max_position_embeddings"}
"""Kinds of rotary embeddings that change with the longest text seen, and the setting with the length up to which they
do not."""

_SLACK: Final = 4
_SMALL: Final = 2**26
"""A network may have tables in addition to its weights; one that is this many times larger than its weights is
malicious."""


class HuggingFaceEngine:
    """An `AutoModelForSequenceClassification` on one device.

    Args:
        model: The classifier, in evaluation mode.
        device: The device on which it computes.
        types: Token types by token id, for the tokens whose type is not 0; None if the network gets no types. Networks
            without token types ignore them.

    Attributes:
        pad_id: The id of padding in a batch; None if only texts of equal length may be batched.
        longest: The maximum number of tokens that it reads, as far as this was probed.
    """

    def __init__(self, model: Any, device: torch.device, *, types: Mapping[int, int] | None = None) -> None:
        self._model = model.eval()
        self.pad_id = _pad_id(model)
        self.longest = sys.maxsize
        self._shortest = 1
        self._filling = self.pad_id or 0
        if self.pad_id is None:
            model.config.pad_token_id = _NO_TOKEN
        if getattr(model.config, "attention_type", None) == _SPARSE:
            # It would switch to full attention at the first short text, for every text after it.
            model.base_model.set_attention_type(_FULL)
        self.vocabulary = int(model.get_input_embeddings().num_embeddings)
        self.token_types = int(getattr(model.config, "type_vocab_size", None) or sys.maxsize)
        self.width = int(getattr(model.config, "hidden_size", _USUAL_WIDTH))
        model.config.use_cache = False  # decoders would keep keys and values that are never used
        self._types = None
        if types is not None and "token_type_ids" in inspect.signature(model.forward).parameters:
            self._types = torch.zeros(self.vocabulary, dtype=torch.int64)
            for token, kind in types.items():
                self._types[token] = kind
        self._move(device)

    def _move(self, device: torch.device) -> None:
        with machine_faults(device, self._model.dtype, all_of_them=True):
            self._model = self._model.to(device)
        self._types = None if self._types is None else self._types.to(device)

    @classmethod
    def probed(
        cls, model: Any, device: torch.device, *, max_length: int, types: Mapping[int, int] | None = None
    ) -> Self:
        """Make an engine that knows which inputs its network accepts, by probing it.

        Args:
            model: The classifier, on the CPU.
            device: The device on which it computes afterwards.
            max_length: The maximum number of tokens of a text that will be read.
            types: See the class.

        Raises:
            ValueError: The network cannot be used: it accepts no text, or its answers depend on other texts.
        """
        engine = cls(model, torch.device("cpu"), types=types)
        wanted = min(max_length, _longest_steady(model.config))
        engine.longest = longest_text(model, engine._ask, wanted)
        engine._shortest = shortest_text(model, engine._ask, engine.longest)
        if not can_be_padded(model, engine._ask, engine.pad_id, engine._shortest, engine.longest):
            engine.pad_id = None
        engine._move(device)
        return engine

    @classmethod
    def load(
        cls,
        folder: Folder,
        *,
        n_labels: int,
        device: torch.device,
        dtype: torch.dtype,
        max_length: int = _USUAL_LENGTH,
        types: Mapping[int, int] | None = None,
        hashes: Mapping[str, str] | None = None,
    ) -> Self:
        """Read a classifier from a folder; no code in it is run, and no pickle is opened.

        Args:
            folder: The model folder.
            n_labels: The number of classes it must have.
            device: The device on which to compute.
            dtype: The number type to compute with.
            max_length: The maximum number of tokens of a text that will be read.
            types: See the class.
            hashes: sha256 of its checked files by name.

        Raises:
            CheckpointError: The folder does not hold a complete classifier of a known kind, or it cannot be used.
        """
        config = read_config(folder, (hashes or {}).get(CONFIG))
        weights = read_weights(folder, hashes)
        try:
            model, info = build_classifier(config, weights, dtype)
        except REFUSALS as error:
            if is_machines(error):
                raise
            raise CheckpointError(
                f"{folder} cannot be loaded as a classifier: {reason_of(error)}.",
                "Copy or download the whole folder again, or choose a sequence classification model.",
            ) from error
        if info["missing_keys"]:
            raise head.untrained(folder, info["missing_keys"], model.base_model_prefix)
        if model.config.num_labels != n_labels:
            raise head.miscounted(folder, model.config.num_labels, n_labels)
        try:
            # transformers keeps parameters outside of layers, such as XLNet's, in fp32
            return cls.probed(hold_in(model, dtype), device, max_length=max_length, types=types)
        except ValueError as error:
            raise unusable(folder, error, dtype) from error

    def open_window(self, distinct: Tensor) -> None:
        """Do nothing: the batches of a window share nothing."""

    def logits(self, window: None, ids: Tensor, ends: Tensor | None, types: Tensor | None = None) -> Tensor:
        """Logits of one batch.

        Args:
            window: The result of `open_window` for its window.
            ids: Token ids, padded on the right, shape (rows, tokens).
            ends: Position of the last token of each row, shape (rows,); None if no row is padded.
            types: The type of each token, same shape as the ids; None for those of texts that are read alone.

        Returns:
            Shape (rows, labels), in the order of the model's ids.
        """
        if ids.shape[1] < self._shortest:  # always to the same length, whatever the other rows
            ends = torch.full_like(ids[:, 0], ids.shape[1] - 1) if ends is None else ends
            missing = (0, self._shortest - ids.shape[1])
            ids = functional.pad(ids, missing, value=self._filling)
            types = None if types is None else functional.pad(types, missing)
        try:
            return self._ask(ids, ends, types)
        except torch.OutOfMemoryError:
            raise
        except REFUSALS as error:
            raise CheckpointError(
                f"The network of the model cannot read a text of {ids.shape[1]} tokens: {first_line(error)}.",
                "Check the model with sentiscore verify, use a smaller --max-length, or choose another model.",
            ) from error

    @torch.inference_mode()
    def _ask(self, ids: Tensor, ends: Tensor | None, types: Tensor | None = None) -> Tensor:
        """See `logits`; errors of the network are not translated."""
        mask = torch.ones_like(ids) if ends is None else torch.arange(ids.shape[1], device=ids.device) <= ends[:, None]
        more = {}
        if self._types is not None:
            more["token_type_ids"] = self._types[ids.long()] if types is None else types.long()
        logits: Tensor = self._model(input_ids=ids.long(), attention_mask=mask.long(), **more).logits
        return logits


def unusable(folder: Folder, error: ValueError, dtype: torch.dtype) -> CheckpointError:
    """The error for a network that was built but does not answer as a classifier should."""
    hint = "Choose another model." if dtype is torch.float32 else "Try --dtype fp32, or choose another model."
    return CheckpointError(f"{folder} cannot be used: {error}.", hint)


def hold_in(model: Any, dtype: torch.dtype) -> Any:
    """Convert the weights of a network to another number type; values computed from its settings stay exact.

    For example, positions are rotated by angles that a network keeps in fp32, whatever the type of its weights.
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)
    return model


def build_classifier(
    config: Mapping[str, Any], weights: Mapping[str, Tensor], dtype: torch.dtype, **options: Any
) -> tuple[Any, dict[str, Any]]:
    """Build a transformers network from settings and tensors in memory; the library sees no folder and no name.

    Args:
        config: The settings that `read_config` allowed.
        weights: Its tensors by name.
        dtype: The number type of the weights.
        options: Further arguments for the library's `from_pretrained`.

    Returns:
        The `...ForSequenceClassification` network, and what the library reports about loading it.

    Raises:
        ValueError: The network would be larger than its weights. See `REFUSALS` for further errors of the library.
    """
    with offline(), _translated():
        made, kind, plan = _plan_of(config)
        weights = unwrapped(weights, plan.state_dict())
        planned = sum(tensor.numel() for tensor in (*plan.parameters(), *plan.buffers()))
        held = sum(tensor.numel() for tensor in weights.values())
        if planned > _SLACK * held + _SMALL:
            raise ValueError(f"its network would hold {planned:,} numbers, and its weights are {held:,}")
        model, info = kind.from_pretrained(
            None, config=made, state_dict=dict(weights), dtype=dtype, output_loading_info=True, **options
        )
    return model, info


def check_body(folder: Folder, model: Any, loading_info: Mapping[str, Any]) -> None:
    """Check that the files of a model hold all of a classifier except its head.

    transformers fills weights that are missing, or have another shape, with random numbers.

    Args:
        folder: The model folder.
        model: The classifier that was built from them.
        loading_info: What transformers reported about loading it.

    Raises:
        CheckpointError: They do not.
    """
    found = [*loading_info["missing_keys"], *loading_info["mismatched_keys"]]
    names = [name if isinstance(name, str) else name[0] for name in found]
    if missing := head.below_head(names, model.base_model_prefix):
        raise head.incomplete(folder, missing)


def _plan_of(config: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """The transformers config of a network, its class, and the network without its values."""
    transformers = quiet_transformers()
    settings = {name: value for name, value in config.items() if name != "model_type"}
    made = transformers.AutoConfig.for_model(config["model_type"], **settings)
    kind = transformers.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(made)]
    with torch.device("meta"):  # allocates no memory
        return made, kind, kind(copy.deepcopy(made))


@contextmanager
def _translated() -> Iterator[None]:
    """Translate transformers' own validation errors of settings, which have the reason on a second line."""
    errors = import_extra("huggingface_hub.errors", "hub")
    try:
        yield
    except errors.StrictDataclassError as error:
        raise ValueError(" ".join(str(error).split())) from error


@contextmanager
def offline() -> Iterator[None]:
    """Prevent requests to the hub, whatever the library does; restores the user's settings afterwards."""
    constants = import_extra("huggingface_hub.constants", "hub")
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def reason_of(error: Exception) -> str:
    """Why a network could not be built, in a few words."""
    first = first_line(error)
    # transformers refers to a logged table, which is not shown here
    return "its weights are not of the shapes that config.json says" if "look at the above report" in first else first


def _longest_steady(config: Any) -> int:
    """The maximum number of tokens for which rotary embeddings keep their frequencies.

    Beyond that some kinds use other frequencies for all following texts, and for shorter ones in the same batch.
    """
    found = getattr(config, "rope_parameters", None) or {}
    tables = [found, *(table for table in found.values() if isinstance(table, dict))]
    names = [(table, _ROPE_BY_LENGTH.get(str(table.get("rope_type")))) for table in tables]
    limits = [table.get(name) or getattr(config, name, None) for table, name in names if name is not None]
    return min([limit for limit in limits if isinstance(limit, int)], default=sys.maxsize)


def _pad_id(model: Any) -> int | None:
    """The padding id of a model, if its config names a token.

    If it names none, no other id is safe: a decoder uses the last token that is not padding, and any token may be the
    last one of a text, especially the end-of-text token.
    """
    pad = getattr(model.config, "pad_token_id", None)
    return pad if isinstance(pad, int) and 0 <= pad < model.get_input_embeddings().num_embeddings else None


def quiet_transformers() -> Any:
    """Import transformers without its progress bars and advice on stderr.

    Raises:
        MissingExtraError: It is not installed.
    """
    transformers = import_extra("transformers", "hub")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers
