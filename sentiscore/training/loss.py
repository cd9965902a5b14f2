"""The loss that training minimizes."""

import torch


def masked_cross_entropy(logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The mean cross-entropy of soft targets, where a row may leave classes out.

    A class that a row leaves out is not part of its softmax, so that film reviews with two classes and headlines with
    three train one head: a review's label does not say how neutral it is.

    Args:
        logits: Shape (rows, classes).
        targets: Shape (rows, classes); each row sums to 1 over its classes, and the others are NaN.
        weights: The weight of each row, shape (rows,); 1 on average over all training rows.

    Returns:
        A number, in nats.
    """
    left_out = targets.isnan()
    log_probs = logits.float().masked_fill(left_out, float("-inf")).log_softmax(dim=1)
    per_row = (targets.nan_to_num() * log_probs.masked_fill(left_out, 0.0)).sum(dim=1)
    return -(weights * per_row).mean()
