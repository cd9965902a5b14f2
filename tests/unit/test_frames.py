"""Frames of other libraries: read as they are, and given back as frames of the same library."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

import sentiscore
from sentiscore import InputError, MissingExtraError, Scorer, features
from sentiscore.features import add_ewm, add_lags, add_rolling, join_target
from sentiscore.frames import hint_for, in_polars, opened

NEWS = pl.DataFrame(
    {
        "at": [datetime(2024, 2, day, 12, tzinfo=ZoneInfo("America/New_York")) for day in (5, 6, 6, 9)],
        "ticker": ["AAA", "AAA", "BBB", "AAA"],
        "headline": ["profit rises on strong demand", None, "", "shares fall after weak results"],
    }
)
MAKERS: dict[str, Callable[[pl.DataFrame], Any]] = {
    "pandas": lambda frame: frame.to_pandas(),
    "pandas with arrow types": lambda frame: frame.to_pandas(use_pyarrow_extension_array=True),
    "pyarrow": lambda frame: frame.to_arrow(),
    "narwhals": lambda frame: nw.from_native(frame.to_pandas()),
    "polars": lambda frame: frame,
    "lazy": lambda frame: frame.lazy(),
}


def back(frame: Any) -> pl.DataFrame:
    """A frame of any kind as polars, by the library's own way."""
    if isinstance(frame, nw.DataFrame):
        frame = frame.to_native()
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, pd.DataFrame):
        return pl.from_pandas(frame)
    return pl.DataFrame(frame)


def same(found: Any, wanted: pl.DataFrame) -> None:
    made = back(found)
    days = [name for name, dtype in wanted.schema.items() if dtype == pl.Date]
    assert_frame_equal(made.with_columns(pl.col(days).cast(pl.Date)), wanted, check_dtypes=False)


@pytest.fixture(scope="module")
def scorer(tiny_checkpoint: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint)


@pytest.fixture(scope="module")
def scored(scorer: Scorer) -> pl.DataFrame:
    return scorer.score_frame(NEWS, text_col="headline")


@pytest.fixture(scope="module")
def daily(scored: pl.DataFrame) -> pl.DataFrame:
    return features.daily(scored, time_col="at", entity_col="ticker")


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_every_step_gives_back_the_kind_of_frame_that_it_got(
    make: Callable[[pl.DataFrame], Any], scorer: Scorer, scored: pl.DataFrame, daily: pl.DataFrame
) -> None:
    kind = type(make(NEWS))
    rows = scorer.score_frame(make(NEWS), text_col="headline")
    assert type(rows) is kind
    same(rows, scored)
    assert sentiscore.validate(rows, "scored") is rows
    days = features.daily(rows, time_col="at", entity_col="ticker")
    assert type(days) is kind
    same(days, daily)
    assert sentiscore.validate(days, "daily") is days
    steps: list[Callable[[Any], Any]] = [
        lambda frame: add_lags(frame, "n_docs", 1),
        lambda frame: add_rolling(frame, "n_docs", 2),
        lambda frame: add_ewm(frame, "n_docs", 2),
    ]
    for add in steps:
        added = add(days)
        assert type(added) is kind
        same(added, add(daily))
    asked = pl.DataFrame({"unique_id": ["BBB", "AAA"], "when": [date(2024, 2, 8), date(2024, 2, 20)]})
    asked = asked.with_columns(pl.col("when").cast(pl.Datetime("us")))
    joined = join_target(days, make(asked), time_col="when", tz="UTC", columns="n_docs", max_age=None)
    assert type(joined) is kind
    same(joined, join_target(daily, asked, time_col="when", tz="UTC", columns="n_docs", max_age=None))


def test_plots_and_drift_reports_read_any_frame(scored: pl.DataFrame, daily: pl.DataFrame) -> None:
    assert features.plot(daily.to_pandas()) == features.plot(daily.lazy()) == features.plot(daily)
    rows = pl.concat([scored] * 100)
    wanted = sentiscore.monitor(rows, reference=[rows, rows], text_col="headline")
    for given in (rows.to_pandas(), rows.to_arrow(), rows.lazy()):
        assert sentiscore.monitor(given, reference=given, text_col="headline").reference_rows == 400
        found = sentiscore.monitor(given, reference=[given, rows], text_col="headline")
        assert (found.checks, found.rows) == (wanted.checks, 400)


def test_the_index_and_the_columns_of_a_pandas_frame_stay_as_they_are(scorer: Scorer) -> None:
    given = pd.DataFrame(
        {
            "headline": pd.array(["profit rises", pd.NA, "profit rises"], dtype="string"),
            "count": pd.array([1, pd.NA, 3], dtype="Int64"),
            "at": pd.to_datetime(["2024-02-05T12:00+05:30"] * 3),
            "anything": [object(), 1, "one"],
        },
        index=pd.Index(["b", "b", "a"], name="row"),
    )
    made = scorer.score_frame(given, text_col="headline", prefix="s_")
    pd.testing.assert_frame_equal(made[given.columns], given)
    assert made["s_status"].tolist() == ["ok", "null", "ok"]
    assert made["s_sentiment"].isna().tolist() == [False, True, False]
    assert str(made["s_sentiment"].dtype) == "float32"


def test_half_hour_offsets_of_pandas_are_instants(scorer: Scorer, daily: pl.DataFrame) -> None:
    rows = scorer.score_frame(NEWS, text_col="headline").to_pandas()
    rows["at"] = rows["at"].dt.tz_convert("+05:30")
    same(features.daily(rows, time_col="at", entity_col="ticker"), daily)


