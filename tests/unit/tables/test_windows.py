from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiscore.errors import InputError
from sentiscore.tables import csv_reader, open_source, opening, read_table
from sentiscore.tables import windows as module
from sentiscore.tables.windows import LEAST_ROWS, measured, rechunk


def pieces(frame: pl.DataFrame, sizes: list[int]) -> Iterator[pl.DataFrame]:
    start = 0
    while start < frame.height:
        for size in sizes:
            yield frame.slice(start, size)
            start += size


@given(
    texts=st.lists(st.none() | st.text(max_size=5), max_size=40),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    asked=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    n_bytes=st.integers(1, 30),
)
def test_borders_depend_on_rows_and_answers_alone(
    texts: list[str | None], sizes: list[int], asked: list[int], n_bytes: int
) -> None:
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})

    def ask(position: int) -> int:
        return asked[position % len(asked)]

    found = list(rechunk(measured(pieces(frame, sizes), Path("t"), 1), ask, n_bytes))
    whole = list(rechunk(measured([frame], Path("t"), 1), ask, n_bytes))
    assert [window.rows() for window in found] == [window.rows() for window in whole]
    position = 0
    for window in found:
        size = [len((text or "").encode()) for text in window["text"]]
        last = position + window.height == frame.height
        assert window.height <= ask(position)
        assert window.height <= LEAST_ROWS or sum(size[:-1]) < n_bytes
        full = sum(size) >= n_bytes and window.height >= LEAST_ROWS
        assert last or window.height == ask(position) or full
        position += window.height
    assert position == frame.height


def test_each_window_is_asked_for_once_at_its_beginning() -> None:
    frame = pl.DataFrame({"n": range(10)})
    asked: list[int] = []

    def ask(position: int) -> int:
        asked.append(position)
        return 3 if position < 6 else 100

    windows = list(rechunk(measured(pieces(frame, [1, 4]), Path("t"), 1), ask, 1000))
    assert [window.height for window in windows] == [3, 3, 4]
    assert asked == [0, 3, 6]


def test_a_window_of_many_columns_has_few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WINDOW_CELLS", 20)
    frame = pl.DataFrame({f"c{i}": range(7) for i in range(6)})
    assert [window.height for window in rechunk(measured([frame], Path("t"), 1), lambda _: 100, 1000)] == [3, 3, 1]


def test_a_window_that_is_full_of_text_has_two_rows_at_least() -> None:
    frame = pl.DataFrame({"text": ["x" * 10] * 7})
    for size in (1, 2, 7):
        found = rechunk(measured(pieces(frame, [size]), Path("t"), 1), lambda _: 100, 10)
        assert [window.height for window in found] == [2, 2, 2, 1]


def test_pieces_of_a_csv_of_long_rows_have_two_rows_at_least(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reader, "_BLOCK_BYTES", 100)
    (tmp_path / "t.csv").write_text("text\n" + "".join(f"{'x' * 200}{i}\n" for i in range(7)))
    source = open_source(tmp_path / "t.csv")
    assert source.csv is not None
    assert len(source.csv.blocks) == 7
    found = list(source.pieces())
    assert [piece.rows.height for piece in found] == [2, 2, 2, 1]
    assert pl.concat(piece.rows for piece in found)["text"].str.slice(200).to_list() == list("0123456")


def test_a_table_that_is_held_whole_is_refused_past_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.parquet"
    pl.DataFrame({"text": ["x" * 10_000] * 2_000}).write_parquet(path)
    assert read_table(path).height == 2_000
    monkeypatch.setattr(opening, "HELD_TEXT", 10 << 20)
    with pytest.raises(
        InputError, match=r"one.parquet has more than 1\d MB of text in [12],\d+ rows, to be held at once"
    ):
        read_table(path)
    monkeypatch.setattr(opening, "HELD_TEXT_OF_A_BYTE", 1 << 20)
    assert read_table(path).height == 2_000


@pytest.mark.parametrize("n", [1, 255, 256, 257, 600])
def test_the_text_of_a_row_is_that_of_all_its_columns(n: int) -> None:
    frame = pl.DataFrame({f"c{i}": ["x" * (i % 3), None] for i in range(n)} | {"n": [1, 2], "list": [[1, 2], []]})
    (piece,) = measured([frame], Path("t"), 1)
    assert piece.ends.to_list() == [sum(i % 3 for i in range(n)) + 16] * 2


@pytest.mark.parametrize(
    "values",
    [
        pl.Series(["x" * 5, "x" * 11]),
        pl.Series([[None, "x"], ["x" * 5, None, "x" * 6]]),
        pl.Series([["x"], ["é" * 6]]).cast(pl.Array(pl.String, 1)),
        pl.Series([{"a": {"b": "x"}, "c": None}, {"a": {"b": "x" * 6}, "c": "x" * 5}]),
        pl.Series([b"x", b"x" * 11]),
        pl.Series(["x", "x" * 11], dtype=pl.Categorical()),
        pl.Series([[1], [1, 2]]),
        pl.Series([[["x"]], [["x" * 5], [], ["x" * 6]]]),
    ],
)
def test_a_row_that_is_too_large_is_named_whatever_it_holds(monkeypatch: pytest.MonkeyPatch, values: Any) -> None:
    monkeypatch.setattr(module, "MAX_ROW_BYTES", 10)
    frame = pl.DataFrame({"^x$": values})
    given_first = pl.concat([frame.head(1)] * 5)
    windows = rechunk(measured([given_first, frame], Path("news.csv"), 1), lambda _: 2, 1000)
    assert sum(window.height for window in [next(windows), next(windows)]) == 4
    with pytest.raises(InputError, match=r"news.csv has more than .* in row 7\."):
        list(windows)


def test_a_small_file_of_one_text_in_many_rows_is_refused_past_a_bound(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "one.parquet"
    pl.DataFrame({"text": ["x" * 10_000] * 2_000}).write_parquet(path)
    assert sum(window.height for window in open_source(path).windows(100)) == 2_000
    monkeypatch.setattr(module, "FREE_TEXT", 10 << 20)
    windows = open_source(path).windows(100)
    assert next(windows).height == 100
    with pytest.raises(InputError, match=r"one.parquet has more than 1\d MB of text in [12],\d+ rows"):
        list(windows)
    monkeypatch.setattr(module, "TEXT_OF_A_BYTE", 1 << 20)
    assert sum(window.height for window in open_source(path).windows(100)) == 2_000
