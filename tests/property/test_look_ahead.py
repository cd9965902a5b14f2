"""No feature of a row knows anything after the instant at which its target begins, with any adapter and cutoff."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore.features import join_target
from tests.effort import examples
from tests.look_ahead import (
    FEATURES,
    LAGGED,
    UNLAGGED,
    Text,
    check_no_look_ahead,
    configs,
    daily_of,
    markets,
    texts,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:exchange"),
    pytest.mark.filterwarnings("ignore:.*lie before or after all sessions"),
    pytest.mark.filterwarnings("ignore:.*equal in entity, time and text"),
]
FEW = settings(max_examples=examples(30), deadline=None)


@FEW
@given(data=st.data())
def test_no_feature_of_a_panel_knows_anything_after_its_target_begins(data: st.DataObject) -> None:
    check_no_look_ahead(data, LAGGED | UNLAGGED)


@FEW
@given(data=st.data())
def test_no_feature_of_a_joined_row_knows_anything_after_its_instant(data: st.DataObject) -> None:
    market = data.draw(st.sampled_from(list(markets().values())), label="market")
    config = data.draw(configs(market, FEATURES), label="config")
    rows = data.draw(st.lists(texts(market), min_size=3, max_size=12), label="rows")
    session = market.sessions[data.draw(st.integers(2, FEATURES), label="session")]
    around = st.sampled_from([timedelta(microseconds=-1), timedelta(), timedelta(days=1)])
    instant = market.cutoff(market.sessions.index(session), config.cutoff) + data.draw(around, label="around")
    new = data.draw(st.lists(texts(market), max_size=4), label="new")
    changed = [row for row in rows if row.at < instant or data.draw(st.booleans(), label="keep")]
    changed += [Text(max(row.at, instant), row.entity, row.text, row.positive) for row in new]
    forecasts = pl.DataFrame({"unique_id": ["A", "B"], "at": [instant, instant - timedelta(hours=1)]})

    def joined(of: Sequence[Text]) -> pl.DataFrame:
        return join_target(daily_of(of, market, config), forecasts, time_col="at", max_age=None)

    before = joined(rows)
    assert_frame_equal(before, joined(changed), check_exact=True)
    known: list[datetime | None] = before["available_at"].to_list()
    assert all(at is None or at <= instant for at in known)
