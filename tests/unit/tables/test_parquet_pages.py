import io
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from sentiscore.errors import InputError
from sentiscore.tables import open_source, parquet_pages
from sentiscore.tables.parquet_pages import check_pages, read_footer
from sentiscore.tables.thrift import BadThriftError, Compact, TooManyError

FRAME = pl.DataFrame(
    {
        "text": [f"text {i}" for i in range(2000)],
        "n": range(2000),
        "tags": [["a", "b"][: i % 3] for i in range(2000)],
        "both": [{"x": i, "y": "z"} for i in range(2000)],
    }
)


@pytest.fixture(params=["polars", "pyarrow 1.0", "pyarrow 2.0", "without dictionaries"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The frame in several row groups and many pages, by several writers."""
    path = tmp_path / "t.parquet"
    if request.param == "polars":
        FRAME.write_parquet(path, row_group_size=700, data_page_size=500)
    else:
        parquet.write_table(
            FRAME.to_arrow(),
            path,
            row_group_size=700,
            data_page_size=500,
            data_page_version="2.0" if "2.0" in request.param else "1.0",
            use_dictionary="without" not in request.param,
            write_page_index=True,
        )
    return path


def test_a_footer_tells_what_pyarrow_reads_in_it(path: Path) -> None:
    footer, expected = read_footer(path), parquet.read_metadata(path)
    assert footer.names == tuple(FRAME.columns)
    assert footer.rows == expected.num_rows == 2000
    assert [leaf.column for leaf in footer.leaves] == ["text", "n", "tags", "both", "both"]
    assert [leaf.repeated for leaf in footer.leaves] == [False, False, True, False, False]
    assert [leaf.text for leaf in footer.leaves] == [True, False, True, False, True]
    assert len(footer.group_rows) == expected.num_row_groups
    for number, rows in enumerate(footer.group_rows):
        group = expected.row_group(number)
        assert rows == group.num_rows
        for i in range(len(footer.leaves)):
            chunk, about = footer.chunk(number, i), group.column(i)
            assert (chunk.values, chunk.size) == (about.num_values, about.total_compressed_size)


def test_good_pages_pass(path: Path) -> None:
    assert check_pages(path, read_footer(path), set(FRAME.columns)) == 0


def test_pages_of_text_count_together_and_others_one_by_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_pages, "UNPACKED_RATIO", 0)
    footer = read_footer(path)

    def least(columns: set[str]) -> int:
        """The smallest limit that the columns keep."""
        low, high = 0, 1 << 20
        while low < high:
            middle = (low + high) // 2
            monkeypatch.setattr(parquet_pages, "UNPACKED_BYTES", middle)
            try:
                check_pages(path, footer, columns)
                high = middle
            except InputError:
                low = middle + 1
        return low

    text, tags, n = least({"text"}), least({"tags"}), least({"n"})
    assert least({"text", "tags"}) == pytest.approx(text + tags, rel=0.1)
    assert least({"text", "n"}) <= text + n
    assert least({"n", "both"}) <= n + least({"both"})


def test_a_column_that_is_not_chosen_may_be_what_it_likes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_pages, "NESTED_VALUES", 10)
    monkeypatch.setattr(parquet_pages, "NESTED_RATIO", 0)
    footer = read_footer(path)
    check_pages(path, footer, {"text", "both"})
    with pytest.raises(InputError, match="values in the lists of 700 rows"):
        check_pages(path, footer, {"tags"})


def test_values_that_share_beginnings_are_told(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    for version in ("1.0", "2.0"):
        parquet.write_table(
            FRAME.select("text").to_arrow().cast(pa.schema([("text", pa.string())])),
            path,
            use_dictionary=False,
            column_encoding={"text": "DELTA_BYTE_ARRAY"},
            data_page_version=version,
        )
        assert check_pages(path, read_footer(path), {"text"}) > 0
        assert pl.concat(open_source(path).windows(300))["text"].equals(FRAME["text"])


def test_a_leaf_may_say_that_it_has_no_children(tmp_path: Path) -> None:
    root = b"\x48\x04root\x15\x02\0"  # its name, one child
    leaf = b"\x15\x0c\x25\x00\x18\x04text\x15\x00\0"  # bytes, required, its name, no children
    footer = b"\x15\x02\x19\x2c" + root + leaf + b"\x16\x00\x19\x0c\0"  # version 1, these two, no rows, no groups
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    found = read_footer(path)
    assert found.names == ("text",)
    assert [leaf.text for leaf in found.leaves] == [True]


# --- Thrift ---


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x15",
        b"\x15\xff",
        b"\x15" + b"\xff" * 12,
        b"\x18\x05abc",
        b"\x19\xf5\xff\xff\xff\xff\x0f",
        b"\x1c" * 500,
        b"\x1d\x00",
        b"\x2b\xff\xff\xff\xff\x0f\x88",
    ],
)
def test_broken_thrift_is_an_error_and_nothing_else(data: bytes) -> None:
    every: list[dict[int, Any]] = [{}, {1: int}, {1: bytes}, {1: {}}, {1: [{}]}]
    for wanted in every:
        with pytest.raises((BadThriftError, IndexError, TooManyError)):
            Compact(data).struct(wanted)


def test_all_kinds_of_fields_that_are_not_wanted_are_passed_over() -> None:
    data = io.BytesIO()
    data.write(b"\x11\x12")  # true, false
    data.write(b"\x13\x7f")  # a byte
    data.write(b"\x17" + bytes(8))  # a double
    data.write(b"\x19\x31\x01\x02\x01")  # a list of booleans
    data.write(b"\x1a\x15\x02")  # a set of a number
    data.write(b"\x1b\x01\x58\x04\x01x")  # a map of a number to bytes
    data.write(b"\x1c\x15\x02\x00")  # a structure
    data.write(b"\x05\xc8\x01\x53\x00")  # field 100, named in full: -42
    found: dict[int, Any] = Compact(data.getvalue()).struct({100: int})
    assert found == {100: -42}
