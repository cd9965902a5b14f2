from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from sentiscore.errors import InputError
from sentiscore.monitoring.profile import Columns, Profile, Profiler
from sentiscore.monitoring.sample import Sample
from tests.scored_rows import scored_rows

BOTH = Columns(text="text", time="published_at")


def profile(rows: pl.DataFrame, columns: Columns = BOTH) -> Profile:
    profiler = Profiler(columns, "the rows")
    profiler.add(rows.select(columns.needed(rows.schema, "the rows")))
    return profiler.finish()


def tiny() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "text": ["good", "good", "bad", "", None],
            "published_at": pl.Series(
                ["2024-01-01T09:10Z", "2024-01-01T09:50Z", "2024-01-02T10:00Z", "2024-01-02T11:00Z", None]
            ),
            "p_negative": pl.Series([0.1, 0.1, 0.7, None, None], dtype=pl.Float32),
            "p_positive": pl.Series([0.9, 0.9, 0.3, None, None], dtype=pl.Float32),
            "sentiment": pl.Series([0.8, 0.8, -0.4, None, None], dtype=pl.Float32),
            "label": ["positive", "positive", "negative", None, None],
            "n_tokens": pl.Series([3, 3, 9_000, 0, 0], dtype=pl.Int32),
            "status": ["ok", "ok", "truncated", "empty", "null"],
        }
    )


def test_rows_are_counted_by_status_and_scores_by_distinct_text() -> None:
    found = profile(tiny())
    assert (found.rows, found.scored, found.truncated, found.neutral) == (5, 2, 1, False)
    assert found.statuses == {
        "ok": 2,
        "truncated": 1,
        "not_mentioned": 0,
        "empty": 1,
        "null": 1,
        "undecodable": 0,
        "unknown": 0,
    }
    assert found.labels.tolist() == [1, 0, 1]
    assert np.flatnonzero(found.sentiment).tolist() == [600, 1800]
    assert np.flatnonzero(found.confidence).tolist() == [700, 900]
    assert np.flatnonzero(found.lengths).tolist() == [3, 4096]
    assert found.texts is not None
    assert sorted(found.texts) == ["bad", "good"]


def test_a_text_counts_once_for_each_of_its_targets() -> None:
    rows = tiny().with_columns(who=pl.Series(["a", " a ", "a", "a", None]))
    towards = Columns(text="text", target="who", time="published_at")
    assert profile(rows, towards).labels.tolist() == profile(rows).labels.tolist() == [1, 0, 1]
    other = rows.with_columns(
        who=pl.Series(["a", "b", "bad", "a", None], dtype=pl.Categorical),
        sentiment=pl.Series([0.8, -0.8, -0.4, None, None], dtype=pl.Float32),
        p_negative=pl.Series([0.1, 0.9, 0.7, None, None], dtype=pl.Float32),
        p_positive=pl.Series([0.9, 0.1, 0.3, None, None], dtype=pl.Float32),
        label=pl.Series(["positive", "negative", "negative", None, None]),
    )
    found = profile(other, towards)
    assert (found.scored, found.labels.tolist()) == (3, [2, 0, 1])
    assert found.repeats is not None
    assert profile(other).repeats is not None
    assert found.repeats.tolist() != profile(other).repeats.tolist()  # type: ignore[union-attr]


@pytest.mark.parametrize(("name", "message"), [("nobody", "has no column 'nobody'"), ("sentiment", "holds Float")])
def test_a_column_that_cannot_hold_targets_is_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        profile(tiny(), Columns(text="text", target=name))
    assert "--target-col (target_col)" in refused.value.hint


def test_targets_may_be_integers() -> None:
    rows = tiny()
    codes = pl.Series(range(rows.height))
    towards = Columns(text="text", target="who")
    found = profile(rows.with_columns(who=codes), towards)
    assert found.labels.tolist() == profile(rows.with_columns(who=codes.cast(pl.String)), towards).labels.tolist()


def test_links_are_not_words() -> None:
    rows = tiny().head(1).with_columns(text=pl.lit("up https://t.co/x1 again http://a.example"))
    texts = profile(rows).texts
    assert texts is not None
    assert texts[0].split() == ["up", "again"]


def test_without_texts_scores_are_counted_by_row() -> None:
    found = profile(tiny(), Columns())
    assert (found.scored, found.labels.tolist()) == (3, [1, 0, 2])
    assert (found.texts, found.hours, found.repeats) == (None, None, None)


