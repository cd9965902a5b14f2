"""Rows from several positions of an input."""

import csv
import gzip
from pathlib import Path

import polars as pl
import pytest

import sentiscore.planning.excerpts as module
from sentiscore.errors import InputError
from sentiscore.planning.excerpts import Excerpts, input_files, positions_of, take_excerpts
from sentiscore.tables import open_source, read_table
from sentiscore.tables.dialect import CsvDialect

PLAIN = CsvDialect()
TABLE = pl.DataFrame(
    {
        "n": [str(n) for n in range(5_000)],
        "text": ['a text, with\n"quotes" and\n\nlines' * (n % 3) + f" of row {n}" for n in range(5_000)],
    }
)


@pytest.fixture(autouse=True)
def small_excerpts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXCERPT_BYTES", 20_000)


def taken(path: Path | list[Path], folder: Path, n_rows: int = 200, dialect: CsvDialect = PLAIN) -> Excerpts:
    return take_excerpts(input_files(path if isinstance(path, list) else [path], dialect), folder, n_rows, dialect)


def frames(excerpts: Excerpts, dialect: CsvDialect = PLAIN) -> list[pl.DataFrame]:
    return [pl.concat([read_table(path, csv=dialect) for path in one.paths]) for one in excerpts.each]


def check_rows(excerpts: Excerpts, dialect: CsvDialect = PLAIN, table: pl.DataFrame = TABLE) -> list[pl.DataFrame]:
    """Every row of the excerpts is a row of the table, and they are consecutive."""
    found = frames(excerpts, dialect)
    for frame in found:
        start = int(frame["n"][0])
        assert frame.cast(pl.String).equals(table.slice(start, frame.height))
    return found


def test_positions_are_spread_evenly_from_the_beginning_to_the_end() -> None:
    assert positions_of(100, 10) == [0, 30, 60, 90]
    assert positions_of(10, 10) == positions_of(3, 10) == positions_of(0, 10) == [0]
    assert positions_of(15, 10) == [0, 5]


def test_rows_of_a_csv_are_whole_wherever_its_texts_have_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    TABLE.write_csv(path)
    excerpts = taken(path, tmp_path / "out")
    found = check_rows(excerpts)
    assert len(found) == 4
    assert [frame.height for frame in found] == [200] * 4
    assert int(found[-1]["n"][0]) > 4_000
    assert (excerpts.size, excerpts.by_rows, excerpts.whole) == (path.stat().st_size, False, False)
    per_row = sum(one.size for one in excerpts.each) / 800
    assert path.stat().st_size / per_row == pytest.approx(5_000, rel=0.1)


def test_a_dialect_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    head = "exported by\n# the vendor\n"
    path.write_bytes((head + TABLE.write_csv(separator="|", quote_style="always")).encode("cp1252"))
    dialect = CsvDialect(separator="|", skip_rows=1, comment="#", encoding="cp1252")
    assert len(check_rows(taken(path, tmp_path / "out", dialect=dialect), dialect)) == 4


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_file_that_cannot_be_read_from_the_middle_is_sampled_at_its_beginning(tmp_path: Path, encoding: str) -> None:
    name = "texts.csv.gz" if encoding == "utf-8" else "texts.csv"
    data = TABLE.write_csv().encode(encoding)
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    dialect = CsvDialect(encoding=encoding)
    excerpts = taken(path, tmp_path / "out", dialect=dialect)
    (frame,) = check_rows(excerpts, dialect)
    assert frame["n"][0] == "0"
    assert 150 < frame.height <= 200  # the limit on bytes may come first
    assert not excerpts.whole
    assert 0 < excerpts.each[0].size < excerpts.size


def test_a_small_file_is_its_own_sample(tmp_path: Path) -> None:
    for name, data in {
        "a.csv": b"n,text\r\n0,x\r\n1,",
        "a.csv.gz": gzip.compress(b"n,text\n0,x\n"),
        "a.ndjson": b'{"n": 0}\n{"n": 1}',
    }.items():
        (tmp_path / name).write_bytes(data)
        excerpts = taken(tmp_path / name, tmp_path / "out" / name)
        assert excerpts.whole
        assert frames(excerpts)[0].equals(read_table(tmp_path / name))


def test_lines_of_ndjson_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "texts.ndjson"
    TABLE.write_ndjson(path)
    found = check_rows(taken(path, tmp_path / "out", n_rows=100))
    assert [frame.height for frame in found] == [100] * 4


@pytest.mark.parametrize("group", [300, 5_000])
def test_rows_of_parquet_are_from_all_of_it_whatever_its_row_groups(tmp_path: Path, group: int) -> None:
    path = tmp_path / "texts.parquet"
    TABLE.write_parquet(path, row_group_size=group, compression="snappy")
    excerpts = taken(path, tmp_path / "out")
    found = check_rows(excerpts)
    assert [(int(frame["n"][0]), frame.height) for frame in found] == [
        (0, 200),
        (1_600, 200),
        (3_200, 200),
        (4_800, 200),
    ]
    assert (excerpts.size, excerpts.by_rows) == (5_000, True)


def test_many_small_files_are_sampled_together_and_keep_the_columns_of_their_folders(tmp_path: Path) -> None:
    for n in range(40):
        folder = tmp_path / "news" / f"day={n:02}"
        folder.mkdir(parents=True)
        TABLE.slice(n * 10, 10).write_parquet(folder / "part-0.parquet")
    excerpts = taken(tmp_path / "news", tmp_path / "out", n_rows=50)
    assert excerpts.n_files == 40
    assert [len(one.paths) for one in excerpts.each] == [5, 6, 6, 5]
    opened = open_source(excerpts.each[0].paths[0])
    assert list(opened.schema) == ["n", "text", "day"]
    assert frames(excerpts)[0]["day"].to_list() == [f"{n:02}" for n in range(5) for _ in range(10)]


def test_a_csv_of_one_column_and_lines_without_ends_are_sampled(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_bytes(b"n\r" + b"\r".join(str(n).encode() for n in range(50_000)))
    for frame in frames(taken(path, tmp_path / "out")):
        assert frame["n"].cast(pl.Int64).diff().drop_nulls().unique().to_list() in ([1], [])


def test_what_cannot_be_sampled_is_refused_as_in_a_job(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    with pytest.raises(InputError, match="empty"):
        input_files([tmp_path / "empty.csv"], PLAIN)
    with pytest.raises(InputError, match="There is no file"):
        input_files([tmp_path / "none.csv"], PLAIN)
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(InputError, match="of a kind that cannot be read"):
        input_files([tmp_path / "a.txt"], PLAIN)
    TABLE.write_csv(tmp_path / "a.csv")
    TABLE.write_ndjson(tmp_path / "a.ndjson")
    with pytest.raises(InputError, match="different formats"):
        input_files([tmp_path / "a.csv", tmp_path / "a.ndjson"], PLAIN)


def test_a_row_that_does_not_end_within_an_excerpt_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["n", "text"], ["0", "x" * 100_000], ["1", "y"]])
    excerpts = taken(path, tmp_path / "out")
    assert sum(frame.height for frame in frames(excerpts)) <= 1
