"""Packed files, lists of JSON, Arrow files and workbooks are read as the plain table is, or refused."""

import bz2
import datetime as dt
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pyarrow import feather

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.tables import arrow_reader, json_lines, open_source, packing, read_table
from sentiscore.tables.dialect import CsvDialect
from tests.effort import examples

AT = dt.datetime(2024, 1, 5, 9, 30)  # noqa: DTZ001 - a workbook has no zones
CSV = b"a,b\n" + b"".join(b'%d,"x, y\n%d"\n' % (i, i) for i in range(500))
NDJSON = b"\n".join(json.dumps({"n": i, "text": f'te"x\\t [{{ {i}', "l": [1, 2]}).encode() for i in range(500))


def zipped(data: bytes, *names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, data)
    return made.getvalue()


PACK: dict[str, Callable[[bytes, str], bytes]] = {
    ".gz": lambda data, _: gzip.compress(data),
    ".bz2": lambda data, _: bz2.compress(data),
    ".zst": lambda data, _: bytes(pa.compress(data, codec="zstd", asbytes=True)),
    ".zip": lambda data, name: zipped(data, f"inner/{name}"),
}


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize(
    ("name", "data"), [("t.csv", CSV), ("t.ndjson", NDJSON), ("t.json", b"[" + NDJSON.replace(b"\n", b",\n") + b"]")]
)
def test_a_packed_file_is_read_as_the_plain_one_is(tmp_path: Path, ending: str, name: str, data: bytes) -> None:
    plain = read_table(written(tmp_path, name, data))
    assert plain.height == 500
    assert_frame_equal(read_table(written(tmp_path, name + ending, PACK[ending](data, name))), plain)


