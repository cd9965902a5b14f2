"""CSV files that are not written with commas in UTF-8 from their first line on."""

import gzip
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentiscore.errors import InputError
from sentiscore.tables import csv_lines, csv_reader, open_source, read_table
from sentiscore.tables.dialect import CsvDialect

Write = Callable[..., Path]

TABLE = 'id,text\r\n1,"größe, \r\n# no"\r\n2,x\r\n'
ROWS = [("1", "größe, \r\n# no"), ("2", "x")]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(data: bytes | str, name: str = "news.csv") -> Path:
        data = data if isinstance(data, bytes) else data.encode()
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return tmp_path / name

    return put


def rows(path: Path, **dialect: Any) -> list[tuple[str | None, ...]]:
    return read_table(path, csv=CsvDialect(**dialect)).rows()


# --- separators ---


@pytest.mark.parametrize("separator", [*"|:^~;\t ,", "\x01"])
def test_a_separator_separates_and_may_stand_in_quotes(write: Write, separator: str) -> None:
    path = write(f'id{separator}text\n1{separator}"a{separator}b"\n2{separator}"c""d"\n')
    assert rows(path, separator=separator) == [("1", f"a{separator}b"), ("2", 'c"d')]


def test_a_tab_may_be_typed_and_a_tsv_may_have_something_else(write: Write) -> None:
    assert rows(write("id\ttext,x\n1\ta\n"), separator="\\t") == [("1", "a")]
    assert rows(write("id|text\n1|a\tb\n", "t.tsv"), separator="|") == [("1", "a\tb")]


def test_a_row_of_another_length_is_still_an_error(write: Write) -> None:
    with pytest.raises(InputError, match="ragged: the row in line 3 has 3 fields"):
        rows(write("id|text\n1|a\n2|b|c\n"), separator="|")


# --- lines that are not rows ---


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end"])
def test_lines_before_the_header_and_comments_are_not_rows(write: Write, name: str, end: str, last: str) -> None:
    text = end.join(['A "title, of', "", "# one", "id,text", "# two", "1,#x", '2,"a', '# b"', "#", "3,"])
    path = write(text + (end if last else ""), name)
    expected = [("1", "#x"), ("2", f"a{end}# b"), ("3", None)]
    assert rows(path, skip_rows=2, comment="#") == expected
    assert open_source(path, CsvDialect(skip_rows=2, comment="#")).rows == 3


def test_only_what_a_line_begins_with_makes_it_a_comment(write: Write) -> None:
    path = write("id,text\n//no,no\n/yes,1\n //yes,2\n")
    assert rows(path, comment="//") == [("/yes", "1"), (" //yes", "2")]


def test_a_byte_order_mark_is_no_part_of_a_comment_or_of_a_header(write: Write) -> None:
    assert rows(write("\ufeff# c\nid,text\n1,x\n"), comment="#") == [("1", "x")]
    table = read_table(write("title\n\ufeffid,text\n1,x\n"), csv=CsvDialect(skip_rows=1))
    assert table.to_dicts() == [{"id": "1", "text": "x"}]


def test_a_table_of_one_column_keeps_its_empty_lines(write: Write) -> None:
    assert rows(write("x\ntext\na\n\n# c\nb\n"), skip_rows=1, comment="#") == [("a",), (None,), ("b",)]


def test_lines_are_counted_from_the_beginning_of_the_file(write: Write) -> None:
    with pytest.raises(InputError, match="the row in line 6 has 1 fields"):
        rows(write("title\n# c\nid,text\n1,a\n# c\n2\n"), skip_rows=1, comment="#")
    with pytest.raises(InputError, match="in or before line 4"):
        rows(write('title\n# c\nid,text\n1,"a"b\n'), skip_rows=1, comment="#")
    with pytest.raises(InputError, match="not UTF-8, in line 5"):
        rows(write(b"title\n# c\nid,text\n1,a\n2,\xff\n"), skip_rows=1, comment="#")


