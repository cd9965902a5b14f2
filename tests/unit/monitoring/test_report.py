import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

import sentiscore
from sentiscore.errors import InputError
from sentiscore.monitoring.report import DriftReport
from sentiscore.monitoring.thresholds import THRESHOLDS
from tests.effort import combined
from tests.scored_rows import START, scored_rows

DAYS = 28
LAST = START + timedelta(days=DAYS)
USUAL = 600
"""Rows of a weekday of the history."""


@pytest.fixture(scope="module")
def history() -> pl.DataFrame:
    return scored_rows(USUAL * 22, days=DAYS)


def report(
    now: pl.DataFrame,
    then: pl.DataFrame | list[pl.DataFrame],
    thresholds: Mapping[str, float] | None = None,
    **columns: Any,
) -> DriftReport:
    return sentiscore.monitor(
        now, reference=then, thresholds=thresholds, **({"text_col": "text", "time_col": "published_at"} | columns)
    )


def night(n: int = USUAL, **knobs: Any) -> pl.DataFrame:
    return scored_rows(n, seed=77, start=LAST, **knobs)


def alarms(found: DriftReport) -> set[str]:
    return {check.name for check in found.alarms}


def test_a_night_like_those_before_it_passes_every_check(history: pl.DataFrame) -> None:
    found = report(night(), history)
    assert found.passed, found.alarms
    assert {check.name for check in found.checks} == set(THRESHOLDS)
    assert (found.rows, found.reference_rows, found.skipped) == (USUAL, history.height, {})


