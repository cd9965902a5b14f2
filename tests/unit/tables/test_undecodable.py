import gzip
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from sentiscore.errors import InputError
from sentiscore.scoring.bad_rows import Damage
from sentiscore.tables import csv_reader, open_source, packing, read_table, write_frame
from sentiscore.tables.dialect import CsvDialect

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(data: bytes, name: str = "news.csv") -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return put


MIXED = b'id,text\n1,up\n2,gr\xf6\xdfe\n3,\n4,"\xff,\r\n"\n\xe9,""\n6,gr\xc3\xb6\xc3\x9fe'


def test_rows_with_bytes_that_are_not_utf8_are_told_and_mended(write: Write) -> None:
    (window,) = open_source(write(MIXED)).windows(100, damaged="bad")
    assert window.rows() == [
        ("1", "up", []),
        ("2", "gr\ufffd\ufffde", ["text"]),
        ("3", None, []),
        ("4", "\ufffd,\r\n", ["text"]),
        ("\ufffd", "", ["id"]),
        ("6", "größe", []),
    ]
    assert window.schema == {"id": pl.String, "text": pl.String, "bad": pl.List(pl.String)}


def test_only_the_chosen_columns_count(write: Write) -> None:
    (window,) = open_source(write(MIXED)).windows(100, ["id"], damaged="bad")
    assert window["bad"].to_list() == [[]] * 4 + [["id"], []]
    assert window.columns == ["id", "bad"]


def test_without_a_place_to_tell_it_they_are_an_error_with_the_first_line(write: Write) -> None:
    source = open_source(write(MIXED))
    for columns, line in ((None, 3), (["id"], 7), (["text"], 3)):
        with pytest.raises(InputError, match=rf"not UTF-8, in line {line}.\n.*--encoding cp1252.*iconv"):
            list(source.windows(100, columns))
    with pytest.raises(InputError, match="not UTF-8, in line 3"):
        read_table(source.path)


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.ndjson"])
def test_a_file_without_such_bytes_has_the_column_too(tmp_path: Path, name: str) -> None:
    path = write_frame(pl.DataFrame({"text": ["up", "größe"]}), tmp_path / name)
    (window,) = open_source(path).windows(100, damaged="bad")
    assert window.to_dicts() == [{"text": "up", "bad": []}, {"text": "größe", "bad": []}]


def test_a_column_of_that_name_is_an_error(write: Write) -> None:
    with pytest.raises(InputError, match="already has a column 'text'"):
        list(open_source(write(MIXED)).windows(100, damaged="text"))


def test_windows_are_the_same_whatever_the_pieces_are(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(b"a,b\n" + b"".join(b"%d,x\xff\n" % i if i % 7 == 0 else b"%d,y\n" % i for i in range(5000)))
    whole = [window.rows() for window in open_source(path).windows(512, damaged="bad")]
    monkeypatch.setattr(csv_reader, "_BLOCK_BYTES", 64)
    assert [window.rows() for window in open_source(path).windows(512, damaged="bad")] == whole
    assert sum(row[2] == ["b"] for rows in whole for row in rows) == 715


def test_a_surrogate_in_bytes_is_not_utf8(write: Write) -> None:
    (window,) = open_source(write(b"a\n\xed\xa0\x80\nx\n")).windows(9, damaged="bad")
    assert window.rows() == [("\ufffd" * 3, ["a"]), ("x", [])]


def test_a_null_at_the_very_end_stays_one(write: Write) -> None:
    assert read_table(write(b'a,b\n"x",y\n"z",')).rows() == [("x", "y"), ("z", None)]
    assert read_table(write(b'a,b\n"x",""')).rows() == [("x", "")]


def test_nul_bytes_are_a_part_of_a_text(write: Write) -> None:
    assert read_table(write(b'a,b\n\0,x\0y\n"\0\n",z\n')).rows() == [("\0", "x\0y"), ("\0\n", "z")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_may_end_in_every_way(write: Write, end: bytes) -> None:
    data = end.join([b"a,b", b"1,2", b'"x\ry",""', b",", b""])
    assert read_table(write(data)).rows() == [("1", "2"), ("x\ry", ""), (None, None)]


def test_what_unpacks_to_absurdly_much_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    data = gzip.compress(b"a,b\n" + b"1,2\n" * 500_000)
    assert open_source(write(data, "t.csv.gz")).rows == 500_000
    monkeypatch.setattr(packing, "BOMB_BYTES", 1_000_000)
    with pytest.raises(InputError, match="unpacks to more than 200 times its size"):
        open_source(write(data, "t.csv.gz"))


def test_a_header_that_goes_on_in_the_next_line_is_not_split_at_a_semicolon(write: Write) -> None:
    assert read_table(write(b'"x;y\nz",b\n1,2\n')).to_dicts() == [{"x;y\nz": "1", "b": "2"}]


@pytest.mark.parametrize("name", ["my news.csv", "news.csv.gz", "news.TSV", "news.ndjson"])
def test_the_command_that_converts_a_file_makes_one_that_is_read(
    write: Write, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("iconv") is None:
        pytest.skip("there is no iconv")
    data = '{"id":"größe"}\n' if name.endswith("ndjson") else "id\ngröße\n"
    encoded = data.encode("cp1252")
    path = write(gzip.compress(encoded) if name.endswith("gz") else encoded, name)
    monkeypatch.chdir(path.parent)
    with pytest.raises(InputError, match="not UTF-8") as caught:
        read_table(path.name)
    command = str(caught.value.hint).partition("onvert it first, for example: ")[2]
    subprocess.run(command, shell=True, check=True)  # noqa: S602 - the command is what is tested
    (made,) = path.parent.glob("utf8.*")
    assert read_table(made)["id"].to_list() == ["größe"]


def test_bytes_in_a_parquet_file_get_no_advice_about_the_encoding_of_a_csv() -> None:
    damage = Damage()
    damage.add(pl.Series([["text"]]))
    told = damage.warning(CsvDialect(), {}, text_col="text", entity_col=None)
    assert "--encoding" not in told
    assert told.endswith("Write those columns again as text.")
