"""What texts contribute to a value sums to it, and is what a plain count gives."""

import math
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiscore.features import DailyRequest, daily, explain
from tests.effort import examples
from tests.look_ahead import FEATURES, Text, configs, frame_of, markets, texts

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:exchange"),
    pytest.mark.filterwarnings("ignore:.*lie before or after all sessions"),
    pytest.mark.filterwarnings("ignore:.*equal in entity, time and text"),
    pytest.mark.filterwarnings("ignore:.*corrected"),
    pytest.mark.filterwarnings("ignore:.*entity that is blank"),
    pytest.mark.filterwarnings("ignore:.*no id, or a damaged one"),
    pytest.mark.filterwarnings("ignore:.*rows* ha[sv]e* no entity, or no time"),
]
MEANS = ("sent_mean", "pos_share", "neg_share", "neu_share", "uncertainty", "tone_mean", "sent_decay_2", "tone_decay_2")


@settings(max_examples=examples(30), deadline=None)
@given(data=st.data())
def test_contributions_sum_to_every_value_whatever_the_options(data: st.DataObject) -> None:
    market = data.draw(st.sampled_from(list(markets().values())), label="market")
    config = data.draw(configs(market, FEATURES), label="config")
    rows = data.draw(st.lists(texts(market), min_size=1, max_size=12), label="rows")
    n = len(rows)
    scored = frame_of(rows).with_columns(
        ticker=pl.Series(data.draw(st.lists(st.sampled_from(["A", "B", "A;B", ""]), min_size=n, max_size=n))),
        w=pl.Series(data.draw(st.lists(st.integers(0, 8), min_size=n, max_size=n)), dtype=pl.Float64) / 3,
        id=pl.Series(
            data.draw(st.lists(st.sampled_from(["1", "2", "3", None]), min_size=n, max_size=n)), dtype=pl.String
        ),
    )
    request = DailyRequest(
        time_col="at",
        entity_col="ticker",
        entity_separator=";",
        text_col="text",
        weight_col=data.draw(st.sampled_from(["w", None]), label="weight_col"),
        id_col=data.draw(st.sampled_from(["id", None]), label="id_col"),
        midnight="instant",
        config=config,
        **market.options,
    )
    made = daily(scored, **request.options, config=config)
    later = data.draw(st.booleans(), label="with texts that come after the day")
    columns = [name for name in MEANS if name in made.columns]
    for row in made.sample(min(made.height, 3), seed=0).iter_rows(named=True) if columns else ():
        column = data.draw(st.sampled_from(columns), label="column")
        known = scored if later else scored.filter(pl.col("at") < row["available_at"])
        found = explain(made, known, row["unique_id"], row["ds"], column=column, request=request)
        assert abs(math.fsum(found["contribution"]) - (row[column] or 0.0)) <= 1e-9
        assert (found["published_at"] < row["available_at"]).all()
        assert found["contribution"].abs().is_sorted(descending=True)
        assert found["text"].to_list() == known["text"].gather(found["row"]).to_list()
        unfilled = row["n_docs"] == 0 and config.fill in ("none", "zero") and "decay" not in column
        assert found.is_empty() or not (row[column] is None or unfilled)


@settings(max_examples=examples(20), deadline=None)
@given(data=st.data())
def test_contributions_are_those_that_a_plain_count_gives(data: st.DataObject) -> None:
    market = data.draw(st.sampled_from(list(markets().values())), label="market")
    config = replace(
        data.draw(configs(market, FEATURES), label="config"),
        sets=("level",),
        repeats="drop",
        repeats_within="3d",
        fill="none",
    )
    rows: list[Text] = data.draw(st.lists(texts(market), min_size=1, max_size=12), label="rows")
    scored = frame_of(rows)
    request = DailyRequest(
        time_col="at", entity_col="ticker", text_col="text", midnight="instant", config=config, **market.options
    )
    made = daily(scored, **request.options, config=config)
    previous = None
    for row in made.iter_rows(named=True):
        own = [(i, each) for i, each in enumerate(rows) if each.entity == row["unique_id"]]
        kept = []
        for i, each in own:
            before = [
                other.at
                for j, other in own
                if other.text == each.text and (other.at, other.positive, j) < (each.at, each.positive, i)
            ]
            if not before or each.at - max(before) >= timedelta(days=3):
                kept.append((i, each))
        if previous is not None and previous["unique_id"] == row["unique_id"]:
            since = previous["available_at"]
            of_day = [(i, each) for i, each in kept if since <= each.at + config.lag < row["available_at"]]
            assert row["n_docs"] == len(of_day)
            if not of_day:
                previous = row
                continue
            found = explain(made, scored, row["unique_id"], row["ds"], request=request)
            expected = sorted((2 * each.positive / 64 - 1) / len(of_day) for _, each in of_day)
            assert sorted(found["contribution"]) == pytest.approx(expected, abs=1e-12)
        previous = row
