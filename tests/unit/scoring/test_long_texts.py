"""Texts of some megabytes: they cost what is read of them, and a window holds few."""

import io
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pyarrow import parquet

from sentiscore import Scorer
from sentiscore.engine.tokenizer import TextEncoder
from sentiscore.scoring.memory_limit import window_limits
from sentiscore.tables.writers import HashedFile, ParquetWriter


@pytest.fixture(scope="module", params=["truncate", "windows"])
def scorer(tiny_checkpoint: Path, request: pytest.FixtureRequest) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32", max_length=8, overflow=request.param)


def test_a_long_text_is_cut_before_it_is_a_text_of_python_and_its_score_stays(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["good", "profit rises " * 1_000, "profit rises " * 999 + "up", "\U0001f600 loss " * 2_000]
    encode = TextEncoder.encode
    read: list[int] = []

    def watched(self: TextEncoder, given: list[str], mentions: None) -> object:
        read.extend(len(text) for text in given)
        return encode(self, given, mentions)

    monkeypatch.setattr(TextEncoder, "encode", watched)
    cut = scorer.score(texts)
    assert max(read) == 8 * 256 + 1
    monkeypatch.setattr(TextEncoder, "as_far_as_read", lambda _self, whole: whole)
    assert_frame_equal(cut, scorer.score(texts), check_exact=True)
    assert cut["status"].to_list() == (["ok"] + ["truncated"] * 3 if scorer.overflow == "truncate" else ["ok"] * 4)


def test_a_window_holds_eight_megabytes_of_text() -> None:
    assert window_limits(None)[1] == window_limits(1 << 40)[1] == 8 << 20


def test_columns_of_long_texts_have_no_statistics_and_others_have() -> None:
    def found(text: str) -> dict[str, bool]:
        raw = io.BytesIO()
        frame = pl.DataFrame({"text": [text, "b"], "ticker": ["A", "B"], "n": [1, 2]})
        writer = ParquetWriter(HashedFile(raw), frame)
        writer.write(frame)
        writer.finish({})
        group = parquet.ParquetFile(io.BytesIO(raw.getvalue())).metadata.row_group(0)
        columns = [group.column(i) for i in range(group.num_columns)]
        return {column.path_in_schema: column.is_stats_set for column in columns}

    assert found("x" * 4096) == {"text": True, "ticker": True, "n": True}
    assert found("x" * 4097) == {"text": False, "ticker": True, "n": True}
