"""The examples of docs/how-to/score-in-other-engines.md, run as they stand but for the model, where they can be."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore import Scorer
from tests.doc_blocks import blocks_of

GUIDE: Final = Path(__file__).parents[2] / "docs" / "how-to" / "score-in-other-engines.md"
ENGINES: Final = ("pyspark", "dask", "daft")


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_scores_partitions_as_the_guide_says(
    engine: str, tiny_checkpoint: Path, news: pl.DataFrame, tmp_path: Path
) -> None:
    if find_spec(engine) is None:
        pytest.skip(f"{engine} is not installed")
    if engine == "pyspark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    (code,) = [
        block.code for block in blocks_of(GUIDE) if f"import {engine}" in block.code or f"from {engine}" in block.code
    ]
    assert "from_pretrained()" in code
    news.write_parquet(tmp_path / "news.parquet")
    (tmp_path / "example.py").write_text(
        code.replace("from_pretrained()", f"from_pretrained({str(tiny_checkpoint)!r})")
    )
    done = subprocess.run(
        [sys.executable, "example.py"],
        cwd=tmp_path,
        env=os.environ | {"PYSPARK_PYTHON": sys.executable, "DAFT_PROGRESS_BAR": "0", "SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = pl.concat([pl.read_parquet(part) for part in sorted((tmp_path / "scored").glob("*.parquet"))])
    wanted = Scorer.from_pretrained(tiny_checkpoint).score_frame(news, text_col="headline")
    assert found.columns == wanted.columns
    assert_frame_equal(found.sort("published_at"), wanted.sort("published_at"), check_dtypes=False, abs_tol=1e-5)


def test_the_guide_has_one_example_for_each_engine() -> None:
    assert len([block for block in blocks_of(GUIDE) if block.language == "python"]) == len(ENGINES)
