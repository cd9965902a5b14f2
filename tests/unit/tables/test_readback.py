"""What was written is read again before it takes its place: not one byte may differ."""

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore.errors import OutputError
from sentiscore.tables import open_sink, read_table, readback
from sentiscore.tables.readback import read_back
from tests.unit.tables.test_sink import ENDINGS, ROWS, names_in


def damage(part: Path, at: int) -> None:
    data = bytearray(part.read_bytes())
    data[at] ^= 1 << at % 8
    part.write_bytes(data)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_byte_that_is_flipped_before_it_is_read_back_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    path = tmp_path / f"out{ending}"
    path.write_text("old")
    whole = tmp_path / f"whole{ending}"
    with open_sink(whole) as sink:
        sink.write(ROWS)
    size = whole.stat().st_size
    for at in sorted({*range(0, size, max(1, size // 60)), size - 1}):
        with monkeypatch.context() as patch:
            patch.setattr(readback, "_forget", lambda part, at=at: damage(part, at))
            with pytest.raises(OutputError, match="reading it back failed"), open_sink(path) as sink:
                sink.write(ROWS)
        assert path.read_text() == "old"
        assert names_in(tmp_path) == sorted([path.name, whole.name])


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_was_cut_short_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    monkeypatch.setattr(readback, "_forget", lambda part: part.write_bytes(part.read_bytes()[:-1]))
    with pytest.raises(OutputError, match="reading it back failed"), open_sink(tmp_path / f"out{ending}") as sink:
        sink.write(ROWS)
    assert names_in(tmp_path) == []


def check(path: Path, **changes: Any) -> None:
    from sentiscore.tables import hash_output

    names: Any = ROWS.schema if path.suffix == ".parquet" else ROWS.columns
    arguments = {"target": path, "suffix": path.suffix, "rows": 3, "schema": names, "sha256": hash_output(path)}
    read_back(path, **{**arguments, **changes})


@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_and_columns_that_are_not_those_that_were_written_are_found(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    with open_sink(path) as sink:
        sink.write(ROWS)
    check(path)
    with pytest.raises(OutputError, match="it has 3 rows, and 4 were written"):
        check(path, rows=4)
    other: Any = pl.Schema({"text": pl.String, "n": pl.Int8}) if ending == ".parquet" else ["n", "text"]
    with pytest.raises(OutputError, match="its columns are not those"):
        check(path, schema=other)
    with pytest.raises(OutputError, match="its bytes are not those"):
        check(path, sha256="0" * 64)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,n\na,1\nb\nc,3\n"),
        ("a.csv", "text,n\na,1\nb,2,3\nc,3\n"),
        ("a.csv", 'text,n\na,1\nb,2\n"c,3\n'),
        ("a.csv", 'text,n\na,1\nb,2\n"c"d,3\n'),
        ("a.csv", "text,n\na,1\n\nc,3\n"),
        ("a.csv", b"text,n\na,1\nb,\xff\nc,3\n"),
        ("a.ndjson", '{"text":"a","n":"1"}\n{"text":"b","n"\n{"text":"c","n":"3"}\n'),
        ("a.ndjson", '{"text":"a","n":"1"}\n[1]\n{"text":"c","n":"3"}\n'),
        ("a.parquet", b"PAR1" + bytes(20) + b"PAR1"),
        ("a.parquet", b""),
    ],
)
def test_a_file_that_is_not_of_its_format_is_found_whatever_its_hash(
    tmp_path: Path, name: str, content: bytes | str
) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(OutputError, match="reading it back failed"):
        check(path)


def test_a_parquet_page_whose_checksum_does_not_hold_is_found_whatever_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    noise = pl.DataFrame({"n": random.Random(0).randbytes(4_000).hex()})  # noqa: S311 - made-up rows
    with open_sink(path) as sink:
        sink.write(noise)
    damage(path, 2_000)
    with pytest.raises(OutputError, match=r"reading it back failed.*CRC|crc"):
        check(path, schema=noise.schema, rows=1)


@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_longer_than_what_is_read_at_once_are_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(readback, "_BLOCK_BYTES", 1_000)
    rows = pl.DataFrame({"text": ["a", "b" * 200_000, "c" * 1_500, "\n" * 3_000], "n": ["1", "2", "3", "4"]})
    with open_sink(tmp_path / f"out{ending}", inert=False) as sink:
        sink.write(rows)
    assert read_table(tmp_path / f"out{ending}").equals(rows)


def test_a_file_without_rows_is_read_back(tmp_path: Path) -> None:
    for ending in ENDINGS:
        with open_sink(tmp_path / f"out{ending}") as sink:
            sink.write(ROWS.clear())
        assert sink.sha256


def test_a_column_of_nulls_alone_is_counted_in_a_csv(tmp_path: Path) -> None:
    with open_sink(tmp_path / "out.csv") as sink:
        sink.write(pl.DataFrame({"text": [None, None, ""]}, schema={"text": pl.String}))
    assert (tmp_path / "out.csv").read_text() == 'text\n\n\n""\n'


# --- in two steps ---


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_finished_is_not_in_place_yet(tmp_path: Path, ending: str) -> None:
    from sentiscore.tables import hash_output, sidecar_path

    path, part = tmp_path / f"out{ending}", tmp_path / "work" / "part"
    part.parent.mkdir()
    path.write_text("old")
    with open_sink(path, part=part) as sink:
        sink.write(ROWS)
        sink.finish()
        assert path.read_text() == "old"
        assert sink.sha256 == hash_output(part)
        with pytest.raises(RuntimeError, match="not open"):
            sink.write(ROWS)
        sink.sidecar = "{}"
        sink.publish()
        assert read_table(path).equals(ROWS)
    assert sink.sha256 == hash_output(path)
    assert sidecar_path(path).read_text() == "{}"
    assert sidecar_path(path).name == f"out{ending}.provenance.json"
    assert names_in(part.parent) == []


def test_what_is_in_place_stays_when_something_else_goes_wrong(tmp_path: Path) -> None:
    def run() -> None:
        with open_sink(tmp_path / "a.csv") as one, open_sink(tmp_path / "b.csv") as other:
            for sink in one, other:
                sink.write(ROWS)
                sink.finish()
            one.publish()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert names_in(tmp_path) == ["a.csv"]


def test_steps_in_the_wrong_order_are_a_fault_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="not open"):
        open_sink(tmp_path / "a.csv").finish()
    with open_sink(tmp_path / "a.csv") as sink:
        sink.write(ROWS)
        with pytest.raises(RuntimeError, match="not finished"):
            sink.publish()


def test_metadata_is_in_a_parquet_file_also_if_it_is_known_late(tmp_path: Path) -> None:
    from pyarrow import parquet

    for late in (False, True):
        with open_sink(tmp_path / "a.parquet", metadata=None if late else {"sentiscore": "é"}) as sink:
            sink.write(ROWS)
            if late:
                sink.metadata = {"sentiscore": "é"}
        assert parquet.read_metadata(tmp_path / "a.parquet").metadata[b"sentiscore"] == "é".encode()
        assert pl.read_parquet(tmp_path / "a.parquet").equals(ROWS)
