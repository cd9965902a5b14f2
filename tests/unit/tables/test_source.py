import gc
import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.tables import csv_reader, open_source, packing, parquet_reader, read_table, write_frame
from sentiscore.tables.exact import name_of, series_of
from sentiscore.tables.source import require_column
from tests.effort import combined

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write bytes to a file of the test's folder."""

    def put(data: bytes, name: str = "news.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return put


# --- what can be read ---


def test_a_null_and_an_empty_field_of_a_csv_stay_apart(write: Write) -> None:
    assert read_table(write(b'a,b\n,""\n"",\n')).rows() == [(None, ""), ("", None)]


def test_every_csv_column_is_text_as_it_stands_in_the_file(write: Write) -> None:
    frame = read_table(write(b"id,flag,note\n007,true, NA \n1e3,NULL,2024-02-05\n"))
    assert frame.dtypes == [pl.String] * 3
    assert frame.rows() == [("007", "true", " NA "), ("1e3", "NULL", "2024-02-05")]


@pytest.mark.parametrize("name", ["t.tsv", "t.TSV", "t.tsv.gz"])
def test_a_tsv_is_split_at_tabs_alone(write: Write, name: str) -> None:
    data = b"a\tb\nx, y\t2\n"
    path = write(gzip.compress(data) if name.endswith(".gz") else data, name)
    assert read_table(path).rows() == [("x, y", "2")]


@pytest.mark.parametrize("name", ["news.csv.gz", "NEWS.CSV.GZ", "News.Csv.Gz"])
def test_a_gzipped_csv_reads_like_a_plain_one_whatever_the_case_of_its_ending(write: Write, name: str) -> None:
    assert read_table(write(gzip.compress(b"a,b\n1,2\n"), name)).rows() == [("1", "2")]


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_data(write: Write) -> None:
    frame = read_table(write(b"\xef\xbb\xbftext,n\r\nup,1\r\ndown,2\r\n"))
    assert frame.columns == ["text", "n"]
    assert frame.rows() == [("up", "1"), ("down", "2")]


def test_quoted_fields_may_hold_line_ends_separators_and_quotes(write: Write) -> None:
    frame = read_table(write(b'"the\ntext",n\n"one\r\ntwo, ""three""",1\n"ends so\n",2\n'))
    assert frame.columns == ["the\ntext", "n"]
    assert frame.rows() == [('one\r\ntwo, "three"', "1"), ("ends so\n", "2")]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_quoted_line_end_in_the_very_last_field_is_no_open_quote(write: Write, end: bytes) -> None:
    assert read_table(write(b'a,b\n1,"x\ny\n"' + end)).rows() == [("1", "x\ny\n")]


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("header", [b"a", b"a,b"])
def test_a_header_alone_is_a_table_without_rows(write: Write, header: bytes, ending: bytes) -> None:
    frame = read_table(write(header + ending))
    assert frame.schema == dict.fromkeys(header.decode().split(","), pl.String)
    assert frame.is_empty()


def test_the_last_row_needs_no_line_end(write: Write) -> None:
    assert read_table(write(b"a,b\n1,2\n3,4")).rows() == [("1", "2"), ("3", "4")]


def test_a_blank_line_is_a_null_in_a_table_of_one_column_and_nothing_in_a_wider_one(write: Write) -> None:
    assert read_table(write(b'a\n\nx\n\n""\n')).rows() == [(None,), ("x",), (None,), ("",)]
    assert read_table(write(b"a,b\n1,2\n\n3,4\n\n")).rows() == [("1", "2"), ("3", "4")]


@pytest.mark.parametrize(
    ("data", "columns", "row"),
    [
        (b",text\n0,up\n", ["", "text"], ("0", "up")),  # as pandas writes its index
        (b"text,\nup,\n", ["text", ""], ("up", None)),
    ],
)
def test_one_column_may_be_without_a_name(
    write: Write, data: bytes, columns: list[str], row: tuple[str | None, ...]
) -> None:
    frame = read_table(write(data))
    assert frame.columns == columns
    assert frame.rows() == [row]


def test_ndjson_keeps_types_and_takes_columns_that_appear_late(write: Write) -> None:
    lines = b'{"n":1}\n' * 300 + b'{"n":2,"text":"late"}\n'
    frame = read_table(write(lines, "news.jsonl"))
    assert frame.schema == {"n": pl.Int64, "text": pl.String}
    assert frame.row(-1) == (2, "late")


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    frame = pl.DataFrame({"n": pl.Series([1, None], dtype=pl.UInt8), "day": pl.Series([None, 3]).cast(pl.Date)})
    frame.write_parquet(tmp_path / "t.pq")
    assert read_table(tmp_path / "t.pq").equals(frame)


def test_columns_are_read_in_the_order_they_are_asked_for(write: Write) -> None:
    path = write(b"a,b,c\n1,2,3\n")
    assert read_table(path, ["c", "a"]).row(0, named=True) == {"c": "3", "a": "1"}
    assert read_table(write(b"a,b,c\n"), ["b"]).schema == {"b": pl.String}


# --- windows ---


@pytest.mark.parametrize(("n_rows", "name"), combined([1, 7, 64, 100, 101, 1000], ["t.csv", "t.parquet", "t.ndjson"]))
def test_windows_have_exact_sizes_and_keep_the_order_across_many_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, n_rows: int
) -> None:
    monkeypatch.setattr(csv_reader, "_BLOCK_BYTES", 64)  # a few rows to a block
    rows = pl.DataFrame({"id": [f"{i}" for i in range(100)], "text": [f"line\n{i}" for i in range(100)]})
    path = tmp_path / name
    if name == "t.parquet":
        rows.write_parquet(path, row_group_size=9)
    elif name == "t.csv":
        rows.write_csv(path)
    else:
        rows.write_ndjson(path)
    windows = list(open_source(path).windows(n_rows))
    full, rest = divmod(rows.height, n_rows)
    assert [window.height for window in windows] == [n_rows] * full + [rest] * (rest > 0)
    assert pl.concat(windows).equals(rows)


