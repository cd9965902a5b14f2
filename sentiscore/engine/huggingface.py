"""Any Hugging Face classifier as an engine: padded batches of ids -> logits."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import torch
from torch import Tensor

from sentiscore.checkpoint.config import CONFIG, read_config
from sentiscore.engine import head
from sentiscore.engine.device import machine_faults
from sentiscore.engine.products import is_machines
from sentiscore.engine.weights import read_weights
from sentiscore.errors import CheckpointError

_USUAL_WIDTH: Final = 512

_NO_TOKEN: Final = -1
"""A padding id that no token has: a decoder then takes the last token of each row, as it does for one row."""

REFUSALS: Final = (
    *(OSError, ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError),
)
"""What transformers and torch raise for settings and weights that do not go together."""

_SLACK: Final = 4
_SMALL: Final = 2**26
"""A network may have tables beside its weights; one that is this many times larger than its weights is a trap."""


class HuggingFaceEngine:
    """`AutoModelForSequenceClassification` on one device.

    Args:
        model: The classifier, in evaluation mode.
        device: Where it computes.
    """

    def __init__(self, model: Any, device: torch.device) -> None:
        with machine_faults(device, model.dtype, all_of_them=True):
            self._model = model.to(device).eval()
        self.pad_id = _pad_id(model)
        if self.pad_id is None:
            model.config.pad_token_id = _NO_TOKEN
        self.vocabulary = int(model.get_input_embeddings().num_embeddings)
        self.width = int(getattr(model.config, "hidden_size", _USUAL_WIDTH))
        model.config.use_cache = False  # decoders would keep keys and values that nobody asks for

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        n_labels: int,
        device: torch.device,
        dtype: torch.dtype,
        hashes: Mapping[str, str] | None = None,
    ) -> Self:
        """Read a classifier from a folder; no code in it is run, and no pickle is opened.

        Args:
            folder: The model folder.
            n_labels: How many classes it has to have.
            device: Where to compute.
            dtype: With which numbers.
            hashes: sha256 of its files by name, as they were checked.

        Raises:
            CheckpointError: The folder does not hold a whole classifier of a known kind.
        """
        config = read_config(folder, (hashes or {}).get(CONFIG))
        try:
            model, info = build_classifier(config, read_weights(folder, hashes), dtype)
        except REFUSALS as error:
            if is_machines(error):
                raise
            raise CheckpointError(
                f"{folder} cannot be loaded as a classifier: {_reason(error)}.",
                "Copy or download the whole folder again, or choose a sequence classification model.",
            ) from error
        if info["missing_keys"]:
            raise head.untrained(folder, min(info["missing_keys"]))
        if model.config.num_labels != n_labels:
            raise head.miscounted(folder, model.config.num_labels, n_labels)
        return cls(model, device)

    def open_window(self, distinct: Tensor) -> None:
        """Nothing is shared between the batches of a window."""

    @torch.inference_mode()
    def logits(self, window: None, ids: Tensor, ends: Tensor | None) -> Tensor:
        """Logits of one batch.

        Args:
            window: What `open_window` gave for it.
            ids: Token ids, padded on the right, shape (rows, tokens).
            ends: Position of the last token of each row, shape (rows,); None where no row is padded.

        Returns:
            Shape (rows, labels), in the order of the model's ids.
        """
        mask = torch.ones_like(ids) if ends is None else torch.arange(ids.shape[1], device=ids.device) <= ends[:, None]
        logits: Tensor = self._model(input_ids=ids.long(), attention_mask=mask.long()).logits
        return logits


def build_classifier(
    config: Mapping[str, Any], weights: Mapping[str, Tensor], dtype: torch.dtype, **options: Any
) -> tuple[Any, dict[str, Any]]:
    """A network of transformers, made of settings and tensors in memory; the library sees no folder and no name.

    Args:
        config: What `read_config` allowed.
        weights: Its tensors by name.
        dtype: What to hold them in.
        options: More for the library's `from_pretrained`.

    Returns:
        The `...ForSequenceClassification` network, and what the library tells about loading it.

    Raises:
        ValueError: The network would be larger than its weights. See `REFUSALS` for what else the library raises.
    """
    transformers = quiet_transformers()
    settings = {name: value for name, value in config.items() if name != "model_type"}
    with _offline(), _translated():
        made = transformers.AutoConfig.for_model(config["model_type"], **settings)
        kind = transformers.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(made)]
        with torch.device("meta"):  # nothing is held in memory there
            plan = kind(copy.deepcopy(made))
        planned = sum(tensor.numel() for tensor in (*plan.parameters(), *plan.buffers()))
        held = sum(tensor.numel() for tensor in weights.values())
        if planned > _SLACK * held + _SMALL:
            raise ValueError(f"its network would hold {planned:,} numbers, and its weights are {held:,}")
        model, info = kind.from_pretrained(
            None, config=made, state_dict=dict(weights), dtype=dtype, output_loading_info=True, **options
        )
    return model, info


@contextmanager
def _translated() -> Iterator[None]:
    """What transformers itself checks of its settings is an error of another kind, with the reason on a second line."""
    from huggingface_hub.errors import StrictDataclassError

    try:
        yield
    except StrictDataclassError as error:
        raise ValueError(" ".join(str(error).split())) from error


@contextmanager
def _offline() -> Iterator[None]:
    """No request to the hub meanwhile, whatever the library is at; the user's settings are as before afterwards."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _reason(error: Exception) -> str:
    first = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
    # transformers means a table that it logs, and that is not shown here
    return "its weights are not of the shapes that config.json says" if "look at the above report" in first else first


def _pad_id(model: Any) -> int | None:
    """The padding id of a model, if its config names a token.

    Where it names none, no other id will do: a decoder takes the last token that is not padding, and any token may be
    the last one of a text, the one for its end above all.
    """
    pad = getattr(model.config, "pad_token_id", None)
    return pad if isinstance(pad, int) and 0 <= pad < model.get_input_embeddings().num_embeddings else None


def quiet_transformers() -> Any:
    """Import transformers without its progress bars and advice on stderr."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers
