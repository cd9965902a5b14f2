import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sentiscore.engine.batching import plan_batches

LENGTHS = st.lists(st.integers(1, 600), max_size=200).map(lambda values: np.array(values, dtype=np.int64))


@given(lengths=LENGTHS, budget=st.integers(1, 4096))
def test_every_row_is_in_one_batch(lengths: np.ndarray, budget: int) -> None:
    batches = list(plan_batches(lengths, budget))
    assert sorted(row for batch in batches for row in batch) == list(range(lengths.size))


@given(lengths=LENGTHS, budget=st.integers(1, 4096))
def test_a_padded_batch_is_within_the_budget_unless_it_is_one_row(lengths: np.ndarray, budget: int) -> None:
    for batch in plan_batches(lengths, budget):
        assert batch.size == 1 or lengths[batch].max() * batch.size <= budget


@given(lengths=LENGTHS, budget=st.integers(1, 4096))
def test_the_longest_rows_come_first(lengths: np.ndarray, budget: int) -> None:
    order = [int(lengths[row]) for batch in plan_batches(lengths, budget) for row in batch]
    assert order == sorted(order, reverse=True)
