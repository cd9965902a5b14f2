"""Columns that are nested as deep as a format takes, and one level deeper."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore.errors import OutputError
from sentiscore.scoring.job_windows import Bounds
from sentiscore.scoring.plan import make_plan
from sentiscore.scoring.planned import JobRequest
from sentiscore.tables import check_target, open_source, read_table
from sentiscore.tables.limits import MAX_DEPTH
from sentiscore.tables.nesting import MAX_LEVELS, levels
from sentiscore.tables.sink import write_frame


def nested(kind: str, depth: int) -> Any:
    value: Any = "x"
    for level in range(depth):
        value = [value] if kind == "lists" or (kind == "both" and level % 2) else {"a": value}
    return value


def deepest(kind: str, suffix: str) -> int:
    """The most levels of ndjson that fit a format, by its own count."""
    fits = [
        depth
        for depth in range(MAX_DEPTH)
        if levels(pl.Series([nested(kind, depth)], strict=False).dtype, suffix) <= MAX_LEVELS
    ]
    return max(fits)


def source_of(tmp_path: Path, kind: str, depth: int) -> Path:
    path = tmp_path / "news.ndjson"
    path.write_text(json.dumps({"text": "up", "deep": nested(kind, depth)}) + "\n")
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".ndjson"])
@pytest.mark.parametrize("kind", ["lists", "objects", "both"])
def test_what_is_nested_as_deep_as_a_format_takes_comes_back(tmp_path: Path, kind: str, suffix: str) -> None:
    frame = read_table(source_of(tmp_path, kind, deepest(kind, suffix)))
    assert read_table(write_frame(frame, tmp_path / f"out{suffix}")).equals(frame)


@pytest.mark.parametrize("kind", ["lists", "objects", "both"])
def test_what_is_nested_deeper_is_refused_before_anything_is_scored(tmp_path: Path, kind: str) -> None:
    source = source_of(tmp_path, kind, deepest(kind, ".parquet") + 1)
    plan = {"between": lambda: None, "bounds": Bounds(10, 1000)}
    with pytest.raises(
        OutputError, match=r"\.parquet cannot hold the column deep \(nested .* most\)\.\nWrite \.ndjson"
    ):
        make_plan([source], JobRequest(text_col="text"), output=tmp_path / "out.parquet", **plan)  # type: ignore[arg-type]
    make_plan([source], JobRequest(text_col="text"), output=tmp_path / "out.ndjson", **plan)  # type: ignore[arg-type]
    assert open_source(source).rows == 1


@pytest.mark.parametrize(("depth", "way"), [(10, r"Write \.parquet, or leave"), (40, r"Write \.ndjson, or leave")])
def test_a_format_that_is_advised_holds_the_column(tmp_path: Path, depth: int, way: str) -> None:
    schema = pl.Schema({"deep": pl.Series([nested("lists", depth)], strict=False).dtype})
    with pytest.raises(OutputError, match=way):
        check_target(tmp_path / "out.csv", schema)


def test_no_format_is_advised_where_none_holds_the_columns(tmp_path: Path) -> None:
    deep = pl.Series([nested("lists", 40)], strict=False).dtype
    with pytest.raises(OutputError, match=r"\nLeave such columns out with --columns"):
        check_target(tmp_path / "out.csv", pl.Schema({"deep": deep, "bytes": pl.Binary()}))


def test_a_frame_that_is_nested_too_deep_for_a_line_is_refused(tmp_path: Path) -> None:
    frame = pl.DataFrame({"deep": pl.Series([None], dtype=pl.String)})
    for _ in range(MAX_DEPTH):
        frame = frame.select(pl.struct("deep").alias("deep"))
    with pytest.raises(OutputError, match=r"\.ndjson cannot hold the column deep \(nested 64 levels"):
        write_frame(frame, tmp_path / "out.ndjson")