@pytest.mark.parametrize("kind", ["category", "string", "object"])
def test_texts_of_any_type_of_pandas_are_scored(scorer: Scorer, scored: pl.DataFrame, kind: str) -> None:
    given = NEWS.to_pandas()
    given["headline"] = given["headline"].astype(kind)
    same(scorer.score_frame(given, text_col="headline").drop(columns="headline"), scored.drop("headline"))


@pytest.mark.parametrize("make", [MAKERS["pandas"], MAKERS["pyarrow"], MAKERS["lazy"]], ids=["pandas", "arrow", "lazy"])
def test_a_frame_without_rows_gets_the_columns(
    scorer: Scorer, scored: pl.DataFrame, make: Callable[[pl.DataFrame], Any]
) -> None:
    made = back(scorer.score_frame(make(NEWS.clear()), text_col="headline"))
    assert (made.height, made.columns) == (0, scored.columns)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (pd.DataFrame([["a", "b"]], columns=["text", "text"]), r"The frame .*\n?.*Give each column a name of its own"),
        (pa.table([["a"], ["b"]], names=["text", "text"]), r"The frame .*\n?.*Give each column a name of its own"),
        (pd.DataFrame([["a", "b"]], columns=["text", 0]), "the column 0, whose name is not text"),
        (pd.DataFrame({"text": [*["a"] * 200, 5]}, dtype=object), r"'text' of the frame cannot be read.*\n.*one type"),
        (pd.DataFrame({"text": [1, 2]}), "'text' of the frame holds Int64, not text"),
        (pd.DataFrame({"other": ["a"]}), "'text'"),
        (pd.DataFrame({"text": ["a"], "status": ["b"]}), "already has the column status"),
        ({"text": ["a"]}, r"and is a builtins.dict.\nMake one of it with polars.DataFrame"),
        (pl.Series(["a"]), r"and is a polars.Series.\nMake one of it: series.to_frame"),
        ("news.parquet", r"and is a builtins.str.\nRead a file"),
        (None, "and is a builtins.NoneType"),
    ],
    ids=lambda value: "" if isinstance(value, str) else None,
)
def test_what_cannot_be_scored_is_refused_by_what_it_is(scorer: Scorer, given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        scorer.score_frame(given, text_col="text")


@pytest.mark.parametrize(
    ("module", "hint"),
    [
        ("dask.dataframe", r"frame.compute\(\)"),
        ("pyspark.sql.classic.dataframe", r"from_arrow\(frame.toArrow\(\)\)"),
        ("daft.dataframe", r"from_arrow\(frame.to_arrow\(\)\)"),
    ],
)
def test_a_frame_of_several_machines_is_referred_to_its_guide(scorer: Scorer, module: str, hint: str) -> None:
    kind = type("DataFrame", (), {"__module__": module, "columns": ["text"]})
    with pytest.raises(InputError, match=rf"(?s)several machines.*score-in-other-engines.md.*{hint}"):
        scorer.score_frame(kind(), text_col="text")


def test_a_function_of_polars_frames_says_how_each_other_kind_becomes_one(daily: pl.DataFrame) -> None:
    for given, hint in (
        (daily.to_pandas(), r"polars.from_pandas\(frame\)"),
        (daily.to_arrow(), r"polars.from_arrow\(table\)"),
        (daily.lazy(), r"collect\(\) it"),
    ):
        with pytest.raises(InputError, match=rf"must be a polars DataFrame, and is a .*\n.*{hint}"):
            features.as_published(given, None, "2024-01-01T00:00:00Z")  # type: ignore[arg-type] # which it says
    assert hint_for(object()) == ""


def test_a_dataset_is_refused_with_how_it_becomes_a_frame() -> None:
    datasets = pytest.importorskip("datasets")
    with pytest.raises(InputError, match=r"dataset.to_polars\(\)"):
        opened(datasets.Dataset.from_dict({"text": ["a"]}), "The frame")


def test_dates_and_whole_numbers_come_back_from_pandas() -> None:
    given = pl.DataFrame({"ds": [date(2024, 2, 5), None], "n": [1, None], "x": [1.0, None]})
    asked = {"ds": pl.Date, "n": pl.Int64, "x": pl.Float64}
    assert_frame_equal(in_polars(given.to_pandas(), "The frame", asked), given)
    noon = pd.DataFrame({"ds": pd.to_datetime(["2024-02-05T12:00"]), "n": [1.5]})
    assert in_polars(noon, "The frame", asked).dtypes == [pl.Datetime("us"), pl.Float64]


def test_a_missing_narwhals_names_its_extra(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "narwhals", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sentiscore\[frames\]'"):
        scorer.score_frame(NEWS.to_pandas(), text_col="headline")
    assert scorer.score_frame(NEWS, text_col="headline").height == NEWS.height


def test_a_relation_of_duckdb_stays_one_of_its_connection(scorer: Scorer, scored: pl.DataFrame) -> None:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    table = NEWS.with_row_index("i").with_columns(pl.col("i").cast(pl.Int64)).to_arrow()
    connection.register("news", table)
    connection.execute("CREATE TABLE prices AS SELECT 1 AS i, 2.5 AS price")
    relation = connection.table("news")
    made = scorer.score_frame(relation, text_col="headline")
    assert type(made) is type(relation)
    assert made.columns == ["i", *scored.columns]
    assert made.select("status").fetchall() == [(status,) for status in scored["status"]]
    assert made.join(connection.table("prices"), "i").select("price").fetchall() == [(2.5,)]
    days = features.daily(made, time_col="at", entity_col="ticker")
    assert days.count("*").fetchall() == [(features.daily(scored, time_col="at", entity_col="ticker").height,)]
