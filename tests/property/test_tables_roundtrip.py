"""What a sink wrote, a source reads: the same rows in the same order, in windows of the size asked for."""

import csv
import gzip
import itertools
import tempfile
import unicodedata
from pathlib import Path

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from polars.testing.parametric import column, dataframes

from sentiscore.tables import hash_output, open_sink, open_source, part_folders, read_table, sink
from sentiscore.tables.inert import unguarded
from tests.effort import examples

FEW = settings(max_examples=examples(30), deadline=None)

# What a CSV writer or reader could stumble over, often; any other text now and then.
TRICKY = st.text(st.sampled_from(list(",;\t\"'\r\n\\ ab1-\x00\ufeff")), max_size=6)
TEXTS = st.one_of(TRICKY, TRICKY, st.text(max_size=12), st.sampled_from(["NA", "null", "NaN", "true", "007", "1e3"]))
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff\x00"), min_size=1, max_size=8).filter(str.strip)


@st.composite
def text_frames(draw: st.DrawFn, max_rows: int = 30) -> pl.DataFrame:
    """Columns of text, with nulls and empty texts, under any names."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    row = st.tuples(*(st.none() | st.just("") | TEXTS for _ in names))
    rows = draw(st.lists(row, max_size=max_rows))
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def taken_as_several(frame: pl.DataFrame) -> bool:
    """A lone CSV column called "a;b" is taken as two, as in the files of a spreadsheet that separates so."""
    return frame.width == 1 and bool({";", "\t"} & set(frame.columns[0]))


def write_in_parts(frame: pl.DataFrame, path: Path, size: int) -> None:
    with open_sink(path, inert=False) as sink:  # as it is: what is inert has tests of its own
        for start in range(0, max(frame.height, 1), size):
            sink.write(frame.slice(start, size))


@FEW
@given(
    frame=dataframes(
        max_cols=5,
        max_size=25,
        allow_null=True,
        excluded_dtypes=[pl.Int128, pl.UInt128],  # which Arrow has not
        allow_chunks=True,
    ),
    size=st.integers(1, 30),
)
def test_parquet_brings_back_every_type_and_value(frame: pl.DataFrame, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.parquet"
        write_in_parts(frame, path, size)
        assert_frame_equal(read_table(path), frame, check_exact=True)


@FEW
@given(frame=text_frames(), size=st.integers(1, 40))
def test_csv_brings_back_every_text_and_keeps_null_and_empty_apart(frame: pl.DataFrame, size: int) -> None:
    assume(not taken_as_several(frame))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        write_in_parts(frame, path, size)
        assert_frame_equal(read_table(path), frame)
        packed = path.with_suffix(".csv.gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        assert_frame_equal(read_table(packed), frame)


@FEW
@given(
    frame=dataframes(
        cols=[
            column("text", dtype=pl.String, strategy=TEXTS, allow_null=True),
            column("n", dtype=pl.Int64, allow_null=True),
            column("x", dtype=pl.Float64, strategy=st.floats(allow_nan=False, allow_infinity=False), allow_null=True),
            column("flag", dtype=pl.Boolean, allow_null=True),
            column("tags", dtype=pl.List(pl.String), allow_null=True),
        ],
        min_size=1,
        max_size=25,
    ),
    size=st.integers(1, 30),
)
def test_ndjson_brings_back_text_numbers_flags_and_lists(frame: pl.DataFrame, size: int) -> None:
    anchor = pl.DataFrame({"text": ["a"], "n": [1], "x": [0.5], "flag": [True], "tags": [["b"]]})
    frame = pl.concat([frame, anchor])  # one value of each type, or a type could not be told
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.ndjson"
        write_in_parts(frame, path, size)
        assert_frame_equal(read_table(path), frame, check_exact=True)


@FEW
@given(
    frame=text_frames(max_rows=60).filter(lambda frame: frame.height > 0),
    n_rows=st.integers(1, 70),
    ending=st.sampled_from([".parquet", ".csv", ".ndjson"]),
    data=st.data(),
)
def test_windows_are_the_rows_in_order_cut_to_size(
    frame: pl.DataFrame, n_rows: int, ending: str, data: st.DataObject
) -> None:
    assume(ending != ".csv" or not taken_as_several(frame))
    columns = data.draw(st.lists(st.sampled_from(frame.columns), min_size=1, unique=True), label="columns")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"t{ending}"
        write_in_parts(frame, path, frame.height)
        windows = list(open_source(path).windows(n_rows, columns))
    assert {window.height for window in windows[:-1]} <= {n_rows}
    assert 0 < windows[-1].height <= n_rows
    assert pl.concat(windows).rows() == frame.select(columns).rows()


@FEW
@given(frame=text_frames(max_rows=60), size=st.integers(1, 40), part_rows=st.integers(1, 40))
def test_the_parts_of_a_folder_are_the_rows_in_order(frame: pl.DataFrame, size: int, part_rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sink, "PART_ROWS", part_rows)
        path = Path(folder) / "out"
        with open_sink(path, folder=True) as out:
            for start in range(0, max(frame.height, 1), size):
                out.write(frame.slice(start, size))
        found = [pl.read_parquet(part) for part in part_folders.parts_of(path)]
        assert_frame_equal(pl.concat(found), frame)
        assert hash_output(path) == out.sha256
    assert all(part.height <= max(size, part_rows) for part in found)


FORMULAS = st.builds(
    lambda quotes, blank, sign, rest: quotes + blank + sign + rest,
    st.sampled_from(["", "", "'", "''"]),
    st.sampled_from(["", "", " ", "\u00a0 ", "\t", "\ufeff"]),
    st.sampled_from(list("=+-@\uff1d\uff0b\uff0d\uff20\t\r\n\x00")),
    st.sampled_from(["", "1+1", "5.2", "5,2", "1e3", "SUM(A1)", "-1", "2\n", "cmd|' /C calc'!A0"]),
)
WITHIN = st.builds(
    lambda before, separator, quote, formula, after: before + separator + quote + formula + after,
    st.sampled_from(["", "good", "a, b", "-1", "=1", '"']),
    st.sampled_from([*",;|\t\n\r", "\r\n", "; ", ";;", " | "]),
    st.sampled_from(["", "", '"', "' "]),
    FORMULAS,
    st.sampled_from(["", ";x", ",x", "|x", "\n", ";-1", '"']),
)
STARTERS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")


def runs(cell: str) -> bool:
    """Whether a spreadsheet might take a cell for more than text; said without the code that it tests."""
    if not cell:
        return False
    if cell[0] in "\t\r\n\x00":
        return True
    blank = itertools.takewhile(lambda sign: sign.isspace() or unicodedata.category(sign) in ("Cc", "Cf"), cell)
    shown = cell[len(list(blank)) :]
    return shown.startswith(STARTERS) and not is_plain_number(cell)


def is_plain_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return set(text) <= set("0123456789+-.eE")


@FEW
@given(
    cells=st.lists(st.none() | TEXTS | FORMULAS | WITHIN | st.sampled_from(["-5.2", "+3", "-1e-7"]), max_size=20),
    name=st.one_of(NAMES, (FORMULAS | WITHIN).filter(lambda name: "\x00" not in name and name.strip())),
)
def test_no_cell_of_a_csv_runs_in_a_spreadsheet_and_taking_the_guard_away_gives_the_text_back(
    cells: list[str | None], name: str
) -> None:
    frame = pl.DataFrame({name: cells, "n": [-1] * len(cells)}, schema={name: pl.String, "n": pl.Int64}, strict=False)
    assume(name != "n")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        with open_sink(path) as sink:
            sink.write(frame)
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    found = [row[0] for row in rows]
    assert [cell for cell in found if runs(cell)] == []
    assert [row[1] for row in rows[1:]] == ["-1"] * len(cells)
    for cell, text in zip(found, [name, *(text or "" for text in cells)], strict=True):
        assert unguarded(cell) == text
        assert [piece for separator in ",;|\t" for piece in pieces(cell, separator) if runs(piece)] == []


def pieces(cell: str, separator: str) -> list[str]:
    """The cells after the first that a text becomes where it is read with a separator, as it stands and in quotes."""
    rows = cell.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = [piece for row in rows for piece in row.split(separator)][1:]
    return [*found, *(piece.lstrip('"') for piece in found)]