def test_rows_are_counted_by_hour_and_repeats_by_day() -> None:
    found = profile(tiny())
    assert found.hours is not None
    hours, rows = found.hours
    start = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) // 3600
    assert (hours - start).tolist() == [9, 34, 35]
    assert rows.tolist() == [2, 1, 1]
    assert found.repeats is not None
    assert found.repeats[:4].tolist() == [0, 1, 1, 0]


def test_a_text_of_two_days_repeats_in_neither() -> None:
    rows = tiny().head(2).with_columns(published_at=pl.Series([date(2024, 1, 1), date(2024, 1, 2)]))
    found = profile(rows)
    assert found.repeats is not None
    assert found.repeats[:3].tolist() == [0, 2, 0]


def test_scores_of_a_csv_are_those_of_the_frame() -> None:
    rows = scored_rows(300)
    text = rows.with_columns(pl.all().cast(pl.String))
    one, other = profile(rows), profile(text.with_columns(rows["published_at"].dt.to_string("%Y-%m-%dT%H:%M:%SZ")))
    assert (one.sentiment == other.sentiment).all()
    assert (one.confidence == other.confidence).all()
    assert one.statuses == other.statuses


def test_a_sample_keeps_so_many_keys_and_their_exact_counts() -> None:
    keys = pl.Series(range(5_000)).cast(pl.String).hash(0).alias("hash")
    rows = pl.concat([keys, keys.head(3_000), keys.tail(500)]).to_frame().with_columns(v=1)
    sample = Sample(["v"], size=100)
    for part in rows.sample(fraction=1, shuffle=True, seed=1).iter_slices(700):
        sample.add(part)
    kept = sample.keys()
    counted = rows.group_by("hash").agg(n=pl.len().cast(pl.Int64)).sort("hash").head(100)
    assert kept.select("hash", "n").equals(counted)


def test_a_sample_that_lacks_every_part_cannot_be_had() -> None:
    with pytest.raises(ValueError, match="nothing was added"):
        Sample([]).keys()


def test_more_texts_than_are_kept_are_a_random_sample_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = scored_rows(20_000, repeats=0, empty=0, null=0)
    every = profile(rows)
    monkeypatch.setattr("sentiscore.monitoring.profile.Sample", lambda values: Sample(values, size=5_000))
    some = profile(rows)
    assert (every.scored > 19_000, some.scored) == (True, 5_000)
    assert np.abs(some.labels / 5_000 - every.labels / every.scored).max() < 0.03


def changed(name: str, *values: object) -> pl.DataFrame:
    old = tiny()[name]
    return tiny().with_columns(pl.Series(name, [*values, *old[len(values) :]], dtype=old.dtype))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (changed("status", "fine"), "1 rows of the rows have a status and scores that do not fit"),
        (changed("status", None), "do not fit"),
        (changed("status", "empty"), "do not fit"),
        (changed("sentiment", 1.5), "do not fit"),
        (changed("sentiment", float("nan")), "do not fit"),
        (changed("sentiment", None), "do not fit"),
        (changed("label", "great"), "do not fit"),
        (changed("p_positive", float("inf")), "do not fit"),
        (changed("text", None), "1 rows of the rows have scores and no text in 'text'"),
        (tiny().with_columns(sentiment=pl.lit("much")), "does not hold numbers"),
        (tiny().head(0), "the rows has no rows"),
        (tiny().tail(2), r"No row of the rows has scores \(1 empty, 1 null\)"),
        (tiny().drop("sentiment", "status"), "the rows is not scored: it lacks sentiment, status"),
        (tiny().rename({"text": "headline"}), "has no column 'text'; its columns are: headline"),
        (tiny().drop("published_at"), "has no column 'published_at'"),
        (tiny().with_columns(text=pl.lit(7)), "holds Int32, not text"),
        (tiny().with_columns(published_at=pl.lit(7.5)), "holds Float64, not times"),
        (tiny().with_columns(published_at=pl.lit("yesterday")), "cannot be read"),
    ],
)
def test_rows_that_cannot_be_profiled_are_refused(rows: pl.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        profile(rows)


def test_parts_of_different_models_are_refused() -> None:
    profiler = Profiler(Columns(), "the rows")
    profiler.add(scored_rows(50))
    with pytest.raises(InputError, match="different models"):
        profiler.add(scored_rows(50, neutral=False))
