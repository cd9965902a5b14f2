"""How much multiplying the linear layers of a classifier take. Pure: shapes and token ids in, whole numbers out.

One multiplication with its addition counts as two operations. Attention itself, norms and activations are left
out: they are a small part, and no matrix product.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Shape:
    """What decides the size of a classifier's matrix products.

    Attributes:
        kind: "gpt_neox" or "bert".
        hidden: Width of the model.
        wide: Width of each layer's MLP.
        layers: Transformer layers.
        labels: Outputs of the head.
        parallel: Whether the MLP of a layer reads the same as its attention does (gpt_neox alone).
    """

    kind: str
    hidden: int
    wide: int
    layers: int
    labels: int
    parallel: bool = True

    @classmethod
    def of_config(cls, config: Mapping[str, Any], labels: int) -> Self | None:
        """The shape of a `config.json`, or None for a kind of model that is not counted here."""
        kind = config.get("model_type")
        if kind not in ("gpt_neox", "bert"):
            return None
        return cls(
            kind=kind,
            hidden=int(config["hidden_size"]),
            wide=int(config["intermediate_size"]),
            layers=int(config["num_hidden_layers"]),
            labels=labels,
            parallel=bool(config.get("use_parallel_residual", True)),
        )


def whole_model(shape: Shape, ids: Sequence[Sequence[int]]) -> int:
    """Operations of every linear layer for every real token of every text, as a plain forward pass does them.

    The pooler of BERT reads one token of a text; the head of GPT-NeoX is applied to all of them.

    Args:
        shape: The model's shape.
        ids: Token ids of each text.
    """
    tokens, rows = sum(map(len, ids)), len(ids)
    square, mlp = shape.hidden**2, 2 * shape.hidden * shape.wide
    layers = shape.layers * tokens * (4 * square + mlp)
    head = shape.hidden * shape.labels
    return 2 * (layers + (tokens * head if shape.kind == "gpt_neox" else rows * (square + head)))


def work_left(shape: Shape, texts: Sequence[str], ids: Sequence[Sequence[int]]) -> int:
    """Operations of the linear layers that no exact shortcut spares.

    The texts are looked at together, as `Scorer.score` does: equal ones are computed once. Both kinds need the last
    layer's keys and values for every token, and the rest of that layer for the pooled token alone. GPT-NeoX needs the
    first layer's queries, keys and values, and with a parallel residual its MLP, once for each distinct token. BERT
    adds positions to its tokens before the first layer, so that layer is computed as usual.

    Args:
        shape: The model's shape.
        texts: The texts.
        ids: Token ids of each.
    """
    return 2 * _multiplications(shape, list(dict(zip(texts, ids, strict=True)).values()))


def _multiplications(shape: Shape, ids: Sequence[Sequence[int]]) -> int:
    tokens, rows = sum(map(len, ids)), len(ids)
    distinct = len({token for row in ids for token in row})
    square, mlp = shape.hidden**2, 2 * shape.hidden * shape.wide
    neox = shape.kind == "gpt_neox"
    total = rows * (shape.hidden * shape.labels + (0 if neox else square))
    for layer in range(shape.layers):
        looked_up = neox and layer == 0
        last = layer == shape.layers - 1
        pooled = rows if last else tokens
        if looked_up:
            total += distinct * 3 * square
        else:
            total += tokens * 2 * square + pooled * square
        total += pooled * square
        total += (distinct if looked_up and shape.parallel else pooled) * mlp
    return total
