import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sentiscore.training.loss import masked_cross_entropy

NAN = float("nan")


def test_hard_labels_of_every_class_give_the_usual_cross_entropy() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(7, 3), torch.tensor([0, 1, 2, 2, 1, 0, 1])
    ours = masked_cross_entropy(logits, torch.eye(3)[labels], torch.ones(7))
    assert ours.item() == pytest.approx(torch.nn.functional.cross_entropy(logits, labels).item(), abs=1e-6)


@given(st.lists(st.floats(-20, 20), min_size=3, max_size=3), st.floats(0, 1), st.floats(-1000, 1000))
def test_a_class_that_is_left_out_changes_nothing_and_learns_nothing(
    row: list[float], positive: float, elsewhere: float
) -> None:
    logits = torch.tensor([row, [row[0], elsewhere, row[2]]], requires_grad=True)
    targets = torch.tensor([[1 - positive, NAN, positive]] * 2)
    loss = [masked_cross_entropy(logits[i : i + 1], targets[:1], torch.ones(1)) for i in (0, 1)]
    assert loss[0].item() == loss[1].item()
    sum(loss).backward()  # type: ignore[union-attr]
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[:, 1] == 0).all()
    two = np.array([row[0], row[2]])
    expected = np.logaddexp(*two) - (1 - positive) * two[0] - positive * two[1]
    assert loss[0].item() == pytest.approx(expected, abs=1e-4)


def test_a_row_counts_by_its_weight() -> None:
    logits, targets = torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    each = [masked_cross_entropy(logits[i : i + 1], targets[i : i + 1], torch.ones(1)).item() for i in (0, 1)]
    both = masked_cross_entropy(logits, targets, torch.tensor([0.5, 1.5])).item()
    assert both == pytest.approx((0.5 * each[0] + 1.5 * each[1]) / 2, abs=1e-6)