def test_more_lines_than_there_are_cannot_be_skipped(write: Write) -> None:
    with pytest.raises(InputError, match=r"has 2 lines, and 3 were to be skipped"):
        rows(write("id,text\n1,a\n"), skip_rows=3)


def test_windows_are_the_same_whatever_the_pieces_are(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(b"# t\nid,text\n" + b"".join(b"# c\n%d,x\xe9\n" % i for i in range(3000)))
    dialect = CsvDialect(comment="#", encoding="cp1252")
    whole = [window.rows() for window in open_source(path, dialect).windows(512)]
    assert [row for window in whole for row in window] == [(str(i), "xé") for i in range(3000)]
    monkeypatch.setattr(csv_reader, "_BLOCK_BYTES", 64)
    monkeypatch.setattr(csv_lines, "_BLOCK_BYTES", 7)
    assert [window.rows() for window in open_source(path, dialect).windows(512)] == whole


# --- encodings ---


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
@pytest.mark.parametrize(
    "encoding",
    ["cp1252", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "gb18030", "cp037", "mac-roman"],
)
def test_a_file_in_its_encoding_is_the_text_that_it_holds(write: Write, encoding: str, name: str) -> None:
    path = write(TABLE.encode(encoding), name)
    assert rows(path, encoding=encoding) == ROWS
    assert rows(path, encoding=encoding.upper().replace("-", "_"), comment="#") == ROWS


@pytest.mark.parametrize(("encoding", "text"), [("gbk", "股价下跌"), ("shift_jis", "表示、ソ"), ("koi8-r", "акции")])
def test_letters_of_two_bytes_whose_second_is_a_sign_are_whole(write: Write, encoding: str, text: str) -> None:
    assert rows(write(f"id|text\n1|{text}\n".encode(encoding)), encoding=encoding, separator="|") == [("1", text)]


def test_bytes_that_an_encoding_does_not_have_are_told_by_line_and_column(write: Write) -> None:
    path = write(b"id,text\n1,caf\xe9\n2,\x81\xe9\x8f\n")
    dialect = CsvDialect(encoding="cp1252")
    with pytest.raises(InputError, match=r"The column 'text' of .* not CP1252, in line 3"):
        read_table(path, csv=dialect)
    assert rows(path.with_name("news.csv"), encoding="latin-1")[0] == ("1", "café")
    (window,) = open_source(path, dialect).windows(9, damaged="bad")
    assert window.rows() == [("1", "café", []), ("2", "\ufffdé\ufffd", ["text"])]


def test_bad_bytes_that_would_be_a_letter_in_utf8_are_bad_all_the_same(write: Write) -> None:
    (window,) = open_source(write(b"a\n\xc2\x80\n"), CsvDialect(encoding="euc_jp")).windows(9, damaged="bad")
    assert window.rows() == [("\ufffd\ufffd", ["a"])]


@pytest.mark.parametrize("cut", [1, 2])
def test_a_file_that_ends_inside_a_letter_is_damaged(write: Write, cut: int) -> None:
    data = "a\nx\ny".encode("utf-16-le")
    (window,) = open_source(write(data[:-cut]), CsvDialect(encoding="utf-16-le")).windows(9, damaged="bad")
    assert window.rows()[0] == ("x", [])
    assert window.rows()[1:] == ([("\ufffd", ["a"])] if cut == 1 else [])


def test_conversion_does_not_hold_the_file(write: Write) -> None:
    class Source(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            self.given += len(buffer)
            buffer[:] = b"\xe9" * len(buffer)
            return len(buffer)

    source = Source()
    converted = csv_lines.Converted(Path("x.csv"), io.BufferedReader(source, 1 << 16), "cp1252")
    assert converted.readinto(bytearray(100)) == 100
    assert source.given <= 1 << 17


def test_a_sequence_that_never_becomes_a_letter_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_lines, "MAX_ROW_BYTES", 100_000)
    with pytest.raises(InputError, match=r"one character so far|a row of more than"):
        rows(write(b"a\n+" + b"A" * 500_000), encoding="utf-7")


@pytest.mark.parametrize("name", ["cp1525", "klingon", "", "base64", "rot13", "unicode_escape", "idna", "a\0b", "ü"])
def test_an_unknown_encoding_is_an_error(name: str) -> None:
    with pytest.raises(InputError, match=r"There is no encoding .*\n(Near to it are|Examples are)"):
        CsvDialect(encoding=name)


def test_near_encodings_are_named() -> None:
    with pytest.raises(InputError, match="Near to it are: cp1252"):
        CsvDialect(encoding="windows1252")


def test_names_of_one_encoding_are_one_dialect() -> None:
    assert CsvDialect(encoding="UTF8") == CsvDialect(encoding="utf-8-sig") == CsvDialect()
    assert CsvDialect(encoding="windows-1252") == CsvDialect(encoding="cp1252")


# --- what cannot be said ---


@pytest.mark.parametrize(
    "wrong",
    [
        {"separator": "||"},
        {"separator": ""},
        {"separator": '"'},
        {"separator": "\n"},
        {"separator": "\r"},
        {"separator": "§"},
        {"separator": "\0"},
        {"comment": ""},
        {"comment": '"#'},
        {"comment": "#\n"},
        {"comment": ";", "separator": ";"},
        {"skip_rows": -1},
    ],
)
def test_what_cannot_be_a_dialect_is_an_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        CsvDialect(**wrong)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["t.parquet", "t.ndjson"])
def test_a_dialect_beside_another_format_is_an_error(tmp_path: Path, name: str) -> None:
    import polars as pl

    from sentiscore.tables import write_frame

    path = write_frame(pl.DataFrame({"a": ["x"]}), tmp_path / name)
    with pytest.raises(InputError, match="is not a CSV, and --separator"):
        open_source(path, CsvDialect(separator=";"))
    assert open_source(path, CsvDialect(encoding="utf-8")).rows == 1


