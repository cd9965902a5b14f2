"""What training makes small."""

import torch


def masked_cross_entropy(logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The mean cross-entropy of soft targets, where a row may leave classes out.

    A class that a row leaves out takes no part in its softmax, so that binary film reviews and three-way
    headlines train one head: a review says nothing of how neutral it is.

    Args:
        logits: Shape (rows, classes).
        targets: Shape (rows, classes); each row sums to 1 over its classes, and the others are NaN.
        weights: How much each row counts, shape (rows,); 1 on average over the whole of the training rows.

    Returns:
        A number, in nats.
    """
    left_out = targets.isnan()
    log_probs = logits.float().masked_fill(left_out, float("-inf")).log_softmax(dim=1)
    per_row = (targets.nan_to_num() * log_probs.masked_fill(left_out, 0.0)).sum(dim=1)
    return -(weights * per_row).mean()
