import hashlib
from pathlib import Path

import polars as pl
import pytest

from sentiscore.errors import InputError
from sentiscore.tables import hash_output, open_source, read_table, write_frame

ROWS = pl.DataFrame({"n": range(10), "text": [f"{i}" for i in range(10)]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten rows in parts of four, one, none and five."""
    folder = tmp_path / "scored"
    folder.mkdir()
    start = 0
    for number, size in enumerate([4, 1, 0, 5]):
        write_frame(ROWS.slice(start, size), folder / f"part-{number:05}.parquet")
        start += size
    return folder


def test_a_folder_of_parts_is_one_table_in_the_order_of_their_names(folder: Path) -> None:
    assert read_table(folder).equals(ROWS)
    source = open_source(folder)
    assert (source.format, source.rows, source.schema) == ("parquet", 10, ROWS.schema)


@pytest.mark.parametrize("n_rows", [1, 3, 100])
def test_windows_of_a_folder_are_those_of_one_file(folder: Path, tmp_path: Path, n_rows: int) -> None:
    one = write_frame(ROWS, tmp_path / "one.parquet")
    found = [window.rows() for window in open_source(folder).windows(n_rows, ["text"])]
    assert found == [window.rows() for window in open_source(one).windows(n_rows, ["text"])]


def test_provenance_beside_the_parts_is_no_part(folder: Path) -> None:
    (folder / "provenance.json").write_text("{}")
    assert read_table(folder).equals(ROWS)


def test_the_provenance_of_each_file_is_no_part_of_their_table(folder: Path) -> None:
    for part in folder.iterdir():
        part.rename(folder / part.name.replace("part-", "year-"))
    whole = hash_output(folder)
    (folder / "year-00000.parquet.provenance.json").write_text("{}")
    assert read_table(folder).equals(ROWS)
    assert hash_output(folder) == whole


@pytest.mark.parametrize("name", ["part-1.parquet", "notes.txt", "part-00004.csv", ".part-00004.parquet", "more/x"])
def test_a_folder_with_anything_else_is_no_table(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("")
    with pytest.raises(InputError, match=r"is a folder.\nName the files in it"):
        open_source(folder)


@pytest.mark.parametrize("name", [".DS_Store", ".part-00000.parquet.crc", "._part-00000.parquet", ".a/x", "_SUCCESS"])
def test_hidden_names_beside_parts_are_ignored(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("x")
    assert read_table(folder).equals(ROWS)


def test_an_empty_folder_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "provenance.json").write_text("{}")
    with pytest.raises(InputError, match="is a folder"):
        open_source(tmp_path)


@pytest.mark.parametrize("number", [0, 1])
def test_a_part_that_is_missing_is_an_error(folder: Path, number: int) -> None:
    (folder / f"part-0000{number}.parquet").unlink()
    with pytest.raises(InputError, match=f"lacks its part part-0000{number}.parquet"):
        open_source(folder)


@pytest.mark.parametrize("other", [ROWS.cast({"n": pl.Int32}), ROWS.drop("n"), ROWS.select("text", "n")])
def test_parts_of_other_columns_are_an_error(folder: Path, other: pl.DataFrame) -> None:
    write_frame(other, folder / "part-00003.parquet")
    with pytest.raises(InputError, match=r"part-00003\.parquet has other columns than part-00000\.parquet"):
        open_source(folder)


def test_a_part_that_is_broken_or_changed_is_named(folder: Path) -> None:
    source = open_source(folder)
    write_frame(ROWS, folder / "part-00003.parquet")
    with pytest.raises(InputError, match=r"part-00003\.parquet was changed while it was read"):
        list(source.windows(100))
    (folder / "part-00001.parquet").write_bytes(b"PAR1PAR1PAR1")
    with pytest.raises(InputError, match=r"part-00001\.parquet cannot be read"):
        open_source(folder)


# --- a hash of the content ---


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,2\n")
    assert open_source(path).digest() == hashlib.sha256(b"a,b\n1,2\n").hexdigest()


def test_the_hash_of_a_folder_tells_names_and_contents(folder: Path) -> None:
    before = open_source(folder).digest()
    (folder / "provenance.json").write_text("{}")
    assert open_source(folder).digest() == before
    write_frame(ROWS.slice(5, 5).reverse(), folder / "part-00003.parquet")
    assert open_source(folder).digest() != before


def test_the_hash_of_a_file_that_was_changed_is_refused(folder: Path) -> None:
    source = open_source(folder)
    write_frame(ROWS.reverse(), folder / "part-00003.parquet")
    with pytest.raises(InputError, match="was changed while it was read"):
        source.digest()
    (folder / "part-00003.parquet").unlink()
    with pytest.raises(InputError, match="was changed while it was read"):
        source.digest()


def test_parts_are_in_the_order_of_their_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentiscore.tables import opening

    monkeypatch.setattr(opening, "part_name", lambda number: f"part-{99_999 + number:05}.parquet")  # or it takes long
    for number in (99_999, 100_000, 100_001):
        write_frame(pl.DataFrame({"n": [number]}), tmp_path / f"part-{number:05}.parquet")
    assert read_table(tmp_path)["n"].to_list() == [99_999, 100_000, 100_001]
