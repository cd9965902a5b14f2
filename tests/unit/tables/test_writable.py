from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore.errors import OutputError
from sentiscore.tables import read_table, write_frame
from sentiscore.tables.writable import check_values

INFINITE = float("inf")
BEGINNING = datetime(1, 1, 1)  # noqa: DTZ001 - such columns have no zone
END = datetime(9999, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001


@pytest.mark.parametrize(
    "values",
    [
        [float("nan")],
        [None, INFINITE],
        [[1.0], None, [-INFINITE]],
        [{"x": 1.0, "y": [INFINITE]}],
    ],
)
def test_numbers_that_json_has_not_are_refused_and_named(tmp_path: Path, values: list[Any]) -> None:
    frame = pl.DataFrame({"n": [1] * len(values), "ratio": values})
    with pytest.raises(
        OutputError, match=r"\.ndjson cannot hold the value -?(inf|nan) of the column 'ratio'"
    ) as caught:
        write_frame(frame, tmp_path / "t.ndjson")
    assert "--columns" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
    assert read_table(write_frame(frame, tmp_path / "t.parquet")).equals(frame)


@pytest.mark.parametrize("ending", ["csv", "ndjson"])
@pytest.mark.parametrize("kind", [pl.Date, pl.Datetime("ms"), pl.Datetime("us"), pl.Datetime("us", "UTC")])
@pytest.mark.parametrize("sign", [1, -1])
def test_times_that_cannot_be_written_are_refused_and_named(
    tmp_path: Path, ending: str, kind: Any, sign: int, capfd: pytest.CaptureFixture[str]
) -> None:
    most = 2**31 - 1 if kind == pl.Date else 2**63 - 1
    frame = pl.DataFrame({"at": pl.Series([0, sign * most]).cast(pl.Int32 if kind == pl.Date else pl.Int64).cast(kind)})
    with pytest.raises(OutputError, match=f"cannot hold the value {sign * most} .* of the column 'at'"):
        write_frame(frame, tmp_path / f"t.{ending}")
    assert capfd.readouterr().err == ""
    assert read_table(write_frame(frame, tmp_path / "t.parquet")).equals(frame)


def test_times_of_every_year_of_the_calendar_are_written(tmp_path: Path) -> None:
    frame = pl.DataFrame({"day": [date.min, date.max], "at": [BEGINNING, END], "n": [0.5, -0.0]})
    assert read_table(write_frame(frame, tmp_path / "t.csv")).rows() == [
        ("0001-01-01", "0001-01-01T00:00:00.000000", "0.5"),
        ("9999-12-31", "9999-12-31T23:59:59.999999", "-0.0"),
    ]
    table = read_table(write_frame(frame, tmp_path / "t.ndjson"))
    assert table["day"].to_list() == ["0001-01-01", "9999-12-31"]


def test_whole_numbers_without_a_sign_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.ndjson"
    path.write_text('{"id": 18446744073709551615, "l": [{"n": 9223372036854775808}]}\n{"id": 1, "l": []}\n')
    table = read_table(path)
    assert table.schema == {"id": pl.UInt64, "l": pl.List(pl.Struct({"n": pl.UInt64}))}
    assert read_table(write_frame(table, tmp_path / "t.parquet")).equals(table)
    path.write_text('{"id": 9007199254740993}\n{"id": 9223372036854775808}\n')
    assert read_table(path)["id"].to_list() == [2**53 + 1, 2**63]
    path.write_text('{"id": 18446744073709551615}\n{"id": -1}\n')
    assert read_table(path).schema == {"id": pl.Int128}
    with pytest.raises(OutputError, match=r"\.parquet cannot hold the column id \(Int128\).\nWrite \.ndjson"):
        write_frame(read_table(path), tmp_path / "t.parquet")


def test_what_is_refused_at_once_names_the_column(tmp_path: Path) -> None:
    frame = pl.DataFrame({"raw": [b"\xff"], "took": [timedelta(1)]})
    with pytest.raises(OutputError, match="raw \\(Binary\\), took \\(Duration"):
        write_frame(frame, tmp_path / "t.csv")


@pytest.mark.parametrize("name", ["^a.*$", "*", "^$", ""])
def test_names_that_look_like_patterns_are_names(name: str, tmp_path: Path) -> None:
    numbers = pl.DataFrame({name: [0.5], "s": pl.Series([{name: 0.5}])})
    check_values(numbers, ".ndjson", no_number=True)
    write_frame(numbers, tmp_path / "a.ndjson")
    for frame in (pl.DataFrame({name: [float("nan")]}), pl.DataFrame({"s": pl.Series([{name: float("inf")}])})):
        with pytest.raises(OutputError, match="cannot hold the value"):
            check_values(frame, ".ndjson", no_number=True)