# --- what is advised ---


@pytest.mark.parametrize(
    ("text", "dialect", "options"),
    [
        ("id|text\n1|a\n", {}, ["Line 1", "--separator '|'"]),
        ("id:text\n1:a\n", {}, ["--separator ':'"]),
        ("id^text\n1^a\n", {}, ["--separator '^'"]),
        ("id~text\n1~a\n", {}, ["--separator '~'"]),
        ("id,text\n1,a\n", {"separator": "|"}, ["--separator ','"]),
        ('"id"|"text"\n"1"|"a"\n', {}, ["--separator '|'"]),
        ("Title\n\nid|text\n1|a\n", {}, ["--separator '|'", "--skip-rows 2"]),
        ("Title\n\nid;text\n1;a\n", {}, ["--skip-rows 2"]),
        ("Title\n\nid,text\n1,a\n", {}, ["--skip-rows 2"]),
        ("Title\n\nid,text\n1,a\n", {"skip_rows": 1}, ["--skip-rows 2"]),
        ("Title, 2024\nid,text\n1,a\n", {}, ["--skip-rows 1"]),
        ("a, b, c\nid,text\n1,x\n2,y\n", {}, ["--skip-rows 1"]),
        ("# exported\nid,text\n1,a\n", {}, ["--comment '#'", "--skip-rows 1"]),
        ("# exported\n# twice, by us\nid|text\n1|a\n", {}, ["--comment '#'"]),
        ("id,text\n1,a\n# end\n", {}, ["--comment '#'"]),
        ("id|other\n1|a\n", {}, ["--separator '|'"]),
    ],
)
def test_a_message_names_the_options_that_would_read_the_file(
    write: Write, text: str, dialect: dict[str, Any], options: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        read_table(write(text), ["text"], CsvDialect(**dialect))
    for option in options:
        assert option in caught.value.hint


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("name|text\n1|Apple, beats\n2|b, c, d\n", "--separator '|' (separator)"),
        ("name|text\r\n1|a\r\n2|b, c, d\r\n3|e, f\r\n4|g, h\r\n", "--separator '|' (separator)"),
        ("name^text\n1^Apple, beats\n2^b, c, d\n", "--separator '^' (separator)"),
        ("My report\n\nname|text\n1|Apple, beats\n2|b, c, d\n", "--separator '|' (separator) and --skip-rows 2"),
        ("Report of news\nCreated 2024-01-05, by me\n\nt,h\n1,a\n2,b\n", "--skip-rows 3 (skip_rows)"),
        ("Report of news\x0b\x1c\nBy me, you, her\n\nt,h\n1,a\n2,b", "--skip-rows 3 (skip_rows)"),
        ('Report\nBy me, you\n\n\nt,h,n\n1,"a, \n b",2\n', "--skip-rows 4 (skip_rows)"),
        ("Report\nBy me, you\n\nt;h\n1;a, b, c\n2;b\n", "--skip-rows 3 (skip_rows)"),
        ("name|text\n" + "1|Apple, beats\n" * 9000, "--separator '|' (separator)"),
    ],
)
def test_the_options_that_a_ragged_file_is_told_read_it(write: Write, text: str, options: str) -> None:
    path = write(text)
    with pytest.raises(InputError, match="ragged") as caught:
        rows(path)
    assert f"add {options}" in caught.value.hint
    said = dict(re.findall(r"--(separator|skip-rows) '?(.+?)'? \(", caught.value.hint))
    assert rows(path, separator=said.get("separator"), skip_rows=int(said.get("skip-rows", 0)))