def test_a_broken_place_far_down_is_found_before_any_window_is_handed_out(write: Write) -> None:
    with pytest.raises(InputError, match="ragged: the row in line 102 has 3 fields"):
        open_source(write(b"a,b\n" + b"1,2\n" * 100 + b"1,2,3\n"))


def test_slices_of_parquet_stay_small_where_rows_are_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.parquet"
    texts = ["short"] * 3000 + [f"{i:0>2000}" for i in range(3000)]
    pl.DataFrame({"text": texts}).write_parquet(path)
    monkeypatch.setattr(parquet_reader, "_SLICE_BYTES", 100_000)
    part = open_source(path).parts[0]
    assert part.parquet is not None
    pieces = list(parquet_reader.parquet_pieces(path, part.identity, part.parquet, 4096, ["text"]))
    assert pl.concat(pieces)["text"].to_list() == texts
    assert max(piece.height for piece in pieces) == 4096
    assert {piece.height for piece in pieces[-10:-1]} <= {48, 49, 50}
    assert [window.height for window in open_source(path).windows(4096)] == [4096, 1904]


@pytest.mark.parametrize("rows", [10, 5000, 50_000])
def test_a_parquet_that_is_replaced_while_it_is_read_is_an_error_and_never_mixed(tmp_path: Path, rows: int) -> None:
    path, other = tmp_path / "t.parquet", tmp_path / "other.parquet"
    pl.DataFrame({"text": ["old"] * 20_000}).write_parquet(path)
    pl.DataFrame({"text": ["new"] * rows}).write_parquet(other)
    windows = open_source(path).windows(2000)
    seen = [next(windows)]
    other.replace(path)
    with pytest.raises(InputError, match="was changed while it was read"):
        seen += windows
    assert set(pl.concat(seen)["text"]) == {"old"}


