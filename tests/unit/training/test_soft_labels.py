from pathlib import Path

import polars as pl
import pytest

from sentiscore.training import soft_labels


def test_kept_soft_labels_are_those_of_the_file_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soft_labels, "ask", lambda _, texts, *__: pl.DataFrame({"text": texts}))
    for name, text in [("a2.parquet", "of another"), ("a[2].parquet", "of this")]:
        soft_labels.ask_once([], [text], tmp_path / name)
    monkeypatch.delattr(soft_labels, "ask")
    assert soft_labels.ask_once([], ["of this"], tmp_path / "a[2].parquet")["text"].to_list() == ["of this"]
