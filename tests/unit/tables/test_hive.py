"""A folder of a stranger's files is a table, and what the names of its folders say are columns."""

import shlex
import warnings
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.scoring.patterns import expand_patterns
from sentiscore.tables import folders, hash_output, open_source, read_table, write_frame
from sentiscore.tables.dialect import CsvDialect
from tests.effort import combined


def put(folder: Path, name: str, **columns: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_frame(pl.DataFrame(columns or {"text": ["up"]}), path)


@pytest.fixture
def hive(tmp_path: Path) -> Path:
    """Three tickers on two dates."""
    folder = tmp_path / "news"
    for ticker in ("007", "BRK%20B", "__HIVE_DEFAULT_PARTITION__"):
        for day in ("2024-01-05", "2024-01-08"):
            put(folder, f"ticker={ticker}/date={day}/part-0.parquet", text=[f"{ticker} {day}"], n=[1])
    (folder / "_SUCCESS").write_text("")
    (folder / "ticker=007" / ".part-0.parquet.crc").write_text("x")
    return folder


def test_keys_are_columns_of_text_behind_those_of_the_files(hive: Path) -> None:
    assert open_source(hive).schema == {"text": pl.String, "n": pl.Int64, "ticker": pl.String, "date": pl.String}
    assert read_table(hive).drop("text", "n").rows() == [
        ("007", "2024-01-05"),
        ("007", "2024-01-08"),
        ("BRK B", "2024-01-05"),
        ("BRK B", "2024-01-08"),
        (None, "2024-01-05"),
        (None, "2024-01-08"),
    ]


@pytest.mark.parametrize(("n_rows", "columns"), combined([1, 4, 100], [["ticker"], ["date", "text"], ["text"]]))
def test_windows_have_the_columns_that_were_asked_for(hive: Path, n_rows: int, columns: list[str]) -> None:
    windows = list(open_source(hive).windows(n_rows, columns, damaged="bad"))
    assert pl.concat(windows).drop("bad").equals(read_table(hive).select(columns))
    assert [window.height for window in windows[:-1]] == [n_rows] * (len(windows) - 1)


@pytest.mark.parametrize("ending", ["csv", "ndjson"])
def test_a_folder_may_hold_files_of_any_one_format(tmp_path: Path, ending: str) -> None:
    folder = tmp_path / "news"
    put(folder, f"k=b/1.{ending}", text=["up"], at=["x"])
    put(folder, f"k=a/1.{ending}", text=["down"], at=["y"])
    assert read_table(folder).rows() == [("down", "y", "a"), ("up", "x", "b")]


def test_a_plain_folder_is_a_table_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        put(tmp_path / "news", f"{name}.csv", text=[name])
    assert read_table(tmp_path / "news")["text"].to_list() == ["a", "b", "c"]
    assert read_table(tmp_path / "news", csv=CsvDialect(comment="a"))["text"].to_list() == ["b", "c"]


def test_a_key_that_is_a_column_of_the_files_is_that_column(tmp_path: Path) -> None:
    put(tmp_path / "news", "n=07/1.parquet", text=["up"], n=[7])
    assert read_table(tmp_path / "news").rows() == [("up", 7)]


def test_the_hash_of_a_folder_tells_its_keys_apart(tmp_path: Path) -> None:
    found = set()
    for name in ("k=a", "k=b", "j=a"):
        put(tmp_path / name.replace("=", ""), f"{name}/1.parquet")
        folder = tmp_path / name.replace("=", "")
        found |= {open_source(folder).digest(), hash_output(folder)}
    assert len(found) == 6


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.parquet", "b.csv"], r"files of different formats: a\.parquet and b\.csv"),
        (["k=a/1.parquet", "1.parquet"], "lie in folders of differing keys"),
        (["k=a/1.parquet", "j=a/1.parquet"], "lie in folders of differing keys"),
        (["k=a/k=b/1.parquet"], "has the key 'k' twice"),
        (["2024/1.parquet"], r"holds the folder '2024', whose name is not KEY=VALUE"),
        (["=a/1.parquet"], "whose name is not KEY=VALUE"),
        (["k=%ff/1.parquet"], "is not UTF-8"),
        (["_delta_log/1.parquet", "1.parquet"], "is a table of Delta Lake"),
        (["_tmp/1.parquet", ".x/1.parquet"], r"is a folder.\nName the files in it"),
    ],
)
def test_a_folder_that_is_no_table_is_one_clear_error(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        put(tmp_path / "news", name)
    with pytest.raises(InputError, match=message):
        open_source(tmp_path / "news")


def test_files_that_differ_are_named(tmp_path: Path) -> None:
    put(tmp_path / "news", "k=a/1.parquet", text=["up"])
    put(tmp_path / "news", "k=b/1.parquet", text=["up"], n=[1])
    with pytest.raises(InputError, match=r"k=b/1\.parquet has other columns"):
        open_source(tmp_path / "news")
    (tmp_path / "news" / "k=b" / "1.parquet").write_text("")
    with pytest.raises(InputError, match=r"k=b/1\.parquet is empty"):
        open_source(tmp_path / "news")
    (tmp_path / "news" / "k=b" / "1.parquet").rename(tmp_path / "news" / "k=b" / "1.txt")
    with pytest.raises(InputError, match=r"k=b/1\.txt is of a kind that cannot be read"):
        open_source(tmp_path / "news")


def test_very_many_files_and_folders_in_circles_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "news", "k=a/1.parquet")
    (tmp_path / "news" / "k=a" / "k=b").symlink_to(tmp_path / "news")
    with pytest.raises(InputError, match=r"nested more than 64 levels|more than 20,000 files|twice"):
        open_source(tmp_path / "news")
    (tmp_path / "news" / "k=a" / "k=b").unlink()
    monkeypatch.setattr(folders, "MAX_FILES", 1)
    with pytest.raises(InputError, match="more than 1 files and folders"):
        open_source(tmp_path / "news")


@pytest.mark.parametrize("names", [["2024/1.csv"], ["2024/01/1.csv", "2.csv"], ["1.csv", "a.ndjson"]])
@pytest.mark.parametrize("top", ["news", "my [old] news"])
def test_the_pattern_that_a_refused_folder_advises_matches_files(tmp_path: Path, names: list[str], top: str) -> None:
    for name in names:
        put(tmp_path / top, name)
    with pytest.raises(InputError) as caught:
        open_source(tmp_path / top)
    (pattern,) = shlex.split(str(caught.value.hint).partition("for example: ")[2])
    assert expand_patterns((pattern,)) == sorted(str(tmp_path / top / name) for name in names if name.endswith(".csv"))


@pytest.mark.parametrize("pattern", ["gh/*", "gh/**/*.csv", "gh/ticker=*/*.csv", "g*/*/a.csv"])
def test_a_pattern_that_loses_the_keys_of_folders_says_which_folder_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    put(tmp_path / "gh", "ticker=AAPL/a.csv")
    monkeypatch.chdir(tmp_path)
    with pytest.warns(SentiscoreWarning, match=r"keys \(ticker\) do not") as told:
        assert expand_patterns((pattern,))
    assert len(told) == 1
    assert str(told[0].message).endswith(": gh" if pattern.startswith("gh") else ": .")
    assert "ticker" in open_source("gh").schema


def test_a_pattern_within_one_such_folder_or_beside_it_is_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "gh", "ticker=AAPL/a=b.csv")
    put(tmp_path, "x=1.csv")
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert expand_patterns(("gh/ticker=AAPL/*.csv", "*.csv")) == ["gh/ticker=AAPL/a=b.csv", "x=1.csv"]
