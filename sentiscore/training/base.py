"""Loads a pre-trained base, and encodes labelled rows for it."""

import inspect
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch

from sentiscore.checkpoint.config import read_config
from sentiscore.checkpoint.reading import Folder, has, opened
from sentiscore.checkpoint.tokenizer_files import TOKENIZER, copied, read_tokenizer
from sentiscore.engine.huggingface import build_classifier, check_body
from sentiscore.engine.pairs import second_segments, uncut
from sentiscore.engine.probe import longest_text
from sentiscore.engine.tokenizer import make_tokenizer
from sentiscore.engine.weights import read_weights, unwrapped
from sentiscore.errors import CheckpointError, TrainingError, import_extra, require_extra
from sentiscore.tables.labelled import LabelledData
from sentiscore.training.heads import classes_of_base, take_over_head

_PADDING: Final = "<|padding|>"
"""The padding token of the Pythia models, whose config does not declare one."""


def load_base(
    transformers: Any, base: Folder, classes: tuple[str, ...], max_length: int, how: Callable[[], dict[str, Any]]
) -> tuple[Any, Any, dict[str, Any]]:
    """Load the tokenizer, and the network with a head for these classes, with the same padding token.

    If the base has a head that knows all of the classes, each keeps its weights, wherever it was among the base's;
    otherwise the head is new.

    Args:
        transformers: The library.
        base: A model folder.
        classes: The names of the head's classes.
        max_length: The number of tokens of a text that will be read.
        how: Returns additional arguments for the network's `from_pretrained`.

    Returns:
        The tokenizer, the network, and what transformers reports about loading it, such as which weights are new.

    Raises:
        CheckpointError: The folder cannot be used as a base, or weights below the head are missing.
        TrainingError: The base reads fewer than `max_length` tokens.
    """
    head = {
        "id2label": dict(enumerate(classes)),
        "label2id": {name: i for i, name in enumerate(classes)},
        "problem_type": "single_label_classification",  # whatever the old head was
    }
    options = {"ignore_mismatched_sizes": True, **how()}  # a head with another number of labels is replaced
    source = opened(base)
    if has(source, TOKENIZER):  # one that never terminates is found before it reads thousands of rows
        make_tokenizer(*read_tokenizer(source), str(source / TOKENIZER))
    try:
        with copied(source) as copy:
            tokenizer = transformers.AutoTokenizer.from_pretrained(copy, local_files_only=True, trust_remote_code=False)
        config = {name: value for name, value in read_config(source).items() if name != "num_labels"}
        weights = read_weights(source)
        model, loading_info = build_classifier(config | head, weights, torch.float32, **options)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise CheckpointError(
            f"{base} cannot be used as a base: {str(error).splitlines()[0]}.",
            "A base needs config.json, *.safetensors and a tokenizer of a kind that transformers knows.",
        ) from error
    check_body(source, model, loading_info)
    taken = take_over_head(model, unwrapped(weights, model.state_dict()), classes_of_base(config), classes)
    loading_info["mismatched_keys"] = [one for one in loading_info["mismatched_keys"] if _name_of(one) not in taken]
    model.name_or_path = str(source)  # peft looks there for the size of the base's vocabulary
    tokenizer.padding_side = tokenizer.truncation_side = "right"  # as the checkpoint will be read
    if tokenizer.pad_token is None:
        tokenizer.pad_token = _PADDING if _PADDING in tokenizer.get_vocab() else tokenizer.eos_token
    # Decoders pool at the last token that is not padding, so the model must know the same id.
    model.config.pad_token_id = tokenizer.pad_token_id
    positions = _longest(model, max_length)
    if max_length > positions:
        raise TrainingError(
            f"The base reads at most {positions} tokens, and the recipe's max_length is {max_length}.",
            f"Use --max-length {positions} or less.",
        )
    return tokenizer, model, loading_info


def _name_of(key: Any) -> str:
    """The name of a tensor, which transformers gives alone or with two shapes."""
    return str(key if isinstance(key, str) else key[0])


def use_token_types(tokenizer: Any, model: Any) -> None:
    """Let a network that knows token types get them, as in pretraining on two segments; the saved tokenizer says so."""
    takes = "token_type_ids" in inspect.signature(model.forward).parameters
    if takes and getattr(model.config, "type_vocab_size", 0) > 1:
        names = ["input_ids", "token_type_ids", "attention_mask"]
        tokenizer.model_input_names = names
        tokenizer.init_kwargs["model_input_names"] = names


def _longest(model: Any, wanted: int) -> int:
    """The maximum number of tokens that a base reads, or `wanted` if it reads more.

    A base in 4 bits is not run before training, which would rearrange its weights; its config is trusted.
    """
    declared = getattr(model.config, "max_position_embeddings", None)
    positions = declared if isinstance(declared, int) and declared >= 1 else wanted  # XLNet, which has no limit, has -1
    if model.device.type != "cpu" or getattr(model, "is_quantized", False):
        return int(positions)

    @torch.inference_mode()
    def forward(ids: torch.Tensor, _: torch.Tensor | None) -> torch.Tensor:
        logits: torch.Tensor = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        return logits

    try:
        return longest_text(model, forward, min(wanted, positions))
    except ValueError as error:
        raise CheckpointError(f"The base cannot be trained: {error}.", "Choose another base.") from error


def check_installed() -> None:
    """Check, before anything is read, that the libraries for training are installed.

    Raises:
        MissingExtraError: One of them is not.
    """
    require_extra("train", "transformers", "accelerate", "datasets", "sklearn", "scipy")


def encode(
    tokenizer: Any, data: LabelledData, classes: tuple[str, ...], max_length: int, smoothing: float = 0.0
) -> Any:
    """Token ids, targets and weights as a data set; special tokens that occur in a text are read as plain text."""
    datasets = import_extra("datasets", "train")
    encoded = _inputs(tokenizer, data, max_length)
    rows = datasets.Dataset.from_dict(
        {
            **encoded,
            "labels": data.targets(classes, smoothing),
            "weight": np.full(len(data.texts), data.weight, dtype=np.float32),
        }
    )
    return rows if min(map(len, encoded["input_ids"])) else rows.filter(lambda row: len(row["input_ids"]) > 0)


def _inputs(tokenizer: Any, data: LabelledData, max_length: int) -> dict[str, list[list[int]]]:
    """Each text as the network reads it, or each text and the mention that its label is about."""

    def encoded(texts: list[str], *mentions: list[str]) -> dict[str, list[list[int]]]:
        cut = "only_first" if mentions else True
        return dict(tokenizer(texts, *mentions, truncation=cut, max_length=max_length, split_special_tokens=True))

    if data.mentions is None:
        return encoded(data.texts)
    paired = [i for i, mention in enumerate(data.mentions) if mention is not None]
    alone = [i for i, mention in enumerate(data.mentions) if mention is None]
    seconds = second_segments(uncut(tokenizer.backend_tokenizer), data.mentions, max_length)
    pairs = encoded([data.texts[i] for i in paired], [seconds[i] or "" for i in paired]) if paired else {}
    others = encoded([data.texts[i] for i in alone]) if alone else {}
    order = np.argsort([*paired, *alone])
    joined = {name: [*pairs.get(name, []), *others.get(name, [])] for name in pairs or others}
    return {name: [values[i] for i in order] for name, values in joined.items()}
