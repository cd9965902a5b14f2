"""Batches made by hand hold every row once."""

from hypothesis import given
from hypothesis import strategies as st

from tests.benches.batches import by_length, of_equal_length

LENGTHS = st.lists(st.integers(1, 40), max_size=120)


@given(lengths=LENGTHS, size=st.integers(1, 40))
def test_every_row_is_in_one_batch_of_a_fair_size(lengths: list[int], size: int) -> None:
    for batches in (by_length(lengths, size), of_equal_length(lengths, size)):
        assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
        assert all(0 < len(batch) <= size for batch in batches)


@given(lengths=LENGTHS, size=st.integers(1, 40))
def test_rows_of_a_batch_of_equal_length_need_no_padding(lengths: list[int], size: int) -> None:
    assert all(len({lengths[row] for row in batch}) == 1 for batch in of_equal_length(lengths, size))
