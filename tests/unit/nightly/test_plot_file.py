from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from sentiscore import features
from sentiscore.errors import InputError, OutputError
from sentiscore.nightly.plot_file import default_plot, plot_file
from sentiscore.tables import read_table, write_frame


@pytest.fixture
def daily() -> pl.DataFrame:
    """Daily features as `features.daily` makes them, of three tickers over a few days."""
    start = date(2024, 2, 1)
    scored = pl.DataFrame(
        {
            "published_at": [f"{start + timedelta(days=i * 5 % 9)}T10:00:00Z" for i in range(30)],
            "ticker": [("AAA", "BBB", "CCC")[i % 3] for i in range(30)],
            "sentiment": pl.Series([(i - 15) / 16 for i in range(30)], dtype=pl.Float32),
            "label": ["negative" if i < 15 else "positive" for i in range(30)],
            "status": ["ok"] * 30,
        }
    )
    return features.daily(scored, time_col="published_at", entity_col="ticker")


@pytest.mark.parametrize("name", ["news.daily.parquet", "news.daily.csv", "news.daily.ndjson"])
def test_a_file_gives_the_page_that_its_frame_gives(tmp_path: Path, daily: pl.DataFrame, name: str) -> None:
    done = plot_file(write_frame(daily, tmp_path / name), title="News")
    assert done.output == tmp_path / "news.daily.html"
    assert done.output.read_text(encoding="utf-8") == features.plot(daily, title="News")
    assert (done.rows, done.drawn, done.entities) == (daily.height, 3, 3)
    assert done.n_bytes == done.output.stat().st_size
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "news.daily.html"])


def test_options_reach_the_page(tmp_path: Path, daily: pl.DataFrame) -> None:
    source = write_frame(daily, tmp_path / "d.parquet")
    done = plot_file(source, output=tmp_path / "p.html", column="pos_share", entities=["BBB", "AAA", "AAA"])
    title = "Daily sentiment: d.parquet"
    expected = features.plot(daily, column="pos_share", entities=["AAA", "BBB"], title=title)
    assert done.output.read_text(encoding="utf-8") == expected
    assert (done.drawn, done.entities) == (2, 3)
    assert plot_file(source, limit=1).drawn == 1


def test_the_input_is_never_written_over(tmp_path: Path, daily: pl.DataFrame) -> None:
    source = write_frame(daily, tmp_path / "d.parquet")
    with pytest.raises(OutputError, match="is the file that is read"):
        plot_file(source, output=tmp_path / "." / "d.parquet")
    assert read_table(source).equals(daily)


def test_a_page_replaces_neither_a_table_nor_a_picture(tmp_path: Path, daily: pl.DataFrame) -> None:
    source = write_frame(daily, tmp_path / "d.parquet")
    scored = write_frame(daily, tmp_path / "news.scored.parquet")
    for name in ("news.scored.parquet", "chart.pdf", "chart"):
        with pytest.raises(OutputError, match=f"{name} does not end as a page does"):
            plot_file(source, output=tmp_path / name)
    assert read_table(scored).equals(daily)
    assert plot_file(source, output=tmp_path / "P.HTM").output.exists()


@pytest.mark.parametrize(("output", "why"), [("gone/p.html", "no folder"), (".", "is a folder")])
def test_a_place_that_cannot_be_written_is_refused_first(
    tmp_path: Path, daily: pl.DataFrame, output: str, why: str
) -> None:
    source = write_frame(daily.drop("n_docs"), tmp_path / "d.parquet")
    with pytest.raises(OutputError, match=why):
        plot_file(source, output=tmp_path / output)


def test_a_file_of_something_else_leaves_the_old_page(tmp_path: Path, daily: pl.DataFrame) -> None:
    (tmp_path / "d.html").write_text("old")
    source = write_frame(daily.drop("ds"), tmp_path / "d.parquet")
    with pytest.raises(InputError, match="lacks ds"):
        plot_file(source)
    assert (tmp_path / "d.html").read_text() == "old"


@pytest.mark.parametrize(
    ("source", "page"),
    [
        ("news.daily.parquet", "news.daily.html"),
        ("news.daily.csv.gz", "news.daily.html"),
        ("daily.ndjson", "daily.html"),
    ],
)
def test_the_page_goes_beside_the_features_by_default(source: str, page: str) -> None:
    assert default_plot(Path("data") / source) == Path("data") / page
