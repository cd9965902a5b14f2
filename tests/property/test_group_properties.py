"""Features of the market and of groups: against plain Python, and against texts of the future and the order of rows."""

import statistics
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore.errors import InputError
from sentiscore.features import add_group_features
from tests.effort import examples
from tests.look_ahead import FEATURES, Text, configs, daily_of, markets, texts

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:exchange"),
    pytest.mark.filterwarnings("ignore:.*lie before or after all sessions"),
    pytest.mark.filterwarnings("ignore:.*equal in entity, time and text"),
]


def panel(values: dict[str, list[tuple[int, float | None]]], groups: dict[str, str | None]) -> pl.DataFrame:
    """Daily rows of entities: n_docs and a value for each session."""
    rows = [
        (name, session, docs, x, groups.get(name))
        for name, own in values.items()
        for session, (docs, x) in enumerate(own)
    ]
    frame = pl.DataFrame(
        rows,
        schema={
            "unique_id": pl.String,
            "session_idx": pl.Int32,
            "n_docs": pl.Int64,
            "x": pl.Float64,
            "sector": pl.String,
        },
        orient="row",
    )
    day = pl.lit("2024-01-01").str.to_date() + pl.duration(days=pl.col("session_idx"))
    return frame.with_columns(
        ds=day, available_at=(day + pl.duration(days=1)).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    )


def oracle(frame: pl.DataFrame, row: dict[str, Any], group: str | None) -> dict[str, float | None]:
    """The figures of a row from the rows of its session, one by one."""
    peers = [
        each
        for each in frame.iter_rows(named=True)
        if each["ds"] == row["ds"]
        and each["n_docs"]
        and each["x"] is not None
        and (group is None or each[group] == row[group])
    ]
    if group is not None and row[group] is None:
        peers = []
    found: dict[str, float | None] = dict.fromkeys(("mean", "news_mean", "breadth", "less", "rank", "z"))
    if not peers:
        return found
    xs = [each["x"] for each in peers]
    found["mean"] = statistics.fmean(xs)
    found["news_mean"] = statistics.fmean(xs, [each["n_docs"] for each in peers])
    found["breadth"] = (sum(x > 0 for x in xs) - sum(x < 0 for x in xs)) / len(xs)
    if row["n_docs"] and row["x"] is not None:
        less = row["x"] - found["mean"]
        found["less"] = less
        found["rank"] = (sum(x < row["x"] for x in xs) + sum(x == row["x"] for x in xs) / 2) / len(xs)
        if len(set(xs)) > 1:
            found["z"] = less / statistics.stdev(xs)
    return found


VALUES = st.one_of(st.none(), st.integers(-64, 64).map(lambda n: n / 64))
SESSIONS = st.lists(st.tuples(st.integers(0, 3), VALUES), min_size=4, max_size=4)


@settings(max_examples=examples(40), deadline=None)
@given(
    values=st.dictionaries(st.sampled_from("ABCDEF"), SESSIONS, min_size=1),
    groups=st.dictionaries(st.sampled_from("ABCDEF"), st.sampled_from(["tech", "bank", None])),
    seed=st.integers(0, 99),
)
def test_each_figure_is_what_plain_python_gives_in_any_order(
    values: dict[str, list[tuple[int, float | None]]], groups: dict[str, str | None], seed: int
) -> None:
    frame = panel(values, groups).sample(fraction=1, shuffle=True, seed=seed)
    made = add_group_features(frame, "x", group_col="sector")
    assert made.select(frame.columns).equals(frame)
    for row in made.iter_rows(named=True):
        for which, group in (("market", None), ("group", "sector")):
            for name, expected in oracle(frame, row, group).items():
                assert row[f"x__{which}_{name}"] == (None if expected is None else pytest.approx(expected, abs=1e-9)), (
                    name
                )
    ordered = add_group_features(frame.sort("unique_id", "ds"), "x", group_col="sector")
    assert_frame_equal(made.sort("unique_id", "ds"), ordered, check_exact=True)


@settings(max_examples=examples(30), deadline=None)
@given(data=st.data())
def test_no_figure_of_a_row_knows_a_text_after_its_cutoff(data: st.DataObject) -> None:
    market = data.draw(st.sampled_from(list(markets().values())), label="market")
    config = data.draw(configs(market, FEATURES), label="config")
    rows = data.draw(st.lists(texts(market), min_size=3, max_size=12), label="rows")
    instant = market.cutoff(data.draw(st.integers(2, FEATURES), label="session"), config.cutoff)
    new = data.draw(st.lists(texts(market), max_size=4), label="new")
    changed = [row for row in rows if row.at < instant or data.draw(st.booleans(), label="keep")]
    changed += [Text(max(row.at, instant), row.entity, row.text, row.positive) for row in new]
    before, after, cut = (
        add_group_features(
            frame, ["n_docs", *(name for name in ("sent_mean", "sent_decay_2") if name in frame.columns)]
        )
        for of in (rows, changed, [row for row in rows if row.at < instant])
        for frame in [daily_of(of, market, config)]
    )
    known = pl.col("available_at") <= instant
    assert_frame_equal(before.filter(known), after.filter(known), check_exact=True)
    assert_frame_equal(before.filter(known), cut.filter(known), check_exact=True)


def test_an_entity_whose_rows_end_earlier_changes_nothing() -> None:
    whole = panel({"A": [(1, 0.5), (1, 0.25)], "B": [(1, -0.5), (0, None)]}, {})
    short = whole.filter(~((pl.col("unique_id") == "B") & (pl.col("session_idx") == 1)))
    made = add_group_features(whole, "x")
    assert_frame_equal(made.filter(unique_id="A"), add_group_features(short, "x").filter(unique_id="A"))


def test_what_is_missing_or_there_already_is_named() -> None:
    frame = panel({"A": [(1, 0.5)]}, {})
    with pytest.raises(InputError, match="no column 'industry'"):
        add_group_features(frame, "x", group_col="industry")
    with pytest.raises(InputError, match="x__market_breadth"):
        add_group_features(add_group_features(frame, "x"), "x")
    with pytest.raises(InputError, match="beyond"):
        add_group_features(frame.with_columns(x=2.0**30), "x")
    two = pl.concat(
        [frame, frame.with_columns(unique_id=pl.lit("B"), available_at=pl.col("available_at") + pl.duration(hours=1))]
    )
    with pytest.raises(InputError, match="several available_at"):
        add_group_features(two, "x")