def test_a_column_that_no_option_would_give_gets_no_such_advice(write: Write) -> None:
    with pytest.raises(InputError) as caught:
        read_table(write("id,other\n1,a\n"), ["text"])
    assert caught.value.hint == "Name one of these."
    with pytest.raises(InputError, match="ragged") as caught:
        read_table(write("id,text\n1,a\n2,b,c\n3,d\n"), ["text"])
    assert "--" not in caught.value.hint


@pytest.mark.parametrize(
    ("data", "option"),
    [
        ("a,b\n1,2\n".encode("utf-16"), "--encoding utf-16 "),
        ("a,b\n1,2\n".encode("utf-16-le"), "--encoding utf-16le "),
        ("a,b\n1,2\n".encode("utf-16-be"), "--encoding utf-16be "),
        ("größe,b\n1,2\n".encode("cp1252"), "--encoding cp1252 "),
    ],
)
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_a_file_in_another_encoding_names_the_option(write: Write, data: bytes, option: str, name: str) -> None:
    path = write(data, name)
    with pytest.raises(InputError) as caught:
        open_source(path)
    assert option in caught.value.hint
    assert open_source(path, CsvDialect(encoding=option.split()[1])).rows == 1


# --- encodings that do not fit ---


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "U16", "utf_32"])
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_a_wide_file_without_a_mark_needs_the_order_of_its_bytes(write: Write, encoding: str, name: str) -> None:
    wide = "utf-16" if "16" in encoding else "utf-32"
    path = write(TABLE.encode(f"{wide}-le"), name)
    with pytest.raises(InputError, match=f"cannot be read as {wide.upper()}") as caught:
        rows(path, encoding=encoding)
    assert f"--encoding {wide}-le or {wide}-be" in str(caught.value.hint)
    assert rows(path, encoding=f"{wide}-le") == ROWS


@pytest.mark.parametrize("name", ["base64", "hex", "rot13", "zlib", "bz2", "quopri", "uu", "idna", "punycode"])
def test_a_codec_that_is_not_of_text_is_refused_as_such(name: str) -> None:
    with pytest.raises(InputError, match="is not an encoding of text"):
        CsvDialect(encoding=name)