@pytest.mark.parametrize("ending", ["csv", "ndjson", "parquet"])
def test_a_file_that_is_replaced_before_it_is_read_is_an_error(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t.{ending}"
    write_frame(pl.DataFrame({"text": ["old"]}), path)
    opened = open_source(path)
    write_frame(pl.DataFrame({"text": ["new", "newer"]}), path)
    with pytest.raises(InputError, match="was changed while it was read"):
        next(opened.windows(10))


def test_a_table_without_rows_has_no_windows(write: Write) -> None:
    assert list(open_source(write(b"a,b\n")).windows(5)) == []


# --- how many rows ---


def test_the_rows_of_a_parquet_file_are_known_exactly(tmp_path: Path) -> None:
    pl.DataFrame({"n": range(1234)}).write_parquet(tmp_path / "t.parquet")
    assert open_source(tmp_path / "t.parquet").rows == 1234


@pytest.mark.parametrize("name", ["t.csv", "t.ndjson"])
def test_the_rows_of_a_text_file_are_counted(tmp_path: Path, name: str) -> None:
    rows = pl.DataFrame({"text": [f"headline\nnumber {i:05}" for i in range(5000)]})
    (rows.write_csv if name == "t.csv" else rows.write_ndjson)(tmp_path / name)
    assert open_source(tmp_path / name).rows == 5000


def test_the_rows_of_a_gzipped_file_are_counted(write: Write) -> None:
    assert open_source(write(gzip.compress(b"a\n1\n"), "t.csv.gz")).rows == 1


# --- what cannot be read ---


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file .*gone\.csv"):
        open_source(tmp_path / "gone.csv")


def test_a_folder_is_refused_with_a_way_to_name_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "part.parquet"
    folder.mkdir()
    with pytest.raises(InputError, match=r"is a folder.\n.*\*\.parquet"):
        open_source(folder)


@pytest.mark.parametrize("name", ["news.xls", "news", "news.gz", "news.parquet.gz", "csv"])
def test_an_unknown_ending_is_refused_with_the_endings_that_are_known(write: Write, name: str) -> None:
    with pytest.raises(InputError, match=r"kind that cannot be read.\nReadable are: \.csv, .*\.jsonl"):
        open_source(write(b"a\n1\n", name))


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.tsv", "t.parquet", "t.ndjson"])
def test_a_file_of_no_bytes_is_refused(write: Write, name: str) -> None:
    with pytest.raises(InputError, match="is empty"):
        open_source(write(b"", name))


@pytest.mark.parametrize("data", [b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", b" \n1\n", b",,\n1,2,3\n", b"\n\na,b\n1,2\n"])
def test_a_csv_whose_first_line_names_no_column_is_refused(write: Write, data: bytes) -> None:
    with pytest.raises(InputError, match="no header in its first line"):
        open_source(write(data))


def test_a_gzipped_file_of_nothing_has_no_header(write: Write) -> None:
    with pytest.raises(InputError, match="no header"):
        open_source(write(gzip.compress(b""), "t.csv.gz"))


def test_a_column_name_that_stands_there_twice_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="more than one column called 'a', 'b'"):
        open_source(write(b"b,a,c,b,a\n1,2,3,4,5\n"))


@pytest.mark.parametrize(("row", "n"), [(b"1", 1), (b"1,2,3", 3)])
def test_a_row_with_too_few_or_too_many_fields_is_refused(write: Write, row: bytes, n: int) -> None:
    with pytest.raises(InputError, match=f"ragged: the row in line 3 has {n} fields"):
        read_table(write(b"a,b\n1,2\n" + row + b"\n"))


def test_bytes_that_are_not_utf8_in_the_header_are_refused(write: Write) -> None:
    with pytest.raises(InputError, match=r"not UTF-8, in its header.\n.*iconv"):
        open_source(write("größe,b\n1,2\n".encode("latin-1")))


@pytest.mark.parametrize("rows_before", [1, 5000])
def test_bytes_that_are_not_utf8_in_a_row_are_refused_and_the_header_is_not_blamed(
    write: Write, rows_before: int
) -> None:
    path = write(b"a,b\n" + b"one,two\n" * rows_before + "größe,2\n".encode("latin-1"))
    with pytest.raises(InputError, match=f"not UTF-8, in line {rows_before + 2}"):
        read_table(path)


@pytest.mark.parametrize(
    "data",
    [
        b'a,b\n1,"x\n2,y\n',  # in the last column
        b'a,b\n"x,1\ny,2\n',  # in the first
        b'a,b\n1,2\n3,"x\n',  # in the last row
        b'a,b\n1,2\n3,"x',  # cut short inside a field, the commonest way to end so
        b'a\n"x\ny\n',
    ],
)
def test_a_quote_that_is_never_closed_is_refused(write: Write, data: bytes) -> None:
    with pytest.raises(InputError, match=r"quote"):
        read_table(write(data))


def test_a_row_larger_than_a_block_is_read_whole(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reader, "_BLOCK_BYTES", 64)
    text = "x\n" * 500 + "größe" * 100
    table = read_table(write(b"a,b\n" + b"1,2\n" * 40 + f'1,"{text}"\n1,2\n'.encode()))
    assert table["b"].to_list() == ["2"] * 40 + [text, "2"]


@pytest.mark.parametrize("kept", [12, -1000, -4])
def test_a_gzipped_csv_that_was_cut_short_is_refused(write: Write, kept: int) -> None:
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(20_000)))
    with pytest.raises(InputError, match="cut short"):
        read_table(write(whole[:kept], "t.csv.gz"))


