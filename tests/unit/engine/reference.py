"""Small random classifiers, and two ways to score rows of token ids with them: Hugging Face's, and an engine's."""

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import softmax

from sentiscore.engine.batching import pack, plan_batches
from sentiscore.engine.bert import BertEngine
from sentiscore.engine.gpt_neox import GptNeoxEngine
from sentiscore.engine.networks import Engine, own_engine

CPU: Final = torch.device("cpu")
VOCABULARY: Final = 97
POSITIONS: Final = 640
ANY_PADDING: Final = 10**9
"""All rows go in one batch, padded."""

Rows = list[npt.NDArray[np.int32]]
Probabilities = npt.NDArray[np.float64]

_SHAPE: Final = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
_DISTILBERT: Final = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
}


def model_of(family: str, *, spread: float = 0.3, **changes: Any) -> Any:
    """A classifier of Hugging Face's, all of whose weights, norms and biases among them, are random.

    Args:
        family: Start of the names of its classes, such as "Bert".
        spread: Standard deviation of its weights.
        changes: Settings of its config, by BERT's names.
    """
    import transformers

    settings = _SHAPE | changes
    if family == "DistilBert":
        settings = {_DISTILBERT.get(name, name): value for name, value in settings.items()}
    if family == "GPTNeoX":
        settings = {"pad_token_id": 1} | settings
    config = getattr(transformers, f"{family}Config")(
        **({"vocab_size": VOCABULARY, "max_position_embeddings": POSITIONS, "num_labels": 3} | settings)
    )
    torch.manual_seed(0)
    model = getattr(transformers, f"{family}ForSequenceClassification")(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            start = 1.0 if parameter.ndim == 1 and bool((parameter == 1).all()) else 0.0
            parameter.normal_(start, spread)
    return model


def config_of(model: Any) -> dict[str, Any]:
    """The config as it stands in a folder that the model is saved in."""
    config: dict[str, Any] = json.loads(model.config.to_json_string())
    return config


def engine_of(
    model: Any, *, device: torch.device = CPU, dtype: torch.dtype = torch.float32
) -> GptNeoxEngine | BertEngine:
    """The forward pass of our own for a model."""
    config = config_of(model)
    own = own_engine(config)
    assert own is not None
    return own(config, model.state_dict(), n_labels=model.config.num_labels, device=device, dtype=dtype)


def rows_of(lengths: Sequence[int], seed: int = 0) -> Rows:
    """Random token ids, none of them special."""
    random = np.random.default_rng(seed)
    return [random.integers(5, VOCABULARY, length, dtype=np.int32) for length in lengths]


def one_at_a_time(model: Any, rows: Rows) -> Probabilities:
    """What Hugging Face's own model says of each row by itself, without padding or a mask."""
    with torch.inference_mode():
        logits = [model(input_ids=torch.from_numpy(row)[None].long()).logits for row in rows]
    return probabilities(torch.cat(logits))


def in_batches(engine: Engine, rows: Rows, *, budget: int = 4096, padding: int = 32) -> Probabilities:
    """What an engine says of the rows of one window, planned and packed as a job does it.

    Args:
        engine: The engine.
        rows: Token ids of each row.
        budget: Tokens a batch may have.
        padding: Padding tokens a batch may have; with 0 every batch is of rows of equal length.
    """
    ids, lengths = np.concatenate(rows), np.array([row.size for row in rows], dtype=np.int64)
    batches = plan_batches(lengths, budget, 0 if engine.pad_id is None else padding)
    packed = torch.from_numpy(pack(batches, ids, np.cumsum(lengths) - lengths, lengths, engine.pad_id or 0))
    window = engine.open_window(torch.from_numpy(np.unique(ids)))
    found = np.empty((len(rows), 0))
    start = 0
    for batch in batches:
        block = packed[start : start + batch.tokens].view(batch.rows.size, batch.width)
        ends = torch.from_numpy(lengths[batch.rows] - 1) if batch.padding else None
        probs = probabilities(engine.logits(window, block, ends))
        if start == 0:
            found = np.full((len(rows), probs.shape[1]), np.nan)
        found[batch.rows] = probs
        start += batch.tokens
    assert not np.isnan(found).any()
    return found


def probabilities(logits: torch.Tensor) -> Probabilities:
    """Softmax of logits in fp64."""
    result: Probabilities = softmax(logits.double().cpu().numpy(), axis=1)
    return result


def assert_tells_rows_apart(probs: Probabilities) -> None:
    """Random weights could be such that every row gets the same answer, and then nothing would be compared."""
    assert np.ptp(probs, axis=0).max() > 0.01