@pytest.mark.parametrize("ending", PACK)
def test_a_packed_file_that_is_cut_short_or_damaged_loses_no_row_in_silence(tmp_path: Path, ending: str) -> None:
    data = PACK[ending](CSV, "t.csv")
    with pytest.raises(InputError, match="cannot be read"):
        open_source(written(tmp_path, f"cut.csv{ending}", data[: len(data) * 2 // 3]))
    middle = len(data) // 2
    damaged = data[:middle] + bytes(byte ^ 0xFF for byte in data[middle : middle + 8]) + data[middle + 8 :]
    if ending != ".zst":  # its checksum is optional
        with pytest.raises(InputError):
            open_source(written(tmp_path, f"bad.csv{ending}", damaged))


@pytest.mark.parametrize("ending", PACK)
def test_what_unpacks_to_absurdly_much_is_refused(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "BOMB_BYTES", 1_000_000)
    data = b"a,b\n" + b"1,2\n" * 400_000
    with pytest.raises(InputError, match="unpacks to more than 200 times its size"):
        open_source(written(tmp_path, f"t.csv{ending}", PACK[ending](data, "t.csv")))


@pytest.mark.parametrize("names", [("a.csv", "b.csv"), ()])
def test_an_archive_has_to_hold_one_file(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=f"is an archive of {len(names)} files.*\n.*Unpack it into a folder"):
        open_source(written(tmp_path, "t.zip", zipped(CSV, *names)))


def test_the_kind_of_an_archive_is_that_of_the_file_in_it(tmp_path: Path) -> None:
    assert open_source(written(tmp_path, "t.zip", zipped(NDJSON, "t.jsonl", "__MACOSX/._t.jsonl"))).rows == 500
    with pytest.raises(InputError, match="of a kind that cannot be read"):
        open_source(written(tmp_path, "u.zip", zipped(b"PAR1", "t.parquet")))


def test_the_options_of_a_csv_hold_in_an_archive_too(tmp_path: Path) -> None:
    path = written(tmp_path, "t.zip", zipped("title\na;b\n1;ä\n".encode("cp1252"), "t.csv"))
    dialect = CsvDialect(separator=";", skip_rows=1, encoding="cp1252")
    assert read_table(path, csv=dialect).rows() == [("1", "ä")]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_list_of_objects_is_read_as_its_lines_are(tmp_path: Path, indent: int | None, mark: bytes) -> None:
    plain = read_table(written(tmp_path, "t.ndjson", NDJSON))
    rows = [json.loads(line) for line in NDJSON.splitlines()]
    data = mark + json.dumps(rows, indent=indent).encode()
    assert_frame_equal(read_table(written(tmp_path, "t.json", data)), plain)
    assert_frame_equal(read_table(written(tmp_path, "lines.json", NDJSON)), plain)


@settings(max_examples=examples(60), deadline=None)
@given(
    rows=st.lists(st.dictionaries(st.text(min_size=1, max_size=3), st.text(max_size=5) | st.integers()), max_size=5),
    indent=st.sampled_from([None, 0, 1]),
    block=st.integers(1, 9),
)
def test_a_list_is_taken_apart_into_its_items_wherever_it_is_read_on(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]], indent: int | None, block: int
) -> None:
    path = tmp_path_factory.mktemp("list") / "t.json"
    path.write_text(json.dumps(rows, indent=indent, ensure_ascii=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "_FIRST_BYTES", block)
        assert [json.loads(item) for _, item in json_lines.json_lines(path)] == rows
        assert not any(b"\n" in item for _, item in json_lines.json_lines(path))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ('[{"a":1},,{"a":2}]', "a comma without an item follows item 1"),
        ('[{"a":1},]', "a comma without an item follows item 1"),
        ('[{"a":1}', "its list is not closed"),
        ('[{"a":1}, {"a":"unclosed}]', "its list is not closed"),
        ('[{"a":1}] {"a":2}', "something follows its list"),
        ('[{"a":1}, {"a":"x\ny"}]', "item 2 is wrong"),
        ('[{"a":1}, 2]', "item 2 is wrong: it is not an object"),
        ('[{"a":1], {"a":2}]', "item 1 is wrong"),
        ('{"data": [\n{"a":1}]}', "line 1 is wrong.*\n.*is a list of objects"),
        ("[]", "has no columns"),
        ("[" * 90, "nested more than 64 levels deep in item 1"),
    ],
)
def test_a_wrong_list_is_refused_with_the_item(tmp_path: Path, data: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        open_source(written(tmp_path, "t.json", data.encode()))


def frame() -> pl.DataFrame:
    days = [dt.date(2024, 1, 1), None]
    made = pl.DataFrame({"t": ["a", None] * 2_000, "n": range(4_000), "d": days * 2_000, "l": [[1], None] * 2_000})
    return made.with_columns(at=pl.lit(AT.replace(hour=0, minute=0)).dt.replace_time_zone("America/New_York"))


@pytest.mark.parametrize("kind", ["polars", "packed", "stream", "feather", "batches"])
def test_an_arrow_file_keeps_its_types_and_rows(tmp_path: Path, kind: str) -> None:
    path, made = tmp_path / "t.arrow", frame()
    if kind == "feather":
        feather.write_feather(made.to_arrow(), path, compression="lz4", chunksize=700)
    elif kind == "batches":
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, made.to_arrow().schema) as writer:
            writer.write_table(made.to_arrow(), max_chunksize=300)
    elif kind == "stream":
        made.write_ipc_stream(path)
    else:
        made.write_ipc(path, compression="zstd" if kind == "packed" else "uncompressed")
    source = open_source(path)
    assert source.rows == 4_000
    assert source.schema == made.schema
    assert_frame_equal(read_table(path), made)
    assert_frame_equal(read_table(path, ["n", "t"]), made.select("n", "t"))
    assert [window.height for window in source.windows(1_500)] == [1_500, 1_500, 1_000]


def test_dates_and_offsets_of_an_arrow_file_are_read_as_those_of_parquet(tmp_path: Path) -> None:
    table = pa.table({"day": pa.array([86_400_000], pa.date64()), "at": pa.array([0], pa.timestamp("us", "+05:30"))})
    feather.write_feather(table, tmp_path / "t.feather")
    source = open_source(tmp_path / "t.feather").with_offsets()
    (window,) = source.windows(10)
    assert window.rows() == [(dt.date(1970, 1, 2), "1970-01-01T05:30:00+05:30")]


