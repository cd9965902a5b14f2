"""The offset of a parquet time column decides what is midnight, also where polars does not know it."""

import warnings
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore import Scorer, score_file
from sentiscore.errors import SentiscoreWarning
from sentiscore.nightly.daily_file import daily_file
from sentiscore.tables import open_source, read_table
from tests.conftest import TEXTS

MONDAY = date(2024, 1, 8)
HERE = datetime(2024, 1, 5, tzinfo=UTC)


def put(path: Path, zone: str, minutes: int, **more: Any) -> Path:
    """Twelve midnights of 2024-01-05 at an offset, with the type that pyarrow has for it."""
    import pyarrow as pa
    from pyarrow import parquet

    instants = pa.array([HERE - timedelta(minutes=minutes)] * 12, pa.timestamp("us", "UTC"))
    columns = {name: [value] * 12 for name, value in more.items()}
    parquet.write_table(pa.table({"at": instants.cast(pa.timestamp("us", zone)), **columns}), path)
    return path


SCORES = {"sentiment": 0.5, "label": "positive", "status": "ok"}
OFFSETS = [("+05:30", 330), ("+05:45", 345), ("-03:30", -210), ("UTC+05:30", 330), ("+0530", 330), ("+05:00", 300)]


def days(path: Path, **more: Any) -> list[date]:
    frame = read_table(daily_file(path, time_col="at", calendar="XNYS", **more).output)
    return frame.filter(pl.col("n_docs") > 0)["ds"].to_list()


@pytest.mark.parametrize(("zone", "minutes"), OFFSETS)
def test_midnights_of_a_fixed_offset_are_dates(tmp_path: Path, zone: str, minutes: int) -> None:
    path = put(tmp_path / "s.parquet", zone, minutes, **SCORES)
    with pytest.warns(SentiscoreWarning, match="12 of 12 times are midnight"):
        assert days(path) == [MONDAY]
    assert days(path, midnight="date") == [MONDAY]


def test_instants_of_a_fixed_offset_stay_the_same(tmp_path: Path) -> None:
    path = put(tmp_path / "s.parquet", "+05:30", 330, **SCORES)
    assert days(path, midnight="instant") == [date(2024, 1, 4)]


def test_a_zone_that_does_not_exist_is_named(tmp_path: Path) -> None:
    path = put(tmp_path / "s.parquet", "Eastern Standard Time", -300, **SCORES)
    with pytest.warns(SentiscoreWarning, match=r"'at' of .* zone 'Eastern Standard Time', which does not exist"):
        assert days(path, midnight="instant") == [date(2024, 1, 5)]


@pytest.mark.parametrize("format_", ["parquet", "csv", "ndjson"])
def test_scored_rows_keep_the_offset(tiny_checkpoint: Path, tmp_path: Path, format_: str) -> None:
    path = put(tmp_path / "news.parquet", "+05:30", 330, headline=TEXTS[0])
    model = Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32")
    output = tmp_path / f"scored.{format_}"
    score_file(path, text_col="headline", model=model, output=output)
    assert days(output, midnight="date") == [MONDAY]


def test_times_beyond_what_iso_8601_writes_are_in_utc(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    times = [datetime(9999, 12, 31, 23, 59, tzinfo=UTC), None, datetime(2024, 1, 5, 0, 0, 0, 5, tzinfo=UTC)]
    column = pa.array(times, pa.timestamp("us", "UTC")).cast(pa.timestamp("us", "+05:30"))
    parquet.write_table(pa.table({"at": column}), tmp_path / "t.parquet")
    found = next(open_source(tmp_path / "t.parquet").with_offsets().windows(10))["at"].to_list()
    assert found == ["9999-12-31T23:59:00+00:00", None, "2024-01-05T05:30:00.000005+05:30"]


def test_other_columns_of_such_a_zone_do_not_warn(tmp_path: Path) -> None:
    path = put(tmp_path / "t.parquet", "Foo/Bar", 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_source(path).with_offsets(time="other").schema["at"] == pl.Datetime("us", "UTC")