@pytest.mark.parametrize(
    ("knobs", "names"),
    [
        ({"language": "German"}, {"vocabulary", "unseen", "language"}),
        ({"leaning": (0.01, 5.0, 0.01)}, {"sentiment", "labels", "confidence"}),
        ({"leaning": (0.9, 0.9, 0.2)}, {"sentiment", "labels"}),
        ({"empty": 0.10}, {"empty"}),
        ({"null": 0.08}, {"null"}),
        ({"truncated": 0.15}, {"truncated"}),
        ({"words": 20}, {"length"}),
        ({"repeats": 0.6}, {"repeats"}),
        ({"n": USUAL * 2}, {"volume"}),
        ({"n": USUAL // 2}, {"volume"}),
    ],
)
def test_a_real_change_is_told(history: pl.DataFrame, knobs: dict[str, Any], names: set[str]) -> None:
    found = alarms(report(night(**knobs), history))
    assert names <= found
    assert found <= names | {"sentiment", "labels", "confidence", "length"} | ({"empty", "null"} & names)


def test_undecodable_rows_are_told(history: pl.DataFrame) -> None:
    rows = night(empty=0.05).with_columns(status=pl.col("status").replace("empty", "undecodable"))
    assert alarms(report(rows, history)) == {"undecodable"}


def test_a_day_that_is_missing_is_told(history: pl.DataFrame) -> None:
    rows = scored_rows(USUAL * 6, seed=5, days=8, start=LAST)
    gap = LAST + timedelta(days=3)
    rows = rows.filter(~pl.col("published_at").is_between(gap, gap + timedelta(days=1)))
    found = report(rows, history)
    assert alarms(found) == {"missing_days"}
    assert found.alarms[0].sentence == "1 of 7 days without a row"


@pytest.mark.parametrize(
    ("when", "late"),
    combined(
        [datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC), LAST - timedelta(days=30)],
        ["now", "then", "both"],
    ),
)
def test_a_row_of_another_time_alarms_nothing_and_is_told(history: pl.DataFrame, when: datetime, late: str) -> None:
    now, then = night(), history.filter(pl.col("published_at") >= LAST - timedelta(days=21))
    row = now.tail(1).with_columns(published_at=pl.lit(when, dtype=pl.Datetime("us", "UTC")))
    usual = {check.name: check for check in report(now, then).checks}
    if late != "then":
        now = pl.concat([now, row])
    if late != "now":
        then = pl.concat([then, row])
    found = report(now, then)
    assert found.passed, found.alarms
    assert {"volume", "missing_days"} <= {check.name for check in found.checks if usual[check.name] == check}
    assert (found.stray_rows, found.reference_stray_rows) == (int(late != "then"), int(late != "now"))
    told = found.to_dict()
    assert (told["stray_rows"], told["reference_stray_rows"]) == (found.stray_rows, found.reference_stray_rows)
    assert len(told["notes"]) == 1 + (late == "both")
    assert "left out as stray" in told["notes"][0]


def test_few_bad_rows_of_few_rows_are_chance(history: pl.DataFrame) -> None:
    rows = night(40, empty=0, null=0)
    bad = pl.int_range(40) < 3
    unscored = [pl.when(~bad).then(pl.col("^(p_.*|sentiment|label)$"))]
    rows = rows.with_columns(*unscored, status=pl.when(bad).then(pl.lit("empty")).otherwise("status"))
    found = report(rows, history, time_col=None)
    check = next(check for check in found.checks if check.name == "empty")
    assert check.value > check.threshold
    assert check.passed


def test_ten_rows_are_too_few_to_judge_their_shares(history: pl.DataFrame) -> None:
    found = report(night(10, empty=0.3), history)
    assert {check.name for check in found.checks} == {"volume", "missing_days"}
    assert set(found.skipped) == set(THRESHOLDS) - {"volume", "missing_days"}
    assert "empty" not in {check.name for check in found.alarms}


def test_a_report_that_checks_nothing_does_not_pass(history: pl.DataFrame) -> None:
    with pytest.raises(InputError, match="Nothing could be compared: there are 7 scored texts"):
        report(night(10, empty=0.3), history, time_col=None)


def test_a_story_that_is_sent_two_hundred_times_moves_nothing_where_texts_are_known(history: pl.DataFrame) -> None:
    rows = night()
    story = rows.filter((pl.col("label") == "negative") & (pl.col("status") == "ok")).head(1)
    flooded = pl.concat([rows, *[story] * 200])
    assert alarms(report(flooded, history, {"labels": 0.05})) == set()
    assert "labels" in alarms(report(flooded, history, {"labels": 0.05}, text_col=None))


def test_each_threshold_is_the_value_past_which_its_check_alarms(history: pl.DataFrame) -> None:
    rows = night(
        USUAL * 3, language="German", leaning=(0.9, 0.4, 0.2), empty=0.2, null=0.2, truncated=0.3, words=20, repeats=0.5
    )
    kinds = (("null", "undecodable"), ("null", "unknown"), ("ok", "not_mentioned"))
    more = (rows.filter(pl.col("status") == like).with_columns(status=pl.lit(status)) for like, status in kinds)
    rows = pl.concat([rows, *more])
    found = {check.name: check for check in report(rows, history).checks}
    assert found.keys() == set(THRESHOLDS)
    del found["missing_days"]  # a count of days: another test is its own
    assert all(check.value > max(check.threshold, check.chance) for check in found.values())
    for less, passed in ((0.0, True), (1e-9, False)):
        again = report(rows, history, {name: check.value - less for name, check in found.items()})
        assert {check.name for check in again.checks if check.passed == passed} - {"missing_days"} == found.keys()


def test_targets_need_the_column_of_texts(history: pl.DataFrame) -> None:
    with pytest.raises(InputError, match="there is no column of texts"):
        sentiscore.monitor(night(), reference=history, target_col="ticker")


def test_without_texts_and_times_their_checks_say_what_they_need(history: pl.DataFrame) -> None:
    found = report(night(), history, text_col=None, time_col=None)
    assert set(found.skipped) == {"vocabulary", "unseen", "language", "repeats", "volume", "missing_days"}
    assert all("--text-col" in reason or "--time-col" in reason for reason in found.skipped.values())


def test_several_references_are_one(history: pl.DataFrame) -> None:
    parts = [history.head(3_000), history.slice(3_000)]
    assert report(night(), parts).checks == report(night(), history).checks


def test_a_prefix_is_found(history: pl.DataFrame) -> None:
    scores = ["p_negative", "p_positive", "p_neutral", "sentiment", "label", "n_tokens", "status"]
    names = {name: f"s_{name}" for name in scores}
    found = report(night().rename(names), history.rename(names), prefix="s_")
    assert found.checks == report(night(), history).checks


def test_a_model_of_two_classes_has_two_labels(history: pl.DataFrame) -> None:
    found = report(night(neutral=False), scored_rows(5_000, neutral=False), time_col=None)
    labels = next(check for check in found.checks if check.name == "labels")
    assert "neutral" not in labels.sentence


def test_the_report_is_json(history: pl.DataFrame) -> None:
    found = report(night(empty=0.1), history, time_col=None)
    text = json.dumps(found.to_dict(), allow_nan=False)
    again = json.loads(text)
    assert again["passed"] is False
    assert [check["name"] for check in again["checks"] if not check["passed"]] == ["empty"]


@pytest.mark.parametrize("which", [True, False])
def test_scores_of_different_models_are_refused(history: pl.DataFrame, *, which: bool) -> None:
    with pytest.raises(InputError, match=r"different models: only (the reference|SCORED) has p_neutral"):
        report(night(neutral=which), scored_rows(300, neutral=not which))


def test_no_reference_is_refused() -> None:
    with pytest.raises(InputError, match="no reference"):
        report(night(), [])


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ({"volumes": 2.0}, "no check called 'volumes'"),
        ({"volume": float("nan")}, "threshold of volume is nan"),
        ({"volume": float("inf")}, "threshold of volume is inf"),
        ({"volume": -1.0}, "threshold of volume is -1"),
    ],
)
def test_thresholds_that_cannot_be_meant_are_refused(thresholds: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        report(night(), night(), thresholds)