def test_a_plain_file_that_calls_itself_gzipped_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="gzip"):
        open_source(write(b"a,b\n1,2\n", "t.csv.gz"))


@pytest.mark.parametrize("kept", [6, 0.5, 0.99])
def test_a_parquet_file_that_was_cut_short_is_refused(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"n": range(5000)}).write_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept if kept > 1 else kept * len(whole))])
    with pytest.raises(InputError, match=r"t\.parquet cannot be read"):
        open_source(path)


def test_a_parquet_file_with_damaged_pages_is_refused_when_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"text": [f"{i * 7919}" for i in range(5000)]}).write_parquet(path)
    data = bytearray(path.read_bytes())
    data[4:2000] = bytes(1996)
    path.write_bytes(data)
    opened = open_source(path)
    with pytest.raises(InputError, match="cannot be read"):
        list(opened.windows(1000))


@pytest.mark.parametrize("bad", [b'{"a":\n', b"no json\n", b"[1, 2]\n", b'{"a":2\n'])
def test_ndjson_that_is_broken_in_the_middle_is_refused(write: Write, bad: bytes) -> None:
    with pytest.raises(InputError, match=r"t\.ndjson cannot be read"):
        read_table(write(b'{"a":1}\n' * 50 + bad + b'{"a":3}\n' * 50, "t.ndjson"))


def test_ndjson_that_breaks_after_it_was_opened_is_refused_too(write: Write) -> None:
    opened = open_source(write(b'{"a":1}\n' * 50, "t.ndjson"))
    write(b'{"a":1}\n' * 25 + b"{{{\n", "t.ndjson")
    with pytest.raises(InputError, match="was changed while it was read"):
        list(opened.windows(10))


@pytest.mark.skipif(AS_ROOT, reason="root may read every file")
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet", "t.ndjson"])
def test_a_file_that_may_not_be_read_is_refused(write: Write, name: str) -> None:
    path = write(b"a\n1\n", name)
    path.chmod(0)
    with pytest.raises(InputError, match="may not be read by this user"):
        open_source(path)


def test_a_file_in_a_folder_that_may_not_be_entered_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(b"a\n1\n")

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)  # as the system answers there; root may enter every folder
    with pytest.raises(InputError):
        open_source(path)


def test_a_missing_column_is_refused_with_those_there_are(write: Write) -> None:
    with pytest.raises(InputError, match="no column 'c'; its columns are: a, b"):
        read_table(write(b"a,b\n1,2\n"), ["a", "c"])
    with pytest.raises(InputError, match=r"\(none\).\nName the right one with --text-col"):
        require_column(pl.Schema(), "text", "t.csv", "--text-col")


@pytest.mark.parametrize("quoted", [b'1,"open here\n2,second\n3,third" or\n4,fourth\n', b'1,"a" b\n', b'1,"a\n2,"b"\n'])
def test_quotes_that_would_swallow_rows_are_refused(write: Write, quoted: bytes) -> None:
    with pytest.raises(InputError, match="a quote or a field that is wrong"):
        open_source(write(b"id,text\n" + quoted))


def test_a_lone_inch_mark_beside_a_quoted_line_end_is_good(write: Write) -> None:
    table = read_table(write(b'id,text\n1,a 5" tv\n2,"two\nlines"\n'))
    assert table["text"].to_list() == ['a 5" tv', "two\nlines"]


