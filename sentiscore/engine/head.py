"""What is wrong with a classifier's head, worded once for every engine."""

from pathlib import Path

from sentiscore.errors import CheckpointError


def untrained(folder: Path, missing: str) -> CheckpointError:
    """The weights of the head, or others, are not there."""
    return CheckpointError(
        f"{folder} lacks trained weights ({missing}): it is a base, not a classifier.",
        f"Train it first: sentiscore train --base {folder}",
    )


def miscounted(folder: Path, n_classes: int, n_labels: int) -> CheckpointError:
    """The head has more or fewer classes than there are label names."""
    return CheckpointError(
        f"{folder} has {n_classes} classes, but {n_labels} label names.",
        "Name every class once, in the order of the ids, with --labels.",
    )
