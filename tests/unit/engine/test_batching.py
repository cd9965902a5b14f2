import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiscore.engine.batching import pack, plan_batches

LENGTHS = st.lists(st.integers(1, 600), max_size=200).map(lambda values: np.array(values, dtype=np.int64))
BUDGETS = st.integers(1, 4096)
PADDINGS = st.integers(0, 100)


@given(lengths=LENGTHS, budget=BUDGETS, padding=PADDINGS)
def test_every_row_is_in_one_batch(lengths: np.ndarray, budget: int, padding: int) -> None:
    batches = plan_batches(lengths, budget, padding)
    assert sorted(row for batch in batches for row in batch.rows) == list(range(lengths.size))


@given(lengths=LENGTHS, budget=BUDGETS, padding=PADDINGS)
def test_a_batch_is_within_the_budget_unless_it_is_one_row(lengths: np.ndarray, budget: int, padding: int) -> None:
    for batch in plan_batches(lengths, budget, padding):
        assert batch.width == lengths[batch.rows].max()
        assert batch.rows.size == 1 or batch.tokens <= budget


@given(lengths=LENGTHS, budget=BUDGETS, padding=PADDINGS)
def test_padding_is_counted_and_within_its_bound(lengths: np.ndarray, budget: int, padding: int) -> None:
    for batch in plan_batches(lengths, budget, padding):
        assert batch.padding == batch.tokens - lengths[batch.rows].sum() <= padding


@given(lengths=LENGTHS, budget=BUDGETS, padding=PADDINGS)
def test_the_longest_rows_come_first(lengths: np.ndarray, budget: int, padding: int) -> None:
    order = [int(lengths[row]) for batch in plan_batches(lengths, budget, padding) for row in batch.rows]
    assert order == sorted(order, reverse=True)


@pytest.mark.parametrize(("rows", "batches"), [(8, 1), (9, 2), (16, 2)])
def test_rows_of_one_length_fill_batches_without_padding(rows: int, batches: int) -> None:
    planned = plan_batches(np.full(rows, 8), 64, 32)
    assert (len(planned), sum(batch.padding for batch in planned)) == (batches, 0)


@given(lengths=LENGTHS, budget=BUDGETS, padding=PADDINGS)
def test_packed_rows_are_the_rows(lengths: np.ndarray, budget: int, padding: int) -> None:
    ids = np.arange(1, lengths.sum() + 1, dtype=np.int32)
    starts = np.cumsum(lengths) - lengths
    batches = plan_batches(lengths, budget, padding)
    packed = pack(batches, ids, starts, lengths, 0)
    assert packed.size == sum(batch.tokens for batch in batches)
    start = 0
    for batch in batches:
        block = packed[start : start + batch.tokens].reshape(batch.rows.size, batch.width)
        for row, line in zip(batch.rows, block, strict=True):
            assert line[: lengths[row]].tolist() == ids[starts[row] : starts[row] + lengths[row]].tolist()
            assert not line[lengths[row] :].any()
        start += batch.tokens
