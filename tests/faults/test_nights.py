"""Nights in a row with a store of answers, 24 in `make test-all`: the model sees what is new, and nothing else."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore import Scorer, score_file
from sentiscore.engine.classifier import Classifier
from tests.effort import larger, share

NIGHTS = share(6, 24)
ROWS = 400
NEW = ROWS // 20


def night(number: int) -> pl.DataFrame:
    """The last 400 stories of a feed that gets twenty a day, some of them twice, some without a text."""
    stories = range(number * NEW, number * NEW + ROWS)
    texts = [None if i % 57 == 3 else f"shares of company {i - i % 7 % 2} fall by {i % 9} per cent" for i in stories]
    return pl.DataFrame({"id": stories, "headline": texts})


@larger
def test_each_night_the_model_sees_new_texts_only(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    run = Classifier.run

    def counted(self: Classifier, encoded: Any, *more: Any) -> Any:
        seen.append(encoded.lengths.size)
        return run(self, encoded, *more)

    monkeypatch.setattr(Classifier, "run", counted)
    scorer = Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32")
    source, output, cache = tmp_path / "news.parquet", tmp_path / "out.parquet", tmp_path / "answers"
    known: set[str] = set()
    for number in range(NIGHTS):
        frame = night(number)
        frame.write_parquet(source)
        texts = set(frame["headline"].drop_nulls())
        seen.clear()
        summary = score_file(source, text_col="headline", model=scorer, output=output, cache=cache)
        assert sum(seen) == summary.texts_scored == len(texts - known)
        assert summary.texts_known == len(texts & known)
        assert number == 0 or summary.texts_scored <= NEW
        known |= texts
        plain = score_file(source, text_col="headline", model=scorer, output=tmp_path / "plain.parquet")
        assert plain.texts_scored == len(texts)
        assert_frame_equal(pl.read_parquet(output), pl.read_parquet(tmp_path / "plain.parquet"), abs_tol=1e-6)


def test_the_same_rows_again_need_no_model_and_give_the_same_bytes(tiny_checkpoint: Path, tmp_path: Path) -> None:
    night(0).write_parquet(tmp_path / "news.parquet")
    settings: dict[str, Any] = {"text_col": "headline", "model": tiny_checkpoint, "cache": tmp_path / "answers"}
    score_file(tmp_path / "news.parquet", output=tmp_path / "first.csv", **settings)
    summary = score_file(tmp_path / "news.parquet", output=tmp_path / "second.csv", **settings)
    assert (summary.texts_scored, summary.texts_known) == (0, night(0)["headline"].drop_nulls().n_unique())
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "second.csv").read_bytes()
