import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sentiscore.training.sampling import LikeLengthSampler


@given(
    lengths=st.lists(st.integers(1, 100), min_size=1, max_size=300), batch=st.integers(1, 40), seed=st.integers(0, 9)
)
def test_every_row_comes_once(lengths: list[int], batch: int, seed: int) -> None:
    sampler = LikeLengthSampler(lengths, batch, seed)
    assert sorted(sampler) == list(range(len(lengths)))
    assert len(sampler) == len(lengths)


def test_batches_hold_rows_of_like_length_and_come_in_random_order() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 3200)
    order = list(LikeLengthSampler(lengths.tolist(), 32, seed=0))
    batches = [lengths[order[i : i + 32]] for i in range(0, 3200, 32)]
    assert np.mean([batch.max() - batch.min() for batch in batches]) < 8
    means = np.array([batch.mean() for batch in batches])
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.3  # a sorted pool would be near 1


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    lengths = list(range(1, 200))
    first, again = LikeLengthSampler(lengths, 8, 1), LikeLengthSampler(lengths, 8, 1)
    list(first)  # a pass that was read before changes nothing
    assert list(first) == list(again)
    again.set_epoch(1)
    assert list(first) != list(again)
    assert list(first) != list(LikeLengthSampler(lengths, 8, 2))
