"""Types of parquet that polars takes for others, or not at all, come out as what they are."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore.errors import InputError
from sentiscore.tables import open_source, parquet_reader, read_table
from sentiscore.tables.parquet_types import Int96Look

DAY = date(2024, 1, 5)
AT = datetime(2024, 1, 5, 10, 30, tzinfo=UTC)
BEGINNING = datetime(1, 1, 1)  # noqa: DTZ001 - such columns have no zone
END = datetime(9999, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001


def put(path: Path, **columns: Any) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    options = columns.pop("options", {})
    parquet.write_table(pa.table(columns), path, **options)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.parquet"


def test_a_date64_is_a_date_wherever_it_is(path: Path) -> None:
    import pyarrow as pa

    kind = pa.date64()
    put(
        path,
        a=pa.array([DAY, None], kind),
        b=pa.array([[DAY], None], pa.list_(kind)),
        c=pa.array([{"x": DAY}, None], pa.struct([("x", kind)])),
        d=pa.array([[("k", DAY)], None], pa.map_(pa.string(), kind)),
        e=pa.array([[DAY, DAY], None], pa.list_(kind, 2)),
        f=pa.array([BEGINNING, None], pa.timestamp("ms")),
    )
    table = read_table(path)
    assert table.schema["a"] == pl.Date
    assert table.schema["f"] == pl.Datetime("ms")
    assert table.drop("f").row(0) == (DAY, [DAY], {"x": DAY}, {"k": DAY}, [DAY, DAY])
    assert open_source(path).schema == table.schema


@pytest.mark.parametrize("zone", ["+05:30", "+05:45", "-03:30", "+00:00", "UTC+01:00", "Z", "Mars/Olympus", "+0530"])
def test_a_zone_that_polars_does_not_know_is_utc_wherever_it_is(
    path: Path, zone: str, capfd: pytest.CaptureFixture[str]
) -> None:
    import pyarrow as pa

    kind = pa.timestamp("us", zone)
    instants = pa.array([AT, None], pa.timestamp("us", "UTC"))
    put(
        path,
        text=pa.array(["up", "down"]).dictionary_encode(),
        a=instants.cast(kind),
        b=pa.array([[AT], None], pa.list_(instants.type)).cast(pa.list_(kind)),
        c=pa.StructArray.from_arrays([instants.cast(kind), pa.array(["x", "y"])], ["x", "y"]),
        d=pa.array([DAY, None], pa.date64()),
    )
    table = read_table(path)
    assert table.row(0) == ("up", AT, [AT], {"x": AT, "y": "x"}, DAY)
    assert table.schema["a"] == pl.Datetime("us", "UTC")
    assert read_table(path, ["text"])["text"].to_list() == ["up", "down"]
    assert capfd.readouterr().err == ""


def test_a_zone_that_polars_knows_is_kept(path: Path) -> None:
    import pyarrow as pa

    put(path, a=pa.array([AT], pa.timestamp("us", "UTC")).cast(pa.timestamp("us", "Asia/Kolkata")))
    assert read_table(path).schema["a"] == pl.Datetime("us", "Asia/Kolkata")


def test_rows_of_such_a_file_come_in_slices_that_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa

    n = 5000
    times = pa.array(range(n), pa.int64()).cast(pa.timestamp("us", "+05:30"))
    put(path, text=[f"text {i}" * 20 for i in range(n)], at=times)
    part = open_source(path).parts[0]
    assert part.parquet is not None
    monkeypatch.setattr(parquet_reader, "_SLICE_BYTES", 100_000)
    pieces = list(parquet_reader.parquet_pieces(path, part.identity, part.parquet, 4096, ["text", "at"]))
    assert max(piece.estimated_size() for piece in pieces) < 200_000
    assert pl.concat(pieces)["text"].to_list() == [f"text {i}" * 20 for i in range(n)]


FAR = [END, None, BEGINNING]
INT96 = {"use_deprecated_int96_timestamps": True}


def test_int96_reaches_to_the_year_9999(path: Path) -> None:
    import pyarrow as pa

    kind = pa.timestamp("us")
    put(
        path,
        a=pa.array(FAR, kind),
        b=pa.array([[at] for at in FAR], pa.list_(kind)),
        c=pa.array([{"x": at} for at in FAR], pa.struct([("x", kind)])),
        options=INT96,
    )
    assert read_table(path).rows() == [(at, [at], {"x": at}) for at in FAR]


def test_int96_finer_than_a_microsecond_is_kept(path: Path) -> None:
    import pyarrow as pa

    ticks = [1, None, -5, 1_700_000_000_000_000_123]
    put(path, a=pa.array(ticks, pa.timestamp("ns")), b=pa.array([*FAR, None], pa.timestamp("us")), options=INT96)
    table = read_table(path)
    assert table["a"].to_physical().to_list() == ticks
    assert table["b"].to_list() == [*FAR, None]


def test_int96_that_no_type_holds_stops_the_job_unless_it_is_left_out(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa

    put(path, a=pa.array([FAR[0]], pa.timestamp("us")), text=["x"], options=INT96)
    add = Int96Look.add

    def finer(self: Int96Look, name: str, in_us: Any, in_ns: Any) -> None:
        add(self, name, in_us, pa.array([in_ns[0].value + 1], in_ns.type))

    monkeypatch.setattr(Int96Look, "add", finer)  # as no library writes such a value
    with pytest.raises(InputError, match=r"'a' of .* holds 9999-12-31T23:59:59\.999999 as INT96") as caught:
        read_table(path)
    assert "--columns" in caught.value.hint
    assert read_table(path, ["text"])["text"].to_list() == ["x"]


def test_int96_beside_a_zone_that_polars_does_not_know(path: Path) -> None:
    import pyarrow as pa

    times = pa.array([AT], pa.timestamp("us", "UTC")).cast(pa.timestamp("us", "+05:30"))
    put(path, a=times, b=pa.array([FAR[0]], pa.timestamp("us")), options=INT96)
    assert read_table(path)["b"].to_list() == [FAR[0]]


@pytest.mark.parametrize("kind", ["binary", "large_binary", "binary_view", "fixed", "dictionary"])
def test_bytes_are_text_where_they_are_asked_for_as_text(path: Path, kind: str) -> None:
    import pyarrow as pa

    values = pa.array([b"up", None, "größe".encode()])
    if kind == "fixed":
        values = pa.array([b"up", None, b"do"], pa.binary(2))
    elif kind == "dictionary":
        values = values.dictionary_encode()
    elif kind != "binary":
        values = values.cast(getattr(pa, kind)())
    put(path, text=values, other=[b"\xff", b"", None])
    source = open_source(path).as_text(["text", None, "gone"])
    (window,) = source.windows(9, damaged="bad")
    assert source.schema == {"text": pl.String, "other": pl.Binary}
    assert window["text"].to_list() == ["up", None, "do" if kind == "fixed" else "größe"]
    assert window["other"].to_list() == [b"\xff", b"", None]
    assert window["bad"].to_list() == [[], [], []]


def test_bytes_that_are_not_text_are_told_like_those_of_a_csv(path: Path) -> None:
    source = open_source(put(path, text=[b"up", b"\xff"], by=[b"\xfe", b"x"])).as_text(["text", "by"])
    (window,) = source.windows(9, damaged="bad")
    assert window.rows() == [("up", "\ufffd", ["by"]), ("\ufffd", "x", ["text"])]
    with pytest.raises(InputError, match=r"The column 'text' of .* holds bytes that are not UTF-8"):
        list(source.windows(9, ["text"]))