@pytest.mark.parametrize("stream", [False, True])
def test_an_arrow_file_that_is_cut_short_or_damaged_is_refused(tmp_path: Path, *, stream: bool) -> None:
    path, made = tmp_path / "t.arrow", frame()
    table = made.to_arrow()
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as file, new(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=1_000)
    data = path.read_bytes()
    for size in (0, 4, 8, 100, len(data) // 2, len(data) - 8, len(data) - 1):
        with pytest.raises(InputError):
            open_source(written(tmp_path, "cut.arrow", data[:size]))
    for place in range(8, len(data) - 8, len(data) // 25):  # each is refused or read, and nothing else is raised
        bad = data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
        with suppress(InputError):
            assert read_table(written(tmp_path, "bad.arrow", bad)).height == 4_000


def test_a_batch_that_claims_to_be_huge_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.arrow"
    pl.DataFrame({"a": ["x" * 1_000] * 2_000}).write_ipc(path, compression="zstd")
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(arrow_reader, "UNPACKED_BYTES", 1_000_000)
    with pytest.raises(InputError, match="has a batch of more than"):
        open_source(path)


def test_feather_of_the_first_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"first version.*\n.*to_feather"):
        open_source(written(tmp_path, "t.feather", b"FEA1" + bytes(99)))


def test_a_folder_that_datasets_saved_is_one_table(tmp_path: Path) -> None:
    for number in range(2):
        frame().write_ipc_stream(tmp_path / f"data-0000{number}-of-00002.arrow")
    for name in ("state.json", "dataset_info.json"):
        written(tmp_path, name, b"{}")
    assert open_source(tmp_path).rows == 8_000


def workbook(path: Path, *sheets: list[list[object]]) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_keeps_the_types_of_its_columns_and_leaves_blank_rows_out(tmp_path: Path) -> None:
    header: list[object] = ["text", "at", "day", "n", "f", "ok", "none"]
    rows: list[list[object]] = [
        ["up", AT, dt.date(2024, 1, 5), 1, 2.5, True],
        [],
        ["down", None, dt.date(2024, 1, 6), 2, 3, False],
    ]
    found = read_table(workbook(tmp_path / "t.xlsx", [[], header, *rows], []))
    types: list[Any] = [pl.String, pl.Datetime("us"), pl.Date, pl.Int64, pl.Float64, pl.Boolean, pl.String]
    assert found.schema == pl.Schema(dict(zip(map(str, header), types, strict=True)))
    assert found.rows() == [
        ("up", AT, dt.date(2024, 1, 5), 1, 2.5, True, None),
        ("down", None, dt.date(2024, 1, 6), 2, 3.0, False, None),
    ]


def test_a_column_of_a_workbook_with_several_types_is_text_with_a_warning(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", [["a"], ["x"], [1], [True], [dt.date(2024, 1, 5)]])
    with pytest.warns(SentiscoreWarning, match="several types in the column 'a'"):
        assert read_table(path)["a"].to_list() == ["x", "1", "true", "2024-01-05"]


def test_other_sheets_of_a_workbook_are_warned_about(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", [["a"], [1]], [["b"], [2]])
    with pytest.warns(SentiscoreWarning, match="'Sheet' of .* is read, and not the other 'Sheet1'"):
        assert read_table(path).rows() == [(1,)]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([["a"], [1, 2]], "a value in row 2, column B, which has no name"),
        ([["a", None, "c"], [1]], "no name for the column B in row 1"),
        ([["a", "a"], [1, 2]], "more than one column called 'a'"),
        ([], "no sheet with a header"),
    ],
)
def test_a_workbook_that_is_no_table_is_refused(tmp_path: Path, rows: list[list[object]], why: str) -> None:
    with pytest.raises(InputError, match=why):
        open_source(workbook(tmp_path / "t.xlsx", rows))


def test_a_broken_workbook_and_one_that_unpacks_to_absurdly_much_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    for data in (b"PK\x03\x04 and so on", b"a,b\n", zipped(CSV, "t.csv")):
        with pytest.raises(InputError, match="cannot be read"):
            open_source(written(tmp_path, "t.xlsx", data))
    with pytest.raises(InputError, match="unpacks to more than 200 times"):
        open_source(written(tmp_path, "t.xlsx", zipped(bytes(65 << 20), "xl/sharedStrings.xml")))
