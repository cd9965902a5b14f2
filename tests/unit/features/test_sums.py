"""Distinct texts, and what repeated ones count where they are discounted."""

import math
from datetime import UTC, datetime, timedelta
from itertools import permutations, product
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore.features import DailyConfig, daily
from sentiscore.features.placing import SEED

START = datetime(2024, 2, 5, 9, tzinfo=UTC)


def rows_of(*rows: tuple[timedelta, str, float], **more: Any) -> pl.DataFrame:
    """Scored rows of (time since START, text, sentiment)."""
    return pl.DataFrame(
        {
            "at": pl.Series([START + after for after, _, _ in rows], dtype=pl.Datetime("us", "UTC")),
            "text": [text for _, text, _ in rows],
            "sentiment": pl.Series([value for _, _, value in rows], dtype=pl.Float32),
            "label": ["positive" if value > 0 else "negative" for _, _, value in rows],
            "status": ["ok"] * len(rows),
            **more,
        }
    )


def features_of(rows: pl.DataFrame, repeats: str = "discount", **config: Any) -> pl.DataFrame:
    weight_col = "weight" if "weight" in rows.columns else None
    return daily(
        rows, time_col="at", text_col="text", weight_col=weight_col, config=DailyConfig(repeats=repeats, **config)
    )


def at(*, days: float = 0, **more: float) -> timedelta:
    return timedelta(days=days, **more)


# --- distinct texts ---


def alike(bits: int) -> tuple[str, str]:
    """Two texts whose hashes begin with the same bits."""
    n = 2**22
    while True:
        texts = pl.int_range(n, eager=True).cast(pl.String)
        found = pl.DataFrame({"text": texts, "hash": texts.hash(SEED)}).sort("hash")
        begin = found["hash"] // 2 ** (64 - bits)
        same = (begin == begin.shift()).fill_null(value=False).arg_true()
        if same.len():
            return found["text"][same[0] - 1], found["text"][same[0]]
        n *= 2


def test_rows_of_other_entities_do_not_change_how_many_texts_are_distinct() -> None:
    rows = rows_of(*((at(), text, 0.5) for text in alike(42)), ticker=["A", "A"])
    args: dict[str, Any] = {"time_col": "at", "entity_col": "ticker", "text_col": "text"}
    alone = daily(rows, **args)
    assert alone["n_unique"].to_list() == [2]
    # Of nearly 3 million pairs of an entity and a session, these rows take 62.
    long_ago = rows_of((datetime(1900, 1, 1, tzinfo=UTC) - START, "a", 0.5), ticker=["T0"])
    others = rows_of(*[(at(), "a", 0.5)] * 60, ticker=[f"T{i}" for i in range(1, 61)])
    both = daily(pl.concat([long_ago, others, rows]), **args)
    assert_frame_equal(both.filter(unique_id="A"), alone, check_exact=True)


# --- repeats that are discounted ---


def test_a_discounted_repeat_counts_as_its_share_wherever_texts_are_counted() -> None:
    rows = rows_of(
        (at(), "a", 1.0),
        (at(days=1), "b", -1.0),
        (at(days=1), "a", 1.0),  # a day after the one before: a quarter of four days
    )
    frame = features_of(rows, repeats_within="4d")
    assert frame["n_docs"].to_list() == [1, 2]
    row = frame.row(1, named=True)
    assert row["sent_mean"] == pytest.approx((0.25 - 1) / 1.25)
    assert row["bullishness"] == pytest.approx(math.log(1.25 / 2))
    prior = 1.0 * 1 / (1 + 5)
    assert row["sent_shrunk"] == pytest.approx((-0.75 + 5 * prior) / (1.25 + 5))
    # of the next session the past has 2.25 texts
    later = features_of(pl.concat([rows, rows_of((at(days=2), "c", 1.0))]), repeats_within="4d")
    prior = (1 - 0.75) / 2.25 * 2.25 / (2.25 + 5)
    assert later["sent_shrunk"][2] == pytest.approx((1 + 5 * prior) / (1 + 5))


def test_a_story_that_is_copied_all_day_is_hardly_more_volume_than_the_story() -> None:
    quiet = [(at(days=day), f"{day} {i}", 0.5) for day in range(10) for i in range(2)]
    story = [(at(days=10, minutes=i), "copied", -0.75) for i in range(50)]
    last = {
        repeats: features_of(rows_of(*quiet, *story), repeats).row(-1, named=True)
        for repeats in ("keep", "drop", "discount")
    }
    assert [last[repeats]["n_docs"] for repeats in ("keep", "drop", "discount")] == [50, 1, 2]
    for column in ("abnormal_volume_20", "sent_shrunk", "bullishness"):
        keep, drop, discount = (last[repeats][column] for repeats in ("keep", "drop", "discount"))
        assert discount == pytest.approx(drop, abs=0.01), column
        assert abs(keep - drop) > 0.05, column
    n = 1 + 49 / (3 * 24 * 60)
    assert last["discount"]["abnormal_volume_20"] == pytest.approx(math.log((1 + n) / (1 + 2)), abs=2e-5)


def test_discounted_texts_are_counted_rounded_up_and_distinct_ones_at_least_once() -> None:
    copies = [(at(hours=i), "a", 0.5) for i in range(12)]  # 1 and 11 times a twelfth of the half day
    assert features_of(rows_of(*copies), repeats_within="12h")["n_docs"].to_list() == [2]
    rows = [(at(hours=hours), text, 0.5) for hours, text in product((0, 23), "abc")]
    frame = features_of(rows_of(*rows), repeats_within="230h")
    assert frame.select("n_docs", "n_unique").rows() == [(3, 3), (3, 3)]
    assert frame["bullishness"][1] == pytest.approx(math.log(1 + 0.3), abs=1e-6)


def test_copies_of_one_instant_count_once() -> None:
    rows = [(at(), "a", 1.0), (at(), "a", -1.0), (at(), "a", 0.5), (at(), "b", 0.5)]
    frames = [features_of(rows_of(*order)) for order in permutations(rows)]
    assert frames[0].select("n_docs", "n_unique", "sent_mean").row(0) == (2, 2, -0.25)  # of "a" the lowest
    for frame in frames[1:]:
        assert_frame_equal(frame, frames[0], check_exact=True)


def test_a_session_of_nothing_but_copies_of_an_instant_ago_has_no_news() -> None:
    midnight = datetime(2024, 2, 6, tzinfo=UTC) - START
    rows = rows_of((midnight - at(microseconds=1), "a", 1.0), (midnight, "a", 1.0), (midnight + at(hours=1), "b", 1.0))
    assert features_of(rows)["n_docs"].to_list() == [1, 1]
    assert features_of(rows.head(2)).select("n_docs", "n_unique", "sent_mean").rows() == [(1, 1, 1.0), (0, 0, None)]


def test_weights_are_discounted_too_and_no_text_that_counts_weighs_nothing() -> None:
    rows = rows_of((at(), "a", 1.0), (at(hours=6), "a", -1.0), (at(hours=7), "b", 1.0), weight=[2.0, 4.0, 1.0])
    frame = features_of(rows, repeats_within="1d")
    assert frame["sent_mean"][0] == pytest.approx((2 - 4 * 0.25 + 1) / (2 + 1 + 1))
    assert frame["bullishness"][0] == pytest.approx(math.log((1 + 2.25 * 0.75) / (1 + 2.25 * 0.25)))
    least = rows_of((at(), "a", 1.0), (at(days=1), "a", -1.0), weight=[1e-9, 1e-9])
    assert features_of(least, repeats_within="3d")["sent_mean"].to_list() == [1.0, -1.0]
