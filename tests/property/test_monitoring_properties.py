"""What a drift report must be, whatever the counts, the order of the rows and the windows they come in."""

from dataclasses import fields

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiscore.monitoring import chance
from sentiscore.monitoring.measures import Counts, jensen_shannon, psi, quantile_bins, total_variation
from sentiscore.monitoring.profile import Columns, Profile, Profiler
from sentiscore.monitoring.words import word_shift
from tests.effort import examples
from tests.scored_rows import scored_rows

FEW = settings(max_examples=examples(25), deadline=None)
COLUMNS = Columns(text="text", time="published_at")
number = st.one_of(st.integers(0, 3), st.integers(0, 10**7))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Counts, Counts]:
    n = draw(st.integers(1, 12))
    one, other = (draw(st.lists(number, min_size=n, max_size=n).filter(any)) for _ in range(2))
    return np.array(one, dtype=np.int64), np.array(other, dtype=np.int64)


@given(pairs())
def test_distances_are_never_negative_and_the_same_from_both_sides(pair: tuple[Counts, Counts]) -> None:
    for measure in (psi, total_variation, jensen_shannon):
        there, back = float(measure(*pair)), float(measure(*pair[::-1]))
        assert there >= 0
        assert abs(there - back) <= 1e-9 * max(1.0, there)
        assert float(measure(pair[0], pair[0])) == 0


@given(pairs(), st.randoms())
def test_distances_do_not_depend_on_the_order_of_the_bins(pair: tuple[Counts, Counts], random: st.DataObject) -> None:
    order = np.random.default_rng(0).permutation(pair[0].size)
    for measure in (psi, total_variation, jensen_shannon):
        assert np.isclose(measure(pair[0][order], pair[1][order]), measure(*pair), rtol=1e-9, atol=1e-12)


@given(pairs())
def test_measures_are_within_their_bounds(pair: tuple[Counts, Counts]) -> None:
    assert float(total_variation(*pair)) <= 1 + 1e-12
    assert float(jensen_shannon(*pair)) <= 1
    assert np.isfinite(psi(*pair))


@given(st.lists(number, min_size=1, max_size=60).filter(any), st.integers(1, 12))
def test_bins_are_cut_in_order_and_cover_everything(fine: list[int], n_bins: int) -> None:
    counts = np.array(fine, dtype=np.int64)
    cuts = quantile_bins(counts, n_bins)
    assert cuts[0] == 0
    assert (np.diff(cuts) > 0).all()
    assert cuts[-1] < counts.size
    binned = np.add.reduceat(counts, cuts)
    assert binned.sum() == counts.sum()
    alone = np.diff(np.append(cuts, counts.size)) == 1
    assert (binned[~alone] < 2 * counts.sum() / n_bins + 1).all()


@FEW
@given(st.integers(1, 500), st.integers(1, 5_000), st.data())
def test_what_chance_gives_a_share_is_between_nothing_and_all(n: int, others: int, data: st.DataObject) -> None:
    k, other_k = data.draw(st.integers(0, n)), data.draw(st.integers(0, others))
    assert 0 <= chance.of_share(k, n, other_k, others) <= 1
    assert np.isclose(chance.of_share(k, n, other_k, others), chance.of_share(other_k, others, k, n), atol=1e-9)


def same(one: Profile, other: Profile) -> bool:
    for field in fields(Profile):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, pl.Series):
            equal = a.equals(b)
        elif isinstance(a, tuple | np.ndarray):
            equal = all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
        else:
            equal = a == b
        if not equal:
            return False
    return True


def profile(rows: pl.DataFrame, window: int, columns: Columns) -> Profile:
    profiler = Profiler(columns, "the rows")
    profiler.add_all(rows.iter_slices(window))
    return profiler.finish()


@FEW
@given(
    n=st.integers(10, 120),
    seed=st.integers(0, 1_000),
    window=st.sampled_from([1, 7, 40, 100]),
    columns=st.sampled_from([Columns(), Columns(time="published_at"), Columns(text="text"), COLUMNS]),
)
def test_neither_the_order_of_rows_nor_the_borders_of_windows_change_a_profile(
    n: int, seed: int, window: int, columns: Columns
) -> None:
    rows = scored_rows(n, seed=seed, days=5, repeats=0.4)
    shuffled = rows.sample(fraction=1, shuffle=True, seed=seed)
    assert same(profile(rows, n, columns), profile(shuffled, window, columns))


@FEW
@given(st.lists(st.text("ab c日1", max_size=8), min_size=1, max_size=12), st.lists(st.text("bd e本", max_size=8)))
def test_any_texts_have_a_word_shift_of_numbers_or_none(one: list[str], other: list[str]) -> None:
    shift = word_shift(pl.Series(one, dtype=pl.String), pl.Series(other, dtype=pl.String))
    if shift is not None:
        figures = (shift.divergence.value, shift.divergence.rare, shift.unseen.value, shift.unseen.rare)
        assert np.isfinite(figures).all()
        assert max(shift.divergence.value, shift.unseen.value) <= 1 + 1e-9
