"""Errors about a classifier's head, worded once for every engine."""

from collections.abc import Collection, Iterable

from sentiscore.checkpoint.reading import Folder
from sentiscore.errors import CheckpointError


def below_head(names: Iterable[str], body: str) -> list[str]:
    """The names of tensors that are not part of a classifier's head, sorted.

    The head is everything outside the body of the network, and the layer in the body that pools the tokens of a text: a
    base that was trained on another task often has neither.

    Args:
        names: Names of tensors of the classifier.
        body: The network's name for its body, such as "bert".
    """
    return sorted(name for name in names if name.startswith(f"{body}.") and "pooler" not in name.split("."))


def untrained(folder: Folder, missing: Collection[str], body: str) -> CheckpointError:
    """The error for a classifier with missing weights.

    Args:
        folder: The model folder.
        missing: Names of the tensors that its files lack.
        body: See `below_head`.
    """
    if below_head(missing, body):
        return incomplete(folder, below_head(missing, body))
    return CheckpointError(
        f"{folder} lacks trained weights ({min(missing)}): it is a base, not a classifier.",
        f"Train it first: sentiscore train --base {folder}",
    )


def incomplete(folder: Folder, missing: Collection[str]) -> CheckpointError:
    """The error for a model that lacks weights which no training would replace."""
    tensors = "1 tensor" if len(missing) == 1 else f"{len(missing):,} tensors"
    return CheckpointError(
        f"{folder} is not a whole model: its weights lack {tensors}, such as {min(missing)}.",
        "Copy or download the whole folder again.",
    )


def miscounted(folder: Folder, n_classes: int, n_labels: int) -> CheckpointError:
    """The error for a head with more or fewer classes than label names."""
    return CheckpointError(
        f"{folder} has {n_classes} classes, but {n_labels} label names.",
        "Name every class once, in the order of the ids, with --labels.",
    )
