"""Any Hugging Face classifier as an engine: padded batches of ids -> logits."""

from pathlib import Path
from typing import Any, Final, Self

import torch
from torch import Tensor

from sentiscore.engine import head
from sentiscore.errors import CheckpointError

_USUAL_WIDTH: Final = 512


class HuggingFaceEngine:
    """`AutoModelForSequenceClassification` on one device.

    Args:
        model: The classifier, in evaluation mode.
        device: Where it computes.
    """

    def __init__(self, model: Any, device: torch.device) -> None:
        self._model = model.to(device).eval()
        self.pad_id = _ensure_pad_id(model.config)
        self.width = int(getattr(model.config, "hidden_size", _USUAL_WIDTH))
        model.config.use_cache = False  # decoders would keep keys and values that nobody asks for

    @classmethod
    def load(cls, folder: Path, *, n_labels: int, device: torch.device, dtype: torch.dtype) -> Self:
        """Read a classifier from a folder; no code in it is run, and no pickle is opened.

        Raises:
            CheckpointError: The folder does not hold a whole classifier of a known kind.
        """
        from safetensors import SafetensorError

        transformers = quiet_transformers()
        try:
            model, info = transformers.AutoModelForSequenceClassification.from_pretrained(
                folder,
                dtype=dtype,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
        except (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError) as error:
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


def _reason(error: Exception) -> str:
    first = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
    # transformers means a table that it logs, and that is not shown here
    return "its weights are not of the shapes that config.json says" if "look at the above report" in first else first


def _ensure_pad_id(config: Any) -> int:
    """The padding id of a model; one without gets its end-of-text id, which no text can hold.

    Decoders pool at the last id that is not the padding id, and refuse batches where none is set.
    """
    pad = getattr(config, "pad_token_id", None)
    if pad is None:
        end = getattr(config, "eos_token_id", None)
        pad = end[0] if isinstance(end, list) else end or 0
        config.pad_token_id = pad
    return int(pad)


def quiet_transformers() -> Any:
    """Import transformers without its progress bars and advice on stderr."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers
