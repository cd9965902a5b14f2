"""Nothing of a panel comes from the future of the session in which it is used."""

from collections.abc import Sequence

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore.features import to_autogluon, to_nixtla
from tests.daily_frames import FIRST_SESSION, daily_frame, target_frame, working_days
from tests.effort import examples

FEW = settings(max_examples=examples(60), deadline=None)

SESSIONS = 14
DAYS = working_days(SESSIONS)
Values = list[float | None]
values = st.lists(st.none() | st.floats(-1, 1), min_size=SESSIONS, max_size=SESSIONS)
ends = st.tuples(st.integers(7, SESSIONS), st.integers(7, SESSIONS))


def frames(a: Values, b: Values, lengths: Sequence[int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    targets = {name: [float(i) for i in range(n)] for name, n in zip("AB", lengths, strict=True)}
    return daily_frame({"A": a, "B": b}), target_frame(targets, DAYS)


@FEW
@given(a=values, b=values, new=values, lengths=ends, h=st.integers(1, 3), more=st.integers(0, 3))
def test_a_lagged_row_is_the_one_of_k_sessions_before(
    a: Values, b: Values, new: Values, lengths: tuple[int, int], h: int, more: int
) -> None:
    lags = sorted({h, h + more})
    daily, y = frames(a, b, lengths)
    panel = to_nixtla(daily, y, h=h, lags=lags, columns="sent_mean")
    assert panel.X_df is not None
    both = pl.concat([panel.df, panel.X_df], how="diagonal").sort("unique_id", "ds")
    for name, own, n in zip("AB", (a, b), lengths, strict=True):
        rows = both.filter(unique_id=name)
        first = max(lags)
        assert rows["ds"].to_list() == [FIRST_SESSION + i for i in range(first, n + h)]
        assert rows["y"].to_list() == [float(i) if i < n else None for i in range(first, n + h)]
        for k in lags:
            assert rows[f"sent_mean__lag_{k}"].to_list() == [own[i - k] for i in range(first, n + h)]


@FEW
@given(a=values, b=values, new=values, lengths=ends, h=st.integers(1, 3), t=st.integers(0, SESSIONS - 1))
def test_features_of_sessions_after_t_change_no_row_that_a_forecast_at_t_uses(
    a: Values, b: Values, new: Values, lengths: tuple[int, int], h: int, t: int
) -> None:
    daily, y = frames(a, b, lengths)
    other, _ = frames(a[: t + 1] + new[t + 1 :], b[: t + 1] + new[t + 1 :], lengths)
    lagged, changed = to_nixtla(daily, y, h=h), to_nixtla(other, y, h=h)
    assert lagged.X_df is not None
    assert changed.X_df is not None
    known = pl.col("ds") <= FIRST_SESSION + t + h
    assert_frame_equal(lagged.df.filter(known), changed.df.filter(known), check_exact=True)
    assert_frame_equal(lagged.X_df.filter(known), changed.X_df.filter(known), check_exact=True)
    known = pl.col("ds") <= FIRST_SESSION + t
    before, after = (to_nixtla(frame, y, h=h, exog="hist").df for frame in (daily, other))
    assert_frame_equal(before.filter(known), after.filter(known), check_exact=True)


@FEW
@given(a=values, b=values, new=values, lengths=ends, h=st.integers(1, 3))
def test_features_after_the_origin_change_nothing_at_all(
    a: Values, b: Values, new: Values, lengths: tuple[int, int], h: int
) -> None:
    daily, y = frames(a, b, lengths)
    other, _ = frames(a[: lengths[0]] + new[lengths[0] :], b[: lengths[1]] + new[lengths[1] :], lengths)
    lagged, changed = to_nixtla(daily, y, h=h), to_nixtla(other, y, h=h)
    assert lagged.X_df is not None
    assert changed.X_df is not None
    assert_frame_equal(lagged.df, changed.df, check_exact=True)
    assert_frame_equal(lagged.X_df, changed.X_df, check_exact=True)
    assert_frame_equal(to_autogluon(daily, y).df, to_autogluon(other, y).df, check_exact=True)