def test_a_byte_order_mark_before_a_quoted_header_is_no_part_of_it(write: Write) -> None:
    table = read_table(write(b'\xef\xbb\xbf"review, text","d"\r\n"good","1"\r\n'))
    assert table.to_dicts() == [{"review, text": "good", "d": "1"}]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_csv_that_is_plainly_separated_by_something_else_is_read_so(write: Write, separator: str) -> None:
    assert read_table(write(f"id{separator}text\n1{separator}up, a bit\n".encode())).to_dicts() == [
        {"id": "1", "text": "up, a bit"}
    ]


def test_a_file_of_utf16_is_told_apart(write: Write) -> None:
    with pytest.raises(InputError, match="iconv -f UTF-16"):
        open_source(write("a,b\n1,2\n".encode("utf-16")))


@pytest.mark.parametrize("name", ["*", "^t.*$"])
def test_a_column_whose_name_is_a_pattern_to_polars_is_a_column(tmp_path: Path, name: str) -> None:
    frame = pl.DataFrame({name: ["x"], "text": ["y"]})
    frame.write_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet", [name]).equals(frame[[name]])


def test_a_quoted_name_with_a_semicolon_is_one_name(write: Write) -> None:
    assert open_source(write(b'"a;b"\nx\n')).schema.names() == ["a;b"]


# --- names that are patterns ---


@pytest.mark.parametrize(
    ("ending", "name"),
    combined(["parquet", "ndjson", "csv"], ["a[2]", "a?", "a*", "a[!b]", "[[]", "day=1", "day=1/a[2]", "{a,b}"]),
)
@pytest.mark.skipif(os.name == "nt", reason="such names are not allowed there")
def test_a_name_that_is_a_pattern_is_the_name_of_one_file(tmp_path: Path, name: str, ending: str) -> None:
    path = tmp_path / f"{name}.{ending}"
    path.parent.mkdir(exist_ok=True)
    for other in ("a2", "a", "ab"):
        write_frame(pl.DataFrame({"text": ["of another"] * 3}), path.with_name(f"{other}.{ending}"))
    rows = pl.DataFrame({"text": ["of this", "one"]})
    write_frame(rows, path)
    assert read_table(path).equals(rows)


@pytest.mark.parametrize("name", ["~/a.parquet", "~/a.ndjson"])
def test_a_folder_that_is_called_like_a_home_is_no_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~").mkdir()
    write_frame(pl.DataFrame({"text": ["up"]}), tmp_path / name)
    assert read_table(name)["text"].to_list() == ["up"]


