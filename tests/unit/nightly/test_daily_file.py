from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore.errors import InputError, OutputError, SentiscoreWarning
from sentiscore.features import DailyConfig, DailySums, daily, daily_grid
from sentiscore.nightly import daily_file as files
from sentiscore.nightly.daily_file import daily_file, default_daily, sibling_path
from sentiscore.tables import read_table, write_frame
from tests.effort import combined


@pytest.fixture
def rows() -> pl.DataFrame:
    """A hundred scored headlines of two tickers over three weeks, a few of them without a text."""
    n = 100
    without = [i % 10 == 3 for i in range(n)]
    return pl.DataFrame(
        {
            "published_at": [f"2024-02-{1 + i * 7 % 21:02}T{i % 24:02}:00:00Z" for i in range(n)],
            "ticker": ["AAA" if i % 3 else "BBB" for i in range(n)],
            "sentiment": pl.Series([None if without[i] else (i - 50) / 64 for i in range(n)], dtype=pl.Float32),
            "label": [None if without[i] else ("negative" if i < 50 else "positive") for i in range(n)],
            "status": ["null" if without[i] else "ok" for i in range(n)],
        }
    )


@pytest.mark.parametrize("name", ["news.scored.parquet", "news.scored.csv", "news.scored.ndjson"])
def test_a_file_gives_the_features_that_its_frame_gives(
    tmp_path: Path, rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(files, "_WINDOW_ROWS", 13)  # many windows
    done = daily_file(write_frame(rows, tmp_path / name), time_col="published_at", entity_col="ticker")
    expected = daily(rows, time_col="published_at", entity_col="ticker")
    assert (done.rows, done.n_unplaced, done.output) == (100, 0, tmp_path / "news.daily.parquet")
    assert (done.days.rows, done.days.entities) == (expected.height, expected["unique_id"].n_unique())
    assert done.days.with_texts == (expected["n_docs"] > 0).sum()
    assert_frame_equal(read_table(done.output), expected, check_exact=True)


@pytest.mark.parametrize(
    ("name", "more"),
    combined(
        ["out.parquet", "out.csv", "out.ndjson"],
        [{}, {"as_of": "2024-03-15T12:00:00Z"}, {"config": DailyConfig(repeats="drop")}],
    ),
)
def test_features_of_some_entities_at_a_time_are_those_of_all(
    tmp_path: Path, rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch, name: str, more: dict[str, Any]
) -> None:
    many = rows.with_columns(ticker=pl.format("{} {}", "ticker", pl.int_range(100) % 11))
    source = write_frame(many, tmp_path / "news.parquet")
    args: dict[str, Any] = {"time_col": "published_at", "entity_col": "ticker", "text_col": "label", **more}
    whole = daily_file(source, output=tmp_path / f"whole-{name}", **args)
    at_once = daily(many, **args)
    monkeypatch.setattr(daily_grid, "_PART_ROWS", 5)
    sums = DailySums(**args)
    sums.add(many)
    parts = list(sums.parts())
    assert len(parts) > 5
    assert_frame_equal(pl.concat(parts), at_once, check_exact=True)
    done = daily_file(source, output=tmp_path / name, **args)
    assert done.days == whole.days
    assert_frame_equal(read_table(done.output), read_table(whole.output), check_exact=True)


@pytest.mark.parametrize("name", ["out.csv", "out.ndjson"])
def test_features_can_be_written_in_other_formats(tmp_path: Path, rows: pl.DataFrame, name: str) -> None:
    source = write_frame(rows, tmp_path / "news.parquet")
    daily_file(source, time_col="published_at", output=tmp_path / name)
    expected = daily(rows, time_col="published_at")
    found = read_table(tmp_path / name)
    assert found.columns == expected.columns
    assert found["n_docs"].cast(pl.Int64).to_list() == expected["n_docs"].to_list()
    assert found["sent_mean"].cast(pl.Float64).to_list() == expected["sent_mean"].to_list()


def test_options_reach_the_features(tmp_path: Path, rows: pl.DataFrame) -> None:
    naive = rows.with_columns(pl.col("published_at").str.strip_chars_end("Z"))
    renamed = naive.rename({name: f"m1_{name}" for name in ("sentiment", "label", "status")})
    source = write_frame(renamed, tmp_path / "news.parquet")
    done = daily_file(source, time_col="published_at", tz="Asia/Tokyo", day_tz="America/New_York", prefix="m1_")
    expected = daily(naive, time_col="published_at", tz="Asia/Tokyo", day_tz="America/New_York")
    assert_frame_equal(read_table(done.output), expected, check_exact=True)


def test_rows_that_cannot_be_placed_are_counted(tmp_path: Path, rows: pl.DataFrame) -> None:
    holes = rows.with_columns(ticker=pl.when(pl.int_range(100) % 4 == 0).then(None).otherwise("ticker"))
    source = write_frame(holes, tmp_path / "news.parquet")
    with pytest.warns(SentiscoreWarning, match="25 rows"):
        done = daily_file(source, time_col="published_at", entity_col="ticker")
    assert (done.rows, done.n_unplaced) == (100, 25)


@pytest.mark.parametrize("name", ["news.csv", "news.parquet"])
def test_a_file_without_rows_gives_a_file_without_rows(tmp_path: Path, rows: pl.DataFrame, name: str) -> None:
    done = daily_file(write_frame(rows.head(0), tmp_path / name), time_col="published_at", entity_col="ticker")
    assert (done.rows, done.days.rows, done.days.entities) == (0, 0, 0)
    assert read_table(done.output).schema == daily(rows, time_col="published_at", entity_col="ticker").schema


def test_a_file_that_is_not_scored_is_refused_with_what_to_do(tmp_path: Path, rows: pl.DataFrame) -> None:
    source = write_frame(rows.select("published_at", "ticker"), tmp_path / "news.parquet")
    with pytest.raises(InputError, match="sentiscore score"):
        daily_file(source, time_col="published_at")
    assert not default_daily(source).exists()


def test_a_missing_column_is_refused_with_those_there_are(tmp_path: Path, rows: pl.DataFrame) -> None:
    source = write_frame(rows, tmp_path / "news.parquet")
    with pytest.raises(InputError, match=r"no column 'when'; the columns are: published_at.*\n.*--time-col"):
        daily_file(source, time_col="when")
    with pytest.raises(InputError, match=r"no column 'firm'.*\n.*--entity-col"):
        daily_file(source, time_col="published_at", entity_col="firm")


def test_a_time_that_cannot_be_read_leaves_the_old_features(tmp_path: Path, rows: pl.DataFrame) -> None:
    source = write_frame(rows.with_columns(published_at=pl.lit("soon")), tmp_path / "news.parquet")
    default_daily(source).write_text("old")
    with pytest.raises(InputError, match="100 of the times in 'published_at' cannot be read"):
        daily_file(source, time_col="published_at")
    assert default_daily(source).read_text() == "old"


def test_the_input_is_never_written_over(tmp_path: Path, rows: pl.DataFrame) -> None:
    source = write_frame(rows, tmp_path / "news.parquet")
    before = source.read_bytes()
    (tmp_path / "sub").mkdir()
    for target in source, tmp_path / "sub" / ".." / "news.parquet":
        with pytest.raises(OutputError, match="is the file that is read"):
            daily_file(source, time_col="published_at", output=target)
    assert source.read_bytes() == before


@pytest.mark.parametrize(("name", "why"), [("gone/out.csv", "no folder"), ("out.xlsx", "cannot be written")])
def test_a_place_that_cannot_be_written_is_refused_before_a_row_is_read(
    tmp_path: Path, rows: pl.DataFrame, name: str, why: str
) -> None:
    source = write_frame(rows.with_columns(published_at=pl.lit("soon")), tmp_path / "news.parquet")
    with pytest.raises(OutputError, match=why):  # and not that a time cannot be read
        daily_file(source, time_col="published_at", output=tmp_path / name)


def test_entities_that_the_output_cannot_hold_leave_the_old_features(tmp_path: Path, rows: pl.DataFrame) -> None:
    source = write_frame(rows.with_columns(ticker=pl.struct("ticker")), tmp_path / "news.parquet")
    (tmp_path / "out.csv").write_text("old")
    with pytest.raises((InputError, OutputError), match=r"ticker|unique_id"):
        daily_file(source, time_col="published_at", entity_col="ticker", output=tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "old"


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("news.parquet", "news.daily.parquet"),
        ("news.scored.parquet", "news.daily.parquet"),
        ("news.csv.gz", "news.daily.parquet"),
        ("NEWS.CSV.GZ", "NEWS.daily.parquet"),
        ("a.b.scored.tsv", "a.b.daily.parquet"),
    ],
)
def test_features_go_beside_the_rows_by_default(source: str, output: str) -> None:
    assert default_daily(Path("data") / source) == Path("data") / output


def test_other_outputs_are_named_the_same_way() -> None:
    assert sibling_path(Path("data/news.csv"), "scored") == Path("data/news.scored.parquet")
