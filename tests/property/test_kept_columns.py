"""What a job keeps of its input comes out as it went in, or the job says that it cannot."""

import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from polars.testing.parametric import dataframes

from sentiscore import Scorer, SentiscoreError, score_file
from tests.effort import examples

FEW = settings(max_examples=examples(25), deadline=None)


@pytest.fixture(scope="module")
def scorer(tiny_checkpoint: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32")


def refusal(scorer: Scorer, source: Path, output: Path) -> SentiscoreError | None:
    """Run a job; why it could not keep what was there, if it could not."""
    try:
        score_file(source, text_col="a text", model=scorer, output=output, csv_as_is=True)
    except SentiscoreError as error:
        return error
    return None


@FEW
@given(
    frame=dataframes(max_cols=5, min_size=1, max_size=15, allow_null=True, excluded_dtypes=[pl.Int128, pl.UInt128]),
    old_times=st.booleans(),
)
def test_columns_of_every_type_survive_from_parquet_to_parquet(
    scorer: Scorer, frame: pl.DataFrame, *, old_times: bool
) -> None:
    from pyarrow import parquet

    frame = frame.with_columns(pl.lit("up").alias("a text"))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.parquet"
        parquet.write_table(frame.to_arrow(), source, use_deprecated_int96_timestamps=old_times)
        written = parquet.read_table(source, coerce_int96_timestamp_unit="us")
        output = Path(folder) / "out.parquet"
        error = refusal(scorer, source, output)
        if error is not None:
            assert old_times  # times that no type holds
            assert "INT96" in error.message
            return
        found = pl.read_parquet(output).select(frame.columns)
    if not old_times:
        assert_frame_equal(found, frame, check_exact=True)
    else:
        instants = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
        for name in instants:
            as_us = pl.Series(pl.from_arrow(written[name])).cast(found[name].dtype).to_physical()
            assert (found[name].to_physical() - as_us).abs().max() in (None, *range(1000))


WHOLE = st.one_of(
    st.integers(-(2**63), 2**64 - 1), st.sampled_from([2**53 + 1, -(2**53) - 1, 2**63, 2**64 - 1, -(2**63)])
)


@FEW
@given(
    values=st.lists(st.none() | WHOLE, min_size=1, max_size=8),
    nested=st.lists(st.integers(2**63, 2**64 - 1), max_size=3),
    floats=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=3),
)
def test_numbers_survive_from_ndjson_to_ndjson_and_to_parquet(
    scorer: Scorer, values: list[int | None], nested: list[int], floats: list[float]
) -> None:
    rows: list[dict[str, Any]] = [
        {"a text": "up", "n": value, "s": {"n": nested}, "x": floats[i % len(floats)] + 0.0}
        for i, value in enumerate(values)
    ]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.ndjson"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        output = Path(folder) / "out.ndjson"
        assert refusal(scorer, source, output) is None
        found = [{name: line[name] for name in rows[0]} for line in map(json.loads, output.read_text().splitlines())]
        assert found == rows
        output = Path(folder) / "out.parquet"
        error = refusal(scorer, source, output)
        if error is not None:
            whole = [value for value in values if value is not None]
            assert max(whole) >= 2**63  # which no type of 64 bits holds beside a negative one
            assert min(whole) < 0
            assert " n (Int128)" in error.message
            return
        assert pl.read_parquet(output).select(list(rows[0])).to_dicts() == rows


@FEW
@given(frame=dataframes(max_cols=4, min_size=1, max_size=10, allow_null=True, excluded_dtypes=[pl.Int128, pl.UInt128]))
def test_a_column_of_any_type_is_written_as_text_or_refused_by_name(scorer: Scorer, frame: pl.DataFrame) -> None:
    frame = frame.with_columns(pl.lit("up").alias("a text"))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.parquet"
        frame.write_parquet(source)
        for ending in ("csv", "ndjson"):
            output = Path(folder) / f"out.{ending}"
            error = refusal(scorer, source, output)
            if error is not None:
                assert any(name in error.message for name in frame.columns)
                assert "--columns" in error.hint
                continue
            if ending == "ndjson":
                lines = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
                nulls = [[line[name] is None for name in frame.columns] for line in lines]
                assert nulls == [[value is None for value in row] for row in frame.rows()]
