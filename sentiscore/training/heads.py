"""The last layer of a classifier: taken over from the base by the names of its classes, or fitted before training."""

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

from sentiscore.errors import CheckpointError, TrainingError
from sentiscore.labels import labels_of_config
from sentiscore.training.loss import masked_cross_entropy

_PENALTY: Final = 0.3
"""The weight of the squared weights, for features of unit variance."""
_BATCH: Final = 64


def classes_of_base(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The classes that the head of a base is for, in the order of its ids; none if its config does not say."""
    id2label = config.get("id2label")
    if not isinstance(id2label, Mapping):
        return ()
    try:
        names, _ = labels_of_config({int(i): str(name) for i, name in id2label.items()})
    except (CheckpointError, ValueError):
        return ()
    return names if len(set(names)) == len(names) else ()


def output_layer(model: Any) -> tuple[str, torch.nn.Linear] | None:
    """The name and the layer that computes the logits; None if no layer outside the network's body can be it."""
    body = f"{model.base_model_prefix}."
    found = [
        (name, layer)
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear)
        and layer.out_features == model.config.num_labels
        and not name.startswith(body)
    ]
    return found[-1] if found else None


def take_over_head(
    model: Any, weights: Mapping[str, Tensor], known: tuple[str, ...], classes: tuple[str, ...]
) -> list[str]:
    """Give each class of a new head the weights that the base's own head has for it.

    Args:
        model: The base with a head for `classes`.
        weights: The tensors of the base by name.
        known: The classes of the base's head.
        classes: The classes of the new one, in order.

    Returns:
        The names of the weights that were taken over; none if the base has no head that knows all of the classes.
    """
    found = output_layer(model)
    if found is None or not set(classes) <= set(known):
        return []
    name, layer = found
    parts = {f"{name}.{part}": parameter for part, parameter in layer.named_parameters()}
    shapes = {part: (len(known), *parameter.shape[1:]) for part, parameter in parts.items()}
    if any(part not in weights or tuple(weights[part].shape) != shape for part, shape in shapes.items()):
        return []
    order = [known.index(one) for one in classes]
    with torch.no_grad():
        for part, parameter in parts.items():
            parameter.copy_(weights[part][order])
    return list(parts)


def fit_head(model: Any, rows: Any, collate: Any, device: torch.device) -> None:
    """Fit the last layer as a logistic regression on what the rest of the network computes, which stays as it is.

    A random head spends the first steps of a short run on finding any direction at all, and its gradients damage the
    layers below (Kumar and others, 2022, arXiv 2202.10054).

    Args:
        model: The network, on any device.
        rows: The training rows, as `sentiscore.training.base.encode` makes them.
        collate: Makes a batch of some of them.
        device: The device to compute on.

    Raises:
        TrainingError: The network has no last layer that can be fitted on its own.
    """
    found = output_layer(model)
    if found is None:
        raise _not_alone()
    _, layer = found
    home = next(model.parameters()).device
    if not getattr(model, "is_quantized", False):
        model.to(device)
    features, order = _features(model, layer, rows, collate)
    if not getattr(model, "is_quantized", False):
        model.to(home)
    targets = torch.tensor(rows["labels"])[order].double()
    weights = torch.tensor(rows["weight"])[order].double()
    weight, bias = _fitted(features.double(), targets, weights, centred=layer.bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if layer.bias is not None:
            layer.bias.copy_(bias)


@torch.no_grad()
def _features(model: Any, layer: torch.nn.Linear, rows: Any, collate: Any) -> tuple[Tensor, list[int]]:
    """What the last layer gets for each row, shape (rows, width), and the order of the rows."""
    inputs = rows.remove_columns(["labels", "weight"])
    lengths = [len(ids) for ids in rows["input_ids"]]
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    seen: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    was_training = model.training
    model.eval()
    found = []
    try:
        for start in range(0, len(order), _BATCH):
            batch = collate([inputs[i] for i in order[start : start + _BATCH]]).to(layer.weight.device)
            seen.clear()
            logits = model(**batch).logits
            given = seen[-1]
            if given.ndim == 3:  # noqa: PLR2004 - (rows, tokens, width): a decoder's, which is read at the last token
                ends = batch["attention_mask"].sum(dim=1) - 1
                given = given[torch.arange(len(given), device=given.device), ends]
            if given.ndim != 2 or not torch.allclose(layer(given), logits, rtol=1e-3, atol=1e-3):  # noqa: PLR2004
                raise _not_alone()
            found.append(given.float().cpu())
    finally:
        hook.remove()
        model.train(was_training)
    return torch.cat(found), order


def _fitted(features: Tensor, targets: Tensor, weights: Tensor, *, centred: bool) -> tuple[Tensor, Tensor]:
    """The weights, shape (classes, width), and biases with the least loss, where large weights cost something."""
    middle = features.mean(dim=0) if centred else torch.zeros_like(features[0])
    scale = (features - middle).square().mean(dim=0).sqrt().clamp(min=1e-6)
    scaled = (features - middle) / scale
    weight = torch.zeros(targets.shape[1], features.shape[1], dtype=features.dtype, requires_grad=True)
    bias = torch.zeros(targets.shape[1], dtype=features.dtype, requires_grad=centred)
    search = torch.optim.LBFGS([weight, bias] if centred else [weight], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        total = masked_cross_entropy(scaled @ weight.T + bias, targets, weights) + _PENALTY * weight.square().sum() / 2
        total.backward()  # type: ignore[no-untyped-call]
        return total

    search.step(loss)  # type: ignore[no-untyped-call]
    found = weight.detach() / scale
    return found, bias.detach() - found @ middle


def _not_alone() -> TrainingError:
    return TrainingError(
        "The last layer of this network cannot be fitted on its own.", "Set head_first = false (--no-head-first)."
    )