@pytest.mark.parametrize(
    ("start", "what", "advice"),
    [
        (b'{"id":1,"text":"a"}\n{"id":2,"text":"b"}\n', "is JSON", "Rename it to t.ndjson"),
        (b'{"id": 1, "text": "a"}\n', "is JSON", "Rename it to t.ndjson"),
        (b'{"id": 1, "text": "a"}\n{"id": 2, "text": "a, b"}\n', "is JSON", "Rename it to t.ndjson"),
        (b'\xef\xbb\xbf { "id" : 1 }\n', "is JSON", "Rename it to t.ndjson"),
        (b'[\n  {"id":1}\n]\n', "is JSON", "Rename it to t.json"),
        (b"PK\x03\x04\x14\x00" + bytes(99), "is an Excel workbook", "Save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "is an Excel workbook", "Save it as CSV"),
        (b"PAR1" + bytes(99) + b"PAR1", "is parquet", "Rename it to t.parquet"),
    ],
)
def test_a_file_of_another_kind_that_is_called_csv_is_told_what_it_is(
    write: Write, start: bytes, what: str, advice: str
) -> None:
    with pytest.raises(InputError, match=f"{what}.*, whatever its name says") as caught:
        read_table(write(start, "t.csv"), ["text"])
    assert advice in str(caught.value.hint)


@pytest.mark.parametrize("header", ["{id},text", "[a],b", "PKs,b", "{,b"])
def test_a_header_that_only_looks_so_is_a_header(write: Write, header: str) -> None:
    assert list(open_source(write(f"{header}\n1,2\n".encode(), "t.csv")).schema) == header.split(",")


@pytest.mark.parametrize("name", ["*", "^h.*$", "plain", "blank "])
def test_a_column_has_its_own_name_in_messages(name: str) -> None:
    assert name_of(series_of(pl.DataFrame({name: ["x"]}), name)) == name


# --- a disk that fails in the middle ---


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY"])
@pytest.mark.parametrize("failing", ["open", "read"])
def test_a_disk_that_fails_in_the_middle_of_parquet_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, failing: str
) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"text": ["up"]}), path, use_dictionary=False, column_encoding={"text": encoding})
    opened = open_source(path)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(5, "Input/output error")

    if failing == "open":
        monkeypatch.setattr(Path, "open", fail)
    elif encoding == "PLAIN":
        monkeypatch.setattr(pl.LazyFrame, "collect", fail)
    else:
        monkeypatch.setattr(parquet.ParquetFile, "iter_batches", fail)
    with pytest.raises(InputError, match=r"t\.parquet cannot be read: .*Input/output error"):
        list(opened.windows(10))


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.ndjson"])
def test_a_disk_that_fails_in_the_middle_of_text_is_an_error(
    write: Write, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    data = b'{"a":"b"}\n{"a":"c"}\n'
    opened = open_source(write(gzip.compress(data) if name.endswith("gz") else data, name))

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", fail)
    monkeypatch.setattr(gzip, "open", fail)
    with pytest.raises(InputError, match=rf"{name} cannot be read: .*Input/output error"):
        list(opened.windows(10))


# --- what parquet is like ---


@pytest.mark.parametrize("n_batch", [1, 7, 100_000])
def test_values_that_share_beginnings_come_in_slices_of_many_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_batch: int
) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "t.parquet"
    rows = pl.DataFrame({"text": [f"text {i}" for i in range(3000)], "n": range(3000)})
    table = pa.table({"text": rows["text"].to_list(), "n": rows["n"].to_list()})
    parquet.write_table(table, path, use_dictionary=["n"], column_encoding={"text": "DELTA_BYTE_ARRAY"})
    opened = open_source(path)
    footer = opened.parts[0].parquet
    assert footer is not None
    monkeypatch.setattr(parquet_reader, "check_pages", lambda *_: parquet_reader._SLICE_BYTES // n_batch)
    found = list(parquet_reader.parquet_pieces(path, opened.parts[0].identity, footer, 1000, ["text", "n"]))
    assert pl.concat(found).equals(rows)
    assert len(found) <= 4
    monkeypatch.setattr(parquet_reader, "_SLICE_BYTES", 10_000)
    found = list(parquet_reader.parquet_pieces(path, opened.parts[0].identity, footer, 1000, ["text", "n"]))
    assert pl.concat(found).equals(rows)
    assert n_batch > 7 or len(found) > 4


def test_a_footer_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_frame(pl.DataFrame({"text": ["up"]}), tmp_path / "t.parquet")
    opened = open_source(path)
    monkeypatch.delattr(parquet_reader, "read_footer")
    for _ in range(2):
        assert pl.concat(opened.windows(10))["text"].to_list() == ["up"]


# --- what ndjson is like ---


def test_columns_that_are_sometimes_null_do_not_multiply(write: Write) -> None:
    lines = [
        b"{%s}\n" % b",".join(b'"c%d":%s' % (j, b"null" if i >> j & 1 else b"1") for j in range(16))
        for i in range(40_000)
    ]
    opened = open_source(write(b"".join(lines), "t.ndjson"))
    assert opened.rows == 40_000
    assert set(opened.schema.values()) == {pl.Int64()}
    assert sum(window["c0"].null_count() for window in opened.windows(30_000)) == 20_000


def test_fields_within_columns_do_not_multiply_either(write: Write) -> None:
    def item(i: int) -> bytes:
        return b"{%s}" % b",".join(b'"f%d":%s' % (j, (b"null", b'"x"', b"1")[i // 3**j % 3]) for j in range(8))

    lines = [b'{"s":%s,"l":[%s,%s]}\n' % (item(i), item(i), item(i * 7)) for i in range(3**8)]
    fields = {f"f{j}": pl.String for j in range(8)}
    opened = open_source(write(b"".join(lines), "t.ndjson"))
    assert opened.schema == {"s": pl.Struct(fields), "l": pl.List(pl.Struct(fields))}
    assert sum(window.height for window in opened.windows(1000)) == 3**8


def test_a_type_that_comes_late_in_a_line_of_a_known_shape_counts(write: Write) -> None:
    known = b'{"a":1,"b":null}\n{"a":null,"b":1}\n' * 300
    assert read_table(write(known + b'{"a":0.5,"b":1}\n', "t.ndjson")).dtypes == [pl.Float64, pl.Int64]
    with pytest.raises(InputError, match=r"line 602 is wrong: .* too many digits"):
        read_table(write(known + b'{"a":0.5,"b":1}\n{"a":9007199254740993,"b":1}\n', "t.ndjson"))


def test_keys_and_types_without_end_are_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentiscore.tables import ndjson_reader

    path = write(b"".join(b'{"a":{"k%d":"%d"}}\n' % (i, i) for i in range(100)), "t.ndjson")
    assert open_source(path).rows == 100
    for limit in ("_MAX_TYPES", "_EXAMPLE_BYTES"):
        with monkeypatch.context() as patch:
            patch.setattr(ndjson_reader, limit, 50)
            with pytest.raises(InputError, match="too many keys and types"):
                open_source(path)


@pytest.mark.parametrize("other", ["1", "2.5", "true", "[1]", '{"b":1}'])
def test_a_column_of_text_and_other_values_is_read_as_text_with_one_warning(write: Write, other: str) -> None:
    lines = f'{{"id":{other},"t":"a","n":1}}\n{{"id":"x","t":null,"n":2}}\n{{"id":{other},"t":"b","n":3}}\n'
    with pytest.warns(SentiscoreWarning, match="several types in the column 'id'") as told:
        table = read_table(write(lines.encode(), "t.ndjson"))
    assert len(told) == 1
    assert table["id"][1] == "x"
    assert table.dtypes == [pl.String, pl.String, pl.Int64]


@pytest.mark.parametrize("values", [["1", "2.5", "true"], ["true", "0"], ["1", '{"a":1}']])
def test_a_column_whose_values_have_no_type_in_common_is_named(write: Write, values: list[str]) -> None:
    lines = "".join(f'{{"id":{value},"t":"a"}}\n' for value in values)
    path = write(lines.encode(), "t.ndjson")
    with pytest.raises(InputError, match="the column 'id' holds values of several types") as caught:
        read_table(path)
    assert "--columns" in str(caught.value.hint)
    assert "broken" not in str(caught.value)
    assert read_table(path, ["t"])["t"].to_list() == ["a"] * len(values)


def test_a_byte_order_mark_before_ndjson_is_no_part_of_it(write: Write) -> None:
    opened = open_source(write(b'\xef\xbb\xbf{"a":"up"}\n{"a":"down"}\n', "t.ndjson"))
    assert pl.concat(opened.windows(1))["a"].to_list() == ["up", "down"]
    with pytest.raises(InputError, match="line 2 is wrong"):
        open_source(write(b'{"a":"up"}\n\xef\xbb\xbf{"a":"down"}\n', "t.ndjson"))


# --- names that do not say gzip ---


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("t.csv", r"Name it t\.csv\.gz"),
        ("t.TSV", r"Name it t\.TSV\.gz"),
        ("t.ndjson", r"Name it t\.ndjson\.gz"),
        ("t.parquet", "gzip -d"),
    ],
)
def test_gzip_under_another_name_is_told(write: Write, name: str, hint: str) -> None:
    with pytest.raises(InputError, match=rf"is gzip, and its name does not say so\.\n.*{hint}"):
        open_source(write(gzip.compress(b"a,b\n1,2\n"), name))


def test_a_gzip_file_that_cannot_be_opened_leaves_nothing_half_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "news.csv.gz"
    path.write_bytes(gzip.compress(b"headline\ngood\n"))
    faults = []

    def close(self: packing._Unpacked, really: Any = packing._Unpacked.close) -> None:
        try:
            really(self)
        except AttributeError as error:  # which Python 3.13 prints when it clears up, and earlier ones hide
            faults.append(error)

    def refuses(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(packing._Unpacked, "close", close)
    monkeypatch.setattr(gzip, "open", refuses)
    with pytest.raises(InputError, match="may not be read by this user"):
        open_source(path)
    gc.collect()
    assert faults == []
